#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A refresh token that was used at one gateway is known at the other, through
# Redis; without Redis each knows its own, and what was missed is told later.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused wait_until);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations qw(becomes fresh gateway is_stale);
use Tradesec::Test::Token qw(jwks);

jwks();     # the keys, before there is another process

# Backends that check nothing; each has numbers of its own.

sub answers {
    my ($name) = @_;

    my $count = 0;

    my $issue = sub {
        my ($request) = @_;

        my ($user) = $request->body =~ /refresh_token=(\w+?)-/;

        return { delay => $request->body =~ /slow/ ? 0.5 : 0,
            headers => [ 'Content-Type' => 'application/json' ],
            body => '{"refresh_token":"' . "$user-$name" . ++$count
                . '","access_token":"' . fresh(sub => $user, sid => "of-$user",
                    jti => "$user-$name-$count") . '"}' };
    };

    return { '/refresh' => $issue, '/closed' => $issue, '/fails' => 500,
        '/' => 200 };
}

my $redis = Tradesec::Test::Redis->new;

my $more = <<'CONF';
    location ~ ^/(refresh|fails)$ {
        tradesec_jwt     off;
        tradesec_refresh token=form:refresh_token next=json:/refresh_token
                         provider=portal access=json:/access_token grace=2s;
        proxy_pass       http://%%BACKEND%%;
    }

    location = /closed {
        tradesec_jwt     off;
        tradesec_refresh token=form:refresh_token next=json:/refresh_token
                         grace=2s fallback=closed;
        proxy_pass       http://%%BACKEND%%;
    }
CONF

# a slow machine has the time to ask

my $patient = 'unix:' . $redis->socket . ' timeout=2s';

my ($one, $two) = map {
    gateway($redis, url => $patient, more => $more, workers => 1,
        backend => answers($_))
} qw(a b);

my $form = 'application/x-www-form-urlencoded';

sub refresh {
    my ($t, $token, $uri) = @_;

    return $t->post($uri // '/refresh', "refresh_token=$token",
        'Content-Type' => $form);
}

sub next_of   { return $_[0]->json->{refresh_token} }
sub access_of { return $_[0]->json->{access_token} }

sub passed {
    return $one->backend->count('/refresh') + $two->backend->count('/refresh');
}

sub is_open {
    my ($t) = @_;

    return refresh($t, 'probe-' . rand, '/closed')->status == 200
        && !is_stale($t);
}

# On a slow machine the grace may be over.

sub is_known {
    my ($t, $token, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return like(refresh($t, $token)->status, qr/^(?:409|401)$/, $title);
}

sub becomes_401 {
    my ($t, $token, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok(wait_until(sub { refresh($t, $token)->status == 401 }, 20),
        $title);
}

ok(wait_until(sub { is_open($one) && is_open($two) }, 20), 'both know Redis');

# one family, whichever gateway is asked

my $r      = refresh($one, 'alice-1');
my $first  = next_of($r);
my $access = access_of($r);

is($r->status, 200, 'used at one gateway');

$one->backend->clear;
$two->backend->clear;

is(refresh($two, 'alice-1')->status, 409, 'refresh_race: at the other');
$two->access_logged(qr{/refresh 409 refresh_race}, 'by reason');
is(passed(), 0, 'it does not reach the backend');

my $token = $first;

for my $n (1 .. 6) {
    $r = refresh($n % 2 ? $two : $one, $token);
    is($r->status, 200, "to and fro $n");
    $token = next_of($r);
}

is($one->get('/', Authorization => 'Bearer ' . $_)->status, 200, 'access')
    for $access, access_of($r);

$one->backend->clear;
$two->backend->clear;

becomes_401($two, 'alice-1', 'refresh_reused: at the other gateway');
$two->access_logged(qr{/refresh 401 refresh_reused}, 'by reason');
is(refresh($one, $token)->status, 401, 'refresh_ended: the last one, at this');
is(refresh($two, $token)->status, 401, 'and at the other');
is(refresh($one, $first)->status, 401, 'so is one in between');
is(passed(), 0, 'none of this reached a backend');
becomes($one, $access, 401, 'the first access token has ended');
becomes($one, access_of($r), 401, 'and the last');
is(refresh($one, 'bob-1')->status, 200, 'other families go on');

# a race over two gateways

$one->backend->clear;
$two->backend->clear;

my @connections = map { $_->connect } ($one, $two) x 4;

for my $i (0 .. $#connections) {
    $connections[$i]->write(($i % 2 ? $two : $one)->client->format(
        POST => '/refresh', 'refresh_token=carl-slow',
        'Content-Type' => $form));
}

my @raced = map { $_->response->status } @connections;

is(scalar(grep { $_ == 200 } @raced), 1, 'of eight at two gateways one wins');
is(scalar(grep { $_ == 409 } @raced), 7, 'the others are a race');
is(passed(), 1, 'and do not reach a backend');
$_->close for @connections;

# what the backend has not taken may be used elsewhere

is(refresh($one, 'dora-1', '/fails')->status, 500, 'not taken');
ok(wait_until(sub { refresh($two, 'dora-1')->status == 200 }, 20),
    'used at the other gateway');

# Redis has nothing to read in it

unlike(join(' ', $redis->names), qr/alice|bob|carl|dora/, 'no token is stored');
like(join(' ', grep {/refresh/} $redis->names),
    qr/^(?:tradesec:\{refresh\}:(?:family:[0-9a-f]{16}|[0-9a-f]{32})\ ?)+$/x,
    'but hashes');

# tokens that somebody makes up, and the backend does not take, leave nothing

{
    my $n = () = grep {/refresh/} $redis->names;

    refresh($one, "made-$_", '/fails') for 1 .. 50;
    ok(wait_until(sub { (() = grep {/refresh/} $redis->names) <= $n }, 20),
        'fifty tokens that are none');
}

# a value that is none of ours

is(refresh($one, 'eve-1')->status, 200, 'a token');

for my $name (grep {/refresh/} $redis->names) {
    $redis->command(DEL => $name);
    $redis->command(LPUSH => $name, 'x');
}

is(refresh($two, 'eve-2')->status, 200, 'values of another type are replaced');

# without Redis each gateway knows its own

$r = refresh($one, 'fred-1');
my $fred = next_of($r);

$redis->stop;

ok(wait_until(sub { refresh($one, 'x-' . rand, '/closed')->status == 503 }, 20),
    'refresh_store_unavailable: fallback=closed');
$one->access_logged(qr{/closed 503 refresh_store_unavailable}, 'by reason');

$r = refresh($one, 'gina-1');
my $gina = next_of($r);
is($r->status, 200, 'a new token');
is_known($one, 'gina-1', 'is known');
is(refresh($one, $fred)->status, 200, 'an old one');
is_known($one, 'fred-1', 'which this gateway has seen');
becomes_401($one, 'fred-1', 'used again');

# two that use it apart

my $heidi = next_of(refresh($one, 'heidi-1'));
my $since = time;
ok(wait_until(sub { time > $since + 3 }, 20), 'after the grace');
my $thief = next_of(refresh($two, 'heidi-1'));
ok(defined $heidi && defined $thief, 'the owner and a thief each get one');

# Redis is back, and knows nothing but what it is told

$redis->start;

ok(wait_until(sub { is_open($one) && is_open($two) }, 20), 'Redis is back');
ok($_->logged(qr/redis was told of \d+ refresh tokens that it had missed/),
    'and is told') for $one, $two;

$one->backend->clear;
$two->backend->clear;

becomes_401($two, 'gina-1', 'what was used without it is known elsewhere');
is(refresh($one, $gina)->status, 401, 'its family has ended');
is(refresh($two, 'fred-1')->status, 401, 'what had ended is known too');

is(refresh($one, $heidi)->status, 401, 'the owner has to log in again');
is(refresh($two, $thief)->status, 401, 'and the thief is out');
is(passed(), 0, 'none of this reached a backend');
is(refresh($one, 'ivan-1')->status, 200, 'others go on');
is(refresh($one, 'judy-1', '/closed')->status, 200, 'fallback=closed, too');

# Redis that does not answer: the local home after the timeout

$redis->freeze;
is(refresh($one, 'kim-1')->status, 200, 'a Redis that hangs');
is_known($one, 'kim-1', 'the token is known here');
is(refresh($one, 'leo-1', '/closed')->status, 503, 'fallback=closed');
$redis->thaw;

ok(wait_until(sub {
    my $r = refresh($one, 'leo-1', '/closed');
    return $r->status == 200;
}, 20), 'what was refused is free again');

# a client that leaves while Redis is asked

ok(wait_until(sub { is_open($one) && is_open($two) }, 20), 'Redis answers');

$redis->freeze;

my $c = $one->connect;
$c->write($one->client->format(POST => '/refresh', 'refresh_token=mary-1',
    'Content-Type' => $form));
$c->close;
$redis->thaw;

ok(wait_until(sub { refresh($two, 'mary-1')->status == 200 }, 20),
    'his token can still be used');

# over a reload, and by another gateway that starts later

$r = refresh($one, 'nina-1');
$one->reload;
is_known($one, 'nina-1', 'after a reload');

my $three = gateway($redis, url => $patient, more => $more,
    backend => answers('c'));

ok(wait_until(sub { is_open($three) }, 20), 'a third gateway');
becomes_401($three, 'nina-1', 'knows what was used before');
is(refresh($one, next_of($r))->status, 401, 'and ends it for all');

config_refused({ http => 'tradesec_zone zone=z:1m;', server => 'location / {'
    . 'tradesec_refresh token=cookie:a fallback=open; }' },
    qr/invalid parameter "fallback=open"/, 'refused: open');

done_testing();
