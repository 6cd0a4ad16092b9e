#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A token in the first message of a WebSocket: until it has come nothing passes
# to the client, and nobody gets anything else than a socket without one.

use v5.30;
use warnings;

use FindBin qw($Bin);
use JSON::PP qw(decode_json encode_json);
use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::Backend;
use Tradesec::Test::Frame qw(close_body frame TEXT BINARY CLOSE PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

# an app that knows nothing of WebSockets

my $plain = Tradesec::Test::Backend->new(answers => {
    '/plain/ok'     => sub { { body => "secret of a user\n" } },
    '/plain/fail'   => sub { { status => 500, body => "secret of a user\n" } },
    '/plain/accel'  => sub {
        { headers => [ 'X-Accel-Redirect' => '/internal/file' ], body => '' }
    },
    '/plain/accel_off' => sub {
        { headers => [ 'X-Accel-Redirect' => '/off/file' ], body => '' }
    },
    '/plain/gone'   => sub { { status => 404, body => "secret of a user\n" } },
});
my $app = $plain->address;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 1,
    access_log => '$uri $status "$tradesec_user" $tradesec_reason',
    http       => provider('portal', 'max_lifetime 2h;', 'header X-User sub;')
        . 'tradesec_zone zone=tradesec:1m;',
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal message=/token;

        location /ws    { %%UPGRADE%% }
        location /deep  { tradesec_jwt portal message=/payload/authorization; %%UPGRADE%% }
        location /both  { tradesec_jwt portal cookie=access_token message=/token; %%UPGRADE%% }
        location /owner { tradesec_websocket owner=/user; %%UPGRADE%% }
        location /rules { tradesec_websocket_client owner=/account claim=accounts; %%UPGRADE%% }
        location /short { tradesec_websocket_token timeout=1s size=2k; %%UPGRADE%% }
        location /star  { tradesec_websocket_token message=redact; %%UPGRADE%% }
        location /drop  { tradesec_websocket_token message=drop; %%UPGRADE%% }
        location /limit { tradesec_websocket_limit user=1; %%UPGRADE%% }
        location /rule  { tradesec_require role=admin; %%UPGRADE%% }
        location /dry   { tradesec_dry_run jwt; %%UPGRADE%% }
        location /cookie { tradesec_jwt portal cookie=access_token; %%UPGRADE%% }

        location /plain/ {
            proxy_pass http://$app;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
        location /gone/ { proxy_pass http://127.0.0.1:1; }
        location /internal/ {
            internal;
            tradesec_jwt off;
            tradesec_public on;
            root %%DIR%%;
        }
        location /off/ {
            internal;
            tradesec_jwt off;
            tradesec_websocket off;
            root %%DIR%%;
        }
        location /plain/gone {
            error_page 404 = \@open;
            proxy_intercept_errors on;
            proxy_pass http://$app;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
        location /led/open   { try_files /nothing \@open; }
        location /led/off    { try_files /nothing \@off; }
        location /led/dry    { try_files /nothing \@dry; }
        location \@open { tradesec_jwt off; %%UPGRADE%% }
        location \@off  { tradesec off; %%UPGRADE%% }
        location \@dry  { tradesec_jwt off; tradesec_dry_run websocket; %%UPGRADE%% }

        location /watched { tradesec_dry_run websocket; %%UPGRADE%% }
        location /watched/age {
            tradesec_dry_run websocket;
            tradesec_websocket max_age=1s;
            %%UPGRADE%%
        }
        location /watched/owner {
            tradesec_dry_run websocket;
            tradesec_websocket owner=/user claim=nothing;
            %%UPGRADE%%
        }
        location /file/ { root %%DIR%%; }
        location = /operators {
            tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1;
        }
        location = /sockets {
            tradesec_jwt off;
            tradesec_websockets allow=127.0.0.1;
        }
    CONF

$t->write_file('portal.jwks', jwks());
mkdir $t->dir . "/$_" for qw(file internal off);
$t->write_file("$_/file", "secret of a user\n") for qw(file internal off);
$t->start;

my $leak = unpack 'H*', frame(TEXT, 'secret of a user');


sub ws {
    my ($uri, @headers) = @_;

    return Tradesec::Test::WebSocket->open($t->client, $uri,
        headers => [ Origin => 'http://localhost', @headers ]);
}


sub opens {
    my ($uri, $title) = @_;

    $sockets->clear;
    $t->clear_logs;

    my $ws = ws($uri);

    is($ws->status, 101, "$title: opens");

    return $ws;
}


sub message { return encode_json({ op => 'auth', token => $_[0] // token() }) }


# Closed, with nothing before it, and nothing at the backend but the end.

sub refused {
    my ($ws, $code, $reason, $title) = @_;

    my $frame = $ws->receive(20);

    is($frame->{opcode}, CLOSE, "$title: nothing but a close frame");
    is($frame->{code}, $code, "$title: $code");
    $ws->close($frame->{code});
    ok($ws->closed(20), "$title: connection closed");
    $ws->connection->close;     # else nginx lingers
    $sockets->wait_for('gone');
    is_deeply([ map { $_->{opcode} } $sockets->events('frame') ], [CLOSE],
        "$title: the backend reads the end only");
    ok($t->access_logged(qr/ 101 "" $reason$/), "$title: $reason")
        or diag($t->access_log);

    return;
}


# let in

my $ws = opens("/ws?behind=$leak", 'a good token');

is($ws->receive(0.5), undef, 'nothing passes before it');
$ws->send(message());
is($ws->receive_text, 'secret of a user', 'then what was held');
is_deeply(decode_json($ws->receive_text)->{op}, 'auth', 'the message passes');
$ws->send('hello');
is($ws->receive_text, 'hello', 'and all others');
is(decode_json($t->get('/sockets')->body)->{sockets}[0]{user}, 'alice',
    'operators see whose it is');
$ws->close(1000);
ok($ws->closed, 'closed');
ok($t->access_logged(qr{^/ws 101 "alice" $}), 'the log knows who he is');

$ws = opens('/deep', 'deep, and with a scheme');
$ws->send('{"payload":{"authorization":"Bearer ' . token() . '"}}');
ok($ws->receive_text, 'Bearer');

$ws = opens('/ws', 'in pieces');
$ws->write($_) for split //,
    frame(TEXT, substr(message(), 0, 20), masked => 1, fin => 0)
    . frame(PING, 'x', masked => 1);
is($ws->receive(0.2), undef, 'no answer to a ping');
{
    my $message = message();
    my $first   = opens('/star', 'redacted');

    $first->write(frame(TEXT, substr($message, 0, 50), masked => 1, fin => 0)
        . frame(0, substr($message, 50, 70), masked => 1, fin => 0)
        . frame(PING, 'x', masked => 1)
        . frame(0, substr($message, 120), masked => 1));
    ok($first->receive, 'passes');
    my $text = join '', map { $_->{payload} }
        grep { $_->{opcode} < CLOSE } $sockets->events('frame');
    my $stars = '*' x length token();
    like($text, qr/^\{"op":"auth","token":"\*{100,}"\}$|^\{"token":"\*{100,}","op":"auth"\}$/,
        'the backend reads stars');
    is(length $text, length $message, 'as many');
}

$ws = opens('/drop', 'dropped');
$ws->send(message());
$ws->send('hello');
is($ws->receive_text, 'hello', 'the message with the token does not pass');


# kept out

for my $case (
    [ '{"op":"hello"}',                        'missing', 'no token' ],
    [ 'not JSON',                              'missing', 'no JSON' ],
    [ '{"token":null}',                        'missing', 'null' ],
    [ '{"payload":{"token":"' . token() . '"}}', 'missing', 'elsewhere' ],
    [ message('x.y.z'),                        'bad', 'no token, but a name' ],
    [ message(token({ exp => time - 10 })),    'bad', 'expired' ],
    [ message(token({ iss => 'https://idp.test' },
        kid => 'ec2', header => { kid => 'ec' })), 'bad', 'another key' ],
    [ message(token({}, alg => 'HS256')),      'bad', 'another algorithm' ],
    [ '{"token":"' . token() . '","token":"x"}', 'bad', 'two tokens' ],
    [ '{"token":"' . token() . '","\u0074oken":"x"}', 'bad', 'one in disguise' ],
    [ '{"token":["' . token() . '"]}',         'bad', 'a list' ],
    [ message() . "\n" . message(),            'bad', 'two messages in one' ],
    )
{
    my ($message, $kind, $title) = @$case;
    my $one = opens("/ws?behind=$leak", $title);

    $one->send($message);
    $one->send(message());
    refused($one, 4401,
        $kind eq 'bad' ? 'websocket_token' : 'websocket_token_missing', $title);
}

$t->logged(qr/websocket closed by guard "jwt", reason: "websocket_token",.*, the message can be read in two ways/,
    'logged, with what was found');

$ws = opens("/ws?behind=$leak", 'binary');
$ws->send(message(), opcode => BINARY);
refused($ws, 4401, 'websocket_token_missing', 'binary');

$ws = opens("/short?behind=$leak", 'in time');
refused($ws, 4401, 'websocket_token_missing', 'nothing in time');

$ws = opens("/short?behind=$leak", 'half');
$ws->write(substr frame(TEXT, message(), masked => 1), 0, 100);
refused($ws, 4401, 'websocket_token_missing', 'half a message in time');

$ws = opens('/short', 'large');
$ws->send(encode_json({ x => 'y' x 3000, token => token() }));
refused($ws, 1009, 'websocket_message_size', 'too large');

$ws = opens("/ws?behind=$leak", 'client closes');
$ws->close(4321, 'bye');
is($ws->receive(20)->{code}, 4321, 'a client who leaves reads his own code');
ok($ws->closed(20), 'connection closed');

$ws = opens("/ws?behind=$leak", 'pings');
$ws->send('x', opcode => PING) for 1 .. 9;
is($ws->receive(20)->{code}, 4401, 'too many pings');

$ws = opens("/ws?behind=$leak", 'vanished');
$ws->connection->close;
ok($sockets->wait_for('gone'), 'a client that vanishes: the backend is told');


# what another socket makes the backend say to all

{
    my $alice  = opens('/ws', 'alice');
    my $nobody = ws('/ws');

    $alice->send(message());
    ok($alice->receive_text, 'alice is in');
    $alice->send("!all $leak");
    is($alice->receive_text, 'secret of a user', 'and reads it');
    is($nobody->receive(0.3), undef, 'nobody does not');
    $nobody->send(message('x'));
    is($nobody->receive(20)->{code}, 4401, 'not behind a bad token either');
}


# what a cookie's token does, it does

$ws = opens('/owner', 'owner');
$ws->send(message());
$ws->send('{"user":"bob"}');
$ws->send('{"user":"alice"}');
is($ws->receive_text, '{"user":"alice"}', 'owner rules');

$ws = opens('/rules', 'rules');
$ws->send('{"account":"7","token":"' . token({ accounts => ['7'] }) . '"}');
ok($ws->receive_text, 'rules for clients: the first message is one');
$ws->send('{"account":"8"}');
is($ws->receive_close(20)->{code}, 1008, 'and the others');

$ws = opens('/rules', 'rules');
$ws->send('{"account":"8","token":"' . token({ accounts => ['7'] }) . '"}');
is($ws->receive(20)->{code}, 1008, 'the first may break them');

$ws = opens('/ws', 'short token');
$ws->send(message(token({ exp => time + 2 })));
ok($ws->receive_text, 'a token that ends soon');

my $close = $ws->receive_close(20);

is("$close->{code} $close->{reason}", '4401 token expired', 'ends the socket');

$ws = opens('/ws', 'revoked');
$ws->send(message(token({ sub => 'mallory' })));
ok($ws->receive_text, 'in');
is($t->post('/operators', 'user=mallory')->status, 200, 'revoked');
is($ws->receive_close(20)->{reason}, 'token revoked', 'and out');

$ws = opens('/ws', 'revoked before');
$ws->send(message(token({ sub => 'mallory', iat => time - 10 })));
is($ws->receive(20)->{code}, 4401, 'a token that was revoked');

my @limit = map { opens('/limit', 'limit') } 1 .. 3;

$limit[0]->send(message());
ok($limit[0]->receive_text, 'the first socket of a user');
$limit[1]->send(message());
is($limit[1]->receive(20)->{code}, 1008, 'a second one is too many');
ok($t->access_logged(qr/websocket_user_limit/), 'websocket_user_limit');
$limit[2]->send(message(token({ sub => 'bob' })));
ok($limit[2]->receive_text, 'another user has his own');
$limit[0]->send('hello');
is($limit[0]->receive_text, 'hello', 'and the first goes on');


# with another place for tokens

my $cookie = 'Cookie';

$ws = ws('/both', $cookie => 'access_token=' . token());
$ws->send('hello');
is($ws->receive_text, 'hello', 'a cookie is enough');
is(ws('/both', $cookie => 'access_token=' . token({ exp => 1 }))->status, 401,
    'a bad one is not waited for');
is(ws('/cookie')->status, 401, 'elsewhere nothing is deferred');
is(ws('/rule')->status, 403, 'rules are judged at the handshake');
is(Tradesec::Test::WebSocket->open($t->client, '/ws', headers => [
    Origin => 'http://evil.test' ])->status, 403, 'the origin, too');

$sockets->clear;
$ws = ws('/ws', 'X-User' => 'admin', 'X_User' => 'admin');
my $handshake = $sockets->wait_for('handshake');
is_deeply([ grep {/x.user/i} @{ $handshake->{headers} } ], [],
    'a client cannot name itself');


# nobody gets anything but a socket

my @handshake = Tradesec::Test::WebSocket->headers(Origin => 'http://localhost');

for my $case (
    [ '/plain/ok',    'the answer of a backend' ],
    [ '/plain/fail',  'its error' ],
    [ '/plain/accel', 'a file that it names' ],
    [ '/plain/accel_off', 'a file where there are no WebSockets' ],
    [ '/file/file',   'a file' ],
    [ '/ws?force',    'no answer' ],
    )
{
    my ($uri, $title) = @$case;

    is($t->get($uri)->status, 401, "$title: without Upgrade");

    next if $uri eq '/ws?force';

    my $r = $t->get($uri, @handshake);

    is($r->status, 401, "$title: with a handshake");
    unlike($r->body // '', qr/secret/, "$title: not told");
    is($r->header('WWW-Authenticate'), 'Bearer realm="restricted"',
        "$title: challenge");
    is($t->request(POST => $uri, 'x', @handshake)->status, 400,
        "$title: POST is no handshake");
}

is($t->get('/internal/file', @handshake)->status, 404, 'not by its name');
is($t->get('/gone/', @handshake)->status, 502, 'an error of nginx is one');
is(ws('/ws?accept=1')->status, 502, 'a wrong answer of the backend');
is($t->get('/ws', Upgrade => 'websocket', Connection => 'upgrade')->status, 426,
    'half a handshake');
is($t->get('/ws', @handshake, 'Sec-WebSocket-Key' => 'x')->status, 400,
    'a bad one');


# Wherever nginx leads, and whatever is in dry run there: the token is owed. The
# frames behind it would do what the dry run lets pass.

my $evil = frame(TEXT, '{"op":"evil"}', masked => 1);

for my $case (
    [ '/plain/gone',    'an error page without tokens' ],
    [ '/led/open',      'try_files, a location without tokens' ],
    [ '/led/off',       'try_files, a location that is off' ],
    [ '/led/dry',       'try_files, a dry run of WebSockets' ],
    [ '/led/dry',       'there, a broken frame',
        "\xf1" . substr $evil, 1 ],
    [ '/watched',       'a dry run of WebSockets' ],
    [ '/watched',       'there, a broken frame',
        "\xf1" . substr $evil, 1 ],
    [ '/watched',       'there, a frame without a mask', frame(TEXT, 'x') ],
    [ '/watched',       'there, a large message',
        frame(TEXT, 'x' x 20_000, masked => 1) ],
    [ '/watched/age',   'there, the maximum age',     '' ],
    [ '/watched/owner', 'there, a claim that is not' ],
    )
{
    my ($uri, $title, $first) = @$case;

    $ws = opens("$uri?behind=$leak", $title);
    $ws->write(($first // '') . $evil) unless defined $first && $first eq '';
    refused($ws, 4401, 'websocket_token_missing', $title);
}

for my $uri (qw(/plain/gone /led/open /led/off /led/dry /watched
    /watched/owner))
{
    $ws = opens("$uri?behind=$leak", "$uri, with a token");
    $ws->send(message());
    is($ws->receive_text, 'secret of a user', '... it is good');
    ok($ws->receive_text, '... and passed');
    $ws->send('hello');
    is($ws->receive_text, 'hello', '... as others are');
    $ws->close(1000);
    ok($ws->closed, '... to the end');
}

# compressed messages could not be read

for my $uri ('/watched', '/watched?extension=permessage-deflate') {
    $sockets->clear;
    $ws = ws($uri, 'Sec-WebSocket-Extensions' => 'permessage-deflate');

    is($ws->status, $uri =~ /=/ ? 401 : 101, "$uri: not compressed");
    is_deeply([ grep {/extensions/i}
            @{ $sockets->wait_for('handshake')->{headers} } ],
        [], '... nor offered');
}


# as the clients of others see it

for my $client ('/usr/bin/python3 first_message.py', 'node first_message.js') {
    my ($run, $script) = split ' ', $client;
    my $url = 'ws://localhost:' . $t->port;

    local $ENV{NODE_PATH} = '/usr/share/nodejs';

    open my $out, '-|', $run, "$Bin/websocket/$script", "$url/ws",
        "$url/short", token() or die "$script: $!";

    my $seen = eval { decode_json(do { local $/; <$out> }) };

    is_deeply($seen, {
        good => [ JSON::PP::true, 'hello', 1000, 'bye' ],
        bad  => [ 4401, 'not allowed' ],
        none => [ 4401, 'no token' ],
        late => [ 4401, 'no token' ],
    }, $script) or diag(explain($seen));
}


# dry run: told, and passed

$ws = opens("/dry?behind=$leak", 'dry run');
is($ws->receive_text, 'secret of a user', 'dry run: nothing is held');
$ws->send('hello');
is($ws->receive_text, 'hello', 'dry run: goes on');
ok($t->logged(qr/websocket closed \(dry run\).*"websocket_token_missing"/),
    'dry run: logged');
like($t->get('/plain/ok', @handshake)->body, qr/401/, 'elsewhere it holds');


# mistakes

for (
    [ 'tradesec_jwt portal message=token;', 'a JSON pointer such as' ],
    [ 'tradesec_jwt portal message=/a message=/b;', 'duplicate parameter' ],
    [ 'tradesec_jwt portal message=/a; tradesec_websocket off;',
        'tradesec_websocket is off' ],
    [ 'tradesec_websocket_token timeout=0;',     'invalid time' ],
    [ 'tradesec_websocket_token size=x;',        'invalid size' ],
    [ 'tradesec_websocket_token message=log;',   'one of "drop", "pass", "redact"' ],
    [ 'tradesec_websocket_token other=pass;',    'one of "drop", "close"' ],
    [ 'tradesec_websocket_token timout=1s;',     'did you mean "timeout="?' ],
    [ 'tradesec_websocket foreign=redact owner=/x;', 'is expected' ],
    )
{
    my ($line, $sentence) = @$_;

    config_refused({ http => provider('portal', 'jwks_file ' . $t->dir
                . '/portal.jwks;'), server => "tradesec on; $line" },
        qr/\Q$sentence\E/, "refused: $line");
}

$t->allow_logged(qr/an operator has|connect\(\) failed/);

done_testing;
