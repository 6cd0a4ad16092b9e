#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Workers that have lost the same Redis at the same moment do not come back in
# step: how long each of them waits before its next try is half chance. How much
# is tested in lua-free-tests/test_backoff.c; here, that workers differ. A slow
# machine makes them differ more, never less, so this waits until they do.

use v5.30;
use warnings;

use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOL_SOCKET SO_PEERCRED);
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw(gateway);
use Tradesec::Test::Redis;
use Tradesec::Test::Wait qw(now);


my $WORKERS = 6;

# Takes note of who comes when, and hangs up.

my $redis  = Tradesec::Test::Redis->new(stopped => 1);
my $record = $redis->dir . '/record';
my $listen = IO::Socket::UNIX->new(Local => $redis->socket, Listen => 128)
    or die "listen: $!\n";

chmod 0777, $redis->socket;

my $server = fork // die "fork: $!\n";

if ($server == 0) {
    my $parent = getppid;

    open my $file, '>>', $record or POSIX::_exit(1);
    $file->autoflush(1);
    $listen->timeout(1);

    while (getppid == $parent) {
        my $c = $listen->accept or next;
        my ($pid) = unpack 'l', getsockopt $c, SOL_SOCKET, SO_PEERCRED;

        printf {$file} "%d %.6f\n", $pid, now();
        close $c;
    }

    POSIX::_exit(0);
}

my $t = gateway($redis, workers => $WORKERS);

# The waits of each worker between its tries.

sub waits {
    my (%last, %waits);

    open my $file, '<', $record or return;

    while (<$file>) {
        my ($pid, $time) = /^(\d+) (\S+)\n/ or last;

        push @{ $waits{$pid} }, $time - $last{$pid} if $last{$pid};
        $last{$pid} = $time;
    }

    return map { $waits{$_} } sort keys %waits;
}

# Of the fourth wait on, of 200 to 400 ms: whether a quarter of that lies
# between the first of the workers and the last.

sub apart {
    my @waits = waits();

    return 0 if @waits < $WORKERS;

    my ($n) = sort { $a <=> $b } map { scalar @$_ } @waits;

    for my $i (3 .. $n - 1) {
        my @wait = sort { $a <=> $b } map { $_->[$i] } @waits;
        my $most = 0.05 * 2 ** $i;

        return 1 if $wait[-1] - $wait[0] > $most / 4;
    }

    return 0;
}

ok(wait_until(sub { waits() == $WORKERS }, 30), 'all workers come again');
ok(wait_until(\&apart, 20), 'not in step')
    or diag(map { join(' ', map { sprintf '%.3f', $_ } @$_) . "\n" } waits());

kill 'KILL', $server;
waitpid $server, 0;

done_testing();
