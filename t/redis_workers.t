#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Requests that wait for Redis: a pause holds up nobody else, a reload loses
# none of them, and a worker that dies leaves its attempts charged.

use v5.30;
use warnings;

use POSIX ();
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw(connected gateway guess);
use Tradesec::Test::Redis;
use Tradesec::Test::Wait qw(now);


my $redis = Tradesec::Test::Redis->new;
my $t     = gateway($redis, workers => 2);

ok(connected($redis, $t), 'connected');

# Redis is silent: nobody stands still who does not log in. First with the
# longest timeout, so that a worker which waited for Redis would show on any
# machine: others are answered while logins wait, and not behind them.

my $endless = gateway($redis, workers => 2,
    url => 'unix:' . $redis->socket . ' timeout=10s');

ok(connected($redis, $t, $endless), 'one that waits for long is connected');
$redis->freeze;

my @pending;
my $answered = 0;
my $begin    = now();

for my $round (1 .. 10) {
    push @pending, map {
        my $c = $endless->client(timeout => 30)->connect;
        $c->write($endless->client->format(POST => '/login',
            { user => "p$round-$_", password => 'right' },
            'X-Client' => "192.0.2.$round"));
        $c;
    } 1 .. 5;

    my $other = $endless->client(keepalive => 1, timeout => 30);
    my @other = map { $other->connect } 1 .. 4;

    $answered += grep { $_->request(GET => '/other')->status == 204 }
        (@other) x 5;
}

is($answered, 200, 'Redis is silent: two hundred others are answered');

SKIP: {
    my $early = grep { $_->try_response } @pending;

    skip 'too slow: the timeout may be over', 1 if now() - $begin > 9;
    is($early, 0, '... before any login');
}

$redis->thaw;

is(scalar(grep { $_->response->status == 200 } @pending), 50,
    'and then all of the fifty logins');

$_->close for @pending;
undef $endless;

# Then with a short one: those who log in wait for it and no longer, and of all
# others none waits for more than a tenth of a second. The machine itself may
# make requests wait: a server without Redis is asked in turn, which shows that,
# and another run may be better.

my $TIMEOUT = 0.2;
my $RUNS    = 5;

my $control = Tradesec::Test->new(workers => 2, module => 0,
    server => 'location / { return 204; }');

# Fifty logins at once, and other requests all the time, a thousand at least,
# one by one on four connections: how long each takes, seen from outside.

sub measure {
    my ($what) = @_;

    $t->clear_logs;
    pipe my $read, my $write or die "pipe: $!";

    my $done  = $t->dir . "/$what";
    my $other = fork // die "fork: $!";

    if ($other == 0) {
        my $n = 0;
        my (%slowest, %late);
        my %c = map {
            my $server = $_;
            $server => [ map { $server->client(keepalive => 1,
                timeout => 30)->connect } 1 .. 4 ]
        } $t, $control;

        REQUEST: while ($n < 1000 || ($n < 3500 && !-e $done)) {
            $n++;

            for my $server ($t, $control) {
                my $begin  = now();
                my $status = $c{$server}[ $n % 4 ]->request(GET => '/other')
                    ->status;
                my $took   = now() - $begin;

                $late{$server}++ if $took > 0.1;
                $slowest{$server} = $took
                    if $took > ($slowest{$server} // 0);

                last REQUEST if $status != 204;
            }
        }

        syswrite $write, join ' ', $n, map { $_ // 0 }
            @slowest{ $t, $control }, @late{ $t, $control };
        POSIX::_exit(0);
    }

    close $write;

    my @r = $t->parallel(map {
        [ POST => '/login', { user => "$what$_", password => 'right' },
            'X-Client' => "198.51.100.$_" ]
    } 1 .. 50);

    is(scalar(grep { $_->status == 200 } @r), 50,
        "$what: fifty logins are answered");

    $t->write_file($what => '');

    my ($n, $slowest, $slow, $late, $noise) = split / /, <$read> // '0 0 0 0 0';

    waitpid $other, 0;
    cmp_ok($n, '>=', 1000, '... and a thousand other requests');

    my ($login) = sort { $b <=> $a }
        map {/\[\w+\] ([\d.]+)$/} $t->access_log($n + 50);

    diag(sprintf '%s: slowest login %.3f s; of %d other requests %d over '
            . '100 ms, the slowest %.3f s; without Redis %d and %.3f s',
        $what, $login, $n, $late, $slowest, $noise, $slow);

    return { login => $login, other => $slowest, late => $late,
        noise => $noise };
}

sub judges {
    state $n = 0;

    $n++;
    guess($t, "late$n", 'right', '192.0.2.50');

    return ($t->access_log)[-1] =~ /^200  \[redis\]/;
}

my $before = measure('before');
my ($late, $noise, $quiet) = (0, 0, 0);

for my $run (1 .. $RUNS) {
    $redis->freeze;
    my $paused = measure("paused$run");
    $redis->thaw;

    cmp_ok($paused->{login}, '<=',
        $TIMEOUT + 0.3 + $before->{login} + $before->{other} + $paused->{other},
        'who logs in waits for the timeout, and 300 ms at most');
    cmp_ok($paused->{login}, '>=', $TIMEOUT, 'which is what they wait for');

    ok(wait_until(\&judges, 30), 'then Redis judges again');

    $late  += $paused->{late};
    $noise += $paused->{noise};

    last if $quiet = $paused->{late} == 0;
}

ok($quiet || ($noise >= $RUNS && $late <= 2 * $noise),
    'who does not log in is not held up: none over 100 ms')
    or diag("$late over 100 ms, without Redis $noise");

# a reload while logins wait

$redis->restart;

my $patient = gateway($redis, workers => 2,
    url => 'unix:' . $redis->socket . ' timeout=3s');

ok(connected($redis, $t, $patient), 'a patient one is connected');
$redis->freeze;

my @waiting = map {
    my $c = $patient->client(timeout => 30)->connect;
    $c->write($patient->client->format(POST => '/login',
        { user => "w$_", password => 'right' }, 'X-Client' => "192.0.2.$_"));
    $c;
} 1 .. 20;

ok($patient->reload, 'a reload while twenty logins wait');

$redis->thaw;

my @status = map { $_->response->status } @waiting;
is(scalar(grep { $_ == 200 } @status), 20, 'all of them are answered');

ok(connected($redis, $patient), 'the new workers are connected');
ok(wait_until(sub { !$patient->old_workers }, 30), 'the old ones leave');

# a worker dies while logins wait

$patient->allow_logged(qr/on signal 9/);
$redis->freeze;

@waiting = map {
    my $c = $patient->client(timeout => 30)->connect;
    $c->write($patient->client->format(POST => '/login',
        { user => 'victim', password => "wrong$_" }, 'X-Client' => '192.0.2.99'));
    $c;
} 1 .. 3;

ok(wait_until(sub { $redis->dir }, 1), 'three logins wait');

kill 'KILL', $patient->workers;
$patient->logged(qr/on signal 9/, 'all workers are killed');
$redis->thaw;

ok(wait_until(sub { $patient->workers == 2 }, 30), 'others take their place');
ok(connected($redis, $patient), 'and are connected');

@status = map { guess($patient, 'victim', "more$_", '192.0.2.99')->status }
    1 .. 6;
cmp_ok((scalar grep { $_ == 401 } @status), '<=', 5,
    'no more guesses than the limit');
is($status[-1], 429, 'and then none');

done_testing();
