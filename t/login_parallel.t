#!/usr/bin/perl

# Of any number of parallel guesses no more than the limit reach the backend,
# and right passwords in parallel are told to come back, at most.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;


sub answer {
    my ($request) = @_;

    return {
        delay => 0.2,
        $request->body =~ /right/
        ? (headers => [ 'Set-Cookie' => 'sid=1' ])
        : (status => 401),
    };
}

my $server = <<~'CONF';
    tradesec on;
    tradesec_origin off;

    location = /login {
        tradesec_login account=json:/user success=cookie:sid;
        proxy_pass http://%%BACKEND%%;
    }
    CONF

my $t = Tradesec::Test->new(
    backend => \&answer,
    workers => 4,
    http    => <<~'CONF',
        tradesec_zone zone=tradesec:4m;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;
    CONF
    server => $server,
);

my $backend = $t->backend;

sub storm {
    my ($n, $request) = @_;

    $backend->clear;

    my %count;
    $count{ $_->status }++ for $t->parallel(map { $request->($_) } 1 .. $n);

    return ($backend->count, %count);
}

sub login {
    my ($user, $password, $from) = @_;

    return [ POST => '/login', { user => $user, password => $password },
        'X-Client' => $from ];
}

# the pair

my ($reached, %count) = storm(500, sub { login('alice', "p$_[0]", '192.0.2.1') });
is($reached, 5, 'pair: of 500 parallel guesses 5 reach the backend');
is($count{401}, 5,   'pair: 5 are answered by it');
is($count{429}, 495, 'pair: all others are refused');
$t->logged(qr/reason: "login_busy"/, 'login_busy while they are in flight');

# the account, from 250 addresses

($reached, %count) = storm(500,
    sub { login('bob', 'p', '198.51.100.' . $_[0] % 250) });
is($reached, 20, 'account: of 500 parallel guesses 20 reach the backend');

# the address, at 10 accounts, 50 times each

($reached, %count) = storm(500,
    sub { login('user' . $_[0] % 10, 'p', '192.0.2.3') });
is($reached, 50, 'address: of 500 parallel guesses 50 reach the backend');

# and at as many accounts as there are guesses

($reached, %count) = storm(200, sub { login("u$_[0]", 'p', '192.0.2.4') });
is($reached, 10, 'address: 10 different accounts of 200');

# right passwords

($reached, %count) = storm(10, sub { login("good$_[0]", 'right', '192.0.2.5') });
is($count{200}, 10, 'ten people behind one address log in at once');

($reached, %count) = storm(11, sub { login("good$_[0]", 'right', '192.0.2.6') });
is($count{200}, 10, 'of eleven, ten do');
is($count{429}, 1,  'and one is told to wait');

my ($late) = grep { $_->status == 429 }
    $t->parallel(map { login("good$_", 'right', '192.0.2.7') } 1 .. 11);
is($late->header('Retry-After'), 1, 'for a second');

is($t->post('/login', { user => 'late', password => 'right' },
        'X-Client' => '192.0.2.7')->status, 200, 'and then gets in');

# HTTP/2: all guesses on one connection

my $h2 = Tradesec::Test->new(
    backend => \&answer,
    workers => 4,
    tls     => 1,
    http2   => 1,
    http    => 'tradesec_zone zone=tradesec:1m;',
    server  => $server,
);

%count = ();

for my $r ($h2->parallel(map { login('alice', "p$_", '') } 1 .. 60)) {
    $count{ $r->status }++;
}

is($h2->backend->count, 5, 'TLS: of 60 parallel guesses 5 reach the backend');

for (1 .. 6) {
    my $r = $h2->h2(POST => '/login', '{"user":"bob","password":"x"}',
        'Content-Type' => 'application/json');
    is($r->status, $_ < 6 ? 401 : 429, "HTTP/2: guess $_");
}

is($h2->h2(POST => '/login', 'user=bob', 'Content-Type' => 'text/plain')->status,
    415, 'HTTP/2: wrong type');

done_testing();
