#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What the backend's answer ends: a logout its token or session, a change of
# the password all older tokens of the user, but not the one it hands out.

use v5.30;
use warnings;

use JSON::PP qw(encode_json);
use Test::More;

use Tradesec::Test qw(config_accepted config_refused);
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    workers    => 2,
    access_log => '$uri $tradesec_reason',
    http       => join('', "tradesec_zone zone=state:1m;\n",
        provider('portal', 'issuer https://idp.test;', 'max_lifetime 2h;')),
    server => <<~'CONF',
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal cookie=token;

        location / { proxy_pass http://%%BACKEND%%; }
        location /bearer/ { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }

        location = /logout {
            tradesec_revoke token clear=token clear=csrf clear_site_data;
            proxy_pass http://%%BACKEND%%;
        }
        location = /session { tradesec_revoke session;
            proxy_pass http://%%BACKEND%%; }
        location = /password { tradesec_revoke user success=204;
            proxy_pass http://%%BACKEND%%; }
        location ~ ^/users/(?<whom>[^/]+)/lock$ {
            tradesec_require role=admin;
            tradesec_revoke user name=$whom success=204;
            proxy_pass http://%%BACKEND%%;
        }
        location = /users/lock {
            tradesec_revoke user name=$arg_whom success=204;
            proxy_pass http://%%BACKEND%%;
        }
        location = /dry { tradesec_dry_run jwt;
            proxy_pass http://%%BACKEND%%; }
        location = /page {
            error_page 404 = @found;
            proxy_intercept_errors on;
            tradesec_revoke token;
            proxy_pass http://%%BACKEND%%;
        }
        location @found { proxy_pass http://%%BACKEND%%; }
        CONF
);

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;

sub get {
    my ($token, $uri, @fields) = @_;

    return $t->get($uri // '/', Cookie => "token=$token", @fields);
}

sub post {
    my ($token, $uri, $answer) = @_;

    return $t->request(POST => $uri, 'x=1', Cookie => "token=$token",
        'X-Test-Answer' => ref $answer ? encode_json($answer)
            : encode_json({ status => $answer }));
}

sub statuses {
    my ($token) = @_;

    my %seen = map { get($token)->status => 1 } 1 .. 8;

    return join ' ', sort keys %seen;
}

sub fresh {
    my (%claims) = @_;

    state $n = 0;

    return token({ jti => 'id-' . $n++, %claims });
}

# logout

my ($one, $two) = (fresh(), fresh());

is(statuses($_), 200, 'a token') for $one, $two;

my $r = post($one, '/logout', 200);
is($r->status, 200, 'logout passes');
is($r->header('Clear-Site-Data'), '"cache", "cookies", "storage"',
    'and asks the browser to forget');
is(scalar(grep {/^(?:token|csrf)=; Path=\/; Max-Age=0/} $r->headers('Set-Cookie')),
    2, 'cookies are cleared');
$backend->clear;
is(statuses($one), 401, 'the token is revoked, in every worker');
is($backend->count, 0, 'and never reaches the backend');
ok($t->access_logged(qr{^/ jwt_revoked$}m), 'reason jwt_revoked');
is(statuses($two), 200, 'the other token of the user is not');
is($t->get('/bearer/', Authorization => "Bearer $one")->status, 401,
    'nor is it good at another place');
is(get($one, '/logout')->status, 401, 'nor for another logout');

is(get($two, '/logout')->status, 200, 'logout by GET');
is(statuses($two), 401, 'does the same');

# answers that are no logout

for my $status (400, 401, 403, 404, 500, 502) {
    my $token = fresh();
    $r = post($token, '/logout', $status);
    is($r->header('Clear-Site-Data'), undef, "$status clears nothing");
    is(get($token)->status, 200, "$status revokes nothing");
}

my $kept = fresh();
is(post($kept, '/logout', { close => 1 })->status, 502, 'no answer');
is(get($kept)->status, 200, 'revokes nothing');
$t->allow_logged(qr/upstream prematurely closed connection/);

is(post($kept, '/logout', 302)->status, 302, 'a redirect');
is(get($kept)->status, 401, 'is a logout');

# what the upstream answered counts, not what nginx made of it

my $hidden = fresh();
is($t->request(POST => '/page', 'x', Cookie => "token=$hidden",
    'X-Test-Answer' => '{"status":404}')->status, 404, 'an intercepted error');
is(get($hidden)->status, 200, 'revokes nothing');

# the same token in another spelling, without an id

my %nameless = (iat => time - 1, exp => time + 600);
my $nameless = token(\%nameless);
my ($head, $body, $sign) = split /\./, $nameless;
my $resigned;

# the members of the header are in any order

do { $resigned = token(\%nameless) } until $resigned =~ /^\Q$head.$body\E\./;

is(get($nameless)->status, 200, 'a token without jti');
is(post($nameless, '/logout', 200)->status, 200, 'logout');
is(statuses($nameless), 401, 'it is revoked');
isnt(get("$head.$body.$sign=")->status, 200, 'with padding');
isnt(get("$head.$body.$sign.")->status, 200, 'with a dot');
isnt(get("$head=.$body.$sign")->status, 200, 'padded in front');

isnt($resigned, $nameless, 'another signature of the same content');
is(get($resigned)->status, 401, 'is the same token');

# an account that somebody else locks, as a back office does

{
    my $admin = fresh(sub => 'root', role => 'admin');
    my %of = map { $_ => fresh(sub => $_) } qw(trudy Trudy trud root);
    my $age = { iat => time - 30 };
    my $old = fresh(sub => 'trudy', %$age);

    is(post($of{root}, '/users/trudy/lock', 204)->status, 403,
        'account lock: only by administrators');
    is(post($admin, '/users/trudy/lock', 409)->status, 409,
        'account lock: which the backend refuses');
    is(statuses($old), 200, 'account lock: revokes nobody');
    is(get($admin, '/users/trudy/lock')->status, 200, 'account lock: the form');
    is(statuses($old), 200, 'account lock: revokes nobody');

    is(post($admin, '/users/trudy/lock', 204)->status, 204, 'account lock');
    is(statuses($_), 401, 'account lock: the user is out')
        for $old, $of{trudy};
    is(statuses($of{$_}), 200, "account lock: $_ is another user")
        for qw(Trudy trud root);
    is(statuses($admin), 200, 'account lock: not who has locked it');
    ok($t->logged(qr/another user revoked .* for 1 of 1 providers/),
        'account lock: the log says so');

    is(post($admin, '/users/Trud%79/lock', 204)->status, 204,
        'account lock: an escaped name');
    is(statuses($of{Trudy}), 401, 'account lock: is that user');

    $t->allow_logged(qr/"name=" is empty/);
    is(post($admin, '/users/lock', 204)->status, 204, 'account lock: no name');
    ok($t->logged(qr/nobody is revoked .*"name=" is empty/),
        'account lock: the log says so');
    is(statuses($admin), 200, 'account lock: revokes nobody');
}

# sessions

my ($s1, $s2, $s3) = (fresh(sid => 'one'), fresh(sid => 'one'),
    fresh(sid => 'two'));

is(post($s1, '/session', 200)->status, 200, 'the session ends');
is(statuses($_), 401, 'with all its tokens') for $s1, $s2;
is(statuses($s3), 200, 'another session goes on');

my $lone = fresh();
is(post($lone, '/session', 200)->status, 200, 'a token without a session');
is(statuses($lone), 401, 'is revoked by itself');
$t->allow_logged(qr/the token names no session/);

# a change of the password

my %bob  = (sub => 'bob');
my @old  = (fresh(%bob, iat => time - 60), fresh(%bob, iat => time - 1),
    fresh(%bob));
my $next = fresh(%bob, iat => time);
my $eve  = fresh(sub => 'eve');

is(get($old[0], '/password')->status, 200, 'the form is shown');
is(post($old[0], '/password', 200)->status, 200, 'a wrong password');
is(statuses($_), 200, 'revokes nothing') for @old;

$r = post($old[0], '/password', { status => 204, headers => [
    'Set-Cookie' => 'theme=dark',
    'Set-Cookie' => "token=$next; Path=/; HttpOnly",
    'Set-Cookie' => "token2=$old[2]",
] });
is($r->status, 204, 'the password is changed');
is(statuses($_), 401, 'every older token is revoked') for @old;
is(statuses($next), 200, 'the one of this very answer is not');
is(statuses($eve), 200, 'nor is another user\'s');
is(statuses(fresh(%bob, iat => time + 2)), 200, 'nor a later one');
is(statuses(fresh(%bob, iat => time - 30)), 401, 'one issued before is');

is(post($next, '/password', 204)->status, 204, 'and once more');
is(statuses($next), 401, 'now the next one is an older one');

# an answer cannot exempt what is not a token of that user

my %carol = (sub => 'carol');
my $carol = fresh(%carol);
my $forged = fresh(%carol) =~ s/\.[^.]*$/'.' . 'A' x 86/er;
my $expired = fresh(%carol, exp => time - 1);
my $other = fresh(sub => 'dave');

is(post($carol, '/password', { status => 204, headers => [ map {
    ('Set-Cookie' => "token=$_") } $carol, $forged, $expired, $other,
    '', 'x', 'x' x 900 ] })->status, 204, 'an answer with odd cookies');
is(statuses($carol), 401, 'the old token, set again, stays revoked');
is(get($_)->status, 401, 'nothing else becomes good') for $forged, $expired;

# a flood of logouts evicts nobody

my $victim = fresh(sub => 'victim');
is(post($victim, '/logout', 200)->status, 200, 'the victim logs out');
my @flood = map { fresh(sub => 'mallory', iat => time) } 1 .. 400;
my $c = $t->client(keepalive => 1)->connect;
my %flood;

for my $token (@flood) {
    $flood{ $c->request(POST => '/logout', 'x', Cookie => "token=$token")
        ->status }++;
}

is_deeply([ sort keys %flood ], [200], 'four hundred logouts');
is(statuses($victim), 401, 'the victim\'s token stays revoked');
is(get($flood[$_])->status, 401, "and the $_. of them") for 0, 200, 399;
is(statuses(fresh(sub => 'bystander')), 200, 'nobody else is logged out');

# configuration

my $ok = sub {
    my ($lines, $provider) = @_;

    return {
        http => join('', 'tradesec_zone zone=z:1m;',
            provider('p', $provider // 'max_lifetime 1h;',
                'secret_file %%TOP%%/LICENSE;', 'algorithms HS256;')),
        server => "tradesec on; location / { $lines }",
    };
};

config_accepted($ok->('tradesec_jwt p; tradesec_revoke user success=204;'),
    'by user');
config_accepted($ok->('tradesec_jwt p; tradesec_revoke token;', 'leeway 0;'),
    'tokens without a known lifetime by themselves');
config_accepted($ok->('tradesec_jwt p; tradesec_revoke session;',
    'lifetime 5m;'), 'sessions, with lifetime');
config_accepted($ok->('tradesec_jwt p; tradesec_revoke user success=204'
    . ' name=$arg_user;', 'lifetime 5m;'), 'another user');

for my $case (
    [ 'tradesec_revoke session name=$arg_user;',
        qr/invalid parameter "name=\$arg_user"/ ],
    [ 'tradesec_revoke user success=204 name=;', qr/invalid parameter "name="/ ],
    [ 'tradesec_revoke user success=204 name=$a name=$b;',
        qr/invalid parameter "name=\$b"|unknown "a" variable/ ],
    [ 'tradesec_revoke token; tradesec_refresh token=cookie:r;',
        qr/"tradesec_revoke" and "tradesec_refresh" exclude each other/ ],
) {
    config_refused($ok->("tradesec_jwt p; $case->[0]", 'lifetime 5m;'),
        $case->[1], "refused: $case->[0]");
}

for my $case (
    [ 'tradesec_revoke token;', qr/revokes nothing without "tradesec_jwt"/ ],
    [ 'tradesec_jwt p; tradesec_revoke;', qr/number of arguments/ ],
    [ 'tradesec_jwt p; tradesec_revoke tokn;', qr/did you mean "token"/ ],
    [ 'tradesec_jwt p; tradesec_revoke token off;',
        qr/invalid parameter "off"/ ],
    [ 'tradesec_jwt p; tradesec_revoke token sucess=2xx;',
        qr/did you mean "success="/ ],
    [ 'tradesec_jwt p; tradesec_revoke token success=abc;',
        qr/invalid statuses/ ],
    [ 'tradesec_jwt p; tradesec_revoke token clear=a=b;',
        qr/invalid cookie name/ ],
    [ 'tradesec_jwt p; tradesec_revoke user;', qr/must say which answer/ ],
    [ 'tradesec_jwt p; tradesec_revoke token; tradesec_revoke token;',
        qr/is duplicate/ ],
    [ 'tradesec_jwt p; tradesec_revoke user success=204;',
        qr/"max_lifetime" or "lifetime"/, 'leeway 0;' ],
    [ 'tradesec_jwt p; tradesec_revoke token;
        tradesec_login account=none success=status:200;',
        qr/exclude each other/ ],
    )
{
    my ($lines, $why, $provider) = @$case;

    config_refused($ok->($lines, $provider), $why, $lines =~ s/\s+/ /gr);
}

done_testing();
