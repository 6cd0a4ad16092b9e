package Tradesec::Test::Port;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use IO::Socket::INET;

our @EXPORT_OK = qw(hold_port);


# A port that is bound and not listened on is given to nobody else, and a server
# that sets SO_REUSEADDR, as nginx and redis-server do, can still listen on it.

sub hold_port {
    my ($wanted) = @_;

    return IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        LocalPort => $wanted // 0,
        Proto     => 'tcp',
        ReuseAddr => 1,
    ) || croak "port " . ($wanted // "of the kernel's choice") . ": $!";
}


1;
