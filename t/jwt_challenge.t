#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What a caller without a good token hears: RFC 6750's challenge for programs,
# the login page for a person with a browser.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend => 1,
    stopped => 1,
    http    => provider('portal'),
    server  => <<~'CONF');
        tradesec on;
        tradesec_jwt portal cookie=access_token
                     login_page=/login?next=;

        location / { proxy_pass http://%%BACKEND%%; }
        location /login { proxy_pass http://%%BACKEND%%; }
        location /api/ { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }
        location /query/ {
            tradesec_jwt portal query=token login_page=/login?next=;
            proxy_pass http://%%BACKEND%%;
        }
        location /plain/ {
            tradesec_jwt portal cookie=access_token login_page=/welcome;
            proxy_pass http://%%BACKEND%%;
        }
        location /own/ {
            error_page 401 /own-401;
            tradesec_jwt portal;
            proxy_pass http://%%BACKEND%%;
        }
        location = /own-401 { internal; return 401 "please log in"; }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $token = token({});

# programs

sub challenge {
    my ($title, $status, $want, $uri, @headers) = @_;

    my $r = $t->get($uri, @headers);

    is($r->status, $status, "$title: $status");
    is_deeply([ $r->headers('WWW-Authenticate') ], [$want],
        "$title: challenge");
    is($r->header('Cache-Control'), 'no-store', "$title: not cached");

    return $r;
}

my $none = 'Bearer realm="restricted"';

challenge('no token', 401, $none, '/api/');
challenge('bad token', 401, "$none, error=\"invalid_token\"", '/api/',
    Authorization => 'Bearer x');
challenge('expired token', 401, "$none, error=\"invalid_token\"", '/api/',
    Authorization => 'Bearer ' . token({ exp => 1 }));
challenge('two cookies', 400, "$none, error=\"invalid_request\"", '/',
    Cookie => "access_token=$token; access_token=x", Accept => 'text/html');

my $r = challenge('problem details', 401, $none, '/api/');
is($r->header('Content-Type'), 'application/problem+json', 'for programs');
$r = challenge('a page', 401, $none, '/api/', Accept => 'text/html');
like($r->header('Content-Type'), qr{^text/html}, 'for people');
$r = challenge('the operator\'s page', 401, $none, '/own/');
is($r->body, 'please log in', 'the operator\'s page');

# people

my @browser = (Accept => 'text/html,application/xhtml+xml,*/*;q=0.8');
my @navigation = (@browser, 'Sec-Fetch-Mode' => 'navigate',
    'Sec-Fetch-Dest' => 'document');

sub redirect {
    my ($title, $want, $uri, @headers) = @_;

    my $r = $t->get($uri, @headers);

    is($r->status, 303, "$title: 303");
    is($r->header('Location'), $want, "$title: Location");
    is($r->header('Cache-Control'), 'no-store', "$title: not cached");
    is($r->header('WWW-Authenticate'), undef, "$title: no challenge");
}

redirect('navigation', '/login?next=%2Fportfolio%3Fa%3D1%26b%3D%252f',
    '/portfolio?a=1&b=%2f', @navigation);
redirect('an old browser', '/login?next=%2F', '/', @browser);
redirect('an expired token', '/login?next=%2F', '/', @navigation,
    Cookie => 'access_token=' . token({ exp => 1 }));
redirect('a page without a way back', '/welcome', '/plain/x', @navigation);
redirect('a token in the query', '/login?next=%2Fquery%2F%3Fa',
    '/query/?token=x&a', @navigation);

# the way back stays on this origin

for my $uri ('//evil.test/', '/\\evil.test/', '//evil.test', '/\\/evil.test')
{
    redirect("to $uri", '/login?next=%2F', $uri, @navigation);
}

redirect('an absolute URI', '/login?next=%2Fx', 'http://localhost/x',
    @navigation);
redirect('two lines', '/login?next=%2Fx%250d%250aSet-Cookie%3Aa',
    '/x%0d%0aSet-Cookie:a', @navigation);

# no navigation

challenge('fetch', 401, $none, '/', @browser, 'Sec-Fetch-Mode' => 'cors');
challenge('a program', 401, $none, '/', Accept => '*/*');
challenge('nothing said', 401, $none, '/');
challenge('the login page itself', 401, $none, '/login', @navigation);
challenge('a handshake', 401, $none, '/', @navigation,
    Upgrade => 'websocket', Connection => 'Upgrade',
    'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version' => 13, Origin => 'http://localhost');
is($t->post('/', 'x=1', @navigation, Origin => 'http://localhost')->status,
    401, 'a form is not sent twice');
is($t->head('/', @navigation)->status, 303, 'HEAD like GET');

is($t->backend->count, 0, 'nothing of all this reached the backend');
is($t->get('/', Cookie => "access_token=$token", @navigation)->status, 200,
    'with a token there is no redirect');

done_testing();
