#!/usr/bin/perl

# The shapes of counting: guesses from many addresses, locks that have no end
# or begin anew, who is not counted, and spellings of one mailbox.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test wait_until);


my $t = Tradesec::Test->new(
    backend    => { '*' => 401 },
    access_log => '$uri $status $tradesec_status $tradesec_reason',
    http       => <<~'CONF',
        tradesec_zone zone=tradesec:4m state=%%DIR%%/state;

        # the client's address, for tests with many of them
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;

        map $http_x_office $office { secret 1; zero 0; default ""; }
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location = /addresses {
            tradesec_login account=form:u success=status:200 counter=a;
            tradesec_login_limit addresses=3 pair=2;
            proxy_pass http://%%BACKEND%%;
        }

        location = /permanent {
            tradesec_login account=form:u success=status:200 counter=b;
            tradesec_login_lock 1s 2s permanent;
            proxy_pass http://%%BACKEND%%;
        }

        location = /extend {
            tradesec_login account=form:u success=status:200 counter=c;
            tradesec_login_lock 4s extend;
            proxy_pass http://%%BACKEND%%;
        }

        location /office {
            tradesec_login_allow 192.0.2.0/28 2001:db8:1::/48 $office;

            location = /office/login {
                tradesec_login account=form:u success=status:200 counter=d;
                proxy_pass http://%%BACKEND%%;
            }

            location = /office/strict {
                tradesec_login account=form:u success=status:200 counter=e;
                tradesec_login_allow off;
                proxy_pass http://%%BACKEND%%;
            }
        }

        location = /mail {
            tradesec_login account=form:u success=status:200 counter=f
                email=plus,dots;
            proxy_pass http://%%BACKEND%%;
        }

        location = /plus {
            tradesec_login account=form:u success=status:200 counter=g
                email=plus;
            proxy_pass http://%%BACKEND%%;
        }

        location = /exact {
            tradesec_login account=form:u success=status:200 counter=h;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;
my $FORM    = 'application/x-www-form-urlencoded';

sub guess {
    my ($path, $user, $from, @fields) = @_;

    return $t->post($path, "u=$user", 'Content-Type' => $FORM,
        'X-Client' => $from // '198.51.100.1', @fields);
}

sub passed {
    my ($n, @guess) = @_;

    return scalar grep { guess(@guess)->status == 401 } 1 .. $n;
}

# one account from many addresses

is(passed(1, '/addresses', 'bob', "198.51.100.$_"), 1, "address $_")
    for 1 .. 3;

my $r = guess('/addresses', 'bob', '198.51.100.4');
is($r->status, 429, 'a fourth address is refused');
like($r->header('Retry-After'), qr/^(?:8\d\d|900)$/, '... for the window');
$t->logged(qr/guard "login", reason: "login_account_addresses"/,
    '... with its reason');
is(passed(1, '/addresses', 'bob', '198.51.100.2'), 1,
    'an address that is among them is not');
is(passed(1, '/addresses', 'alice', '198.51.100.4'), 1,
    'neither is another account');
is(passed(3, '/addresses', 'dora', '2001:db8::1'), 2, 'IPv6');
is(passed(3, '/addresses', 'dora', '2001:db8::2'), 0,
    '... of one network is one address');

# parallel guesses from many addresses

$backend->clear;
my @all = $t->client->parallel(map {
    $t->client->format(POST => '/addresses', 'u=carol',
        'Content-Type' => $FORM, 'X-Client' => "203.0.113.$_")
} 1 .. 50);
is($backend->count, 3, 'of 50 at once three reach the backend');

# locks without end

is(passed(6, '/permanent', 'bob'), 5, 'a first lock');
is(guess('/permanent', 'bob')->header('Retry-After'), 1, '... ends');
sleep 2;
is(passed(6, '/permanent', 'bob'), 5, 'the second one');
$r = guess('/permanent', 'bob');
is($r->status, 429, '... is refused');
is($r->header('Retry-After'), undef, '... without saying until when');
$t->logged(qr/login locked for good, counter: "b"/, '... as the log says');
sleep 3;
is(guess('/permanent', 'bob')->status, 429, '... and does not end');
ok(wait_until(sub { $t->read_file('state') =~ /^lock \w+ \d+ 4294967295 /m }),
    '... and is in the state file');
$t->restart;
$r = guess('/permanent', 'bob');
is($r->status, 429, '... over a restart');
is($r->header('Retry-After'), undef, '... without end there as well');
is(passed(1, '/permanent', 'bob', '198.51.100.9'), 1,
    'his account is open from another address');

# what an attempt begins anew

is(passed(6, '/extend', 'bob'), 5, 'a lock of four seconds');
sleep 2;
is(guess('/extend', 'bob')->header('Retry-After'), 4,
    'begins anew with an attempt');
sleep 5;
is(passed(1, '/extend', 'bob'), 1, '... and ends without one');

# who is not counted

is(passed(20, '/office/login', 'bob', '192.0.2.15'), 20, 'network');
is(passed(20, '/office/login', 'bob', '192.0.2.16'), 5, 'beside it');
is(passed(20, '/office/login', 'bob', '2001:db8:1:ff::1'), 20, 'IPv6 network');
is(passed(20, '/office/login', 'bob', '2001:db8:2::1'), 5, 'beside it');
is(passed(20, '/office/login', 'al', '192.0.2.20', 'X-Office' => 'secret'), 20,
    'variable');
is(passed(20, '/office/login', 'al', '192.0.2.20', 'X-Office' => 'zero'), 5,
    'a variable of 0');
is(passed(20, '/office/login', 'al', '192.0.2.21', 'X-Office' => 'no'), 5,
    'an empty variable');
is(passed(20, '/office/strict', 'bob', '192.0.2.15'), 5, 'off');

# spellings of a mailbox

sub total {
    my ($path, @users) = @_;

    my $n = 0;

    for (1 .. 2) {
        $n += passed(1, $path, $_, '198.51.100.30') for @users;
    }

    return $n;
}

my @one = map { s/\@/%40/r =~ s/\+/%2b/r } qw(bob@x.test bob+1@x.test
    B.o.b@X.test bo.b+2@x.test .bob@x.test bob+1+2@x.test);

is(total('/mail', @one), 5, 'one mailbox has one budget');
is(total('/plus', @one), 5 + 3 * 2, 'without the rule of dots');
is(total('/exact', @one[0, 1, 2]), 6, 'without rules');

# the configuration

my $zone = 'tradesec_zone zone=tradesec:1m;';

sub tuned {
    my ($line, $more) = @_;

    return {
        http   => $zone,
        server => 'tradesec on; location = /login { tradesec_login '
            . 'account=form:u success=status:200 ' . ($more // '') . ";\n"
            . "$line\nproxy_pass http://127.0.0.1:1; }",
    };
}

config_accepted(tuned('tradesec_login_lock 1m 24h decay=1h permanent extend;
    tradesec_login_limit addresses=64;
    tradesec_login_allow 127.0.0.1 ::1 $ssl_client_verify;', 'email=dots'),
    'everything');
config_refused(tuned('tradesec_login_lock permanent;'),
    qr/invalid time "permanent".*"tradesec_login_lock 1m 24h/,
    'no first lock');
config_refused(tuned('tradesec_login_lock 1m extend extend;'),
    qr/is duplicate/, 'a flag twice');
config_refused(tuned('tradesec_login_lock 1m extended;'),
    qr/invalid time "extended"/, 'misspelt flag');
config_refused(tuned('tradesec_login_limit addresses=65;'),
    qr/invalid number "addresses=65".*write 0 to 64/, 'too many addresses');
config_refused(tuned('tradesec_login_allow 10.0.0.0/33;'),
    qr/invalid parameter "10\.0\.0\.0\/33" in "tradesec_login_allow"/,
    'no network');
config_refused(tuned('', 'email=plus email=dots'),
    qr/duplicate parameter "email=dots"/, 'rules twice');
config_refused(tuned('', 'email=minus'),
    qr/invalid parameter "email=minus".*"email=plus,dots"/, 'unknown rule');

my (undef, $said) = config_test(%{ tuned('tradesec_login_allow 0.0.0.0/0;') });
like($said, qr{"0\.0\.0\.0/0" in "tradesec_login_allow" is everybody},
    'everybody is warned of');
(undef, $said) = config_test(%{
    tuned('tradesec_login_allow $http_x_office;')
});
like($said, qr{"\$http_x_office" in "tradesec_login_allow" is what the client},
    'so is what clients send');

done_testing();
