#!/usr/bin/perl

# Operators list, look up and clear what the login guard has counted, with a
# request or with the tool.

use v5.30;
use warnings;

use JSON::PP ();
use Test::More;

use Tradesec::Test qw(config_refused wait_until);


my $t = Tradesec::Test->new(
    backend => { '*' => 401 },
    http    => <<~'CONF',
        tradesec_zone zone=tradesec:4m state=%%DIR%%/state;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location = /login {
            tradesec_login account=form:u success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location = /otp {
            tradesec_login account=form:u success=status:200 counter=otp;
            tradesec_login_lock 1s permanent;
            proxy_pass http://%%BACKEND%%;
        }

        location = /locks {
            tradesec_login_locks;
        }

        location = /guarded {
            allow 192.0.2.99;
            deny  all;
            tradesec_login_locks;
        }
    CONF

my $JSON = JSON::PP->new;
my $FORM = 'application/x-www-form-urlencoded';

sub guess {
    my ($user, $from, $path) = @_;

    return $t->post($path // '/login', "u=$user", 'Content-Type' => $FORM,
        'X-Client' => $from // '192.0.2.1');
}

sub passed {
    my ($n, @guess) = @_;

    return scalar grep { guess(@guess)->status == 401 } 1 .. $n;
}

sub ask {
    my ($method, $query) = @_;

    my $r = $t->request($method, "/locks$query", undef);

    is($r->status, 200, "$method /locks$query");
    is($r->header('Cache-Control'), 'no-store', '... is not stored');

    return $JSON->decode($r->body);
}

# nothing yet

is_deeply(ask(GET => ''), { locks => [], store => 'local', next => undef },
    'no locks');
my $view = ask(GET => '?account=nobody&address=192.0.2.1');
is($view->{pair}{locked}, JSON::PP::false, 'nobody is not locked');

# a lock in all its views

is(passed(6, 'bob'), 5, 'bob is locked');
is(passed(6, 'bob', '192.0.2.2'), 5, '... at another address, too');
passed(3, 'alice');

my $list = ask(GET => '');
is(scalar @{ $list->{locks} }, 2, 'two locks are listed');
like($list->{locks}[0]{key}, qr/^[0-9a-f]{32}$/, '... by a key');
cmp_ok($list->{locks}[0]{seconds}, '<=', 60, '... with the time left');
is($list->{locks}[0]{level}, 1, '... and the level');

my $text = $t->get('/locks')->body;
unlike($text, qr/bob|192\.0/, 'nobody is named');

$view = ask(GET => '?account=BOB&address=192.0.2.1');
is($view->{pair}{locked}, JSON::PP::true, 'the pair is locked');
is($view->{account}{failed}, 10, 'the account failed ten times');
is($view->{address}{failed}, 8, 'the address eight times');
ok((grep { $_->{key} eq $view->{pair}{key} } @{ $list->{locks} }),
    'the key is that of the list');

is(ask(GET => "?key=$view->{pair}{key}")->{counter}{locked}, JSON::PP::true,
    'the key is looked up as well');
is(ask(GET => '?account=alice')->{account}{failed}, 3, 'alice has failed');
is_deeply([ sort keys %{ ask(GET => '?address=2001:db8::1') } ],
    [qw(address prefix48 prefix56 store)], 'counters of IPv6');

# clearing: a pair, a key, all of an account, all of an address

$t->clear_logs;
is_deeply(ask(DELETE => '?account=bob&address=192.0.2.1'), { unlocked => 1, store => 'local' },
    'the pair is unlocked');
$t->logged(qr/login unlocked by an operator, locks: 1, counter: "login", by: pair, key: $view->{pair}{key}/,
    '... as the log says');
is(passed(1, 'bob'), 1, '... and bob is let in');
is(guess('bob', '192.0.2.2')->status, 429, '... here, not there');
is_deeply(ask(DELETE => '?account=bob&address=192.0.2.1'), { unlocked => 0, store => 'local' },
    'it is no lock any more');

my ($key) = map { $_->{key} } @{ ask(GET => '')->{locks} };
is_deeply(ask(DELETE => "?key=$key"), { unlocked => 1, store => 'local' }, 'a lock by its key');
is(passed(1, 'bob', '192.0.2.2'), 1, '... is gone');

passed(6, 'carol', "192.0.2.$_") for 10 .. 12;
passed(6, 'dora',  '192.0.2.10');
is_deeply(ask(DELETE => '?account=%43arol'), { unlocked => 3, store => 'local' },
    'all locks of an account');
is(passed(1, 'carol', "192.0.2.$_"), 1, "... at address $_") for 10 .. 12;
is(ask(GET => '?account=carol')->{account}{failed}, 3,
    '... and its failures');
is(guess('dora', '192.0.2.10')->status, 429, 'others stay locked');

passed(6, "many$_", '192.0.2.40') for 1 .. 4;
is_deeply(ask(DELETE => '?address=192.0.2.40'), { unlocked => 4, store => 'local' },
    'all locks of an address');

# counters of another name, and locks without end

is(passed(6, 'bob', '192.0.2.50', '/otp'), 5, 'a lock without end');
$view = ask(GET => '?account=bob&address=192.0.2.50&counter=otp');
is($view->{pair}{locked},  JSON::PP::true, '... is one');
is($view->{pair}{seconds}, undef,          '... and never ends');
is(ask(GET => '?account=bob&address=192.0.2.50')->{pair}{locked},
    JSON::PP::false, 'not under the other name');
ok(wait_until(sub { $t->read_file('state') =~ / 4294967295 /m }),
    'it is in the state file');
is_deeply(ask(DELETE => '?account=bob&address=192.0.2.50&counter=otp'),
    { unlocked => 1, store => 'local' }, 'an operator ends it');
ok(wait_until(sub { $t->read_file('state') !~ / 4294967295 /m }),
    'and the state file forgets it');
$t->restart;
is(passed(1, 'bob', '192.0.2.50', '/otp'), 1, '... over a restart');

# many locks come in pages

passed(6, "user$_", '192.0.3.' . ($_ % 250)) for 1 .. 300;
$list = ask(GET => '');
is(scalar @{ $list->{locks} }, 256, 'a page');
ok($list->{next}, '... with what comes next');
my $rest = ask(GET => "?cursor=$list->{next}");
cmp_ok(scalar @{ $rest->{locks} }, '>=', 44, 'the rest');
is($rest->{next}, undef, '... is the last');

# what is not meant

for my $query ('?account=', '?address=x', '?address=1.2.3', '?key=12',
    '?key=' . 'g' x 32, "?key=$key&account=bob", '?cursor=x', '?cursor=-1')
{
    is($t->get("/locks$query")->status, 400, "GET $query");
}

is($t->request(DELETE => '/locks', undef)->status, 400,
    'not everything is cleared at once');
is($t->request(DELETE => '/locks?counter=login', undef)->status, 400,
    '... nor by its name');
is($t->post('/locks?account=bob', '')->status, 405, 'POST');
is($t->get('/locks?cursor=2000000000')->status, 200, 'a cursor far behind');
is($t->get('/guarded')->status, 403, 'the location decides who may');
is($t->get('/guarded', 'X-Client' => '192.0.2.99')->status, 200,
    '... and who may not');

# the tool

$ENV{TRADESEC_LOCKS} = 'http://127.0.0.1:' . $t->port . '/locks';
my $tool = "$ENV{PWD}/tools/login-locks";
$tool = 'tools/login-locks' unless -x $tool;

my @lines = qx($tool list);
is($?, 0, 'the tool lists');
cmp_ok(scalar @lines, '>=', 300, '... all locks');
is((grep { !/^\{"key":"[0-9a-f]{32}","seconds":\d+,"level":\d+\}$/ } @lines),
    0, '... a line each');
like(qx($tool show --account user1 --address 192.0.3.1),
    qr/"pair":\{.*"locked":true/, 'it looks up');
is(qx($tool clear --account user1 --address 192.0.3.1), qq({"unlocked":1,"store":"local"}\n),
    'it clears');
is(qx($tool clear --account user1 --address 192.0.3.1), qq({"unlocked":0,"store":"local"}\n),
    '... once');
system "$tool clear 2>/dev/null";
is($? >> 8, 2, 'it clears nothing without a name');

config_refused('location /x { tradesec_login_locks; }',
    qr/"tradesec_login" counts in shared memory/, 'no zone');

done_testing();
