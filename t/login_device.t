#!/usr/bin/perl

# The owner's own browser gets in while strangers try her account from many
# addresses; its cookie buys nothing else.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test);


my $NAME = '__Host-tradesec_device';

sub answer {
    my ($request) = @_;

    return $request->body =~ /right/
        ? { headers => [ 'Set-Cookie' => 'sid=1; HttpOnly' ] }
        : { status => 401 };
}

my $http = <<~'CONF';
    tradesec_zone zone=tradesec:4m;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Client;
    CONF

my $t = Tradesec::Test->new(
    backend => \&answer,
    tls     => 1,
    http    => $http,
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_login_device on;

        location = /login {
            tradesec_login account=json:/user success=cookie:sid;
            proxy_pass http://%%BACKEND%%;
        }

        location = /password {
            tradesec_login account=json:/user success=cookie:sid;
            tradesec_login_device accept;
            proxy_pass http://%%BACKEND%%;
        }

        location = /admin {
            tradesec_login account=json:/user success=cookie:sid counter=admin;
            proxy_pass http://%%BACKEND%%;
        }

        location = /off {
            tradesec_login account=json:/user success=cookie:sid;
            tradesec_login_device off;
            proxy_pass http://%%BACKEND%%;
        }

        location = /short {
            tradesec_login account=json:/user success=cookie:sid counter=s;
            tradesec_login_device on name=short lifetime=2s;
            proxy_pass http://%%BACKEND%%;
        }

        location = /plain { return 204; }
    CONF

my $backend = $t->backend;

sub login {
    my ($user, $password, $from, $cookie, $path) = @_;

    return $t->post($path // '/login', { user => $user, password => $password },
        'X-Client' => $from, defined $cookie ? (Cookie => $cookie) : ());
}

sub device {
    my ($response, $name) = @_;

    $name //= $NAME;

    my ($pair) = map {/^(\Q$name\E=[^;]+)/} $response->headers('Set-Cookie');

    return $pair;
}

# what an attack on the account looks like: 20 failures, each from elsewhere

my $stranger = 0;

sub attack {
    my ($user, $path) = @_;

    $stranger++;
    login($user, 'wrong', "203.0.$stranger.$_", undef, $path) for 1 .. 20;
}

# the cookie

my $r = login('alice', 'right', '192.0.2.1');
my $alice = device($r);

is($r->status, 200, 'alice logs in');
like($alice, qr/^\Q$NAME\E=[\w-]{75}$/, 'and her browser gets a cookie');

my ($line) = grep {/^\Q$NAME/} $r->headers('Set-Cookie');
like($line,
    qr/; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=7776000$/,
    'for this host, its requests and 90 days');
is(scalar(grep {/^sid=1/} $r->headers('Set-Cookie')), 1,
    'beside that of the backend');
unlike($line, qr/alice/, 'it does not name the account');

is(device(login('alice', 'wrong', '192.0.2.1')), undef,
    'none for a wrong password');
is(device(login('alice', 'right', '192.0.2.1', $alice)), undef,
    'no new one while it is fresh');

# strangers try her account

attack('alice');

is(login('alice', 'right', '198.51.100.1')->status, 429,
    'attacked: the account is refused to a browser that nobody knows');
is(login('alice', 'right', '192.0.2.1', $alice)->status, 200,
    'and open to hers');
is(login('alice', 'right', '198.51.100.2', $alice)->status, 200,
    'from another address too');
is(login('alice', 'right', '192.0.2.1', "a=b; $alice; c=d")->status, 200,
    'among other cookies');
is(login('ALICE ', 'right', '192.0.2.1', $alice)->status, 200,
    'in another spelling of her name');

# who uses up the pair of her own address does not lock her out either

login('alice', 'wrong', '192.0.2.1') for 1 .. 6;
is(login('alice', 'right', '192.0.2.1', $alice)->status, 200,
    'behind the same address');

# it buys nothing else

attack('bob');
is(login('bob', 'right', '192.0.2.1', $alice)->status, 429,
    'no other account');
is(login('alice', 'right', '192.0.2.1', $alice, '/off')->status, 429,
    'nothing where it is off');

attack('alice', '/admin');
is(login('alice', 'right', '192.0.2.1', $alice, '/admin')->status, 429,
    'nothing at another counter');

for my $forged (
    $alice =~ s/.$/A/r, $alice =~ s/=./=_/r, "$alice.", "$alice; $alice",
    "\U$alice", $alice =~ s/=.*/=/r, "$NAME=" . 'A' x 75, "x$alice",
    "a=b, $alice")
{
    next if $forged eq $alice;
    is(login('alice', 'right', '192.0.2.77', $forged)->status, 429,
        'not as ' . substr $forged, 0, 40);
}

# a thief of it has no more guesses than one at a single address

$backend->clear;
my @guesses = map { login('alice', "guess$_", '192.0.2.9', $alice)->status }
    1 .. 12;
is($backend->count, 5, 'five guesses, then its browser is locked there');
is($guesses[5], 429, 'as any other');

login('alice', "guess$_", "192.0.2.1$_", $alice) for 1 .. 40;
is($backend->count, 20, 'and twenty from all addresses');

# however many cookies there are

my @cookies = map { device(login('carol', 'right', "192.0.2.$_")) } 1 .. 30;
is(scalar(keys %{ { map { $_ => 1 } @cookies } }), 30, 'thirty browsers');

$backend->clear;
login('carol', 'guess', "198.51.100.$_", $cookies[$_]) for 0 .. 29;
is($backend->count, 20, 'have twenty guesses together');

# the address is never waived

$r = login('dave', 'right', '192.0.2.200');
my $dave = device($r);
login("user$_", 'wrong', '192.0.2.200') for 1 .. 10;
is(login('dave', 'right', '192.0.2.200', $dave)->status, 429,
    'ten accounts failed at this address: not even with the cookie');
is(login('dave', 'right', '192.0.2.201', $dave)->status, 200,
    'from another one');

# where a second factor completes the login

is(device(login('erin', 'right', '192.0.2.2', undef, '/password')), undef,
    'accept gives none');
my $erin = device(login('erin', 'right', '192.0.2.2'));
attack('erin');
is(login('erin', 'right', '192.0.2.2', $erin, '/password')->status, 200,
    'and takes that of the location behind it');

# its end

$r = login('finn', 'right', '192.0.2.3', undef, '/short');
my $short = device($r, 'short');
like($short, qr/^short=/, 'a name of its own');

my ($new) = (undef);
Tradesec::Test::wait_until(sub {
    $new = device(login('finn', 'right', '192.0.2.3', $short, '/short'),
        'short');
}, 10);
like($new, qr/^short=/, 'renewed in the second half of its life');

attack('finn', '/short');
my $status;
Tradesec::Test::wait_until(sub {
    $status = login('finn', 'right', '192.0.2.4', $short, '/short')->status;
    $status == 429;
}, 10);
is($status, 429, 'worth nothing behind its end');

# over a reload

ok($t->reload, 'reload');
is(login('alice', 'right', '198.51.100.9')->status, 429, 'still attacked');
is(login('erin', 'right', '192.0.2.2', $erin)->status, 200, 'still known');

# without TLS nobody gets one

my $plain = Tradesec::Test->new(
    backend => $backend,
    http    => $http,
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_login_device on;

        location = /login {
            tradesec_login account=json:/user success=cookie:sid;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

is(device($plain->post('/login', { user => 'a', password => 'right' })),
    undef, 'none without TLS');

# mistakes

sub conf {
    my ($device, $login) = @_;

    $login //= 'account=json:/user success=cookie:sid';

    return {
        http   => 'tradesec_zone zone=tradesec:1m;',
        server => <<~"CONF",
            tradesec on;
            location = /login {
                tradesec_login $login;
                $device
                proxy_ignore_client_abort on;
                proxy_pass http://127.0.0.1:9;
            }
        CONF
    };
}

config_accepted(conf('tradesec_login_device on name=dev lifetime=1y;'), 'all');
config_refused(conf('tradesec_login_device onn;'),
    qr/"onn" in "tradesec_login_device", did you mean "on"/, 'a misspelling');
config_refused(conf('tradesec_login_device on lifetime=2y;'),
    qr/invalid parameter "lifetime=2y"/, 'longer than browsers keep it');
config_refused(conf('tradesec_login_device on name=a=b;'),
    qr/invalid parameter "name=a=b"/, 'no name of a cookie');
config_refused(conf('tradesec_login_device on; tradesec_login_device off;'),
    qr/is duplicate/, 'twice');

my (undef, $text) = config_test(
    %{ conf('tradesec_login_device on;', 'account=json:/user') });
like($text, qr/gives no browser a cookie where .* has no "success="/,
    'a warning where no success is known');

done_testing();
