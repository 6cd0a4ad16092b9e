package Tradesec::Test::Wait;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT_OK = qw(now wait_until);


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
