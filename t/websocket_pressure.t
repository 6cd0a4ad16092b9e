#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Back-pressure, both ways: who does not read stops who writes, the worker holds
# no more for it than its buffers, others go on, and when he reads again
# everything arrives as it was sent. With frames only and with every message
# judged, over plain connections and TLS.

use v5.30;
use warnings;

use Digest::SHA;
use Test::More;

use Tradesec::Test qw(module_links wait_until);
use Tradesec::Test::Frame qw(frame TEXT);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $MESSAGES = 800;
my $SIZE     = 20_000;
my $GROWTH   = 8192;        # kB, half of all; TLS loads code, too

my ($t, $sockets, $worker, $name);


sub message { return qq({"user_id":"alice","n":$_[0],"x":") . 'x' x $SIZE . '"}' }


sub ws {
    my ($uri) = @_;

    return Tradesec::Test::WebSocket->open($t->client(timeout => 60), $uri,
        headers => [ Cookie => 'token=' . token({ sub => 'alice' }) ]);
}


# The bytes of the file that the backend has read so far.

sub position {
    my ($path) = @_;

    my $pid = $sockets->{pid};
    my ($fd) = grep { (readlink // '') eq $path } glob "/proc/$pid/fd/*";

    return if !defined $fd;

    $fd =~ s{/fd/}{/fdinfo/};
    open my $info, '<', $fd or return;

    return (map { /^pos:\s+(\d+)/ ? $1 : () } <$info>)[0];
}


# What a function returns, once it has stayed the same for a while.

sub settled {
    my ($what) = @_;

    my ($last, $same) = (-1, 0);

    wait_until(sub {
        my $now = $what->() // -1;

        $same = $now == $last ? $same + 1 : 0;
        $last = $now;

        return $same >= 30 && $now > 0;
    }, 30);

    return $last;
}


sub holds_little {
    my ($before) = @_;

    SKIP: {
        skip 'a sanitizer keeps what was freed', 1 if module_links('libasan');

        cmp_ok($t->rss($worker) - $before, '<', $GROWTH,
            "$name: and the worker does not hold what was sent");
    }
}


# The processor's time that the worker has used, in hundredths of a second.

sub ticks {
    open my $stat, '<', "/proc/$worker/stat" or die "worker: $!";

    my @fields = split / /, (<$stat> =~ s/^.*\) //r);

    return $fields[11] + $fields[12];
}


# When nobody can go on, or has anything to say, nothing is done.

sub rests {
    my $before = ticks();

    sleep 1;
    cmp_ok(ticks() - $before, '<=', 5, "$name: and the worker sleeps");
}


# Foreign messages, of which nothing passes, and one behind them. All is there
# when the worker looks, so that no event tells of the rest when it has read so
# much that others are due.

sub flooded {
    my ($uri) = @_;

    my $path = $t->dir . '/flood';
    my $end  = '{"user_id":"alice","last":true}';
    my $all  = join '', (frame(TEXT, '{"user_id":"bob","x":"' . 'x' x 970
            . '"}')) x 40, frame(TEXT, $end);

    $t->write_file('flood', $all);

    my $ws   = ws($uri);
    my $none = Tradesec::Test::Client->new(port => $sockets->port);

    $ws->send('{"user_id":"alice"}');
    $ws->receive_text;

    kill 'STOP', $worker;

    # told past the worker; its own connection gets the file as well

    my $direct = Tradesec::Test::WebSocket->open($none, '/?quiet');
    $direct->send("!all-file $path");

    my $got = 0;
    $got++ while ($direct->receive_text(10) // $end) ne $end;
    is($got, 40, "$name: all of a flood is sent");

    kill 'CONT', $worker;

    is($ws->receive_text(10), $end, "$name: what is behind it arrives");
    rests();
    $_->close(1000) for $ws, $direct;
}


sub to_the_client {
    my ($uri) = @_;

    my $path = $t->dir . '/all';
    my $all  = '';

    $all .= frame(TEXT, message($_)) for 1 .. $MESSAGES;
    $t->write_file('all', $all);

    my $before = $t->rss($worker);
    my $ws     = ws($uri);

    $ws->send("!file $path");

    my $read = settled(sub { position($path) });

    cmp_ok($read, '<', length $all, "$name: the backend cannot go on");
    holds_little($before);
    rests() if $name eq 'plain, /judged, to the client';

    my $other = ws($uri);

    $other->send(message(0));
    is($other->receive_text, message(0), "$name: others go on");
    $other->close(1000);

    my ($got, $sum) = (0, Digest::SHA->new(1));

    while ($got < $MESSAGES) {
        $sum->add($ws->receive_text(30) // last);
        $got++;
    }

    is($got, $MESSAGES, "$name: all of them arrive");

    my $sent = Digest::SHA->new(1);

    $sent->add(message($_)) for 1 .. $MESSAGES;
    is($sum->hexdigest, $sent->hexdigest, "$name: as they were sent");

    $ws->close(1000);
    ok($ws->closed, "$name: and the end");
}


# A backend that is stopped, and later goes on.

sub to_the_backend {
    my ($uri) = @_;

    my $all = '';

    # a mask of zeros: nobody has to be quick here

    $all .= pack('CCnN', 0x81, 0xfe, length, 0) . $_
        for map { message($_) } 1 .. $MESSAGES;

    my $ws     = ws("$uri?quiet");
    my $socket = $ws->connection->socket;
    my $before = $t->rss($worker);
    my $sent   = 0;

    my $write = sub {
        $sent += syswrite($socket, $all, 65536, $sent) // 0
            if $sent < length $all;
        return $sent;
    };

    kill 'STOP', $sockets->{pid};

    my $stopped = settled(sub {
        1 while $write->() != $write->();
        return $sent;
    });

    cmp_ok($stopped, '<', length $all, "$name: the client cannot go on");
    holds_little($before);
    rests() if $name eq 'plain, /ruled, to the backend';

    kill 'CONT', $sockets->{pid};

    # the backend sends back what it reads

    my ($got, $sum) = (0, Digest::SHA->new(1));
    my $expected = Digest::SHA->new(1);

    $expected->add(message($_)) for 1 .. $MESSAGES;

    ok(wait_until(sub {
        1 while $write->() != $write->();

        while (my $text = $ws->receive_text(0)) {
            $sum->add($text);
            $got++;
        }

        return $got == $MESSAGES;
    }, 60), "$name: all of them arrive");

    is($sum->hexdigest, $expected->hexdigest, "$name: as they were sent");

    $ws->close(1000);
    ok($ws->closed, "$name: and the end");
}


for my $tls (0, 1) {
    my $key = Tradesec::Test->new(stopped => 1, server => '');

    $sockets = Tradesec::Test::SocketServer->new($tls
        ? (cert => $key->certificate, key => $key->certificate =~ s/crt$/key/r)
        : ());

    my $scheme  = $tls ? 'https' : 'http';
    my $upgrade = <<~"CONF";
            proxy_pass $scheme://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        CONF

    $t = Tradesec::Test->new(
        $tls ? (tls => 1) : (),
        backend => $sockets,
        stopped => 1,
        workers => 1,
        http    => provider('portal'),
        server  => <<~"CONF");
            tradesec on;
            tradesec_origin off;
            tradesec_jwt portal cookie=token;

            location /frames { $upgrade }

            location /judged {
                tradesec_websocket owner=/user_id;
                $upgrade
            }

            location /small {
                proxy_buffer_size 1k;
                tradesec_websocket owner=/user_id;
                $upgrade
            }

            location /ruled {
                tradesec_websocket owner=/user_id;
                tradesec_websocket_client owner=/user_id json_depth=4;
                $upgrade
            }
        CONF

    $t->write_file('portal.jwks', jwks());
    $t->start;

    ($worker) = $t->workers;

    my $over = $tls ? 'TLS' : 'plain';

    for my $uri ($tls ? () : '/frames', '/judged') {
        $name = "$over, $uri, to the client";
        to_the_client($uri);
    }

    if (!$tls) {
        $name = "$over, /small, to the client";
        flooded('/small');
    }

    for my $uri ($tls ? () : '/frames', '/ruled') {
        $name = "$over, $uri, to the backend";
        to_the_backend($uri);
    }
}

done_testing;
