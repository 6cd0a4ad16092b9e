package Tradesec::Test::SocketServer;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::SSL;
use JSON::PP ();
use Socket ();

use Tradesec::Test::Backend;
use Tradesec::Test::Frame qw(accept_key close_body frame take_frame
    TEXT BINARY CLOSE PING);
use Tradesec::Test::Wait qw(now wait_until);

use parent 'Tradesec::Test::Server';

my $JSON = JSON::PP->new->latin1->canonical;


# What happened, in order; of one kind, if it is named.

sub events {
    my ($self, $kind) = @_;

    my @events = map { $JSON->decode($_) } $self->lines;

    return grep { !defined $kind || $_->{event} eq $kind } @events;
}


sub count {
    my ($self, $kind) = @_;

    return scalar(my @all = $self->events($kind));
}


sub wait_for {
    my ($self, $kind, $count) = @_;

    my @found;

    wait_until(sub { (@found = $self->events($kind)) >= ($count // 1) });

    return $found[-1];
}


# From here on: the process that answers.

sub _serve {
    my ($self, $listen) = @_;

    $self->{all}     = {};
    $self->{readers} = IO::Select->new($listen);

    $listen->blocking(0);

    while ($self->_wanted) {
        my @writers = grep { length $_->{out} || $_->{stream} || $_->{file} }
            values %{ $self->{all} };
        my $writers = IO::Select->new(map { $_->{socket} } @writers);

        my ($in, $out)
            = IO::Select->select($self->{readers}, $writers, undef, 0.5);

        for my $socket (@{ $in // [] }) {
            $socket == $listen
                ? $self->_accept($listen)
                : $self->_read($self->{all}{$socket} // next);
        }

        for my $socket (@{ $out // [] }) {
            $self->_write($self->{all}{$socket} // next);
        }
    }
}


sub _accept {
    my ($self, $listen) = @_;

    while (my $socket = $listen->accept) {
        if ($self->{cert}) {
            $socket->blocking(1);
            IO::Socket::SSL->start_SSL(
                $socket,
                SSL_server    => 1,
                SSL_cert_file => $self->{cert},
                SSL_key_file  => $self->{key},
            ) or next;
        }

        setsockopt $socket, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
        $socket->blocking(0);
        $self->{readers}->add($socket);
        $self->{all}{$socket}
            = { socket => $socket, in => '', out => '', later => '' };
    }
}


sub _drop {
    my ($self, $one) = @_;

    return if !delete $self->{all}{ $one->{socket} };

    $self->_record(gone => {});

    $self->{readers}->remove($one->{socket});
    close $one->{socket};
}


sub _record {
    my ($self, $event, $data) = @_;

    $self->SUPER::_record(
        $JSON->encode({ event => $event, time => now(), %$data }));
}


sub _read {
    my ($self, $one) = @_;

    while (1) {
        my $read = sysread $one->{socket}, $one->{in}, 65536,
            length $one->{in};

        next if $read;

        my $gone = defined $read || !($!{EAGAIN} || $!{EINTR});

        $self->_take($one);
        $self->_drop($one) if $gone;

        return;
    }
}


sub _take {
    my ($self, $one) = @_;

    if (!$one->{open}) {
        my $request = Tradesec::Test::Request->parse(\$one->{in}) or return;
        $self->_handshake($one, $request);
        return if !$one->{open};
    }

    while (my $frame = take_frame(\$one->{in})) {
        $self->_record(frame => $frame) if !exists $one->{mode}{quiet};
        $self->_frame($one, $frame);
    }

    $self->_drop($one) if $one->{closing} && !length $one->{out};
}


sub _handshake {
    my ($self, $one, $request) = @_;

    $self->_record(handshake => {%$request});

    my ($query) = $request->uri =~ /\?(.*)/;
    my %mode = map { /^([^=]*)=?(.*)$/ ? ($1 => $2) : () }
        split /&/, $query // '';
    my $key = $request->header('Sec-WebSocket-Key') // '';

    s/%(..)/chr hex $1/ge for values %mode;

    if (lc($request->header('Upgrade') // '') ne 'websocket'
        && !exists $mode{force})
    {
        $one->{out} .= "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nplain\n";
        return;
    }

    my $accept = accept_key($key);

    $accept =~ tr/a-zA-Z/b-zaB-ZA/ if $mode{accept};

    $one->{out} .= join "\r\n", 'HTTP/1.1 101 Switching Protocols',
        'Upgrade: ' . ($mode{upgrade} // 'websocket'),
        'Connection: Upgrade',
        exists $mode{noaccept} ? () : "Sec-WebSocket-Accept: $accept",
        $mode{protocol}  ? "Sec-WebSocket-Protocol: $mode{protocol}"    : (),
        $mode{extension} ? "Sec-WebSocket-Extensions: $mode{extension}" : (),
        '', '';

    $one->{out} .= pack 'H*', $mode{behind} // '';
    $one->{open} = 1;
    $one->{mode} = \%mode;
    $one->{stream} = $mode{stream};

    $self->{readers}->remove($one->{socket}) if exists $mode{deaf};
}


# Text messages can be orders; everything else is sent back.

sub _frame {
    my ($self, $one, $frame) = @_;

    my ($opcode, $payload) = @$frame{qw(opcode payload)};

    # what comes while a file is sent is answered behind it

    my $out = \$one->{ $one->{file} ? 'later' : 'out' };

    if ($opcode == CLOSE) {
        return if exists $one->{mode}{mute};

        delete @$one{qw(stream file)};
        $one->{out} .= frame(CLOSE, $payload) unless $one->{closed}++;
        $one->{closing} = 1;

    } elsif ($opcode == TEXT && $payload =~ /^!close (\d+) ?(.*)/s) {
        $$out .= frame(CLOSE, close_body($1, $2));
        $one->{closed} = 1;

    } elsif ($opcode == TEXT && $payload =~ /^!hangup/) {
        $one->{closing} = 1;

    } elsif ($opcode == TEXT && $payload =~ /^!push (\d+) (\d+)/) {
        $$out .= join '', map { frame(TEXT, "$_:" . 'x' x $2) } 1 .. $1;

    } elsif ($opcode == TEXT && $payload =~ /^!raw (\w+)/) {
        $$out .= pack 'H*', $1;

    } elsif ($opcode == TEXT && $payload =~ /^!fill (\d+) (\w+)/) {
        $$out .= pack('H*', $2) . 'x' x $1;

    } elsif ($opcode == TEXT && $payload =~ /^!all (\w+)/) {
        $_->{out} .= pack 'H*', $1 for grep { $_->{open} }
            values %{ $self->{all} };

    } elsif ($opcode == TEXT && $payload =~ /^!file (\S+)/) {
        open $one->{file}, '<:raw', $1 or die "$1: $!\n";

    } elsif ($opcode == TEXT && $payload =~ /^!all-file (\S+)/) {
        for my $other (grep { $_->{open} } values %{ $self->{all} }) {
            open $other->{file}, '<:raw', $1 or die "$1: $!\n";
        }

    } elsif ($opcode == PING) {
        $$out .= frame(10, $payload);

    } elsif ($opcode < CLOSE) {
        $$out .= frame($opcode, $payload, fin => $frame->{fin});
    }
}


sub _write {
    my ($self, $one) = @_;

    $one->{out} .= frame(BINARY, 'x' x $one->{stream})
        if !length $one->{out} && $one->{stream};

    if (!length $one->{out} && $one->{file}) {
        if (!read $one->{file}, $one->{out}, 65536) {
            delete $one->{file};
            $one->{out}   = $one->{later};
            $one->{later} = '';
        }

        return if !length $one->{out};
    }

    my $size = $one->{mode}{piece} || length $one->{out};
    my $done = 0;

    # some pieces for each look at the others

    for (1 .. 1000) {
        my $written = syswrite $one->{socket}, $one->{out}, $size, $done;

        if (!defined $written) {
            last if $!{EAGAIN} || $!{EINTR};
            return $self->_drop($one);
        }

        $done += $written;
        last if $done == length $one->{out};
    }

    substr $one->{out}, 0, $done, '';

    $self->_drop($one) if $one->{closing} && !length $one->{out};
}


1;

__END__

=head1 NAME

Tradesec::Test::SocketServer - a WebSocket backend that remembers and obeys

=head1 SYNOPSIS

    my $sockets = Tradesec::Test::SocketServer->new;

    my $t = Tradesec::Test->new(backend => $sockets, server => ...);

    my $ws = Tradesec::Test::WebSocket->open($t->client, '/ws?protocol=v2');

    is($sockets->wait_for('handshake')->{uri}, '/ws?protocol=v2');

=head1 DESCRIPTION

Answers handshakes with 101 and requests without C<Upgrade: websocket> with 200.
Frames are sent back as they come, a ping gets its pong, a close frame is
answered and ends the connection. C<< new(cert => $file, key => $file) >>
speaks TLS.

The query of the handshake changes what the server does: C<accept=1> (a wrong
Sec-WebSocket-Accept), C<noaccept>, C<upgrade=x>, C<protocol=x>,
C<extension=x>, C<behind=HEX> (bytes in one write with the 101), C<force> (101
for every request), C<quiet> (its frames are no events), C<mute> (does not answer
close frames), C<deaf> (never reads), C<stream=SIZE> (sends binary frames of that
size without end), C<piece=SIZE> (writes so many bytes at once).

A text message can be an order: C<!close CODE REASON>, C<!hangup>,
C<!push COUNT SIZE> (text messages "1:xxx", ...), C<!raw HEX>, C<!all HEX> (the
same to everyone who is connected), C<!fill COUNT HEX> (so many "x" behind it),
C<!file PATH> and C<!all-file PATH> (the bytes of a file).

=head1 METHODS

=over

=item events($kind), count($kind), wait_for($kind, $count)

what happened, as hashes with C<event> (C<handshake>, C<frame>, C<gone>) and
C<time>; C<wait_for> returns the last of them

=item clear, stop, address, port

=back

=cut
