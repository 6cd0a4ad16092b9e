package Bench::Feed;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

use Tradesec::Test::Frame qw(accept_key frame TEXT);
use Tradesec::Test::WebSocket;

# A WebSocket of which this process holds both ends, with nginx in between: it
# decides what the backend says, and what lies in one read.

sub new {
    my ($class) = @_;

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 4096,
    ) or croak "feed: $!";

    return bless { listen => $listen }, $class;
}


sub address { return '127.0.0.1:' . $_[0]{listen}->sockport }


# The handshake, with more header lines, on a connection to nginx. Returns the
# backend's end of it.

sub open {
    my ($self, $socket, $uri, @fields) = @_;

    my @headers = Tradesec::Test::WebSocket->headers;

    while (my ($name, $value) = splice @headers, 0, 2) {
        push @fields, "$name: $value";
    }

    syswrite $socket,
        join "\r\n", "GET $uri HTTP/1.1", 'Host: bench.test', @fields, '', '';

    my $backend = $self->{listen}->accept or croak "accept: $!";

    setsockopt $_, IPPROTO_TCP, TCP_NODELAY, 1 for $socket, $backend;

    my ($key) = head($backend) =~ /^Sec-WebSocket-Key: *(\S+)/mi
        or croak 'no handshake';

    syswrite $backend, join "\r\n", 'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket', 'Connection: Upgrade',
        'Sec-WebSocket-Accept: ' . accept_key($key), '', '';

    head($socket) =~ m{^HTTP/1\.1 101 } or croak 'no WebSocket';

    return $backend;
}


sub head {
    my ($socket) = @_;

    my $head = '';

    while ($head !~ /\r\n\r\n$/) {
        sysread $socket, $head, 65536, length $head or croak 'connection lost';
    }

    return $head;
}


# An update of an account, of 200 bytes, as trading backends send it.

sub update {
    my ($class, $user) = @_;

    return sprintf '{"topic":"account","user_id":"%s","seq":48213,'
        . '"data":{"order":"A-2045","symbol":"EURUSD","side":"buy",'
        . '"qty":125000,"price":1.08425,"status":"filled",'
        . '"ts":1732612345}}', $user;
}


# Sends messages in reads of so many, and waits for each of these to arrive.

sub pass {
    my ($class, $backend, $socket, $message, $reads, $each) = @_;

    my $bytes = frame(TEXT, $message) x $each;

    for (1 .. $reads) {
        syswrite $backend, $bytes;

        my $seen = '';

        while (length $seen < length $bytes) {
            sysread $socket, $seen, length $bytes, length $seen
                or croak 'connection lost';
        }

        croak 'not what was sent' if $seen ne $bytes;
    }
}


1;
