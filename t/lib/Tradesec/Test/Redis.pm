package Tradesec::Test::Redis;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use File::Path qw(remove_tree);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(weaken);

use Tradesec::Test::Port qw(hold_port);
use Tradesec::Test::Wait qw(now wait_until);

my $START_PATIENCE = 60;

my %servers;


sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        conf  => [],
        %opt,
        owner => $$,
        dir   => File::Temp->newdir('tradesec-redis-XXXXXX',
            TMPDIR => 1, CLEANUP => 0)->dirname,
    }, $class;

    # workers of nginx may have another user

    chmod 0755, $self->{dir};

    $self->{held} = hold_port();
    $self->{held_tls} = hold_port() if $self->{tls};

    weaken($servers{$$}{$self} = $self);

    $self->start unless $self->{stopped};

    return $self;
}


sub dir    { return $_[0]{dir} }
sub pid    { return $_[0]{pid} }
sub socket { return "$_[0]{dir}/socket" }
sub port   { return $_[0]{held}->sockport }
sub tls_port { return $_[0]{held_tls}->sockport }


# With which certificate the server of TLS comes next time, and whether it asks
# for one: [ certificate, key ], and a file of authorities.

sub _tls {
    my ($self) = @_;

    my ($own, $clients) = @{ $self->{tls} // return }{qw(own clients)};

    return (
        '--tls-port',         $self->tls_port,
        '--tls-cert-file',    $own->[0],
        '--tls-key-file',     $own->[1],
        '--tls-ca-cert-file', $clients // $own->[0],
        '--tls-auth-clients', $clients ? 'yes' : 'no',
    );
}


sub start {
    my ($self, @conf) = @_;

    # it ends with the test, however the test ends

    my @command = (
        qw(setpriv --pdeathsig KILL redis-server),
        '--port',       $self->port,
        '--bind',       '127.0.0.1',
        '--unixsocket', $self->socket,
        '--unixsocketperm', 777,
        '--dir',        $self->{dir},
        '--logfile',    "$self->{dir}/log",
        '--save',       '',
        '--appendonly', 'no',
        '--maxmemory-policy', 'noeviction',
        $self->_tls,
        @{ $self->{conf} },
        @conf,
    );

    unlink $self->socket;

    my $pid = fork // croak "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    my $running = wait_until(sub {
        return -1 if waitpid($pid, WNOHANG) == $pid;
        return defined $self->_connect;
    }, $START_PATIENCE);

    return $self if $running && $running > 0;

    delete $self->{pid} if $running;
    $self->stop;

    croak 'redis-server did not start';
}


# As a crash: nothing is written, connections are reset by the kernel.

sub stop {
    my ($self) = @_;

    delete $self->{connection};

    my $pid = delete $self->{pid} or return $self;

    kill 'CONT', $pid;
    kill 'KILL', $pid;
    waitpid $pid, 0;

    return $self;
}


sub restart {
    my ($self, @conf) = @_;

    return $self->stop->start(@conf);
}


# Connections stay open, and nothing answers: the machine is gone, or the line.

sub freeze { my ($self) = @_; kill 'STOP', $self->{pid}; return $self }
sub thaw   { my ($self) = @_; kill 'CONT', $self->{pid}; return $self }


# The reply to a command: a string, a number, undef, or a reference to an
# array. An error dies with its text.

sub command {
    my ($self, @words) = @_;

    my $connection = $self->{connection} //= $self->_connect
        // croak "no Redis: $!";

    _send($connection, @words);

    my $reply = eval { _reply($connection) };

    return $reply if $@ eq '';

    delete $self->{connection} if $@ =~ /^Redis has hung up/;

    croak $@;
}


# The same on a connection of its own, with AUTH where that is needed.

sub _connect {
    my ($self) = @_;

    my $connection = IO::Socket::UNIX->new(Peer => $self->socket) or return;

    if (defined $self->{password}) {
        _send($connection, 'AUTH', $self->{password});
        _reply($connection);
    }

    return $connection;
}


sub monitor {
    my ($self) = @_;

    my $connection = $self->_connect // croak "no Redis: $!";

    _send($connection, 'MONITOR');
    _reply($connection);

    return bless { connection => $connection, seen => '' },
        'Tradesec::Test::Redis::Monitor';
}


# All keys with their values, one string, as they are.

sub contents {
    my ($self) = @_;

    return join "\n", map {
        my $key = $_;
        map { $key, $_ // '' } $self->command(DUMP => $key),
            eval { $self->command(GET => $key) };
    } @{ $self->command(KEYS => '*') };
}


sub names { my ($self) = @_; return @{ $self->command(KEYS => '*') } }


sub _send {
    my ($connection, @words) = @_;

    my $text = join '', '*' . @words . "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @words;

    print {$connection} $text;
    $connection->flush;

    return;
}


sub _reply {
    my ($connection) = @_;

    local $/ = "\r\n";

    my $line = <$connection> // die "Redis has hung up\n";
    chomp $line;

    my ($type, $rest) = $line =~ /^(.)(.*)$/s;

    return $rest        if $type eq '+' || $type eq ':';
    die "$rest\n"       if $type eq '-';
    return undef        if $rest < 0;
    return [ map { _reply($connection) } 1 .. $rest ] if $type eq '*';

    read $connection, my $bytes, $rest + 2;

    return substr $bytes, 0, $rest;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{gone}++ || $self->{owner} != $$;

    local ($?, $!, $@);

    $self->stop;
    remove_tree($self->{dir}) unless $ENV{TRADESEC_KEEP};

    delete $servers{$$}{$self};
}


END {
    my $code = $?;

    $_->DESTROY for grep {defined} values %{ $servers{$$} // {} };

    $? = $code;
}


package Tradesec::Test::Redis::Monitor;

use Tradesec::Test::Wait qw(now wait_until);


# What Redis was asked since, as its MONITOR tells.

sub text {
    my ($self, $pattern) = @_;

    my $connection = $self->{connection};

    $connection->blocking(0);

    wait_until(sub {
        1 while sysread $connection, $self->{seen}, 65536,
            length $self->{seen};
        return !defined $pattern || $self->{seen} =~ $pattern;
    });

    return $self->{seen};
}


package Tradesec::Test::Redis::Fake;

use IO::Select;

use parent 'Tradesec::Test::Server';


# A server that speaks as the test wants: answer is called with the words of
# each command, in another process, and returns the bytes of the reply; undef
# says nothing, and the empty string hangs up.

sub new {
    my ($class, %opt) = @_;

    return $class->SUPER::new(answer => sub {"+OK\r\n"}, %opt);
}


# The commands so far, a line each.

sub commands { return $_[0]->lines }


sub _serve {
    my ($self, $listen) = @_;

    my %in;
    my $select = IO::Select->new($listen);

    while ($self->_wanted) {
        for my $socket ($select->can_read(1)) {

            if ($socket == $listen) {
                my $new = $listen->accept or next;
                $select->add($new);
                $in{$new} = '';
                next;
            }

            my $open = sysread $socket, $in{$socket}, 65536,
                length $in{$socket};

            while ($open && (my @words = _words(\$in{$socket}))) {
                $self->_record(join ' ', map {s/\s+/ /gr} @words);

                my $bytes = $self->{answer}->(@words);

                $open = 0 if defined $bytes && $bytes eq '';
                syswrite $socket, $bytes if defined $bytes;
            }

            if (!$open) {
                $select->remove($socket);
                delete $in{$socket};
                close $socket;
            }
        }
    }
}


sub _words {
    my ($buffer) = @_;

    my ($n) = $$buffer =~ /\A\*(\d+)\r\n/ or return;
    my $at = length($n) + 3;
    my @words;

    for (1 .. $n) {
        my ($length) = substr($$buffer, $at) =~ /\A\$(\d+)\r\n/ or return;
        $at += length($length) + 3;
        return if length($$buffer) < $at + $length + 2;
        push @words, substr $$buffer, $at, $length;
        $at += $length + 2;
    }

    substr $$buffer, 0, $at, '';

    return @words;
}


1;

__END__

=head1 NAME

Tradesec::Test::Redis - a redis-server of the test's own, and a false one

=head1 SYNOPSIS

    my $redis = Tradesec::Test::Redis->new(conf => [ '--maxmemory', '10mb' ]);

    $redis->socket; $redis->port;           # where it listens
    $redis->command(SET => 'a', 1);         # dies with an error reply
    $redis->stop; $redis->start('--port', 0); $redis->restart;
    $redis->freeze; $redis->thaw;           # connected, but silent

    $redis->{tls} = { own => [ $certificate, $key ], clients => $ca };
    $redis->restart; $redis->tls_port;      # TLS as well, if new() had "tls"

    my $monitor = $redis->monitor;
    like($monitor->text(qr/EVALSHA/), qr/EVALSHA/, 'it was asked');

    my $fake = Tradesec::Test::Redis::Fake->new(answer => sub {
        my ($command, @words) = @_;
        return ":42\r\n";                   # undef: silence, '': hang up
    });

=head1 DESCRIPTION

It listens on a socket in a folder of its own and on a port of loopback that
the kernel picks, writes nothing to disk, and ends with the test, however that
ends. C<stop> is a crash. C<password> is what the test itself sends as AUTH.

=cut
