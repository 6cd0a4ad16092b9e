#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Two gateways of four workers with one Redis: of a thousand parallel guesses
# at both, exactly the limit reach the backend, and of as many right passwords
# behind one address as it may try, each logs in at once.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Gateway qw(connected gateway);
use Tradesec::Test::Redis;
use Tradesec::Test::Storm qw(all_log_in login slow_backend storm);


my $redis   = Tradesec::Test::Redis->new;
my $backend = slow_backend();

my $more = <<'CONF';
    location = /many {
        tradesec_login account=json:/user success=cookie:sid counter=many;
        tradesec_login_limit accounts=0;
        proxy_pass http://%%BACKEND%%;
    }
CONF

# the answers come late on a busy machine, the verdicts must be those of Redis

my @gateways = map {
    gateway($redis, backend => $backend, workers => 4, more => $more,
        url => 'unix:' . $redis->socket . ' timeout=10s')
} 1 .. 2;

ok(connected($redis, @gateways), 'eight workers are connected');

sub reach {
    my ($n, $request) = @_;

    return storm(\@gateways, $n, $request);
}

is(reach(1000, sub { login('alice', "p$_[0]", '192.0.2.1') }), 5,
    'pair: of 1,000 parallel guesses 5');
is(reach(1000, sub { login('bob', 'p', '198.51.100.' . $_[0] % 250) }), 20,
    'account: of 1,000 from 250 addresses 20');
is(reach(1000, sub { login('user' . $_[0] % 10, 'p', '192.0.2.3') }), 50,
    'address: of 1,000 at 10 accounts 50');
is(reach(1000, sub { login("u$_[0]", 'p', '192.0.2.4') }), 10,
    'address: of 1,000 accounts 10');

all_log_in(\@gateways, 50,
    sub { login("good$_[0]", 'right', '192.0.2.5', '/many') });

$_->not_logged(qr/has not answered|is away/, 'Redis was there all the time')
    for @gateways;

is($gateways[0]->get('/')->status, 204, 'other requests pass');

done_testing();
