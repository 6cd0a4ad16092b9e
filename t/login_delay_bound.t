#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A thousand attempts wait at a worker, and no more: a flood of them takes no
# more memory than that, is told to come back later, and is in nobody's way who
# need not wait.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use POSIX ();
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw(gateway);
use Tradesec::Test::Wait qw(now);


my $BOUND = 1000;
my $LONG  = 30;     # seconds that no test waits for
my $EACH  = 250;    # of a process: it may have few descriptors

my $t = gateway(undef, workers => 1, zone => 'zone=tradesec:8m',
    more => <<"CONF");
    location = /many {
        tradesec_login account=json:/user success=cookie:sid counter=many;
        tradesec_login_delay ${LONG}s after=0;
        proxy_pass http://%%BACKEND%%;
    }

    location = /locks { tradesec_login_locks; }
CONF

# each with an account and an address of its own

sub address { return sprintf '10.9.%d.%d', $_[0] / 250, 1 + $_[0] % 250 }

sub begin {
    my ($n) = @_;

    my $client = $t->client(timeout => 120);
    my $c      = $client->connect;

    $c->write($client->format(POST => '/many',
        { user => "user$n", password => 'right' }, 'X-Client' => address($n)));

    return $c;
}

sub counted {
    my ($c, $n) = @_;

    return decode_json($c->request(GET => "/locks?account=user$n&address="
            . address($n) . '&counter=many')->body)->{pair};
}

# how many of them are in flight

sub waiting {
    my ($from, $to) = @_;

    my $c = $t->client(keepalive => 1)->connect;
    my $n = grep { counted($c, $_)->{in_flight} == 1 } $from .. $to;

    $c->close;

    return $n;
}

# A process that begins them, and leaves when it is told to.

sub hold {
    my ($from, $to) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        @SIG{qw(INT TERM HUP)} = ('DEFAULT') x 3;
        my $parent = getppid;
        my @c      = map { begin($_) } $from .. $to;

        sleep 1 while getppid == $parent;
        POSIX::_exit(0);
    }

    return $pid;
}

sub leave {
    my ($pid) = @_;

    kill 'TERM', $pid;
    waitpid $pid, 0;
}

my @held = map { hold($_ * $EACH, ($_ + 1) * $EACH - 1) }
    0 .. $BOUND / $EACH - 1;

ok(wait_until(sub { waiting(0, $BOUND - 1) == $BOUND }, 60),
    'a thousand wait');
is($t->backend->count, 0, 'none has reached the backend');

# above the bound

my $begin = now();
my @more  = map { $t->request(POST => '/many',
    { user => "user$_", password => 'right' }, 'X-Client' => address($_)) }
    $BOUND .. $BOUND + 19;

is(join(' ', map { $_->status } @more), join(' ', (429) x 20),
    'twenty more are refused');
cmp_ok(now() - $begin, '<', $LONG, 'at once');
is($more[0]->header('Retry-After'), $LONG, 'and told when to come back');
$t->logged(qr/reason: "login_busy"/, 'login_busy');
is(waiting($BOUND, $BOUND + 19), 0, 'they are not charged');

my $c = $t->client(keepalive => 1)->connect;
is(counted($c, $BOUND)->{failed}, 0, 'nor have they failed');
$c->close;

is($t->backend->count, 0, 'the backend has not seen them');

# nobody else

is($t->get('/')->status, 204, 'other requests pass');
is($t->post('/login', { user => 'alice', password => 'right' },
        'X-Client' => '192.0.2.1')->status, 200,
    'who need not wait logs in');

# who leaves makes room, for as many

leave(pop @held);
ok(wait_until(sub {
    waiting($BOUND - $EACH, $BOUND - 1) == 0
}, 60), 'some leave: they are not charged any more');

push @held, hold(2000, 2000 + $EACH - 1);
ok(wait_until(sub { waiting(2000, 2000 + $EACH - 1) == $EACH }, 60),
    'others wait in their place');

my ($last) = map { $t->request(POST => '/many',
    { user => "user$_", password => 'right' }, 'X-Client' => address($_)) }
    3000;
is($last->status, 429, 'and one more is refused');

# all leave: nothing is left behind

leave($_) for @held;
ok(wait_until(sub { waiting(0, $BOUND - $EACH - 1) == 0 }, 60), 'all leave');

my $waits = begin(3000);
ok(wait_until(sub { waiting(3000, 3000) == 1 }, 20), 'the next one waits again');
$waits->close;

is($t->backend->count, 1, 'the backend was asked once in all');

done_testing();
