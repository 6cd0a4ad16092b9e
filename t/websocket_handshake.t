#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The opening handshake: a valid one opens a socket; anything else that asks
# for an upgrade, and any 101 that nobody may have, goes nowhere.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::Frame qw(accept_key);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $upgrade = <<~'CONF';
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
    CONF

my $t = Tradesec::Test->new(
    backend    => $sockets,
    access_log => '$uri $status $tradesec_status $tradesec_reason',
    http       => <<~'CONF',
        map $http_upgrade $connection_upgrade {
            default  upgrade;
            ""       "";
        }
        CONF
    server => <<~"CONF");
        tradesec on;

        location /ws { $upgrade }

        location /off {
            tradesec_websocket off;
            $upgrade
        }

        location /always {
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_set_header Upgrade websocket;
            proxy_set_header Connection upgrade;
        }

        location /dry {
            tradesec_dry_run websocket;
            $upgrade
        }

        location /open {
            tradesec off;
            $upgrade
        }

        location /page {
            tradesec_methods GET;
            error_page 400 405 = /ws-page;
            $upgrade
        }

        location /page-status {
            error_page 403 /ws-page;
            $upgrade
        }

        location /page-forced {
            error_page 403 = /ws-page?force;
            $upgrade
        }

        location /missing {
            error_page 404 /ws-page;
            root %%DIR%%;
        }

        location /teapot {
            error_page 418 = /ws-page;
            return 418;
        }

        location /ws-page { $upgrade }

        location /slow {
            limit_rate 1;
            $upgrade
        }
    CONF


sub ws {
    my ($uri, @headers) = @_;

    return Tradesec::Test::WebSocket->open($t->client, $uri,
        headers => \@headers);
}


# Among the lines of sockets that have closed only now.

sub logged {
    my ($line, $title) = @_;

    return ok(wait_until(sub { scalar grep { $_ eq $line } $t->access_log }),
        $title);
}


sub backend_saw {
    my $count = $sockets->count('handshake');

    $sockets->clear;

    return $count;
}


# accepted

my $ws = ws('/ws', 'Sec-WebSocket-Extensions' => 'permessage-deflate');

ok($ws->accepted, 'valid handshake');
$ws->send('hello');
is($ws->receive_text, 'hello', 'message there and back');

my ($handshake) = $sockets->events('handshake');
my %seen = map { lc $_->[0] => $_->[1] } @{ $handshake->{headers} };

is($seen{upgrade}, 'websocket', 'backend sees the upgrade');
is($seen{'sec-websocket-key'}, $Tradesec::Test::WebSocket::KEY,
    'backend sees the key');
ok(!exists $seen{'sec-websocket-extensions'},
    'permessage-deflate is not offered to the backend');

ok(ws('/ws', Upgrade => 'WebSocket', Connection => 'keep-alive, Upgrade')
    ->accepted, 'handshake in the words of Firefox');

$ws = ws('/ws?protocol=v2', 'Sec-WebSocket-Protocol' => 'v1, v2');
ok($ws->accepted, 'subprotocol');
is($ws->response->header('Sec-WebSocket-Protocol'), 'v2', 'is chosen');

is($t->get('/ws')->body, "plain\n", 'GET of a WebSocket location');
is($t->post('/ws', 'a=b')->body, "plain\n", 'POST of a WebSocket location');
is(backend_saw(), 5, 'all reached the backend');


# refused, each for its reason

my $key = $Tradesec::Test::WebSocket::KEY;

my @refused = (
    [ 403, upgrade_not_allowed => 'h2c', Upgrade => 'h2c' ],
    [ 403, upgrade_not_allowed => 'h2c as curl asks for it', Upgrade => 'h2c',
        Connection => 'Upgrade, HTTP2-Settings',
        'HTTP2-Settings' => 'AAMAAABkAAQAAP__',
        'Sec-WebSocket-Key' => undef, 'Sec-WebSocket-Version' => undef ],
    [ 403, upgrade_not_allowed => 'two protocols',
        Upgrade => 'websocket, h2c' ],
    [ 403, upgrade_not_allowed => 'empty Upgrade', Upgrade => '' ],
    [ 400, websocket_handshake => 'Upgrade twice',
        Upgrade => 'websocket', Upgrade => 'websocket' ],
    [ 400, websocket_handshake => 'no Connection: upgrade',
        Connection => 'keep-alive' ],
    [ 400, websocket_handshake => 'no key', 'Sec-WebSocket-Key' => undef ],
    [ 400, websocket_handshake => 'short key',
        'Sec-WebSocket-Key' => 'AAAA' ],
    [ 400, websocket_handshake => 'two keys',
        'Sec-WebSocket-Key' => $key, 'Sec-WebSocket-Key' => $key ],
    [ 400, websocket_handshake => 'subprotocol twice',
        'Sec-WebSocket-Protocol' => 'a, a' ],
    [ 400, websocket_handshake => 'body', 'Content-Length' => 3 ],
    [ 426, websocket_version => 'version 99',
        'Sec-WebSocket-Version' => 99 ],
    [ 426, websocket_version => 'version 8', 'Sec-WebSocket-Version' => 8 ],
    [ 426, websocket_version => 'no version',
        'Sec-WebSocket-Version' => undef ],
    [ 400, websocket_handshake => 'version twice',
        'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Version' => 13 ],
);

# two pages and two sockets that are closed: what was before is logged

$t->access_log(4);

for (@refused) {
    my ($status, $reason, $title, @headers) = @$_;

    $t->clear_logs;

    is(ws('/ws', @headers)->status, $status, "$reason: $title");
    logged("/ws $status REJECTED $reason", "$title: reason");
}

my $r = ws('/ws', 'Sec-WebSocket-Version' => 99)->response;
is($r->header('Sec-WebSocket-Version'), 13, '426 names the version');
is($r->header('Upgrade'), 'websocket', '426 names the protocol');

my $request = $t->client->format(POST => '/ws', '',
    Tradesec::Test::WebSocket->headers);
is($t->raw($request)->status, 400, 'websocket_handshake: POST');
is($t->raw($request =~ s/POST/GET/r =~ s/HTTP\/1\.1/HTTP\/1.0/r)->status, 400,
    'websocket_handshake: HTTP/1.0');
is(backend_saw(), 0, 'none of them reached the backend');
$t->logged(qr/reason: "websocket_version".*, Sec-WebSocket-Version is not 13/,
    'the log says what was wrong');


# who may ask: the origin guard judges a handshake as an unsafe request

ok(ws('/ws', Origin => 'http://localhost', Cookie => 'session=1')->accepted,
    'own origin with a cookie');
backend_saw();
is(ws('/ws', Origin => 'https://evil.test', Cookie => 'session=1')->status,
    403, 'cross-site WebSocket hijacking');
is(ws('/ws', Cookie => 'session=1')->status, 403,
    'cookie without any origin');
is(backend_saw(), 0, 'neither reached the backend');


# off: Upgrade is ignored

is(ws('/off')->response->body, "plain\n", 'off: a handshake is a plain GET');
is(ws('/off', Upgrade => 'h2c')->response->body, "plain\n",
    'off: so is h2c');
ok(!grep({ grep { lc $_->[0] eq 'upgrade' } @{ $_->{headers} } }
        $sockets->events('handshake')),
    'off: the backend sees no Upgrade');
is(ws('/off?force')->status, 502, 'off: a 101 is refused all the same');
backend_saw();


# the backend's 101

my @answers = (
    [ 'accept=1',  'wrong Sec-WebSocket-Accept' ],
    [ 'noaccept',  'no Sec-WebSocket-Accept' ],
    [ 'extension=permessage-deflate', 'extension that was not offered' ],
    [ 'protocol=v3', 'subprotocol that was not offered' ],
    [ 'upgrade=h2c', 'another protocol' ],
);

for (@answers) {
    my ($query, $title) = @$_;

    $t->clear_logs;

    my $socket = ws("/ws?$query",
        'Sec-WebSocket-Extensions' => 'permessage-deflate',
        'Sec-WebSocket-Protocol'   => 'v1, v2');

    is($socket->status, 502, "websocket_answer: $title");
    ok($socket->closed, "$title: connection closed");
    logged('/ws 502 REJECTED websocket_answer', "$title: reason");
    ok($sockets->wait_for('gone'), "$title: backend's connection closed");
    $sockets->clear;
}

is($t->get('/always?force')->status, 502,
    'websocket_answer: 101 that nobody asked for');
ok(ws('/always')->accepted, 'fixed Upgrade lines serve a valid handshake');
is(ws('/always', Upgrade => 'h2c')->status, 403,
    'fixed Upgrade lines do not hide another protocol');


# a refusal's own page may be proxied, but is no way to a socket

is(ws('/page', 'Sec-WebSocket-Version' => 99)->status, 426, 'refused');
backend_saw();

my @evil = (Origin => 'https://evil.test', Cookie => 'session=1');

$ws = ws('/page-status', @evil);
is($ws->status, 403, 'page of a refusal is served');
is($ws->response->body, "plain\n", 'by the backend');
ok(!grep({ lc $_->[0] eq 'upgrade' } @{ $_->{headers} }),
    'which is not asked for an upgrade')
    for $sockets->events('handshake');
is(backend_saw(), 1, 'but once for the page');

$ws = ws('/page-forced', @evil);
is($ws->status, 502, 'page of a refusal does not become a socket');
ok($ws->closed, 'connection closed');
backend_saw();


# nor is the page of another error, where the client reads another status

ok(ws('/teapot')->accepted, 'error_page that leads to a socket');

$ws = ws('/missing');
is($ws->status, 502, 'websocket_answer: 101 behind the status of an error');
ok($ws->closed, 'connection closed');
backend_saw();


# limit_rate is for responses: nginx would send frames before the rest of the
# 101, and keep a closed socket for as long as its bytes should have taken

$ws = ws('/slow');
ok($ws->accepted, 'limit_rate: open');
$ws->send('x' x 10_000);
is(length($ws->receive_text // ''), 10_000, 'limit_rate: message');
$ws->close(1000);
is($ws->receive_close->{code}, 1000, 'limit_rate: close');
ok($ws->closed, 'limit_rate: connection closed');
backend_saw();


# a client that is slow to read the refusal of a 101

$ws = ws('/slow?accept=1');
$ws->send('through');
ok($sockets->wait_for('gone'), "slow client: backend's connection closed");
is($sockets->count('frame'), 0, 'slow client: nothing reached the backend');
$ws->connection->close;
backend_saw();


# protection off, and dry run

is(ws('/open?force', Upgrade => 'h2c')->status, 101, 'tradesec off: not judged');
is(ws('/open?accept=1')->status, 101, 'tradesec off: not judged either');

$t->clear_logs;

is(ws('/dry', 'Sec-WebSocket-Version' => 99)->status, 101, 'dry run passes');
$t->logged(qr/\(dry run\) by guard "websocket", reason: "websocket_version"/,
    'dry run marks the handshake');

is(ws('/dry?accept=1')->status, 101, 'dry run passes a wrong answer');
$t->logged(qr/\(dry run\) by guard "websocket", reason: "websocket_answer"/,
    'dry run marks the answer');

$t->clear_logs;
$ws = ws('/dry?extension=permessage-deflate',
    'Sec-WebSocket-Extensions' => 'permessage-deflate');
is($ws->status, 101, 'dry run leaves extensions alone');
$ws->send("deflated", rsv => 4);
is($ws->receive->{payload}, 'deflated', 'and what they do to frames');
$t->not_logged(qr/dry run/, 'without a mark');


# HTTP/2 cannot upgrade

SKIP: {
    my $h2 = Tradesec::Test->new(
        backend => $sockets,
        tls     => 1,
        http2   => 1,
        server  => <<~"CONF");
            tradesec on;
            location / {
                proxy_pass http://%%BACKEND%%;
                proxy_http_version 1.1;
                proxy_set_header Upgrade websocket;
                proxy_set_header Connection upgrade;
            }
        CONF

    $sockets->clear;
    is($h2->h2(GET => '/', undef,
        'Sec-WebSocket-Key' => $key, 'Sec-WebSocket-Version' => 13)->status,
        502, 'HTTP/2: no tunnel by a backend that upgrades unasked');
}


# configuration

config_accepted('tradesec on; tradesec_websocket on;', 'on');
config_accepted('tradesec_websocket max_age=8h idle=30m;', 'parameters');
config_refused('tradesec_websocket maxage=8h;',
    qr/invalid parameter "maxage=8h".*"max_age="/, 'misspelt parameter');
config_refused('tradesec_websocket on idle=5m;',
    qr/"on" in "tradesec_websocket", it must stand alone/, 'on with parameters');
config_refused('tradesec_websocket max_age=soon;',
    qr/invalid time in "max_age=soon"/, 'no time');
config_refused('tradesec_websocket idle=0;', qr/invalid time in "idle=0"/,
    'no time at all');
config_refused('tradesec_websocket idle=1m idle=2m;',
    qr/duplicate parameter "idle=2m"/, 'parameter twice');
config_refused('tradesec_websocket on; tradesec_websocket off;',
    qr/is duplicate/, 'directive twice');

done_testing;
