#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Where tokens come from, and the credential rule: the credential that was
# verified is the only one that the backend can read.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    access_log => '$tradesec_status $tradesec_reason',
    http       => provider('portal', 'header X-User sub;'),
    server     => <<~'CONF');
        tradesec on;

        location /bearer/ { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }

        location /cookie/ {
            tradesec_jwt portal cookie=access_token;
            proxy_pass http://%%BACKEND%%;
        }

        location /query/ {
            tradesec_jwt portal query=token;
            proxy_pass http://%%BACKEND%%;
        }

        location /any/ {
            tradesec_jwt portal cookie=access_token bearer query=token;
            proxy_pass http://%%BACKEND%%;
        }

        location /other-cookie/ {
            tradesec_jwt portal cookie=session;
            proxy_pass http://%%BACKEND%%;
        }

        location /handed-back/ {
            tradesec_jwt portal query=token;
            proxy_set_header Authorization "Bearer $tradesec_token";
            proxy_pass http://%%BACKEND%%;
        }

        location /handed-back-argument/ {
            tradesec_jwt portal query=token;
            set $args token=$tradesec_token;
            proxy_pass http://%%BACKEND%%;
        }

        location /basic/ {
            tradesec_jwt portal cookie=access_token;
            auth_basic "staging";
            auth_basic_user_file %%DIR%%/passwords;
            proxy_pass http://%%BACKEND%%;
        }

        location /open/ { proxy_pass http://%%BACKEND%%; }
    CONF

$t->write_file('portal.jwks', jwks());
$t->write_file('passwords', "staff:{PLAIN}secret\n");
$t->start;

my $backend = $t->backend;

my $alice = token({});
my $bob   = token({ sub => 'bob' });

sub fetch {
    my ($uri, @headers) = @_;

    $backend->clear;
    $t->clear_logs;

    return $t->get($uri, @headers);
}

sub passes {
    my ($title, $user, @request) = @_;

    my $r = fetch(@request);

    is($r->status, 200, "$title: passed");
    is($backend->count, 1, "$title: reached the backend");
    is($backend->last->header('X-User'), $user, "$title: as $user");

    return $backend->last;
}

sub refused {
    my ($reason, $title, @request) = @_;

    my $r = fetch(@request);

    is($r->status, $reason eq 'jwt_ambiguous' ? 400 : 401, "$title: refused");
    is($backend->count, 0, "$title: nothing reached the backend");
    is(($t->access_log(1))[-1], "REJECTED $reason", "$title: $reason");
}

# Authorization

passes('bearer', 'alice', '/bearer/', Authorization => "Bearer $alice");
passes('the scheme ignores case', 'alice', '/bearer/',
    Authorization => "bEARER  $alice");
refused('jwt_missing', 'a cookie where a bearer is asked', '/bearer/',
    Cookie => "access_token=$alice");
refused('jwt_missing', 'another scheme', '/bearer/',
    Authorization => "Token $alice");
refused('jwt_missing', 'Basic', '/bearer/',
    Authorization => 'Basic YWxpY2U6c2VjcmV0');
is(fetch('/bearer/', Authorization => "Bearer $alice",
        Authorization => "Bearer $bob")->status, 400,
    'two Authorization lines: refused by nginx itself');
is($backend->count, 0, 'and nothing reached the backend');
refused('jwt_malformed', 'two tokens in one line', '/bearer/',
    Authorization => "Bearer $alice, Bearer $bob");

# cookie

passes('cookie', 'alice', '/cookie/', Cookie => "access_token=$alice");
passes('among others', 'alice', '/cookie/',
    Cookie => "a=1; access_token=$alice; b={\"x\":1,\"y\":2}");
passes('in the second line', 'alice', '/cookie/', Cookie => 'a=1',
    Cookie => "access_token=$alice");
refused('jwt_missing', 'no cookie', '/cookie/');
refused('jwt_missing', 'another cookie', '/cookie/',
    Cookie => "access_token2=$alice");
refused('jwt_missing', 'a bearer where a cookie is asked', '/cookie/',
    Authorization => "Bearer $alice");
refused('jwt_malformed', 'empty cookie', '/cookie/',
    Cookie => 'access_token=');
refused('jwt_malformed', 'quotes', '/cookie/',
    Cookie => "access_token=\"$alice\"");

for my $odd (
    "access_token=$bob",  "access_token=$alice", "ACCESS_TOKEN=$bob",
    "access_token =$bob", "x=1, access_token=$bob", "x=1 access_token=$bob",
    "access.token=$bob",
    "access_token[]=$bob", "access%5ftoken=$bob", 'access_token')
{
    my $name = $odd =~ s/eyJ\S+/TOKEN/r;

    refused('jwt_ambiguous', "cookie, then $name", '/cookie/',
        Cookie => "access_token=$alice; $odd");
    refused('jwt_ambiguous', "$name, then cookie", '/cookie/',
        Cookie => "$odd; access_token=$alice");
    refused('jwt_ambiguous', "cookie and a second line $name", '/cookie/',
        Cookie => "access_token=$alice", Cookie => $odd);
}

refused('jwt_ambiguous', 'an odd spelling alone', '/cookie/',
    Cookie => "ACCESS_TOKEN=$alice");

# query

my $seen = passes('query', 'alice', "/query/?token=$alice");
is($seen->uri, '/query/', 'the token is not in what the backend gets');
$seen = passes('query among others', 'alice',
    "/query/?a=%41&token=$alice&&b=1+2");
is($seen->uri, '/query/?a=%41&&b=1+2', 'every other byte is');
refused('jwt_missing', 'no argument', '/query/?token2=1');
refused('jwt_ambiguous', 'the argument twice', "/query/?token=$alice&token=$bob");
refused('jwt_ambiguous', 'in capitals too', "/query/?token=$alice&TOKEN=$bob");
refused('jwt_ambiguous', 'as an array too',
    "/query/?token=$alice&token[]=$bob");
refused('jwt_ambiguous', 'behind a semicolon too',
    "/query/?token=$alice&a=1;token=$bob");
refused('jwt_ambiguous', "also as $_", "/query/?token=$alice&$_=$bob")
    for qw([token] token%00x %u0074oken);
refused('jwt_malformed', 'empty argument', '/query/?token=');

$seen = passes('handed back', 'alice', "/handed-back/?token=$alice");
is($seen->header('Authorization'), "Bearer $alice",
    'a backend that needs the token gets the verified one');

$seen = passes('handed back as an argument', 'alice',
    "/handed-back-argument/?token=$alice");
is($seen->uri, "/handed-back-argument/?token=$alice", 'the same');
refused('jwt_signature', 'a forged one is not handed back',
    '/handed-back-argument/?token=' . token({}, kid => 'ec2',
        header => { kid => 'ec' }));

# several places

passes('any: cookie', 'alice', '/any/', Cookie => "access_token=$alice");
passes('any: bearer', 'alice', '/any/', Authorization => "Bearer $alice");
passes('any: query', 'alice', "/any/?token=$alice");
passes('the same token at all places', 'alice', "/any/?token=$alice",
    Cookie => "access_token=$alice", Authorization => "Bearer $alice");
refused('jwt_ambiguous', 'cookie and bearer differ', '/any/',
    Cookie => "access_token=$alice", Authorization => "Bearer $bob");
refused('jwt_ambiguous', 'cookie and query differ', "/any/?token=$bob",
    Cookie => "access_token=$alice");
refused('jwt_ambiguous', 'bearer and query differ', "/any/?token=$bob",
    Authorization => "Bearer $alice");
refused('jwt_ambiguous', 'good cookie, junk bearer', '/any/',
    Cookie => "access_token=$alice", Authorization => 'Bearer junk');

# what the location does not take, but the backend could

refused('jwt_ambiguous', 'cookie with another bearer', '/cookie/',
    Cookie => "access_token=$alice", Authorization => "Bearer $bob");
$seen = passes('cookie with the same bearer', 'alice', '/cookie/',
    Cookie => "access_token=$alice", Authorization => "Bearer $alice");
is($seen->header('Authorization'), "Bearer $alice", 'which the backend gets');

$seen = passes('cookie with Basic', 'alice', '/cookie/',
    Cookie => "access_token=$alice", Authorization => 'Basic Ym9iOmI=');
is($seen->header('Authorization'), undef, 'Basic is hidden');

$seen = passes('cookie with an argument of another location', 'alice',
    "/cookie/?token=$bob&a=1", Cookie => "access_token=$alice");
is($seen->uri, '/cookie/?a=1', 'which is hidden');

refused('jwt_ambiguous', 'a doubtful argument of another location',
    "/cookie/?TOKEN=$bob", Cookie => "access_token=$alice");

$seen = passes('cookie of another location', 'alice', '/other-cookie/',
    Cookie => "a=1; access_token=$bob; session=$alice; b=2");
is($seen->header('Cookie'), "a=1; session=$alice; b=2", 'which is hidden');
$seen = passes('the only other cookie', 'alice', '/bearer/',
    Cookie => "access_token=$bob", Authorization => "Bearer $alice");
is($seen->header('Cookie'), undef, 'hidden with its line');
$seen = passes('the same token in the other cookie', 'alice',
    '/other-cookie/', Cookie => "access_token=$alice; session=$alice");
is($seen->header('Cookie'), "access_token=$alice; session=$alice", 'stays');
refused('jwt_ambiguous', 'a doubtful cookie of another location',
    '/other-cookie/', Cookie => "ACCESS_TOKEN=$bob; session=$alice");

# nginx's own Basic authentication beside the token

my @basic = (Authorization => 'Basic c3RhZmY6c2VjcmV0');

$seen = passes('auth_basic beside the cookie', 'alice', '/basic/', @basic,
    Cookie => "access_token=$alice");
is($seen->header('Authorization'), undef, 'its password stays in nginx');
is(fetch('/basic/', Cookie => "access_token=$alice")->status, 401,
    'auth_basic still asks');
refused('jwt_missing', 'auth_basic alone', '/basic/', @basic);

# without a policy nothing is touched but what must not be logged

fetch('/open/?a=1', Cookie => "access_token=$alice; ACCESS_TOKEN=$bob",
    Authorization => 'Basic Ym9iOmI=');
is($backend->last->header('Cookie'),
    "access_token=$alice; ACCESS_TOKEN=$bob", 'open: cookies stay');
is($backend->last->header('Authorization'), 'Basic Ym9iOmI=',
    'open: Authorization stays');

done_testing();
