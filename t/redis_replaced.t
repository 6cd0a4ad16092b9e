#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Another Redis takes the place of the one that was: a replica that is
# promoted in the middle of a guess, with the last writes or without, and one
# that has to load its data first.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Backend;
use Tradesec::Test::Gateway qw(connected gateway guess key_of);
use Tradesec::Test::Redis;


# The backend thinks about a guess for as long as the file is there.

my $dir  = File::Temp->newdir('tradesec-replaced-XXXXXX', TMPDIR => 1);
my $hold = "$dir/hold";

chmod 0755, $dir;

my $backend = Tradesec::Test::Backend->new(answers => sub {
    my ($request) = @_;

    return $request->body =~ /right/
        ? { headers => [ 'Set-Cookie' => 'sid=1' ] }
        : $request->body =~ /long/ ? { held => $hold, status => 401 }
        :                            { status => 401 };
});

# The gateway's Redis is whom this name leads to.

sub promote {
    my ($redis) = @_;

    symlink $redis->socket, "$dir/new" or die "symlink: $!";
    rename "$dir/new", "$dir/redis" or die "rename: $!";
}

sub judged_by {
    my ($t, $home, $title) = @_;

    state $n = 0;

    return ok(wait_until(sub {
        $n++;
        return guess($t, "judge$n", 'right', "198.51.100.$n")->status == 200
            && ($t->access_log($n))[-1] =~ /^200  \[$home\]/;
    }, 30), $title);
}

my $tcp     = '127.0.0.1';
my @quickly = (conf => [ '--repl-diskless-sync-delay', 0 ]);
my $first   = Tradesec::Test::Redis->new(@quickly);
my $second  = Tradesec::Test::Redis->new(@quickly);
my @primary = (REPLICAOF => $tcp, $first->port);

sub replicate {
    $second->command(@primary);

    return ok(wait_until(sub {
        $second->command('INFO') =~ /master_link_status:up/
            && $second->command('INFO') =~ /master_sync_in_progress:0/;
    }, 30), 'there is a replica');
}

# The replica has all that the primary was told so far: so many scripts.

sub replicated {
    my ($redis, $scripts) = @_;

    return ok(wait_until(sub {
        my ($calls) = $redis->command(INFO => 'commandstats')
            =~ /cmdstat_evalsha:calls=(\d+)/;

        return ($calls // 0) >= $scripts
            && $redis->command(SET => 'written', 1) eq 'OK'
            && $redis->command(WAIT => 1, 1000) == 1;
    }, 30), 'the replica has all of it');
}

replicate();
promote($first);

my $t = gateway($first, backend => $backend, workers => 1,
    url => "unix:$dir/redis timeout=10s");

ok(connected($first, $t), 'connected');

# the backend is asked, the primary dies, the replica hears of the outcome

open my $file, '>', $hold or die "$hold: $!";
close $file;

is(guess($t, 'alice', "wrong$_")->status, 401, "guess $_") for 1 .. 3;

my @long = map {
    my $c = $t->client(timeout => 60)->connect;
    $c->write($t->client->format(POST => '/login',
        { user => 'alice', password => "long$_" }, 'X-Client' => '192.0.2.1'));
    $c;
} 1 .. 2;

ok(wait_until(sub { $backend->count == 5 }, 30), 'two more are under way');
replicated($first, 5 + 3);

$first->stop;
$second->command(qw(REPLICAOF NO ONE));
promote($second);

ok(connected($second, $t), 'the replica takes over');
is(guess($t, 'alice', 'right')->status, 429,
    'a sixth guess is refused: the five are known there');

unlink $hold;
is($_->response->status, 401, 'what was under way is answered') for @long;

my $r;
ok(wait_until(sub {
    $r = guess($t, 'alice', 'right');
    return $r->status == 429 && $r->header('Retry-After') > 1;
}, 30), 'and their outcome has locked alice there');
is(guess($t, 'bob', 'right')->status, 200, 'others log in');

# the replica has not seen the last writes: so many more, and no further

$first->start;
@primary = (REPLICAOF => $tcp, $second->port);
$first->command(@primary);
ok(wait_until(sub {
    $first->command('INFO') =~ /master_link_status:up/
}, 30), 'the other one is the replica now');

$second->command(qw(CONFIG RESETSTAT));
is(guess($t, 'carol', "wrong$_", '192.0.2.3')->status, 401, "guess $_")
    for 1 .. 2;
replicated($second, 4);

$first->command(qw(REPLICAOF NO ONE));

is(guess($t, 'carol', "wrong$_", '192.0.2.3')->status, 401,
    "guess $_, of which it does not") for 3 .. 4;

$second->stop;
promote($first);
ok(connected($first, $t), 'it takes over');

my @status = map { guess($t, 'carol', "more$_", '192.0.2.3')->status } 1 .. 6;
is("@status", '401 401 401 429 429 429',
    'two were lost: two more than the limit pass, then she is locked');

# one that is asked and dies: the gateway goes on alone, and hands it in

$second->start;
$second->command(REPLICAOF => $tcp, $first->port);
ok(wait_until(sub {
    $second->command('INFO') =~ /master_link_status:up/
}, 30), 'a replica again');

$first->command(qw(CONFIG RESETSTAT));
is(guess($t, 'dave', "wrong$_", '192.0.2.4')->status, 401, "guess $_")
    for 1 .. 2;
replicated($first, 4);

$first->freeze;

my $c = $t->client(timeout => 60)->connect;
$c->write($t->client->format(POST => '/login',
    { user => 'dave', password => 'wrong3' }, 'X-Client' => '192.0.2.4'));
ok(!defined $c->try_response, 'the third is asked for');
$first->stop;

is($c->response->status, 401, 'and judged here when the primary dies');
is(guess($t, 'dave', 'wrong4', '192.0.2.4')->status, 401, 'as is the fourth');

$_->close for $c, @long;

$second->command(qw(REPLICAOF NO ONE));
promote($second);
ok(connected($second, $t), 'the replica takes over');
$t->logged(qr/redis was told \d+ login events of this worker/, 'and is told');

is(guess($t, 'dave', 'wrong5', '192.0.2.4')->status, 401, 'guess 5');
is(guess($t, 'dave', 'right', '192.0.2.4')->status, 429, 'none is forgotten');

undef $t;

# a server that loads

my $slow = Tradesec::Test::Redis->new;

$t = gateway($slow, backend => $backend, workers => 1);
ok(connected($slow, $t), 'connected');

is(guess($t, 'erin', "wrong$_", '192.0.2.5')->status, 401, "guess $_")
    for 1 .. 5;

$slow->command(EVAL => <<'LUA', 0);
for i = 1, 2000 do redis.call('SET', 'filler' .. i, string.rep('x', 2000)) end
LUA

is($slow->command('SAVE'), 'OK', 'saved');
$slow->stop;
$t->clear_logs;

# each key takes two milliseconds, and it answers between them

$slow->start('--key-load-delay', 2000,
    '--loading-process-events-interval-bytes', 1024);

judged_by($t, 'local', 'while it loads this gateway judges');
is(guess($t, 'erin', 'right', '192.0.2.5')->status, 429, 'by what it knows');
$t->logged(qr/redis "unix:\S+" is away: .*LOADING/, 'the log says LOADING');

judged_by($t, 'redis', 'when it has loaded, Redis judges');
is(guess($t, 'erin', 'right', '192.0.2.5')->status, 429,
    'and has the lock of before');

done_testing();
