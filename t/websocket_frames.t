#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Frames through the gateway: what is valid passes byte for byte, however it
# is cut; what is not closes the socket with the right code, and what stands
# behind it reaches nobody. Over plain connections and over TLS on either side.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Frame qw(close_body frame
    CONTINUATION TEXT BINARY CLOSE PING PONG);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;

my $key = Tradesec::Test->new(stopped => 1, server => '');

my %transports = (
    'plain'          => {},
    'TLS in front'   => { tls => 1 },
    'TLS behind'     => { behind => 1 },
    'TLS both sides' => { tls => 1, behind => 1 },
);

my ($t, $sockets);


sub ws {
    my ($uri, %opt) = @_;

    return Tradesec::Test::WebSocket->open($t->client, $uri, %opt);
}


sub hex_of { return unpack 'H*', join '', @_ }


sub frames_at_backend {
    return map { $_->{payload} } grep { $_->{opcode} != CLOSE }
        $sockets->events('frame');
}


sub transparent {
    my ($name) = @_;

    my $ws = ws('/');

    ok($ws->accepted, "$name: open");

    # lengths around each form of the header

    for my $length (0, 1, 125, 126, 127, 4096, 65535, 65536, 300_000) {
        my $payload = 'x' x $length;

        $ws->send($payload);

        my $back = $ws->receive;

        ok($back && $back->{payload} eq $payload && !$back->{masked},
            "$name: $length bytes there and back");
    }

    $ws->send("\xff\x00\xfe", opcode => BINARY);
    is($ws->receive->{payload}, "\xff\x00\xfe", "$name: binary");

    $ws->send('now', opcode => PING);

    my $pong = $ws->receive;

    is("$pong->{opcode} $pong->{payload}", PONG . ' now', "$name: ping");

    # a ping between fragments, a character cut in two

    $ws->send("one \xe2\x82", fin => 0);
    $ws->send('between', opcode => PING);
    $ws->send("\xac", opcode => CONTINUATION, fin => 0);
    $ws->send('', opcode => CONTINUATION);

    is(join('|', map { "$_->{opcode},$_->{fin},$_->{payload}" }
            map { $ws->receive } 1 .. 4),
        "1,0,one \xe2\x82|10,1,between|0,0,\xac|0,1,",
        "$name: fragments");

    # byte by byte

    my $bytes = frame(TEXT, 'slow' x 40, masked => 1)
        . frame(PING, 'p', masked => 1);

    $ws->write($_) for split //, $bytes;

    is($ws->receive_text, 'slow' x 40, "$name: byte by byte");
    is($ws->receive->{payload}, 'p', "$name: and a ping");

    # many small messages, one after the other

    $ws->send('!push 3000 50');
    is(scalar(grep {defined} map { $ws->receive_text } 1 .. 3000), 3000,
        "$name: 3000 messages");

    # the end as the client wants it

    $ws->close(4000, 'bye');

    my $close = $ws->receive_close;

    is("$close->{code} $close->{reason}", '4000 bye', "$name: close echoed");
    ok($ws->closed, "$name: connection closed");

    ($close) = grep { $_->{opcode} == CLOSE } $sockets->events('frame');
    is("$close->{code} $close->{reason}", '4000 bye',
        "$name: close reached the backend");
    ok(!grep({ !$_->{masked} } $sockets->events('frame')),
        "$name: everything masked at the backend");

    # the end as the server wants it

    $ws = ws('/');
    $ws->send('!close 4001 go');
    is($ws->receive_close->{code}, 4001, "$name: server closes");
    $ws->close(4001);
    ok($ws->closed, "$name: and the connection");
}


# Frames that were read together with a handshake pass the same check.

sub leftovers {
    my ($name) = @_;

    $sockets->clear;

    my $ws = ws('/?behind=' . hex_of(frame(TEXT, 'first'), frame(PING, 'x')),
        early => frame(TEXT, 'early', masked => 1)
            . frame(TEXT, 'bird', masked => 1));

    is(join('|', sort map { $_->{payload} } map { $ws->receive } 1 .. 4),
        'bird|early|first|x', "$name: frames with the handshake");
    is(join('|', frames_at_backend()), 'early|bird',
        "$name: reached the backend in order");

    $ws->send('later');
    is($ws->receive_text, 'later', "$name: and those behind them");

    $ws = ws('/?behind=' . hex_of(frame(TEXT, 'good'), "\xc1\x00"));
    is($ws->receive_text, 'good', "$name: frame behind the 101");
    is($ws->receive_close->{code}, 1011,
        "$name: websocket_server_frame behind the 101");

    $sockets->clear;
    $ws = ws('/', early => frame(TEXT, 'good', masked => 1) . 'GET / HTTP/1.1'
            . "\r\nHost: internal\r\n\r\n");
    is($ws->receive_close->{code}, 1002,
        "$name: request in the tunnel refused");
    ok($ws->closed, "$name: connection closed");
    $sockets->wait_for('gone');
    is(join('|', frames_at_backend()), 'good',
        "$name: request in the tunnel did not reach the backend");
}


my @CLIENT = (
    [ 'not masked',              1002, frame(TEXT, 'evil') ],
    [ 'reserved bit',            1002, frame(TEXT, 'evil', masked => 1,
                                           rsv => 4) ],
    [ 'unknown opcode',          1002, frame(3, 'evil', masked => 1) ],
    [ 'unknown control opcode',  1002, frame(11, 'evil', masked => 1) ],
    [ 'length not minimal (16)', 1002, frame(TEXT, 'evil', masked => 1,
                                           size => 2) ],
    [ 'length not minimal (64)', 1002, frame(TEXT, 'evil', masked => 1,
                                           size => 8) ],
    [ 'length of 64 bits',       1002, frame(TEXT, 'evil', masked => 1,
                                           size => 8, length => 1 << 63) ],
    [ 'long ping',               1002, frame(PING, 'evil' x 32, masked => 1) ],
    [ 'fragmented ping',         1002, frame(PING, 'evil', masked => 1,
                                           fin => 0) ],
    [ 'nothing to continue',     1002, frame(CONTINUATION, 'evil',
                                           masked => 1) ],
    [ 'message in a message',    1002, frame(TEXT, 'a', masked => 1, fin => 0)
                                       . frame(TEXT, 'evil', masked => 1) ],
    [ 'text is not UTF-8',       1007, frame(TEXT, "evil\xff", masked => 1) ],
    [ 'half a character',        1007, frame(TEXT, "evil\xe2\x82",
                                           masked => 1) ],
    [ 'close code 1005',         1002, frame(CLOSE, close_body(1005),
                                           masked => 1) ],
    [ 'close code 999',          1002, frame(CLOSE, close_body(999),
                                           masked => 1) ],
    [ 'half a close code',       1002, frame(CLOSE, 'e', masked => 1) ],
    [ 'close reason not UTF-8',  1007, frame(CLOSE, close_body(1000, "\xff"),
                                           masked => 1) ],
);


sub client_violations {
    my ($name) = @_;

    for (@CLIENT) {
        my ($title, $code, $bytes) = @$_;

        $sockets->clear;
        $t->clear_logs;

        my $ws = ws('/');

        $ws->write(frame(TEXT, 'good', masked => 1) . $bytes
                . frame(TEXT, 'behind', masked => 1));

        my $close = $ws->receive_close;

        is($close && $close->{code}, $code,
            "$name: websocket_client_frame: $title");
        ok($ws->closed, "$name: connection closed: $title");

        $sockets->wait_for('gone');

        my @seen = $sockets->events('frame');
        my $last = pop @seen;

        is("$last->{opcode} $last->{code}", '8 1001',
            "$name: backend gets a close frame: $title");
        is($seen[0]{payload}, 'good', "$name: good before: $title");
        is(join('|', grep {/evil|behind/} map { $_->{payload} } @seen), '',
            "$name: not at the backend: $title");
        $ws->connection->close;
        is(join('|', $t->access_log(1)), '/ 101 websocket_client_frame',
            "$name: reason: $title");
    }
}


my @SERVER = (
    [ 'masked',               1002, frame(TEXT, 'evil', masked => 1) ],
    [ 'reserved bit',         1002, frame(TEXT, 'evil', rsv => 4) ],
    [ 'unknown opcode',       1002, frame(7, 'evil') ],
    [ 'length not minimal',   1002, frame(TEXT, 'evil', size => 8) ],
    [ 'long close',           1002, frame(CLOSE, close_body(1000, 'e' x 124)) ],
    [ 'nothing to continue',  1002, frame(CONTINUATION, 'evil') ],
    [ 'text is not UTF-8',    1007, frame(TEXT, "evil\xc0\x80") ],
    [ 'close code 1006',      1002, frame(CLOSE, close_body(1006)) ],
    [ 'HTTP response',        1002, "HTTP/1.1 200 OK\r\n\r\n" ],
);


sub server_violations {
    my ($name) = @_;

    for (@SERVER) {
        my ($title, $code, $bytes) = @$_;

        $sockets->clear;

        my $ws = ws('/');

        $ws->send('!raw '
                . hex_of(frame(TEXT, 'good'), $bytes, frame(TEXT, 'behind')));

        is($ws->receive_text, 'good', "$name: good before: $title");

        my $frame = $ws->receive;

        is("$frame->{opcode} $frame->{code}", '8 1011',
            "$name: websocket_server_frame: $title");
        $ws->close(1011);
        ok($ws->closed, "$name: connection closed: $title");

        my $close = $sockets->wait_for('frame', 2);

        is($close->{code}, $code, "$name: backend is told: $title");
    }
}


# Violations in pieces of one byte: the same code.

sub bytewise_violations {
    my ($name) = @_;

    for (@CLIENT) {
        my ($title, $code, $bytes) = @$_;

        my $ws = ws('/');

        $ws->write($_) for split //, $bytes;

        my $close = $ws->receive_close;

        is($close && $close->{code}, $code, "$name: byte by byte: $title");
    }
}


# What is dropped behind a close frame, and connections that break.

sub endings {
    my ($name) = @_;

    $sockets->clear;

    my $ws = ws('/');

    $ws->write(frame(CLOSE, close_body(1000), masked => 1)
            . frame(TEXT, 'behind', masked => 1));
    is($ws->receive_close->{code}, 1000, "$name: close echoed");
    $sockets->wait_for('frame');
    is(join('|', frames_at_backend()), '', "$name: nothing passes behind it");

    $ws = ws('/');
    $ws->send('!hangup');
    ok($ws->closed, "$name: backend hangs up without a close frame");

    $sockets->clear;
    $ws = ws('/');
    $ws->write(substr frame(TEXT, 'unfinished', masked => 1), 0, 9);
    $ws->connection->close;
    ok($sockets->wait_for('gone'), "$name: client gone inside a frame");

    $sockets->clear;
    $ws = ws('/?stream=1000');
    $ws->receive;
    setsockopt $ws->connection->socket, Socket::SOL_SOCKET(),
        Socket::SO_LINGER(), pack 'ii', 1, 0;
    $ws->connection->close;
    ok($sockets->wait_for('gone'), "$name: client resets under a flood");
}


for my $name (sort keys %transports) {
    my %opt = %{ $transports{$name} };

    my $scheme = delete $opt{behind} ? 'https' : 'http';

    $sockets = Tradesec::Test::SocketServer->new(
        $scheme eq 'https'
        ? (cert => $key->certificate, key => $key->certificate =~ s/crt$/key/r)
        : ());

    $t = Tradesec::Test->new(
        %opt,
        backend    => $sockets,
        access_log => '$uri $status $tradesec_reason',
        server     => <<~"CONF");
        tradesec on;

        location / {
            proxy_pass $scheme://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
    CONF

    transparent($name);
    leftovers($name);
    client_violations($name);
    server_violations($name);
    bytewise_violations($name);
    endings($name);

    $t->logged(qr/socket closed .*"websocket_client_frame", .*, [a-z]+ /,
        "$name: the log says what was wrong");
}

done_testing;
