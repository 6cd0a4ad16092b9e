#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# While Redis is away each gateway counts by itself, from where it was; what
# Redis has missed it is told when it is back.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw($FALLBACKS connected gateway guess);
use Tradesec::Test::Redis;
use Tradesec::Test::Wait qw(now);


my $redis = Tradesec::Test::Redis->new(
    conf => [ qw(--appendonly yes --appendfsync always) ]);

my $t = gateway($redis, workers => 1, more => $FALLBACKS);
ok(connected($redis, $t), 'connected');

is(guess($t, 'alice', "wrong$_")->status, 401, "guess $_, in Redis") for 1 .. 3;
$t->access_logged(qr/^401  \[redis\]/, 'Redis judges');

# gone

$redis->stop;
$t->logged(qr/\[error\].*redis "unix:\S+" is away/, 'the log says so');

is(guess($t, 'alice', "wrong$_")->status, 401, "guess $_, here") for 4 .. 5;
$t->access_logged(qr/^401  \[local\]/, 'this gateway judges');

is(guess($t, 'alice', 'right')->status, 429,
    'the sixth: it did not start at zero');
$t->access_logged(qr/^429 login_locked \[local\]/, 'locked here');
is(guess($t, 'bob', 'right')->status, 200, 'others log in');

sub at {
    my ($path, $password) = @_;

    return $t->post($path, { user => 'carol', password => $password },
        'X-Client' => '192.0.2.3');
}

my $r = at('/closed', 'right');
is($r->status, 503, 'closed: login_store_unavailable');
is($r->header('Retry-After'), 1, 'for a second');
$t->access_logged(qr/^503 login_store_unavailable \[closed\]/, 'by reason');

is(at('/open', "wrong$_")->status, 401, "open: guess $_ is let through")
    for 1 .. 7;
$t->access_logged(qr/^401  \[open\]/, 'by name');

# back

$redis->start;
ok(connected($redis, $t), 'connected again');
$t->logged(qr/redis "unix:\S+" is back/, 'the log says so');
$t->logged(qr/redis was told \d+ login events of this worker/, 'and told');

is(guess($t, 'alice', 'right')->status, 429, 'the lock is in Redis now');
$t->access_logged(qr/^429 login_locked \[redis\]/, 'Redis judges');

is(at('/closed', 'right')->status, 429, 'what was let through is counted');
is(guess($t, 'alice', 'right', '192.0.2.4')->status, 200,
    'from elsewhere alice logs in');

# another gateway, which has seen nothing of it

my $t2 = gateway($redis, workers => 1);
ok(connected($redis, $t, $t2), 'another gateway');
is(guess($t2, 'alice', 'right')->status, 429, 'knows the lock as well');

# silent

$redis->freeze;

my $begin = now();
is(guess($t, 'dave', 'right')->status, 200, 'frozen: a login is answered');
cmp_ok(now() - $begin, '<', 5, 'in time');
$t->access_logged(qr/^200  \[local\] 0\.[2-9]/, 'after the timeout');

for my $i (1 .. 5) {
    is(guess($t, 'erin', "wrong$i", '192.0.2.5')->status, 401, "guess $i");
}

is(guess($t, 'erin', 'right', '192.0.2.5')->status, 429, 'counted here');
$t->logged(qr/\[error\].*redis "unix:\S+" has not answered for 200 ms/,
    'the log says so');

$redis->thaw;
ok(wait_until(sub {
    guess($t, 'frank', 'right', '192.0.2.6');
    return grep {/^200  \[redis\]/} ($t->access_log)[-1];
}, 30), 'thawed: Redis is asked again');

ok(wait_until(sub {
    guess($t2, 'frank', 'right', '192.0.2.6');
    return guess($t2, 'erin', 'right', '192.0.2.5')->status == 429;
}, 30), 'and has heard of the lock');

done_testing();
