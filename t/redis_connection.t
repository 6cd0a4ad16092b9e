#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The connection to Redis: one in each worker, whatever goes on, none of the
# master or of a test of the configuration; a Redis that is not there is not
# hammered, and one that closes idle connections is no failure. Another key
# begins anew.

use v5.30;
use warnings;

use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep);

use Tradesec::Test qw(config_accepted wait_until);
use Tradesec::Test::Gateway qw(connected gateway guess key_of);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations ();
use Tradesec::Test::Wait qw(now);


my $redis = Tradesec::Test::Redis->new(conf => [ qw(--appendonly yes) ]);

# those of gateways: the test itself has one, which asks

sub clients {
    my @lines = split /\n/, $redis->command('CLIENT', 'LIST');

    return scalar(@lines) - 1;
}

sub received {
    my ($n) = $redis->command('INFO', 'stats')
        =~ /total_connections_received:(\d+)/;

    return $n;
}

# a test of the configuration

my $before = received();

config_accepted({
    http => 'tradesec_zone zone=tradesec:1m; tradesec_redis unix:'
        . $redis->socket . ' key_file=' . key_of($redis) . ';',
    server => 'tradesec on; location /login {
        tradesec_login account=basic success=status:200;
        proxy_pass http://127.0.0.1:9; }',
}, 'nginx -t');
is(received(), $before, 'connects to nobody');

# one in each worker

my $patient = 'unix:' . $redis->socket . ' timeout=10s';
my $t = gateway($redis, workers => 3, url => $patient);

ok(wait_until(sub { clients() >= 3 }, 60) && connected($redis, $t),
    'three workers are connected');
is(clients(), 3, 'by one connection each');

my @r = $t->parallel(map {
    [ POST => '/login', { user => "u$_", password => 'right' },
        'X-Client' => "192.0.2.$_" ]
} 1 .. 200);

is(scalar(grep { $_->status == 200 } @r), 200, 'two hundred logins at once');
is(scalar(grep {/^200  \[redis\]/} $t->access_log(200)), 200,
    'all judged by Redis');
is(clients(), 3, 'over these three');
is(received(), $before + 3, 'and no others');

# a lock is one event

$t->clear_logs;
is(guess($t, 'locked', "wrong$_", '192.0.2.240')->status, 401, "guess $_")
    for 1 .. 5;
is(guess($t, 'locked', 'wrong', '192.0.2.240')->status, 429, 'locked')
    for 1 .. 3;
$t->logged(qr/login locked for 60 seconds, counter: "login", account: \w{8}$/,
    'a lock is in the log');
is(scalar($t->error_log(qr/login locked for/)), 1, 'once');

# idle connections are closed: nobody hears of it

$t->clear_logs;
$redis->command(qw(CONFIG SET timeout 1));

ok(wait_until(sub { received() >= $before + 6 }, 60),
    'Redis has closed what was idle, and all came back');
$redis->command(qw(CONFIG SET timeout 0));
ok(wait_until(sub { clients() == 3 }, 30), 'three again');
ok(wait_until(sub {
    state $n = 0;
    $n++;
    return guess($t, "after$n", 'right', "192.0.2.$n")->status == 200
        && ($t->access_log(1))[-1] =~ /^200  \[redis\]/;
}, 30), 'and Redis judges');

# another key: other names, and other counts

is(guess($t, 'locked', 'wrong', '192.0.2.240')->status, 429,
    'with this key somebody is locked');

my %names = map { $_ => 1 } grep { !/probe/ } $redis->names;

my $key = File::Temp->new(TEMPLATE => 'tradesec-key-XXXXXX', TMPDIR => 1);
print {$key} 'k' x 32;
$key->flush;

my $other = gateway($redis, workers => 1, key => $key->filename,
    url => $patient);

ok(wait_until(sub { clients() == 4 }, 30), 'a gateway with another key');
ok(wait_until(sub {
    state $n = 0;
    $n++;
    return guess($other, "key$n", 'right', "192.0.2.$n")->status == 200
        && ($other->access_log(1))[-1] =~ /^200  \[redis\]/;
}, 30), 'asks Redis, too');

is(guess($other, 'locked', 'wrong', '192.0.2.240')->status, 401,
    'and finds nobody locked');

my @new = grep { !/probe/ && !$names{$_} } $redis->names;
cmp_ok(scalar @new, '>=', 3, 'his counters have names of their own');

undef $other;
undef $t;

# nobody there: he is asked less and less often

my $gone = Tradesec::Test::Redis::Fake->new(answer => sub {''});

$t = gateway($redis, workers => 1,
    url => 'redis://127.0.0.1:' . $gone->port);

ok(wait_until(sub { $gone->commands >= 3 }, 30), 'who hangs up is asked again');

# 25 to 50 ms, and from then on twice as long: 50 to 100, 100 to 200 and so on

my ($begin, $asked) = (now(), scalar $gone->commands);
sleep 2.5;
my $took = now() - $begin;

cmp_ok($gone->commands - $asked, '<=', 6 * $took / 2.5,
    'but less and less often');
is(scalar($t->error_log(qr/\[error\].*is away/)), 1, 'and one line says so');

undef $t;

# nor is one that greets, answers once, and then says what makes no sense

my $odd = Tradesec::Test::Redis::Fake->new(answer => sub {
    return $_[0] =~ /^EVAL/ ? "*2\r\n\$3\r\n1-0\r\n:0\r\n"
        : $_[0] eq 'ZSCAN' ? ":7\r\n"
        : $_[0] eq 'SCRIPT' ? "\$40\r\n" . 'a' x 40 . "\r\n" : "+OK\r\n";
});

$t = Tradesec::Test::Revocations::gateway($redis, workers => 1,
    url => 'redis://127.0.0.1:' . $odd->port);

sub greeted { return scalar grep {/^SET /} $odd->commands }

ok(wait_until(sub { greeted() >= 4 }, 30), 'who talks nonsense is asked again');

($begin, $asked) = (now(), greeted());
sleep 2.5;
$took = now() - $begin;

cmp_ok(greeted() - $asked, '<=', 6 * $took / 2.5, 'but less and less often');

done_testing();
