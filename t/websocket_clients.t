#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Libraries that others wrote see no difference between plain nginx and the
# gateway, except that messages are not compressed: echo, fragments, pings and
# every way to close. Client and server are python3-websockets with its
# defaults, and Mojolicious.

use v5.30;
use warnings;

use FindBin qw($Bin);
use IO::Select;
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json);
use Mojo::IOLoop;
use Mojo::UserAgent;
use Test::More;

use Tradesec::Test;

my $server = "$Bin/websocket/server.py";
my $pid    = open2(my $ended, my $stdin, '/usr/bin/python3', $server);
my $port   = <$ended> + 0;

END { kill 'TERM', $pid if $pid }


# What the client saw, and how its first connection ended for the server.

sub session {
    my ($t) = @_;

    my $scheme = $t->{tls} ? 'wss' : 'ws';
    my $url    = "$scheme://127.0.0.1:" . $t->port . '/';

    open my $client, '-|', '/usr/bin/python3', "$Bin/websocket/client.py", $url
        or die "client.py: $!";

    my $seen = do { local $/; <$client> };

    close $client;

    my @ended = map { decode_json(scalar <$ended>) } 1 .. 105;

    return (eval { decode_json($seen) } // {}, @ended);
}


sub gateway {
    my ($switch, %opt) = @_;

    return Tradesec::Test->new(%opt, host => '127.0.0.1', server => <<~"CONF");
        tradesec $switch;

        location / {
            proxy_pass http://127.0.0.1:$port;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
    CONF
}


for my $tls (0, 1) {
    my $name = $tls ? 'TLS' : 'plain';

    my ($off, @ended_off) = session(gateway('off', tls => $tls));

    my $t = gateway('on', tls => $tls);
    my ($on, @ended_on) = session($t);

    is(scalar keys %$off, 6, "$name: sessions without the gateway");
    is_deeply($on, $off, "$name: the client sees no difference");
    is_deeply($off->{echo}[-1], 'client says', "$name: and saw the end");

    my %codes = map { $_->[0] => 1 } @ended_off;
    my %extensions;

    $extensions{off}{"@{ $_->[2] }"} = 1 for @ended_off;
    $extensions{on}{"@{ $_->[2] }"}  = 1 for @ended_on;

    is_deeply([ sort map {"$_->[0] $_->[1]"} @ended_on ],
        [ sort map {"$_->[0] $_->[1]"} @ended_off ],
        "$name: the server sees no difference");
    is_deeply([ sort keys %codes ], [ 1000, 1006, 4001, 4321 ],
        "$name: every way to end");
    is_deeply($extensions{off}, { 'permessage-deflate' => 1 },
        "$name: compressed without the gateway");
    is_deeply($extensions{on}, { '' => 1 }, "$name: not compressed with it");
    $t->not_logged(qr/tradesec:/, "$name: nothing was refused");

    # Mojolicious: it offers compression when asked to

    my $ua = Mojo::UserAgent->new(insecure => 1);
    my (@got, $code);

    $ua->websocket(
        ($tls ? 'wss' : 'ws') . '://127.0.0.1:' . $t->port . '/' => { Origin =>
            ($tls ? 'https' : 'http') . '://127.0.0.1:' . $t->port } => sub {
            my (undef, $tx) = @_;

            return Mojo::IOLoop->stop unless $tx->is_websocket;

            $tx->on(message => sub {
                push @got, $_[1];
                $tx->finish(4000, 'done') if @got == 2;
            });
            $tx->on(finish => sub { $code = $_[1] });
            $tx->send("\x{20ac}" x 1000);
            $tx->send({ binary => "\xff" x 70_000 });
        });

    my $guard = Mojo::IOLoop->timer(10 => sub { Mojo::IOLoop->stop });
    my $poll  = Mojo::IOLoop->recurring(0.02 => sub {
        Mojo::IOLoop->stop if IO::Select->new($ended)->can_read(0);
    });

    Mojo::IOLoop->start;
    Mojo::IOLoop->remove($_) for $guard, $poll;

    is_deeply([ map {length} @got ], [ 1000, 70_000 ],
        "$name: Mojolicious gets its messages back");
    is($code, 4000, "$name: and closes");
    is_deeply(decode_json(scalar <$ended>), [ 4000, 'done', [] ],
        "$name: as the server sees it");
}

close $stdin;

done_testing;
