#!/usr/bin/perl

# Of any number of parallel guesses no more than the limit reach the backend,
# and right passwords in parallel are told to come back, at most. Gateways
# without a Redis count by themselves.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Gateway qw(gateway);
use Tradesec::Test::Storm qw(all_log_in login slow_backend storm);


my $server = <<~'CONF';
    tradesec on;
    tradesec_origin off;

    location = /login {
        tradesec_login account=json:/user success=cookie:sid;
        proxy_pass http://%%BACKEND%%;
    }
    CONF

my $more = <<'CONF';
    location = /many {
        tradesec_login account=json:/user success=cookie:sid counter=many;
        tradesec_login_limit accounts=0;
        proxy_pass http://%%BACKEND%%;
    }
CONF

my $backend  = slow_backend();
my @gateways = map {
    gateway(undef, backend => $backend, workers => 4, more => $more)
} 1 .. 2;

my ($t) = @gateways;

sub reach {
    my ($n, $request) = @_;

    return storm([$t], $n, $request);
}

is(reach(1000, sub { login('alice', "p$_[0]", '192.0.2.1') }), 5,
    'pair: of 1,000 parallel guesses 5 reach the backend');
$t->logged(qr/reason: "login_busy"/, 'login_busy while they are in flight');

is(reach(1000, sub { login('bob', 'p', '198.51.100.' . $_[0] % 250) }), 20,
    'account: of 1,000 from 250 addresses 20');
is(reach(1000, sub { login('user' . $_[0] % 10, 'p', '192.0.2.3') }), 50,
    'address: of 1,000 at 10 accounts 50');
is(reach(1000, sub { login("u$_[0]", 'p', '192.0.2.4') }), 10,
    'address: of 1,000 accounts 10');
is(storm(\@gateways, 1000, sub { login('carol', "p$_[0]", '192.0.2.8') }), 10,
    'pair: at two gateways that do not share a store twice the limit');

# right passwords

for ([ '/many', 50, '192.0.2.5' ], [ '/login', 10, '192.0.2.6' ]) {
    my ($path, $limit, $from) = @$_;

    all_log_in([$t], $limit,
        sub { login("good$_[0]", 'right', $from, $path) });
}

# HTTP/2: all guesses on one connection

my $h2 = Tradesec::Test->new(
    backend => { '*' => { delay => 0.2, status => 401 } },
    workers => 4,
    tls     => 1,
    http2   => 1,
    http    => 'tradesec_zone zone=tradesec:1m;',
    server  => $server,
);

$h2->parallel(map { login('alice', "p$_", '') } 1 .. 60);

is($h2->backend->count, 5, 'TLS: of 60 parallel guesses 5 reach the backend');

for (1 .. 6) {
    my $r = $h2->h2(POST => '/login', '{"user":"bob","password":"x"}',
        'Content-Type' => 'application/json');
    is($r->status, $_ < 6 ? 401 : 429, "HTTP/2: guess $_");
}

is($h2->h2(POST => '/login', 'user=bob', 'Content-Type' => 'text/plain')->status,
    415, 'HTTP/2: wrong type');

done_testing();
