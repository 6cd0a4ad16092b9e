#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A suite that stays green without the guard it tests proves nothing. For each
# guard of the gate's table, and for other checks that can be left out, the
# module is linked once more without it, and one of the files t/GUARD.t,
# t/GUARD_*.t has to count failures: not to stop, and not for want of a
# directive, since the guard's directives are still there.

use v5.30;
use warnings;

use FindBin;
use IO::Select;
use Test::More;

use lib "$FindBin::Bin/../lib";
use Tradesec::Hygiene qw(guards read_tree);

my $TOP      = "$FindBin::Bin/../..";
my $PATIENCE = 20;

chdir $TOP or die "$TOP: $!";

my @guards = guards(read_tree('.'));

ok(@guards > 0, 'there are guards');

for my $guard (@guards) {
    my $module = qx(tools/omit-guard $guard);
    chomp $module;

    my $failure;

    for my $file (grep {-e} glob "t/${guard}_guard.t t/$guard.t t/${guard}_*.t") {
        last if defined($failure = first_failure($file, $module));
    }

    ok($failure, "without the guard \"$guard\" its tests fail")
        && note($failure);
}

done_testing();


# What waits for the guard for too long is ended, and has not failed.

sub first_failure {
    my ($file, $module) = @_;

    local $ENV{TRADESEC_MODULE} = $module;

    my $pid = open my $output, '-|', "exec $^X -It/lib $file 2>/dev/null"
        or die "$file: $!";

    my $select = IO::Select->new($output);
    my $seen   = '';

    while ($select->can_read($PATIENCE)) {
        sysread $output, $seen, 65536, length $seen or last;
        last if $seen =~ /^not ok.*\n/m;
    }

    kill 'TERM', $pid;
    close $output;

    return $seen =~ /^(not ok.*\n)/m ? "$file: $1" : undef;
}
