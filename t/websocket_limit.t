#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# So many sockets of one user, so many from one address, in all workers
# together: exactly, also when they come at once, after a reload, and after a
# worker was killed with its sockets.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 2,
    access_log => '$uri $status $tradesec_reason',
    http       => provider('portal') . 'tradesec_zone zone=tradesec:1m;',
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location / {
            tradesec_websocket_limit user=3;
            %%UPGRADE%%
        }

        location /address {
            tradesec_websocket_limit address=5;
            %%UPGRADE%%
        }

        location /dry {
            tradesec_dry_run websocket;
            tradesec_websocket_limit user=1;
            %%UPGRADE%%
        }

        location /any { tradesec_websocket_limit off; %%UPGRADE%% }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;


sub ws {
    my ($uri, $user) = @_;

    return Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost',
        Cookie => 'access_token=' . token({ sub => $user }),
    ]);
}


sub statuses { return join ' ', map { $_->status } @_ }


# Opens a socket, once the ones that were closed are counted no more.

sub opens {
    my ($uri, $user, $title) = @_;

    my $ws;

    ok(wait_until(sub {
        $ws = ws($uri, $user);
        return $ws->status == 101;
    }, 20), $title);

    return $ws;
}


# Asks for so many at once, and waits for no answer.

sub at_once {
    my ($n, $user) = @_;

    return map {
        my $connection = $t->client->connect;

        $connection->write($t->client->format(GET => '/', undef,
            Tradesec::Test::WebSocket->headers(Origin => 'http://localhost',
                Cookie => 'access_token=' . token({ sub => $user }))));
        $connection
    } 1 .. $n;
}


# a user, in both workers

my @alice = map { ws('/', 'alice') } 1 .. 8;

is(statuses(@alice), '101 101 101 429 429 429 429 429',
    'websocket_user_limit');
ok(wait_until(sub {
    grep { $_ eq '/ 429 websocket_user_limit' } $t->access_log(5);
}, 20), 'websocket_user_limit: access log');

$alice[0]->send('still here');
is($alice[0]->receive_text(20), 'still here', 'open ones go on');

my $bob = ws('/', 'bob');

is($bob->status, 101, 'another user');

$alice[1]->close(1000);
$alice[1]->closed(20);
$alice[1] = opens('/', 'alice', 'one that was closed makes room');
is(ws('/', 'alice')->status, 429, 'for one');

$alice[2]->connection->close;
$alice[2] = opens('/', 'alice', 'one that vanished, too');

my @any = map { ws('/any', 'alice') } 1 .. 5;

is(statuses(@any), '101 101 101 101 101', 'off');
$_->connection->close for @any;


# at once

{
    my @at_once = at_once(30, 'carol');
    my $open = grep { $_->response->status == 101 } @at_once;

    is($open, 3, 'thirty at once: three open');
}


# old workers

ok($t->reload, 'reload');
is(ws('/', 'alice')->status, 429, 'sockets of old workers count');
$alice[0]->close(1000);
$alice[0]->closed(20);
$alice[0] = opens('/', 'alice', 'until they are closed');

$_->connection->close for @alice, $bob;
ok(wait_until(sub { !$t->old_workers }, 20), 'the old workers leave');


# killed workers

@alice = map { opens('/', 'alice', 'before the workers are killed') } 1 .. 3;
is(ws('/', 'alice')->status, 429, 'three of them');

my @killed = $t->workers;

$t->allow_logged(qr/exited on signal 9/);
kill 'KILL', @killed;

ok(wait_until(sub {
    my %old = map { $_ => 1 } @killed;
    my @new = $t->workers;
    return @new == 2 && !grep { $old{$_} } @new;
}, 20), 'other workers take over');

@alice = map { opens('/', 'alice', 'what dead workers held is free') } 1 .. 3;
is(ws('/', 'alice')->status, 429, 'and counted anew');
$_->connection->close for @alice;


# killed at work: one of the two, while sockets open and close

for my $round (1 .. 4) {
    my @workers = $t->workers;
    my @storm   = at_once(20, 'erin');

    kill 'KILL', $workers[ $round % 2 ];
    $_->close for splice @storm, 0, 10;

    ok(wait_until(sub {
        my @new = $t->workers;
        return @new == 2 && !grep { $_ == $workers[ $round % 2 ] } @new;
    }, 20), "round $round: a worker was killed, another one takes over");

    $_->close for @storm;

    my @erin = map { opens('/', 'erin', "round $round: socket $_") } 1 .. 3;

    is(ws('/', 'erin')->status, 429, "round $round: and no more");
    $_->connection->close for @erin;
}


# an address

{
    my @crowd = map { ws('/address', "user$_") } 1 .. 7;

    is(statuses(@crowd), '101 101 101 101 101 429 429',
        'websocket_address_limit');
    $_->connection->close for @crowd;

    my @dry = map { ws('/dry', 'dave') } 1 .. 3;

    is(statuses(@dry), '101 101 101', 'dry run: all of them');
    $t->logged(qr/\(dry run\) .*"websocket_user_limit"/, 'dry run: logged');
    $_->connection->close for @dry;
}


# a full zone: logins and tokens take three quarters of it

{
    my $full = Tradesec::Test->new(
        backend => $sockets,
        stopped => 1,
        workers => 1,
        http    => provider('portal') . 'tradesec_zone zone=tradesec:128k;',
        server  => <<~"CONF");
            tradesec on;

            location / {
                tradesec_public on;
                tradesec_websocket_limit address=100000;
                %%UPGRADE%%
            }

            location = /login {
                tradesec_login account=form:user success=cookie:token;
                proxy_ignore_client_abort on;
                proxy_pass http://%%BACKEND%%;
            }

            location /token { tradesec_jwt portal bearer; return 204; }
        CONF

    $full->write_file('portal.jwks', jwks());
    $full->start;

    my @crowd;

    do {
        push @crowd, Tradesec::Test::WebSocket->open($full->client, '/');
    } while @crowd < 1900 && $crowd[-1]->status == 101;

    is($crowd[-1]->status, 503, 'websocket_zone_full');
    cmp_ok(scalar @crowd, '>', 250, 'behind hundreds of sockets');

    (shift @crowd)->connection->close for 1 .. 10;

    ok(wait_until(sub {
        push @crowd, Tradesec::Test::WebSocket->open($full->client, '/');
        return $crowd[-1]->status == 101;
    }, 20), 'until some are closed');

    $_->connection->close for @crowd;
}


# mistakes

for (
    [ 'tradesec_websocket_limit user=0;',  'invalid number' ],
    [ 'tradesec_websocket_limit users=1;', 'did you mean "user="?' ],
    [ 'tradesec_websocket_limit user=;', 'invalid parameter "user="' ],
    [ 'tradesec_websocket_limit user=1 off;', 'it must stand alone' ],
    [ 'tradesec_websocket_limit user=1; tradesec_websocket_limit off;',
        'is duplicate' ],
    [ 'tradesec_websocket_limit user=1 user=2;', 'duplicate parameter' ],
    [ 'tradesec_websocket_limit user=1;',  'there is no tradesec_zone' ],
    )
{
    my ($line, $sentence) = @$_;

    my $zone = $sentence =~ /zone/ ? '' : 'tradesec_zone zone=tradesec:1m;';

    config_refused({ http => $zone, server => "tradesec on; $line" },
        qr/\Q$sentence\E/, "refused: $line $zone");
}

done_testing;
