#!/usr/bin/perl

# Hundreds of reloads leak nothing: the master and its workers are as large
# after RELOADS (1,000) as after the first tenth of them, and no file stays
# open. The configuration is the one of the trading portal. Plain nginx does
# the same beside it.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../../tools/demo/lib";

use Test::More;

use Demo::App;

my $RELOADS = $ENV{RELOADS} // 1000;
my $WARM    = $RELOADS / 10;
my $GROWTH  = 512;                  # kB in all that is no leak

my $app = Demo::App->new;

my %size;

for my $plain (1, 0) {
    my $what = $plain ? 'plain nginx' : 'the gateway';

    # how the log grows is not what is measured

    my $text = $app->configuration('conf/trading-portal.conf', plain => $plain)
        =~ s{(error_log \S+);}{$1 error;}r
        =~ s{worker_processes auto}{worker_processes 2}r;

    my $t = Tradesec::Test->new(
        tls    => 1,
        host   => 'localhost',
        config => $text,
    );

    my (@first, $failed);

    for my $n (1 .. $RELOADS) {
        $failed++ if $t->get('/login')->status != 200 || !$t->reload;
        @first = size($t) if $n == $WARM;
    }

    my @last = size($t);

    is($failed // 0, 0, "$what: serves and reloads $RELOADS times");

    $size{$plain} = [ map { $last[$_] - $first[$_] } 0 .. 2 ];
    diag("$what: master $first[0] to $last[0] kB, worker $first[1] to"
            . " $last[1] kB, open files $first[2] to $last[2]");
}

cmp_ok($size{0}[0], '<=', $size{1}[0] + $GROWTH, 'the master does not grow');
cmp_ok($size{0}[1], '<=', $size{1}[1] + $GROWTH, 'its workers do not grow');
is($size{0}[2], 0, 'no file stays open');

done_testing();


sub size {
    my ($t) = @_;

    my $master = $t->pid;
    my ($worker) = $t->workers;
    my @files = glob "/proc/$master/fd/*";

    return ($t->rss($master), $t->rss($worker), scalar @files);
}
