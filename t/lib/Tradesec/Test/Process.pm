package Tradesec::Test::Process;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);

use Tradesec::Test::Wait qw(wait_until);

# an nginx with sanitizers or under valgrind takes its time

my $START_PATIENCE = 60;


sub command {
    my ($self, @args) = @_;

    return (
        split(' ', $ENV{TRADESEC_NGINX} // 'nginx'),
        '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf",
        '-e', 'stderr',
        '-g', "daemon off; pid $self->{dir}/nginx.pid;",
        @args,
    );
}


sub _exec {
    my ($self, @args) = @_;

    $ENV{ASAN_OPTIONS} //= 'detect_leaks=0:detect_odr_violation=0';

    # what malloc gives and what free gets back is overwritten: without a
    # sanitizer, too, a use of either ends the worker

    $ENV{MALLOC_PERTURB_} //= 165;

    exec { $args[0] } @args or POSIX::_exit(127);
}


sub run {
    my ($self, @args) = @_;

    my $pid = open(my $output, '-|') // croak "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        $self->_exec($self->command(@args));
    }

    my $text = do { local $/; <$output> // '' };

    close $output;

    return ($? & 127 ? -1 : $? >> 8, $text);
}


sub start {
    my ($self) = @_;

    my $pid = fork // croak "fork: $!";

    if ($pid == 0) {
        open STDERR, '>>', "$self->{dir}/error.log";
        open STDOUT, '>&', \*STDERR;
        $self->_exec($self->command);
    }

    $self->{pid} = $pid;

    my $running = wait_until(sub {
        return -1 if waitpid($pid, WNOHANG) == $pid;
        return $self->workers && $self->_listening;
    }, $START_PATIENCE);

    return $self if $running && $running > 0;

    delete $self->{pid} if $running;
    $self->{unchecked} = 1;
    $self->stop;

    croak "nginx did not start:\n" . $self->read_file('error.log');
}


sub _listening {
    my ($self) = @_;

    return defined IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $self->port,
    );
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return $self;

    # a graceful end shows what leaked; what hangs on is ended anyway

    for my $step ([ QUIT => 2 ], [ TERM => 5 ], [ KILL => 5 ]) {
        my ($signal, $patience) = @$step;

        kill $signal, $pid;
        last if wait_until(sub { waitpid($pid, WNOHANG) }, $patience);
    }

    return $self;
}


sub restart {
    my ($self) = @_;

    return $self->stop->start;
}


sub reload {
    my ($self) = @_;

    my %old   = map { $_ => 1 } $self->workers;
    my $count = keys %old;
    my $seen  = length $self->read_file('error.log');

    kill 'HUP', $self->{pid};

    my $done = wait_until(sub {
        my $log = substr $self->read_file('error.log'), $seen;

        return -1 if $log =~ /\[emerg\]/;

        my @new = $self->workers;

        return @new >= 1 && !grep { $old{$_} } @new;
    }, $START_PATIENCE);

    return $done && $done > 0;
}


sub pid { return $_[0]{pid} }


sub workers {
    my ($self) = @_;

    return grep { _title($_) =~ /^nginx: worker process(?! is shutting)/ }
        $self->_children;
}


sub old_workers {
    my ($self) = @_;

    return grep { _title($_) =~ /^nginx: worker process is shutting/ }
        $self->_children;
}


sub rss {
    my ($self, $pid) = @_;

    open my $file, '<', "/proc/$pid/status" or return;

    while (<$file>) {
        return $1 if /^VmRSS:\s+(\d+) kB/;
    }

    return;
}


sub _children {
    my ($self) = @_;

    my $pid = $self->{pid} // return;

    open my $file, '<', "/proc/$pid/task/$pid/children" or return;

    return split ' ', <$file> // '';
}


# What nginx calls itself, also behind the words of a program that runs it.
# Under valgrind nobody sees what it calls itself: a child is a worker.

sub _title {
    my ($pid) = @_;

    open my $file, '<', "/proc/$pid/cmdline" or return '';

    my $words = <$file> // '';

    return $words =~ /(nginx: .*)/s ? $1
        : $words =~ /^\S*valgrind/ ? 'nginx: worker process'
        :                            '';
}


1;

__END__

=head1 NAME

Tradesec::Test::Process - the processes of the nginx of a test

=head1 METHODS

=over

=item start, stop, restart

Each returns the object. C<stop> first asks for a graceful end, so that
nginx can complain about sockets left open.

=item reload

Sends HUP and waits until new workers have taken over; false if the new
configuration was refused.

=item pid, workers, old_workers

the master's pid; the pids of the workers that accept connections, and of
those that are shutting down

=item rss($pid)

resident memory in kB

=item run(@args)

Runs nginx in the foreground with this configuration, for example with C<-t>;
returns its exit code (-1 after a signal) and what it printed.

=back

=cut
