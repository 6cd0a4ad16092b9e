#!/usr/bin/perl

# What the login guard has counted survives a reload, also with another size
# of the zone, and the death of a worker; locks survive a restart as well.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused wait_until);


my $server = <<~'CONF';
    tradesec on;
    tradesec_origin off;

    location / {
        tradesec_login account=json:/user success=status:200;
        proxy_pass http://%%BACKEND%%;
    }
    CONF

my $t = Tradesec::Test->new(
    backend => { '*' => 401 },
    http    => 'tradesec_zone zone=tradesec:2m;',
    server  => $server,
);

my $backend = $t->backend;

sub guess { return $t->post('/', { user => $_[0] }) }

sub reached {
    my ($user, $n) = @_;

    $backend->clear;
    guess($user) for 1 .. $n // 9;

    return $backend->count;
}

# reload

is(reached('alice'),     5, 'alice is locked');
is(reached('bob', 3),    3, 'bob has failed three times');

ok($t->reload, 'reload');
is(reached('alice'), 0, 'reload: the lock stays');
is(reached('bob'),   2, 'reload: the count stays');

ok($t->reload, 'reload again') for 1 .. 3;
is(reached('alice'), 0, 'three more reloads: the lock stays');

for my $size ('4m', '1m', '1028k', '512k', '8m') {
    reached("carol$size", 3);
    $t->configure(http => "tradesec_zone zone=tradesec:$size;");
    ok($t->reload, "reload with a zone of $size");
    is(reached('alice'),       0, "$size: the lock stays");
    is(reached("carol$size"),  2, "$size: the count stays");
}

ok($t->reload, 'reload with that size once more');
is(reached('alice'), 0, 'the lock stays');

$t->configure(http => 'tradesec_zone zone=other:8m;');
ok($t->reload, 'reload with a zone of another name');
is(reached('alice'), 5, 'is a fresh start');

# the requests of old workers count where new ones look

$t->configure(http => 'tradesec_zone zone=tradesec:2m;');
ok($t->reload, 'reload');
$backend->clear;

my @slow = map {
    my $c = $t->client->connect;
    $c->write($t->client->format(POST => '/', { user => 'dave' },
        'X-Test-Answer' => '{"delay":1,"status":401}'));
    $c;
} 1 .. 5;

ok(wait_until(sub { $backend->count == 5 }), 'five guesses in flight');
ok($t->reload, 'reload');
is(guess('dave')->status, 429, 'they are charged for the new workers too');
$_->response, $_->close for @slow;
like(guess('dave')->header('Retry-After'), qr/^(?:60|59|58)$/,
    'and lock when they fail');

# a reload that divides the zone anew

my $key = $t->write_file('key.txt', '0123456789abcdef' x 2);
my $provider = "tradesec_jwt_provider p { issuer https://a.test; audience a;
    algorithms HS256; secret_file $key; }";

reached('dave2', 3);
$t->configure(
    http   => "tradesec_zone zone=tradesec:2m; $provider",
    server => "$server location /api { tradesec_jwt p cookie=t; }",
);
ok($t->reload, 'reload with another user of the zone');
is(reached('dave'),  0, 'new division: the lock stays');
is(reached('dave2'), 2, 'new division: the count stays');
is($t->get('/api')->status, 401, 'and the new user of the zone works');

$t->configure(http => 'tradesec_zone zone=tradesec:2m;', server => $server);
ok($t->reload, 'reload without it');
is(reached('dave'), 0, 'the former division: the lock stays');

# a worker that dies

reached('erin', 5);
kill KILL => $t->workers;
$t->allow_logged(qr/exited on signal 9/);
ok(wait_until(sub { guess('erin')->status == 429 }), 'killed workers: locked');
is(reached('erin'), 0, 'killed workers: the lock stays');

# the state file

my $state = $t->dir . '/state';

$t->configure(http => 'tradesec_zone zone=tradesec:2m state=%%DIR%%/state;');
$t->restart;

is(reached('alice'),  5, 'alice is locked');
is(reached('bob', 3), 3, 'bob has failed three times');
ok(wait_until(sub { $t->read_file('state') =~ /^lock /m }),
    'the lock is in the file within seconds');

my $text = $t->read_file('state');
like($text, qr/\Atradesec-state 1\nkey login [0-9a-f]{32}\nlock [0-9a-f]{32} \d+ \d+ 1\nend\n\z/,
    'the file is text');
unlike($text, qr/alice|bob/, 'and names nobody');
is((stat $state)[2] & 07777, 0600, 'only its owner reads it');

my $before = (stat _)[1];
$t->run('-t');
is((stat $state)[1], $before, 'nginx -t does not write it');

$t->restart;
is(reached('alice'), 0, 'restart: the lock stays');
is(reached('bob'),   5, 'restart: counts start anew');
like(guess('alice')->header('Retry-After'), qr/^[1-5]?\d$|^60$/,
    'for the time that was left');

# a lock in the last moment before the end

$t->restart;
is(reached('carol'), 5, 'carol is locked');
$t->stop;
$t->start;
is(reached('carol'), 0, 'restart at once: the lock stays');

# the machine dies

is(reached('dora'), 5, 'dora is locked');
ok(wait_until(sub { 4 == (() = $t->read_file('state') =~ /^lock /mg) }),
    'four locks are in the file');
my @pids = ($t->pid, $t->workers);
kill KILL => @pids;
wait_until(sub { !grep { kill 0 => $_ } @pids[1 .. $#pids] });
$t->stop;
$t->start;
is(reached('dora'), 0, 'killed: the lock stays');

# a reload keeps the memory, not the file

is(reached('frank'), 5, 'frank is locked');
ok($t->reload, 'reload');
is(reached('frank'), 0, 'reload: the lock stays');
$t->configure(
    http => 'tradesec_zone zone=tradesec:4m state=%%DIR%%/state;');
ok($t->reload, 'reload with another size');
is(reached('frank'), 0, 'the lock stays');
is(reached('gina'),  5, 'gina is locked');
ok(wait_until(sub { 6 == (() = $t->read_file('state') =~ /^lock /mg) }),
    'the new workers keep the file');
is_deeply([ grep { !/state$/ } glob $t->dir . '/state*' ], [],
    'nothing is left beside it');

# a reload that fails leaves the file to the old workers

$t->configure(
    http => 'tradesec_zone zone=tradesec:2m state=%%DIR%%/state;
             server { listen 192.0.2.1:80; }');
ok(!$t->reload, 'reload with another size and an address that is not here');
$t->allow_logged(qr/\[emerg\].*bind\(\) to 192\.0\.2\.1:80 failed/);
is(reached('late'), 5, 'late is locked');
ok(wait_until(sub { 7 == (() = $t->read_file('state') =~ /^lock /mg) }),
    'the old workers keep the file');
$t->configure(
    http => 'tradesec_zone zone=tradesec:4m state=%%DIR%%/state;');

# what somebody has put in the way of the file

my ($victim, @temp) = ($t->write_file('victim', 'precious'),
    map {"$state.tmp.$_"} $t->workers);
symlink $victim, $_ or die "symlink: $!" for @temp;
is(reached('linked'), 5, 'linked is locked');
ok(wait_until(sub { 8 == (() = $t->read_file('state') =~ /^lock /mg) }),
    'the file is written');
is($t->read_file('victim'), 'precious', 'but not through a link');
ok(!-l $state, 'and is no link');
unlink @temp;

# a file that is not ours

sub start_with {
    my ($content) = @_;

    $t->stop;
    $t->clear_logs;
    $t->write_file('state', $content);
    $t->start;
}

my $good = $t->read_file('state');

start_with($good);
is(reached('gina'), 0, 'the file as it was');
start_with($good =~ s/end\n//r);
is(reached('gina'), 0, 'without its end: what is there counts');
$t->logged(qr/state file ".*" is damaged or larger than the zone: \d+ records read, 0 refused/,
    'and the log says so');
start_with("$good\nlock nonsense\n");
is(reached('gina'), 0, 'with a line of nonsense: the others count');
$t->logged(qr/is damaged.*: \d+ records read, 2 refused/, 'the log says so');
start_with(substr $good, 0, length($good) / 2);
$t->logged(qr/is damaged/, 'half a file: the log says so');
start_with("\0" x 100_000);
is(reached('gina'), 5, 'zeros: a fresh start');
$t->logged(qr/is damaged.*: 0 records/, 'the log says so');
start_with('');
is(reached('gina'), 5, 'an empty file: a fresh start');
start_with($good =~ s/^(lock \w+) \d+/$1 9999999999/mgr);
like(guess('gina')->header('Retry-After'), qr/^[1-6]?\d$/,
    'a time far away: no longer than was left');

# a zone that is full of locks

my $until = time + 3600;
my @locks = map { sprintf "lock %032x %d 3600 1\n", $_, $until } 1 .. 2000;

$t->configure(http => 'tradesec_zone zone=tradesec:128k state=%%DIR%%/state;');
start_with(join '', "tradesec-state 1\nkey login ", '0' x 32, "\n", @locks,
    "end\n");
$t->logged(qr/larger than the zone: \d{3} records read, \d{4} refused/,
    'more locks than there is room for');
my $r = guess('gina');
is($r->status, 503, 'login_zone_full: 503');
is($r->header('Retry-After'), 1, 'login_zone_full: Retry-After');
$t->logged(qr/reason: "login_zone_full"/, 'login_zone_full: logged');
is(reached('gina', 2), 0, 'nothing reaches the backend uncounted');

# what cannot be written is said, and nothing else happens

$t->stop;
$t->clear_logs;
unlink $state;
mkdir "$state-dir";
$t->configure(
    http => 'tradesec_zone zone=tradesec:2m state=%%DIR%%/state-dir/state;');
$t->start;
rmdir "$state-dir" or unlink glob "$state-dir/*" and rmdir "$state-dir";
is(reached('heidi'), 5, 'heidi is locked');
$t->logged(qr/\[crit\].*the state file is not written/,
    'the log says that the file is not written');
is(reached('heidi'), 0, 'heidi is still locked');

# configuration

my @conf = (server => 'location / { }');

config_refused({ @conf, http => 'tradesec_zone tradesec:1m;' },
    qr/invalid parameter "tradesec:1m" in "tradesec_zone", write "zone=name:size"/,
    'zone without zone=');
config_refused({ @conf, http => 'tradesec_zone zone=tradesec;' },
    qr/invalid zone "zone=tradesec"/, 'zone without a size');
config_refused({ @conf, http => 'tradesec_zone zone=tradesec:x;' },
    qr/invalid zone size "x"/, 'zone with a wrong size');
config_refused({ @conf, http => 'tradesec_zone zone=tradesec:8k;' },
    qr/"tradesec" is too small, write at least "zone=tradesec:128k"/,
    'zone too small');
config_refused({ @conf,
    http => 'tradesec_zone zone=a:1m; tradesec_zone zone=b:1m;' },
    qr/is duplicate/, 'two zones');
config_refused({ @conf, http => 'tradesec_zone zone=a:1m file=/tmp/x;' },
    qr/invalid parameter "file=\/tmp\/x".*write "state=file"/,
    'misspelt parameter');
config_refused({ @conf, http => 'tradesec_zone zone=a:1m state=/no/where/x;' },
    qr/there is no directory for the state file "\/no\/where\/x"/,
    'state file without a directory');
config_refused({ @conf, http => 'tradesec_zone zone=a:1m state=/tmp/;' },
    qr/it names no file/, 'a directory as state file');

done_testing();
