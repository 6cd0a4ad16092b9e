package Tradesec::Test::Server;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use File::Temp ();
use IO::Socket::INET;
use POSIX ();

my %running;


sub new {
    my ($class, %opt) = @_;

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 4096,
        Proto     => 'tcp',
        ReuseAddr => 1,
    ) or croak "$class: $!";

    my $self = bless {
        %opt,
        owner => $$,
        port  => $listen->sockport,
        seen  => File::Temp->new(TEMPLATE => 'tradesec-server-XXXXXX',
            TMPDIR => 1),
    }, $class;

    $self->{pid} = fork // croak "fork: $!";

    if ($self->{pid} == 0) {
        @SIG{qw(INT TERM HUP PIPE)} = ('DEFAULT', 'DEFAULT', 'DEFAULT',
            'IGNORE');
        eval { $self->_run($listen); 1 } or print STDERR "$class: $@";
        POSIX::_exit(1);
    }

    $running{$$}{ $self->{pid} } = 1;

    return $self;
}


sub port    { return $_[0]{port} }
sub address { return "127.0.0.1:$_[0]{port}" }


# What was written down. A line that has no end yet is being written.

sub lines {
    my ($self) = @_;

    open my $file, '<:raw', $self->{seen}->filename
        or croak ref($self) . ": $!";

    chomp(my @lines = grep {/\n\z/} <$file>);

    return @lines;
}


sub clear {
    my ($self) = @_;

    truncate $self->{seen}->filename, 0 or croak ref($self) . ": $!";

    return $self;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'TERM', $pid;
    waitpid $pid, 0;
    delete $running{$$}{$pid};
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $!, $@);

    $self->stop;
}


END {
    my $code = $?;

    for my $pid (keys %{ $running{$$} // {} }) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }

    $? = $code;
}


# From here on: the process that answers.

sub _run {
    my ($self, $listen) = @_;

    $self->{parent} = getppid;

    open $self->{record}, '>>:raw', $self->{seen}->filename
        or die "record: $!\n";
    $self->{record}->autoflush(1);

    $self->_serve($listen);

    POSIX::_exit(0);
}


sub _wanted { return getppid == $_[0]{parent} }


sub _record {
    my ($self, $line) = @_;

    print { $self->{record} } "$line\n";
}


1;

__END__

=head1 NAME

Tradesec::Test::Server - what servers of tests share: a process of their own

=head1 SYNOPSIS

    package Tradesec::Test::Parrot;

    use parent 'Tradesec::Test::Server';

    sub _serve {
        my ($self, $listen) = @_;

        while ($self->_wanted) {
            my $socket = $listen->accept or next;
            my $words = <$socket>;

            print {$socket} $words;
            $self->_record('heard something');
        }
    }

=head1 DESCRIPTION

C<new> makes an object of its options, listens on a free port of loopback and
calls C<_serve> in another process, which ends with the object or the test. It is
to go on while C<_wanted>, and what it writes down with C<_record> the test reads
with C<lines>. C<clear> forgets that, C<stop> ends the process; C<port> and
C<address> are those of the server.

=cut
