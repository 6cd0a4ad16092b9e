#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Whatever Redis answers or does not answer, a login is judged, by this
# gateway's own counts, and no worker falls.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw(connected gateway guess key_of);
use Tradesec::Test::Redis;


# Whom the last login was judged by, as soon as it is this one.

my $address = 0;

sub judged_by {
    my ($t, $home, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok(wait_until(sub {
        $address++;
        my $r = guess($t, "judge$address", 'right', '198.51.100.'
                . $address % 200);
        return $r->status == 200
            && ($t->access_log(1))[-1] =~ /^200  \[$home\]/;
    }, 30), $title);
}

# five failures, of which none is forgotten between the homes

sub counts {
    my ($t, $user, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @status = map { guess($t, $user, "wrong$_", '203.0.113.9')->status }
        1 .. 6;

    return is("@status", '401 401 401 401 401 429', $title);
}

my $redis = Tradesec::Test::Redis->new;
my $t     = gateway($redis, workers => 1);

ok(connected($redis, $t), 'connected');
judged_by($t, 'redis', 'Redis judges');

# what Redis itself says

for my $case (
    [ 'a read-only replica', 'READONLY',
        [ REPLICAOF => '127.0.0.1', Tradesec::Test::free_port() ],
        [ qw(REPLICAOF NO ONE) ] ],
    [ 'no memory', 'OOM', [ qw(CONFIG SET maxmemory 1) ],
        [ qw(CONFIG SET maxmemory 0) ] ],
    [ 'a rename of our rights', 'NOPERM',
        [ qw(ACL SETUSER default -@scripting) ],
        [ qw(ACL SETUSER default +@all) ] ],
) {
    my ($name, $word, $break, $mend) = @$case;

    $t->clear_logs;
    $redis->command(@$break);
    judged_by($t, 'local', "$name: this gateway judges");
    $t->logged(qr/redis "unix:\S+" is away: .*$word/, "$name: the log says $word");
    counts($t, "u$word", "$name: and counts");

    $redis->command(@$mend);
    judged_by($t, 'redis', "$name: over, Redis judges");
    is(guess($t, "u$word", 'right', '203.0.113.9')->status, 429,
        "$name: and has heard of the lock");
}

$redis->command('FLUSHALL');
is(guess($t, 'uOOM', 'wrong', '203.0.113.9')->status, 401,
    'FLUSHALL forgets the locks');
judged_by($t, 'redis', 'and Redis goes on judging');

$redis->command(qw(SCRIPT FLUSH));
counts($t, 'flushed', 'SCRIPT FLUSH loses no count');

# nonsense under one of our names

my ($name) = grep { !/probe/ } $redis->names;
$redis->command(DEL => $name);
$redis->command(SET => $name, 'nonsense');
counts($t, 'unharmed', 'a broken value harms nobody else');
my @status = map { guess($t, 'flushed', 'wrong', '203.0.113.9')->status } 1 .. 6;
cmp_ok((scalar grep { $_ == 401 } @status), '<=', 5,
    'nor lets more guesses pass than the limit');

# clients that do not wait for the answer

$redis->freeze;

for (1 .. 3) {
    my $c = $t->client->connect;
    $c->write($t->client->format(POST => '/login',
        { user => 'gone', password => 'wrong' }, 'X-Client' => '192.0.2.77'));
    $c->close;
}

$redis->thaw;
judged_by($t, 'redis', 'clients gone while they waited: nothing falls');

undef $t;

# a server that is none

sub lies {
    my ($title, $reply, $log) = @_;

    my $fake = Tradesec::Test::Redis::Fake->new(answer => sub {
        my ($command, @words) = @_;

        return $command eq 'EVALSHA' || $command eq 'EVAL' ? $reply
            : $command eq 'SCRIPT' ? "\$40\r\n" . 'a' x 40 . "\r\n"
            :                        "+OK\r\n";
    });

    my $t = gateway($redis, workers => 1,
        url => 'redis://127.0.0.1:' . $fake->port);

    ok(wait_until(sub { grep {/^SET /} $fake->commands }, 30),
        "$title: it has let us in");

    counts($t, 'fooled', "$title: five guesses, then locked");
    ok((grep {/^EVALSHA /} $fake->commands), "$title: it was asked");
    is(scalar($t->error_log(qr/signal \d|\[alert\]/)), 0, "$title: no fall");

    return;
}

# a verdict and a counter of three bits each, then how long

lies('a number', ":42\r\n");
lies('a text', "\$5\r\nhello\r\n");
lies('a number as a text', "\$1\r\n0\r\n");
lies('nothing', "\$-1\r\n");
lies('several numbers', "*4\r\n:0\r\n:0\r\n:0\r\n:0\r\n");
lies('no such verdict', ":71\r\n");
lies('no such counter', ":124\r\n");
lies('no time', ":4\r\n");
lies('below zero', ":-5\r\n");
lies('out of range', ":9223372036854775807\r\n");
lies('a nested array', '*1' . "\r\n*1" x 5 . "\r\n:1\r\n");
lies('no protocol', "HTTP/1.1 400 Bad Request\r\n\r\n");
lies('an error', "-ERR something else\r\n");
lies('still loading', "-LOADING Redis is loading the dataset in memory\r\n");
lies('no script, ever', "-NOSCRIPT No matching script\r\n");
lies('half an answer', ":0");
lies('silence', undef);
lies('a closed connection', '');

# an outcome that it cannot take, or to which it never has a sound answer, is
# lost, and not in the way of others for ever

for my $case (
    [ 'an error', "-ERR not this one\r\n", qr/is away: ERR not this one/ ],
    [ 'nonsense', "+QUEUED\r\n", qr/is away: an answer makes no sense/ ],
) {
    my ($title, $answer, $log) = @$case;

    my $picky = Tradesec::Test::Redis::Fake->new(answer => sub {
        my ($command, @words) = @_;

        return $command eq 'EVALSHA' || $command eq 'EVAL'
            ? (@words == 7 + 2 * $words[1] ? $answer : ":0\r\n")
            : $command eq 'SCRIPT' ? "\$40\r\n" . 'a' x 40 . "\r\n"
            :                        "+OK\r\n";
    });

    $t = gateway($picky, workers => 1, key => key_of($redis),
        url => 'redis://127.0.0.1:' . $picky->port);

    for my $user (qw(trillian marvin)) {
        ok(wait_until(sub { ($picky->commands)[-1] =~ /^SET / }, 30),
            "$title: it has let us in");
        is(guess($t, $user, 'right')->status, 200, "$user logs in");
        ok(wait_until(sub { ($t->access_log(1))[-1] =~ /^200  \[redis\]/ }),
            'Redis judges');
        $t->logged($log, 'but cannot take an outcome');
        ok(wait_until(sub {
            scalar $t->error_log(
                qr/0 login events .* that it had missed, 1 others are lost/);
        }, 30), 'which is in the log');
        $t->clear_logs;
    }

    undef $t;
}

# who must not be let in

my $guarded = Tradesec::Test::Redis->new(
    conf     => [ '--requirepass', 'open-sesame-17' ],
    password => 'open-sesame-17',
);

$guarded->command('ACL', 'SETUSER', 'gate', 'on', '>gate-secret-18',
    '~tradesec:*', '+@all', '-@admin', '-@dangerous');

for my $case (
    [ 'no password' ],
    [ 'a wrong password', 'wrong-secret-19' ],
) {
    my ($title, $secret) = @$case;

    my $file = $guarded->dir . '/secret';
    open my $out, '>', $file or die "$file: $!";
    print {$out} $secret // '', "\n";
    close $out;

    my $t = gateway($guarded, workers => 1,
        url => 'unix:' . $guarded->socket
            . (defined $secret ? " password_file=$file" : ''));

    $t->never_logged('open-sesame-17', 'wrong-secret-19');
    $t->logged(qr/is away: .*(?:NOAUTH|WRONGPASS)/, "$title: not let in");
    counts($t, 'outside', "$title: this gateway counts");
}

$t = gateway($guarded, workers => 1,
    url => 'redis://gate:gate-secret-18@127.0.0.1:' . $guarded->port);
$t->never_logged('gate-secret-18');
judged_by($t, 'redis', 'a user of its own, without the right to administer');

done_testing();
