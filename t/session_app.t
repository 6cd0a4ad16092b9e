#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A trading app as they are, and nobody changes it: a form login, a second
# factor, an opaque cookie that is signed anew on every answer, and a WebSocket
# that tells everybody everything. Behind the sessions of the gateway its users
# get their own messages, confirm what moves money, are closed out by a new
# password, an operator or a freeze; and nobody is logged out by the signing.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::App qw(cookies keep resign resigned);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;


sub is_right {
    my ($request, $name, $value) = @_;

    return $request->body =~ /(?:^|&)\Q$name\E=\Q$value\E(?:&|$)/;
}

my $sockets = Tradesec::Test::SocketServer->new;
my $live    = $sockets->address;

my $t = Tradesec::Test->new(
    stopped    => 1,
    access_log => '$uri $status $tradesec_user $tradesec_reason',
    backend    => {
        'POST /login'    => sub {
            my ($request) = @_;
            my ($user) = $request->body =~ /username=(\w+)/;

            return is_right($request, password => 'right')
                ? resign($user, status => 303) : 401;
        },
        'POST /otp'      => sub {
            is_right($_[0], code => '123') ? resigned($_[0]) : 401 },
        'POST /confirm'  => sub {
            is_right($_[0], password => 'right') ? resigned($_[0]) : 401 },
        'POST /withdraw' => sub { resigned($_[0], body => 'paid') },
        'POST /cancel'   => sub { resigned($_[0], body => 'cancelled') },
        'POST /orders'   => sub { resigned($_[0], body => 'placed') },
        'POST /password' => sub { resigned($_[0], status => 204) },
        '/quotes'        => sub { resigned($_[0], body => 'EUR 1.1') },
        '/me'            => sub { resigned($_[0],
            body => $_[0]->header('X-User') // 'nobody') },
        '/leave'         => 204,
        '/logout'        => { headers => [
            'Set-Cookie' => 'sid=; Path=/; Max-Age=0' ] },
    },
    http => <<'CONF',
    tradesec_zone zone=tradesec:2m state=%%DIR%%/state;

    tradesec_session app {
        secret_file  %%DIR%%/secret;
        app_cookie   sid;
        lifetime     1h;
        header       X-User sub;
    }

    proxy_ignore_client_abort on;
CONF
    server => <<"CONF");
    tradesec on;
    tradesec_jwt app;

    location / { proxy_pass http://%%BACKEND%%; }

    location = /login {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=cookie:sid;
        tradesec_session_login app;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /otp {
        tradesec_login         account=user success=cookie:sid counter=otp;
        tradesec_session_login app step_up=mfa;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /confirm {
        tradesec_login         account=user success=cookie:sid counter=again;
        tradesec_session_login app step_up=password;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /withdraw {
        tradesec_require name=money amr=mfa max_age=10m step_up=/otp?return=;
        proxy_pass http://%%BACKEND%%;
    }

    location = /recent {
        tradesec_require name=recent max_age=2s;
        proxy_pass http://%%BACKEND%%/me;
    }

    location = /mine {
        tradesec_require name=own sub=query:account;
        proxy_pass http://%%BACKEND%%/me;
    }

    location = /password {
        tradesec_revoke user success=204;
        proxy_pass http://%%BACKEND%%;
    }

    location = /leave {
        tradesec_revoke session clear=sid clear=__Host-app clear_site_data;
        proxy_pass http://%%BACKEND%%;
    }

    location = /cancel {
        tradesec_freeze off;
        proxy_pass http://%%BACKEND%%;
    }

    location = /operators {
        tradesec_jwt off;
        tradesec_revocations allow=127.0.0.1;
    }

    location /ws {
        tradesec_websocket owner=/account public=/topic:ticks.*;
        proxy_pass http://$live;
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
    }
CONF

$t->write_file('secret', 'k' x 32);
$t->start;

my @origin = (Origin => 'http://localhost');

# A browser: keeps what is set.

sub visit { return keep($_[0], $t->get($_[1], cookies($_[0]))) }

sub send_form {
    my ($jar, $uri, $form) = @_;

    return keep($jar, $t->post($uri, $form // 'x=1', @origin, cookies($jar)));
}

sub log_in {
    my ($user) = @_;

    my $jar = {};

    keep($jar, $t->post('/login', "username=$user&password=right", @origin));

    return $jar;
}

sub ws {
    my ($jar) = @_;

    return Tradesec::Test::WebSocket->open($t->client, '/ws',
        headers => [ @origin, cookies($jar) ]);
}

# The server of sockets says what it is sent: so a client plays the app.

sub hears {
    my ($ws, @messages) = @_;

    $ws->send($_) for @messages, '{"topic":"ticks.end"}';

    my @heard;

    while (defined(my $text = $ws->receive_text)) {
        last if $text =~ /ticks[.]end/;
        push @heard, $text;
    }

    return "@heard";
}

my $alice = log_in('alice');
my $bob   = log_in('bob');

# the owner of a message is the session's user

my %order = map { $_ => qq({"account":"$_","order":1}) } qw(alice bob Alice);
my $tick  = '{"topic":"ticks.eur","price":1}';
my $ws    = ws($alice);
my $his   = ws($bob);

is($ws->status, 101, 'a socket');
is(hears($ws, $order{bob}, $order{alice}, $order{Alice}, $tick),
    "$order{alice} $tick", 'her own messages and public ones');
is(hears($his, $order{bob}, $order{alice}, '{"order":2}'), $order{bob},
    'and his');
isnt(ws({ sid => $alice->{sid} })->status, 101,
    'the app\'s cookie alone opens none');
isnt(ws({ %$alice, sid => $bob->{sid} })->status, 101,
    'nor does the cookie of another beside her session');

# signed anew, again and again, in two tabs

for my $n (1 .. 5) {
    is(visit($alice, $n % 2 ? '/quotes' : '/me')->status, 200, "page $n");
}

is(hears($ws, $order{alice}, $order{bob}), $order{alice},
    'the socket of the pair that was there before');

# rules, with a part of the request

is(visit($alice, '/mine?account=alice')->status, 200, 'her own account');
is(visit($alice, '/mine?account=bob')->status, 403, 'another one');

# step-up: what moves money needs a factor, market data and cancels do not

my $before = { %$alice };
my $r = send_form($alice, '/withdraw');

is($r->status, 401, 'money needs a second factor');
like($r->header('WWW-Authenticate'), qr/insufficient_user_authentication/,
    'which is said');
is(visit($alice, '/quotes')->status, 200, 'market data needs none');
is(send_form($alice, '/cancel')->body, 'cancelled', 'nor does a cancel');

is(send_form($alice, '/otp', 'code=999')->status, 401, 'a wrong code');
is(send_form($alice, '/withdraw')->status, 401, 'changes nothing');

my $id = sub { $_[0]{'__Host-app'} };

is(send_form($alice, '/otp', 'code=123')->status, 200, 'the right one');
isnt($id->($alice), $id->($before), 'the session is written anew');
is(send_form($alice, '/withdraw')->body, 'paid', 'and money moves');
is(visit($alice, '/me')->body, 'alice', 'she is who she was');
is($t->post('/withdraw', 'x=1', @origin, cookies($before))->status, 401,
    'a copy of the session before does not');
is(hears($ws, $order{alice}), $order{alice}, 'her socket lives on');
is($t->post('/otp', 'code=123', @origin, Cookie => "sid=$bob->{sid}")->status,
    401, 'nobody steps up without a session');

ok(wait_until(sub { visit($alice, '/recent')->status == 401 }, 20),
    'a login that is too old');
is(send_form($alice, '/confirm', 'password=right')->status, 200, 'once more');
is(visit($alice, '/recent')->status, 200, 'is recent');
is(send_form($alice, '/withdraw')->body, 'paid', 'the factor still counts');
is(send_form($bob, '/confirm', 'password=right')->status, 200, 'a password');
is(send_form($bob, '/withdraw')->status, 401, 'is no second factor');

# freeze: nothing changes state, but cancels

is($t->post('/operators', 'freeze=on')->status, 200, 'operators freeze all');
is(send_form($alice, '/orders')->status, 503, 'no order is placed');
is(send_form($alice, '/cancel')->body, 'cancelled', 'cancels pass');
is(visit($alice, '/quotes')->status, 200, 'and so does what changes nothing');
is($t->post('/operators', 'freeze=off')->status, 200, 'no more');
is(send_form($alice, '/orders')->body, 'placed', 'orders again');

# a new password ends all of her sessions and sockets, and nobody else's

my $other = log_in('alice');
my $there = ws($other);
my %copy  = %$alice;

is(send_form($alice, '/password', 'new=1')->status, 204, 'a new password');
ok($_->receive_close(10), 'closes a socket of hers') for $ws, $there;
is(visit($other, '/me')->status, 401, 'the other session is out');
is($t->get('/me', cookies(\%copy))->status, 401, 'so is a copy of this one');
is(hears($his, $order{bob}), $order{bob}, 'his socket lives on');
is(visit($bob, '/me')->body, 'bob', 'and so does he');

ok(wait_until(sub { visit($alice = log_in('alice'), '/me')->status == 200 }, 20),
    'she logs in again');

# an operator, and a logout

$ws = ws($alice);
is($t->post('/operators', 'user=alice')->status, 200, 'an operator revokes her');
ok($ws->receive_close(10), 'her socket is closed');
is(visit($alice, '/me')->status, 401, 'her session is over');

my $late = { %$bob };

is(visit($bob, '/logout')->status, 200, 'he logs out');
ok($his->receive_close(10), 'his socket is closed');
is_deeply($bob, {}, 'both cookies are gone');
is($t->get('/me', cookies($late))->status, 401, 'a copy is no good');

# a logout that the app answers without a word about its cookie

my $carol = log_in('carol');
my $kept  = { %$carol };

$ws = ws($carol);
$r = visit($carol, '/leave');

is($r->status, 204, 'she leaves');
is_deeply($carol, {}, 'both cookies are cleared');
is($r->header('Clear-Site-Data'), '"cache", "cookies", "storage"',
    'and the site\'s data');
like(join(' ', grep {/^__Host-app=;/} $r->headers('Set-Cookie')),
    qr/^__Host-app=;.*; Secure/, 'as browsers take it for that name');
ok($ws->receive_close(10), 'her socket is closed');
is($t->get('/me', cookies($kept))->status, 401, 'a copy is no good');

# configuration

my %http = (http => 'tradesec_zone zone=z:1m; tradesec_session app {'
    . 'app_cookie sid; secret_file ' . $t->dir . '/secret; }');

for my $case (
    [ 'step_up=otp', qr/invalid parameter "step_up=otp"/ ],
    [ 'step_up=mfa step_up=mfa', qr/invalid parameter "step_up=mfa"/ ],
    [ 'step_up=mfa pending', qr/neither "user=" nor "pending"/ ],
    [ 'step_up=mfa user=json:/a', qr/neither "user=" nor "pending"/ ],
    [ 'step_up=mfa', qr/needs "tradesec_jwt"/ ],
) {
    my ($text, $expected) = @$case;

    config_refused({ %http, server => 'tradesec on; location / {'
        . 'tradesec_login account=none success=status:200;'
        . "tradesec_session_login app $text; }" }, $expected, "refused: $text");
}

config_accepted({ %http, server => 'tradesec on; location / {'
    . 'tradesec_jwt app; tradesec_login account=none success=status:200;'
    . 'tradesec_session_login app step_up=password; }' }, 'accepted');

done_testing();
