package Tradesec::Test::Response;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use JSON::PP ();


# Takes one response from the beginning of the bytes; undef while it is not
# complete. Interim responses except 101 are kept aside. The hint is "head"
# when no body follows, "decoded" when somebody has unchunked the body.

sub parse {
    my ($class, $bytes, $eof, $hint) = @_;

    my ($self, $body_at, @interim);

    for (my $at = 0;; $at = $body_at) {
        my $end = index $bytes, "\r\n\r\n", $at;

        return if $end < 0;

        $self    = $class->_parse_head(substr $bytes, $at, $end - $at) // return;
        $body_at = $end + 4;

        last if $self->{status} >= 200 || $self->{status} == 101;

        push @interim, $self;
    }

    $self->{interim} = \@interim;
    $self->{raw}     = $bytes;

    my $rest = substr $bytes, $body_at;
    my $taken = $self->_parse_body($rest, $eof, $hint // '') // return;

    $self->{length} = $body_at + $taken;

    return $self;
}


sub failed {
    my ($class, $error, $raw) = @_;

    return bless {
        status  => 0,
        reason  => '',
        fields  => [],
        body    => '',
        interim => [],
        error   => $error,
        raw     => $raw // '',
    }, $class;
}


sub _parse_head {
    my ($class, $head) = @_;

    my ($first, @lines) = split /\r\n/, $head;

    my ($version, $status, $reason)
        = $first =~ m{^HTTP/(\d(?:\.\d)?) (\d{3})(?: (.*))?$} or return;

    my @fields = map { /^([^:]+):[ \t]*(.*?)[ \t]*$/ ? [ $1, $2 ] : [ $_, '' ] }
        @lines;

    return bless {
        version => $version,
        status  => $status,
        reason  => $reason // '',
        fields  => \@fields,
        body    => '',
    }, $class;
}


sub _parse_body {
    my ($self, $bytes, $eof, $hint) = @_;

    if ($hint eq 'head' || $self->{status} =~ /^(?:101|204|304)$/) {
        return 0;
    }

    if ($hint eq 'decoded') {
        $self->{body} = $bytes;
        return length $bytes;
    }

    if (lc($self->header('Transfer-Encoding') // '') eq 'chunked') {
        return $self->_parse_chunks($bytes);
    }

    my $length = $self->header('Content-Length');

    if (defined $length) {
        return if length $bytes < $length;
        $self->{body} = substr $bytes, 0, $length;
        return $length;
    }

    return unless $eof;

    $self->{body} = $bytes;

    return length $bytes;
}


sub _parse_chunks {
    my ($self, $bytes) = @_;

    my ($body, $at) = ('', 0);

    while (1) {
        pos($bytes) = $at;
        $bytes =~ /\G([0-9A-Fa-f]+)[^\r\n]*\r\n/gc or return;

        my $size = hex $1;

        $at = pos $bytes;

        if ($size == 0) {
            my $end = index $bytes, "\r\n", $at;
            return if $end < 0;
            $self->{body} = $body;
            return $end + 2;
        }

        return if length $bytes < $at + $size + 2;

        $body .= substr $bytes, $at, $size;
        $at   += $size + 2;
    }
}


sub status  { return $_[0]{status} }
sub reason  { return $_[0]{reason} }
sub body    { return $_[0]{body} }
sub raw     { return $_[0]{raw} }
sub error   { return $_[0]{error} }
sub fields  { return @{ $_[0]{fields} } }
sub interim { return @{ $_[0]{interim} } }


sub header {
    my ($self, $name) = @_;

    return ($self->headers($name))[0];
}


sub headers {
    my ($self, $name) = @_;

    return map { $_->[1] } grep { lc $_->[0] eq lc $name } $self->fields;
}


sub json {
    my ($self) = @_;

    return eval { JSON::PP->new->utf8->decode($self->{body}) };
}


# The value of a cookie that this response sets.

sub cookie {
    my ($self, $name) = @_;

    for my $value ($self->headers('Set-Cookie')) {
        return $1 if $value =~ /^\Q$name\E=([^;]*)/;
    }

    return;
}


1;

__END__

=head1 NAME

Tradesec::Test::Response - what a server answered

=head1 METHODS

=over

=item status, reason, body, raw

C<status> is 0 if there is no whole response; C<raw> has what there is.

=item header($name), headers($name)

the first value, or all; undef or nothing without such a header

=item fields

all headers, each as [ name, value ], in their order

=item interim

the 1xx responses before this one

=item json

the decoded body, or undef

=item cookie($name)

the value that a Set-Cookie header gives

=item error

C<connect>, C<closed>, C<timeout> or what curl says, if C<status> is 0

=back

=cut
