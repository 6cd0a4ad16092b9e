#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# While operators have frozen the server no message of a client reaches the
# backend, in any open socket, but those that the configuration lists; the
# backend's messages and control frames pass.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::Frame qw(frame TEXT BINARY CLOSE PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    workers    => 2,
    access_log => '$uri $status $tradesec_websocket_dropped $tradesec_reason',
    http       => 'tradesec_zone zone=tradesec:1m;',
    server     => <<~"CONF");
        tradesec on;

        location /ws     { %%UPGRADE%% }
        location /rules  {
            tradesec_websocket_client rate=1000r/s unfrozen=/action:cancel*
                                      unfrozen=/op:logout;
            %%UPGRADE%%
        }
        location /deep   {
            tradesec_websocket_client json_depth=2;
            tradesec_dry_run freeze;
            %%UPGRADE%%
        }
        location /close  { tradesec_websocket frozen=close; %%UPGRADE%% }
        location /free   { tradesec_freeze off; %%UPGRADE%% }
        location /dry    { tradesec_dry_run freeze; %%UPGRADE%% }
        location /other  { tradesec_dry_run websocket; %%UPGRADE%% }

        location = /operators { tradesec_revocations allow=127.0.0.1; }
        location = /sockets   { tradesec_websockets allow=127.0.0.1; }
    CONF

$t->allow_logged(qr/an operator has/);


sub freeze {
    my ($word) = @_;

    return is($t->post('/operators', "freeze=$word")->status, 200,
        "freeze=$word");
}

sub ws {
    my ($uri) = @_;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri);

    is($ws->status, 101, "$uri opens");

    return $ws;
}

sub passes {
    my ($ws, $text, $title) = @_;

    $ws->send($text);

    return is($ws->receive_text(20), $text, $title);
}


# A ping behind it is answered, and nothing comes before the answer.

sub dropped {
    my ($ws, $message, $title) = @_;

    $ws->write($message =~ /^[\x81\x82\x01]/ ? $message
        : frame(TEXT, $message, masked => 1));
    $ws->send('alive', opcode => PING);

    my $frame = $ws->receive(20);

    return is($frame ? "$frame->{opcode} $frame->{payload}" : '', '10 alive',
        $title);
}


my %ws = map { $_ => ws("/$_") } qw(ws rules deep close free dry other);
my $half = ws('/ws');
my $two  = ws('/ws');

passes($ws{$_}, 'before', "before: $_") for qw(ws rules close free dry other);

# a message that has begun

my $whole = frame(TEXT, 'begun', masked => 1, fin => 0)
    . frame(0, ' before', masked => 1);

$half->write(substr $whole, 0, 8);
$two->write(frame(TEXT, 'begun', masked => 1, fin => 0));
is($two->receive->{payload}, 'begun', 'half a message passes before');

freeze('on');

dropped($ws{ws}, 'order', 'an order does not pass');
dropped($ws{ws}, frame(BINARY, 'order', masked => 1), 'nor a binary one');
dropped($ws{ws}, frame(TEXT, 'or', masked => 1, fin => 0)
    . frame(PING, 'alive', masked => 1)
    . frame(0, 'der', masked => 1), 'nor one in fragments')
    && is($ws{ws}->receive->{payload}, 'alive', 'control frames pass');
dropped($ws{ws}, '{"action":"cancel"}', 'nor a cancel that nobody lists');

$half->write(substr $whole, 8);
is($half->receive->{payload} . $half->receive->{payload}, 'begun before',
    'what has begun before passes');
dropped($half, 'order', 'the next one does not');

$two->write(frame(0, ' before', masked => 1)
    . frame(TEXT, 'order', masked => 1)
    . frame(PING, 'alive', masked => 1));
is($two->receive->{payload}, ' before', 'the rest of a message');
is($two->receive->{payload}, 'alive', 'and nothing behind it');

my $late = ws('/ws');

dropped($late, 'order', 'a new socket is frozen, too');


# what passes

$ws{free}->send('!all ' . unpack 'H*', frame(TEXT, 'tick'));
is($_->receive(20)->{payload}, 'tick', 'the backend\'s messages pass')
    for @ws{qw(free ws rules deep close dry other)}, $half, $two, $late;
passes($ws{free}, 'order', 'a listed location');
passes($ws{rules}, '{"action":"cancel"}', 'a listed message');
passes($ws{rules}, '{"action":"cancel_all","id":7}', 'by pattern');
passes($ws{rules}, '{"op":"logout"}', 'another one');

for my $message (
    '{"action":"order"}', '{"action":"Cancel"}', '{"x":{"action":"cancel"}}',
    '{"action":"order","action":"cancel"}', '{"action":["cancel"]}',
    '{"action":"\u0063ancel"}', '[{"action":"cancel"}]', 'cancel',
    '{"action":"cancel"}{"action":"order"}', '{"op":"logout1"}',
    )
{
    dropped($ws{rules}, $message, "does not pass: $message");
}

dropped($ws{other}, 'order', 'a dry run of another guard is none');
passes($ws{dry}, 'order', 'a dry run');
ok($t->logged(qr/message passed \(dry run\) by guard "freeze", reason: "websocket_frozen"/),
    'is logged');
$ws{deep}->send('{"a":{"b":{"c":7}}}');
is($ws{deep}->receive_close(20)->{code}, 1008,
    'where a dry run passes it, other rules hold');

$ws{close}->send('order');

my $close = $ws{close}->receive_close(20);

is($close->{code}, 1013, 'frozen=close: try again later');
$ws{close}->close(1013);
ok($ws{close}->closed, 'closed');
ok($t->access_logged(qr{^/close 101 1 websocket_frozen$}), 'websocket_frozen');
ok($t->logged(qr/message dropped by guard "freeze", reason: "websocket_frozen"/),
    'logged');

is(decode_json($t->get('/sockets')->body)->{dropped}{websocket_frozen}, 21,
    'counted')
    or diag($t->get('/sockets')->body);

my @read = map { $_->{payload} } grep { $_->{opcode} < CLOSE }
    $sockets->events('frame');

is(scalar(grep { $_ eq 'order' } @read), 2,
    'the backend has read those that passed only');
is(scalar(grep {/^(?:or|der)$/} @read), 0, 'and no part of another');


# and thaws

freeze('off');
passes($_, 'order', 'passes again') for @ws{qw(ws rules free other)}, $half,
    $two, $late;

# without holding anything back: a message that is larger than one that is held

$ws{ws}->send('x' x 1_200_000);
is(length($ws{ws}->receive(20)->{payload} // ''), 1_200_000,
    'as before the freeze');


for (
    [ 'tradesec_websocket frozen=pass;',             'one of "drop", "close"' ],
    [ 'tradesec_websocket_client unfrozen=/action;', 'a JSON pointer and a pattern' ],
    [ 'tradesec_websocket_client unfrozen=action:x;', 'a JSON pointer and a pattern' ],
    [ 'tradesec_websocket_client unfrozen=:x;',      'a JSON pointer and a pattern' ],
    [ 'tradesec_websocket_client unfrozen=/a:;',     'a JSON pointer and a pattern' ],
    )
{
    my ($line, $sentence) = @$_;

    config_refused({ server => "tradesec on; $line" }, qr/\Q$sentence\E/,
        "refused: $line");
}

done_testing;
