#!/usr/bin/perl

# The redis-server of a test, and the false one, do what tests rely on.

use v5.30;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Redis;


my $redis = Tradesec::Test::Redis->new;

is($redis->command('PING'), 'PONG', 'it answers');
is($redis->command(SET => 'a key', "two\r\nlines"), 'OK', 'takes a value');
is($redis->command(GET => 'a key'), "two\r\nlines", 'and gives it back');
is($redis->command(GET => 'none'), undef, 'or nothing');
is_deeply([ $redis->names ], ['a key'], 'lists its keys');
like($redis->contents, qr/two/, 'and all that they hold');

ok(!eval { $redis->command('NONE'); 1 }, 'an error dies');
like($@, qr/^ERR unknown command/, 'with its text');

my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $redis->port);

ok($tcp, 'it listens on a port too');

my $monitor = $redis->monitor;
$redis->command(GET => 'secret-name');
like($monitor->text(qr/secret-name/), qr/"GET" "secret-name"/,
    'a monitor sees what it was asked');

$redis->freeze;
print {$tcp} "PING\r\n";
ok(!IO::Select->new($tcp)->can_read(0.2), 'a frozen one is silent');

$redis->thaw;
ok(IO::Select->new($tcp)->can_read(10), 'a thawed one answers');

my $port = $redis->port;

$redis->restart;
is($redis->port, $port, 'a restart keeps the port');
is_deeply([ $redis->names ], [], 'and forgets all');

my ($pid, $dir) = ($redis->pid, $redis->dir);

undef $redis;
ok(!kill(0, $pid) && !-e $dir, 'nothing is left behind');

# the one that lies

my $fake = Tradesec::Test::Redis::Fake->new(answer => sub {
    my ($command) = @_;
    return $command eq 'LIE' ? ":42\r\n" : $command eq 'BYE' ? '' : undef;
});

my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $fake->port);

print {$client} "*1\r\n\$3\r\nLIE\r\n*2\r\n\$5\r\nQUIET\r\n\$1\r\nx\r\n";
is(scalar <$client>, ":42\r\n", 'a false one answers as it was told');

print {$client} "*1\r\n\$3\r\nBYE\r\n";
is(scalar <$client>, undef, 'or hangs up');

is_deeply([ $fake->commands ], [ 'LIE', 'QUIET x', 'BYE' ],
    'and remembers what it was asked');

done_testing();
