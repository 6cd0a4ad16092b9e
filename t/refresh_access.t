#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A refresh token that is used again ends the access tokens of its family too:
# those of the session that the last one names, else of the user, here and on
# the other gateways.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations qw(becomes fresh gateway is_stale key_file);
use Tradesec::Test::Token qw(jwks provider token);

jwks();     # the keys, before there is another process

my $count = 0;

sub answer {
    my ($request) = @_;

    my ($token) = ($request->header('Cookie') // '') =~ /refresh=([\w-]+)/;
    my ($user, $kind, $family) = split /-/, $token // "nobody-none-0";

    my %claims = $kind eq 'sid' ? (sid => "session-$family") : ();

    # one that takes its time hands out what is issued at its end

    $claims{iat} = time + 3 if $request->method eq 'PUT';

    my $access = $kind eq 'bad' ? 'no.such.token'
        : fresh(sub => $user, %claims, jti => 'access-' . ++$count);

    return { $request->method eq 'PUT' ? (delay => 4) : (), headers => [
        'Set-Cookie' => "refresh=$user-$kind-$family-" . ++$count
            . '; Path=/; HttpOnly',
        'Set-Cookie' => "access=$access; Path=/; HttpOnly",
    ] };
}

my $redis = Tradesec::Test::Redis->new;

my $more = <<'CONF';
    location = /refresh {
        tradesec_jwt     off;
        tradesec_refresh token=cookie:refresh grace=1s provider=portal
                         access=cookie:access;
        proxy_pass       http://%%BACKEND%%;
    }

    location = /dry {
        tradesec_jwt     off;
        tradesec_dry_run refresh;
        tradesec_refresh token=cookie:refresh grace=1s provider=portal
                         access=cookie:access;
        proxy_pass       http://%%BACKEND%%/refresh;
    }
CONF

my ($one, $two) = map {
    gateway($redis, more => $more, backend => { '/refresh' => \&answer,
        '/' => 200 })
} 1 .. 2;

ok(wait_until(sub { !is_stale($one) && !is_stale($two) }, 20),
    'two gateways know each other');

sub refresh {
    my ($token, $uri) = @_;

    return $one->post($uri // '/refresh', '', Cookie => "refresh=$token");
}

sub passes {
    my ($t, $access) = @_;

    return $t->get('/', Authorization => "Bearer $access")->status == 200;
}

# a family whose tokens name a session

my $r      = refresh('alice-sid-1');
my $first  = $r->cookie('access');
my $token  = $r->cookie('refresh');
my $second = refresh($token)->cookie('access');
my $elsewhere = fresh(sub => 'alice', sid => 'session-2');
my $other  = refresh('alice-sid-3')->cookie('access');

ok(passes($one, $_), 'access before') for $first, $second, $elsewhere, $other;

ok(wait_until(sub { refresh('alice-sid-1')->status == 401 }, 20),
    'refresh_reused: the first one is used again');
$one->access_logged(qr{/refresh 401 refresh_reused}, 'by reason');
ok(!passes($one, $_), 'no access token of the session is good') for $first,
    $second;
ok(passes($one, $_), 'other sessions of the user go on') for $elsewhere, $other;
becomes($two, $second, 401, 'the other gateway knows');
ok($one->logged(qr/session revoked, since a refresh token was used again/),
    'the log says so');

# one whose tokens name none: all that the user had been issued

my $bob = refresh('bob-none-1')->cookie('access');
my $robert = fresh(sub => 'robert');

ok(passes($one, $bob), 'access before');
ok(wait_until(sub { refresh('bob-none-1')->status == 401 }, 20), 'used again');
ok(!passes($one, $bob), 'the user is out');
ok(passes($one, $robert), 'others are not');
ok(passes($one, fresh(sub => 'bob', iat => time + 2)),
    'nor is what he is issued later');

# in the grace nobody is out

my $carl = refresh('carl-sid-7')->cookie('access');
my $race = refresh('carl-sid-7');

ok($race->status == 409 ? passes($one, $carl) : $race->status == 401,
    'refresh_race: a race ends nothing');

# dry run

my $dora = refresh('dora-sid-8', '/dry')->cookie('access');

ok(wait_until(sub {
    refresh('dora-sid-8', '/dry');
    return $one->error_log(qr/refresh_reused.*dora|refresh_reused/) > 1;
}, 20), 'a dry run');
ok(passes($one, $dora), 'ends nothing');

# an answer that comes behind the end of its family

$token = refresh('fred-none-11')->cookie('refresh');

my $c = $one->client->connect;
my $n = $one->backend->count('/refresh');

$c->write($one->client->format(PUT => '/refresh', '',
    Cookie => "refresh=$token"));
ok(wait_until(sub { $one->backend->count('/refresh') > $n }), 'under way');
ok(wait_until(sub { refresh('fred-none-11')->status == 401 }, 20),
    'when its family ends');
$r = $c->response;
is($r->status, 200, 'it is answered');
ok(!passes($one, $r->cookie('access')), 'but hands out nothing that is good');
$c->close;

# an access token that is none

is(refresh('eve-bad-9')->status, 200, 'an access token that is none');
ok($one->logged(qr/holds no token of "portal"/), 'is said');

# configuration

my %http = (http => 'tradesec_zone zone=z:1m; tradesec_session app {'
    . 'app_cookie sid; secret_file ' . key_file($redis) . '; }'
    . 'tradesec_jwt_provider endless { algorithms HS256; secret_file '
    . key_file($redis) . '; }');

for my $case (
    [ 'provider=app', qr/must have both "provider=" and "access="/ ],
    [ 'access=cookie:a', qr/must have both "provider=" and "access="/ ],
    [ 'provider=none access=cookie:a',
        qr/unknown provider "none": there is no "tradesec_jwt_provider none"/ ],
    [ 'provider=app provider=app access=cookie:a', qr/"provider=" is duplicate/ ],
    [ 'provider=endless access=cookie:a',
        qr/only when it has "max_lifetime" or "lifetime"/ ],
    [ 'access=cookie:a,b provider=app', qr/invalid parameter "access=cookie:a,b"/ ],
) {
    my ($text, $expected) = @$case;

    config_refused({ %http,
        server => "location / { tradesec_refresh token=cookie:r $text; }" },
        $expected, "refused: $text");
}

config_accepted({ %http, server => 'tradesec on; location / { '
    . 'tradesec_refresh token=cookie:r provider=app access=cookie:a; }' },
    'both are fine');

done_testing();
