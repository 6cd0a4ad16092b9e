package Tradesec::Test::Frame;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Digest::SHA qw(sha1_base64);
use Exporter qw(import);

our @EXPORT_OK = qw(accept_key close_body frame take_frame
    CONTINUATION TEXT BINARY CLOSE PING PONG);

use constant {
    CONTINUATION => 0,
    TEXT         => 1,
    BINARY       => 2,
    CLOSE        => 8,
    PING         => 9,
    PONG         => 10,
};

my $MASK = "\x37\xfa\x21\x3d";


sub frame {
    my ($opcode, $payload, %opt) = @_;

    $payload //= '';

    my $first  = $opcode | ($opt{fin} // 1 ? 0x80 : 0) | ($opt{rsv} // 0) << 4;
    my $length = $opt{length} // length $payload;
    my $bit    = $opt{masked} ? 0x80 : 0;
    my $size   = $opt{size} // ($length < 126 ? 1 : $length < 65536 ? 2 : 8);

    my $head = $size == 1 ? pack('CC', $first, $bit | $length)
        : $size == 2 ? pack('CCn', $first, $bit | 126, $length)
        :              pack('CCQ>', $first, $bit | 127, $length);

    return $head . $payload unless $opt{masked};

    my $mask = $opt{mask} // $MASK;

    return $head . $mask . _mask($payload, $mask);
}


sub _mask {
    my ($bytes, $mask) = @_;

    return $bytes ^. substr $mask x (1 + length($bytes) / 4), 0, length $bytes;
}


sub close_body {
    my ($code, $reason) = @_;

    return pack('n', $code) . ($reason // '');
}


# Takes one whole frame off the buffer; undef while it is not complete.

sub take_frame {
    my ($buffer) = @_;

    return if length $$buffer < 2;

    my ($first, $second) = unpack 'CC', $$buffer;
    my $masked = $second >> 7;
    my $length = $second & 127;
    my $at     = 2;

    if ($length >= 126) {
        my $size = $length == 126 ? 2 : 8;

        return if length $$buffer < $at + $size;

        $length = unpack $size == 2 ? 'n' : 'Q>', substr $$buffer, $at, $size;
        $at += $size;
    }

    return if length $$buffer < $at + 4 * $masked + $length;

    my $mask    = substr $$buffer, $at, 4 * $masked;
    my $payload = substr $$buffer, $at + 4 * $masked, $length;

    substr $$buffer, 0, $at + 4 * $masked + $length, '';

    my %frame = (
        opcode  => $first & 15,
        fin     => $first >> 7,
        rsv     => $first >> 4 & 7,
        masked  => $masked,
        payload => $masked ? _mask($payload, $mask) : $payload,
    );

    if ($frame{opcode} == CLOSE) {
        @frame{qw(code reason)} = unpack 'na*', $frame{payload};
        $frame{code} //= 1005;
    }

    return \%frame;
}


sub accept_key {
    my ($key) = @_;

    return sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
}


1;

__END__

=head1 NAME

Tradesec::Test::Frame - WebSocket frames, right and wrong ones

=head1 FUNCTIONS

=over

=item frame($opcode, $payload, %options)

the bytes of a frame; options: C<masked>, C<mask> (four bytes), C<fin> (1),
C<rsv> (0 to 7), C<length> (what the header says), C<size> (1, 2 or 8 bytes
of length)

=item close_body($code, $reason)

=item take_frame(\$buffer)

takes a whole frame off the buffer: a hash with C<opcode>, C<fin>, C<rsv>,
C<masked>, C<payload> unmasked, and C<code>, C<reason> of a close frame

=item accept_key($key)

Sec-WebSocket-Accept

=back

=cut
