package Bench::Server;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep);

# One nginx process on a port of its own: under callgrind, or as it is.

my $dir = tempdir('tradesec-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $n   = 0;


# Starts nginx with a configuration; its options are
#
#   http     what goes into the http block
#   server   what goes into the server block
#   module   path of a module to load
#   callgrind  count instructions, once count() is called
#   workers  one process without a master if not given
#   connections  of a worker, 1024 if not given

sub new {
    my ($class, %opt) = @_;

    my $port = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 1,
    )->sockport;

    my $self = bless {
        %opt,
        port => $port,
        home => "$dir/" . ++$n,
    }, $class;

    mkdir $self->{home} or croak "$self->{home}: $!";
    $self->write('nginx.conf', $self->configuration);
    $self->start;

    return $self;
}


sub configuration {
    my ($self) = @_;

    my $user   = $> == 0         ? 'user root;'                   : '';
    my $load   = $self->{module} ? "load_module $self->{module};" : '';
    my $http   = $self->{http}   // '';
    my $many   = $self->{connections} // 1024;
    my $master = $self->{workers}
        ? "worker_processes $self->{workers};"
        : 'master_process off;';

    return <<"CONF";
$user
$load
daemon off;
timer_resolution 1h;
$master
pid $self->{home}/nginx.pid;
error_log $self->{home}/error.log error;

events {
    worker_connections $many;
}

http {
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path $self->{home}/body;
    proxy_temp_path $self->{home}/proxy;
    fastcgi_temp_path $self->{home}/fastcgi;
    uwsgi_temp_path $self->{home}/uwsgi;
    scgi_temp_path $self->{home}/scgi;

    $http

    server {
        listen 127.0.0.1:$self->{port};
        server_name bench.test;

        $self->{server}
    }
}
CONF
}


sub start {
    my ($self) = @_;

    my @command = ('nginx', '-p', $self->{home}, '-c',
        "$self->{home}/nginx.conf", '-e', "$self->{home}/error.log");

    if ($self->{callgrind}) {
        unshift @command, 'valgrind', '-q', '--tool=callgrind',
            '--instr-atstart=no', "--callgrind-out-file=$self->{home}/profile";
    }

    my $pid = fork // croak "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', "$self->{home}/error.log";
        open STDERR, '>&', \*STDOUT;
        # what glibc's malloc costs depends on what else is on the heap

        $ENV{LD_PRELOAD} = 'libjemalloc.so.2' if $self->{callgrind};
        exec @command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    for (1 .. 600) {
        return if eval { $self->connect };

        waitpid($pid, WNOHANG) == $pid and last;
        sleep 0.1;
    }

    croak "nginx did not start:\n" . $self->read('error.log');
}


# From now on every instruction counts.

sub count {
    my ($self) = @_;

    my $said = qx(callgrind_control --instr=on $self->{pid} 2>&1);

    croak "callgrind_control: $said" unless $said =~ /OK/;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    # again and again: nginx may be about to wait for events when it comes

    while (waitpid($pid, WNOHANG) == 0) {
        kill 'QUIT', $pid;
        sleep 0.05;
    }
}


sub connect {
    my ($self) = @_;

    return IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $self->{port},
        Timeout  => 60,
    ) // croak "connect: $!";
}


# Sends the requests one after the other on one connection; returns how often
# each status was seen.

sub send {
    my ($self, $socket, @requests) = @_;

    my %seen;

    for my $request (@requests) {
        syswrite $socket, $request;

        my $answer = '';

        while ($answer !~ /\r\n\r\n/) {
            sysread $socket, $answer, 65536, length $answer
                or croak "connection lost:\n" . $self->read('error.log');
        }

        my ($head, $body) = split /\r\n\r\n/, $answer, 2;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};

        croak "no length:\n$head" unless defined $length || $status == 304;

        while (length $body < ($length // 0)) {
            sysread $socket, $body, 65536, length $body
                or croak 'connection lost';
        }

        $seen{$status}++;
    }

    return \%seen;
}


sub write {
    my ($self, $name, $content) = @_;

    open my $file, '>:raw', "$self->{home}/$name" or croak "$name: $!";
    print $file $content;
    close $file or croak "$name: $!";
}


sub read {
    my ($self, $name) = @_;

    open my $file, '<:raw', "$self->{home}/$name" or return '';
    local $/;

    return <$file> // '';
}


sub address { return "127.0.0.1:$_[0]{port}" }

sub DESTROY { local ($?, $!, $@); $_[0]->stop }


1;
