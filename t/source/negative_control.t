#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A suite that stays green without the guard it tests proves nothing. For each
# guard of the gate's table the module is linked once more without it, and one
# of the files t/GUARD.t, t/GUARD_*.t has to count failures: not to stop, and
# not for want of a directive, since the guard's directives are still there.

use v5.30;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../lib";
use Tradesec::Hygiene qw(guards read_tree);

my $TOP = "$FindBin::Bin/../..";

chdir $TOP or die "$TOP: $!";

my @guards = guards(read_tree('.'));

ok(@guards > 0, 'the gate has guards');

for my $guard (@guards) {
    my $module = qx(tools/omit-guard $guard);
    chomp $module;

    my ($failed, $file) = (0, '');

    for (glob "t/$guard.t t/${guard}_*.t") {
        next unless -e;

        $file   = $_;
        $failed = failures($file, $module);
        last if $failed;
    }

    ok($failed > 0, "without the guard \"$guard\" its tests fail")
        && note("$file: $failed failed");
}

done_testing();


sub failures {
    my ($file, $module) = @_;

    local $ENV{TRADESEC_MODULE} = $module;

    my @lines = qx(timeout 300 $^X -It/lib $file 2>/dev/null);

    return scalar grep {/^not ok/} @lines;
}
