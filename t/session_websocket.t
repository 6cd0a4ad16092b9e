#!/usr/bin/perl

# Live data for a session of the gateway: the socket opens with the pair of
# cookies, survives that the app signs its own anew, and ends with the session.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;


my $sockets = Tradesec::Test::SocketServer->new;
my $live    = $sockets->address;
my $count   = 0;

sub app_cookie { return { status => $_[0],
    headers => [ 'Set-Cookie' => 'sid=opaque' . ++$count . '; Path=/' ] } }

my $t = Tradesec::Test->new(
    stopped    => 1,
    access_log => '$uri $status $tradesec_user $tradesec_reason',
    backend    => {
        'POST /login' => sub { app_cookie(303) },
        'POST /first' => sub { app_cookie(303) },
        '/password'   => 204,
        '/again'      => sub { app_cookie(200) },
        '/logout'     => { headers => [ 'Set-Cookie' => 'sid=; Max-Age=0' ] },
    },
    http => <<'CONF',
    tradesec_zone zone=tradesec:1m;

    tradesec_session portal {
        secret_file %%DIR%%/secret;
        app_cookie  sid;
        lifetime    9s;
        idle        2s;
    }
CONF
    server => <<"CONF");
    tradesec on;
    tradesec_jwt portal;

    location / { proxy_pass http://%%BACKEND%%; }

    location = /login {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=cookie:sid;
        tradesec_session_login portal;
        proxy_ignore_client_abort on;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /first {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=cookie:sid;
        tradesec_session_login portal pending;
        proxy_ignore_client_abort on;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /password {
        tradesec_revoke user success=204;
        proxy_pass http://%%BACKEND%%;
    }

    location /ws {
        proxy_pass http://$live;
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
    }
CONF

$t->write_file('secret', 'k' x 32);
$t->start;

sub pair {
    my ($r) = @_;

    return Cookie => join '; ', map { /^([^;]*)/ } $r->headers('Set-Cookie');
}

sub log_in {
    my ($uri, $user) = @_;

    return pair($t->post($uri // '/login',
        'password=x&username=' . ($user // 'alice'),
        Origin => 'http://localhost'));
}

sub ws {
    my (@cookie) = @_;

    return Tradesec::Test::WebSocket->open($t->client, '/ws',
        headers => [ Origin => 'http://localhost', @cookie ]);
}

my @alice = log_in();
my $begun = time;
my $ws    = ws(@alice);

is($ws->status, 101, 'the pair of cookies opens a socket');
$ws->send('hello');
is($ws->receive_text, 'hello', 'that speaks');

isnt(ws()->status, 101, 'without cookies: none');
isnt(ws(Cookie => $alice[1] =~ s/; sid=.*|sid=[^;]*; //r)->status, 101,
    'session_unbound: none without the app\'s cookie');
isnt(ws(log_in('/first'))->status, 101, 'a factor is missing: none');
is($sockets->count('handshake'), 1, 'the backend has seen one handshake');

# another page, on which the app signs its cookie anew

my $again = $t->get('/again', @alice);

is($again->status, 200, 'meanwhile a page');
is(scalar(my @lines = $again->headers('Set-Cookie')), 2, 'signs anew');

my $second = ws(pair($again));

is($second->status, 101, 'the new pair opens another socket');
$ws->send('still there');
is($ws->receive_text, 'still there', 'the first one is still there');

# no page for longer than idle: the sockets are in use, the session is not

ok(Tradesec::Test::wait_until(sub {
    $t->get('/again', @alice)->status == 401 }, 10), 'the pair is idle');
$ws->send('and still');
is($ws->receive_text, 'and still', 'an open socket is not idle');

# a logout closes the sockets of its session, and of no other

my @bob = log_in();
my $his = ws(@bob);

is($his->status, 101, 'a socket of another session');
is($t->get('/logout', @bob)->status, 200, 'which logs out');
ok($his->receive_close(10), 'and is closed');
isnt(ws(@bob)->status, 101, 'its pair opens no more');

# a new password closes the sockets of the user, in all his sessions

my @carol = map { [ log_in('/login', 'carol') ] } 1, 2;
my @hers  = map { ws(@$_) } @carol;

is(join(' ', map { $_->status } @hers), '101 101', 'two sessions, two sockets');
is($t->post('/password', 'new', Origin => 'http://localhost',
    @{ $carol[0] })->status, 204, 'a new password');
ok($_->receive_close(10), 'closes a socket') for @hers;
isnt(ws(@$_)->status, 101, 'and its pair opens no more') for @carol;

# the end

my $close = $ws->receive_close(15);

is($close->{code}, 4401, 'websocket_expired: the session ends everywhere');
cmp_ok(time - $begun, '>=', 8, 'not before its end');
is($second->receive_close(15)->{code}, 4401, 'the other socket too');

$ws->close($close->{code});

done_testing();
