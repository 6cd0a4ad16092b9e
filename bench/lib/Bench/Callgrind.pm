package Bench::Callgrind;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Exporter qw(import);

use Bench::Server;

our @EXPORT_OK = qw(instructions);

# User instructions of one request: the same nginx once with FEW and once with
# MANY requests on one keep-alive connection, the difference divided. Starting,
# connecting and stopping cancel out.

my ($FEW, $MANY) = (200, 1200);

# Those of libc count for who calls them, as if they were written there

my $SMALL = qr/^__mem(?:chr|cmp|cpy|move|set)_/;


# Options: those of Bench::Server, and
#
#   request  gets a number, returns the bytes of that request
#   status   the status that every answer has to have
#   warm     how many requests are sent before counting
#   start    starts another server, with the options it is called with
#   talk     in the place of these: gets the socket and a number, and does
#            so many exchanges of another kind
#
# Returns the instructions of a request, by function, their sum under "".
# Functions that the counted run entered at all are there, if only with 0.

sub instructions {
    my (%opt) = @_;

    my ($few, $many) = map { run($_, %opt) } $FEW, $MANY;

    return {
        map {
            $_ => ($many->{$_} - ($few->{$_} // 0)) / ($MANY - $FEW)
        } keys %$many
    };
}


sub run {
    my ($requests, %opt) = @_;

    my $warm   = $opt{warm} // 0;
    my $server = $opt{start} ? $opt{start}->(callgrind => 1)
        : Bench::Server->new(%opt, callgrind => 1);
    my $socket = $server->connect;
    my $status = $opt{status} // 200;

    if (my $talk = $opt{talk}) {
        $talk->($socket, 10);
        $server->count;
        $talk->($socket, $requests);
        close $socket;
        $server->stop;

        return profile($server->read('profile'));
    }

    my @requests = map { $opt{request}->($_) } 0 .. $warm + $requests - 1;
    my @warm     = splice @requests, 0, $warm;

    $server->send($socket, @warm);
    $server->count;

    my $seen = $server->send($socket, @requests);

    croak "not every answer is $status: " . join ', ',
        map {"$seen->{$_} x $_"} sort keys %$seen
        unless ($seen->{$status} // 0) == $requests;

    close $socket;
    $server->stop;

    return profile($server->read('profile'));
}


# From callgrind's output: the cost of each function by itself, and the total;
# and as "FUNCTION copies" how often it copied memory.

sub profile {
    my ($text) = @_;

    my (%cost, %name);
    my ($object, $function, $callee, $calls) = ('', '', '', 0);

    for my $line (split /\n/, $text) {

        if ($line =~ /^(ob|c?ob|c?fn)=\((\d+)\)(?: (.*))?/) {
            my ($kind, $id, $value) = ($1, $2, $3);
            my $key = substr($kind, -2) . $id;

            $name{$key} = $value if defined $value;

            $object   = $name{$key} if $kind eq 'ob';
            $function = $name{$key} if $kind eq 'fn';
            $callee   = $name{$key} if $kind eq 'cfn';

        } elsif ($line =~ /^calls=(\d+)/) {
            # the next line is the cost of what was called

            $calls = $1;

        } elsif ($line =~ /^[+*-]?\d*\*? (\d+)$/) {
            # stripped functions have an address: say at least whose

            my $cost = $1;
            my $who  = $function =~ /^0x/ ? $object =~ s{.*/}{}r : $function;

            $cost{$who} += $cost unless $calls && $callee !~ $SMALL;
            $cost{$callee} -= $cost if $calls && $callee =~ $SMALL;
            $cost{"$who copies"} += $calls
                if $calls && $callee =~ /^__mem(?:cpy|move)_/;
            $calls = 0;
        }
    }

    ($cost{''}) = $text =~ /^(?:summary|totals): (\d+)/m
        or croak 'not a profile';

    return \%cost;
}


1;
