#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Operators read which sockets are open, in all workers, and what went through
# them; no others do. What a killed worker held is not listed, what it has
# counted is not lost.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend => $sockets,
    stopped => 1,
    workers => 2,
    http    => provider('portal') . 'tradesec_zone zone=tradesec:2m;',
    server  => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location /ws/    { %%UPGRADE%% }
        location /live/  { %%UPGRADE%% }
        location /owner/ { tradesec_websocket owner=/user; %%UPGRADE%% }
        location /limit/ { tradesec_websocket_limit user=2; %%UPGRADE%% }
        location /any/ {
            tradesec_jwt off;
            tradesec_public on;
            %%UPGRADE%%
        }

        location = /sockets {
            tradesec_jwt off;
            tradesec_websockets allow=127.0.0.1;
        }
        location = /others {
            tradesec_jwt off;
            tradesec_websockets allow=192.0.2.0/24 allow=unix:;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;


sub ws {
    my ($uri, $user) = @_;

    my $token = token({ sub => $user });

    return Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost', Cookie => "access_token=$token" ]);
}


sub opens {
    my ($uri, $user) = @_;

    my $ws = ws($uri, $user);

    is($ws->status, 101, "$user opens $uri");

    return $ws;
}


sub listed {
    my ($args) = @_;

    return decode_json($t->get('/sockets' . ($args ? "?$args" : ''))->body);
}


sub names {
    return join ' ', sort map {"$_->{user}$_->{location}"}
        @{ listed(@_)->{sockets} };
}


# Sends a message and waits for what comes back.

sub echo {
    my ($ws, $text) = @_;

    $ws->send($text);

    return is($ws->receive_text, $text, "echo: $text");
}


my $r   = $t->get('/sockets');
my $all = decode_json($r->body);

is("$all->{open} $all->{opened}", '0 0', 'no sockets');
is_deeply($all->{sockets}, [], 'an empty list');
is($all->{next}, undef, 'that ends');
is($r->header('Content-Type'), 'application/json', 'JSON');
is($r->header('Cache-Control'), 'no-store', 'not stored');
cmp_ok($all->{room}, '>', 1000, 'room');


# who has a socket where

my @alice = map { opens('/ws/x', 'alice') } 1 .. 2;
my $bob   = opens('/live/', 'bob');
my $any   = opens('/any/', 'nobody');

is(names(), '/any/ alice/ws/ alice/ws/ bob/live/', 'all of both workers');
is(names('user=alice'), 'alice/ws/ alice/ws/', 'of a user');
is(names('location=/live/'), 'bob/live/', 'of a location');
is(names('user=bob&location=/ws/'), '', 'of both: none');
is(names('user=bob&location=%2Flive%2F'), 'bob/live/', 'of both, escaped');
is(names('user=Alice'), '', 'a user is compared exactly');

my %workers = map { $_ => 1 } $t->workers;

$all = listed();
ok(!(grep { !$workers{ $_->{worker} } } @{ $all->{sockets} }), 'their workers');
is($all->{sockets}[0]{address}, '127.0.0.1', 'addresses');
cmp_ok($all->{sockets}[0]{seconds}, '<', 60, 'since when');
is($all->{open}, 4, 'how many');
unlike($t->get('/sockets')->body, qr/eyJ/, 'no token');


# what went through

echo($bob, 'x' x $_) for 1 .. 3;
($all) = @{ listed('user=bob')->{sockets} };

is("$all->{received} $all->{sent} $all->{dropped}", '3 3 0',
    'messages of a socket');
is("$all->{bytes_received} $all->{bytes_sent}", '24 12',
    'and bytes, with what is around them');

my $owner = opens('/owner/', 'carol');

$owner->send('{"user":"dave"}') for 1 .. 4;
echo($owner, '{"user":"carol"}');
($all) = @{ listed('user=carol')->{sockets} };
is("$all->{received} $all->{sent} $all->{dropped}", '5 1 4', 'dropped ones');

$bob->write("\x81\x01x");
is($bob->receive_close->{code}, 1002, 'a mistake');
$bob->connection->close;

ok(wait_until(sub { names('user=bob') eq '' }, 20), 'what has ended is gone');

$all = listed();
is_deeply($all->{dropped}, { websocket_foreign_message => 4 },
    'dropped, by reason');
is_deeply($all->{closed}, { websocket_client_frame => 1 },
    'closed, by reason');
is("$all->{opened} $all->{received} $all->{sent}", '5 8 4', 'sums');

$r = $t->get('/sockets?format=prometheus');
is($r->header('Content-Type'), 'text/plain; version=0.0.4', 'Prometheus');

for my $line (
    'tradesec_websocket_open 4',
    'tradesec_websocket_opened_total 5',
    'tradesec_websocket_messages_total{direction="received"} 8',
    'tradesec_websocket_messages_total{direction="sent"} 4',
    "tradesec_websocket_bytes_total{direction=\"sent\"} $all->{bytes_sent}",
    'tradesec_websocket_dropped_total{reason="websocket_foreign_message"} 4',
    'tradesec_websocket_closed_total{reason="websocket_client_frame"} 1',
    'tradesec_websocket_closed_total{reason="websocket_idle"} 0',
    )
{
    like($r->body, qr/^\Q$line\E$/m, $line);
}

unlike($r->body, qr/alice/, 'no user in it');


# who may not, and what is no question

for my $case (
    [ GET    => '/others',               403, 'another address' ],
    [ POST   => '/sockets',              405, 'POST' ],
    [ DELETE => '/sockets',              405, 'DELETE' ],
    [ HEAD   => '/sockets',              200, 'HEAD' ],
    [ GET    => '/sockets?format=xml',   400, 'another format' ],
    [ GET    => '/sockets?cursor=x',     400, 'no cursor' ],
    [ GET    => '/sockets?cursor=-1',    400, 'a negative one' ],
    [ GET    => '/sockets?cursor=99999', 200, 'one behind the end' ],
    )
{
    my ($method, $uri, $status, $title) = @$case;

    is($t->request($method, $uri, $method eq 'POST' ? 'x' : undef,
        Origin => 'http://localhost')->status, $status, $title);
}

$t->logged(qr/"tradesec_websockets" is not for this client/, 'logged');


# names that are text, not JSON

my $odd = 'a"b\\c<';
my @odd = (opens('/ws/', $odd), opens('/ws/', "\xc3\xa9" x 40));

is(names('location=/ws/&user=a%22b%5Cc%3C'), "$odd/ws/", 'escaped');

my $cut = listed('user=' . '%C3%A9' x 40)->{sockets}[0]{user};

is($cut, "\x{e9}" x 32, 'a long one is cut between two characters');
is(names('user=' . '%C3%A9' x 39), '', 'and compared as a whole');


# with a limit elsewhere

my @carol = map { opens('/ws/', 'erin') } 1 .. 3;

push @carol, map { opens('/limit/', 'erin') } 1 .. 2;
is(ws('/limit/', 'erin')->status, 429, 'only sockets with a limit count');
is(listed()->{closed}{websocket_user_limit}, 1, 'the refusal is counted');
is(names('user=erin&location=/limit/'), 'erin/limit/ erin/limit/', 'listed');


# old workers

ok($t->reload, 'reload');
is(names('user=alice'), 'alice/ws/ alice/ws/', 'sockets of old workers');
echo($alice[0], 'hello');
$all = listed();
is($all->{received}, 9, 'are still counted');


# page by page

my @crowd = map { ws('/any/', 'nobody') } 1 .. 130;

$all = listed('location=/any/');
is(scalar @{ $all->{sockets} }, 100, 'a hundred in one answer');
ok($all->{next}, 'and more');
$all = listed("location=/any/&cursor=$all->{next}");
is(scalar @{ $all->{sockets} }, 31, 'the others');
is($all->{next}, undef, 'no more');


# killed workers

my $sum = listed()->{opened};

$t->allow_logged(qr/exited on signal 9/);
kill 'KILL', my @killed = ($t->workers, $t->old_workers);

ok(wait_until(sub {
    my %old = map { $_ => 1 } @killed;
    my @new = $t->workers;
    return @new == 2 && !grep { $old{$_} } @new;
}, 20), 'workers were killed, others take over');

$all = listed();
is("$all->{open} @{ $all->{sockets} }", '0 ', 'no ghosts');
is($all->{opened}, $sum, 'what they have counted stays');
my $frank = opens('/ws/', 'frank');
echo($frank, 'hello');
is(names(), 'frank/ws/', 'a new one');
is(listed()->{received}, $all->{received} + 1, 'and counted on');


# more sockets than fit are open all the same, and not listed

{
    my $full = Tradesec::Test->new(
        backend => $sockets,
        workers => 1,
        http    => 'tradesec_zone zone=tradesec:128k;',
        server  => <<~"CONF");
            tradesec on;
            location / { %%UPGRADE%% }
            location = /sockets { tradesec_websockets allow=127.0.0.1; }
        CONF

    my @all = map { Tradesec::Test::WebSocket->open($full->client, '/') }
        1 .. 450;

    is(scalar(grep { $_->status != 101 } @all), 0, 'all are open');
    $_->send('x') for @all;
    $_->receive for @all;

    my $list = decode_json($full->get('/sockets')->body);

    is("$list->{room} $list->{received}", '0 450', 'and counted');
    cmp_ok($list->{open}, '>', 250, 'as many as fit are listed');
}


# mistakes

for (
    [ 'tradesec_websockets;',                   'must say whom it is for' ],
    [ 'tradesec_websockets allow=somewhere;',   'invalid address' ],
    [ 'tradesec_websockets deny=127.0.0.1;',    'invalid parameter' ],
    [ 'tradesec_websockets allow=127.0.0.1;',   'there is no tradesec_zone' ],
    )
{
    my ($line, $sentence) = @$_;

    my $zone = $sentence =~ /zone/ ? '' : 'tradesec_zone zone=tradesec:1m;';

    config_refused({ http => $zone,
            server => "tradesec on; location /list { $line }" },
        qr/\Q$sentence\E/, "refused: $line $zone");
}

done_testing;
