#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Whoever can write to Redis, or answers in its place: what he puts among the
# revocations revokes nobody and un-revokes nobody, does not hold up what gateways
# say to each other, and costs a worker neither its memory nor its time.

use v5.30;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Test::More;

use Tradesec::Test qw(module_links wait_until);
use Tradesec::Test::Gateway ();
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations qw($SET $STREAM becomes fresh gateway is_stale
    logout order status);


my $redis = Tradesec::Test::Redis->new;

my ($one, $two) = map { gateway($redis, workers => 1, url => 'unix:'
    . $redis->socket . ' timeout=2s') } 1 .. 2;

ok(wait_until(sub { !is_stale($one) && !is_stale($two) }, 20),
    'both have read Redis');

my $good  = fresh(sub => 'good');
my $known = fresh();

is(logout($one, $known), 200, 'a logout');
becomes($two, $known, 401, 'is known');

my $worker = ($two->workers)[0];
my $before = $two->rss($worker);

# What a gateway said before counts, and a new word comes through.

sub unharmed {
    my ($title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $token = fresh();

    is(logout($one, $token), 200, "$title: a logout");
    becomes($two, $token, 401, '... is known');

    for my $t ($one, $two) {
        is(status($t, $known), 401, '... who was out is out');
        is(status($t, $good), 200, '... and nobody else');
    }
}

sub grows_little {
    my ($title, $limit) = @_;

    SKIP: {
        skip 'a sanitizer keeps what was freed', 1 if module_links('libasan');
        cmp_ok($two->rss($worker) - $before, '<', $limit,
            "... and the worker has not grown $title");
    }
}

sub add {
    my ($id, @fields) = @_;

    return $redis->command(XADD => $STREAM, $id, @fields);
}

# So many at once: Redis carries out a script as one command.

my $LINES = 100_000;

sub flood {
    my ($key, @command) = @_;

    my ($name, @more) = map {"'$_'"} @command;

    return $redis->command(EVAL => "for i = 1, $LINES do redis.call("
        . join(', ', $name, 'KEYS[1]', @more, '"revoke " .. i')
        . ") end return $LINES", 1, $key);
}

# Lines that a gateway has written, said again by somebody else

is(order($one, 'freeze=on'), 200, 'a freeze');
ok(wait_until(sub { $two->get('/operators')->body !~ /"frozen":0/ }, 20),
    '... is known');

my @said = map { $_->[1][1] } @{ $redis->command(XRANGE => $STREAM, '-', '+') };

is(order($one, 'freeze=off'), 200, '... and its end');
ok(wait_until(sub { $two->get('/operators')->body =~ /"frozen":0/ }, 20),
    '... is, too');

add('*', r => $_) for @said;
$redis->command(ZADD => $SET, '4294967295', $_) for @said;
unharmed('lines said again');

for my $t ($one, $two) {
    like($t->get('/operators')->body, qr/"frozen":0/,
        'lines said again: no freeze begins anew');
}

# what is no entry of a gateway's

my ($line) = grep {/^revoke/} @said;
my @strange = (
    [ 'other' => $line ],
    [ 'r' => '' ],
    [ '' => 'x' ],
    [ 'r' => $line, 'r' => 'x', 's' => 'y' ],
    [ 's' => 'x', 'r' => $line ],
    [ map {("f$_" => 'x')} 1 .. 1000 ],
    [ "\0" => "\0" ],
    [ 'r' => "$line\n$line" ],
    [ 'r' => " $line" ],
    [ 'r' => uc $line ],
    [ 'r' => $line =~ s/revoke \S+/revoke 0000000000000000/r ],
    [ 'r' => $line =~ s/revoke \S+/revoke ffffffffffffffff/r ],
    [ 'r' => substr $line, 0, -1 ],
    [ 'r' => 'beat ' . 'x' x 16 ],
);

add('*', @$_) for @strange;
unharmed('strange entries');

# ids that nobody counts in this order

add($_, r => 'x') for '99999999999999-0', '99999999999999-7',
    '99999999999999-18446744073709551614';
unharmed('ids of a far future');

my $last = $redis->command(XREVRANGE => $STREAM, '+', '-', 'COUNT', 1);
$redis->command(XDEL => $STREAM, $last->[0][0]);
unharmed('an entry that is taken out again');

$redis->command(RENAME => $STREAM, 'elsewhere');
add('1-1', r => 'x');
unharmed('a stream that begins anew, in the past');

$redis->command(DEL => $STREAM);
$redis->command(RENAME => 'elsewhere', $STREAM);
unharmed('an old one in its place');

# very many at once, in the stream and in the set

is(flood($STREAM, 'XADD', '*', 'r'), $LINES, "$LINES lines that are none");
unharmed('a flood');

is(flood($SET, 'ZADD', 4_000_000_000), $LINES, 'as many in the set');
$redis->command(DEL => $STREAM);
unharmed('a set that is read anew');

my $three = gateway($redis, workers => 1, url => 'unix:' . $redis->socket
    . ' timeout=2s');

ok(wait_until(sub { !is_stale($three) }, 30), 'a third one has read all');
is(status($three, $known), 401, '... and knows who is out');
is(status($three, $good), 200, '... and nobody else');
undef $three;

$redis->command(DEL => $SET);
unharmed('a set that is gone');

grows_little('by it', 16_384);

# large ones: up to 16 MB are read and left out, more is not read at all

add('*', r => 'x' x 2_000_000) for 1 .. 3;
unharmed('three entries of 2 MB');
add('*', r => 'x' x 30_000_000);
unharmed('an entry of 30 MB');
$two->logged(qr/is away: an answer is too long/, '... which is said');

$redis->command(ZADD => $SET, 4e9, 'y' x 30_000_000);
$redis->command(DEL => $STREAM);
ok(wait_until(sub { is_stale($two) }, 20), 'a member of 30 MB: nothing is heard');
is(status($two, $known), 401, '... who was out is out');
is(status($two, $good), 200, '... and nobody else');
$redis->command(DEL => $SET);
unharmed('without it');
grows_little('without a bound', 65_536);

undef $one;
undef $two;

# Servers that are none: what they say is never done, or too much, or in no
# order. The worker hears it, and serves everybody else.

my $BULK = 'x' x 70;

sub entry {
    my ($id) = @_;

    return "*2\r\n\$" . length($id) . "\r\n$id\r\n*2\r\n\$1\r\nr\r\n\$"
        . length($BULK) . "\r\n$BULK\r\n";
}

sub entries { my @all = map { entry($_) } @_; return '*' . @all . "\r\n@all" }

my $mark;       # what the gateway has put in the stream

sub marked { return "*2\r\n\$3\r\n1-0\r\n:0\r\n" }

sub first {
    return "*2\r\n\$3\r\n1-0\r\n*2\r\n\$1\r\nr\r\n\$" . length($mark // '')
        . "\r\n" . ($mark // '') . "\r\n";
}

my %speaks = (
    'a set without an end' => { ZSCAN => sub {"*2\r\n\$1\r\n7\r\n*0\r\n"} },
    'a set of much without an end' => { ZSCAN => sub {
        "*2\r\n\$1\r\n7\r\n*2000\r\n" . "\$1\r\nx\r\n" x 2000 } },
    'half of a member' => { ZSCAN => sub {
        "*2\r\n\$1\r\n0\r\n*1\r\n\$1\r\nx\r\n" } },
    'a stream without an end' => { XRANGE => sub {
        "*256\r\n" . first() . join '', map { entry("1-$_") } 1 .. 255 } },
    'more than was asked for' => { XRANGE => sub {
        "*5000\r\n" . first() . join '', map { entry("1-$_") } 1 .. 4999 } },
    'ids that go back' => { XRANGE => sub {
        "*3\r\n" . first() . entry('0-9') . entry('0-1') } },
    'one id again and again' => { XRANGE => sub {
        "*200\r\n" . first() . entry('1-0') x 199 } },
    'fields that are none' => { XRANGE => sub {
        "*2\r\n" . first() . "*2\r\n\$3\r\n1-1\r\n*-1\r\n" } },
    'a field without a value' => { XRANGE => sub {
        "*2\r\n" . first() . "*2\r\n\$3\r\n1-1\r\n*1\r\n\$1\r\nr\r\n" } },
    'a number for a value' => { XRANGE => sub {
        "*2\r\n" . first() . "*2\r\n\$3\r\n1-1\r\n*2\r\n\$1\r\nr\r\n:7\r\n" } },
    'an error among entries' => { XRANGE => sub {
        "*2\r\n" . first() . "-ERR no\r\n" } },
    'a long id' => { XRANGE => sub { "*2\r\n" . first() . entry('1' x 5000) } },
    'an empty id' => { XRANGE => sub { "*2\r\n" . first() . entry('') } },
    'an array of a billion' => { XRANGE => sub {"*1000000000\r\n"} },
    'arrays of arrays' => { XRANGE => sub { "*60000\r\n" x 5 } },
    'many arrays in one' => { XRANGE => sub {
        "*60000\r\n" . "*60000\r\n" x 60_000 } },
    'a bulk that does not end' => { XRANGE => sub {
        "\$500000000\r\n" . 'x' x 20_000_000 } },
    'a bulk of 500 MB' => { XRANGE => sub {"\$500000000\r\nx"} },
    'a bulk below zero' => { XRANGE => sub {"\$-5\r\n\r\n"} },
    'many levels' => { XRANGE => sub { "*1\r\n" x 1000 } },
    'no protocol' => { XRANGE => sub {"HTTP/1.1 200 OK\r\n\r\n"} },
    'an answer behind the greeting' => { SET => sub {"+OK\r\n:1\r\n"} },
    'half an answer behind it' => { SET => sub {"+OK\r\n:"} },
    'an array behind it' => { SET => sub {"+OK\r\n*1\r\n\$1\r\nx\r\n"} },
    'two answers for one' => { XRANGE => sub { "*1\r\n" . first() . "+OK\r\n" } },
    'an end in between' => { XRANGE => sub {''} },
);

my $trusting = Tradesec::Test::Backend->new;

for my $title (sort keys %speaks) {
    my $answers = $speaks{$title};

    my $fake = Tradesec::Test::Redis::Fake->new(answer => sub {
        my ($command, @words) = @_;

        ($mark) = grep {/^beat /} @words if grep {/^beat /} @words;

        return $answers->{$command}->() if $answers->{$command};
        return $command =~ /^EVAL/ ? marked()
            : $command eq 'ZSCAN' ? "*2\r\n\$1\r\n0\r\n*0\r\n"
            : $command eq 'XRANGE' ? "*1\r\n" . first()
            : $command eq 'SCRIPT' ? "\$40\r\n" . 'a' x 40 . "\r\n" : "+OK\r\n";
    });

    my $t = gateway($redis, backend => $trusting, workers => 1, state => '',
        url => 'redis://127.0.0.1:' . $fake->port);
    my ($own) = $t->workers;
    my $asked = (keys %$answers)[0];
    my $rss   = $t->rss($own);

    ok(wait_until(sub { scalar grep {/^$asked /} $fake->commands }, 20),
        "$title: it is asked") or diag join "\n", $fake->commands;

    my $token = fresh();

    is(logout($t, $token), 200, '... a logout');
    is(status($t, $token), 401, '... acts here');
    is(status($t, fresh()), 200, '... and others go on');
    is_deeply([ $t->workers ], [$own], '... in the same worker');
    cmp_ok($t->rss($own) - $rss, '<', 65_536, '... which has not grown')
        if !module_links('libasan');
}

# One that speaks when nobody has asked: what hears it aborts the process, if it
# is let.

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die "listen: $!\n";
my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    my $parent = getppid;

    $listen->timeout(1);

    while (getppid == $parent) {
        my $c = $listen->accept or next;
        my $in = '';

        while (sysread $c, $in, 65536, length $in) {
            while (my ($word) = Tradesec::Test::Redis::Fake::_words(\$in)) {
                syswrite $c, $word eq 'SCRIPT'
                    ? "\$40\r\n" . 'a' x 40 . "\r\n" : "+OK\r\n";

                if ($word eq 'SET') {
                    select undef, undef, undef, 0.1;
                    syswrite $c, "+OK\r\n";
                }
            }
        }
    }

    POSIX::_exit(0);
}

my $t = Tradesec::Test::Gateway::gateway($redis, workers => 1,
    url => 'redis://127.0.0.1:' . $listen->sockport);
my ($own) = $t->workers;

$t->logged(qr/is away: an answer that nobody asked for/,
    'an answer to no question');
is_deeply([ $t->workers ], [$own], '... ends the connection alone');
is($t->get('/')->status, 204, '... and others go on');

kill 'TERM', $pid;
waitpid $pid, 0;

done_testing();
