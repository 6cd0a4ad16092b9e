#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Attempts wait before they are passed on, the longer the more have failed:
# nobody is faster by guessing in parallel, no worker stands still, and who
# leaves is not passed on at all.

use v5.30;
use warnings;

use JSON::PP ();
use Test::More;

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::Gateway qw(connected gateway guess);
use Tradesec::Test::Redis;
use Tradesec::Test::Wait qw(now);


my $LONG = 25;      # seconds that no test waits for

my $more = <<"CONF";
    location = /short {
        tradesec_login account=json:/user success=cookie:sid counter=short;
        tradesec_login_delay 200ms 400ms after=1;
        proxy_pass http://%%BACKEND%%;
    }

    location = /long {
        tradesec_login account=json:/user success=cookie:sid counter=long;
        tradesec_login_delay ${LONG}s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /many {
        tradesec_login account=json:/user success=cookie:sid counter=many;
        tradesec_login_limit pair=100;
        tradesec_login_delay ${LONG}s after=0;
        proxy_pass http://%%BACKEND%%;
    }

    location = /dry {
        tradesec_login account=json:/user success=cookie:sid counter=dry;
        tradesec_login_delay ${LONG}s after=0;
        tradesec_dry_run login;
        proxy_pass http://%%BACKEND%%;
    }

    location = /locks {
        tradesec_login_locks;
    }
CONF

sub attempt {
    my ($user, $password, $path) = @_;

    return (POST => $path, { user => $user, password => $password },
        'X-Client' => '192.0.2.1');
}

sub begin {
    my ($t, @attempt) = @_;

    my $client = $t->client(timeout => 60);
    my $c      = $client->connect;

    $c->write($client->format(attempt(@attempt)));

    return $c;
}

sub pair {
    my ($t, $user, $counter) = @_;

    return JSON::PP->new->decode($t->get(
        "/locks?account=$user&address=192.0.2.1&counter=$counter")->body)
        ->{pair};
}

sub suite {
    my ($t) = @_;

    my $backend = $t->backend;

    # one after the other

    my $begin = now();
    is($t->request(attempt('alice', "wrong$_", '/short'))->status, 401,
        "guess $_") for 1 .. 3;
    cmp_ok(now() - $begin, '>=', 0.6, 'the second and the third have waited');

    $begin = now();
    is($t->request(attempt('alice', 'right', '/short'))->status, 200,
        'a right password is right');
    cmp_ok(now() - $begin, '>=', 0.4, '... when its time has come');

    # at the same time: as long as one after the other

    $backend->clear;
    $begin = now();

    my @c = map { begin($t, 'bob', "wrong$_", '/short') } 1 .. 5;
    is($_->response->status, 401, 'a guess in parallel') for @c;
    $_->close for @c;

    cmp_ok(now() - $begin, '>=', 0.2 + 3 * 0.4, 'the last has waited for all');
    is($backend->count, 5, 'five have reached the backend');
    is($t->request(attempt('bob', 'right', '/short'))->status, 429,
        'then the pair is locked');

    # nobody else waits, and no worker

    is($t->request(attempt('carol', 'wrong', '/long'))->status, 401,
        'the first is not delayed');

    $backend->clear;
    my $c = begin($t, 'carol', 'right', '/long');

    ok(wait_until(sub { pair($t, 'carol', 'long')->{in_flight} == 1 }, 20),
        'the second is, and charged');
    is($t->get('/')->status, 204, 'other requests are answered');
    is($t->request(attempt('dora', 'right', '/long'))->status, 200,
        'as are other accounts');
    ok(!$c->try_response, 'meanwhile it waits');

    # who leaves gives his attempt back, and has not learned anything

    $c->close;
    ok(wait_until(sub { pair($t, 'carol', 'long')->{in_flight} == 0 }, 20),
        'he leaves: nothing is in flight any more');
    is(pair($t, 'carol', 'long')->{failed}, 1, 'nor has failed');
    is($backend->count, 1, 'the backend has not been asked');

    # more than a minute: come back later

    my @many = map { begin($t, 'erin', "wrong$_", '/many') } 1 .. 2;
    ok(wait_until(sub { pair($t, 'erin', 'many')->{in_flight} == 2 }, 20),
        'two wait');
    my $r = $t->request(attempt('erin', 'right', '/many'));
    is($r->status, 429, 'the next one would have to for too long');
    like($r->header('Retry-After'), qr/^(?:60|59|58)$/, '... and is told so');
    $t->logged(qr/reason: "login_busy"/, '... login_busy');
    ok(wait_until(sub { pair($t, 'erin', 'many')->{in_flight} == 2 }, 20),
        '... and not charged');
    $_->close for @many;

    # in dry run nobody waits

    is($t->request(attempt('finn', 'wrong', '/dry'))->status, 401,
        'dry run: at once');
}

my $redis = Tradesec::Test::Redis->new;

note('shared memory');
my $t = gateway(undef, workers => 1, more => $more);
suite($t);

# a reload loses nobody who waits

is($t->request(attempt('gus', 'wrong', '/short'))->status, 401, 'a failure');
my $c = begin($t, 'gus', 'right', '/short');
ok($t->reload, 'a reload');
is($c->response->status, 200, 'while one waits');
$c->close;

note('Redis');
$t = gateway($redis, workers => 1, more => $more,
    url => 'unix:' . $redis->socket . ' timeout=10s');
ok(connected($redis, $t), 'connected');
suite($t);

# mistakes

sub conf {
    my ($delay) = @_;

    return { server => "tradesec_login_delay $delay;\nreturn 204;" };
}

config_accepted(conf($_), $_)
    for '1s', '1s 8s', '100ms 30s after=0', '1s after=1000', 'off';
config_refused(conf($_), qr/invalid parameter .*tradesec_login_delay 1s 8s/, $_)
    for '50ms', '31s', '2s 1s', '1s 2s 3s', '1s after=x', '1s after=1001',
    'after=1', 'on', '1s off';
config_refused(conf("1s;\ntradesec_login_delay 1s"), qr/is duplicate/, 'twice');

done_testing();
