package Attack::Socket;

# Copyright (C) the ngx_tradesec authors
#
# A WebSocket client that does not have to play by the rules.

use v5.36;

use JSON::PP qw(decode_json encode_json);
use Protocol::WebSocket::Frame;

use Tradesec::Test::Wait qw(now);


sub new ($class, $client, %opt) {
    my $connection = $client->connect or return;
    my %handshake  = (
        Host                    => $client->{host},
        Connection              => 'Upgrade',
        Upgrade                 => 'websocket',
        'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version' => 13,
        %{ $opt{headers} // {} },
    );

    my $uri   = $opt{uri} // '/ws';
    my $lines = join '', map {"$_: $handshake{$_}\r\n"}
        grep { defined $handshake{$_} } sort keys %handshake;

    $connection->write("GET $uri HTTP/1.1\r\n$lines\r\n");

    return bless {
        connection => $connection,
        response   => $connection->response,
        frames     => Protocol::WebSocket::Frame->new,
        closed     => 0,
    }, $class;
}


sub status ($self) { return $self->{response}->status }
sub closed ($self) { return $self->{closed} }


sub send ($self, $message) {
    return $self->{connection}->write(
        Protocol::WebSocket::Frame->new(
            buffer => encode_json($message), masked => 1)->to_bytes);
}


# The first message that fits, within some seconds.

sub wait_for ($self, $fits, $seconds = 4) {
    return if $self->status != 101;

    my $end = now() + $seconds;

    while (now() < $end && !$self->{closed}) {
        my $bytes = $self->{connection}->read_some($end - now());

        $self->{closed} = 1 if !length $bytes;
        $self->{frames}->append($bytes);

        while (defined(my $payload = $self->{frames}->next_bytes)) {
            if ($self->{frames}->is_close) {
                $self->{closed} = 1;
                last;
            }

            my $message = eval { decode_json($payload) } // next;

            return $message if $fits->($message);
        }
    }

    return;
}


1;
