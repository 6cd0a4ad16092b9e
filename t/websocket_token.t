#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A socket lives no longer than the token that opened it: with leeway and
# without, in a worker that a reload has retired, whatever stands in exp.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Frame qw(CLOSE);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 1,
    access_log => '$uri $status $tradesec_reason',
    http       => provider('portal') . provider('patient', 'leeway 2s;'),
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location /     { %%UPGRADE%% }
        location /age  { tradesec_websocket max_age=1s; %%UPGRADE%% }
        location /slow {
            tradesec_jwt patient cookie=access_token;
            %%UPGRADE%%
        }
    CONF

$t->write_file('portal.jwks',  jwks());
$t->write_file('patient.jwks', jwks());
$t->start;


sub ws {
    my ($uri, $exp, @headers) = @_;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost',
        Cookie => 'access_token=' . token({ exp => $exp }),
        @headers
    ]);

    is($ws->status, 101, "$uri: opens");

    return $ws;
}


# The close frame comes at that moment: not before, and not a second later;
# a busy machine gets two seconds more.

sub ends_at {
    my ($ws, $code, $moment, $title) = @_;

    my $close = $ws->receive_close(10) // { code => 'none' };
    my $late  = time - $moment;

    is($close->{code}, $code, "$title: close code");
    note(sprintf '%s: %.3f s late', $title, $late);
    ok($late > -0.01 && $late < 3, "$title: in time");
    $ws->close($code);
    ok($ws->closed, "$title: connection closed");
    $ws->connection->close;

    return;
}


my $now = int time;
my $end = $now + 2;

my @all = (
    [ ws('/',     $end), 4401, $end,     'websocket_expired' ],
    [ ws('/slow', $end), 4401, $end + 2, 'websocket_expired with leeway' ],
    [ ws('/age',  $now + 3600), 1001, time + 1, 'max_age before exp' ],
);

ends_at(@$_) for sort { $a->[2] <=> $b->[2] } @all;

like(join('|', $t->access_log(3)), qr{/ 101 websocket_expired},
    'websocket_expired: access log');

my ($told) = grep { $_->{opcode} == CLOSE && $_->{reason} eq 'token expired' }
    $sockets->events('frame');
is($told->{code}, 1001, 'websocket_expired: backend is told');


# an old worker

$end = int(time) + 3;

my $ws   = ws('/', $end);
my $long = ws('/', $now + 3600);

ok($t->reload, 'reload');
is(scalar($t->old_workers), 1, 'old worker lives with its sockets');
ends_at($ws, 4401, $end, 'old worker');
$long->send('still here');
is($long->receive_text, 'still here', 'others go on');
$long->connection->close;
ok(wait_until(sub { !$t->old_workers }, 10), 'old worker leaves');


# far away

$ws = ws('/', 2**53);
$ws->send('forever');
is($ws->receive_text, 'forever', 'exp in a distant future');
is($ws->receive(1.2), undef, 'is no end at all');
$ws->connection->close;


# a foreign page with the victim's cookie

$sockets->clear;
is(Tradesec::Test::WebSocket->open($t->client, '/', headers => [
        Origin => 'https://evil.test',
        Cookie => 'access_token=' . token({}),
    ])->status, 403, 'foreign origin with a good token');
is($sockets->count('handshake'), 0, 'the backend sees nothing of it');

done_testing;
