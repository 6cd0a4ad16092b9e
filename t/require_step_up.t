#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What moves money needs a second factor and a recent login; where a new login
# would help, the caller is told so (RFC 9470), and only there.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    access_log => '$tradesec_reason|$tradesec_rule',
    http       => 'tradesec_zone zone=tradesec:1m;' . provider('portal'),
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;

        location /withdraw/ {
            tradesec_require methods=unsafe name=money amr=otp|hwk max_age=15m
                             step_up=/confirm?return=;
            proxy_pass http://%%BACKEND%%;
        }
        location /pages/ {
            tradesec_require role=admin amr=otp step_up=/confirm?return=;
            proxy_pass http://%%BACKEND%%;
        }
        location /class/ {
            tradesec_require "acr=urn:bank:2|urn:bank:3" max_age=1h;
            proxy_pass http://%%BACKEND%%;
        }
        location /age/ {
            tradesec_require max_age=1m;
            proxy_pass http://%%BACKEND%%;
        }
        location /nested/ {
            tradesec_require /session/amr=otp;
            proxy_pass http://%%BACKEND%%;
        }
        location /dry/ {
            tradesec_dry_run require;
            tradesec_require amr=otp step_up=/confirm?return=;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;
my $plain   = 'Bearer realm="restricted", '
    . 'error="insufficient_user_authentication"';


sub who { return (Authorization => 'Bearer ' . token({@_})) }

sub passes {
    my ($title, $method, $uri, @claims) = @_;

    $backend->clear;
    is($t->request($method, $uri, undef, who(@claims))->status, 200, $title);
    is($backend->count, 1, "$title: reached the backend");
}

sub step_up {
    my ($title, $challenge, $method, $uri, @claims) = @_;

    $backend->clear;

    my $r = $t->request($method, $uri, undef, who(@claims));

    is($r->status, 401, $title);
    is_deeply([ $r->headers('WWW-Authenticate') ], [$challenge],
        "$title: challenge");
    is($r->header('Cache-Control'), 'no-store', "$title: not cached");
    is($backend->count, 0, "$title: nothing reached the backend");
}

my @now = (auth_time => time, amr => [ 'pwd', 'otp' ]);
my $money = qq{$plain, max_age="900"};

passes('fresh, with the factor', POST => '/withdraw/', @now);
passes('another factor of the set', POST => '/withdraw/', auth_time => time,
    amr => 'hwk');
passes('market data needs none', GET => '/withdraw/');
step_up('stale', $money, POST => '/withdraw/', @now,
    auth_time => time - 1000);
step_up('the password alone', $money, POST => '/withdraw/', @now,
    amr => ['pwd']);
step_up('no amr', $money, DELETE => '/withdraw/', auth_time => time);
step_up('no auth_time', $money, POST => '/withdraw/', amr => ['otp']);
step_up('iat is no auth_time', $money, POST => '/withdraw/', amr => ['otp'],
    iat => time);
step_up('auth_time is a text', $money, POST => '/withdraw/', @now,
    auth_time => '' . time . '.');
step_up('auth_time is an array', $money, POST => '/withdraw/', @now,
    auth_time => [time]);
step_up('auth_time of tomorrow', $money, POST => '/withdraw/', @now,
    auth_time => time + 86400);
step_up('auth_time in milliseconds', $money, POST => '/withdraw/', @now,
    auth_time => time * 1000);
step_up('a factor in a text', $money, POST => '/withdraw/', @now,
    amr => 'pwd otp');
step_up('OTP is not otp', $money, POST => '/withdraw/', @now,
    amr => ['OTP']);

my ($line) = do {
    $t->clear_logs;
    $t->post('/withdraw/', '', who());
    $t->access_log(1);
};

is($line, 'require_step_up|money', 'require_step_up');

step_up('classes', qq{$plain, acr_values="urn:bank:2 urn:bank:3", }
    . 'max_age="3600"', GET => '/class/', acr => 'urn:bank:1',
    auth_time => time);
passes('one of the classes', GET => '/class/', acr => 'urn:bank:3',
    auth_time => time);
step_up('age alone', qq{$plain, max_age="60"}, GET => '/age/');

# who may not at all is not sent to log in again

my $r = $t->get('/pages/', who(role => 'user'));

is($r->status, 403, 'a factor would not help');
is($r->header('WWW-Authenticate'), undef, 'so none is asked for');
step_up('a factor would help', $plain, GET => '/pages/', role => 'admin');
$r = $t->get('/nested/', who());
is($r->status, 403, 'a claim of one\'s own is a claim');

# people

my @browser = (Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate');

$r = $t->get('/pages/list?a=1', @browser, who(role => 'admin'));
is($r->status, 303, 'a navigation is sent to confirm');
is($r->header('Location'), '/confirm?return=%2Fpages%2Flist%3Fa%3D1',
    'with its way back');
is($r->header('WWW-Authenticate'), undef, 'without a challenge');
$r = $t->get('//evil.test/..//pages/', @browser, who(role => 'admin'));
is($r->header('Location'), '/confirm?return=%2F', 'on this origin');
$r = $t->get('/pages/', @browser, who(role => 'user'));
is($r->status, 403, 'who may not at all is not');
$r = $t->post('/withdraw/', 'x=1', @browser, who());
is($r->status, 401, 'a form is not sent twice');

# it is the remembered token that grows stale

my @soon = who(auth_time => time - 58);
my $status = $t->get('/age/', @soon)->status;

Tradesec::Test::wait_until(
    sub { $t->get('/age/', @soon)->status == 401 }, 20);
is($t->get('/age/', @soon)->status, 401, 'stale in the meantime');
ok($status == 200 || $status == 401, 'though remembered');

# dry run

$t->clear_logs;
$backend->clear;
$r = $t->get('/dry/', @browser, who());
is($r->status, 200, 'dry run passes');
is($r->header('WWW-Authenticate'), undef, 'dry run has no challenge');
$t->access_logged(qr/^\Qrequire_step_up|amr=otp step_up=\E\S+return=$/,
    'dry run is marked');

done_testing();
