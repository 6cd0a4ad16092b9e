package Tradesec::Test::Backend;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use IO::Select;
use JSON::PP ();

use Tradesec::Test::Wait qw(now);

use parent 'Tradesec::Test::Server';

my $JSON = JSON::PP->new->ascii->canonical;


sub new {
    my ($class, %opt) = @_;

    return $class->SUPER::new(answers => {}, %opt);
}


sub requests {
    my ($self, $match) = @_;

    my @requests = map { bless $JSON->decode($_), 'Tradesec::Test::Request' }
        $self->lines;

    return grep {
        !defined $match
            || (ref $match ? $_->uri =~ $match : $_->path eq $match)
    } @requests;
}


sub count {
    my ($self, $match) = @_;

    return scalar(my @all = $self->requests($match));
}


sub last {
    my ($self) = @_;

    return ($self->requests)[-1];
}


# From here on: the process that answers. One connection is a hash with what
# came in and what has to go out.

sub _serve {
    my ($self, $listen) = @_;

    my %connections;

    $listen->blocking(0);

    my $readers = IO::Select->new($listen);
    my $writers = IO::Select->new;

    while ($self->_wanted) {
        my @due = grep { defined $_->{due} } values %connections;
        my $wait = 1;

        for my $one (@due) {
            my $left = $one->{due} - now();

            $left = 0.01 if defined $one->{held} && -e $one->{held};

            if ($left <= 0) {
                delete @$one{qw(due held)};
                $one->{out} .= delete $one->{later};
                $writers->add($one->{socket});
                $wait = 0;

            } elsif ($left < $wait) {
                $wait = $left;
            }
        }

        my ($in, $out) = IO::Select->select($readers, $writers, undef, $wait);

        for my $socket (@{ $in // [] }) {
            if ($socket == $listen) {
                while (my $new = $listen->accept) {
                    $new->blocking(0);
                    $readers->add($new);
                    $connections{$new} = { socket => $new, in => '',
                        out => '' };
                }
                next;
            }

            my $one = $connections{$socket} or next;

            if (!$self->_read($one)) {
                $readers->remove($socket);
                $writers->remove($socket);
                delete $connections{$socket};
                close $socket;
                next;
            }

            $writers->add($socket) if length $one->{out} || $one->{closing};
        }

        for my $socket (@{ $out // [] }) {
            my $one = $connections{$socket} or next;

            next if $self->_write($one);

            $writers->remove($socket);

            if ($one->{closing} && !defined $one->{due}) {
                $readers->remove($socket);
                delete $connections{$socket};
                close $socket;

            } elsif (!defined $one->{due} && length $one->{in}) {
                $self->_answer_all($one);
                $writers->add($socket) if length $one->{out};
            }
        }
    }
}


sub _read {
    my ($self, $one) = @_;

    my $read = sysread $one->{socket}, $one->{in}, 65536, length $one->{in};

    return $!{EAGAIN} || $!{EINTR} if !defined $read;
    return 0 if $read == 0;

    $self->_answer_all($one);

    return 1;
}


# True while something is left to write.

sub _write {
    my ($self, $one) = @_;

    return 0 unless length $one->{out};

    my $written = syswrite $one->{socket}, $one->{out};

    if (!defined $written) {
        return 1 if $!{EAGAIN} || $!{EINTR};
        $one->{closing} = 1;
        $one->{out} = '';
        return 0;
    }

    substr $one->{out}, 0, $written, '';

    return length $one->{out} > 0;
}


sub _answer_all {
    my ($self, $one) = @_;

    while (!$one->{closing} && !defined $one->{due}) {
        if ($one->{echo}) {
            $one->{out} .= $one->{in};
            $one->{in} = '';
            return;
        }

        my $request = Tradesec::Test::Request->parse(\$one->{in}) or return;

        $self->_record($JSON->encode({%$request}));

        $self->_answer($one, $request);
    }
}


sub _answer {
    my ($self, $one, $request) = @_;

    my $answer = $self->_find_answer($request);

    if ($answer->{close}) {
        $one->{closing} = 1;
        return;
    }

    my $keep = $request->version eq '1.1'
        && lc($request->header('Connection') // '') ne 'close';

    my $bytes = $answer->{raw} // _format($request, $answer, $keep);

    if (defined $answer->{raw} ? !$answer->{echo} : !$keep) {
        $one->{closing} = 1;
    }

    $one->{echo} = $answer->{echo};

    if ($answer->{delay} || defined $answer->{held}) {
        $one->{due}   = now() + ($answer->{delay} // 0);
        $one->{held}  = $answer->{held};
        $one->{later} = $bytes;
        return;
    }

    $one->{out} .= $bytes;
}


sub _find_answer {
    my ($self, $request) = @_;

    my $answer  = $self->{answers};
    my $ordered = $request->header('X-Test-Answer');

    if (defined $ordered) {
        $answer = $JSON->decode($ordered);

    } elsif (ref $answer eq 'HASH') {
        $answer = $answer->{ $request->method . ' ' . $request->path }
            // $answer->{ $request->path } // $answer->{'*'};
    }

    $answer = $answer->($request) if ref $answer eq 'CODE';

    return ref $answer ? $answer
        : defined $answer ? { status => $answer } : {};
}


sub _format {
    my ($request, $answer, $keep) = @_;

    my $status  = $answer->{status} // 200;
    my $body    = $answer->{body} // "backend\n";
    my $headers = $answer->{headers} // [];
    my @headers = map { ref $_ ? @$_ : $_ } @$headers;
    my $text    = "HTTP/1.1 $status Answer\r\n";
    my $empty   = $request->method eq 'HEAD' || $status =~ /^(?:1..|204|304)$/;
    my %given;

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n";
        $given{ lc $name } = 1;
    }

    if (!$given{'content-type'} && !$empty) {
        $text .= "Content-Type: text/plain\r\n";
    }

    if ($answer->{chunked}) {
        my @parts = grep {length} ref $body ? @$body : $body;

        $text .= "Transfer-Encoding: chunked\r\n";
        $body = join '', map { sprintf "%x\r\n%s\r\n", length, $_ } @parts;
        $body .= "0\r\n\r\n";

    } elsif (!$given{'content-length'} && $status !~ /^(?:1..|204|304)$/) {
        $text .= 'Content-Length: ' . length($body) . "\r\n";
    }

    $text .= "Connection: close\r\n" unless $keep;

    return "$text\r\n" . ($empty ? '' : $body);
}


package Tradesec::Test::Request;


# Takes one whole request off the buffer; undef while it is not complete.

sub parse {
    my ($class, $buffer) = @_;

    my $end = index $$buffer, "\r\n\r\n";

    return if $end < 0;

    my ($first, @lines) = split /\r\n/, substr $$buffer, 0, $end;
    my ($method, $uri, $version) = $first =~ m{^(\S+) (.*) HTTP/(\d\.\d)$};

    my $self = bless {
        method  => $method  // '',
        uri     => $uri     // $first,
        version => $version // '1.0',
        headers => [ map { /^([^:]*):\s*(.*)$/ ? [ $1, $2 ] : [ $_, '' ] }
                @lines ],
        body => '',
    }, $class;

    my $rest = substr $$buffer, $end + 4;

    if (lc($self->header('Transfer-Encoding') // '') eq 'chunked') {
        while (1) {
            $rest =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//s or return;

            my $size = hex $1;

            return if length $rest < $size + 2;

            $self->{body} .= substr $rest, 0, $size, '';
            substr $rest, 0, 2, '';

            last if $size == 0;
        }

    } else {
        my $length = $self->header('Content-Length') // 0;

        return if length $rest < $length;

        $self->{body} = substr $rest, 0, $length, '';
    }

    $$buffer = $rest;

    return $self;
}


sub method  { return $_[0]{method} }
sub uri     { return $_[0]{uri} }
sub path    { return $_[0]{uri} =~ s/\?.*//sr }
sub version { return $_[0]{version} }
sub body    { return $_[0]{body} }
sub fields  { return @{ $_[0]{headers} } }


sub header {
    my ($self, $name) = @_;

    return ($self->headers($name))[0];
}


sub headers {
    my ($self, $name) = @_;

    return map { $_->[1] } grep { lc $_->[0] eq lc $name } $self->fields;
}


1;

__END__

=head1 NAME

Tradesec::Test::Backend - an HTTP server that remembers what reached it

=head1 SYNOPSIS

    my $backend = Tradesec::Test::Backend->new(answers => {
        '/login'     => { status => 401, body => 'no' },
        'GET /slow'  => { delay => 0.5 },
        '/set'       => { headers => [ 'Set-Cookie' => 'a=1',
                              'Set-Cookie' => 'b=2' ] },
        '/hang-up'   => { close => 1 },
        '/chunked'   => { chunked => 1, body => [ 'one', 'two' ] },
        '/ws'        => { raw => "HTTP/1.1 101 ...\r\n\r\n", echo => 1 },
        '/dynamic'   => sub { { body => $_[0]->header('Host') } },
        '*'          => 404,
    });

    my $t = Tradesec::Test->new(backend => $backend, server => ...);

    $t->get('/x', 'X-Test-Answer' => '{"status": 500}');

    is($backend->count('/login'), 5, 'five guesses came through');
    is($backend->last->header('X-User'), 'alice', 'identity header');

=head1 DESCRIPTION

One process with an event loop, for hundreds of connections at a time. A
request is recorded when it has arrived completely and before it is answered:
who has the response finds the request in the record.

An answer is looked for in the request header C<X-Test-Answer> (JSON), then in
C<answers>: by method and path, by path, then at C<*>. It is a status, a hash,
or a function that gets the request and returns one of them; it runs in the
other process. C<answers> may itself be a function. Members: C<status> (200),
C<headers>, C<body>, C<chunked>, C<delay> in seconds, C<held> (as long as that
file is there), C<close> (without an answer), C<raw> (these bytes, then close)
and C<echo> (after C<raw>, send back whatever comes).

=head1 METHODS

=over

=item address, port

=item requests($match), count($match)

What reached it: all, those of a path, or those with a matching URI. Each is
an object with C<method>, C<uri>, C<path>, C<version>, C<body>,
C<header($name)>, C<headers($name)> and C<fields>.

=item last

the last request

=item clear

forgets all

=item stop

=back

=cut
