package Tradesec::Test::Wait;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT_OK = qw(now wait_until);

# Perl's own is the time of the kernel's last tick: for some milliseconds of
# each second it is still in the last one, and nginx, which asks for the exact
# time, is not.
BEGIN { *CORE::GLOBAL::time = sub () { return int Time::HiRes::time() } }


sub now { return clock_gettime(CLOCK_MONOTONIC) }


# Calls the condition until it is true or the time is up; its last value.

sub wait_until {
    my ($condition, $seconds) = @_;

    my $end = now() + ($seconds // 5);

    while (1) {
        my $result = $condition->();

        return $result if $result || now() > $end;

        sleep 0.01;
    }
}


1;
