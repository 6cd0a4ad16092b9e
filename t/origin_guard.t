#!/usr/bin/perl

# The origin guard: unsafe requests and WebSocket handshakes come from listed
# origins only. Every refusal stands beside its legitimate twin.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused);


my $OWN = 'https://app.example.com';

my $t = Tradesec::Test->new(
    backend    => 1,
    access_log => '$request_uri $tradesec_status $tradesec_reason',
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin https://app.example.com https://admin.example.com:8443;

        location / { proxy_pass http://%%BACKEND%%; }

        location /off/ {
            tradesec_origin off;
            proxy_pass http://%%BACKEND%%;
        }

        location /partner/ {
            tradesec_origin https://partner.example;
            proxy_pass http://%%BACKEND%%;
        }

        location /unsafe-get/ {
            tradesec_safe_methods none;
            proxy_pass http://%%BACKEND%%;
        }

        location /dry/ {
            tradesec_dry_run origin;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;

sub check {
    my ($reason, $title, $method, $uri, @headers) = @_;

    $backend->clear;

    my $r = $t->request($method, $uri, $method eq 'GET' ? undef : 'x=1',
        @headers);

    if (defined $reason) {
        is($r->status, 403, "$title: refused");
        is($backend->count, 0, "$title: nothing reached the backend");
        is(($t->access_log(1))[-1], "$uri REJECTED $reason",
            "$title: $reason");
        unlike($r->body, qr/origin|$reason/i, "$title: body keeps the reason");

    } else {
        is($r->status, 200, "$title: passed");
        is($backend->count, 1, "$title: reached the backend");
        is(($t->access_log(1))[-1], "$uri PASSED ", "$title: status");
        $t->not_logged(qr/refused/, "$title: no refusal logged");
    }

    $t->clear_logs;

    return $r;
}

my @cookie = (Cookie => 'session=1');

# every unsafe method, with its twin

for my $method (qw(POST PUT PATCH DELETE)) {
    check(undef, "$method own", $method, '/', Origin => $OWN, @cookie);
    check('origin_mismatch', "$method foreign", $method, '/',
        Origin => 'https://evil.example', @cookie);
}

check(undef, 'safe method, foreign', 'GET', '/',
    Origin => 'https://evil.example', @cookie);

# spellings of an origin

for my $origin ('https://app.example.com:443', 'HTTPS://APP.example.COM',
    'https://admin.example.com:8443')
{
    check(undef, $origin, 'POST', '/', Origin => $origin, @cookie);
}

for my $origin ('http://app.example.com', 'https://app.example.com:8443',
    'https://app.example.com.evil.example', 'https://evil-app.example.com',
    'https://app.example.com.', 'https://example.com',
    'https://xapp.example.com', 'https://admin.example.com')
{
    check('origin_mismatch', $origin, 'POST', '/', Origin => $origin, @cookie);
}

for my $origin ("$OWN/", "$OWN, $OWN", "$OWN https://evil.example", '',
    'https://u@app.example.com', 'app.example.com', 'file://',
    'https://app.example.com:0443', "$OWN\t", 'NULL')
{
    next if $origin =~ /\s$/;    # nginx itself strips trailing white space

    check('origin_malformed', "\"$origin\"", 'POST', '/', Origin => $origin,
        @cookie);
}

check('origin_null', 'null', 'POST', '/', Origin => 'null', @cookie);
check('origin_null', 'null without a credential', 'POST', '/',
    Origin => 'null');
check('origin_null', 'null of a sandboxed frame', 'POST', '/',
    Origin => 'null', 'Sec-Fetch-Site' => 'cross-site', @cookie);
check(undef, 'null of an own form under no-referrer', 'POST', '/',
    Origin => 'null', 'Sec-Fetch-Site' => 'same-origin', @cookie);
check('origin_malformed', 'two Origin lines', 'POST', '/', Origin => $OWN,
    Origin => 'https://evil.example', @cookie);
check('origin_malformed', 'twice the same Origin', 'POST', '/',
    Origin => $OWN, Origin => $OWN, @cookie);

# Fetch Metadata

check(undef, 'same-origin', 'POST', '/', 'Sec-Fetch-Site' => 'same-origin',
    @cookie);
check(undef, 'none', 'POST', '/', 'Sec-Fetch-Site' => 'none', @cookie);
check('cross_site', 'cross-site', 'POST', '/',
    'Sec-Fetch-Site' => 'cross-site', Referer => "$OWN/", @cookie);
check('cross_site', 'same-site', 'POST', '/', 'Sec-Fetch-Site' => 'same-site',
    @cookie);
check(undef, 'same-site with a listed Origin', 'POST', '/',
    'Sec-Fetch-Site' => 'same-site', Origin => 'https://admin.example.com:8443',
    @cookie);
check('origin_mismatch', 'same-origin by a rebound name', 'POST', '/',
    'Sec-Fetch-Site' => 'same-origin', Origin => 'https://evil.example',
    @cookie);
check('origin_malformed', 'unknown Sec-Fetch-Site', 'POST', '/',
    'Sec-Fetch-Site' => 'Same-Origin', @cookie);
check('origin_malformed', 'two Sec-Fetch-Site lines', 'POST', '/',
    'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Site' => 'same-origin',
    @cookie);

# Referer

check(undef, 'Referer own', 'POST', '/', Referer => "$OWN/a?b", @cookie);
check('origin_mismatch', 'Referer foreign', 'POST', '/',
    Referer => "https://evil.example/$OWN/", @cookie);
check('origin_malformed', 'Referer with a user', 'POST', '/',
    Referer => 'https://app.example.com@evil.example/', @cookie);
check('origin_malformed', 'two Referer lines', 'POST', '/',
    Referer => "$OWN/", Referer => 'https://evil.example/', @cookie);
check(undef, 'Origin before Referer', 'POST', '/', Origin => $OWN,
    Referer => 'https://evil.example/', @cookie);

# nothing said

check('origin_missing', 'cookie and nothing said', 'POST', '/', @cookie);
check('origin_missing', 'empty cookie and nothing said', 'POST', '/',
    Cookie => '');
check('origin_missing', 'Basic and nothing said', 'POST', '/',
    Authorization => 'Basic YTpi');
check('origin_missing', 'another scheme and nothing said', 'POST', '/',
    Authorization => 'Negotiate x');
check(undef, 'no credential and nothing said', 'POST', '/');
check(undef, 'bearer and nothing said', 'POST', '/',
    Authorization => 'Bearer abc');
check(undef, 'bearer in lower case', 'POST', '/',
    Authorization => 'bearer abc');
check('origin_missing', 'bearer beside a cookie', 'POST', '/',
    Authorization => 'Bearer abc', @cookie);
check('origin_mismatch', 'bearer with a foreign Origin', 'POST', '/',
    Authorization => 'Bearer abc', Origin => 'https://evil.example');

# policies by location

check(undef, 'off', 'POST', '/off/', Origin => 'https://evil.example',
    @cookie);
check(undef, 'partner', 'POST', '/partner/',
    Origin => 'https://partner.example', @cookie);
check('origin_mismatch', 'own at the partner', 'POST', '/partner/',
    Origin => $OWN, @cookie);
check('origin_mismatch', 'GET declared unsafe', 'GET', '/unsafe-get/',
    Origin => 'https://evil.example', @cookie);
check('cross_site', 'GET declared unsafe, cross-site', 'GET', '/unsafe-get/',
    'Sec-Fetch-Site' => 'cross-site', @cookie);
check(undef, 'GET declared unsafe, own', 'GET', '/unsafe-get/',
    'Sec-Fetch-Site' => 'same-origin', @cookie);

# dry run twin

$backend->clear;
is($t->post('/dry/', 'x', Origin => 'https://evil.example')->status, 200,
    'dry run passes');
is($backend->count, 1, 'dry run reaches the backend');
$t->logged(qr/refused \(dry run\) by guard "origin"/, 'dry run is logged');
is(($t->access_log(1))[-1], '/dry/ REJECTED_DRY_RUN origin_mismatch',
    'dry run in the access log');

# the own origin, from Host

my $self = Tradesec::Test->new(backend => 1, http => <<~'CONF');
        server {
            listen 127.0.0.1:%%PORT%%;
            server_name app.test *.wild.test;
            tradesec on;
            location / { proxy_pass http://%%BACKEND%%; }
        }
    CONF

sub self {
    my ($status, $title, @headers) = @_;

    is($self->post('/', 'x', @headers, @cookie)->status, $status,
        "self: $title");

    return;
}

my $port = $self->port;

self(200, 'own', Host => "app.test:$port", Origin => "http://app.test:$port");
self(200, 'own on port 80', Host => 'app.test', Origin => 'http://app.test');
self(200, 'own Host in capitals', Host => 'APP.TEST',
    Origin => 'http://app.test');
self(403, 'other port', Host => "app.test:$port", Origin => 'http://app.test');
self(403, 'other scheme', Host => 'app.test', Origin => 'https://app.test');
self(403, 'Host made to fit the Origin', Host => 'evil.test',
    Origin => 'http://evil.test');
self(403, 'Host by a wildcard', Host => 'a.wild.test',
    Origin => 'http://a.wild.test');
self(403, 'foreign', Host => 'app.test', Origin => 'http://evil.test');

my $r = $self->raw("POST http://evil.test/ HTTP/1.1\r\nHost: app.test\r\n"
    . "Origin: http://evil.test\r\nCookie: a=1\r\nContent-Length: 0\r\n"
    . "Connection: close\r\n\r\n");
is($r->status, 403, 'self: absolute form does not make an origin');

my $tls = Tradesec::Test->new(backend => 1, tls => 1, http2 => 1,
    host => 'app.test', server => <<~'CONF');
        tradesec on;
        location / { proxy_pass http://%%BACKEND%%; }
    CONF

my $origin = 'https://app.test:' . $tls->port;

is($tls->post('/', 'x', Host => 'app.test:' . $tls->port, Origin => $origin,
    @cookie)->status, 200, 'self over TLS');
is($tls->post('/', 'x', Origin => 'http://app.test', @cookie)->status, 403,
    'self over TLS is https');

# configuration

config_refused({ http => <<~"CONF" }, qr/no server_name is a plain name.*tradesec_origin https/, "own origin of $_")
        server { listen 127.0.0.1:%%PORT%%; server_name $_; tradesec on; }
    CONF
    for '_', '*.example.com', '.example.com', 'www.example.*', '~^a', '""';

config_accepted({ http => <<~'CONF' }, 'own origin not needed when off');
        server {
            listen 127.0.0.1:%%PORT%%;
            tradesec on;
            tradesec_origin off;
        }
    CONF

config_refused("tradesec_origin $_;", qr/invalid origin "\Q$_\E".*https:/,
    "origin $_") for 'app.example.com', 'https://a/', '*', 'null',
    'https://u@a', 'ws://a';
config_refused('tradesec_origin off https://a;', qr/invalid origin "off"/,
    'off beside an origin');
config_refused('tradesec_origin https://a; tradesec_origin https://b;',
    qr/is duplicate/, 'duplicate directive');
config_refused('tradesec_origin '
    . join(' ', map { "https://a$_" } 1 .. 33) . ';', qr/more than 32/,
    'too many origins');

done_testing();
