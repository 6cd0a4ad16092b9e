#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The binary of a gateway is upgraded as nginx does it: USR2 starts a new master
# beside the old one, WINCH ends the old workers, QUIT the old master, or HUP
# takes it back. In both homes no revocation is lost on the way, and none that
# comes meanwhile.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations qw(becomes fresh gateway is_stale logout order
    status);
use Tradesec::Test::Token qw(jwks);

# nginx looks for itself where its first argument says

my ($nginx) = $ENV{TRADESEC_NGINX} // grep {-x}
    map {"$_/nginx"} split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin';

plan skip_all => 'needs an nginx that can start itself anew'
    if !$nginx || $nginx !~ m{^/\S+$};

$ENV{TRADESEC_NGINX} = $nginx;

jwks();     # the keys, before there is another process

my %masters;

sub is_alive { return kill 0 => $_[0] }

END {
    my $code = $?;
    kill KILL => grep { is_alive($_) } keys %masters;
    $? = $code;
}

sub pid_of {
    my ($t, $name) = @_;

    my ($pid) = (eval { $t->read_file($name) } // '') =~ /(\d+)/;

    return $pid;
}

# As a daemon: nginx takes no USR2 from below the one who has started it.

sub start_daemon {
    my ($t) = @_;

    $t->stop;

    my @command = map { s/daemon off; //r } $t->command;

    system(@command) == 0 or die 'nginx did not start';
    wait_until(sub { pid_of($t, 'nginx.pid') }, 30);

    my $pid = pid_of($t, 'nginx.pid');

    $masters{$pid} = 1;

    return becomes_master($t, $pid);
}

# The master that the methods of $t are about.

sub becomes_master {
    my ($t, $pid) = @_;

    $t->{pid} = $pid;

    return wait_until(sub { $t->workers >= 2 }, 30);
}

sub upgrade {
    my ($t) = @_;

    my $old = $t->pid;
    my $new;

    kill USR2 => $old;

    wait_until(sub {
        $new = pid_of($t, 'nginx.pid');
        return $new && $new != $old && is_alive($new);
    }, 30) or return;

    $masters{$new} = 1;
    becomes_master($t, $new) or return;

    return ($old, $new);
}

sub quiet {
    my ($t, $old) = @_;

    my $new = $t->pid;

    $t->{pid} = $old;
    kill WINCH => $old;

    my $done = wait_until(sub { !$t->workers && !$t->old_workers }, 30);

    $t->{pid} = $new;

    return $done;
}

sub ends {
    my ($pid) = @_;

    kill QUIT => $pid;

    my $done = wait_until(sub { !is_alive($pid) }, 30);

    delete $masters{$pid} if $done;

    return $done;
}

my $redis = Tradesec::Test::Redis->new(conf => [ '--appendonly', 'yes',
    '--appendfsync', 'always' ]);
my $witness = gateway($redis);

for my $home (qw(redis file)) {
    my $t    = gateway($redis, alone => $home eq 'file');

    ok(start_daemon($t), "$home: a daemon");

    my $good = fresh(sub => 'good');
    my @gone = map { fresh() } 1 .. 2;

    my $holds = sub {
        my ($title) = @_;

        local $Test::Builder::Level = $Test::Builder::Level + 1;

        is(join(' ', map { status($t, $_) } @gone),
            join(' ', (401) x @gone), "$home: $title");
        is(status($t, $good), 200, "$home: the good one is good");
    };

    my $revoke = sub {
        my ($title) = @_;

        local $Test::Builder::Level = $Test::Builder::Level + 1;

        my $token = fresh();

        is(status($t, $token), 200, "$home: $title: good before");
        is(logout($t, $token), 200, 'logout');
        push @gone, $token;

        return becomes($t, $token, 401, "$home: $title: revoked");
    };

    ok(wait_until(sub { !is_stale($t) }, 30), 'Redis is read')
        if $home eq 'redis';

    is(logout($t, $_), 200, 'logout') for @gone;
    is(order($t, "user=operated-$home"), 200, 'and an operator');
    push @gone, fresh(sub => "operated-$home", iat => time - 60);
    $holds->('before');

    # side by side

    my ($old, $new) = upgrade($t);

    ok($new, "$home: a new master beside the old one") or last;
    $holds->('side by side');
    $revoke->('side by side');

    # the new one alone, and back again

    ok(quiet($t, $old), 'the old workers have gone');

    # what they were told may be known here a moment later

    becomes($t, $gone[-1], 401, "$home: the new workers alone");
    $holds->('the new workers alone');
    $revoke->('at the new workers');

    kill HUP => $old;
    ok(becomes_master($t, $old), "$home: back to the old master");
    ok(ends($new), 'the new one has gone');
    $holds->('taken back');

    # once more, to the end

    ($old, $new) = upgrade($t);
    ok($new, "$home: once more") or last;
    ok(quiet($t, $old), 'the old workers have gone');
    ok(ends($old), 'the old master too');
    $holds->('upgraded');
    $revoke->('upgraded');

    if ($home eq 'redis') {
        $redis->restart;
        ok(wait_until(sub { !is_stale($t) && !is_stale($witness) }, 30),
            'Redis has restarted');
        $holds->('over a restart of Redis');
        becomes($witness, $_, 401, 'and at another gateway') for @gone;
        $witness->restart;
        ok(wait_until(sub { !is_stale($witness) }, 30), 'which restarts');
        is(status($witness, $_), 401, 'as well') for @gone;
    }

    ok(ends($new), 'the end');
    delete $t->{pid};
}

done_testing();
