#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Why the gateway has closed a socket, the script of a page can read, in a real
# browser: it knows whether to log in again, to wait, or to connect anew.

use v5.30;
use warnings;

use FindBin qw($Bin);
use JSON::PP qw(decode_json encode_json);
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend => $sockets,
    stopped => 1,
    workers => 1,
    main    => 'worker_shutdown_timeout 1s;',
    http    => provider('portal', 'max_lifetime 2h;')
        . 'tradesec_zone zone=tradesec:1m;',
    server  => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=access_token;

        location = /page { tradesec_jwt off; default_type text/html; return 200 "page"; }
        location /ws    { %%UPGRADE%% }
        location /soon  { tradesec_jwt portal cookie=soon; %%UPGRADE%% }
        location /gone  { tradesec_jwt portal cookie=gone; %%UPGRADE%% }
        location /age   { tradesec_websocket max_age=1s; %%UPGRADE%% }
        location /idle  { tradesec_websocket idle=1s; %%UPGRADE%% }
        location /rate  { tradesec_websocket_client rate=1r/m burst=2; %%UPGRADE%% }
        location /size  { tradesec_websocket_client message_size=10; %%UPGRADE%% }
        location /first {
            tradesec_jwt portal message=/token;
            tradesec_websocket_token timeout=2s;
            %%UPGRADE%%
        }
        location = /operators {
            tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->allow_logged(qr/an operator has/);
$t->start;

# the browser may take its time to start

my %cookies = (
    access_token => token(),
    soon         => token({ exp => time + 20 }),
    gone         => token({ sub => 'mallory' }),
);

my %sockets = (
    expired => { path => '/soon' },
    revoked => { path => '/gone', post => [ '/operators', 'user=mallory' ] },
    age     => { path => '/age' },
    idle    => { path => '/idle' },
    rate    => { path => '/rate', send => [ 1 .. 3 ] },
    size    => { path => '/size', send => [ 'x' x 11 ] },
    nobody  => { path => '/first', send => [ encode_json({ token => 'x.y.z' }) ] },
    silent  => { path => '/first' },
    app     => { path => '/ws', send => ['!close 4321 of the app'] },
    restart => { path => '/ws', send => ['restart'] },
);

open my $browser, '-|', '/usr/bin/python3', "$Bin/browser/ends.py",
    encode_json({
        page    => 'http://localhost:' . $t->port . '/page',
        cookies => \%cookies,
        sockets => \%sockets,
        last    => 'restart',
    })
    or die "ends.py: $!";

ok(wait_until(sub {
    grep { ($_->{payload} // '') eq 'restart' } $sockets->events('frame');
}, 100), 'the last socket is open');
ok($t->reload, 'reload');

my $seen = eval { decode_json(do { local $/; <$browser> }) } // {};

for (
    [ expired => 4401, 'token expired' ],
    [ revoked => 4401, 'token revoked' ],
    [ age     => 1001, 'maximum age reached' ],
    [ idle    => 1001, 'idle' ],
    [ rate    => 1008, 'not allowed' ],
    [ size    => 1009, 'message is larger than message_size' ],
    [ nobody  => 4401, 'not allowed' ],
    [ silent  => 4401, 'no token' ],
    [ app     => 4321, 'of the app' ],
    [ restart => 1012, 'the gateway restarts' ],
    )
{
    my ($name, $code, $reason) = @$_;

    is_deeply([ @{ $seen->{$name} // [] }[ 0, 1 ] ], [ $code, $reason ],
        "$name: $code");

    # a worker that has to end waits for no answer to its close frame

    ok($seen->{$name}[2], "$name: a clean end") unless $name eq 'restart';
}

done_testing;
