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

# a pause of five seconds

$redis->command(qw(CLIENT PAUSE 5000 ALL));

my $begin = now();
my $other = fork // die "fork: $!";

if ($other == 0) {
    my $c = $t->client(keepalive => 1)->connect;
    my @status = map { $c->request(GET => "/other$_")->status } 1 .. 1000;
    POSIX::_exit((grep { $_ != 204 } @status) ? 1 : 0);
}

my @r = $t->parallel(map {
    [ POST => '/login', { user => "u$_", password => 'right' },
        'X-Client' => "198.51.100.$_" ]
} 1 .. 50);

is(scalar(grep { $_->status == 200 } @r), 50,
    'paused: fifty logins are answered');

waitpid $other, 0;
is($?, 0, 'and a thousand other requests');
cmp_ok(now() - $begin, '<', 5, 'before the pause is over');

my @times = map {/\[\w+\] ([\d.]+)$/} grep {/\[(?:local|redis)\]/} $t->access_log(1050);
my ($slowest) = sort { $b <=> $a } @times;
diag("slowest login while Redis was paused: $slowest s");

my @waited = grep { $_ > 0.15 } @times;
cmp_ok(scalar @waited, '<=', 50, 'what waits is a login');

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
