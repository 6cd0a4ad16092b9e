#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Attempts to log in are counted in Redis, for all gateways together.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Redis;


my $redis = Tradesec::Test::Redis->new;
my $key   = $redis->dir . '/key';

system("umask 077; openssl rand -out $key 32") == 0 or die 'no key';

sub answer {
    my ($request) = @_;

    return $request->body =~ /right/
        ? { headers => [ 'Set-Cookie' => 'sid=1' ] }
        : $request->body =~ /neutral/ ? { status => 503 } : { status => 401 };
}

sub gateway {
    my (%opt) = @_;

    my $url = delete $opt{url} // 'unix:' . $redis->socket;

    return Tradesec::Test->new(
        backend    => \&answer,
        access_log => '$status $tradesec_status $tradesec_reason '
            . '$tradesec_store',
        http => <<"CONF",
        tradesec_zone zone=tradesec:4m;
        tradesec_redis $url key_file=$key;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;
CONF
        server => <<~'CONF',
            tradesec on;
            tradesec_origin off;

            location = /login {
                tradesec_login account=json:/user success=cookie:sid
                    neutral=503;
                proxy_pass http://%%BACKEND%%;
            }

            location / { return 204; }
            CONF
        %opt,
    );
}

# what is counted, without the value that connections write to try it

sub counters {
    return grep { !/:probe$/ } $redis->names;
}

# every worker has to be connected

sub connected {
    my ($t) = @_;

    my $n = $t->workers;
    my $clients;

    return wait_until(sub {
        $clients = () = $redis->command('CLIENT', 'LIST') =~ /^id=.*cmd=set /mg;
        return $clients >= $n;
    }, 20);
}

my $t = gateway();

ok(connected($t), 'every worker has a connection');

sub login {
    my ($user, $password, $from) = @_;

    return ($t->client->post('/login',
        { user => $user, password => $password },
        'X-Client' => $from // '192.0.2.1'));
}

is(login('alice', 'right')->status, 200, 'a right password');
$t->access_logged(qr/^200 PASSED  redis$/, '$tradesec_store is redis');
ok(wait_until(sub { counters() == 0 }, 20), 'leaves nothing');

for my $i (1 .. 5) {
    is(login('alice', "wrong$i")->status, 401, "guess $i");
}

my $r = login('alice', 'right');
is($r->status, 429, 'then the pair is locked');
like($r->header('Retry-After'), qr/^(?:60|5\d)$/, 'for a minute');
$t->access_logged(qr/^429 REJECTED login_locked redis$/, 'by Redis');
$t->logged(qr/login locked for 60 seconds, counter: "login"/,
    'a lock is an event');

is(login('alice', 'right', '192.0.2.2')->status, 200,
    'the account is not, for another address');

# the gateway does not wait until Redis has heard of an outcome

my @keys;
wait_until(sub { @keys = counters(); @keys == 2 }, 20);

is(scalar @keys, 2, 'pair and address are left in Redis');
is((grep { /^tradesec:\{login\}:[0-9a-f]{32}$/ } @keys), 2, 'as hashes');
is((grep { $redis->command('TTL', $_) > 0 } @keys), 2, 'with a time to live');

# neutral, and a client that is gone

for (1 .. 5) {
    login('norman', 'neutral', '192.0.2.8');
}

is(login('norman', 'right', '192.0.2.8')->status, 200, 'neutral is refunded');

# a script that Redis has forgotten

is($redis->command('SCRIPT', 'FLUSH'), 'OK', 'SCRIPT FLUSH');
is(login('bob', 'wrong', '192.0.2.3')->status, 401, 'EVAL for this request');
$t->access_logged(qr/^401 PASSED  redis$/, 'which Redis has judged');

for my $i (2 .. 5) {
    is(login('bob', "wrong$i", '192.0.2.3')->status, 401, "guess $i");
}

is(login('bob', 'right', '192.0.2.3')->status, 429, 'all of them counted');

# another gateway, over TCP

my $t2 = gateway(url => 'redis://' . '127.0.0.1:' . $redis->port . '/0');

ok(connected($t2), 'another gateway, over TCP');

is($t2->post('/login', { user => 'bob', password => 'right' },
    'X-Client' => '192.0.2.3')->status, 429, 'knows the lock');

for my $i (1 .. 5) {
    my $g = $i % 2 ? $t : $t2;
    is($g->post('/login', { user => 'carol', password => 'x' },
        'X-Client' => '192.0.2.4')->status, 401, "guess $i at either");
}

is($_->post('/login', { user => 'carol', password => 'right' },
    'X-Client' => '192.0.2.4')->status, 429, 'locked at both') for $t, $t2;

is($t->get('/')->status, 204, 'other requests do not ask Redis');

done_testing();
