package Tradesec::Test::Relay;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::INET;

use parent 'Tradesec::Test::Server';

# A slow network towards a server: the client's first flight arrives as one,
# what the client says next arrives a second after the server's first answer.
# So a TLS handshake is surely not over when early data is judged.

my $QUIET = 0.5;
my $DELAY = 1;


sub new {
    my ($class, $port) = @_;

    return $class->SUPER::new(to => $port);
}


sub _serve {
    my ($self, $listen) = @_;

    alarm 60;

    while (my $client = $listen->accept) {
        relay($client, $self->{to});
    }
}


sub relay {
    my ($client, $port) = @_;

    my $flight = '';
    my $select = IO::Select->new($client);

    do {
        sysread $client, $flight, 65536, length $flight or return;
    } while ($select->can_read($QUIET));

    my $server = IO::Socket::INET->new("127.0.0.1:$port") or return;

    syswrite $server, $flight;

    sysread $server, my ($answer), 65536 or return;
    syswrite $client, $answer;
    select undef, undef, undef, $DELAY;

    $select->add($server);

    while (1) {
        for my $from ($select->can_read) {
            sysread $from, my ($bytes), 65536 or return;
            syswrite $from == $client ? $server : $client, $bytes;
        }
    }
}


1;
