#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# SOCKETS (9,000) of one user in one worker: opened, revoked, and closed for
# both sides within SECONDS (2), unless the machine is busy with something else;
# ROUNDS (4) times, and once more by a token that expires. Other requests are
# answered meanwhile, and the worker is as small afterwards as after the first of
# them.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../../bench/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use Bench::Feed;
use Bench::Sockets qw(used);
use Tradesec::Test qw(wait_until);
use Tradesec::Test::Token qw(jwks provider token);

my $SOCKETS = $ENV{SOCKETS} // 9000;
my $SECONDS = $ENV{SECONDS} // 2;
my $ROUNDS  = $ENV{ROUNDS}  // 4;
my $ANSWER  = 0.25;                 # s, for another request meanwhile
my $GROWTH  = 1024;                 # kB in all that is no leak

my $files = 2 * $SOCKETS + 200;
my ($hard) = read_line('/proc/self/limits', qr/^Max open files +\S+ +(\S+)/m);

plan skip_all => "$SOCKETS sockets need $files open files in a process, and"
    . " the limit is $hard" if $hard ne 'unlimited' && $hard < $files;

my ($from, $to)
    = read_line('/proc/sys/net/ipv4/ip_local_port_range', qr/(\d+)\s+(\d+)/);

plan skip_all => "$SOCKETS sockets need as many ports on loopback, and there"
    . " are $from to $to" if $to - $from < $SOCKETS + 1000;

my $sockets = Bench::Sockets->new("$Bin/../../bench/sockets.c",
    "$Bin/../../build/bench");
my $app = $sockets->address;

my $t = Tradesec::Test->new(
    workers => 1,
    stopped => 1,
    config  => <<~"CONF");
        @{[ $> == 0 ? 'user root;' : '' ]}
        load_module %%MODULE%%;
        worker_processes 1;
        worker_rlimit_nofile $files;
        error_log %%DIR%%/error.log crit;

        events { worker_connections @{[ 2 * $files ]}; }

        http {
            %%TEMP%%
            access_log off;
            keepalive_requests 1000000;
            tradesec_zone zone=tradesec:16m;
            @{[ provider('portal', 'max_lifetime 2h;') ]}

            server {
                listen 127.0.0.1:%%PORT%%;
                server_name localhost bench.test;

                tradesec on;
                tradesec_origin off;
                tradesec_jwt portal cookie=access_token;

                location / {
                    tradesec_websocket owner=/user_id;
                    proxy_pass http://$app;
                    proxy_http_version 1.1;
                    proxy_set_header Upgrade \$http_upgrade;
                    proxy_set_header Connection upgrade;
                    proxy_read_timeout 1h;
                }

                location = /other {
                    tradesec_jwt off;
                    return 200 "here\n";
                }

                location = /operators {
                    tradesec_jwt off;
                    tradesec_revocations allow=127.0.0.1;
                }
            }
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my ($worker) = $t->workers;
my @sizes;


sub read_line {
    my ($path, $pattern) = @_;

    open my $file, '<', $path or die "$path: $!";
    local $/;

    return <$file> =~ $pattern;
}


sub open_in_worker {
    return scalar grep { (readlink // '') =~ /^socket/ }
        glob "/proc/$worker/fd/*";
}


# A client of its own, with one request after the other: how long the slowest
# took, and how many there were.

sub others {
    pipe my $out, my $in or die "pipe: $!";

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        my ($stop, $slowest, $n) = (0, 0, 0);
        local $SIG{TERM} = sub { $stop = 1 };

        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1',
            PeerPort => $t->port,
        ) // die "connect: $!";

        while (!$stop) {
            my $start = time;

            syswrite $socket, "GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n";
            sysread $socket, my $answer, 4096 or last;

            my $took = time - $start;

            $slowest = $took if $took > $slowest;
            $n++;
            sleep 0.005;
        }

        syswrite $in, "$slowest $n";
        require POSIX;
        POSIX::_exit(0);
    }

    close $in;

    return sub {
        kill 'TERM', $pid;
        my $said = do { local $/; <$out> };
        waitpid $pid, 0;

        return split / /, $said;
    };
}


my $idle = open_in_worker();
my $busy = 0;

for my $round (1 .. $ROUNDS + 1) {
    my $user    = "user$round";
    my $expires = $round > $ROUNDS;
    my $end     = int(time) + 20;
    my $what    = "round $round" . ($expires ? ', by expiry' : '');

    $sockets->order(text => Bench::Feed->update($user));

    my $token = token({ sub => $user, $expires ? (exp => $end) : () });

    is($sockets->order(open => $t->port, $SOCKETS, $token),
        $SOCKETS, "$what: $SOCKETS sockets are open");
    cmp_ok($sockets->order(go => 'echo', 100), '>=', 2 * $SOCKETS,
        "$what: each passes messages");

    my $size = $t->rss($worker);
    my $ask  = others();

    sleep 0.01 while $expires && time < $end;

    my $cpu   = used($worker);
    my $start = time;

    is($t->post('/operators', "user=$user")->status, 200, 'revoked')
        if !$expires;

    my ($closed, $code) = $sockets->order(wait => 30_000);
    my $took = time - $start;

    $cpu = used($worker) - $cpu;

    my ($slowest, $answers) = $ask->();

    is("$closed $code", "$SOCKETS 4401", "$what: all read 4401");
    cmp_ok($cpu, '<=', $SECONDS / 2, "$what: it computes for less");
    cmp_ok($answers, '>', 0, "$what: others are answered");

    SKIP: {
        my ($load) = read_line('/proc/loadavg', qr/(\S+)/);

        $busy = $load > qx(nproc) + 2;

        skip "the machine is busy, load $load", 2 if $busy;

        cmp_ok($took, '<=', $SECONDS, "$what: within $SECONDS s");
        cmp_ok($slowest, '<=', $ANSWER, "$what: others within $ANSWER s");
    }

    $sockets->order('drop');
    ok(wait_until(sub { open_in_worker() == $idle }, 10),
        "$what: none is open in the worker");

    push @sizes, $t->rss($worker);
    diag(sprintf '%s: closed in %.2f s, of which the worker computed %.2f s;'
            . ' of %d others the slowest took %.3f s; it has %d kB with them,'
            . ' %d kB without', $what, $took, $cpu, $answers, $slowest, $size,
        $sizes[-1]);
}

cmp_ok($sizes[-1] - $sizes[0], '<=', $GROWTH, 'the worker does not grow');

done_testing;
