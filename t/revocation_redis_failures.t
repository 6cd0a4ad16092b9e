#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Redis restarts, fails over to a replica that has not heard all, loads, lies;
# gateways restart, and change their key; and floods of logouts. Nobody who was
# revoked comes in again, and nobody else is kept out.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations qw($SET $STREAM becomes configured fresh gateway
    is_stale key_file lines logout order status);
use Tradesec::Test::Token qw(jwks provider token);


my $redis = Tradesec::Test::Redis->new(conf => [ '--appendonly', 'yes',
    '--appendfsync', 'always' ]);
my $backend = Tradesec::Test::Backend->new;
my $one     = gateway($redis, backend => $backend);
my $two     = gateway($redis, backend => $backend, state => '');
my @known   = map { fresh() } 1 .. 3;

sub heard {
    my ($title, @gateways) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok(wait_until(sub { !grep { is_stale($_) } @gateways }, 30), $title);
}

heard('both have read Redis', $one, $two);
is(logout($one, $_), 200, 'logout') for @known;
becomes($two, $known[-1], 401, 'known');

# a restart of Redis, and of a gateway that remembers nothing by itself

$redis->restart;
$two->restart;
heard('after a restart of Redis and of the gateway', $one, $two);
is(status($two, $_), 401, 'revoked as before') for @known;

# of a gateway that does, while Redis loses everything

$redis->stop;
unlink glob $redis->dir . '/appendonlydir/*';
unlink $redis->dir . '/appendonly.aof';
$one->restart;
is(status($one, $_), 401, 'revoked without Redis') for @known;
$two->stop;
$redis->start;
heard('Redis is back, empty', $one);
ok(wait_until(sub { lines($redis) >= 3 }), 'and is told what it had lost');
$two->start;
heard('a gateway that had forgotten', $two);
is(status($two, $_), 401, 'knows it again') for @known;

# a failover: the replica becomes the master, and has not heard the last words

my $replica = Tradesec::Test::Redis->new;

$replica->command(REPLICAOF => '127.0.0.1', $redis->port);
ok(wait_until(sub { lines($replica) >= 3 }, 30), 'a replica');
$replica->command(REPLICAOF => 'NO', 'ONE');

my $late = fresh();
is(logout($one, $late), 200, 'logout');
becomes($two, $late, 401, 'known');

my $n = lines($replica);

$redis->command(REPLICAOF => '127.0.0.1', $replica->port);
ok(wait_until(sub { lines($redis) == $n }, 30),
    'the master has become a replica, and has lost it');

my $during = fresh();
is(logout($one, $during), 200, 'logout at a read-only replica');
is(status($one, $during), 401, 'acts here');

$redis->command(REPLICAOF => 'NO', 'ONE');
becomes($two, $during, 401, 'and is told when there is a master again');
is(status($_, $late), 401, 'what the failover has lost stays revoked')
    for $one, $two;
ok(wait_until(sub { lines($redis) >= $n + 2 }), 'and is there again');

my $new = gateway($redis, backend => $backend, workers => 1, state => '');
heard('a gateway that comes later', $new);
is(status($new, $_), 401, 'knows it') for $late, $during, @known;
undef $new;
undef $replica;

# no memory left

$redis->command(qw(CONFIG SET maxmemory 1));
$during = fresh();
is(logout($one, $during), 200, 'logout while Redis takes no value');
is(status($one, $during), 401, 'acts here');
$redis->command(qw(CONFIG SET maxmemory 0));
becomes($two, $during, 401, 'and is told later');

# silence

$redis->freeze;
$during = fresh();
is(logout($one, $during), 200, 'logout while Redis is silent');
is(status($one, $during), 401, 'acts here');
ok(wait_until(sub { is_stale($two) }), 'which is noticed');
$redis->thaw;
becomes($two, $during, 401, 'and is told later');

# a server that is loading, and those that are none

for my $case (
    [ 'it is loading' => sub {"-LOADING Redis is loading\r\n"} ],
    [ 'a number' => sub {":42\r\n"} ],
    [ 'nothing' => sub {"\$-1\r\n"} ],
    [ 'an empty array' => sub {"*0\r\n"} ],
    [ 'a mark that is none' => sub {"*2\r\n:1\r\n:1\r\n"} ],
    [ 'a set that is none' => sub {
        $_[0] =~ /^EVAL/ ? "*2\r\n\$3\r\n1-0\r\n:0\r\n"
            : $_[0] eq 'ZSCAN' ? "*2\r\n\$1\r\n0\r\n*2\r\n:1\r\n:1\r\n"
            :                    "*0\r\n";
    } ],
    [ 'a cursor of some length' => sub {
        $_[0] =~ /^EVAL/ ? "*2\r\n\$3\r\n1-0\r\n:0\r\n"
            : "*2\r\n\$90\r\n" . '1' x 90 . "\r\n*0\r\n";
    } ],
    [ 'a stream that is none' => sub {
        $_[0] =~ /^EVAL/ ? "*2\r\n\$3\r\n1-0\r\n:0\r\n"
            : $_[0] eq 'ZSCAN' ? "*2\r\n\$1\r\n0\r\n*0\r\n"
            :                    "*1\r\n*2\r\n\$3\r\n1-0\r\n:1\r\n";
    } ],
    [ 'another stream' => sub {
        $_[0] =~ /^EVAL/ ? "*2\r\n\$3\r\n1-0\r\n:0\r\n"
            : $_[0] eq 'ZSCAN' ? "*2\r\n\$1\r\n0\r\n*0\r\n"
            : "*1\r\n*2\r\n\$3\r\n1-0\r\n*2\r\n\$1\r\nr\r\n\$1\r\nx\r\n";
    } ],
) {
    my ($title, $answer) = @$case;

    my $fake = Tradesec::Test::Redis::Fake->new(answer => sub {
        return $title =~ /loading/ || $_[0] =~ /^(?:EVAL|EVALSHA|ZSCAN|XRANGE)$/
            ? $answer->(@_)
            : $_[0] eq 'SCRIPT' ? "\$40\r\n" . 'a' x 40 . "\r\n" : "+OK\r\n";
    });

    my $t = gateway($redis, backend => $backend, workers => 1, state => '',
        url => 'redis://127.0.0.1:' . $fake->port);
    my $token = fresh();

    ok(wait_until(sub { grep {/^(?:SET|EVALSHA|XRANGE) /} $fake->commands }),
        "$title: it is spoken to");
    is(logout($t, $token), 200, "$title: logout");
    is(status($t, $token), 401, "$title: acts");
    is(status($t, fresh()), 200, "$title: others go on");
    is(scalar($t->error_log(qr/signal \d|\[alert\]/)), 0, "$title: no fall");
}

# another key: nobody's name is known any more, so that all are out

my $good = fresh();
is(status($one, $good), 200, 'a good token');
$one->allow_logged(qr/\[alert\].*key_file=/);
$one->configure(http => configured($redis, key => key_file($redis, 2)));
ok($one->reload, 'reload with another key');
is(status($one, $_), 401, 'all that was issued is out') for $good, @known;
is(status($one, fresh(iat => time + 5)), 200, 'what is new is not');
ok($one->logged(qr/\[alert\].*key_file=/), 'the log says why');
undef $one;

# one that gets Redis only later; and its journal, under the key it had

my $alone = gateway($redis, backend => $backend, workers => 1, alone => 1);
my $gone = fresh();
is(logout($alone, $gone), 200, 'logout without Redis in the configuration');
$alone->allow_logged(qr/\[alert\].*key_file=/);
$alone->stop;
$alone->configure(http => configured($redis, key => key_file($redis, 3)));
$alone->start;
is(status($alone, $gone), 401, 'a restart with Redis un-revokes nobody');
is(status($alone, fresh(iat => time + 5)), 200, 'what is new is good');
undef $alone;

# a flood of logouts: the user's tokens take one entry, and nobody else's goes

my $small = provider('portal', 'issuer https://idp.test;', 'max_lifetime 2h;',
    'algorithms HS256;', 'secret_file %%DIR%%/secret;');

sub small {
    my $t = gateway($redis, backend => $backend, workers => 1, stopped => 1);

    $t->write_file('secret', ${ Tradesec::Test::Token::key('secret') });
    $t->configure(http => 'tradesec_zone zone=tradesec:128k; tradesec_redis '
        . 'unix:' . $redis->socket . ' key_file=' . key_file($redis, 4) . ";\n"
        . $small . $small =~ s/portal/strict/r);
    ok($t->restart, 'a gateway with a small zone');

    return $t;
}

my ($first, $second) = map { small() } 1 .. 2;
heard('both have read Redis', $first, $second);

sub short { return fresh_with('HS256', @_) }

sub fresh_with {
    my ($alg, %claims) = @_;
    state $n = 0;

    return token({ jti => 'flood-' . $n++, iat => time - 1, %claims },
        alg => $alg);
}

my $victim = short(sub => 'victim');
my $friend = short(sub => 'friend');
$redis->command('FLUSHALL');
is(logout($first, $victim), 200, 'logout of a victim');

my $room = $first->get('/operators')->body =~ /"room":(\d+)/ ? $1 : 0;
my $many = int($room * 1.5);
cmp_ok($room, '<', 3000, 'there is little room');

my @status = map { $_->status } map {
    $first->parallel(map { [ POST => '/logout', 'x',
        Authorization => 'Bearer ' . short(sub => 'mallory') ] } 1 .. $_)
} (100) x int($many / 100);

is_deeply([ grep { $_ != 200 && $_ != 401 } @status ], [],
    scalar(@status) . ' logouts of one user');
becomes($second, short(sub => 'mallory', iat => time - 5), 401,
    'his older tokens are out, at both');
is(status($_, $victim), 401, 'the victim stays revoked') for $first, $second;
is(status($_, $friend), 200, 'and nobody else is') for $first, $second;
like($_->get('/operators')->body, qr/"cutoff":0/, 'no cut-off')
    for $first, $second;
cmp_ok(lines($redis), '<', $room, 'nor does Redis grow with it');

# configuration

my $secret = key_file($redis);

config_refused({ http => provider('portal', 'revocations_stale maybe;',
    'pem_file %%DIR%%/x;') }, qr/invalid value "maybe" in "revocations_stale"/,
    'refused: neither accept nor refuse');
config_refused({
    http   => 'tradesec_zone zone=z:1m; tradesec_session app { app_cookie sid;'
        . "secret_file $secret; revocations_stale refuse; }",
    server => 'tradesec on; tradesec_jwt app;',
}, qr/"revocations_stale refuse" needs "tradesec_redis"/,
    'refused: without Redis nothing is stale');
config_accepted({
    http   => 'tradesec_zone zone=z:1m; tradesec_session app { app_cookie sid;'
        . "secret_file $secret; revocations_stale accept; }",
    server => 'tradesec on; tradesec_jwt app;',
}, 'accept needs no Redis');

done_testing();
