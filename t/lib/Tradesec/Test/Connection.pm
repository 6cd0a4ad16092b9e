package Tradesec::Test::Connection;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

use Tradesec::Test::Response;
use Tradesec::Test::Wait qw(now);


sub new {
    my ($class, $client) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => $client->{address} // '127.0.0.1',
        PeerPort => $client->{port},
        Timeout  => $client->{timeout},
        $client->{from} ? (LocalAddr => $client->{from}) : (),
    ) or return;

    $socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);

    if ($client->{tls}) {
        IO::Socket::SSL->start_SSL(
            $socket,
            SSL_reuse_ctx => $client->{tls_context} //= _context($client),
            SSL_hostname  => $client->{sni} // $client->{host} =~ s/:\d+$//r,
        ) or return;
    }

    $socket->blocking(0);

    return bless {
        client => $client,
        socket => $socket,
        buffer => '',
        eof    => 0,
    }, $class;
}


sub _context {
    my ($client) = @_;

    return IO::Socket::SSL::SSL_Context->new(
        SSL_verify_mode => SSL_VERIFY_NONE,
        $client->{cert} ? (
            SSL_cert_file => $client->{cert},
            SSL_key_file  => $client->{key},
        ) : (),
    );
}


sub socket { return $_[0]{socket} }
sub port   { return $_[0]{socket}->sockport }


sub write {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $end  = now() + $self->{client}{timeout};
    my $wait = IO::Select->new($self->{socket});

    while (length $bytes) {
        my $written = syswrite $self->{socket}, $bytes;

        if (defined $written) {
            substr $bytes, 0, $written, '';
            next;
        }

        return 0 unless $!{EAGAIN} || $!{EWOULDBLOCK};
        return 0 if now() > $end;

        $wait->can_write(0.2);
    }

    return 1;
}


# Takes what has arrived; false when nothing more can come.

sub _fill {
    my ($self) = @_;

    return 0 if $self->{eof};

    while (1) {
        my $read = sysread $self->{socket}, $self->{buffer}, 65536,
            length $self->{buffer};

        next if $read;
        return 1 if !defined $read && ($!{EAGAIN} || $!{EWOULDBLOCK});

        $self->{eof} = 1;
        return 0;
    }
}


sub _wait {
    my ($self, $condition, $timeout) = @_;

    my $end  = now() + ($timeout // $self->{client}{timeout});
    my $wait = IO::Select->new($self->{socket});

    while (1) {
        my $more   = $self->_fill;
        my $result = $condition->();

        return $result if $result || !$more;

        my $left = $end - now();

        return if $left <= 0;

        $wait->can_read($left);
    }
}


sub request {
    my ($self, $method, @rest) = @_;

    $self->write($self->{client}->format($method, @rest));

    return $self->response($method eq 'HEAD');
}


sub response {
    my ($self, $is_head) = @_;

    return $self->_wait(sub { $self->_parse($is_head) })
        // Tradesec::Test::Response->failed(
            $self->{eof} ? 'closed' : 'timeout', $self->{buffer});
}


sub try_response {
    my ($self) = @_;

    my $more = $self->_fill;

    return $self->_parse
        // ($more ? undef
            : Tradesec::Test::Response->failed('closed', $self->{buffer}));
}


sub _parse {
    my ($self, $is_head) = @_;

    my $response = Tradesec::Test::Response->parse($self->{buffer},
        $self->{eof}, $is_head ? 'head' : '') // return;

    substr $self->{buffer}, 0, $response->{length}, '';

    return $response;
}


# For what is no HTTP: exactly so many bytes, or fewer at the end.

sub read_bytes {
    my ($self, $count, $timeout) = @_;

    $self->_wait(sub { length $self->{buffer} >= $count }, $timeout);

    return substr $self->{buffer}, 0, $count, '';
}


sub read_some {
    my ($self, $timeout) = @_;

    $self->_wait(sub { length $self->{buffer} }, $timeout);

    return substr $self->{buffer}, 0, length $self->{buffer}, '';
}


sub read_all {
    my ($self, $timeout) = @_;

    $self->_wait(sub {0}, $timeout);

    return substr $self->{buffer}, 0, length $self->{buffer}, '';
}


sub closed {
    my ($self, $timeout) = @_;

    $self->_wait(sub {0}, $timeout);

    return $self->{eof};
}


sub close {
    my ($self) = @_;

    $self->{socket}->close;
}


1;

__END__

=head1 NAME

Tradesec::Test::Connection - a connection that a test reads and writes

=head1 METHODS

=over

=item request($method, $uri, $body, @headers)

as in L<Tradesec::Test::Client>, on this connection

=item write($bytes)

false if the peer hung up

=item response($is_head)

the next response; what follows it stays in the buffer

=item try_response

the response if it is complete, undef if more has to come

=item read_bytes($count, $timeout), read_some($timeout), read_all($timeout)

what comes behind a 101: so many bytes, whatever comes next, everything until
the end or the timeout

=item closed($timeout)

waits until the peer closes; false if it does not

=item close, socket, port

C<port> is the local one.

=back

=cut
