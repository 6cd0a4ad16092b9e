package Bench::HAProxy;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

# One HAProxy of one thread in front of a backend; undef where it is not
# installed.

sub new {
    my ($class, $backend) = @_;

    my $binary = (grep {-x} '/usr/sbin/haproxy', '/usr/local/sbin/haproxy')[0]
        // return;

    my $dir  = tempdir('tradesec-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $port = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 1,
    )->sockport;

    open my $file, '>', "$dir/conf" or croak "$dir/conf: $!";
    print {$file} <<"CONF";
global
    nbthread 1
    maxconn 9000

defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h

frontend gateway
    bind 127.0.0.1:$port
    default_backend app

backend app
    server app $backend
CONF
    close $file or croak "$dir/conf: $!";

    my $self = bless { port => $port, dir => $dir }, $class;

    $self->{pid} = fork // croak "fork: $!";

    if ($self->{pid} == 0) {
        open STDERR, '>>', "$dir/log";
        exec $binary, '-f', "$dir/conf" or POSIX::_exit(127);
    }

    for (1 .. 100) {
        return $self
            if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
        sleep 0.1;
    }

    croak 'HAProxy did not start';
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);

    my $pid = delete $self->{pid} or return;

    kill 'TERM', $pid;
    waitpid $pid, 0;
}


1;
