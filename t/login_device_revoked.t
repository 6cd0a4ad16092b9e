#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The cookie of a browser that is known: good at every gateway that counts in
# the same Redis, and void at all of them once the password was changed. A
# logout does not end it.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Backend;
use Tradesec::Test::Gateway qw(gateway talk);
use Tradesec::Test::Redis;
use Tradesec::Test::Token qw(jwks provider token);


my $NAME   = '__Host-tradesec_device';
my $ISSUER = 'https://idp.test';

my $redis   = Tradesec::Test::Redis->new;
my $backend = Tradesec::Test::Backend->new(answers => sub {
    my ($request) = @_;

    return $request->body =~ /right/
        ? { headers => [ 'Set-Cookie' => 'sid=1' ] }
        : $request->path eq '/password' && $request->body =~ /new/
        ? { status => 204 }
        : $request->path eq '/logout' ? { status => 204 } : { status => 401 };
});

sub start {
    my ($store) = @_;

    my $t = gateway($store,
        backend => $backend,
        workers => 1,
        tls     => 1,
        stopped => 1,
        zone    => 'zone=tradesec:4m state=%%DIR%%/state;'
            . provider('portal', "issuer $ISSUER;", 'max_lifetime 2h;')
            . '#',
        $store ? (url => 'unix:' . $store->socket . ' timeout=10s') : (),
        login => 'tradesec_login_device on;',
        more  => <<'CONF');
        location = /mail {
            tradesec_login account=json:/user success=cookie:sid
                email=plus,dots counter=mail;
            tradesec_login_device on;
            proxy_pass http://%%BACKEND%%;
        }

        location = /password {
            tradesec_jwt portal;
            tradesec_revoke user success=204;
            proxy_pass http://%%BACKEND%%;
        }

        location = /logout {
            tradesec_jwt portal;
            tradesec_revoke token;
            proxy_pass http://%%BACKEND%%;
        }

        location = /operators {
            tradesec_revocations allow=0.0.0.0/0;
        }
CONF

    $t->write_file('portal.jwks', jwks());
    $t->allow_logged(qr/an operator has/);

    return $t->start;
}

sub login {
    my ($t, $user, $password, $from, $cookie, $path) = @_;

    return talk($t, POST => $path // '/login',
        { user => $user, password => $password },
        'X-Client' => $from, defined $cookie ? (Cookie => $cookie) : ());
}

sub device {
    my ($response) = @_;

    my ($pair) = map {/^(\Q$NAME\E=[^;]+)/} $response->headers('Set-Cookie');

    return $pair;
}

# Twenty failures, each from elsewhere: only a browser that is known gets in.

my $stranger = 0;

sub attacked {
    my ($t, $user, $path) = @_;

    $stranger++;
    login($t, $user, 'wrong', "203.0.$stranger.$_", undef, $path) for 1 .. 20;

    return ok(wait_until(sub {
        login($t, $user, 'right', "198.51.100.$stranger", undef, $path)->status
            == 429
    }, 20), "$user is attacked");
}

sub known {
    my ($t, $user, $cookie, $path) = @_;

    return login($t, $user, 'right', '192.0.2.1', $cookie, $path)->status
        == 200;
}

sub forgotten {
    my ($t, $user, $cookie, $path) = @_;

    return wait_until(sub { !known($t, $user, $cookie, $path) }, 20);
}

sub authorized {
    my ($user) = @_;

    state $n = 0;

    return (Authorization => 'Bearer ' . token({ sub => $user, iss => $ISSUER,
        jti => 'id-' . $n++, iat => int(time) - 1 }));
}

sub suite {
    my ($store, $one, $two) = @_;

    note($store);

    my %cookie = map {
        $_ => device(login($one, $_, 'right', '192.0.2.1'))
    } qw(alice bob carol);

    my $mailbox = device(login($one, 'd.ora+news@example.com', 'right',
        '192.0.2.1', undef, '/mail'));

    like($cookie{alice}, qr/^\Q$NAME/, 'a browser that is known');
    attacked($two, $_) for sort keys %cookie;
    attacked($two, 'dora@example.com', '/mail');

    ok(known($two, $_, $cookie{$_}), "$_ is known, here and there")
        for sort keys %cookie;
    ok(known($two, 'dora@example.com', $mailbox, '/mail'), 'so is dora');

    # a logout, and a change that fails, leave it

    is($one->post('/logout', '', authorized('alice'))->status, 204, 'logout');
    is($one->post('/password', 'guess', authorized('alice'))->status, 401,
        'a wrong old password');

    # a change, seen in the answer; another user's browser stays known

    is($one->post('/password', 'new', authorized('Alice'))->status, 204,
        'alice changes her password');

    ok(forgotten($_, 'alice', $cookie{alice}), 'her browser is unknown')
        for $one, $two;
    ok(!known($two, 'ALICE ', $cookie{alice}), 'however she is spelled');
    ok(known($two, 'bob', $cookie{bob}), 'bob is known');

    # an operator does the same

    is($two->post('/operators', 'user=bob')->status, 200, 'an operator');
    ok(forgotten($_, 'bob', $cookie{bob}), 'revokes bob') for $one, $two;
    ok(known($_, 'carol', $cookie{carol}), 'carol is known') for $one, $two;

    is($one->post('/operators', 'user=dora%40example.com')->status, 200,
        'dora, by her plain address');
    ok(forgotten($_, 'dora@example.com', $mailbox, '/mail'),
        'her mailbox is revoked') for $one, $two;

    # what is issued after that is good

    is($one->post('/operators', 'user=erin')->status, 200, 'erin is revoked');
    select undef, undef, undef, 1.2;
    my $erin = device(login($one, 'erin', 'right', '192.0.2.1'));
    attacked($two, 'erin');
    ok(known($two, 'erin', $erin), 'and has logged in since');

    return \%cookie;
}

my $alone  = start(undef);
my $cookie = suite(local => $alone, $alone);

# over a restart, with the state file

$alone->restart;
attacked($alone, $_) for qw(alice carol);
ok(!known($alone, 'alice', $cookie->{alice}), 'restarted: still unknown');
ok(known($alone, 'carol', $cookie->{carol}), 'and still known');

my @gateways = map { start($redis) } 1 .. 2;

for my $t (@gateways) {
    ok(wait_until(sub {
        login($t, 'zoe', 'right', '192.0.2.9');
        return grep {/^200  \[redis\]/} $t->access_log;
    }, 30), 'a gateway that asks Redis');
}

suite(redis => @gateways);

done_testing();
