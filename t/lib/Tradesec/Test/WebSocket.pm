package Tradesec::Test::WebSocket;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Tradesec::Test::Frame qw(accept_key close_body frame take_frame
    TEXT CLOSE);

our $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';


# The header lines of a handshake; given ones take the place of the defaults,
# and those with the value undef are left out.

sub headers {
    my ($class, @given) = @_;

    my %given;

    for (my $i = 0; $i < @given; $i += 2) {
        $given{ lc $given[$i] } = 1;
    }

    my @defaults = (
        Upgrade                 => 'websocket',
        Connection              => 'Upgrade',
        'Sec-WebSocket-Key'     => $KEY,
        'Sec-WebSocket-Version' => 13,
    );

    my @headers;

    while (my ($name, $value) = splice @defaults, 0, 2) {
        push @headers, $name => $value unless $given{ lc $name };
    }

    return (@headers, @given);
}


# Does the handshake; an object even if it is refused: see status.

sub open {
    my ($class, $client, $uri, %opt) = @_;

    my $connection = $client->connect or return;
    my @headers    = $class->headers(@{ $opt{headers} // [] });

    $connection->write(
        $client->format(GET => $uri, undef, @headers) . ($opt{early} // ''));

    return bless {
        connection => $connection,
        response   => $connection->response,
        buffer     => '',
    }, $class;
}


sub connection { return $_[0]{connection} }
sub response   { return $_[0]{response} }
sub status     { return $_[0]{response}->status }


sub accepted {
    my ($self) = @_;

    return $self->status == 101
        && $self->response->header('Sec-WebSocket-Accept') eq accept_key($KEY);
}


sub write { return $_[0]{connection}->write($_[1]) }


sub send {
    my ($self, $payload, %opt) = @_;

    my $opcode = delete $opt{opcode} // TEXT;

    return $self->write(frame($opcode, $payload, masked => 1, %opt));
}


sub close {
    my ($self, $code, $reason) = @_;

    return $self->write(
        frame(CLOSE, $code ? close_body($code, $reason) : '', masked => 1));
}


# The next frame, or undef when the time is up or the peer is gone.

sub receive {
    my ($self, $timeout) = @_;

    my $frame;
    my $connection = $self->{connection};

    $connection->_wait(
        sub { $frame = take_frame(\$connection->{buffer}) }, $timeout // 5);

    return $frame;
}


sub receive_text {
    my ($self, $timeout) = @_;

    my $frame = $self->receive($timeout) // return;

    return $frame->{opcode} == TEXT ? $frame->{payload} : undef;
}


# Skips to the close frame.

sub receive_close {
    my ($self, $timeout) = @_;

    while (my $frame = $self->receive($timeout)) {
        return $frame if $frame->{opcode} == CLOSE;
    }

    return;
}


sub closed { return $_[0]{connection}->closed($_[1] // 5) }


1;

__END__

=head1 NAME

Tradesec::Test::WebSocket - a WebSocket client that can break every rule

=head1 SYNOPSIS

    my $ws = Tradesec::Test::WebSocket->open($t->client, '/ws');

    $ws->send('hello');
    is($ws->receive_text, 'hello');

    $ws->write(frame(TEXT, 'not masked'));
    is($ws->receive_close->{code}, 1002);

=head1 METHODS

=over

=item open($client, $uri, headers => [...], early => $bytes)

does the handshake; C<early> goes out together with it. C<status>, C<response>
and C<accepted> say what became of it. C<headers(@given)> is the list alone.

=item write($bytes), send($payload, %options), close($code, $reason)

C<send> takes the options of C<frame> and C<opcode>

=item receive($timeout), receive_text, receive_close

the next frame (see L<Tradesec::Test::Frame>), the text of it, the next close
frame; undef when there is none

=item closed($timeout)

waits until the peer hangs up

=back

=cut
