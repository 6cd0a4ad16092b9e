package Bench::Sockets;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Path qw(make_path);
use IPC::Open2 qw(open2);

our @EXPORT_OK = qw(memory used);

# Both ends of many WebSockets, in a process of its own: see sockets.c.

sub new {
    my ($class, $source, $dir) = @_;

    make_path($dir);

    my $binary = "$dir/sockets";

    system(qw(cc -O2 -o), $binary, $source) == 0
        or croak "$source does not compile";

    my $self = bless {}, $class;

    $self->{pid} = open2($self->{out}, $self->{in}, $binary);
    $self->{in}->autoflush(1);
    $self->{port} = $self->line + 0;

    return $self;
}


sub line {
    my ($self) = @_;

    my $line = readline $self->{out};

    croak 'sockets: ended' if !defined $line;
    chomp $line;

    return $line;
}


sub address { return "127.0.0.1:$_[0]{port}" }


# Gives an order and returns what is behind the first word of the answer.

sub order {
    my ($self, @words) = @_;

    print { $self->{in} } "@words\n";

    my (undef, @answer) = split / /, $self->line;

    return wantarray ? @answer : $answer[0];
}


# Seconds that a process has computed, to the nanosecond.

sub used {
    my ($pid) = @_;

    return (split / /, slurp("/proc/$pid/schedstat"))[0] / 1e9;
}


# What it holds of memory, in bytes.

sub memory {
    my ($pid) = @_;

    my ($kb) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m
        or croak "no memory of $pid";

    return $kb * 1024;
}


sub slurp {
    my ($file) = @_;

    open my $in, '<', $file or croak "$file: $!";
    local $/;

    return <$in>;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@);

    close $self->{in} if $self->{in};
    waitpid $self->{pid}, 0 if $self->{pid};
}


1;
