#!/usr/bin/perl

# The methods guard: which methods reach the backend, and none in disguise.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused);
use Tradesec::Test::Relay;


my $t = Tradesec::Test->new(
    backend    => 1,
    access_log => '$request_method $tradesec_status $tradesec_reason',
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        underscores_in_headers on;
        ignore_invalid_headers off;

        location / { proxy_pass http://%%BACKEND%%; }

        location /read/ {
            tradesec_methods GET HEAD;
            proxy_pass http://%%BACKEND%%;
        }

        location /dav/ {
            tradesec_methods GET PROPFIND FROBNICATE;
            proxy_pass http://%%BACKEND%%;
        }

        location /override/ {
            tradesec_method_override on;
            proxy_pass http://%%BACKEND%%;
        }

        location /dry/ {
            tradesec_dry_run methods;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;

sub check {
    my ($status, $reason, $title, @request) = @_;

    $backend->clear;

    my $r = $t->request(@request);

    is($r->status, $status, "$title: $status");
    is($backend->count, $status == 200 ? 1 : 0,
        $status == 200 ? "$title: reached" : "$title: not reached");
    $t->logged(qr/reason: "$reason"/, "$title: $reason") if $reason;
    $t->clear_logs;

    return $r;
}

for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS)) {
    check(200, undef, "$method by default", $method, '/');
}

for my $method (qw(PROPFIND MKCOL COPY LOCK FROBNICATE)) {
    check(405, 'method_not_allowed', "$method by default", $method, '/');
}

# nginx itself answers these
is($t->request('TRACE', '/')->status, 405, 'TRACE');
is($t->raw("get / HTTP/1.1\r\nHost: localhost\r\n\r\n")->status, 400,
    'lower case is no method');

check(200, undef, 'listed', 'GET', '/read/');
my $r = check(405, 'method_not_allowed', 'not listed', 'POST', '/read/', 'x');
is($r->header('Allow'), 'GET, HEAD', 'Allow field');
check(200, undef, 'extension method listed', 'PROPFIND', '/dav/');
check(200, undef, 'unknown method listed', 'FROBNICATE', '/dav/');
check(405, 'method_not_allowed', 'prefix of a listed one', 'FROBNICAT',
    '/dav/');

# overrides, each beside a look-alike that passes

for my $name (qw(X-HTTP-Method-Override x-http-method-override
    X_HTTP_Method_Override X.HTTP.Method.Override X-HTTP-Method
    X-Method-Override))
{
    check(400, 'method_override', $name, 'POST', '/', 'x', $name => 'DELETE');
    check(200, undef, "$name where allowed", 'POST', '/override/', 'x',
        $name => 'DELETE');
}

check(200, undef, 'other X field', 'POST', '/', 'x',
    'X-HTTP-Methods' => 'DELETE');

for my $query ('_method=DELETE', 'a=1&_method=x', '%5fmethod=x', 'a;_METHOD',
    '_%6dethod=x')
{
    check(400, 'method_override', "?$query", 'GET', "/?$query");
    check(200, undef, "?$query where allowed", 'GET', "/override/?$query");
}

check(200, undef, '?method=x', 'GET', '/?method=x&a=_method');

# dry run

$r = check(200, 'method_not_allowed', 'dry run', 'MKCOL', '/dry/');
my $dry = $t->request('MKCOL', '/dry/');
is(($t->access_log(1))[-1], 'MKCOL REJECTED_DRY_RUN method_not_allowed',
    'status of a dry run');

# TLS early data needs a client that sends it: openssl s_client

my $early = Tradesec::Test->new(backend => 1, tls => 1, server => <<~'CONF');
        ssl_early_data on;
        ssl_protocols TLSv1.3;
        ssl_session_tickets on;
        tradesec on;
        tradesec_origin off;
        location / { proxy_pass http://%%BACKEND%%; }
    CONF

# early no more once the handshake is over: it has to be slow

my $relay = Tradesec::Test::Relay->new($early->port);

sub early_data {
    my ($method) = @_;

    my $dir     = $early->dir;
    my $openssl = 'openssl s_client -tls1_3 -servername localhost -ign_eof'
        . ' -connect 127.0.0.1:';
    my $direct  = $openssl . $early->port;
    my $slow    = $openssl . $relay->port;
    my $plain = "GET / HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n\r\n";

    $early->write_file('plain.txt', $plain);
    $early->write_file('early.txt', $plain =~ s/^GET/$method/r);

    `$direct -sess_out $dir/session < $dir/plain.txt 2>&1`;
    $early->backend->clear;

    return scalar `$slow -sess_in $dir/session -early_data $dir/early.txt < /dev/null 2>&1`;
}

SKIP: {
    skip 'no openssl command', 4 unless `openssl version 2>/dev/null`;

    my $answer = early_data('GET');
    like($answer, qr/Early data was accepted/, 'early data is accepted');
    like($answer, qr{HTTP/1.1 200}, 'safe method in early data');

    $answer = early_data('POST');
    like($answer, qr{HTTP/1.1 425 Too Early},
        'too_early: unsafe method in early data');
    is($early->backend->count, 0, 'too_early: not reached');
}

# configuration

config_refused('tradesec on; tradesec_methods get;',
    qr/invalid method "get".*upper case/, 'lower case method');
config_refused('tradesec on; tradesec_methods GET GET;',
    qr/duplicate method "GET"/, 'duplicate method');
config_refused('tradesec_methods GET; tradesec_methods POST;',
    qr/is duplicate/, 'duplicate directive');
config_refused('tradesec_safe_methods GET "";', qr/invalid method ""/,
    'empty method');
config_refused('tradesec_dry_run origin off;',
    qr/"off" in "tradesec_dry_run", it must stand alone/, 'off beside a guard');
config_refused('tradesec_dry_run methds;', qr/did you mean "methods"/,
    'misspelt guard');
config_refused('tradesec_dry_run on methods;', qr/invalid parameter "on"/,
    'on beside a guard');

done_testing();
