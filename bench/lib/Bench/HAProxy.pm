package Bench::HAProxy;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep);

use parent qw(Bench::Server);

my ($binary) = grep {-x} '/usr/sbin/haproxy', '/usr/local/sbin/haproxy';


sub installed { return defined $binary }


# One HAProxy of one thread in front of a backend; undef where it is not
# installed. Its options are
#
#   frontend   more lines of the frontend
#   sections   more sections
#   callgrind  count instructions, once count() is called

sub new {
    my ($class, $backend, %opt) = @_;

    return if !installed();

    my $dir  = tempdir('tradesec-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $port = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 1,
    )->sockport;

    my $self = bless { %opt, port => $port, home => $dir }, $class;

    my ($frontend, $sections) = map { $_ // '' } @opt{qw(frontend sections)};

    $self->write(conf => <<"CONF");
global
    nbthread 1
    maxconn 9000

defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h

$sections
frontend gateway
    bind 127.0.0.1:$port
$frontend
    default_backend app

backend app
    server app $backend
CONF

    $self->start;

    return $self;
}


sub start {
    my ($self) = @_;

    my @command = ($binary, '-db', '-f', "$self->{home}/conf");

    unshift @command, 'valgrind', '-q', '--tool=callgrind',
        '--instr-atstart=no', "--callgrind-out-file=$self->{home}/profile"
        if $self->{callgrind};

    my $pid = fork // croak "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', "$self->{home}/error.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    for (1 .. 600) {
        return if eval { $self->connect };

        waitpid($pid, WNOHANG) == $pid and last;
        sleep 0.1;
    }

    croak "HAProxy did not start:\n" . $self->read('error.log');
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'TERM', $pid;
    waitpid $pid, 0;
}


1;
