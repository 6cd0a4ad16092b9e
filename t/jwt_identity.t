#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Who the backend is told that the caller is: only what the gateway verified,
# for this location, and nothing that a client sent under the same name.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend => {
        '/redirect/' =>
            { headers => [ [ 'X-Accel-Redirect' => '/open/accel' ] ] },
        '/redirect/guarded' =>
            { headers => [ [ 'X-Accel-Redirect' => '/other/accel' ] ] },
        '/fails/' => { status => 500 },
    },
    stopped    => 1,
    access_log => '$tradesec_user|$tradesec_claim_role|$tradesec_claim_none|'
        . '$tradesec_claim_realm_access',
    http => join('',
        provider('portal', 'user_claim /identity/u;',
            'header X-User-Id /identity/u;', 'header X-Roles roles;'),
        provider('other', 'header X-Other sub;'),
        <<~'CONF'),
            limit_req_zone $tradesec_user zone=users:1m rate=1r/m;
            underscores_in_headers on;
            ignore_invalid_headers off;
        CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_jwt portal;
        tradesec_methods GET POST;

        location / { proxy_pass http://%%BACKEND%%; }
        location /off/ { tradesec off; proxy_pass http://%%BACKEND%%; }
        location /open/ { tradesec_jwt off; proxy_pass http://%%BACKEND%%; }
        location /other/ { tradesec_jwt other; proxy_pass http://%%BACKEND%%; }

        location /set/ {
            proxy_set_header X-Set $tradesec_user;
            proxy_set_header X-Sent $http_x_user_id;
            proxy_pass http://%%BACKEND%%;
        }

        location /rewritten/ {
            set $who $tradesec_user;
            add_header X-Who $who;
            proxy_pass http://%%BACKEND%%;
        }

        location /limited/ {
            limit_req zone=users;
            proxy_pass http://%%BACKEND%%;
        }

        location /page/ {
            error_page 401 405 /page-itself/;
            proxy_pass http://%%BACKEND%%;
        }
        location /page-itself/ {
            proxy_set_header X-Set $tradesec_user;
            proxy_method GET;
            proxy_pass http://%%BACKEND%%;
        }

        location /fails/ {
            proxy_intercept_errors on;
            error_page 500 /open/failed;
            proxy_pass http://%%BACKEND%%;
        }

        error_page 400 @unread;
        error_page 501 /off/unread;
        location @unread {
            tradesec_jwt portal cookie=access_token bearer query=token;
            proxy_pass http://%%BACKEND%%;
        }

        location /dry/ {
            tradesec_dry_run on;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file("$_.jwks", jwks()) for qw(portal other);
$t->start;

my $backend = $t->backend;

my %alice = (
    identity => { u => 'alice' },
    roles    => [ 'trader', 'auditor' ],
    role     => 'trader',
);

my @alice = (Authorization => 'Bearer ' . token(\%alice));
my @bob   = (Authorization => 'Bearer '
        . token({ identity => { u => 'bob' }, roles => undef }));

# every header that a backend could take for one of the gateway's

my @twins = map { ($_ => 'admin') } qw(X-User-Id x-user-id X-USER-ID X_User_Id
    X.User.Id x_user-id X-Roles X_ROLES X-Other x_other);

sub seen {
    my ($title, $want, $uri, @headers) = @_;

    $backend->clear;
    $t->clear_logs;

    my $r = $t->get($uri, @headers);

    my %seen;

    for ($backend->last ? $backend->last->fields : ()) {
        my ($name, $value) = @$_;

        push @{ $seen{ lc $name =~ s/[^a-z]/-/gir } }, $value
            if $name =~ /^x.(user.id|roles|other|set|sent)$/i;
    }

    is_deeply({ map { $_ => "@{ $seen{$_} }" } keys %seen }, $want, $title);

    return $r;
}

seen('the gateway\'s own headers',
    { 'x-user-id' => 'alice', 'x-roles' => 'trader,auditor' }, '/', @alice);
seen('replace those of the client',
    { 'x-user-id' => 'alice', 'x-roles' => 'trader,auditor' }, '/', @alice,
    @twins);
seen('also where the claim is missing', { 'x-user-id' => 'bob' }, '/', @bob,
    @twins);

for my $uri ('/off/', '/open/') {
    seen("nothing of the client in $uri", {}, $uri, @alice, @twins);
    seen("a header of another name in $uri stays", { 'x-set' => '1' }, $uri,
        'X-Set' => 1);
}

seen('the other provider has its own', { 'x-other' => 'alice' }, '/other/',
    @alice, @twins);
seen('$http_ variables see the gateway\'s', {
        'x-user-id' => 'alice', 'x-roles' => 'trader,auditor',
        'x-set'     => 'alice', 'x-sent'  => 'alice',
    }, '/set/', @alice, @twins);
seen('dry run: the client\'s are gone too', {}, '/dry/', @twins);
seen('dry run: a good token counts',
    { 'x-user-id' => 'alice', 'x-roles' => 'trader,auditor' }, '/dry/', @alice,
    @twins);

# internal redirects

seen('X-Accel-Redirect to a location that asks for no token',
    {}, '/redirect/', @alice);
seen('X-Accel-Redirect to another provider', { 'x-other' => 'alice' },
    '/redirect/guarded', @alice);
seen('error_page of the backend\'s answer', {}, '/fails/', @alice);
is($backend->last->uri, '/open/failed', 'which was asked');

# the page of a refusal

my $r = seen('refused: its page has no user', {}, '/page/', @twins);
is($r->status, 401, 'refused');
is($backend->last->uri, '/page-itself/', 'the page was asked');

$backend->clear;
$r = $t->request('DELETE', '/page/', undef, @alice, @twins);
is($r->status, 405, 'refused by another guard');
is_deeply([ grep { $_->[0] =~ /^x.(user|roles|set)/i }
        $backend->last->fields ], [], 'its page has no user either');

# what nginx itself refuses before it has read the whole header goes to its
# error page without a word about the caller

sub unread {
    my ($title, $uri, @lines) = @_;

    $backend->clear;
    $t->clear_logs;

    $t->client->raw(join "\r\n", "GET $uri HTTP/1.1", 'Host: localhost',
        (map { "$twins[2 * $_]: admin" } 0 .. @twins / 2 - 1), @lines, '', '');

    is_deeply([ map { "@$_" } $backend->last
                ? grep { $_->[0] !~ /^(host|connection)$/i }
                    $backend->last->fields
                : () ], [], $title);
}

my ($alice) = $alice[1] =~ /(ey\S+)/;

unread('unread: nothing at an unprotected error page', '/',
    "Cookie: access_token=$alice", 'Transfer-Encoding: rot13');
is($backend->last->uri, '/off/unread', 'which was asked');
unread('unread: nothing at a protected error page', "/?token=$alice",
    "Cookie: access_token=$alice", 'Content-Length: none');
is($backend->count, 0, 'which was not asked');
unread('unread: two Authorization lines', '/',
    map { "Authorization: Bearer $_" } $alice, token({ sub => 'bob' }));
is($backend->count, 0, 'nor then');

# variables

seen('a nested user', { 'x-user-id' => 'alice',
    'x-roles' => 'trader,auditor' }, '/', @alice);
is(($t->access_log(1))[-1], 'alice|trader||', 'variables');
seen('an object is no text', { 'x-user-id' => 'bob' }, '/',
    Authorization => 'Bearer ' . token({ identity => { u => 'bob' },
        realm_access => { roles => ['x'] } }));
is(($t->access_log(1))[-1], 'bob|||', 'variables of another');
seen('nobody', {}, '/open/', @alice);
is(($t->access_log(1))[-1], '|||', 'no variables without a policy');
$t->clear_logs;
$t->get('/', Authorization => 'Bearer x');
is(($t->access_log(1))[-1], '|||', 'no variables of a bad token');

$r = $t->get('/rewritten/', @alice);
is($r->header('X-Who'), 'alice', 'a variable verifies before the gate');
$r = $t->get('/rewritten/', Authorization => 'Bearer '
        . token({ identity => { u => 'root' } }, kid => 'ec2',
        header => { kid => 'ec' }));
is($r->header('X-Who'), undef, 'a forged token has no user there');
is($r->status, 401, 'and is refused');

# a limit keyed on the user counts, although limits run before the gate

is($t->get('/limited/', @alice)->status, 200, 'the first of alice');
is($t->get('/limited/', @alice)->status, 503, 'the second of alice');
is($t->get('/limited/', Authorization => 'Bearer '
        . token({ %alice, jti => 'another token' }))->status, 503,
    'alice with another token');
is($t->get('/limited/', @bob)->status, 200, 'bob');
is($t->get('/limited/')->status, 401, 'nobody');
is($t->get('/limited/')->status, 401, 'nobody is not counted');

# a name of the gateway never comes from a claim with a control character

seen('injection', {}, '/', Authorization => 'Bearer '
        . token({ identity => { u => "bob\r\nX-Roles: admin" } }));

done_testing();
