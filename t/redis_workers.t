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

# A pause of five seconds: nobody stands still who does not log in, and those
# who do wait for the timeout and no longer. How long this machine itself makes
# requests wait is seen before, and at the same time.

my $TIMEOUT = 0.2;

# Fifty logins at once, and other requests all the time, a thousand at least,
# one by one on four connections: how long each takes, seen from outside.

sub measure {
    my ($what) = @_;

    $t->clear_logs;
    pipe my $read, my $write or die "pipe: $!";

    my $done  = $t->dir . "/$what";
    my $other = fork // die "fork: $!";

    if ($other == 0) {
        my ($n, $slowest, $late) = (0, 0, 0);
        my @c = map { $t->client(keepalive => 1, timeout => 30)->connect }
            1 .. 4;

        while ($n < 1000 || ($n < 3500 && !-e $done)) {
            my $begin  = now();
            my $status = $c[ $n++ % @c ]->request(GET => '/other')->status;
            my $took   = now() - $begin;

            $late++ if $took > 0.1;
            $slowest = $took if $took > $slowest;

            last if $status != 204;
        }

        syswrite $write, "$n $slowest $late";
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

    my ($n, $slowest, $late) = split / /, <$read> // '0 0 0';

    waitpid $other, 0;
    cmp_ok($n, '>=', 1000, '... and a thousand other requests');

    my ($login) = sort { $b <=> $a }
        map {/\[\w+\] ([\d.]+)$/} $t->access_log($n + 50);

    diag(sprintf '%s: slowest login %.3f s; of %d other requests %d over '
            . '100 ms, the slowest %.3f s', $what, $login, $n, $late, $slowest);

    return { login => $login, other => $slowest, late => $late };
}

my $before = measure('before');

my $begin = now();
$redis->command(qw(CLIENT PAUSE 5000 ALL));
my $paused = measure('paused');

ok(now() - $begin < 5 || $before->{other} > 0.1, 'all before the pause is over');
cmp_ok($paused->{late}, '<=', $before->{late} + 10,
    'who does not log in is not held up');
cmp_ok($paused->{login}, '<=',
    $TIMEOUT + 0.3 + $before->{login} + $before->{other} + $paused->{other},
    'who does waits for the timeout, and 300 ms at most');
cmp_ok($paused->{login}, '>=', $TIMEOUT, 'which is what they wait for');

ok(wait_until(sub {
    guess($t, 'late', 'right', '192.0.2.50');
    return ($t->access_log)[-1] =~ /^200  \[redis\]/;
}, 30), 'then Redis judges again');

# a reload while logins wait

$redis->restart;

my $patient = gateway($redis, workers => 2,
    url => 'unix:' . $redis->socket . ' timeout=3s');

ok(connected($redis, $patient), 'a patient one is connected');
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
