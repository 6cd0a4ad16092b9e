#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A hundred thousand attackers, each with an address and an account of his own,
# against a zone of 16 MB: it is no larger afterwards, locks are still there,
# and who came last is remembered, as many as docs/directives.md says.

use v5.30;
use warnings;

use POSIX ();
use Test::More;

use Tradesec::Test;


my $ATTACKERS  = 100_000;
my $REMEMBERED = 42_000;
my $LOCKED     = 50;
my $AT_ONCE    = 100;       # requests in one write

my $t = Tradesec::Test->new(
    workers => 4,
    level   => 'error',
    http    => <<~'CONF',
        tradesec_zone zone=tradesec:16m;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;
        keepalive_requests 1000000;

        upstream app { server 127.0.0.1:%%PORT_APP%%; keepalive 16; }

        server {
            listen 127.0.0.1:%%PORT_APP%%;
            location / { return 401; }
        }
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location = /login {
            tradesec_login account=form:user success=status:200;
            tradesec_login_lock 10m 24h;
            proxy_ignore_client_abort on;
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    CONF

sub address {
    my ($n) = @_;

    return join '.', 10, $n >> 16 & 255, $n >> 8 & 255, $n & 255;
}

sub attempt {
    my ($n) = @_;

    my $body = "user=user$n&password=wrong";

    return "POST /login HTTP/1.1\r\nHost: localhost\r\n"
        . 'X-Client: ' . address($n) . "\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

# How often each status was answered, to attempts on one connection.

sub attack {
    my (@who) = @_;

    my $socket = IO::Socket::INET->new('127.0.0.1:' . $t->port)
        or die "connect: $!";
    my %seen;

    while (my @some = splice @who, 0, $AT_ONCE) {
        my ($bytes, $seen) = (join('', map { attempt($_) } @some), 0);

        while (length $bytes) {
            my $n = syswrite $socket, $bytes or die "write: $!";
            substr $bytes, 0, $n, '';
        }

        my $answers = '';

        while ($seen < @some) {
            sysread $socket, $answers, 65536, length $answers
                or die 'connection lost';

            while ($answers =~ s/^.*?HTTP\/1\.1 (\d+) [^\n]*\n//s) {
                $seen{$1}++;
                $seen++;
            }
        }
    }

    return \%seen;
}

sub rss {
    my $kb = 0;

    for my $pid ($t->workers) {
        open my $status, '<', "/proc/$pid/status" or die "status: $!";
        my ($n) = join('', <$status>) =~ /^VmRSS:\s+(\d+)/m;
        $kb = $n if $n > $kb;
    }

    return $kb;
}

# the next guess of whom five have failed is refused

my @locked = map { $ATTACKERS + $_ } 1 .. $LOCKED;

is_deeply(attack(map { ($_) x 5 } @locked), { 401 => 5 * $LOCKED },
    "$LOCKED pairs fail");
is_deeply(attack(@locked), { 429 => $LOCKED }, 'and are locked');

my $before = rss();

# All of them, in order, over two connections in turn

my $middle = $ATTACKERS / 2;

for my $half ([ 0, $middle ], [ $middle, $ATTACKERS ]) {
    my ($from, $to) = @$half;

    my @children = map {
        my $part = $_;
        my $pid  = fork // die "fork: $!";

        if ($pid == 0) {
            @SIG{qw(INT TERM HUP)} = ('DEFAULT') x 3;
            my @who  = grep { $_ % 2 == $part } $from .. $to - 1;
            my $seen = eval { attack(@who) } // {};
            POSIX::_exit(($seen->{401} // 0) == @who ? 0 : 1);
        }

        $pid;
    } 0, 1;

    my @failed = grep { waitpid $_, 0; $? } @children;

    is(scalar @failed, 0, 'each attempt of ' . ($to - $from) . ' is counted');
}

cmp_ok(rss() - $before, '<=', 16 * 1024 + 4 * 1024,
    'a worker has no more memory than the zone, and a little');

is_deeply(attack(@locked), { 429 => $LOCKED }, 'all locks are still there');

sub further {
    my ($n) = @_;

    return attack(($n) x 9)->{401};
}

is(further($_), 4, "attacker $_ is remembered")
    for $ATTACKERS - 1, $ATTACKERS - $REMEMBERED / 2,
    $ATTACKERS - $REMEMBERED + 500;

is(further($_), 5, "attacker $_ is forgotten")
    for 0, $ATTACKERS / 4;

is_deeply(attack(@locked), { 429 => $LOCKED }, 'and still');

done_testing();
