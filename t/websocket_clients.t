#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Clients that others wrote see no difference between plain nginx and the
# gateway, whether it looks at frames or at every message, except that messages
# are not compressed: echo, fragments, pings and every way to close. Client and
# server are python3-websockets with its defaults, npm ws, Chromium and
# Mojolicious.

use v5.30;
use warnings;

use FindBin qw($Bin);
use IO::Select;
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json encode_json);
use Mojo::IOLoop;
use Mojo::UserAgent;
use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);

my $server = "$Bin/websocket/server.py";
my $pid    = open2(my $ended, my $stdin, '/usr/bin/python3', $server);
my $port   = <$ended> + 0;

END { kill 'TERM', $pid if $pid }

# with the number of their connections

my %CLIENTS = (
    'python3-websockets' => [ 105, '/usr/bin/python3',
        "$Bin/websocket/client.py" ],
    'npm ws'   => [ 26, '/usr/bin/node', "$Bin/websocket/client.js" ],
    'Chromium' => [ 25, '/usr/bin/python3', "$Bin/browser/sockets.py" ],
);

my $JUDGED = 'tradesec_websocket owner=/user_id missing=pass binary=pass;'
    . ' tradesec_websocket_client owner=/user_id binary=pass'
    . ' message_size=2m; tradesec_jwt portal cookie=access_token bearer;';


# What the client saw, and how its connections ended for the server.

sub session {
    my ($client, $t) = @_;

    my ($count, @command) = @{ $CLIENTS{$client} };
    my $address = '127.0.0.1:' . $t->port;

    open my $process, '-|', @command, encode_json({
        page   => ($t->{tls} ? 'https' : 'http') . "://$address/page",
        socket => ($t->{tls} ? 'wss' : 'ws') . "://$address/",
        token  => $t->{token},
    }) or die "$client: $!";

    my $seen = do { local $/; <$process> };

    close $process;

    my @ended = map { decode_json(scalar <$ended>) } 1 .. $count;

    return (eval { decode_json($seen) } // {}, @ended);
}


sub gateway {
    my ($switch, %opt) = @_;

    my $t = Tradesec::Test->new(
        %opt,
        host    => '127.0.0.1',
        stopped => 1,
        token   => $switch eq 'judged' ? token() : '',
        http    => $switch eq 'off' ? '' : provider('portal'),
        server  => <<~"CONF");
        tradesec @{[ $switch eq 'off' ? 'off' : 'on' ]};

        location / {
            @{[ $switch eq 'judged' ? $JUDGED : '' ]}
            proxy_pass http://127.0.0.1:$port;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }

        location = /favicon.ico { return 204; }
        location = /page { default_type text/html; return 200 '<p>page</p>'; }
    CONF

    $t->write_file('portal.jwks', jwks());
    $t->start;

    return $t;
}


sub compare {
    my ($name, $client, $off, @guarded) = @_;

    my ($plain, @ended_off) = session($client, $off);

    is_deeply($plain->{echo}[-1],
        $client =~ /python/ ? 'client says' : 'closed 1000 client says',
        "$name: saw the end without the gateway");

    my %codes = map { $_->[0] => 1 } @ended_off;

    is_deeply([ grep { $_ != 1005 && $_ != 3000 } sort keys %codes ],
        [ 1000, 1006, 4001, 4321 ], "$name: every way to end");

    for my $t (@guarded) {
        my $which = $t->{token} ? 'messages' : 'frames';
        my ($seen, @ended) = session($client, $t);

        is_deeply($seen, $plain, "$name, $which: the client sees no difference");
        is_deeply([ sort map {"$_->[0] $_->[1]"} @ended ],
            [ sort map {"$_->[0] $_->[1]"} @ended_off ],
            "$name, $which: the server sees no difference");
        is_deeply({ map { ("@{ $_->[2] }" => 1) } @ended }, { '' => 1 },
            "$name, $which: not compressed");
    }

    is_deeply({ map { ("@{ $_->[2] }" => 1) } @ended_off },
        { 'permessage-deflate' => 1 },
        "$name: compressed without the gateway");
}


# Mojolicious: it offers compression when asked to

sub mojolicious {
    my ($name, $t) = @_;

    my $ua = Mojo::UserAgent->new(insecure => 1);
    my $s  = $t->{tls} ? 's' : '';
    my (@got, $code);

    $ua->websocket(
        "ws${s}://127.0.0.1:" . $t->port . '/' =>
            { Origin => "http${s}://127.0.0.1:" . $t->port } => sub {
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


for my $tls (0, 1) {
    my $name = $tls ? 'TLS' : 'plain';
    my ($off, $on, $judged)
        = map { gateway($_, tls => $tls) } qw(off on judged);

    compare("$name, python3-websockets", 'python3-websockets', $off, $on,
        $judged);
    compare("$name, npm ws", 'npm ws', $off, $judged);

    mojolicious($name, $on);

    SKIP: {
        skip 'no chromedriver: make deps', 1
            unless -x '/usr/bin/chromedriver';

        compare("$name, Chromium", 'Chromium', $off, $judged) if !$tls;
    }

    $_->not_logged(qr/tradesec: (?!finding)/, "$name: nothing was refused")
        for $on, $judged;
}

close $stdin;

done_testing;
