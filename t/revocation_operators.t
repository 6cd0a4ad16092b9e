#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Operators revoke tokens, sessions, users and everything; every worker knows
# at once, also of tokens that it has verified before.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use Tradesec::Test qw(config_refused);
use Tradesec::Test::Token qw(jwks provider token);


my @PORTAL = ('issuer https://idp.test;', 'max_lifetime 2h;',
    'header X-User sub;');

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    workers    => 2,
    access_log => '$uri $tradesec_reason $tradesec_user',
    http       => join('', "tradesec_zone zone=state:1m;\n",
        provider('portal', @PORTAL, 'audience portal;'),
        provider('twin', @PORTAL, 'leeway 1s;'),
        provider('other', 'issuer https://other.test;', 'lifetime 2h;')),
    server => <<~'CONF',
        tradesec on;

        location / { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }
        location /twin/ { tradesec_jwt twin; proxy_pass http://%%BACKEND%%; }
        location /both/ {
            tradesec_jwt portal twin;
            proxy_pass http://%%BACKEND%%;
        }
        location /other/ { tradesec_jwt other; proxy_pass http://%%BACKEND%%; }
        location = /operators { tradesec_revocations allow=127.0.0.1; }
        location = /nobody { tradesec_revocations allow=192.0.2.0/24; }
        location = /any { tradesec_origin off;
            tradesec_revocations allow=127.0.0.1; }
        location = /trial { tradesec_dry_run on;
            tradesec_revocations allow=127.0.0.1; }
        location = /off { tradesec off;
            tradesec_revocations allow=127.0.0.1; }
        CONF
);

$t->write_file("$_.jwks", jwks()) for qw(portal twin other endless);
$t->start;

my $backend = $t->backend;

sub status {
    my ($token, $uri) = @_;

    return $t->get($uri // '/', Authorization => "Bearer $token")->status;
}

# In each worker, most likely.

sub statuses {
    my ($token, $uri) = @_;

    my %seen = map { status($token, $uri) => 1 } 1 .. 8;

    return join ' ', sort keys %seen;
}

sub revoke { return $t->post('/operators', $_[0], @_[1 .. $#_]) }

sub list { return decode_json($t->get('/operators')->body) }

# by id

my %token = map { $_ => token({ jti => $_, sid => "s-$_" }) } qw(a b c);

is(statuses($token{$_}), 200, "token $_ is good") for sort keys %token;

is(revoke('jti=a&provider=portal')->status, 200, 'a is revoked by its id');
is(statuses($token{a}), 401, 'in every worker, at once');
ok($t->access_logged(qr{^/ jwt_revoked $}m), 'reason jwt_revoked, no user');
is(statuses($token{b}), 200, 'b is still good');
is(statuses(token({ jti => 'a', sub => 'bob' })), 401,
    'the id is what counts, whatever else the token says');

my $refused = $t->get('/', Authorization => "Bearer $token{a}");
my $tampered = $t->get('/',
    Authorization => 'Bearer ' . ($token{a} =~ s/(.)$/$1 eq 'A' ? 'Q' : 'A'/er));
is($refused->body =~ s/"request_id":"\w+"//r,
    $tampered->body =~ s/"request_id":"\w+"//r, 'the body tells nothing');
is($refused->header('WWW-Authenticate'), $tampered->header('WWW-Authenticate'),
    'nor does the challenge');

is(status($token{a}, '/twin/x'), 401,
    'another provider of that issuer knows it, too');
is(status($token{a}, '/both/x'), 401, 'and none of several accepts it');
is(status($token{b}, '/both/x'), 200, 'which accept the others');

# by session

is(revoke('session=s-b')->status, 200, 'the session of b is revoked');
is(statuses($token{b}), 401, 'with the token');
is(status(token({ jti => 'b2', sid => 's-b', iat => time + 5 })), 401,
    'with what it gets later');
is(statuses($token{c}), 200, 'c is still good');

# by user

my $now = time;
my ($old, $new, $bob) = (token({ iat => $now - 5, jti => 'o' }),
    token({ iat => $now + 30, jti => 'n' }), token({ sub => 'bob' }));

is(statuses($old), 200, 'an old token of alice');
$backend->clear;
is(revoke('user=alice')->status, 200, 'alice is revoked');
is(statuses($old), 401, 'the old token is refused');
is(statuses($token{c}), 401, 'all of them are');
is($backend->count, 0, 'and never reaches the backend');
is(statuses($new), 200, 'a later one is good');
is(statuses($bob), 200, 'bob is another user');
is(status(token({ sub => 'Alice' })), 200, 'so is Alice');
is(status(token({ iss => 'https://other.test', iat => $now }), '/other/x'),
    401, 'every issuer has an alice');

# inclusive: what was issued in the second of the revocation

my $list = list();
ok($list->{entries} > 3, 'the list has entries');

my $at = time;
revoke('user=carol');
my $after = time;
is(status(token({ sub => 'carol', iat => $at })), 401,
    'issued in that second: refused');
is(status(token({ sub => 'carol', iat => $after + 2 })), 200,
    'two seconds later: good');
is(status(token({ sub => 'carol', iat => $at + 0.9 })), 401,
    'fractions of a second belong to it');

# one issuer only

is(revoke('user=dave&provider=other')->status, 200, 'dave of another issuer');
is(status(token({ sub => 'dave' })), 200, 'is not ours');
is(status(token({ sub => 'dave', iss => 'https://other.test', iat => $now }),
    '/other/x'), 401, 'but theirs');

# without iat, by the lifetime of the provider

my %none = (iat => undef, iss => 'https://other.test', sub => 'erin');

is(status(token({ %none, exp => $now + 600 }), '/other/x'), 200,
    'a token without iat');
is(status(token({ %none, exp => time + 3 * 3600 }), '/other/x'), 401,
    'that lives longer than "lifetime" is none');
ok($t->access_logged(qr{^/other/x jwt_lifetime }m), 'reason jwt_lifetime');
is(revoke('user=erin&provider=other')->status, 200, 'its user is revoked');
is(status(token({ %none, exp => $now + 601 }), '/other/x'), 401,
    'it was issued "lifetime" before exp');
is(status(token({ %none, exp => time + 7210 }), '/other/x'), 200,
    'and a later one after that');

# everything

is(status($bob), 200, 'bob is good');
is(revoke('all=on&provider=portal')->status, 200, 'all of an issuer');
is(statuses($bob), 401, 'bob is not any more');
is(statuses($new), 200, 'what is issued later is');
is(status(token({ sub => 'x', iss => 'https://other.test' }), '/other/x'), 200,
    'another issuer is not meant');

# orders that are none

for my $order ('', 'user=', 'users=x', 'user=a&user=b', 'user=a&session=b',
    'all=yes', 'all=', 'user=%00%', 'freeze=maybe', 'provider=portal',
    '{"user":"x"}', 'user=' . 'x' x 1025)
{
    is(revoke($order)->status, 400, 'no order: ' . substr $order, 0, 20);
}

is(revoke('user=x&provider=nobody')->status, 404, 'an unknown provider');
is(revoke('user=' . 'x' x 9000)->status, 413, 'an order of 9 KB');
is($t->request(PUT => '/operators', 'user=x')->status, 405, 'PUT');

# who may

is($t->get('/nobody')->status, 403, 'GET from another address');
is($t->post('/nobody', 'user=x')->status, 403, 'POST from another address');
is($t->post('/nobody', 'user=x', 'X-Forwarded-For' => '192.0.2.1')->status,
    403, 'whatever it says of itself');
$t->allow_logged(qr/"tradesec_revocations" is not for this client/);
is(revoke('user=x', Origin => 'https://evil.test')->status, 403,
    'a page of another site in an operator\'s browser');
is(revoke('user=gina', Origin => undef)->status, 200, 'a script');

for my $uri (qw(/any /trial /off)) {
    is($t->post($uri, 'freeze=on', Origin => 'https://evil.test')->status, 403,
        "such a page at $uri");
    is($t->post($uri, 'freeze=on', Origin => 'null')->status, 403,
        '... in a frame without an origin');
    is($t->post($uri, 'freeze=on', 'Sec-Fetch-Site' => 'cross-site')->status,
        403, '... that hides it');
    is($t->post($uri, 'freeze=off')->status, 200, '... a script');
}

is(list()->{frozen}, 0, 'nobody has frozen anything');
$t->not_logged(qr/an operator has frozen/, 'says the log');

ok($t->logged(qr/an operator has revoked: "user"/), 'the log tells');
$t->not_logged(qr/gina|alice/, 'but not whom');

# configuration

for my $case (
    [ 'nobody named', 'tradesec_revocations;', qr/must say whom it is for/ ],
    [ 'misspelt', 'tradesec_revocations alow=127.0.0.1;',
        qr/did you mean "allow="/ ],
    [ 'no address', 'tradesec_revocations allow=localhost;',
        qr/invalid address in "allow=localhost"/ ],
    [ 'twice', 'tradesec_revocations allow=::1; tradesec_revocations allow=::1;',
        qr/is duplicate/ ],
    )
{
    my ($name, $lines, $why) = @$case;

    config_refused({
        http   => 'tradesec_zone zone=z:1m;',
        server => "location / { $lines }",
    }, $why, $name);
}

config_refused('location / { tradesec_revocations allow=unix:; }',
    qr/"tradesec_revocations" needs "tradesec_zone"/, 'no zone');

# where a provider does not say how long its tokens live

$t->configure(http => $t->{http}
    . provider('endless', 'issuer https://endless.test;'));
ok($t->reload, 'reload with a provider of endless tokens');
is(revoke('user=x&provider=endless')->status, 409, 'it cannot be revoked for');
is(revoke('user=henry')->status, 409, 'which an order for all is told');
is(status(token({ sub => 'henry', iat => time - 9 })), 401,
    'and carried out where it can');
$t->allow_logged(qr/not revoked for 1 of \d providers/);

done_testing();
