#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A user sends so many messages a second, over all his sockets and all workers
# together, however he spreads them; others have their own.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::Frame qw(PING CLOSE);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::Wait qw(now);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

# the rate is so low that a slow machine adds few to the burst

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 2,
    access_log => '$uri $status $tradesec_reason',
    http       => provider('portal') . 'tradesec_zone zone=tradesec:1m;',
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location /ws {
            tradesec_websocket_client user_rate=6r/m user_burst=10
                                      violation=drop;
            %%UPGRADE%%
        }
        location /close {
            tradesec_websocket_client user_rate=6r/m user_burst=3;
            %%UPGRADE%%
        }
        location /first {
            tradesec_jwt portal message=/token;
            tradesec_websocket_client user_rate=6r/m user_burst=4
                                      violation=drop;
            %%UPGRADE%%
        }
        location /any {
            tradesec_jwt off;
            tradesec_public on;
            tradesec_websocket_client user_rate=6r/m user_burst=5
                                      violation=drop;
            %%UPGRADE%%
        }
        location /dry {
            tradesec_dry_run websocket;
            tradesec_websocket_client user_rate=6r/m user_burst=2
                                      violation=drop;
            %%UPGRADE%%
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;


sub ws {
    my ($uri, $user) = @_;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost',
        $user ? (Cookie => 'access_token=' . token({ sub => $user })) : () ]);

    is($ws->status, 101, "$uri opens");

    return $ws;
}


# How many of n messages pass, and how many may, as time goes by.

sub passing {
    my ($n, @ws) = @_;

    $_->send("m$_[0]") for (map { (@ws) } 1 .. $n / @ws);

    my $passed = 0;

    for my $ws (@ws) {
        1 while defined($ws->receive(0.3)) && ++$passed;
    }

    return $passed;
}

sub exactly {
    my ($passed, $burst, $since, $title) = @_;

    my $more = int((now() - $since) / 10) + 1;

    note("$title: $passed");

    return ok($passed >= $burst && $passed <= $burst + $more, $title)
        || diag($passed);
}


my $since = now();
my @alice = map { ws('/ws', 'alice') } 1 .. 6;

exactly(passing(60, @alice), 10, $since, 'over six sockets in two workers');
exactly(passing(12, ws('/ws', 'alice')), 0, $since, 'another socket has no more');
exactly(passing(20, ws('/ws', 'bob')), 10, now(), 'another user has his own');
ok($t->logged(qr/message dropped.*"websocket_user_rate"/), 'logged');

$since = now();
$_->connection->close for @alice;
ok($t->reload, 'reload');
exactly(passing(12, ws('/ws', 'alice')), 0, $since - 10, 'a reload forgets nothing');

# closed, and pings count

my $ws = ws('/close', 'carol');

$ws->send('x', opcode => PING) for 1 .. 9;
is($ws->receive_close(20)->{code}, 1008, 'too many pings');
ok($t->access_logged(qr{^/close 101 websocket_user_rate$}),
    'websocket_user_rate');
$ws = ws('/close', 'carol');
$ws->send($_) for 1 .. 2;
is($ws->receive_close(20)->{code}, 1008, 'another socket of hers');

# who becomes known later

my @first = map { ws('/first') } 1 .. 3;

$_->send('{"token":"' . token({ sub => 'dave' }) . '"}') for @first;
ok($_->receive(20), 'known by a message') for @first;
exactly(3 + passing(12, @first), 4, now() - 10, 'over all his sockets');

# who has no name: each connection

exactly(passing(10, ws('/any')), 5, now(), 'nobody');
exactly(passing(10, ws('/any')), 5, now(), 'nobody else');

# dry run

is(passing(9, ws('/dry', 'erin')), 9, 'dry run: all pass');
ok($t->logged(qr/dry run.*"websocket_user_rate"/), 'dry run: logged');

for (
    [ 'tradesec_websocket_client user_burst=5;',    'means nothing without' ],
    [ 'tradesec_websocket_client user_rate=5;',     'invalid rate' ],
    [ 'tradesec_websocket_client user_rate=5r/s;',  'there is no tradesec_zone' ],
    )
{
    my ($line, $sentence) = @$_;

    config_refused({ server => "tradesec on; $line" }, qr/\Q$sentence\E/,
        "refused: $line");
}

done_testing;
