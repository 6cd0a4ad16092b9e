#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A WebSocket opens with a good token, from each place it may come from, and
# ends when the token does.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test;
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;


my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    access_log => '$tradesec_user $status $tradesec_reason',
    http       => provider('portal', 'header X-User sub;'),
    server     => <<~'CONF');
        tradesec on;

        location / {
            tradesec_jwt portal cookie=access_token bearer query=token
                         subprotocol=bearer;
            tradesec_websocket on;
            %%UPGRADE%%
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $token = token({});
my ($middle) = $token =~ /\.(.+)\./;

$t->never_logged($middle);

sub ws {
    my ($uri, @headers) = @_;

    $sockets->clear;
    $t->clear_logs;

    return Tradesec::Test::WebSocket->open($t->client, $uri,
        headers => [ Origin => 'http://localhost', @headers ]);
}

sub opens {
    my ($title, $protocol, $uri, @headers) = @_;

    my $ws = ws($uri, @headers);

    is($ws->status, 101, "$title: opened");
    is($ws->response->header('Sec-WebSocket-Protocol'), $protocol,
        "$title: subprotocol " . ($protocol // 'none'));

    $ws->send('hello');
    is($ws->receive_text, 'hello', "$title: speaks");

    return $ws;
}

sub refused {
    my ($title, $reason, $uri, @headers) = @_;

    my $ws = ws($uri, @headers);

    isnt($ws->status, 101, "$title: refused");
    is($sockets->count('handshake'), 0, "$title: nothing at the backend");
    $t->access_logged(qr/^ 40[01] $reason$/, "$title: $reason");
}

opens('cookie', undef, '/', Cookie => "access_token=$token");
opens('bearer', undef, '/', Authorization => "Bearer $token");
opens('query', undef, "/?token=$token&x=1");
is($sockets->wait_for('handshake')->{uri}, '/?x=1', 'query: backend');

# "bearer" is answered when the backend chooses nothing

my $protocol = 'Sec-WebSocket-Protocol';

opens('subprotocol', 'bearer', '/', $protocol => "bearer, $token");
opens('subprotocol and the backend\'s choice', 'v2', '/?protocol=v2',
    $protocol => "v2, bearer, $token");
opens('the backend knows bearer', 'bearer', '/?protocol=bearer',
    $protocol => "bearer, $token");
opens('no token among the subprotocols', undef, '/', $protocol => 'v2',
    Cookie => "access_token=$token");

refused('no token', 'jwt_missing', '/');
refused('bad token', 'jwt_signature', '/', Cookie => 'access_token='
        . token({}, kid => 'ec2', header => { kid => 'ec' }));
refused('expired', 'jwt_expired', '/', $protocol => 'bearer, '
        . token({ exp => 1 }));
refused('two that differ', 'jwt_ambiguous', "/?token=$token",
    $protocol => 'bearer, ' . token({ sub => 'bob' }));

# the end of the token is the end of the socket

my $exp = int(time) + 2;
my $ws  = opens('short', undef, '/', Cookie => 'access_token='
        . token({ exp => $exp }));
my $close = $ws->receive_close(8);
my $late  = time - $exp;

is($close->{code}, 4401, 'websocket_expired: close code');
note(sprintf 'closed %.3f s after exp', $late);
ok($late >= -0.01 && $late < 3, 'not before exp, and in time');
$ws->close($close->{code});
ok($ws->closed, 'connection closed');
is(($t->access_log(1))[-1], 'alice 101 websocket_expired',
    'whose socket it was is in the log');

done_testing();
