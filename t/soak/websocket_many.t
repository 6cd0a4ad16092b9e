#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# SOCKETS (9,000) of one user in one worker: opened, revoked, and closed for
# both sides within SECONDS (2), unless the machine is busy with something else.
# The worker is as small afterwards as after the first of them.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../../bench/lib";

use Test::More;
use Time::HiRes qw(time);

use Bench::Feed;
use Bench::Sockets qw(used);
use Tradesec::Test qw(wait_until);
use Tradesec::Test::Token qw(jwks provider token);

my $SOCKETS = $ENV{SOCKETS} // 9000;
my $SECONDS = $ENV{SECONDS} // 2;
my $ROUNDS  = 4;
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

        events { worker_connections $files; }

        http {
            %%TEMP%%
            access_log off;
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


my $idle = open_in_worker();

for my $round (1 .. $ROUNDS) {
    my $user = "user$round";

    $sockets->order(text => Bench::Feed->update($user));

    is($sockets->order(open => $t->port, $SOCKETS, token({ sub => $user })),
        $SOCKETS, "round $round: $SOCKETS sockets are open");
    cmp_ok($sockets->order(go => 'echo', 100), '>=', 2 * $SOCKETS,
        "round $round: each passes messages");

    my $size  = $t->rss($worker);
    my $cpu   = used($worker);
    my $start = time;

    is($t->post('/operators', "user=$user")->status, 200, 'revoked');

    my ($closed, $code) = $sockets->order(wait => 30_000);
    my $took = time - $start;

    $cpu = used($worker) - $cpu;

    is("$closed $code", "$SOCKETS 4401", "round $round: all read 4401");
    cmp_ok($cpu, '<=', $SECONDS / 2, "round $round: it computes for less");

    SKIP: {
        my ($load) = read_line('/proc/loadavg', qr/(\S+)/);

        skip "the machine is busy, load $load", 1 if $load > qx(nproc) + 2;

        cmp_ok($took, '<=', $SECONDS, "round $round: within $SECONDS s");
    }

    $sockets->order('drop');
    ok(wait_until(sub { open_in_worker() == $idle }, 10),
        "round $round: none is open in the worker");

    push @sizes, $t->rss($worker);
    diag(sprintf 'round %d: closed in %.2f s, of which the worker computed'
            . ' %.2f s; it has %d kB with them, %d kB without', $round, $took,
        $cpu, $size, $sizes[-1]);
}

cmp_ok($sizes[-1] - $sizes[0], '<=', $GROWTH, 'the worker does not grow');

done_testing;
