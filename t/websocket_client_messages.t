#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What a client may send: only for his own account, only what his claims allow,
# no faster, no larger and no deeper than the location says. What he may not
# does not reach the backend, and what is in front of it does.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::Frame qw(frame CONTINUATION TEXT BINARY CLOSE PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 1,
    access_log => '$uri $tradesec_status $tradesec_reason',
    http       => provider('portal'),
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location /orders {
            tradesec_websocket_client owner=/account claim=/accounts
                when=/action:place owner=/order/account
                when=/topic:admin.* when=/action:halt require=role:admin;
            %%UPGRADE%%
        }

        location /drop {
            tradesec_websocket_client owner=/account violation=drop;
            %%UPGRADE%%
        }

        location /rate { tradesec_websocket_client rate=2r/s burst=5; %%UPGRADE%% }

        location /slow {
            tradesec_websocket_client rate=1r/m burst=3 violation=drop;
            %%UPGRADE%%
        }

        location /size { tradesec_websocket_client message_size=100; %%UPGRADE%% }
        location /json { tradesec_websocket_client json_depth=3; %%UPGRADE%% }

        location /dry {
            tradesec_dry_run websocket;
            tradesec_websocket_client owner=/account rate=1r/m burst=2;
            %%UPGRADE%%
        }

        location /both {
            tradesec_websocket owner=/user_id;
            tradesec_websocket_client owner=/user_id;
            %%UPGRADE%%
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;


sub ws {
    my ($uri, %claims) = @_;

    $sockets->clear;
    $t->clear_logs;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost',
        Cookie => 'access_token='
            . token({ accounts => [ 'A1', 'A2' ], %claims }),
    ]);

    is($ws->status, 101, "$uri: opens");

    return $ws;
}


sub client { return frame($_[0], $_[1], masked => 1, @_[2 .. $#_]) }


sub at_backend {
    return join '|', map { $_->{payload} }
        grep { $_->{opcode} < CLOSE } $sockets->events('frame');
}


# Sends it and looks how the socket ends; the backend must not have seen it.

sub closes {
    my ($ws, $bytes, $code, $reason, $title) = @_;

    my ($uri) = 1;

    $ws->write(client(TEXT, '{"first":1}') . $bytes . client(TEXT, 'evil'));

    my $close = $ws->receive_close(20);

    is($close && $close->{code}, $code, "$reason: $title");
    $ws->close($code);
    ok($ws->closed(20), "$reason: $title: connection closed");
    $ws->connection->close;

    $sockets->wait_for('gone');
    is(at_backend(), '{"first":1}',
        "$reason: $title: the backend saw only what was in front");
    ok(scalar(grep { $_->{opcode} == CLOSE && $_->{code} != 1000 }
            $sockets->events('frame')),
        "$reason: $title: and the end");

    ok(wait_until(sub {
        grep {/ REJECTED $reason$/} $t->access_log(1);
    }, 20), "$reason: $title: access log");
}


# orders for one's own accounts, and topics that need a role

{
    my $ws = ws('/orders');

    for my $payload (
        '{"account":"A1"}',
        '{"account":"A2","action":"place","order":{"account":"A1"}}',
        '{"action":"place","order":{"\u0061ccount":"A1","n":1}}',
        '{"action":"cancel","id":7}',
        '{"topic":"ticks.X"}',
        'ping',
        )
    {
        $ws->send($payload);
        is($ws->receive_text(20), $payload, "passes: $payload");

        # in fragments, with a ping between

        $ws->write(join '', client(TEXT, substr($payload, 0, 3), fin => 0),
            client(PING, 'p'), client(CONTINUATION, substr $payload, 3));
        is(join('|', map { $_->{payload} } map { $ws->receive(20) } 1 .. 3),
            'p|' . join('|', substr($payload, 0, 3), substr $payload, 3),
            "passes in fragments: $payload");

        $ws->write($_) for split //, client(TEXT, $payload);
        is($ws->receive_text(20), $payload, "passes byte by byte: $payload");
    }

    my $long = '{"account":"A1","x":"' . 'x' x 60_000 . '"}';

    $ws->send($long);
    is($ws->receive_text(20), $long, 'a long one passes');
    $ws->close(1000);
    is($ws->receive_close(20)->{code}, 1000, 'closes as ever');
}

for (
    [ 'other account'      => '{"account":"B1"}' ],
    [ 'escaped'            => '{"\u0061ccount":"B1"}' ],
    [ 'duplicate'          => '{"account":"B1","account":"A1"}' ],
    [ 'other account in an order'
        => '{"account":"A1","action":"place","order":{"account":"B1"}}' ],
    [ 'order without account' => '{"action":"place"}' ],
    [ 'second line'        => qq({"account":"A1"}\n{"account":"B1"}) ],
    [ 'batch'              => '[{"account":"A1"},{"account":"B1"}]' ],
    [ 'topic of another role' => '{"topic":"admin.users"}' ],
    [ 'action of another role' => '{"action":"halt"}' ],
    )
{
    my ($title, $payload) = @$_;

    closes(ws('/orders'), client(TEXT, $payload), 1008,
        'websocket_client_owner', $title);
    closes(ws('/orders'),
        client(TEXT, substr($payload, 0, 5), fin => 0) . client(PING, '')
            . client(CONTINUATION, substr $payload, 5),
        1008, 'websocket_client_owner', "$title, in fragments");
}

closes(ws('/orders'), client(TEXT, '{"account":"A1","account":"B1"}'), 1008,
    'websocket_client_malformed', 'duplicate, foreign last');
closes(ws('/orders'), client(TEXT, '{"account":"A1",}'), 1008,
    'websocket_client_malformed', 'no strict JSON');
closes(ws('/orders'), client(BINARY, '{"account":"B1"}'), 1008,
    'websocket_client_malformed', 'binary');

{
    my $ws = ws('/orders', role => [ 'trader', 'admin' ]);

    $ws->send('{"topic":"admin.users"}');
    is($ws->receive_text(20), '{"topic":"admin.users"}', 'with the role');
    $ws->close(1000);
    $ws->closed(20);
}


# dropped instead

{
    my $ws = ws('/drop', sub => 'A1');

    $ws->send('{"account":"B1"}');
    $ws->send("binary", opcode => BINARY);
    $ws->send('{"account":"A1"}');
    is($ws->receive_text(20), '{"account":"A1"}', 'drop: the socket goes on');
    is(at_backend(), '{"account":"A1"}', 'drop: the backend saw nothing');
    $ws->close(1000);
    $ws->closed(20);
    $t->logged(qr/message dropped .*"websocket_client_owner"/, 'drop: logged');
}


# rate; control frames count

closes(ws('/rate'), client(TEXT, '{"first":1}') x 0
        . client(PING, 'p') x 20, 1008, 'websocket_client_rate', 'pings');

{
    my $ws = ws('/rate');

    $ws->write(client(TEXT, 'm') x 20);
    is($ws->receive_close(20)->{code}, 1008, 'websocket_client_rate: messages');
    $ws->connection->close;
    $sockets->wait_for('gone');

    my $seen = () = at_backend() =~ /m/g;

    cmp_ok($seen, '>=', 5, 'the burst passes');
    cmp_ok($seen, '<', 12, 'and not much more');

    $ws = ws('/slow');
    $ws->send($_) for 1 .. 20;
    is(join('|', map { $ws->receive_text(20) } 1 .. 3), '1|2|3',
        'rate, drop: the burst passes');
    is($ws->receive_text(0.3), undef, 'rate, drop: and no more');
    $ws->close(1000);
    $ws->closed(20);
}


# size and depth

{
    my $ws = ws('/size');

    $ws->send('x' x 100);
    is($ws->receive_text(20), 'x' x 100, 'size: as large as that');
    $ws->send('\\' x 100);
    is($ws->receive_text(20), '\\' x 100, 'size: and unread');
    $ws->send("\0" x 100, opcode => BINARY);
    is($ws->receive(20)->{payload}, "\0" x 100, 'size: binary, too');
    $ws->write(client(TEXT, 'x' x 60, fin => 0)
            . client(CONTINUATION, 'x' x 41));
    is($ws->receive_close(20)->{code}, 1009, 'size: websocket_message_size');
    $ws->close(1009);
    $ws->closed(20);
    is(at_backend() =~ tr/x//, 100, 'size: nothing of it at the backend');

    $ws = ws('/json');
    $ws->send('{"a":[{}]}');
    is($ws->receive_text(20), '{"a":[{}]}', 'depth: as deep as that');
    $ws->connection->close;
}

closes(ws('/json'), client(TEXT, '{"a":[[{}]]}'), 1008,
    'websocket_client_malformed', 'too deep');
closes(ws('/json'), client(TEXT, 'pong'), 1008,
    'websocket_client_malformed', 'no JSON');


# dry run, both directions

{
    my $ws = ws('/dry', sub => 'A1');

    $ws->send('{"account":"B1"}');
    is($ws->receive_text(20), '{"account":"B1"}', 'dry run: passes');
    $ws->send($_) for 1 .. 10;
    is(join(',', map { $ws->receive_text(20) } 1 .. 10),
        join(',', 1 .. 10), 'dry run: at any rate');
    $ws->close(1000);
    $ws->closed(20);

    $ws = ws('/both');
    $ws->send('{"user_id":"alice"}');
    is($ws->receive_text(20), '{"user_id":"alice"}', 'both directions');
    $ws->send('!raw ' . unpack 'H*',
        frame(TEXT, '{"user_id":"bob"}') . frame(TEXT, '{"user_id":"alice"}'));
    is($ws->receive_text(20), '{"user_id":"alice"}', 'the own comes back');
    $ws->send('{"user_id":"bob"}');
    is($ws->receive_close(20)->{code}, 1008, 'and another one ends it');
    $ws->close(1008);
    $ws->closed(20);
}


# mistakes in the configuration

my $keys = $t->dir . '/portal.jwks';

sub refused {
    my ($line, $sentence, %opt) = @_;

    my $jwt = $opt{jwt} // 'tradesec_jwt portal bearer;';

    config_refused({
        http   => provider('portal') =~ s/jwks_file \K[^;]*/$keys/r,
        server => "tradesec on; $jwt"
            . " location /ws { $line proxy_pass http://127.0.0.1:9; }",
    }, qr/\Q$sentence\E/, "refused: $line");

    return;
}

refused('tradesec_websocket owner=user_id;', 'is no JSON pointer');
refused('tradesec_websocket owner=/a/*/b/*;', 'has more than one "*"');
refused('tradesec_websocket owner=/topic:a.*;', 'needs exactly one "(*)"');
refused('tradesec_websocket public=/topic;', 'has no pattern');
refused('tradesec_websocket public=/topic:x;',
    '"public=" means nothing without "owner="');
refused('tradesec_websocket foreign=close;',
    '"foreign=" means nothing without "owner="');
refused('tradesec_websocket owner=/a when=/b:c;',
    '"when=" is for what stands behind it');
refused('tradesec_websocket owner=/a foreign=pass;',
    'one of "drop", "log", "close" is expected');
refused('tradesec_websocket owner=/a missing=log;',
    'one of "drop", "pass", "close" is expected');
refused('tradesec_websocket owner=/a owner_type=int;',
    '"string", "number" or "any" is expected');
refused('tradesec_websocket owner=/a claim=;', 'names no claim');
refused('tradesec_websocket ower=/a;', 'did you mean "owner="?');
refused('tradesec_websocket owner=/a message_size=0;', 'invalid size');
refused('tradesec_websocket owner=/a;', 'there is no tradesec_jwt',
    jwt => '');
refused('tradesec_websocket_client owner=/a;', 'there is no tradesec_jwt',
    jwt => '');
refused('tradesec_websocket_client when=/a:b require=role:x;',
    'there is no tradesec_jwt', jwt => '');
refused('tradesec_websocket_client require=role:x;',
    'needs a "when=" in front of it');
refused('tradesec_websocket_client when=/a:b require=role;',
    'a claim and its value');
refused('tradesec_websocket_client rate=20;', 'invalid rate');
refused('tradesec_websocket_client burst=20;',
    '"burst=" means nothing without "rate="');
refused('tradesec_websocket_client json_depth=65;', 'invalid depth');
refused('tradesec_websocket_client violation=log;',
    'one of "drop", "close" is expected');
refused('tradesec_websocket_client on;', 'invalid parameter "on"');
refused('tradesec_websocket_client rate=1r/s rate=1r/s;',
    'duplicate parameter');

done_testing;
