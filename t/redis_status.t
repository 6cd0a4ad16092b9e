#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# tradesec_redis_status: that Redis is away, how often and how long it was, and
# who judged meanwhile, over all workers and over reloads, for operators only.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep);

use Tradesec::Test qw(config_accepted config_refused free_port wait_until);
use Tradesec::Test::Gateway qw($FALLBACKS connected gateway guess key_of);
use Tradesec::Test::Redis;
use Tradesec::Test::Wait qw(now);


my $redis = Tradesec::Test::Redis->new;
my $key   = key_of($redis);

my $more = $FALLBACKS . <<'CONF';
    location = /redis { tradesec_redis_status allow=127.0.0.1; }
    location = /nobody {
        tradesec_redis_status allow=192.0.2.1;
        if ($arg_x) { set $x 1; }
    }
    location = /block {
        tradesec_redis_status allow=127.0.0.1;
        if ($arg_x) { set $x 1; }
    }
CONF

# configuration

sub conf {
    my ($http, $location) = @_;

    return {
        http   => "tradesec_zone zone=tradesec:1m;\n$http",
        server => "location = /redis { $location }",
    };
}

my $with = "tradesec_redis redis://127.0.0.1 key_file=$key;";

config_refused(conf('', 'tradesec_redis_status allow=127.0.0.1;'),
    qr/nothing to show without Redis: write "tradesec_redis"/, 'no Redis');
config_refused(conf($with, 'tradesec_redis_status;'),
    qr/must say whom it is for/, 'for nobody');
config_refused(conf($with, 'tradesec_redis_status alow=127.0.0.1;'),
    qr/allow=/, 'misspelt');
config_refused(conf($with, 'tradesec_redis_status allow=127.0.0.1;
    tradesec_redis_status allow=::1;'), qr/is duplicate/, 'twice');
config_accepted(conf($with, 'tradesec_redis_status allow=127.0.0.1 allow=::1;'),
    'no guard uses it: nothing is counted');

# all is well

my $t = gateway($redis, workers => 2, more => $more,
    url => 'unix:' . $redis->socket . ' timeout=2s');
ok(connected($redis, $t), 'connected');

sub status { return decode_json($t->get('/redis')->body) }

sub metrics {
    my $r = $t->get('/redis?format=prometheus');

    like($r->header('Content-Type'), qr{^text/plain; version=0\.0\.4},
        'as Prometheus wants it');

    my %value = map { /^(\S+) ([\d.]+)$/ ? ($1 => $2) : () }
        split /\n/, $r->body;

    return \%value;
}

sub attempt {
    my ($path, $user) = @_;

    return $t->post($path, { user => $user, password => 'right' },
        'X-Client' => '192.0.2.3')->status;
}

ok(wait_until(sub { status()->{away} == 0 }, 20), 'nobody misses Redis');
my $r = status();
is($r->{workers}, 2, 'two workers');
is($r->{times_away}, 0, 'never away');
is_deeply($r->{attempts}, { redis => 0, local => 0, closed => 0, open => 0 },
    'no attempts yet');
cmp_ok($r->{seconds_away}, '<', 20, 'but for the start');
my $started = $r->{seconds_away};

is(attempt('/login', "u$_"), 200, 'a login') for 1 .. 3;
is(status()->{attempts}{redis}, 3, 'which Redis has judged');
is(status()->{seconds_away}, $started, 'no second away');

# away

my $begin = now();
$redis->stop;
ok(wait_until(sub { status()->{away} == 2 }, 20), 'gone, for both workers');
is(status()->{times_away}, 2, 'each has said so');

ok(wait_until(sub { $t->error_log(qr/\[error\].*is away/) == 2 }),
    'in the error log, too');

is(attempt('/login', "l$_"), 200, 'judged here') for 1 .. 4;
is(attempt('/closed', 'c'), 503, 'refused') for 1 .. 2;
is(attempt('/open', 'o'), 200, 'let through');

is_deeply(status()->{attempts},
    { redis => 3, local => 4, closed => 2, open => 1 }, 'each is counted');

sleep 0.1;
$r = status();
my $so_far = $r->{seconds_away} - $started;
cmp_ok($so_far, '>=', 0.2, 'it goes on while it is away: two times 0.1 s');
cmp_ok($so_far, '<=', 2 * (now() - $begin), 'and no longer than that');

my $m = metrics();
is($m->{tradesec_redis_workers}, 2, 'metric: workers');
is($m->{tradesec_redis_workers_away}, 2, 'metric: of which away');
is($m->{tradesec_redis_away_total}, 2, 'metric: times');
cmp_ok($m->{tradesec_redis_away_seconds_total}, '>=', $r->{seconds_away},
    'metric: seconds');
is_deeply([ map { $m->{qq(tradesec_login_attempts_total{store="$_"})} }
        qw(redis local closed open) ], [ 3, 4, 2, 1 ], 'metric: attempts');
is($m->{'tradesec_redis_events_total{result="told"}'}, 0, 'metric: none told');

# back

$redis->start;
ok(wait_until(sub { status()->{away} == 0 }, 30), 'back, for both');
my $end = now();
ok(wait_until(sub { status()->{events}{told} >= 5 }, 20),
    'what it has missed it is told');
$r = status();
is($r->{events}{lost}, 0, 'nothing is lost');
is($r->{times_away}, 2, 'not away again');
cmp_ok($r->{seconds_away} - $started, '<=', 2 * ($end - $begin) + 0.1,
    'no longer than it was');
sleep 0.05;
is(status()->{seconds_away}, $r->{seconds_away}, 'and the clock stands still');

# silent

$redis->freeze;
is(attempt('/login', 'silent'), 200, 'nobody answers: judged here');
is(status()->{away}, 1, 'silent is away, for the worker that has asked');
is(status()->{times_away}, 3, 'once more');
is(status()->{attempts}{local}, 5, 'counted once');
$redis->thaw;
ok(wait_until(sub { status()->{away} == 0 }, 30), 'it answers again');

# a reload keeps the counts, also with another zone; a worker that was killed
# is no worker

my $before = status();
ok($t->reload, 'a reload');
ok(wait_until(sub { !$t->old_workers && status()->{workers} == 2 }, 30),
    'old workers are gone');
is_deeply(status()->{attempts}, $before->{attempts}, 'the counts are kept');

$t->configure(http => $t->{http} =~ s/tradesec:4m/tradesec:5m/r);
ok($t->reload, 'a reload with a larger zone');
ok(wait_until(sub { !$t->old_workers && status()->{workers} == 2 }, 30),
    'two workers again');
is_deeply(status()->{attempts}, $before->{attempts}, 'and again');
is(status()->{times_away}, 3, 'times as well');

$t->allow_logged(qr/on signal 9/);
kill 'KILL', ($t->workers)[0];
ok(wait_until(sub {
    my $now = eval { status() } or return;
    return $t->workers == 2 && $now->{workers} == 2 && $now->{away} == 0;
}, 30), 'a worker is killed, another one takes its place');

# for operators, to read

is($t->get('/nobody')->status, 403, 'for others it is closed');
is($t->get('/nobody?x=1')->status, 403, '... in an "if", too');
is($t->get('/block?x=1')->status, 200, '... which is open for operators');
$t->logged(qr/"tradesec_redis_status" is not for this client/, 'with a line');
is($t->post('/redis', 'x')->status, 405, 'nothing to order');
is($t->get('/redis?format=xml')->status, 400, 'no such format');
is($t->head('/redis')->status, 200, 'HEAD');

done_testing();
