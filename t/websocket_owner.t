#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A backend that sends everyone's updates to everyone, as real ones do: behind
# the gateway each client gets exactly his own messages and the public ones,
# whatever the bytes look like. Each attempt to pass a foreign message stands
# between two own ones, which have to arrive.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Frame qw(close_body frame
    CONTINUATION TEXT BINARY CLOSE PING PONG);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 1,
    access_log => '$uri $tradesec_status $tradesec_reason'
        . ' $tradesec_websocket_received $tradesec_websocket_sent'
        . ' $tradesec_websocket_dropped',
    http       => provider('portal'),
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location / {
            tradesec_websocket owner=/user_id public=/topic:ticks.*;
            %%UPGRADE%%
        }

        location /topics {
            tradesec_websocket when=/topic:eAccount.* owner=/data/accountid
                               owner=/topic:eAccount.(*)
                               missing=pass;
            %%UPGRADE%%
        }

        location /many {
            tradesec_websocket owner=/orders/*/account claim=sub
                               claim=/accounts;
            %%UPGRADE%%
        }

        location /string {
            tradesec_websocket owner=/user_id owner_type=string;
            %%UPGRADE%%
        }

        location /closing {
            tradesec_websocket owner=/user_id foreign=close missing=close
                               binary=close;
            %%UPGRADE%%
        }

        location /log {
            tradesec_websocket owner=/user_id foreign=log binary=pass
                               missing=pass;
            %%UPGRADE%%
        }

        location /small {
            tradesec_websocket owner=/user_id message_size=1000;
            %%UPGRADE%%
        }

        location /dry {
            tradesec_dry_run websocket;
            tradesec_websocket owner=/user_id foreign=drop message_size=1000;
            %%UPGRADE%%
        }

        location /nobody {
            tradesec_websocket owner=/user_id claim=accounts;
            %%UPGRADE%%
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;


sub ws {
    my ($uri, $user, %claims) = @_;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost',
        Cookie => 'access_token='
            . token({ sub => $user // 'alice', %claims }),
    ]);

    is($ws->status, 101, "$uri: opens") if !$claims{refused};

    return $ws;
}


sub text { return frame(TEXT, $_[0]) }


# The backend sends these bytes to that client.

sub sends {
    my ($ws, @bytes) = @_;

    return $ws->send('!raw ' . unpack 'H*', join '', @bytes);
}


my $mine = '{"user_id":"alice","n":%s}';
my $last = text(sprintf $mine, '"last"');


# What arrives of the bytes: payloads, up to the last own message.

sub arrives {
    my ($ws, @bytes) = @_;

    my @seen;

    sends($ws, text(sprintf $mine, '"first"'), @bytes, $last);

    while (my $frame = $ws->receive(30)) {
        last if $frame->{payload} =~ /"last"/;
        push @seen, $frame->{payload};
    }

    return join '|', grep { !/"first"/ } @seen;
}


# the plain case, and everything that is no foreign message

{
    my $ws = ws('/');

    for my $payload (
        '{"user_id":"alice"}',
        '{"user_id":"alice","balance":1e3,"l":[{}]}',
        ' { "user_id" : "alice" } ',
        '{"user_id":"\u0061lice"}',
        '{"\u0075ser_id":"alice"}',
        '{"topic":"ticks.EURUSD","bid":1.1}',
        '{"topic":"ticks.EURUSD","user_id":"alice"}',
        '[{"user_id":"alice"},{"topic":"ticks.EURUSD"}]',
        qq({"user_id":"alice"}\n{"user_id":"alice"}\n),
        qq({"user_id":"alice","note":"\xe2\x82\xac \xf0\x9f\x98\x80"}),
        '{"user_id":"alice","note":"\"user_id\":\"bob\""}',
        '{"user_id":"alice","x":{"user_id":"bob"}}',
        )
    {
        is(arrives($ws, text($payload)), $payload, "own: $payload");
    }

    $ws->close(1000);
    ok($ws->closed, 'closes as ever');
}


# bypass attempts: nothing of these

my @FOREIGN = (
    [ 'plain'               => '{"user_id":"bob"}' ],
    [ 'escaped name'        => '{"\u0075ser_id":"bob"}' ],
    [ 'escaped value'       => '{"user_id":"\u0062ob"}' ],
    [ 'duplicate, foreign last' => '{"user_id":"alice","user_id":"bob"}' ],
    [ 'duplicate, own last' => '{"user_id":"bob","user_id":"alice"}' ],
    [ 'duplicate, escaped'  => '{"user_id":"alice","user_\u0069d":"bob"}' ],
    [ 'nested decoy'        => '{"x":{"user_id":"alice"},"user_id":"bob"}' ],
    [ 'nested decoy alone'  => '{"x":{"user_id":"alice"}}' ],
    [ 'decoy in a string'   => '{"x":"{\"user_id\":\"alice\"}"}' ],
    [ 'decoy in an array'   => '{"x":["user_id","alice"],"user_id":"bob"}' ],
    [ 'case of the value'   => '{"user_id":"Alice"}' ],
    [ 'case of the name'    => '{"User_Id":"alice"}' ],
    [ 'prefix of the value' => '{"user_id":"alic"}' ],
    [ 'longer value'        => '{"user_id":"alice2"}' ],
    [ 'space in the value'  => '{"user_id":"alice "}' ],
    [ 'NUL in the value'    => '{"user_id":"alice\u0000bob"}' ],
    [ 'raw NUL'             => "{\"user_id\":\"alice\0\"}" ],
    [ 'array of owners'     => '{"user_id":["alice","bob"]}' ],
    [ 'object as owner'     => '{"user_id":{"id":"alice"}}' ],
    [ 'null'                => '{"user_id":null}' ],
    [ 'boolean'             => '{"user_id":true}' ],
    [ 'number'              => '{"user_id":7}' ],
    [ 'byte order mark'     => "\xef\xbb\xbf{\"user_id\":\"alice\"}" ],
    [ 'batch'               => '[{"user_id":"alice"},{"user_id":"bob"}]' ],
    [ 'batch in a batch'    => '[[{"user_id":"alice"}]]' ],
    [ 'array around'        => '[{"user_id":"bob"}]' ],
    [ 'two lines'           => qq({"user_id":"alice"}\n{"user_id":"bob"}) ],
    [ 'two without a line'  => '{"user_id":"alice"}{"user_id":"bob"}' ],
    [ 'comment'             => '{"user_id":"alice"/*","user_id":"bob*/}' ],
    [ 'trailing comma'      => '{"user_id":"alice",}' ],
    [ 'single quotes'       => q({'user_id':'alice'}) ],
    [ 'bare name'           => '{user_id:"alice"}' ],
    [ 'cut'                 => '{"user_id":"alice"' ],
    [ 'rubbish behind'      => '{"user_id":"alice"} bob' ],
    [ 'no owner'            => '{"balance":1}' ],
    [ 'other topic'         => '{"topic":"ticks","bid":1}' ],
    [ 'public with foreign owner'
            => '{"topic":"ticks.EURUSD","user_id":"bob"}' ],
    [ 'topic twice'         => '{"topic":"ticks.A","topic":"account"}' ],
    [ 'no JSON'             => 'user_id alice' ],
    [ 'empty'               => '' ],
    [ 'deep'                => '{"user_id":"alice","x":' . '[' x 64
                                . ']' x 64 . '}' ],
);

{
    my $ws = ws('/');

    for (@FOREIGN) {
        my ($title, $payload) = @$_;

        is(arrives($ws, text($payload)), '', "dropped: $title");

        # fragments, with a border at each byte of the payload

        my @cut = map {
            (frame(TEXT, substr($payload, 0, $_), fin => 0),
                frame(CONTINUATION, substr $payload, $_))
        } 0 .. length $payload;

        is(arrives($ws, @cut), '', "dropped: $title, fragmented");

        is(arrives($ws,
                frame(TEXT, '', fin => 0),
                (map { (frame(PING, 'p'), frame(CONTINUATION, $_, fin => 0)) }
                    split //, $payload),
                frame(CONTINUATION, '')),
            join('|', ('p') x length $payload),
            "dropped: $title, in pieces with a ping between: pings pass");
    }

    is(arrives($ws, frame(BINARY, '{"user_id":"alice"}')), '',
        'dropped: binary');

    is(arrives($ws, text('{"user_id":"alice","x":"' . 'y' x 300_000 . '"}')
                =~ s/alice/bobby/r), '', 'dropped: long');

    $ws->close(1000);
    $ws->closed;

    for my $reason (qw(foreign ownerless malformed binary)) {
        $t->logged(qr/websocket message dropped .*"websocket_${reason}_message"/,
            "websocket_${reason}_message is logged");
    }

    $t->logged(qr/"websocket_foreign_message".* \d{3,} such messages in this/,
        'and counted at the end');

    my ($line) = grep { m{^/ PASSED  } && !/ 0$/ } $t->access_log(2);

    like($line, qr{^/ PASSED  \d+ \d+ \d{4,}$}, 'the access log has numbers');
}


# what is large for nginx's buffers, at every border of them

{
    my $ws = ws('/');

    for my $length (1 .. 40, map { $_ * 128 } 1 .. 80) {
        my $own = '{"user_id":"alice","x":"' . 'a' x $length . '"}';
        my $foreign = '{"user_id":"bobby","x":"' . 'b' x $length . '"}';

        is(arrives($ws, text($foreign), text($own), text($foreign),
                frame(PING, $length), text($foreign), text($own)),
            "$own|$length|$own", "around the buffer: $length");
    }

    my $huge = '{"user_id":"alice","x":"' . 'a' x 900_000 . '"}';

    is(arrives($ws, text($huge) x 3), join('|', ($huge) x 3), 'huge messages');

    # the client reads what the backend framed: fragments stay fragments

    sends($ws, frame(TEXT, '{"user_id":', fin => 0), frame(PING, 'now'),
        frame(CONTINUATION, '"alice"', fin => 0), frame(CONTINUATION, '}'));

    is(join('|', map { "$_->{opcode},$_->{fin},$_->{payload}" }
            map { $ws->receive(30) } 1 .. 4),
        '9,1,now|1,0,{"user_id":|0,0,"alice"|0,1,}',
        'fragments pass as they were, a ping before them');

    my $rss = $t->rss(($t->workers)[0]);

    sends($ws, text($huge));
    $ws->receive(30);
    cmp_ok($t->rss(($t->workers)[0]) - $rss, '<', 1000, 'memory goes back');
}


# two accounts of one user, rules by topic, strings and numbers

{
    my $ws = ws('/many', 'alice', accounts => [ 'A1', 42 ]);

    $last = text('{"orders":[{"account":"A1"}],"n":"last"}');
    $mine = '{"orders":[{"account":"A1"}],"n":%s}';

    my $own = '{"orders":[{"account":"A1"},{"account":42},'
        . '{"account":"alice"}]}';

    is(arrives($ws, text($own)), $own, 'accounts: all of them own');

    for my $payload (
        '{"orders":[{"account":"A1"},{"account":"A2"}]}',
        '{"orders":[{"account":"A1"},{"x":"A2"}]}',
        '{"orders":[{"account":42.0}]}',
        '{"orders":[{"account":4.2e1}]}',
        '{"orders":[{"account":42},{"account":12345678901234567890123}]}',
        '{"orders":[]}',
        '{"account":"A1"}',
        )
    {
        is(arrives($ws, text($payload)), '', "accounts: $payload");
    }

    $ws->close(1000);
    $ws = ws('/string', '42');

    sends($ws, text('{"user_id":42}'), text('{"user_id":"42"}'));
    is($ws->receive_text(30), '{"user_id":"42"}', 'a number is no string');

    $ws->close(1000);
    $ws = ws('/', '42');

    sends($ws, text('{"user_id":42}'));
    is($ws->receive_text(30), '{"user_id":42}', 'unless it may be');
    $ws->close(1000);
}

{
    my $ws = ws('/topics', 'alice');

    $last = text('{"x":"last"}');
    $mine = '{"x":%s}';

    for my $payload (
        '{"topic":"eAccount.alice","data":{"accountid":"alice"}}',
        '{"topic":"eAccount.alice"}',
        '{"topic":"news","data":{"accountid":"bob"}}',
        'pong',
        )
    {
        is(arrives($ws, text($payload)), $payload, "topics: $payload");
    }

    for my $payload (
        '{"topic":"eAccount.bob","data":{"accountid":"bob"}}',
        '{"topic":"eAccount.bob","data":{"accountid":"alice"}}',
        '{"data":{"accountid":"bob"},"topic":"eAccount.alice"}',
        '{"topic":"eAccount.","data":{"accountid":"alice"}}',
        '{"topic":"\u0065Account.bob"}',
        '{"data":{"accountid":"bob"}',
        )
    {
        is(arrives($ws, text($payload)), '', "topics, dropped: $payload");
    }

    $ws->close(1000);
}


# actions

$mine = '{"user_id":"alice","n":%s}';

for (
    [ 'websocket_foreign_message',   1008, text('{"user_id":"bob"}') ],
    [ 'websocket_ownerless_message', 1008, text('{"balance":1}') ],
    [ 'websocket_malformed_message', 1008, text('{"user_id":"alice",}') ],
    [ 'websocket_binary_message',    1003, frame(BINARY, 'x') ],
    )
{
    my ($reason, $code, $bytes) = @$_;

    $t->clear_logs;
    $sockets->clear;

    my $ws = ws('/closing');

    sends($ws, text(sprintf $mine, 1), $bytes, text(sprintf $mine, 2));

    is($ws->receive_text(30), sprintf($mine, 1), "$reason: own before");

    my $frame = $ws->receive(30);

    is("$frame->{opcode} $frame->{code} $frame->{reason}",
        CLOSE . " $code not allowed", "$reason: closes");
    $ws->close($code);
    ok($ws->closed, "$reason: and the connection");
    $ws->connection->close;

    ok(wait_until(sub {
        grep {m{^/closing REJECTED $reason }} $t->access_log(1);
    }), "$reason: access log");
    ok(scalar(grep { $_->{opcode} == CLOSE } $sockets->events('frame')),
        "$reason: the backend is told");
}

{
    my $ws = ws('/log');

    $last = text('{"user_id":"alice","n":"last"}');
    $mine = '{"user_id":"alice","n":%s}';

    is(arrives($ws, text('{"user_id":"bob"}'), frame(BINARY, 'xyz'),
            text('{"x":1}')),
        '{"user_id":"bob"}|xyz|{"x":1}', 'log: everything passes');
    $ws->close(1000);
    $t->logged(qr/websocket message passed .*"websocket_foreign_message"/,
        'log: and is told');

    $ws = ws('/dry');
    is(arrives($ws, text('{"user_id":"bob"}'), text('{"x":1}')),
        '{"user_id":"bob"}|{"x":1}', 'dry run: everything passes');

    my $big = '{"user_id":"bob","x":"' . 'x' x 20_000 . '"}';

    is(arrives($ws, text($big), text('{"x":1}')), "$big|{\"x\":1}",
        'dry run: what is too large, too');
    $ws->close(1000);
    $t->logged(qr/dropped \(dry run\) .*"websocket_foreign_message"/,
        'dry run: and is told');
}


# size

for my $size (1000, 1001) {
    my $ws = ws('/small');
    my $payload = '{"user_id":"alice","x":"' . 'x' x ($size - 26) . '"}';

    sends($ws, frame(TEXT, substr($payload, 0, 500), fin => 0),
        frame(PING, 'x' x 125), frame(CONTINUATION, substr $payload, 500));

    my @seen = map { $ws->receive(30) } 1 .. ($size > 1000 ? 2 : 3);

    is($seen[-1]{opcode}, $size > 1000 ? CLOSE : CONTINUATION,
        "message of $size bytes") || diag(explain \@seen);
    is($seen[-1]{code}, 1009, 'websocket_message_size') if $size > 1000;
    $ws->close(1000);
}

{
    my $ws = ws('/small');

    sends($ws, frame(TEXT, '', size => 8, length => 1 << 40));
    is($ws->receive_close->{code}, 1009, 'an announced terabyte');
    ok($ws->connection->close, 'closed');
}


# what all sockets of a worker may hold

{
    my $rss   = $t->rss(($t->workers)[0]);
    my $begun = frame(TEXT, '{"user_id":"bob","x":"', size => 8,
        length => 1_000_000);
    my @crowd;

    for (1 .. 70) {
        push @crowd, ws('/');
        $crowd[-1]->send('!fill 999000 ' . unpack 'H*', $begun);
    }

    my $close = $crowd[-1]->receive(20);

    is($close->{code}, 1013, 'websocket_memory: the worker holds no more');

    my $own = ws('/');

    sends($own, text('{"user_id":"alice"}'));
    is($own->receive_text, '{"user_id":"alice"}', 'others go on');

    $_->connection->close for @crowd;

    ok(wait_until(sub { $t->rss(($t->workers)[0]) - $rss < 20_000 }, 10),
        'the memory goes back')
        or diag($t->rss(($t->workers)[0]) - $rss);
}


# nobody

is(ws('/nobody', 'alice', refused => 1)->status, 403,
    'websocket_owner_claim: no such claim');
is(ws('/nobody', 'alice', refused => 1, accounts => [])->status, 403,
    'websocket_owner_claim: an empty one');
is(ws('/nobody', 'alice', refused => 1, accounts => [ 'A1', {} ])->status, 403,
    'websocket_owner_claim: one that is no list of texts');
is(ws('/nobody', 'alice', accounts => 'A1')->status, 101, 'and one that is');

done_testing;
