#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What one gateway revokes every other one knows within a second, through
# Redis, and so do its open sockets. Whatever becomes of Redis, what is known
# to be revoked stays revoked, and what was revoked meanwhile is told later.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations qw($SET $STREAM becomes configured fresh gateway
    is_stale key_file lines logout order status);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;


my $redis   = Tradesec::Test::Redis->new;
my $backend = Tradesec::Test::Backend->new;
my $sockets = Tradesec::Test::SocketServer->new;
my $app     = $sockets->address;

my %with = (backend => $backend, more => <<"CONF");
    location /ws {
        tradesec_jwt portal cookie=token;
        proxy_pass http://$app;
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
    }
CONF

my $one = gateway($redis, %with);
my $two = gateway($redis, %with);

ok(wait_until(sub { !is_stale($one) && !is_stale($two) }, 20),
    'both have read Redis');

# a logout, a user, a session, in both directions

for my $case ([ $one, $two, 'there' ], [ $two, $one, 'back' ]) {
    my ($from, $to, $way) = @$case;

    my $gone = fresh();
    my $user = fresh(sub => "user-$way");
    my $session = fresh(sid => "session-$way");
    my $good = fresh(sub => 'carol');

    is(status($to, $_), 200, "$way: good before") for $gone, $user, $session;

    is(logout($from, $gone), 200, "$way: logout");
    is(order($from, "user=user-$way"), 200, "$way: a user");
    is(order($from, "session=session-$way"), 200, "$way: a session");

    becomes($to, $gone, 401, "$way: the token");
    becomes($to, $user, 401, "$way: the user");
    becomes($to, $session, 401, "$way: the session");
    is(status($_, $good), 200, "$way: others go on") for $one, $two;
}

$two->access_logged(qr{/ 401 jwt_revoked}, 'jwt_revoked');

# open sockets

sub ws {
    my ($t, $token) = @_;

    my $ws = Tradesec::Test::WebSocket->open($t->client, '/ws',
        headers => [ Origin => 'http://localhost', Cookie => "token=$token" ]);

    is($ws->status, 101, 'a socket opens');

    return $ws;
}

my @ws  = map { ws($_, fresh(sub => 'dora')) } $one, $two;
my $bob = ws($two, fresh(sub => 'bob'));

my $since = time;
is(order($one, 'user=dora'), 200, 'an operator at one gateway');

for my $ws (@ws) {
    my $close = $ws->receive_close(10) // { code => 'none' };

    is($close->{code}, 4401, 'closes the sockets at both');
    my $took = time - $since;
    note(sprintf 'after %.3f s', $took);
    ok($took < 4, 'in time');
    $ws->connection->close;
}

$bob->send('hello');
is($bob->receive_text, 'hello', 'others go on');
$bob->connection->close;

# a freeze

is(order($one, 'freeze=on'), 200, 'freeze');
ok(wait_until(sub {
    $two->post('/x', 'x', Authorization => 'Bearer ' . fresh())->status == 503;
}), 'reaches the other one');
is(order($two, 'freeze=off'), 200, 'lifted there');
ok(wait_until(sub {
    $one->post('/x', 'x', Authorization => 'Bearer ' . fresh())->status == 200;
}), 'and here');

# nothing names anybody

my $contents = join ' ', @{ $redis->command(ZRANGE => $SET, 0, -1) },
    map { @{ $_->[1] } } @{ $redis->command(XRANGE => $STREAM, '-', '+') };

like($contents, qr/revoke [0-9a-f]{16} \d+ \d+ [0-9a-f]{16}/, 'lines in Redis');
unlike($contents, qr/alice|dora|id-|idp|session/, 'are of hashes');
cmp_ok($redis->command(TTL => $_), '>', 0, 'and end by themselves')
    for $STREAM, $SET;

# one entry for a user, however often

my $before = $redis->command(ZCARD => $SET);
for my $n (1 .. 3) {
    is(order($_, 'user=emil'), 200, 'again') for $one, $two;
    select undef, undef, undef, 1.1 if $n < 3;
}
cmp_ok($redis->command(ZCARD => $SET), '<=', $before + 2,
    'a user takes one line, or two that crossed');

# Redis is stopped: what is known holds, what is revoked acts here, and is told

my $known = fresh();
is(logout($one, $known), 200, 'logout');
becomes($two, $known, 401, 'known at the other one');

$redis->stop;

my $missed = fresh();
is(status($two, $missed), 200, 'a token that is good');
is(logout($one, $missed), 200, 'logout without Redis');
is(status($one, $missed), 401, 'acts here');
is(status($_, $known), 401, 'without Redis the known one holds') for $one, $two;
is(status($two, $missed), 200, 'the other gateway cannot know');

# which is visible, and a provider may mind

ok(wait_until(sub { is_stale($_) }), 'stale') for $one, $two;
$two->logged(qr/what other gateways revoke is not heard, redis is silent/,
    'the log says so');
is(status($two, fresh()), 200, 'accepted by default');
is(status($two, fresh(), '/strict'), 503, 'refused where the provider minds');
$two->access_logged(qr{/strict 503 revocations_stale}, 'revocations_stale');
is($two->get('/strict', Authorization => 'Bearer ' . fresh())
    ->header('Retry-After'), 1, 'for a second');
is(status($two, $known, '/strict'), 401, 'what is known to be revoked is');

# after a restart of the gateway, Redis away: the other gateway's are known

$two->restart;
is(status($two, $known), 401, 'a restart without Redis un-revokes nobody');
is(status($two, fresh(), '/strict'), 503, 'and knows that it may not know');

# Redis is back, and has lost everything

$redis->start;

becomes($two, $missed, 401, 'what was missed is delivered');
ok(wait_until(sub { !is_stale($_) }, 20), 'not stale any more') for $one, $two;
is(status($two, fresh(), '/strict'), 200, 'accepted again');
ok(wait_until(sub { lines($redis) > 8 }),
    'what Redis had lost is back there');

# FLUSHALL, a stream that was cut, another one, a wrong type

for my $case (
    [ 'FLUSHALL', ['FLUSHALL'] ],
    [ 'a stream that is gone', [ DEL => $STREAM ] ],
    [ 'a stream that was cut', [ XTRIM => $STREAM, MAXLEN => 0 ] ],
    [ 'a set that is gone', [ DEL => $SET ], [ DEL => $STREAM ] ],
    [ 'a string for the stream', [ SET => $STREAM, 'x' ] ],
    [ 'a list for the set', [ DEL => $SET ], [ RPUSH => $SET, 'x' ],
        [ DEL => $STREAM ] ],
    [ 'a script that is forgotten', [qw(SCRIPT FLUSH)] ],
    [ 'a stream at its end', [ XADD => $STREAM,
        '18446744073709551615-18446744073709551615', r => 'x' ] ],
) {
    my ($title, @commands) = @$case;

    $redis->command(@$_) for @commands;

    my $token = fresh();
    is(logout($one, $token), 200, "$title: logout");
    becomes($two, $token, 401, "$title: known");
    is(status($_, $missed), 401, "$title: nobody is un-revoked") for $one, $two;
    ok(wait_until(sub { lines($redis) > 8 }), "$title: Redis has it all again");
}

# garbage and lies

my $good = fresh(sub => 'frida');
my ($line) = @{ $redis->command(ZRANGE => $SET, 0, 0) };

for my $text ('', 'x', 'x' x 100_000, "\0" x 70, $line =~ s/.$/z/r,
    $line =~ s/ (\d+) (\d+) / $1 9$2 /r, 'beat 0123456789abcdef',
    'revoke 000000000000000d 4000000000 4000000000 0123456789abcdef')
{
    $redis->command(XADD => $STREAM, '*', r => $text);
    $redis->command(ZADD => $SET, 'inf', $text) if length $text;
}

$redis->command(XADD => $STREAM, '*', map {"f$_"} 1 .. 40);

my $token = fresh();
is(logout($one, $token), 200, 'logout behind garbage');
becomes($two, $token, 401, 'known');
is(status($_, $good), 200, 'nobody is revoked by a line that no gateway wrote')
    for $one, $two;
ok($two->logged(qr/lines about revocations in redis are of no gateway/),
    'the log tells');

# a gateway that comes later, by a full load; and one with another key

my $three = gateway($redis, workers => 1);
ok(wait_until(sub { !is_stale($three) }, 20), 'a third one has read Redis');
is(status($three, $_), 401, 'and knows all') for $known, $missed, $token;
is(status($three, $good), 200, 'but no more');

my $stranger = gateway($redis, workers => 1, key => key_file($redis, 2));
ok(wait_until(sub { !is_stale($stranger) }, 20), 'one with another key');
is(status($stranger, $known), 200, 'hears of nobody');
is(order($stranger, 'all=on'), 200, 'revokes everything');
$token = fresh();
is(logout($one, $token), 200, 'logout');
becomes($two, $token, 401, 'known');
is(status($_, $good), 200, 'which is nobody else\'s') for $one, $two, $three;
undef $stranger;

# reloads, a worker that dies, and one that follows no more

for my $n (1 .. 3) {
    ok($two->reload, 'reload');
    $token = fresh();
    is(logout($one, $token), 200, 'logout');
    becomes($two, $token, 401, 'known');
}

for my $worker ($two->workers) {
    kill KILL => $worker;
    $two->allow_logged(qr/exited on signal 9/);
}

$token = fresh();
is(logout($one, $token), 200, 'logout');
becomes($two, $token, 401, 'known by new workers');

$two->configure(http => configured($redis, size => '2m'));
ok($two->reload, 'reload with another size');
$token = fresh();
is(logout($one, $token), 200, 'logout');
becomes($two, $token, 401, 'known');
is(status($two, $known), 401, 'as all before');

done_testing();
