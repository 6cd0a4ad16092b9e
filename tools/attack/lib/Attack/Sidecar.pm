package Attack::Sidecar;

# Copyright (C) the ngx_tradesec authors
#
# A proxy between nginx and the portal that also speaks HTTP/2 without TLS, as
# service meshes put one beside each application. Its `Upgrade: h2c` is what
# request smuggling through a tunnel needs.

use v5.36;

use Carp qw(croak);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Protocol::HTTP2::Client;
use Protocol::HTTP2::Server;


sub new ($class, $app) {
    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 128,
        ReuseAddr => 1,
    ) or croak "sidecar: $!";

    my $self = bless {
        owner => $$,
        port  => $listen->sockport,
        pid   => fork // croak "fork: $!",
    }, $class;

    return $self if $self->{pid};

    @SIG{qw(INT TERM HUP)} = ('DEFAULT') x 3;
    $SIG{CHLD} = 'IGNORE';

    my $parent = getppid;
    my $wait   = IO::Select->new($listen);

    while (getppid == $parent) {
        $wait->can_read(1) or next;

        my $client = $listen->accept or next;

        if (fork // croak "fork: $!") {
            close $client;
            next;
        }

        eval { _serve($client, $app) };
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}


sub address ($self) { return "127.0.0.1:$self->{port}" }


sub _serve ($client, $app) {
    my $head = '';

    until ($head =~ /\r\n\r\n/) {
        sysread $client, $head, 65536, length $head or return;
    }

    return _speak_http2($client, $app) if $head =~ /^Upgrade:\s*h2c\b/mi;

    if ($head !~ /^Upgrade:/mi) {
        # one request for each connection

        $head =~ s/^Connection:[^\r\n]*\r\n//mi;
        $head =~ s/\r\n/\r\nConnection: close\r\n/;
    }

    _relay($client, $app, $head);
}


sub _relay ($client, $app, $head) {
    my $server = IO::Socket::INET->new($app) or return;
    my %other  = ($client => $server, $server => $client);
    my $both   = IO::Select->new($client, $server);

    syswrite $server, $head;

    while (1) {
        for my $from ($both->can_read) {
            sysread $from, my $bytes, 65536 or return;

            $other{$from}->print($bytes) or return;
            $other{$from}->flush;
        }
    }
}


sub _speak_http2 ($client, $app) {
    my $server;

    syswrite $client, "HTTP/1.1 101 Switching Protocols\r\n"
        . "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

    $server = Protocol::HTTP2::Server->new(
        on_request => sub ($stream, $headers, $body) {
            my %header  = @$headers;
            my $uri     = "http://$app" . delete $header{':path'};
            my $method  = delete $header{':method'};
            my %allowed = map { $_ => $header{$_} } grep {/^[^:]/} keys %header;

            delete $allowed{host};

            my $r = HTTP::Tiny->new(max_redirect => 0)
                ->request($method, $uri, { headers => \%allowed });

            $server->response(
                ':status' => $r->{status},
                stream_id => $stream,
                headers   => [],
                data      => $r->{content},
            );
        });

    _pump($client, $server);
}


sub _pump ($socket, $peer, $done = undef) {
    while (1) {
        while (my $frame = $peer->next_frame) {
            syswrite $socket, $frame;
        }

        return if $peer->shutdown || $done && $done->();

        sysread $socket, my $bytes, 65536 or return;
        $peer->feed($bytes);
    }
}


# The attacker's side: one request through the tunnel behind a 101. Returns
# the body of the answer.

sub request_through ($connection, $path, @headers) {
    my $body;
    my $peer = Protocol::HTTP2::Client->new;

    $peer->request(
        ':scheme'    => 'http',
        ':authority' => 'localhost',
        ':path'      => $path,
        ':method'    => 'GET',
        headers      => \@headers,
        on_done      => sub ($headers, $data) { $body = $data },
    );

    while (!defined $body) {
        while (my $frame = $peer->next_frame) {
            $connection->write($frame);
        }

        my $bytes = $connection->read_some(3);

        last if !length $bytes;
        $peer->feed($bytes);
    }

    return $body // '';
}


sub DESTROY ($self) {
    return if $self->{owner} != $$;

    local $?;

    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
}


1;
