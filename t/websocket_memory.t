#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A worker gives back what its sockets took: thousands come, talk and leave in
# every way there is, and the worker is as small as after the first of them.
# Shows what an open socket costs beside one that is not inspected.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(module_links wait_until);
use Tradesec::Test::Frame qw(frame TEXT);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;

plan skip_all => 'sanitizers keep what was freed'
    if module_links('libasan');

my $ROUND = 400;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend => $sockets,
    workers => 1,
    level   => 'crit',
    server  => <<~'CONF');
        tradesec on;

        location / {
            tradesec_websocket max_age=1h;
            %%UPGRADE%%
        }

        location /off {
            tradesec off;
            %%UPGRADE%%
        }
    CONF

my ($worker) = $t->workers;


sub crowd {
    my ($uri) = @_;

    return
        map { Tradesec::Test::WebSocket->open($t->client, $uri) } 1 .. $ROUND;
}


sub connections {
    my @open = glob "/proc/$worker/fd/*";

    return scalar grep { (readlink // '') =~ /^socket/ } @open;
}


# Everyone talks; then a fifth each: closes, vanishes, resets, breaks a rule,
# is closed by the backend.

sub talk_and_leave {
    my @crowd = crowd('/');

    $_->send('x' x 3000) for @crowd;

    my $answered = grep { defined $_->receive_text } @crowd;

    for my $i (0 .. $#crowd) {
        my $ws  = $crowd[$i];
        my $way = $i % 5;

        $way == 0 ? $ws->close(1000)
            : $way == 1 ? $ws->write(substr frame(TEXT, 'gone'), 0, 3)
            : $way == 2 ? setsockopt($ws->connection->socket,
                Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0)
            : $way == 3 ? $ws->write(frame(TEXT, 'not masked'))
            :             $ws->send('!hangup');

        $ws->receive(0.05) if $way == 3;
        $ws->connection->close;
    }

    return $answered;
}


my $idle = connections();

is(talk_and_leave(), $ROUND, 'all are served');
ok(wait_until(sub { connections() == $idle }, 10), 'all are gone');

my $first = $t->rss($worker);

talk_and_leave() for 1 .. 6;

ok(wait_until(sub { connections() == $idle }, 10), 'all are gone again');

my $last = $t->rss($worker);

cmp_ok($last - $first, '<', 512,
    'memory is flat over ' . 6 * $ROUND . ' sockets')
    || diag("$first kB, then $last kB");
note("$first kB, then $last kB");

for my $uri ('/off', '/') {
    $t->restart;
    ($worker) = $t->workers;

    my $before = $t->rss($worker);
    my @crowd  = crowd($uri);

    $_->send('x' x 3000) for @crowd;
    $_->receive for @crowd;

    note(sprintf '%s: %.1f kB for each open socket', $uri,
        ($t->rss($worker) - $before) / $ROUND);
}

done_testing;
