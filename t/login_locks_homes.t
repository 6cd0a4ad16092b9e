#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What operators see and clear is the same wherever attempts are counted: locks
# of browsers that are known, of addresses that nothing else is remembered of,
# at another gateway, and while Redis is away.

use v5.30;
use warnings;

use JSON::PP ();
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Backend;
use Tradesec::Test::Gateway qw(connected gateway talk);
use Tradesec::Test::Redis;


my $JSON = JSON::PP->new;
my $NAME = '__Host-tradesec_device';

# A user of Redis who may do what the documentation says, and nothing else.

my ($rights) = map {s/^ACL SETUSER gateway on >password //r}
    join(' ', split /\s*\n\s*/, rights()) =~ /(ACL SETUSER gateway .*)/;

sub rights {
    open my $in, '<', 'docs/directives.md' or die "docs: $!";
    my $text = do { local $/; <$in> };

    return $text =~ /^(ACL SETUSER gateway .*?)^```/ms ? $1 : die 'no rights';
}

my $redis = Tradesec::Test::Redis->new;

$redis->command('ACL', 'SETUSER', 'gateway', 'on', '>password',
    split / /, $rights);

my $more = <<'CONF';
    tradesec_login_device on;

    location = /brief {
        tradesec_login account=json:/user success=cookie:sid counter=brief;
        tradesec_login_limit window=3s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /brief-locks {
        tradesec_login_limit window=3s;
        tradesec_login_locks;
    }

    location = /locks {
        tradesec_login_locks;
    }
CONF

# The backend thinks for as long as the file is there.

my $hold = $redis->dir . '/hold';

sub hold {
    open my $out, '>', $hold or die "$hold: $!";
    close $out;
}

my $backend = Tradesec::Test::Backend->new(answers => sub {
    my ($request) = @_;

    return $request->body =~ /right/
        ? { headers => [ 'Set-Cookie' => 'sid=1' ] }
        : $request->body =~ /long/ ? { held => $hold, status => 401 }
        :                            { status => 401 };
});

sub at {
    my ($t, $path, $user, $password, $from, $cookie) = @_;

    return talk($t, POST => $path, { user => $user, password => $password },
        'X-Client' => $from, defined $cookie ? (Cookie => $cookie) : ());
}

# Guesses until one is refused for long.

sub lock_out {
    my ($t, $user, $from, $cookie, $path) = @_;

    my $locked = wait_until(sub {
        my $r = at($t, $path // '/login', $user, 'wrong', $from, $cookie);
        return $r->status == 429 && $r->header('Retry-After') > 10;
    }, 30);

    return ok($locked, "$user is locked at $from");
}

sub gets_in {
    my ($t, $user, $from, $cookie) = @_;

    return at($t, '/login', $user, 'right', $from, $cookie)->status == 200;
}

sub ask {
    my ($t, $method, $query) = @_;

    my $r = talk($t, $method => "/locks$query", undef);

    is($r->status, 200, "$method /locks$query");

    return $JSON->decode($r->body);
}

sub peek {
    my ($t, $query, $path) = @_;

    return $JSON->decode(talk($t, GET => ($path // '/locks') . $query,
        undef)->body);
}

sub device {
    my ($t, $user, $from) = @_;

    my ($cookie) = map {/^(\Q$NAME\E=[^;]+)/}
        at($t, '/login', $user, 'right', $from)->headers('Set-Cookie');

    return $cookie;
}

sub suite {
    my ($store, $t, $other) = @_;

    note($store);

    is_deeply(ask($t, GET => ''),
        { locks => [], store => $store, next => undef }, 'no locks');

    # a pair

    lock_out($t, 'bob', '192.0.2.1');

    my $list = ask($t, GET => '');
    is(scalar @{ $list->{locks} }, 1, 'a lock is listed');
    cmp_ok($list->{locks}[0]{seconds}, '<=', 60, '... with the time left');
    is($list->{locks}[0]{level}, 1, '... and the level');

    my $view = ask($other, GET => '?account=BOB&address=192.0.2.1');
    is($view->{store}, $store, 'all gateways ask the same store');
    is($view->{pair}{locked}, JSON::PP::true, 'the pair is locked');
    is($view->{pair}{key}, $list->{locks}[0]{key}, 'its key is in the list');
    is($view->{account}{failed}, 5, 'the account has failed five times');
    is($view->{address}{failed}, 5, 'so has the address');

    is_deeply(ask($other, DELETE => '?account=bob&address=192.0.2.1'),
        { unlocked => 1, store => $store }, 'the pair is unlocked');
    ok(gets_in($t, 'bob', '192.0.2.1'), 'bob gets in');

    # counters that keep what is in flight

    is(at($t, '/login', 'ida', 'wrong', '192.0.2.2')->status, 401, 'a failure');

    hold();
    my $c = $t->client(timeout => 30)->connect;
    $c->write($t->client->format(POST => '/login',
        { user => 'ida', password => 'long' }, 'X-Client' => '192.0.2.2'));

    ok(wait_until(sub {
        peek($t, '?account=ida')->{account}{in_flight} == 1
    }), 'one is in flight');
    $view = ask($t, DELETE => '?account=ida&address=192.0.2.2');
    unlink $hold;
    is($c->response->status, 401, 'it fails');
    ok(wait_until(sub {
        peek($t, '?account=ida&address=192.0.2.2')->{pair}{failed} == 1
    }), 'and counts, alone');
    $c->close;

    # all locks of an account, those of known browsers too

    my $browser = device($t, 'carol', '192.0.2.10');
    like($browser, qr/^\Q$NAME/, 'a browser that is known');

    lock_out($t, 'carol', "192.0.2.$_") for 10, 11;
    lock_out($t, 'carol', "192.0.2.$_", $browser) for 10, 12;
    lock_out($t, 'dora',  '192.0.2.10');

    is(ask($t, GET => '?account=carol')->{devices}{failed}, 10,
        'browsers of the account are looked up');
    is_deeply(ask($other, DELETE => '?account=%43arol'),
        { unlocked => 4, store => $store }, 'all locks of an account');
    ok(gets_in($t, 'carol', '192.0.2.10', $browser), 'her browser gets in');
    ok(gets_in($t, 'carol', '192.0.2.11'), 'and others');
    is(ask($t, GET => '?account=carol')->{devices}{failed}, 0,
        'nothing is left of it');
    ok(!gets_in($t, 'dora', '192.0.2.10'), 'others stay locked');

    # all locks of an address

    lock_out($t, "many$_", '192.0.2.40') for 1 .. 3;
    lock_out($t, 'carol', '192.0.2.40', $browser);
    lock_out($t, 'many1', '192.0.2.41');
    is_deeply(ask($t, DELETE => '?address=192.0.2.40'),
        { unlocked => 4, store => $store }, 'all locks of an address');
    ok(gets_in($t, 'many1', '192.0.2.40'), 'all get in there');
    ok(!gets_in($t, 'many1', '192.0.2.41'), 'not elsewhere');

    lock_out($t, 'eve', '2001:db8:0:1::1');
    is_deeply(ask($t, DELETE => '?address=2001:db8:0:1::2'),
        { unlocked => 1, store => $store }, 'of a network of IPv6');

    # both: the pair, and the browsers at that address

    lock_out($t, 'carol', '192.0.2.50');
    lock_out($t, 'carol', '192.0.2.50', $browser);
    lock_out($t, 'carol', '192.0.2.51', $browser);
    is_deeply(ask($t, DELETE => '?account=carol&address=192.0.2.50'),
        { unlocked => 2, store => $store }, 'all locks of a pair');

    # a lock that is all there is

    lock_out($t, 'finn', '192.0.2.60', undef, '/brief');
    ok(wait_until(sub {
        peek($t, '?address=192.0.2.60&counter=brief', '/brief-locks')
            ->{address}{failed} == 0;
    }, 20), 'its address has left the window');
    is_deeply(ask($t, DELETE => '?account=finn&counter=brief'),
        { unlocked => 1, store => $store }, 'the lock of the account is found');

    # the rest, by key

    my @keys = map { $_->{key} } @{ ask($t, GET => '')->{locks} };
    is(scalar @keys, 3, 'dora, many1 and carol are left');
    is_deeply(ask($t, DELETE => "?key=$_"),
        { unlocked => 1, store => $store }, 'a lock by its key') for @keys;
    is_deeply(ask($t, DELETE => "?key=$keys[0]"),
        { unlocked => 0, store => $store }, '... once');
}

my $alone = gateway(undef, backend => $backend, workers => 2, tls => 1, more => $more);
suite(local => $alone, $alone);

my @gateways = map {
    gateway($redis, backend => $backend, workers => 2, tls => 1, more => $more,
        url => 'redis://gateway:password@127.0.0.1:' . $redis->port
            . ' timeout=10s')
} 1 .. 2;

ok(connected($redis, @gateways), 'connected');
suite(redis => @gateways);

# more keys than one step looks at, most of them not ours

my ($t, $other) = @gateways;

$redis->command(EVAL => <<'LUA', 0);
for i = 1, 6000 do redis.call('SET', 'foreign:' .. i, i) end
LUA

lock_out($t, "user$_", "192.0.3.$_") for 1 .. 3;

my ($next, @locks) = (0);

do {
    my $list = ask($t, GET => "?cursor=$next");

    push @locks, @{ $list->{locks} };
    $next = $list->{next};
} while (defined $next);

is(scalar @locks, 3, 'all locks among many keys');
is_deeply(ask($other, DELETE => '?account=user2'),
    { unlocked => 1, store => 'redis' }, 'one of them is cleared');

$redis->command(qw(SCRIPT FLUSH));
is(ask($t, GET => '?account=user1&address=192.0.3.1')->{pair}{locked},
    JSON::PP::true, 'a script that Redis has forgotten');

# rights that are missing are no reason to do without Redis

$redis->command(qw(ACL SETUSER gateway -scan));
is(ask($t, GET => '')->{store}, 'local', 'without the right to scan: here');
$t->logged(qr/\[error\].*give this user the right to "scan"/, '... with a line');
$t->not_logged(qr/is away/, '... and the connection stays');
$redis->command(qw(ACL SETUSER gateway +scan));

# while Redis is away

$redis->stop;
$t->logged(qr/is away/, 'Redis is away');

is(ask($t, GET => '?account=user3&address=192.0.3.3')->{store}, 'local',
    'this gateway answers');
is_deeply(ask($t, DELETE => '?account=user3'),
    { unlocked => 1, store => 'local' }, 'and clears');
ok(gets_in($t, 'user3', '192.0.3.3'), 'what holds here');

# a client that does not wait, and a Redis that says nothing

$redis->start;
$redis->command('ACL', 'SETUSER', 'gateway', 'on', '>password',
    split / /, $rights);
ok(connected($redis, @gateways), 'connected again');

my $hasty = gateway($redis, backend => $backend, workers => 1, tls => 1, more => $more);
ok(connected($redis, @gateways, $hasty), 'one that waits for 200 ms');

$redis->freeze;

my $c = $hasty->client->connect;
$c->write($hasty->client->format(GET => '/locks', undef));
$c->close;

is(ask($hasty, GET => '')->{store}, 'local', 'silent: this gateway answers');
$redis->thaw;
ok(wait_until(sub { peek($hasty, '')->{store} eq 'redis' }, 30),
    'until Redis speaks again');

# the tool

$ENV{TRADESEC_LOCKS} = 'https://127.0.0.1:' . $t->port . '/locks';
$ENV{TRADESEC_CURL}  = '--insecure';
my $tool = 'tools/login-locks';

ok(wait_until(sub { peek($t, '')->{store} eq 'redis' }, 30), 'redis');
lock_out($t, 'zoe', '192.0.2.90');

my @lines = qx($tool list);
is($?, 0, 'the tool lists');
like($lines[0], qr/^\{"key":"[0-9a-f]{32}","seconds":\d+,"level":1\}$/,
    'a line for each lock');
is(qx($tool clear --account zoe), qq({"unlocked":1,"store":"redis"}\n),
    'it clears');

# nonsense

my $fake = Tradesec::Test::Redis::Fake->new(answer => sub {
    my ($command, @words) = @_;

    return $command =~ /^EVAL/ ? "*2\r\n\$2\r\n-1\r\n:0\r\n"
        : $command eq 'SCRIPT' ? "\$40\r\n" . 'a' x 40 . "\r\n"
        :                        "+OK\r\n";
});

my $fooled = gateway($redis, backend => $backend, workers => 1, tls => 1, more => $more,
    url => 'redis://127.0.0.1:' . $fake->port);

ok(wait_until(sub { grep {/^SET /} $fake->commands }, 30), 'a false Redis');

for my $query ('', '?account=x') {
    is(ask($fooled, GET => $query)->{store}, 'local', 'nobody is fooled');
    ok(wait_until(sub { ($fake->commands)[-1] =~ /^SET / }, 30), 'connected');
}

done_testing();
