#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A token in the query or among the subprotocols is in no log and at no
# backend, whatever becomes of the request.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend    => { '/ws/missing' => { status => 404 } },
    stopped    => 1,
    access_log => '$request | $request_uri | $args | $uri | $arg_token',
    http       => provider('portal'),
    server     => <<~'CONF');
        tradesec on;

        location /ws/ {
            tradesec_jwt portal query=token subprotocol=bearer;
            proxy_pass http://%%BACKEND%%;
        }

        location /feed/ {
            tradesec_jwt portal query=t;
            proxy_pass http://%%BACKEND%%;
        }

        location /static/ { root %%DIR%%; }
        location /down/ { proxy_pass http://127.0.0.1:1; }
        location /moved/ { return 301 $scheme://$host/ws/$is_args$args; }
        location /off/ { tradesec off; proxy_pass http://%%BACKEND%%; }
        location / { rewrite ^/old(.*) /ws$1; proxy_pass http://%%BACKEND%%; }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;
my $token   = token({});
my ($middle) = $token =~ /\.(.+)\./;

$t->never_logged($middle);

sub line {
    my ($title, $uri, $want, @headers) = @_;

    $backend->clear;
    $t->clear_logs;

    my $r = $t->get($uri, @headers);

    is(($t->access_log(1))[-1], $want, "$title: log");

    my $seen = $backend->last;

    unlike($seen->uri, qr/\Q$middle/, "$title: backend") if $seen;

    return $r;
}

line('alone', "/ws/?token=$token", 'GET /ws/ HTTP/1.1 | /ws/ |  | /ws/ | ');
line('first', "/ws/?token=$token&a=1",
    'GET /ws/?a=1 HTTP/1.1 | /ws/?a=1 | a=1 | /ws/ | ');
line('last', "/ws/?a=%2f&token=$token",
    'GET /ws/?a=%2f HTTP/1.1 | /ws/?a=%2f | a=%2f | /ws/ | ');
line('in a complex URI', "/x/..//ws/%2e/?token=$token&b=1#frag",
    'GET /x/..//ws/%2e/?b=1#frag HTTP/1.1 | /x/..//ws/%2e/?b=1#frag | b=1 '
        . '| /ws/ | ');
line('in an absolute URI', "http://localhost/ws/?a&token=$token",
    'GET http://localhost/ws/?a HTTP/1.1 | /ws/?a | a | /ws/ | ');
line('with an encoded name', "/ws/?t%6fken=$token",
    'GET /ws/ HTTP/1.1 | /ws/ |  | /ws/ | ');
line('twice', "/ws/?token=$token&a=1&token=x$token",
    'GET /ws/?a=1 HTTP/1.1 | /ws/?a=1 | a=1 | /ws/ | ');
line('two names of the server', "/ws/?t=$token&a=1&token=$token",
    'GET /ws/?a=1 HTTP/1.1 | /ws/?a=1 | a=1 | /ws/ | ');
line('bad token', "/ws/?token=x$token",
    'GET /ws/ HTTP/1.1 | /ws/ |  | /ws/ | ');
line('404 of the backend', "/ws/missing?token=$token",
    'GET /ws/missing HTTP/1.1 | /ws/missing |  | /ws/missing | ');
line('another location', "/feed/?token=$token",
    'GET /feed/ HTTP/1.1 | /feed/ |  | /feed/ | ');
line('a missing file', "/static/x?token=$token",
    'GET /static/x HTTP/1.1 | /static/x |  | /static/x | ');
$t->logged(qr/No such file/, 'whose error is logged');
line('backend down', "/down/?token=$token",
    'GET /down/ HTTP/1.1 | /down/ |  | /down/ | ');
$t->logged(qr/connect\(\) failed/, 'whose error is logged');
line('unprotected location', "/off/?token=$token",
    'GET /off/ HTTP/1.1 | /off/ |  | /off/ | ');
line('after a rewrite', "/old/?token=$token",
    'GET /old/ HTTP/1.1 | /old/ |  | /ws/ | ');

my $r = line('redirect', "/moved/?token=$token&a=1",
    'GET /moved/?a=1 HTTP/1.1 | /moved/?a=1 | a=1 | /moved/ | ');
unlike($r->header('Location'), qr/\Q$middle/, 'redirect: Location');

# a limit of nginx itself

line('header too large', "/ws/?token=$token", 'GET /ws/ HTTP/1.1 | /ws/ |  '
        . '| /ws/ | ', 'Content-Length' => 10_000_000);
$t->logged(qr/too large body/, 'whose error is logged');

# what is not called so is not touched

line('other arguments', '/off/?tok=1&Token=2&token2=3&&x',
    'GET /off/?tok=1&Token=2&token2=3&&x HTTP/1.1 | '
        . '/off/?tok=1&Token=2&token2=3&&x | tok=1&Token=2&token2=3&&x | '
        . '/off/ | 2');
is($backend->last->uri, '/off/?tok=1&Token=2&token2=3&&x', 'nor at the backend');

# the page that was opened with a token tells it to what it loads next

for my $case (
    [ "http://a.test/ws/?token=$token",         'http://a.test/ws/' ],
    [ "http://a.test/ws/?x=1&t%6fken=$token&y", 'http://a.test/ws/?x=1&y' ],
    [ "http://a.test/?t=$token&token=$token",   'http://a.test/' ],
    [ 'http://a.test/?x=1&tok=2?',              'http://a.test/?x=1&tok=2?' ],
    [ 'http://a.test/', 'http://a.test/' ], [ '?', '?' ],
    )
{
    my ($sent, $want) = @$case;

    $backend->clear;
    $t->get('/off/', Referer => $sent);
    is($backend->last->header('Referer'), $want, "Referer: $want");
    $t->get('/down/', Referer => $sent);
    $t->logged(qr/referrer: "\Q$want\E"/, 'in nginx\'s own log line');
}

# HTTP/2 has a request line of its own making

my $h2 = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    tls        => 1,
    http2      => 1,
    access_log => '$request | $request_uri | $args',
    http       => provider('portal'),
    server     => <<~'CONF');
        tradesec on;
        location / {
            tradesec_jwt portal query=token;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$h2->write_file('portal.jwks', jwks());
$h2->start;
$h2->never_logged($middle);

is($h2->h2(GET => "/a?x=1&token=$token&y=2")->status, 200, 'HTTP/2: passed');
is(($h2->access_log(1))[-1], 'GET /a?x=1&y=2 HTTP/2.0 | /a?x=1&y=2 | x=1&y=2',
    'HTTP/2: log');
is($h2->backend->last->uri, '/a?x=1&y=2', 'HTTP/2: backend');

# the subprotocol

my @handshake = (
    Upgrade                 => 'websocket',
    Connection              => 'Upgrade',
    'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version' => 13,
    Origin                  => 'http://localhost',
);

sub handshake {
    my ($title, $want, @protocols) = @_;

    $backend->clear;
    $t->get('/ws/', @handshake,
        map { ('Sec-WebSocket-Protocol' => $_) } @protocols);

    my $seen = $backend->last;

    is($seen && join(' / ', $seen->headers('Sec-WebSocket-Protocol')), $want,
        "subprotocol $title");
}

handshake('bearer', 'bearer', "bearer, $token");
handshake('bearer among others', 'mqtt,x,bearer', "mqtt, bearer, $token, x");
handshake('and a token that nobody verified', 'eyJ.forged.x,bearer',
    "bearer, $token, eyJ.forged.x");
handshake('without a token', undef, 'bearer');
handshake('of a bad token', undef, "bearer, x$token");
handshake('bearer twice', undef, "bearer, $token, x, bearer, $token");
handshake('over two lines', undef, 'bearer', $token);

done_testing();
