#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Two gateways with one Redis: of any number of parallel guesses at both, no
# more than the limit reach the backend.

use v5.30;
use warnings;

use POSIX ();
use Test::More;

use Tradesec::Test;
use Tradesec::Test::Backend;
use Tradesec::Test::Gateway qw(connected gateway);
use Tradesec::Test::Redis;


my $redis   = Tradesec::Test::Redis->new;
my $backend = Tradesec::Test::Backend->new(answers => sub {
    my ($request) = @_;

    return { delay => 0.2, status => 401 } if $request->body !~ /right/;
    return { delay => 0.2, headers => [ 'Set-Cookie' => 'sid=1' ] };
});

# the answers come late on a busy machine, the verdicts must be those of Redis

my @gateways = map {
    gateway($redis, backend => $backend, workers => $_, url => 'unix:'
        . $redis->socket . ' timeout=10s')
} 2, 4;

ok(connected($redis, @gateways), 'six workers are connected');

# Half of the requests to each, at the same time: what reached the backend.

sub storm {
    my ($n, $request) = @_;

    $backend->clear;

    my @children = map {
        my $which = $_;
        my $pid   = fork // die "fork: $!";

        if ($pid == 0) {
            $gateways[$which]->client(timeout => 60)->parallel(
                map { $request->($_) } grep { $_ % 2 == $which } 1 .. $n);
            POSIX::_exit(0);
        }

        $pid;
    } 0 .. 1;

    waitpid $_, 0 for @children;

    return $backend->count;
}

sub login {
    my ($user, $password, $from) = @_;

    return [ POST => '/login', { user => $user, password => $password },
        'X-Client' => $from ];
}

is(storm(500, sub { login('alice', "p$_[0]", '192.0.2.1') }), 5,
    'pair: of 500 parallel guesses 5');
is(storm(500, sub { login('bob', 'p', '198.51.100.' . $_[0] % 250) }), 20,
    'account: of 500 from 250 addresses 20');
is(storm(500, sub { login('user' . $_[0] % 10, 'p', '192.0.2.3') }), 50,
    'address: of 500 at 10 accounts 50');
is(storm(200, sub { login("u$_[0]", 'p', '192.0.2.4') }), 10,
    'address: of 200 accounts 10');
is(storm(10, sub { login("good$_[0]", 'right', '192.0.2.5') }), 10,
    'ten people behind one address log in at once');

$_->not_logged(qr/has not answered|is away/, 'Redis was there all the time')
    for @gateways;

is($gateways[0]->get('/')->status, 204, 'other requests pass');

done_testing();
