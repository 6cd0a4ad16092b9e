#!/usr/bin/perl

# A login is found by its path as nginx understands it. Spellings of it that
# only a tolerant backend takes for the same reach other locations, and are
# refused there.

use v5.30;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use Tradesec::Test qw(config_accepted config_refused);


my $t = Tradesec::Test->new(
    backend => { '*' => 401 },
    http    => 'tradesec_zone zone=tradesec:4m;',
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location / { proxy_pass http://%%BACKEND%%; }

        location = /api/login {
            tradesec_login account=form:u success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location /auth/ {
            tradesec_login account=form:u success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location /auth/public {
            tradesec_login off;
            proxy_pass http://%%BACKEND%%;
        }

        location /session {
            tradesec_login account=form:u success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location = /basic {
            tradesec_login account=basic success=status:200 counter=b;
            proxy_pass http://%%BACKEND%%;
        }

        # this one guards its spellings itself
        location ~* ^/own(?![a-z]) {
            tradesec_login account=form:u success=status:200 counter=o;
            proxy_pass http://%%BACKEND%%;
        }

        location = /own {
            tradesec_login account=form:u success=status:200 counter=o;
            proxy_pass http://%%BACKEND%%;
        }

        # this one is served under one spelling
        location = /exact {
            tradesec_login account=form:u success=status:200;
            tradesec_login_spellings off;
            proxy_pass http://%%BACKEND%%;
        }

        location /files/ {
            tradesec_login_spellings off;
            rewrite ^/files(/.*)$ $1 break;
            proxy_pass http://%%BACKEND%%;
        }

        location /moved/ {
            rewrite ^/moved(/.*)$ $1 break;
            proxy_pass http://%%BACKEND%%;
        }

        location /dry/ {
            tradesec_dry_run spelling;
            rewrite ^/dry(/.*)$ $1 break;
            proxy_pass http://%%BACKEND%%;
        }

        # another server's login is not ours
        location = /other { proxy_pass http://%%BACKEND%%; }
    CONF

my $backend = $t->backend;
my $FORM    = 'application/x-www-form-urlencoded';

# Requests in the bytes as they are written here

sub ask {
    my ($method, $path, @fields) = @_;

    my $body = $method eq 'GET' ? undef : 'u=bob';

    return $t->request($method, $path, $body,
        $body ? ('Content-Type' => $FORM) : (), @fields);
}

sub refused {
    my ($method, $path, @fields) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $backend->clear;
    is(ask($method, $path, @fields)->status, 403, "$method $path is refused");
    is($backend->count, 0, '... before the backend');
}

sub passed {
    my ($method, $path, @fields) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(ask($method, $path, @fields)->status, 401, "$method $path passes");
}

passed(POST => '/api/login');

refused(POST => $_) for qw(
    /api/login/ /api/login// /API/LOGIN /Api/Login /api/LOGIN/
    /api/login;x=1 /api;v=1/login /api/login;jsessionid=1/ /;/api/login
    /api/login%20 /api/login%09 /api/%20login /api/login%20/ /api%20/login
    /api/login. /api/login.. /api./login /api/login%2e /api/login.%20.
    /api\\login /\\api\\login /api%5clogin
    /api/login%3fx /api/login%3Fx=/y /api/login%23x
    /api/%256cogin /api/%25256cogin /api%252flogin /api/x%252f..%252flogin
    /api/login%252500 /api/login%2500x
    /x/..;/api/login /api/..;a=b/api/login /x/..%3b/api/login
    /x/%252e%252e/api/login /x/..%20/api/login
    /api/login.json /api/login.do /api/login.html;x /API/LOGIN.PHP
    /api/log%C4%B1n%2500/../login;
    /%EF%BD%81pi/login /api%EF%BC%8Flogin /api/log%E2%80%8Bin
    /api/LOG%C4%B0N
);

# what nginx itself takes for the path is counted, not refused

$backend->clear;
is(ask(POST => $_)->status, 401, "POST $_ is the login")
    for qw(//api/login /api/./login /x/../api/login /api/%6cogin);
is(ask(POST => '/api/login')->status, 429, '... and counted');

# the others

refused(POST => $_) for qw(/AUTH/token /auth;x/token /Auth/
    /x/..;/auth/token /auth%252ftoken /SESSION /Sessions);
passed(POST => $_) for qw(/auth/public/x /authors /AUTHORS /sess /other);
refused(POST => '/AUTH/public/x');
refused(PUT => '/API/LOGIN');
refused(DELETE => '/api/login/');

# of safe methods none is an attempt, but with Basic credentials

passed(GET => $_) for qw(/api/login/ /API/LOGIN /AUTH/x /BASIC);

my @basic = (Authorization => 'Basic ' . encode_base64('bob:x', ''));

passed(GET => '/basic', @basic);
refused(GET => '/BASIC', @basic);
refused(GET => '/basic/', @basic);
passed(GET => '/API/LOGIN', @basic);

# what is no spelling

passed(POST => $_) for qw(/ /api /api/logins /api/login/x /login /api/login2
    /api/log.in /api/login.tar.gz.backup /x/api/login /api/login-help
    /api/orders;x=1 /API/ORDERS /%256cogin);

# long paths

my $long = 'x' x 3000;
refused(POST => "/$long/../API/login;$long");
passed(POST => "/$long/API/login;$long");

# who guards or wants none

$backend->clear;
my $status = join ' ', map { ask(POST => '/OWN/')->status } 1 .. 9;
like($status, qr/^(?:401 ){5}429/, 'a location of its own guard counts');
passed(POST => '/EXACT');
passed(POST => '/files/API/LOGIN');
refused(POST => '/moved/API/LOGIN');
passed(POST => '/moved/api/login');
passed(POST => '/dry/API/LOGIN');
$t->logged(qr/\(dry run\) by guard "spelling", reason: "login_spelling"/,
    'dry run');

# a login for everything has no other spelling

config_accepted({
    http   => 'tradesec_zone zone=a:1m;',
    server => 'tradesec on; location / { tradesec_login account=form:u
        success=status:200; proxy_pass http://127.0.0.1:1; }
        location /x { tradesec_login off; }',
}, 'a login location for all paths');
config_refused('tradesec_login_spellings yes;',
    qr/invalid value "yes" in "tradesec_login_spellings" directive/,
    'neither on nor off');

done_testing();
