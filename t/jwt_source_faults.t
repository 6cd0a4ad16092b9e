#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A source of keys that fails: what there is goes on for as long as stale
# says, then nobody gets in; it is asked no more often than it may be, by no
# more than one worker, and it holds nobody up for longer than timeout.

use v5.30;
use warnings;

use JSON::PP qw(encode_json);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::KeySource;
use Tradesec::Test::Token qw(jwks provider token);


my $source = Tradesec::Test::KeySource->new(body => jwks('ec1'));

sub gateway {
    my ($line, %opt) = @_;

    my $address = $source->address;

    return Tradesec::Test->new(
        backend    => 1,
        workers    => 2,
        access_log => '$tradesec_reason $pid',
        http       => "tradesec_zone zone=keys:1m;\n"
            . provider('portal', 'issuer https://idp.test;',
            'jwks_file /;', "jwks_uri /internal/keys $line;")
            =~ s/jwks_file \/;//r,
        server => <<"CONF",
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;

        location / { proxy_pass http://%%BACKEND%%; }
        location = /internal/keys {
            internal;
            proxy_pass http://$address/keys.json;
        }
CONF
        %opt,
    );
}

my %token = map { $_ => token({}, kid => $_) } qw(ec1 ec2 ec3);

sub bearer { return (Authorization => "Bearer $_[0]") }

sub status {
    my ($t, $token) = @_;

    return $t->get('/', bearer($token))->status;
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# what comes is no good: the keys that there are go on, and it is said once

{
    my $weak = encode_json({ keys => [ {
        kty => 'RSA', kid => 'weak', e => 'AQAB', n => 'A' x 171,
    } ] });
    my $long = jwks('ec2') . ' ' x 65536;
    my $end  = "\r\n\r\n";

    my @bad = (
        'an error'          => { status => 503 },
        'a redirect'        => { status => 302, headers => [ Location => '/' ] },
        'nothing'           => { body => '' },
        'no content'        => { status => 204 },
        'a page'            => { body => '<html>' },
        'two sets'          => { body => jwks('ec1') . jwks('ec2') },
        'no keys'           => { body => '{"keys":[]}' },
        'a weak key'        => { body => $weak },
        'a secret'          => { body => jwks('secret') },
        'too much'          => { body => $long },
        'no HTTP'           => { raw  => "keys\r\n" },
        'a dead connection' => { close => 1 },
        'too much, of unknown length' => { raw => "HTTP/1.0 200 OK$end$long" },
        'half of it' => {
            raw => "HTTP/1.1 200 OK\r\nContent-Length: 999$end" . jwks('ec2'),
        },
        'half of its chunks' => {
            raw => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked$end"
                . sprintf("%x\r\n%s\r\n", length jwks('ec2'), jwks('ec2')),
        },
    );

    my (@what, %paths);
    my ($http, $server) = ("tradesec_zone zone=keys:4m;\n", "tradesec on;\n");

    # with and without buffers of nginx

    while (my ($what, $answer) = splice @bad, 0, 2) {
        for my $buffering ('on', $what =~ /much|half/ ? 'off' : ()) {
            my $n = @what;

            push @what, "$what (buffering $buffering)";
            $paths{"/$n"} = $answer;
            $http .= provider("p$n", 'jwks_file /;',
                "jwks_uri /internal/$n refresh=1s interval=1s timeout=2s;")
                =~ s/jwks_file \/;//r;
            $server .= <<"CONF";
        location /$n/ {
            tradesec_jwt p$n; proxy_pass http://%%BACKEND%%;
        }
        location = /internal/$n {
            internal;
            proxy_buffering $buffering;
            proxy_http_version 1.1;
            proxy_pass http://@{[ $source->address ]}/$n;
        }
CONF
        }
    }

    $source->answer(body => jwks('ec1'));

    my $t = gateway('', http => $http, server => $server);

    my $all = sub {
        my ($token) = @_;
        return join ' ', map { $_->status } $t->parallel(
            map { [ GET => "/$_/", undef, bearer($token) ] } 0 .. $#what);
    };
    my $says = sub { return join ' ', ($_[0]) x @what };

    is($all->($token{ec1}), $says->(200), 'good keys');
    $source->clear;
    $source->answer(status => 500, paths => \%paths);
    select undef, undef, undef, 1.1;
    $all->($token{ec2});

    for my $n (0 .. $#what) {
        my $title = $what[$n];
        my $get   = sub {
            return $t->get("/$n/", bearer($token{ $_[0] }))->status;
        };

        is($get->('ec2'), 401, "$title: no new key");
        is($get->('ec1'), 200, "$title: the keys go on");
        $t->logged(qr/\[error\].*provider "p$n" keeps its keys: /,
            "$title: it is said");
    }

    cmp_ok($source->count, '>=', @what, 'all were asked');
    select undef, undef, undef, 1.1;
    $all->($token{ec2});
    is(scalar(() = $t->error_log(qr/\[error\].*keeps its keys/)),
        scalar @what, 'it is said once');

    $source->answer(body => jwks('ec2'));
    ok(wait_until(sub { $all->($token{ec2}) eq $says->(200) }),
        'a good answer ends it');
    is($all->($token{ec1}), $says->(401), 'and its keys are those that count');
}

# a source that is silent for too long

{
    $source->answer(body => jwks('ec1'));

    my $t = gateway('refresh=1s stale=2s interval=1s');

    is(status($t, $token{ec1}), 200, 'stale: good keys');
    $source->answer(status => 503);

    my $r;
    ok(wait_until(sub {
        $r = $t->get('/', bearer($token{ec1}));
        return $r->status == 503;
    }), 'stale: in the end nobody gets in');
    is($r->header('Retry-After'), 1, 'stale: to try again');
    is($r->header('WWW-Authenticate'), undef, 'stale: with the same token');
    $t->access_logged(qr/^jwt_keys /, 'stale: for its reason');
    is($t->get('/')->status, 401, 'stale: without a token it is as always');
    is($t->get('/', bearer('x.y'))->status, 401, 'stale: with no token, too');

    $source->answer(body => jwks('ec1'));
    ok(wait_until(sub { status($t, $token{ec1}) == 200 }),
        'stale: until the source is back');
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

# a worker that dies while it fetches

{
    $source->clear;
    $source->hold(body => jwks('ec1'));

    my $t = gateway('timeout=30s interval=1s');
    my @open = map {
        my $c = $t->client->connect;
        $c->write($t->client->format(GET => '/', undef,
                bearer($token{ec1})));
        $c;
    } 1 .. 20;

    ok(wait_until(sub { $source->count == 1 }), 'killed: somebody fetches');
    select undef, undef, undef, 0.2;

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
    $source->clear;
    $source->hold(body => jwks('ec1'));

    my $t = gateway('timeout=30s interval=1s');
    my @open = map {
        my $c = $t->client->connect;
        $c->write($t->client->format(GET => '/', undef,
                bearer($token{ec1})));
        $c;
    } 1 .. 30;

    ok(wait_until(sub { $source->count == 1 }), 'one killed: it fetches');
    select undef, undef, undef, 0.2;

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
        location = /internal/keys {
            internal; proxy_pass http://@{[ $source->address ]}; }
CONF

    is(status($t, $token{ec1}), 200, 'dry run: everybody gets in');
    $t->logged(qr/\(dry run\).*reason: "jwt_keys"/, 'dry run: marked');
}

done_testing;
