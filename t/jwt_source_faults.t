#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A source of keys that fails: what there is goes on for as long as stale
# says, then nobody gets in; it is asked no more often than it may be, by no
# more than one worker, and it holds nobody up for longer than timeout.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::KeySource;
use Tradesec::Test::Token qw(bearer jwks provider token);


my $source = Tradesec::Test::KeySource->new(body => jwks('ec1'));

sub gateway {
    my ($line, %opt) = @_;

    return Tradesec::Test->new(
        backend    => 1,
        workers    => 2,
        access_log => '$tradesec_reason $pid',
        http       => "tradesec_zone zone=keys:1m;\n"
            . provider('portal', 'issuer https://idp.test;',
            "jwks_uri /internal/keys $line;"),
        server => <<"CONF",
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;

        location / { proxy_pass http://%%BACKEND%%; }
@{[ $source->location('keys') ]}
        location = /age {
            tradesec_accept return_before_guards;
            return 200 "\$tradesec_keys_age\\n";
        }
        location = /open { tradesec_jwt off; return 200 "[\$tradesec_keys_age]"; }
CONF
        %opt,
    );
}

my %token = map { $_ => token({}, kid => $_) } qw(ec1 ec2 ec3);

sub status {
    my ($t, $token) = @_;

    return $t->get('/', bearer($token))->status;
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# a source that is silent for too long

{
    $source->answer(body => jwks('ec1'));

    my $t = gateway('refresh=1s stale=2s interval=1s');

    is($t->get('/age')->body, "none\n", 'stale: no keys were ever asked for');
    is(status($t, $token{ec1}), 200, 'stale: good keys');
    like($t->get('/age')->body, qr/\A[01]\n\z/, 'stale: that are new');
    is($t->get('/open')->body, '[]', 'stale: of no interest without tokens');
    $source->answer(status => 503);
    $t->allow_logged(qr/refuses all tokens/);

    my $r;
    ok(wait_until(sub {
        $r = $t->get('/', bearer($token{ec1}));
        return $r->status == 503;
    }), 'stale: in the end nobody gets in');
    cmp_ok($t->get('/age')->body, '>=', 2, 'stale: the keys are too old');
    ok(wait_until(sub {
        $t->get('/', bearer($token{ec1}));
        return grep {/"portal" refuses all tokens: its keys .* old/}
            $t->error_log;
    }), 'stale: and the log says so');
    is($r->header('Retry-After'), 1, 'stale: to try again');
    is($r->header('WWW-Authenticate'), undef, 'stale: with the same token');
    $t->access_logged(qr/^jwt_keys /, 'stale: for its reason');
    is($t->get('/')->status, 401, 'stale: without a token it is as always');
    is($t->get('/', bearer('x.y'))->status, 401, 'stale: with no token, too');

    $source->answer(body => jwks('ec1'));
    ok(wait_until(sub { status($t, $token{ec1}) == 200 }),
        'stale: until the source is back');
    cmp_ok($t->get('/age')->body, '<', 2, 'stale: with new keys');
}

# one that hangs

{
    $source->clear;
    $source->hold(body => jwks('ec1'));

    my $t = gateway('timeout=500ms interval=1s', workers => 4);

    my $begin = now();
    my @r = $t->parallel(([ GET => '/', undef, bearer($token{ec1}) ]) x 40);
    my $took = now() - $begin;

    is(join(' ', map { $_->status } @r), join(' ', (503) x 40),
        'hangs: nobody gets in');
    is($source->count, 1, 'hangs: one has asked');
    cmp_ok($took, '>=', 0.4, 'hangs: they have waited');
    $t->logged(qr/keeps its keys: "\/internal\/keys": no answer in time/,
        'hangs: it is said');

    # the subrequest was given up: the source sees its connection closed, and
    # the client's goes on

    my $c = $t->client(keepalive => 1)->connect;
    select undef, undef, undef, 1;
    is($c->request(GET => '/', undef, bearer($token{ec1}))->status, 503,
        'hangs: a client that has carried it');
    is($c->request(GET => '/', undef, bearer('x'))->status, 401,
        'hangs: goes on with its connection');

    $source->release;
    ok(wait_until(sub { status($t, $token{ec1}) == 200 }),
        'hangs: until it answers');
}

# one that hangs when keys are due: the request is over long before its fetch is
# given up, and the connection is as good as before

for my $h2 (0, 1) {
    my $title = $h2 ? 'HTTP/2' : 'HTTP/1.1';

    $source->answer(body => jwks('ec1'));

    my $t = gateway('refresh=1s timeout=500ms interval=1s', http2 => $h2,
        workers => 1);

    is($h2 ? $t->h2(GET => '/', undef, bearer($token{ec1}))->status
        : status($t, $token{ec1}), 200, "due, $title: good keys");
    $source->hold(body => jwks('ec2'));
    $source->clear;
    select undef, undef, undef, 1.1;

    if ($h2) {
        is($t->h2(GET => '/', undef, bearer($token{ec1}))->status, 200,
            "due, $title: the request passes");

    } else {
        my $c = $t->client(keepalive => 1)->connect;

        for my $n (1 .. 3) {
            is($c->request(GET => '/', undef, bearer($token{ec1}))->status,
                200, "due, $title: request $n passes");
        }
    }

    is($source->count, 1, "due, $title: it was asked");
    $t->logged(qr/"\/internal\/keys": no answer in time/,
        "due, $title: and given up");
    $source->release;
    ok(wait_until(sub {
        ($h2 ? $t->h2(GET => '/', undef, bearer($token{ec2}))
            : $t->get('/', bearer($token{ec2})))->status == 200;
    }), "due, $title: until it answers");
}

# many wait for keys that do not come

sub crowd {
    my ($n, $title) = @_;

    $source->clear;
    $source->hold(body => jwks('ec1'));

    my $t = gateway('timeout=30s interval=1s');
    my @open = map {
        my $c = $t->client->connect;
        $c->write($t->client->format(GET => '/', undef, bearer($token{ec1})));
        $c;
    } 1 .. $n;

    ok(wait_until(sub { $source->count == 1 }), "$title: somebody fetches");
    select undef, undef, undef, 0.2;

    return ($t, @open);
}

# a worker that dies while it fetches

{
    my ($t, @open) = crowd(20, 'killed');

    kill 'KILL', my @workers = $t->workers;
    $t->allow_logged(qr/exited on signal 9/);
    $source->release;

    ok(wait_until(sub {
        my %dead = map { $_ => 1 } @workers;
        my @now = grep { !$dead{$_} } $t->workers;
        return @now == 2;
    }), 'killed: others start');
    ok(wait_until(sub { status($t, $token{ec1}) == 200 }, 10),
        'killed: and fetch long before the time of the first is over');
    is($source->count, 2, 'killed: once');
}

# one of two dies: those that wait in the other do not wait for the dead

{
    my ($t, @open) = crowd(30, 'one killed');

    # whose is the connection to the source?

    my ($port) = $source->address =~ /:(\d+)/;
    my ($owner) = grep { connected_to($_, $port) } $t->workers;

    ok($owner, 'one killed: it is found');
    kill 'KILL', $owner;
    $t->allow_logged(qr/exited on signal 9/);
    $source->release;

    my $done = 0;
    my $begin = now();

    for my $c (@open) {
        my $r = eval { $c->response };
        $done++ if $r && $r->status;
    }

    cmp_ok(now() - $begin, '<', 20, 'one killed: nobody waits for it');
    ok(wait_until(sub { status($t, $token{ec1}) == 200 }),
        'one killed: another fetches');
}

sub connected_to {
    my ($pid, $port) = @_;

    my %inode = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? ($1 => 1)
            : () } glob "/proc/$pid/fd/*";

    open my $tcp, '<', '/proc/net/tcp' or return 0;

    my $hex = sprintf '%04X', $port;

    while (my $line = <$tcp>) {
        my @f = split ' ', $line;
        return 1 if ($f[2] // '') =~ /:$hex$/ && $inode{ $f[9] };
    }

    return 0;
}

# no location for it in the server

{
    my $t = gateway('', server => <<'CONF');
        tradesec on;
        tradesec_jwt portal;
        location / { proxy_pass http://%%BACKEND%%; }
CONF

    is(status($t, $token{ec1}), 503, 'no location: nobody gets in');
    $t->logged(qr/answers with status 40[34]: is there an internal location/,
        'no location: it is said');
    is($t->backend->count, 0, 'no location: the backend sees nothing');
}

# dry run waits too, and lets everybody in

{
    $source->answer(status => 503);

    my $t = gateway('', server => <<"CONF");
        tradesec on;
        tradesec_dry_run on;
        tradesec_jwt portal;
        location / { proxy_pass http://%%BACKEND%%; }
@{[ $source->location('keys') ]}
CONF

    is(status($t, $token{ec1}), 200, 'dry run: everybody gets in');
    $t->logged(qr/\(dry run\).*reason: "jwt_keys"/, 'dry run: marked');
}

done_testing;
