#!/usr/bin/perl

# Every Set-Cookie line of every response gets Secure, HttpOnly, SameSite and a
# bounded lifetime, whoever set it; what is right already is not touched.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused config_accepted);


my $server = <<'CONF';
    tradesec on;

    location / { proxy_pass http://%%BACKEND%%; }

    location /off { tradesec_cookies off; proxy_pass http://%%BACKEND%%; }
    location /unprotected { tradesec off; proxy_pass http://%%BACKEND%%; }

    location /own {
        tradesec_cookie *      samesite=strict max_age=1h;
        tradesec_cookie prefs  httponly=off max_age=off;
        tradesec_cookie embed  samesite=none;
        tradesec_cookie raw    secure=off httponly=off samesite=off max_age=off;
        tradesec_cookie always secure=on;
        tradesec_cookie XSRF-TOKEN httponly=on;
        proxy_pass http://%%BACKEND%%;

        location /own/deeper {
            tradesec_cookie * samesite=lax;
            tradesec_cookie prefs samesite=strict;
            proxy_pass http://%%BACKEND%%;
        }
    }

    location /add {
        add_header Set-Cookie "a=$arg_a" always;
        return 204;
    }

    location /error { add_header Set-Cookie a=1 always; deny all; }

    location /intercepted {
        proxy_intercept_errors on;
        error_page 500 502 @sorry;
        proxy_pass http://%%BACKEND%%;
    }

    location @sorry { add_header Set-Cookie a=1 always; return 200 sorry; }

    location /moved { return 301 /; add_header Set-Cookie a=1 always; }
    location /files/ { internal; root %%DIR%%; }
    location /gone { add_header Set-Cookie a=1 always;
        proxy_pass http://127.0.0.1:1; }
    location /inner { add_header Set-Cookie a=1; proxy_pass http://%%BACKEND%%; }
    location /cached {
        proxy_cache cache;
        proxy_cache_valid 200 1m;
        proxy_ignore_headers Set-Cookie;
        proxy_pass http://%%BACKEND%%;
    }
CONF

my %answers = (
    '/a'    => { headers => [ 'Set-Cookie' => 'a=1; Path=/' ] },
    '/many' => { headers => [
        'Set-Cookie' => 'a=1',
        'SET-COOKIE' => 'b=2; secure; HTTPONLY; samesite=strict',
        'X-Other'    => 'a=1',
        'set-cookie' => 'c=3; expires=Thu, 01-Jan-2099 00:00:00 GMT',
        'Set-Cookie' => 'c=4; Max-Age=60',
        'Set-Cookie' => 'gone=; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
        'Set-Cookie' => '__Host-h=1; Domain=x.test; Path=/app',
        'Set-Cookie' => '__Secure-s=1',
        'Set-Cookie' => 'p=1; Partitioned;',
        'Set-Cookie' => 'n=1; SameSite=None',
        'Set-Cookie' => 'value',
        'Set-Cookie' => '=__Host-h=2',
        'Set-Cookie' => "bad=1\x01",
        'Set-Cookie' => 'q="x; y"; Path',
        'Set-Cookie' => 'XSRF-TOKEN=1',
        'Set-Cookie' => 'csrftoken=1',
        'Set-Cookie' => '_xsrf=1',
        'Set-Cookie' => 'xsrf-token=1',
    ] },
    '/own'  => sub { { headers => [ map { ('Set-Cookie' => "$_=1"
        . '; Max-Age=99999999') } qw(x prefs embed raw always XSRF-TOKEN) ] } },
    '/304'  => { status => 304, headers => [ 'Set-Cookie' => 'a=1' ] },
    '/500'  => { status => 500, headers => [ 'Set-Cookie' => 'a=1' ] },
    '/xaccel' => { headers => [ 'Set-Cookie' => 'a=1',
        'X-Accel-Redirect' => '/files/a.txt' ] },
    '/intercepted' => { status => 500, headers => [ 'Set-Cookie' => 'b=1' ] },
    '/inner' => { headers => [ 'Set-Cookie' => 'b=1' ] },
    '/cached' => { headers => [ 'Set-Cookie' => 'a=1' ] },
);

$answers{'/own/deeper'} = $answers{'/own'};
$answers{"/$_"} = $answers{'/a'} for qw(off unprotected);

my $http = 'proxy_cache_path %%DIR%%/cache keys_zone=cache:1m;';

sub gateway {
    my (%opt) = @_;

    my $t = Tradesec::Test->new(backend => \%answers, server => $server,
        http => $http, %opt);

    mkdir $t->dir . '/files';
    $t->write_file('files/a.txt', 'a');
    $t->allow_logged(qr/connect\(\) failed/);

    return $t;
}

my $tls = gateway(tls => 1, http2 => 1);
my $t   = gateway();

my $ALL  = 'Secure; HttpOnly; SameSite=Lax';
my $HTTP = 'HttpOnly; SameSite=Lax';

sub cookies { return join '|', $_[0]->headers('Set-Cookie') }

# several lines

my @many = (
    "a=1; $ALL",
    'b=2; secure; HTTPONLY; samesite=strict',
    "c=3; Max-Age=34560000; $ALL",
    "c=4; Max-Age=60; $ALL",
    "gone=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; $ALL",
    '__Host-h=1; Path=/; Secure; HttpOnly; SameSite=Lax',
    "__Secure-s=1; $ALL",
    "p=1; Partitioned; $ALL",
    "n=1; $ALL",
    "value; $ALL",
    qq{q="x; y"; Path; $ALL},
    'XSRF-TOKEN=1; Secure; SameSite=Lax',
    'csrftoken=1; Secure; SameSite=Lax',
    '_xsrf=1; Secure; SameSite=Lax',
    "xsrf-token=1; $ALL",
);

is_deeply([ $tls->get('/many')->headers('Set-Cookie') ], \@many,
    'every line, in its order');
is($tls->get('/many')->header('X-Other'), 'a=1', 'no other field');
$tls->logged(qr/cookie not passed on/, 'what no browser takes is logged');
is_deeply([ $tls->h2(GET => '/many')->headers('Set-Cookie') ], \@many,
    'HTTP/2: every line');

# over plain http only what has a prefix, or was said by the backend

is_deeply([ $t->get('/many')->headers('Set-Cookie') ],
    [ map { /^(?:b=|__)/ ? $_ : s/; Secure//r } @many ], 'http: no Secure');

# every response

for my $case (
    [ '/a'           => 200, 'a=1; Path=/; %s' ],
    [ '/304'         => 304, 'a=1; %s' ],
    [ '/500'         => 500, 'a=1; %s' ],
    [ '/error'       => 403, 'a=1; %s' ],
    [ '/intercepted' => 500, 'a=1; %s' ],
    [ '/moved'       => 301, 'a=1; %s' ],
    [ '/gone'        => 502, 'a=1; %s' ],
    [ '/add?a=1'     => 204, 'a=1; %s' ],
    [ '/xaccel'      => 200, 'a=1; %s' ],
    [ '/inner'       => 200, 'b=1; %s|a=1; %s' ],
    [ '/cached'      => 200, 'a=1; %s' ],
    [ '/cached'      => 200, 'a=1; %s' ],
) {
    my ($uri, $status, $expected) = @$case;

    for ([ $tls, $ALL, 'https' ], [ $t, $HTTP, 'http' ]) {
        my ($server, $flags, $name) = @$_;

        my $r = $server->get($uri);

        is($r->status . ' ' . cookies($r),
            "$status " . $expected =~ s/%s/$flags/gr, "$uri over $name");
    }
}

is(cookies($tls->head('/a')), "a=1; Path=/; $ALL", 'HEAD');
is($tls->backend->count('/cached'), 1, 'the second came from the cache');

# a gateway in front of a gateway

my $outer = Tradesec::Test->new(tls => 1, backend => $tls->backend,
    server => 'tradesec on; location / { proxy_pass https://127.0.0.1:'
        . $tls->port . '; proxy_set_header Host localhost; }');

is_deeply([ $outer->get('/many')->headers('Set-Cookie') ], \@many,
    'twice is once');

# TLS that ends in front of us

my $behind = Tradesec::Test->new(backend => \%answers, server => <<'CONF');
    tradesec on;
    tradesec_trusted_scheme $http_x_scheme;
    location / { proxy_pass http://%%BACKEND%%; }
CONF

is(cookies($behind->get('/a', 'X-Scheme' => 'https')),
    "a=1; Path=/; $ALL", 'trusted scheme https');
is(cookies($behind->get('/a', 'X-Scheme' => 'http')),
    "a=1; Path=/; $HTTP", 'trusted scheme http');

# off, and rules by name

is(cookies($tls->get('/off')), 'a=1; Path=/', 'tradesec_cookies off');
is(cookies($tls->get('/unprotected')), 'a=1; Path=/', 'tradesec off');

is_deeply([ $tls->get('/own')->headers('Set-Cookie') ], [
    'x=1; Max-Age=3600; Secure; HttpOnly; SameSite=Strict',
    'prefs=1; Max-Age=99999999; Secure; SameSite=Strict',
    'embed=1; Max-Age=3600; Secure; HttpOnly; SameSite=None',
    'raw=1; Max-Age=99999999',
    'always=1; Max-Age=3600; Secure; HttpOnly; SameSite=Strict',
    'XSRF-TOKEN=1; Max-Age=3600; Secure; HttpOnly; SameSite=Strict',
], 'rules by name');

is_deeply([ $t->get('/own')->headers('Set-Cookie') ], [
    'x=1; Max-Age=3600; HttpOnly; SameSite=Strict',
    'prefs=1; Max-Age=99999999; SameSite=Strict',
    'embed=1; Max-Age=3600; HttpOnly',
    'raw=1; Max-Age=99999999',
    'always=1; Max-Age=3600; Secure; HttpOnly; SameSite=Strict',
    'XSRF-TOKEN=1; Max-Age=3600; HttpOnly; SameSite=Strict',
], 'rules by name over http');

is_deeply([ $tls->get('/own/deeper')->headers('Set-Cookie') ], [
    'x=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax',
    'prefs=1; Max-Age=99999999; Secure; SameSite=Strict',
    'embed=1; Max-Age=3600; Secure; HttpOnly; SameSite=None',
    'raw=1; Max-Age=99999999',
    'always=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax',
    'XSRF-TOKEN=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax',
], 'rules of a deeper location add to these');

# what a client sends does not write a cookie line of its own

is(cookies($tls->get('/add?a=1;Domain=x')), "a=1;Domain=x; $ALL",
    'a variable cannot take the attributes away');

# configuration

for my $case (
    [ 'a samesite=lux;', qr/invalid parameter "samesite=lux"/ ],
    [ 'a same_site=lax;', qr/did you mean "samesite="/ ],
    [ 'a httponly=maybe;', qr/invalid parameter "httponly=maybe"/ ],
    [ 'a max_age=0;', qr/invalid parameter "max_age=0"/ ],
    [ 'a max_age=soon;', qr/invalid parameter "max_age=soon"/ ],
    [ 'a max_age=1h max_age=2h;', qr/duplicate parameter "max_age=2h"/ ],
    [ 'a secure=on secure=off;', qr/duplicate parameter "secure=off"/ ],
    [ '"a b" secure=on;', qr/invalid cookie name "a b"/ ],
    [ 'a;', qr/invalid number of arguments/ ],
) {
    my ($text, $expected) = @$case;

    config_refused("tradesec_cookie $text", $expected,
        "refused: tradesec_cookie $text");
}

config_refused('tradesec_cookies maybe;', qr/invalid value "maybe"/,
    'no flag');
config_refused('tradesec on;' . join('', map {"tradesec_cookie c$_ secure=on;"}
    1 .. 30), qr/more than 29 different names/, 'too many names');
config_accepted('tradesec on;' . join('', map {"tradesec_cookie c$_ secure=on;"}
    1 .. 29), 'as many as there may be');

done_testing();
