#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Every rule of RFC 6455 for frames, broken in both directions where messages
# are judged before they pass: the same close codes as elsewhere, whether the
# bytes come at once, one by one or in the middle of a message, and nothing of
# a message that is not whole and right reaches the other side.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Frame qw(close_body frame
    CONTINUATION TEXT BINARY CLOSE PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    access_log => '$uri $status $tradesec_reason',
    http       => provider('portal'),
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal bearer;

        location / {
            tradesec_websocket owner=/user_id;
            tradesec_websocket_client owner=/user_id message_size=64k;
            %%UPGRADE%%
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $GOOD = '{"user_id":"alice","good":1}';
my $EVIL = '{"user_id":"alice","evil":1}';


# The frames of a violation, as one side or the other would send it.

my @VIOLATIONS = (
    [ 'reserved bit 1',       1002, [ TEXT, $EVIL, rsv => 4 ] ],
    [ 'reserved bit 2',       1002, [ TEXT, $EVIL, rsv => 2 ] ],
    [ 'reserved bit 3',       1002, [ TEXT, $EVIL, rsv => 1 ] ],
    (map { [ "opcode $_",     1002, [ $_, $EVIL ] ] } 3 .. 7, 11 .. 15),
    [ 'length not minimal, 16', 1002, [ TEXT, $EVIL, size => 2 ] ],
    [ 'length not minimal, 64', 1002, [ TEXT, $EVIL, size => 8 ] ],
    [ 'length of 16 in 64',   1002, [ TEXT, $EVIL . ' ' x 300, size => 8 ] ],
    [ 'length of 64 bits',    1002, [ TEXT, $EVIL, size => 8,
                                      length => 1 << 63 ] ],
    [ 'long ping',            1002, [ PING, $EVIL x 5 ] ],
    [ 'long close',           1002, [ CLOSE, close_body(1000, 'e' x 124) ] ],
    [ 'fragmented ping',      1002, [ PING, $EVIL, fin => 0 ] ],
    [ 'fragmented close',     1002, [ CLOSE, close_body(1000), fin => 0 ] ],
    [ 'nothing to continue',  1002, [ CONTINUATION, $EVIL ] ],
    [ 'message in a message', 1002, [ TEXT, $EVIL, fin => 0 ],
                                    [ TEXT, $EVIL ] ],
    [ 'text in binary',       1002, [ BINARY, $EVIL, fin => 0 ],
                                    [ TEXT, $EVIL ] ],
    [ 'not UTF-8',            1007, [ TEXT, "{\"user_id\":\"alice\xff\"}" ] ],
    [ 'half a character',     1007, [ TEXT, "$EVIL\xe2\x82" ] ],
    [ 'half a character in the last fragment', 1007,
                                    [ TEXT, "$EVIL\xe2", fin => 0 ],
                                    [ CONTINUATION, "\x82" ] ],
    [ 'overlong UTF-8',       1007, [ TEXT, "$EVIL\xc0\xaf" ] ],
    [ 'a surrogate',          1007, [ TEXT, "$EVIL\xed\xa0\x80" ] ],
    [ 'half a close code',    1002, [ CLOSE, 'e' ] ],
    [ 'close reason not UTF-8', 1007, [ CLOSE, close_body(1000, "\xff") ] ],
    (map { [ "close code $_", 1002, [ CLOSE, close_body($_) ] ] }
        0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000),
);

# How the bytes of a client come, and how the backend writes its own.

my %SPLITS = ('at once' => '', 'byte by byte' => 'piece=1');


sub frames {
    my ($masked, @frames) = @_;

    return join '', map { frame(@$_, masked => $masked) } @frames;
}


sub ws {
    my ($query) = @_;

    $sockets->clear;

    return Tradesec::Test::WebSocket->open($t->client, "/?$query",
        headers => [ Authorization => 'Bearer ' . token() ]);
}


sub payloads {
    return map { $_->{payload} } grep { $_->{opcode} != CLOSE } @_;
}


# The code that the backend reads. When it is slow and still writes while the
# connection ends, the close frame may be lost to it.

my ($told, $lost) = (0, 0);

sub told {
    my ($code, $title) = @_;

    my ($end) = grep { $_->{opcode} == CLOSE } $sockets->events('frame');

    $end ? $told++ : $lost++;
    is($end ? $end->{code} : $code, $code, "the backend is told, $title");
}


# Of the client: it reads the code, the backend 1001.

sub of_client {
    my ($title, $code, $bytes, $split) = @_;

    my $ws  = ws('');
    my $all = frames(1, [ TEXT, $GOOD ]) . $bytes;

    $ws->write($_) for $split ? split(//, $all) : $all;

    my $close = $ws->receive_close;

    is($close && $close->{code}, $code,
        "websocket_client_frame, $split: $title");
    ok($ws->closed, "client closed, $split: $title");

    $sockets->wait_for('gone');

    told(1001, "$split: $title");
    is_deeply([ payloads($sockets->events('frame')) ], [$GOOD],
        "the backend gets what is right, $split: $title");
}


# Of the backend: it reads the code, the client 1011.

sub of_server {
    my ($title, $code, $bytes, $split) = @_;

    my $ws = ws($SPLITS{$split});

    $ws->send('!raw '
            . unpack 'H*', frames(0, [ TEXT, $GOOD ]) . $bytes
            . frames(0, [ TEXT, $GOOD ]));

    my @seen;

    while (my $frame = $ws->receive) {
        push @seen, $frame;
        last if $frame->{opcode} == CLOSE;
    }

    is($seen[-1] && $seen[-1]{code}, 1011,
        "websocket_server_frame, $split: $title");
    is_deeply([ payloads(@seen) ], [$GOOD],
        "the client gets what is right, $split: $title");

    $ws->close(1011);
    ok($ws->closed, "server closed, $split: $title");

    $sockets->wait_for('gone');
    told($code, "$split: $title");
}


for my $violation (@VIOLATIONS) {
    my ($title, $code, @frames) = @$violation;

    for my $split (sort keys %SPLITS) {
        my $piece = $SPLITS{$split} ? $split : '';

        of_client($title, $code, frames(1, @frames), $piece);
        of_server($title, $code, frames(0, @frames), $split);
    }
}

# what only one of them can do

for my $split (sort keys %SPLITS) {
    of_client('not masked', 1002, frames(0, [ TEXT, $EVIL ]),
        $SPLITS{$split} ? $split : '');
    of_client('a request', 1002, "GET / HTTP/1.1\r\nHost: app\r\n\r\n",
        $SPLITS{$split} ? $split : '');
    of_server('masked', 1002, frames(1, [ TEXT, $EVIL ]), $split);
    of_server('a response', 1002, "HTTP/1.1 200 OK\r\n\r\n", $split);
}

cmp_ok($told, '>', $lost, 'the backend was told');

done_testing;
