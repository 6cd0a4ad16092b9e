#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A socket ends when its time is up: not before, not a second later, with a
# close frame for both sides; idle or under load, in a worker that a reload has
# retired, and also when a peer does not play along.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Frame qw(close_body frame TEXT BINARY CLOSE PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Wait qw(now);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

sub gateway {
    my (%opt) = @_;

    return Tradesec::Test->new(
        backend    => $sockets,
        access_log => '$uri $status $tradesec_reason',
        server     => <<~"CONF", %opt);
            tradesec on;

            location /age  { tradesec_websocket max_age=1s; %%UPGRADE%% }
            location /idle { tradesec_websocket idle=1s;    %%UPGRADE%% }
            location /both { tradesec_websocket idle=1s max_age=1h; %%UPGRADE%% }
            location /long { tradesec_websocket max_age=1h; %%UPGRADE%% }

            location /dry {
                tradesec_dry_run websocket;
                tradesec_websocket max_age=1s;
                %%UPGRADE%%
            }
        CONF
}

my $t = gateway();


sub ws {
    my ($uri, %opt) = @_;

    return Tradesec::Test::WebSocket->open(($opt{from} // $t)->client, $uri,
        %opt);
}


# The close frame, and how long it took since the handshake.

sub ended {
    my ($ws, $opened) = @_;

    my $close = $ws->receive_close(8) // { code => 'none' };

    return ($close, now() - $opened);
}


sub in_time {
    my ($seconds, $limit, $title) = @_;

    note(sprintf '%s: %.3f s', $title, $seconds);

    # a busy machine gets two seconds more

    return ok($seconds > $limit - 0.01 && $seconds < $limit + 3, $title)
        || diag("$seconds seconds");
}


# Waits until the backend has the gateway's close frame; its code.

sub told {
    my $frame;

    wait_until(sub {
        ($frame) = grep { $_->{opcode} == CLOSE } $sockets->events('frame');
    });

    return $frame ? "$frame->{code} $frame->{reason}" : 'nothing';
}


my ($close, $seconds);


# idle and busy

for my $query ('', '?stream=1000') {
    my $title = $query ? 'under a flood' : 'silent';

    $sockets->clear;
    $t->clear_logs;

    my $opened = now();
    my $ws     = ws("/age$query");

    ($close, $seconds) = ended($ws, $opened);

    is("$close->{code} $close->{reason}", '1001 maximum age reached',
        "websocket_max_age: $title");
    in_time($seconds, 1, "$title: in time");
    is($ws->receive(0.5), undef, "$title: nothing behind the close frame");
    $ws->close($close->{code});
    ok($ws->closed, "$title: connection closed");
    is(told(), '1001 maximum age reached', "$title: backend is told");
    is(join('|', $t->access_log(1)), '/age 101 websocket_max_age',
        "$title: reason");
}


# From a busy client nothing gets through after the end. It does not send so
# much that the end falls into a frame: then the backend is not told.

$sockets->clear;

my $opened = now();
my $ws     = ws('/age');
my $sent   = 0;
my $behind = 0;

while (now() - $opened < 1.5) {
    $ws->send('order ' . ++$sent) or last;
    $ws->receive(0.002);
}

is(told(), '1001 maximum age reached', 'busy client: backend is told');

my @seen = $sockets->events('frame');
$behind++ while @seen && (pop @seen)->{opcode} != CLOSE;

is($behind, 0, 'busy client: nothing behind the close frame');
cmp_ok($sent, '>', scalar @seen, 'busy client: went on sending');


# idle: pings do not count, messages do

$opened = now();
$ws     = ws('/idle');

while (now() - $opened < 0.5) {
    $ws->send('p', opcode => PING);
    $ws->receive;
}

($close, $seconds) = ended($ws, $opened);
is("$close->{code} $close->{reason}", '1001 idle', 'websocket_idle: pings');
in_time($seconds, 1, 'idle in spite of pings');

# The machine may stall for longer than that: then it says nothing, and another
# socket is tried.

my $last;

for (1 .. 10) {
    my $longest = 0;

    $opened = $last = now();
    $ws     = ws('/both');

    while (now() - $opened < 2) {
        $ws->send('message');
        $ws->receive or last;
        $longest = now() - $last if now() - $last > $longest;
        $last    = now();
        select undef, undef, undef, 0.1;
    }

    last if $longest < 0.9;
}

cmp_ok($last - $opened, '>', 1.5, 'messages put it off');
($close) = ended($ws, $opened);
is($close->{reason}, 'idle', 'websocket_idle: after the last message');
in_time(now() - $last, 0.9, 'a second after the last message');


# peers that do not play along

$opened = now();
$ws     = ws('/age?mute');
($close, $seconds) = ended($ws, $opened);
is($close->{code}, 1001, 'mute backend: client is told');
$ws->close(1001);
ok($ws->closed(3), 'mute backend: ended all the same');
in_time(now() - $opened, 1, 'mute backend: ended in time');

$opened = now();
$ws     = ws('/age');
($close) = ended($ws, $opened);
ok($ws->closed(3), 'client that does not answer: ended all the same');
in_time(now() - $opened, 1, 'client that does not answer: ended in time');

$sockets->clear;
$opened = now();
$ws     = ws('/age?stream=60000');
ok($sockets->wait_for('gone'), 'client that does not read: ended');
in_time(now() - $opened, 1, 'client that does not read: ended in time');

$sockets->clear;
$opened = now();
$ws     = ws('/age?deaf');
$ws->write(frame(BINARY, 'x' x 1_000_000, masked => 1));
($close, $seconds) = ended($ws, $opened);
is($close->{code}, 1001, 'backend that does not read: client is told');
in_time($seconds, 1, 'backend that does not read: in time');
$ws->close(1001);
ok($ws->closed(3), 'backend that does not read: ended all the same');


# in the middle of a frame

$sockets->clear;
$opened = now();
$ws     = ws('/age');
$ws->write(substr frame(TEXT, 'order 1' x 100, masked => 1), 0, 300);
($close, $seconds) = ended($ws, $opened);
is($close->{code}, 1001, 'half a message from the client: client is told');
in_time($seconds, 1, 'half a message from the client: in time');
$ws->write(substr frame(TEXT, 'order 1' x 100, masked => 1), 300);
$sockets->wait_for('gone');
is($sockets->count('frame'), 0,
    'half a message from the client: not completed');

$opened = now();
$ws     = ws('/age');
$ws->send('!raw ' . unpack 'H*', substr frame(TEXT, 'tick' x 100), 0, 200);
ok($ws->closed(6), 'half a message from the backend: ended');
in_time(now() - $opened, 1, 'half a message from the backend: in time');


# the client closes in the last moment

$opened = now();
$ws     = ws('/age?mute');
$ws->close(1000);
($close, $seconds) = ended($ws, $opened);
is($close->{code}, 1001, 'backend that never answers a close: client is told');
ok($ws->closed(3), 'and the connection ends');


# dry run

$sockets->clear;
$t->clear_logs;
$ws = ws('/dry');
$t->logged(qr/websocket closed \(dry run\) .*"websocket_max_age"/,
    'dry run marks the end');
$ws->send('still here');
is($ws->receive_text, 'still here', 'dry run: goes on');
$ws->write(frame(TEXT, 'not masked'));
is($sockets->wait_for('frame', 2)->{payload}, 'not masked',
    'dry run: not inspected any more');
$ws->connection->close;


# reload: the old worker keeps guarding

$t = gateway(workers => 1);

$opened = now();
$ws     = ws('/age');

my $long = ws('/long');

ok($t->reload, 'reload');
is(scalar($t->old_workers), 1, 'old worker lives with its sockets');
$ws->send('hello');
is($ws->receive_text, 'hello', 'old worker passes messages');
($close, $seconds) = ended($ws, $opened);
is($close->{reason}, 'maximum age reached', 'old worker closes');
in_time($seconds, 1, 'old worker closes in time');
$ws->close(1001);
$long->write(frame(TEXT, 'not masked'));
is($long->receive_close->{code}, 1002, 'old worker inspects');
$_->connection->close for $ws, $long;
ok(wait_until(sub { !$t->old_workers }, 10), 'old worker leaves');


# worker_shutdown_timeout

$t = gateway(workers => 1, main => 'worker_shutdown_timeout 1s;');
$sockets->clear;

my @all = map { ws('/long') } 1 .. 3;

$all[1]->write("\x81");

# what a dry run left alone is in the middle of a frame, for all we know

my $dry = ws('/dry');

$dry->send('x', rsv => 4);
$t->logged(qr/dry run.*reserved bit/, 'marked in a dry run');

ok($t->reload, 'reload with worker_shutdown_timeout');
is($all[0]->receive_close->{code}, 1012, 'worker leaves: service restart');
is($all[1]->receive_close->{code}, 1012, 'also for one in mid-frame');
ok($_->closed, 'connection closed') for @all, $dry;
ok(!$dry->receive_close(0), 'no frame of ours in a dry run');
is(told(), '1001 the gateway restarts', 'backend is told');

done_testing;
