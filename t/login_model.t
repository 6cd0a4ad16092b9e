#!/usr/bin/perl

# The protocol of the login guard, checked by spin over all that can happen
# (t/model/login.pml): what is exact holds, what is not keeps its bound, and
# each mistake that could be made is found; docs/login-protocol.md tells of it.

use v5.30;
use warnings;

use File::Temp ();
use FindBin qw($Bin);
use Test::More;

plan skip_all => 'no spin: make deps'
    unless grep { -x "$_/spin" } split /:/, $ENV{PATH};

my $dir = File::Temp->newdir('model-XXXXXX', TMPDIR => 1);


# Compiles the model as told; its pan is used from then on.

sub compile {
    my (@defines) = @_;

    chdir $dir or die "$dir: $!";

    my $said = `spin @defines -a $Bin/model/login.pml 2>&1`;
    $said .= `gcc -O1 -w -DSAFETY -DNOREDUCE -DMEMLIM=500 -o pan pan.c 2>&1`
        if $? == 0;

    die "@defines: $said" if $?;
}

sub search {
    my (%environment) = @_;

    local @ENV{ keys %environment } = values %environment;

    return scalar `./pan -m100000 2>&1`;
}

sub holds {
    my ($title, $states, @environment) = @_;

    my $said     = search(@environment);
    my ($found)  = $said =~ /(\d+) states, stored/;
    my $complete = $said !~ /search depth too small|MEMLIM|not completed/;

    ok($said =~ /errors: 0\n/ && $complete && $found >= $states, $title)
        || diag($said);
}

sub fails {
    my ($title, $assertion, @environment) = @_;

    like(search(@environment), qr/assertion violated .*$assertion/, $title);
}

my $limit    = qr/\(c\+f\)<=/;
my $neutral  = qr/given<=/;
my $alike    = qr/==admitted/;
my $revived  = qr/existed\|\|/;
my $negative = qr/n\[k\]>=0/;
my $locked   = qr/locked==/;


# one store, three who try

compile();

holds('the limits of all keys are exact', 10_000);

my @mistakes = (
    [ 'attempts in flight are not counted',      $limit ],
    [ 'keys are charged until one refuses',      $alike ],
    [ 'giving back counts down, whatever is there', $negative ],
    [ 'an outcome that comes late is charged',   $revived ],
    [ 'success frees what is in flight',         $limit ],
    [ 'success clears the address',              $limit ],
    [ 'attempts in flight lock',                 $locked ],
);

for my $i (0 .. $#mistakes) {
    my ($mistake, $assertion) = @{ $mistakes[$i] };

    fails("found: $mistake", $assertion, MISTAKE => $i + 1);
}

# answers that are neutral, attempts that are withdrawn

compile('-DNEUTRAL_TOO');

holds('so are they with neutral answers, of which so many are given back',
    500);
fails('found: neutral answers are given back without end', $neutral,
    MISTAKE => 8);

# a failover

compile('-DFAILOVER');

for my $lost (1, 2) {
    my $less = $lost - 1;

    fails("a failover that loses $lost: the limit and $less is exceeded",
        $limit, LOST => $lost, MORE => $less);
    holds("a failover that loses $lost: the limit and $lost is not", 1_000,
        LOST => $lost, MORE => $lost);
}

# two gateways that count alone

compile('-DCUT');

fails('gateways that count alone: the limit is exceeded', $limit);
holds('gateways that count alone: twice the limit is not', 10_000,
    TIMES_MORE => 1);

chdir '/';

done_testing();
