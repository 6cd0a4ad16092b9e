package Tradesec::Test::Client;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use IO::Select;
use JSON::PP ();

use Tradesec::Test::Connection;
use Tradesec::Test::Response;
use Tradesec::Test::Wait qw(now);


sub new {
    my ($class, %opt) = @_;

    return bless { host => 'localhost', timeout => 10, %opt }, $class;
}


sub get {
    my ($self, $uri, @headers) = @_;

    return $self->request(GET => $uri, undef, @headers);
}


sub head {
    my ($self, $uri, @headers) = @_;

    return $self->request(HEAD => $uri, undef, @headers);
}


sub post {
    my ($self, $uri, $body, @headers) = @_;

    return $self->request(POST => $uri, $body // '', @headers);
}


sub request {
    my ($self, $method, @rest) = @_;

    return $self->raw($self->format($method, @rest), $method eq 'HEAD');
}


sub raw {
    my ($self, $bytes, $is_head) = @_;

    my $connection = $self->connect
        or return Tradesec::Test::Response->failed('connect');

    $connection->write($bytes);

    return $connection->response($is_head);
}


sub connect {
    my ($self) = @_;

    return Tradesec::Test::Connection->new($self);
}


# The bytes of a request. A header with the value undef is left out, so that
# a test can do without Host.

sub format {
    my ($self, $method, $uri, $body, @headers) = @_;

    my %given;

    for (my $i = 0; $i < @headers; $i += 2) {
        $given{ lc $headers[$i] } = 1;
    }

    my @defaults;

    if (ref $body) {
        $body = JSON::PP->new->canonical->encode($body);
        push @defaults, 'Content-Type' => 'application/json';

    } elsif (defined $body) {
        push @defaults, 'Content-Type' => 'application/x-www-form-urlencoded';
    }

    if (defined $body) {
        push @defaults, 'Content-Length' => length $body;
    }

    unshift @defaults, Host => $self->{host};
    push @defaults, Connection => 'close' unless $self->{keepalive};

    my $text = "$method $uri HTTP/1.1\r\n";

    while (my ($name, $value) = splice @defaults, 0, 2) {
        $text .= "$name: $value\r\n" unless $given{ lc $name };
    }

    while (my ($name, $value) = splice @headers, 0, 2) {
        $text .= "$name: $value\r\n" if defined $value;
    }

    return "$text\r\n" . ($body // '');
}


# Sends all requests at once: first every connection is open, then all but
# the last byte is there, then every last byte goes out.

sub parallel {
    my ($self, @requests) = @_;

    my (@open, @responses);

    for my $index (0 .. $#requests) {
        my $bytes = ref $requests[$index]
            ? $self->format(@{ $requests[$index] }) : $requests[$index];

        my $connection = $self->connect;

        if (!$connection) {
            $responses[$index] = Tradesec::Test::Response->failed('connect');
            next;
        }

        $connection->write(substr $bytes, 0, -1);
        push @open, {
            index      => $index,
            connection => $connection,
            last       => substr($bytes, -1),
        };
    }

    $_->{connection}->write($_->{last}) for @open;

    my $select = IO::Select->new;
    my %by_socket;

    for my $one (@open) {
        my $socket = $one->{connection}->socket;
        $select->add($socket);
        $by_socket{$socket} = $one;
    }

    my $end = now() + $self->{timeout};

    while ($select->count && now() < $end) {
        for my $socket ($select->can_read(0.2)) {
            my $one      = $by_socket{$socket};
            my $response = $one->{connection}->try_response or next;

            $responses[ $one->{index} ] = $response;
            $select->remove($socket);
        }
    }

    for my $one (@open) {
        $responses[ $one->{index} ]
            //= Tradesec::Test::Response->failed('timeout');
    }

    return @responses;
}


# One request over HTTP/2, by curl. A server with TLS negotiates it, one
# without is spoken to directly.

sub h2 {
    my ($self, $method, $uri, $body, @headers) = @_;

    my $scheme = $self->{tls} ? 'https' : 'http';
    my @args   = (
        qw(curl --silent --insecure --include --no-buffer --path-as-is),
        qw(--noproxy *),
        '--max-time', $self->{timeout},
        $self->{tls} ? '--http2' : '--http2-prior-knowledge',
        '--connect-to', "::127.0.0.1:$self->{port}",
        $method eq 'HEAD' ? '--head' : ('--request', $method),
    );

    if (defined $body) {
        push @args, '--data-binary', ref $body
            ? JSON::PP->new->canonical->encode($body) : $body;
        push @args, '--header', 'Content-Type: application/json' if ref $body;
    }

    while (my ($name, $value) = splice @headers, 0, 2) {
        push @args, '--header', defined $value && length $value
            ? "$name: $value" : "$name;";
    }

    push @args, "$scheme://$self->{host}$uri";

    open my $curl, '-|', @args or return Tradesec::Test::Response->failed($!);
    binmode $curl;

    my $bytes = do { local $/; <$curl> // '' };

    close $curl;

    return Tradesec::Test::Response->parse($bytes, 1, 'decoded')
        // Tradesec::Test::Response->failed('curl ' . ($? >> 8), $bytes);
}


1;

__END__

=head1 NAME

Tradesec::Test::Client - requests of exactly the bytes that a test wants

=head1 SYNOPSIS

    my $r = $t->get('/', Cookie => 'a=1', Cookie => 'b=2');

    $t->post('/login', 'username=a&password=b');      # a form
    $t->post('/login', { username => 'a' });          # JSON
    $t->request(PUT => '/x', $body, Host => undef);   # without Host
    $t->raw("GET /\r\n");                             # exactly that

    my $c = $t->client(keepalive => 1)->connect;      # several requests
    $c->request(GET => '/');

    my @r = $t->parallel(([ POST => '/login', $body ]) x 500);

    $t->h2(GET => '/', undef, Origin => 'https://evil.test');

=head1 DESCRIPTION

C<new> takes C<port>, C<host> (default of the Host header), C<tls>, C<sni>,
C<cert> and C<key> (client certificate), C<from> (the local address), C<timeout>
in seconds (10) and C<keepalive>, without which requests say C<Connection: close>.

C<get>, C<head>, C<post>, C<request>, C<raw>, C<parallel> and C<h2> return
L<Tradesec::Test::Response> objects. Headers are sent in their order, with
duplicates, and take the place of the default ones (Host, Content-Type,
Content-Length, Connection). Nobody dies when the server hangs up:
C<status> is 0 then, and C<error> has the cause.

C<connect> returns a L<Tradesec::Test::Connection>.

=cut
