#!/usr/bin/perl

# The login guard: failed attempts lock the pair of account and address, and
# throttle the account and the address; who knows the password gets in.

use v5.30;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use Tradesec::Test qw(wait_until);


# The backend knows one password for everybody.

sub answer {
    my ($request) = @_;

    return $request->body =~ /right/
        ? { headers => [ 'Set-Cookie' => 'sid=1; HttpOnly' ] }
        : { status => 401 };
}

my $t = Tradesec::Test->new(
    backend    => \&answer,
    access_log => '$uri $status $tradesec_status $tradesec_reason',
    http       => <<~'CONF',
        tradesec_zone zone=tradesec:4m;

        # the client's address, for tests with many of them
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location / { proxy_pass http://%%BACKEND%%; }

        # subrequests, of which nginx asks nobody

        location /asks { auth_request /auth; proxy_pass http://%%BACKEND%%; }
        location = /auth {
            internal;
            tradesec_login account=basic success=cookie:sid counter=auth;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%/auth-backend;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
        location /mirrored { mirror /copy; proxy_pass http://%%BACKEND%%; }
        location = /copy {
            internal;
            tradesec_login account=form:user success=cookie:sid counter=copy;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%/copy-backend;
        }
        location /guarded {
            auth_request /plain-auth;
            tradesec_login account=basic success=status:200 counter=guarded;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
        location = /plain-auth {
            internal;
            proxy_pass http://%%BACKEND%%/auth-backend;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location = /login {
            tradesec_login account=json:/user success=cookie:sid counter=a;
            proxy_pass http://%%BACKEND%%;
        }

        location = /shared {
            tradesec_login account=form:user success=cookie:sid counter=a;
            proxy_pass http://%%BACKEND%%;
        }

        location = /own {
            tradesec_login account=json:/user success=cookie:sid counter=b;
            proxy_pass http://%%BACKEND%%;
        }

        location = /short {
            tradesec_login account=json:/user success=cookie:sid counter=c;
            tradesec_login_lock 1s 2s;
            proxy_pass http://%%BACKEND%%;
        }

        location = /window {
            tradesec_login account=json:/user success=cookie:sid counter=d;
            tradesec_login_lock off;
            tradesec_login_limit window=2s;
            proxy_pass http://%%BACKEND%%;
        }

        location = /accounts {
            tradesec_login account=json:/user success=cookie:sid counter=e;
            tradesec_login_limit accounts=4;
            proxy_pass http://%%BACKEND%%;
        }

        location = /dry {
            tradesec_login account=json:/user success=cookie:sid counter=f;
            tradesec_dry_run login;
            proxy_pass http://%%BACKEND%%;
        }

        location = /networks {
            tradesec_login account=json:/user success=cookie:sid counter=g;
            tradesec_login_limit pair=100 account=100 address=10 prefix56=20
                                 prefix48=30 accounts=0;
            proxy_pass http://%%BACKEND%%;
        }

        location ~* "^/api/login(?![a-z0-9_-])" {
            tradesec_login account=json:/user success=cookie:sid counter=i;
            proxy_pass http://%%BACKEND%%;
        }

        location = /basic {
            tradesec_login account=basic success=status:200 counter=h;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;
my $client  = '192.0.2.1';

sub attempt {
    my ($path, $user, $password, %opt) = @_;

    my $body = $opt{form} ? "user=$user&password=$password"
        : { user => $user, password => $password };

    return $t->post($path, $body, 'X-Client' => $opt{from} // $client);
}

# How many of n wrong passwords reach the backend.

sub reached {
    my ($n, @attempt) = @_;

    $backend->clear;
    my @last = map { attempt(@attempt) } 1 .. $n;

    return ($backend->count, $last[-1]);
}

sub refused {
    my ($r, $reason, $retry, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 429, "$title: 429");
    $t->logged(qr/guard "login", reason: "$reason"/, "$title: $reason");
    like($r->header('Retry-After') // '', qr/^(?:$retry)$/,
        "$title: Retry-After");
    $t->clear_logs;
}

# the pair: five failures lock it

my ($n, $r) = reached(9, '/login', 'alice', 'wrong');
is($n, 5, 'five wrong passwords reach the backend');
refused($r, 'login_locked', '60|59|5\d', 'the pair is locked');
is($r->header('Cache-Control'), 'no-store', 'not cached');

$r = attempt('/login', 'alice', 'right');
is($r->status, 429, 'locked for the right password too');

my $unknown = (reached(6, '/login', 'nobody', 'wrong'))[1];
is($unknown->status, 429, 'an account that does not exist is locked as well');
is_deeply(
    [ map { $_ =~ s/\d{2}$/NN/r } grep {defined} $unknown->header('Retry-After') ],
    [ map { $_ =~ s/\d{2}$/NN/r } grep {defined} $r->header('Retry-After') ],
    'nothing tells a known account from an unknown one');
is_deeply([ sort map { lc $_->[0] } $unknown->fields ],
    [ sort map { lc $_->[0] } $r->fields ], 'the same fields');

is(attempt('/login', 'bob', 'right')->status, 200,
    'another account at the same address gets in');
is(attempt('/login', 'alice', 'right', from => '192.0.2.2')->status, 200,
    'the owner at another address gets in');

# spellings of one account

$backend->clear;
$t->post('/login', qq({"user":"$_"}), 'X-Client' => $client,
    'Content-Type' => 'application/json')
    for 'carol', 'CAROL', ' carol ', 'c\u00e1rol', 'ca\u200brol',
    "\xef\xbd\x83arol", 'caRol';
is($backend->count, 5, 'spellings of an account are one account');

# and those that the collations of databases take for one another

$backend->clear;
$t->post('/login', qq({"user":"$_"}), 'X-Client' => $client,
    'Content-Type' => 'application/json')
    for 'lola1', 'l\u00f8la1', '\u0142ola1', 'lola\u0661', 'lo\u1ddda1',
    'L\u00d8\u0141A\u0967', 'lol\u0363\u06f1';
is($backend->count, 5, 'so are these');

# success

for my $round (1 .. 3) {
    ($n) = reached(4, '/login', 'dora', 'wrong');
    is($n, 4, "four wrong ones, round $round");
    is(attempt('/login', 'dora', 'right')->status, 200,
        'a right one clears the count');
}

# one counter for two ways in

($n) = reached(3, '/login', 'erin', 'wrong');
($n) = reached(9, '/shared', 'erin', 'wrong', form => 1);
is($n, 2, 'two locations with one counter count together');
($n) = reached(9, '/own', 'erin', 'wrong');
is($n, 5, 'a counter of its own counts apart');

# the account, from many addresses; no lock, a window

$backend->clear;
attempt('/window', 'frank', 'wrong', from => "198.51.100.$_") for 1 .. 24;
is($backend->count, 20, 'twenty wrong ones from twenty-four addresses');
$r = attempt('/window', 'frank', 'right', from => '203.0.113.1');
refused($r, 'login_account_limit', '[12]', 'the account');

ok(wait_until(sub {
    attempt('/window', 'frank', 'right', from => '203.0.113.1')->status == 200
}, 6), 'the window slides on');

# the pair without a lock

sleep 3;
($n, $r) = reached(9, '/window', 'gina', 'wrong');
is($n, 5, 'without a lock the limit holds');
refused($r, 'login_pair_limit', '[12]', 'the pair');

# the address, over many accounts

$backend->clear;
my $from = '198.51.100.77';
attempt('/login', 'user' . $_ % 10, 'wrong', from => $from) for 0 .. 59;
is($backend->count, 50, 'fifty wrong ones from one address');
$r = attempt('/login', 'victim', 'right', from => $from);
refused($r, 'login_address_limit', '8\d\d|900', 'the address');

# its flood at one account left that account's budget untouched

attempt('/login', 'victim', 'wrong', from => $from) for 1 .. 30;
$backend->clear;
attempt('/login', 'victim', 'wrong', from => "198.51.100.$_") for 1 .. 24;
is($backend->count, 20, 'a flood from a blocked address costs a victim nothing');

# spraying

$backend->clear;
attempt('/accounts', "spray$_", 'wrong') for 1 .. 9;
is($backend->count, 4, 'four accounts from one address');
$r = attempt('/accounts', 'spray5', 'right');
refused($r, 'login_address_accounts', '8\d\d|900', 'a fifth account');
is(attempt('/accounts', 'spray1', 'right')->status, 200,
    'one of the four may still log in');
is(attempt('/accounts', 'spray5', 'right')->status, 429,
    'but the address does not forget its failures for that');

# a lock ends, and the next is longer

($n, $r) = reached(6, '/short', 'heidi', 'wrong');
is($r->header('Retry-After'), 1, 'the first lock');
ok(wait_until(sub { attempt('/short', 'heidi', 'wrong')->status == 401 }, 4),
    'it ends');
($n, $r) = reached(9, '/short', 'heidi', 'wrong');
is($n, 4, 'five more attempts');
is($r->header('Retry-After'), 2, 'the second lock is longer');

# IPv6 by its networks

sub networks {
    my ($n, $address) = @_;

    $backend->clear;
    for my $i (1 .. $n) {
        my $from = $address =~ s/%/sprintf '%x', $i/er;
        attempt('/networks', 'ivan', 'wrong', from => $from);
    }

    return $backend->count;
}

is(networks(15, '2001:db8:0:0::%'),     10, 'a /64 is one address');
is(networks(15, '2001:db8:0:1:%::1'),   10, 'the next /64 has its own count');
is(networks(15, '2001:db8:0:2::%'),     0,  'but their /56 is full');
is(networks(15, '2001:db8:0:100::%'),   10, 'the next /56');
is(networks(15, '2001:db8:0:%00::1'),   0,  'but their /48 is full');
is(networks(5,  '2001:db8:1::%'),       5,  'the next /48');
is(networks(10, '::ffff:192.0.2.1'),    10, 'a mapped address');
is(networks(1,  '192.0.2.1'),           0,  'is the same without the mapping');

# of addresses in turn, a worker remembers the keys at one place

my @turns = ('192.0.2.77', '192.0.3.77', '198.51.100.13', '2001:db8:5:4d::',
             '2001:db8:6:4d::', '2001:db8:6:d::', '::ffff:203.0.113.77');

is(turns(9),  9 * @turns, 'addresses in turn have a count each');
is(turns(2),  @turns,     '... each to its end');
is(turns(1),  0,          '... and no further');
is(turns(1, '/own'), @turns, '... by name of the counter');

sub turns {
    my ($n, $uri) = @_;

    $backend->clear;
    for (1 .. $n) {
        attempt($uri // '/networks', 'turn', 'wrong', from => $_) for @turns;
    }

    return $backend->count;
}

# spellings of the path: those that nginx takes for one, and those that only
# the backend does, with the location of docs/directives.md

$backend->clear;
attempt($_, 'mallory', 'wrong') for '//login', '/./login', '/x/../login',
    '/%6cogin', '/login?a=b', '/login?', 'http://localhost/login', '//x/..//login';
is($backend->count, 5, 'spellings of the path are one location');

$backend->clear;
attempt($_, 'mallory', 'wrong') for '/api/login', '/API/LOGIN', '/api/login/',
    '/api/login;x=1', '/api/login%20', '/api/login.', '/api/login%09',
    '/api/login%5c', '/api/login%3fx', '/api/login%256c';
is($backend->count, 5, 'spellings of a tolerant backend');

$backend->clear;
attempt('/api/logins', 'mallory', 'wrong') for 1 .. 9;
is($backend->count, 9, 'another path is another path');

# not an attempt

$backend->clear;
$t->get('/login', 'X-Client' => $client) for 1 .. 20;
$t->head('/login', 'X-Client' => $client);
$t->request('OPTIONS', '/login', undef, 'X-Client' => $client);
is($backend->count, 22, 'GET, HEAD and OPTIONS are no attempts');

for my $method (qw(PUT PATCH DELETE)) {
    ok((grep { $_->status == 429 } map {
        $t->request($method, '/login', '{"user":"m' . $method . '"}',
            'Content-Type' => 'application/json', 'X-Client' => '192.0.2.9')
    } 1 .. 6), "$method is an attempt");
}

# Basic credentials count on every method

sub basic {
    my ($user, $password) = @_;

    return $t->get('/basic', 'X-Client' => '192.0.2.10',
        Authorization => 'Basic ' . encode_base64("$user:$password", ''),
        'X-Test-Answer' => $password eq 'right' ? 200 : 401);
}

$backend->clear;
basic('judy', "wrong$_") for 1 .. 9;
is($backend->count, 5, 'Basic: five guesses by GET');
is(basic('judy', 'right')->status, 429, 'Basic: locked');
is(basic('karl', 'right')->status, 200, 'Basic: another user');
is($t->get('/basic')->status, 401, 'Basic: without credentials no attempt');

# in a subrequest nobody would count them

sub asks {
    my ($uri, $user) = @_;

    return $t->get($uri, 'X-Client' => '192.0.2.11',
        Authorization => 'Basic ' . encode_base64("$user:wrong", ''));
}

$backend->clear;
is(asks('/asks', 'mary')->status, 403, 'auth_request cannot be an attempt');
is($backend->count, 0, '... and asks nobody');
$t->logged(qr/by guard "login", reason: "subrequest_policy"/, '... logged');
is($t->get('/asks')->status, 401, '... without credentials it is none');

$t->post('/mirrored', 'user=mary&password=wrong',
    'Content-Type' => 'application/x-www-form-urlencoded');
$t->get('/mirrored');
ok(wait_until(sub { $backend->count('/copy-backend') == 1 }),
    'nor can a mirror, but of what is no attempt');
is(($backend->requests('/copy-backend'))[0]->method, 'GET', '... such as GET');

$backend->clear;
asks('/guarded', 'nora') for 1 .. 9;
is($backend->count('/auth-backend'), 5, 'the location around it counts');
is(asks('/guarded', 'nora')->status, 429, '... and locks');

# dry run

$t->clear_logs;
($n) = reached(9, '/dry', 'alice', 'wrong');
is($n, 9, 'dry run: all reach the backend');
$t->logged(qr/refused \(dry run\) by guard "login", reason: "login_locked"/,
    'dry run: the log says what would be refused');
is((grep {/REJECTED_DRY_RUN login_locked/} $t->access_log(9)), 4,
    'dry run: four of nine');

# what the log has of an account

$t->never_logged('alice', 'frank', 'wrong', 'right');
$t->check_logs;

$t->clear_logs;
reached(5, '/login', 'liam', 'wrong');
$t->logged(qr/login locked for 60 seconds, counter: "a", account: [0-9a-f]{8} /,
    'a lock is logged');
$t->not_logged(qr/liam/, 'without the account');

done_testing();
