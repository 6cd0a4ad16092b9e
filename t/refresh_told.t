#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# An answer that makes no sense in the middle of telling Redis which refresh
# tokens were used: what was not confirmed is told again, on the next
# connection, and so is what is used from then on.

use v5.30;
use warnings;

use IO::Socket::UNIX;
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw(key_of);
use Tradesec::Test::Redis;


my $redis = Tradesec::Test::Redis->new;
my $order = $redis->dir . '/order';     # what to do to the answers
my $RECORD = 33;                        # what is said of each token

# Passes on what the gateway asks, one command after the other.

my $real;

sub relayed {
    my (@words) = @_;

    my $what = ordered();

    return '' if $what eq 'away';

    $real //= IO::Socket::UNIX->new(Peer => $redis->socket) // return '';

    my $answer = asked(@words) // return '';

    # told of several: what is said of the one in the middle is spoilt, and Redis
    # has none of those from there on

    if ($what eq 'spoil' && $answer =~ /\A\$(\d+)\r\n/
        && $1 % $RECORD == 0 && $1 / $RECORD > 2)
    {
        my $n      = $1 / $RECORD;
        my $middle = int($n / 2);
        my @keys   = @words[ 3 .. 2 + $n ];

        substr $answer, length($1) + 3 + $RECORD * $middle, $RECORD,
            'z' x $RECORD;
        asked('DEL', @keys[ $middle .. $#keys ]);
        order("spoilt $n");
    }

    return $answer;
}

sub asked {
    my (@words) = @_;

    syswrite $real, join '', '*' . @words . "\r\n",
        map { '$' . length($_) . "\r\n$_\r\n" } @words;

    return read_answer();
}

sub read_answer {
    my $line = '';

    until ($line =~ /\r\n\z/) {
        sysread $real, $line, 1, length $line or return;
    }

    if ($line =~ /\A\$(\d+)/) {
        my $end = length($line) + $1 + 2;

        while (length $line < $end) {
            sysread $real, $line, $end - length $line, length $line or return;
        }

    } elsif ($line =~ /\A\*(\d+)/) {
        $line .= read_answer() // return for 1 .. $1;
    }

    return $line;
}

sub ordered {
    open my $file, '<', $order or return '';

    return <$file> // '';
}

sub order {
    my ($what) = @_;

    open my $file, '>', "$order.new" or die "$order: $!";
    print $file $what;
    close $file;
    rename "$order.new", $order or die "$order: $!";
}

order('');

my $between = Tradesec::Test::Redis::Fake->new(answer => \&relayed);

sub answers {
    my ($name) = @_;

    my $count = 0;

    return sub {
        return { headers => [ 'Content-Type' => 'application/json' ],
            body => '{"refresh_token":"' . $name . ++$count . '"}' };
    };
}

my ($one, $two) = map { Tradesec::Test->new(
    workers    => 1,
    backend    => answers($_->[0]),
    access_log => '$uri $status $tradesec_reason',
    http       => 'tradesec_zone zone=tradesec:4m; tradesec_redis '
        . "$_->[1] timeout=5s key_file=" . key_of($redis) . ';',
    server     => <<~'CONF') }
        tradesec on;
        tradesec_origin off;

        location = /refresh {
            tradesec_refresh token=form:refresh_token grace=1s
                             next=json:/refresh_token;
            proxy_pass http://%%BACKEND%%;
        }
        location = /closed {
            tradesec_refresh token=form:refresh_token grace=1s
                             next=json:/refresh_token fallback=closed;
            proxy_pass http://%%BACKEND%%;
        }
    CONF
    [ a => 'redis://127.0.0.1:' . $between->port ],
    [ b => 'unix:' . $redis->socket ];

sub refresh {
    my ($t, $token, $uri) = @_;

    return $t->post($uri // '/refresh', "refresh_token=$token")->status;
}

sub is_open {
    my ($t) = @_;

    return wait_until(sub { refresh($t, 'probe' . rand, '/closed') == 200 },
        30);
}

ok(is_open($one) && is_open($two), 'both know Redis');

# one gateway is cut off, and sees six tokens

order('away');
ok(wait_until(sub { refresh($one, 'probe' . rand, '/closed') == 503 }, 30),
    'one is cut off');

my @TOKENS = map {"cut$_"} 1 .. 6;

is(refresh($one, $_), 200, "$_ is used there") for @TOKENS;

$one->clear_logs;
order('spoil');

ok(wait_until(sub { ordered() =~ /^spoilt/ }, 30),
    'Redis is told, and one answer in the middle makes no sense');
is(ordered(), 'spoilt 12', '... of those of six tokens and the next ones');
$one->logged(qr/an answer makes no sense/, 'which is logged');
ok(is_open($one), 'the next connection is good');

# on it the rest is told, too

for my $token (@TOKENS) {
    ok(wait_until(sub { refresh($two, $token) == 401 }, 30),
        "$token is known at the other gateway");
}

is($two->backend->count('/refresh'), 0, 'whose backend has seen none of them');

# and so is what comes later: first told at once, then after another cut

is(refresh($one, 'later'), 200, 'another one');
ok(wait_until(sub { refresh($two, 'later') == 401 }, 30), '... is known');

order('away');
ok(wait_until(sub { refresh($one, 'probe' . rand, '/closed') == 503 }, 30),
    'cut off again');
is(refresh($one, 'latest'), 200, 'the last one');
order('');
ok(is_open($one), 'connected again');
ok(wait_until(sub { refresh($two, 'latest') == 401 }, 30), '... is told');
is($two->backend->count('/refresh'), 0, '... before the backend sees it');

done_testing();
