#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A leaking backend: everyone's updates go to everyone. Of many mixed messages
# each client receives exactly its own and the public ones, in order: over
# plain connections and TLS, in fragments, in pieces of one byte, and as other
# people's clients read them. TRADESEC_LEAK_MESSAGES=100000 for more of them.

use v5.30;
use warnings;

use Digest::SHA qw(sha1_hex);
use FindBin qw($Bin);
use JSON::PP qw(decode_json);
use Mojo::IOLoop;
use Mojo::UserAgent;
use Test::More;

use Tradesec::Test;
use Tradesec::Test::Frame qw(frame CONTINUATION TEXT PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $MESSAGES = $ENV{TRADESEC_LEAK_MESSAGES} // 10_000;
my @USERS    = qw(alice bob carol dave);
my $END      = '{"topic":"ticks.END"}';

my $key = Tradesec::Test->new(stopped => 1, server => '');

srand 7;


# Messages as one backend or another would write them, with their owner; ''
# for everyone, undef for nobody.

sub message {
    my ($n, $user) = @_;

    my $escaped = sprintf '\u%04x%s', ord $user, substr $user, 1;
    my $size    = int rand 4 ? int rand 120 : int rand 9000;
    my $filler  = 'x' x $size;
    my $other   = $USERS[ rand @USERS ];

    my @kinds = (
        [ qq({"user_id":"$user","n":$n,"x":"$filler"}), $user ],
        [ qq({"n":$n,"x":["$filler","$other"],"user_id":"$user"}), $user ],
        [ qq({"n":$n,"user_id":"$escaped","x":{"user_id":"$other"}}), $user ],
        [ qq({"n":$n,"\\u0075ser_id":"$user","x":"\\"$other\\""}), $user ],
        [ qq([{"n":$n,"user_id":"$user"},{"user_id":"$user"}]), $user ],
        [ qq({"n":$n,"user_id":"$user"}\n{"user_id":"$user"}), $user ],
        [ qq({"topic":"ticks.EURUSD","n":$n,"x":"$filler"}), '' ],
        [ qq({"topic":"ticks.EURUSD","n":$n,"user_id":"$user"}), $user ],
        [ qq({"topic":"orders","n":$n,"x":"$user"}), undef ],
        [ qq({"user_id":"$user","n":$n,"user_id":"$other"}), undef ],
        [ qq({"user_id":"$user","n":$n,}), undef ],
        [ qq([{"user_id":"alice","n":$n},{"user_id":"bob"}]), undef ],
    );

    return $kinds[ rand @kinds ];
}


sub plain { return frame(TEXT, $_[0]) }


sub fragments {
    my ($payload) = @_;

    my $cuts = 1 + int rand 4;
    my @at   = sort { $a <=> $b } map { int rand 1 + length $payload } 1 .. $cuts;
    my $from = 0;
    my @parts;

    for my $to (@at, length $payload) {
        push @parts, substr $payload, $from, $to - $from;
        $from = $to;
    }

    return join '', map {
        ($_ && rand() < 0.3 ? frame(PING, 'p') : '')
            . frame($_ ? CONTINUATION : TEXT, $parts[$_], fin => $_ == $#parts)
    } 0 .. $#parts;
}


sub gateway {
    my ($sockets, $scheme, %opt) = @_;

    my $t = Tradesec::Test->new(
        %opt,
        backend => $sockets,
        stopped => 1,
        workers => 1,
        http    => provider('portal'),
        server  => <<~"CONF");
            tradesec on;
            tradesec_origin http://localhost https://localhost;
            tradesec_jwt portal cookie=access_token bearer;

            location / {
                tradesec_websocket owner=/user_id public=/topic:ticks.*;
                proxy_pass $scheme://%%BACKEND%%;
                proxy_http_version 1.1;
                proxy_set_header Upgrade \$http_upgrade;
                proxy_set_header Connection upgrade;
            }
        CONF

    $t->write_file('portal.jwks', jwks());
    $t->start;

    return $t;
}


# Opens a socket for each user, has everything sent to all of them, and
# compares what each one gets.

sub broadcast {
    my ($name, $t, $count, $framing, $query) = @_;

    my @ws = map {
        Tradesec::Test::WebSocket->open($t->client, "/?$query", headers => [
            Origin        => 'http://localhost',
            Authorization => 'Bearer ' . token({ sub => $_ }),
        ])
    } @USERS;

    my %expected = map { $_ => [] } @USERS;
    my %got      = map { $_ => [] } @USERS;
    my $sent     = 0;

    # in portions, so that nobody's buffers grow without end

    while ($sent < $count) {
        my $bytes = '';

        for (1 .. 250) {
            my ($payload, $owner)
                = @{ message($sent++, $USERS[ rand @USERS ]) };

            $bytes .= $framing->($payload);

            next if !defined $owner;

            push @{ $expected{$_} }, $payload
                for grep { $owner eq '' || $owner eq $_ } @USERS;
        }

        $ws[0]->send('!all ' . unpack 'H*', $bytes . plain($END));

        for my $i (0 .. $#USERS) {
            my $text = '';

            while (my $frame = $ws[$i]->receive(30)) {
                next if $frame->{opcode} == PING;
                $text .= $frame->{payload};
                next if !$frame->{fin};
                last if $text eq $END;
                push @{ $got{ $USERS[$i] } }, $text;
                $text = '';
            }
        }
    }

    for my $user (@USERS) {
        my @lists = ($got{$user}, $expected{$user});

        is(scalar @{ $lists[0] }, scalar @{ $lists[1] },
            "$name: as many messages as are $user\'s and public, of $sent");
        is(sha1_hex(join '|', @{ $lists[0] }),
            sha1_hex(join '|', @{ $lists[1] }),
            "$name: and they are these");
    }

    $_->close(1000) for @ws;
    $_->closed for @ws;

    $t->logged(qr/"websocket_foreign_message"/, "$name: others were dropped");
}


# as it comes

my $sockets = Tradesec::Test::SocketServer->new;

{
    my $t = gateway($sockets, 'http');

    broadcast('plain', $t, $MESSAGES, \&plain, '');
    broadcast('fragments', $t, $MESSAGES / 4, \&fragments, '');
    broadcast('pieces of 7 bytes', $t, 1000, \&plain, 'piece=7');
    broadcast('byte by byte', $t, 250, \&fragments, 'piece=1');
}


# TLS on both sides

{
    my $tls = Tradesec::Test::SocketServer->new(
        cert => $key->certificate,
        key  => $key->certificate =~ s/crt$/key/r,
    );

    my $t = gateway($tls, 'https', tls => 1);

    broadcast('TLS', $t, $MESSAGES / 4, \&plain, '');
    broadcast('TLS, fragments', $t, $MESSAGES / 10, \&fragments, '');
}


# other people's clients

{
    my $t     = gateway($sockets, 'http');
    my @all   = map { message($_, $USERS[ rand @USERS ]) } 1 .. 1000;
    my $bytes = join '', map { fragments($_->[0]) } @all;
    my @mine  = map { $_->[0] }
        grep { defined $_->[1] && $_->[1] =~ /^(?:alice)?$/ } @all;
    my $order = '!raw ' . unpack 'H*', $bytes . plain($END);

    my $url   = 'ws://localhost:' . $t->port . '/';
    my $token = token({ sub => 'alice' });
    my @got;

    my $agent = Mojo::UserAgent->new(max_response_size => 0);

    $agent->websocket($url => { Authorization => "Bearer $token",
            Origin => 'http://localhost' } => sub {
        my (undef, $tx) = @_;

        $tx->max_websocket_size(1 << 30);
        $tx->on(finish => sub { Mojo::IOLoop->stop });
        $tx->on(message => sub {
            return $tx->finish if $_[1] eq $END;
            push @got, $_[1];
        });
        $tx->send($order);
    });

    my $timer = Mojo::IOLoop->timer(60 => sub { Mojo::IOLoop->stop });
    Mojo::IOLoop->start;
    Mojo::IOLoop->remove($timer);
    Mojo::IOLoop->reset;

    is_deeply(\@got, \@mine, 'Mojolicious gets its own and the public ones');

    $t->write_file('order', $order);

    open my $client, '-|', '/usr/bin/python3',
        "$Bin/websocket/owner_client.py", $url, $token, $t->dir . '/order',
        $END or die "owner_client.py: $!";

    my $seen = do { local $/; <$client> };

    close $client;

    is_deeply(eval { decode_json($seen) }, \@mine,
        'python3-websockets, too');
}

done_testing;
