#!/usr/bin/perl

# A request with two cookies of a guarded name, in any spelling that some
# backend takes for that name, is refused before the backend sees it; one
# cookie, and any number of others, are not.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused config_accepted);


my $t = Tradesec::Test->new(
    backend    => 1,
    access_log => '$uri $status [$tradesec_status $tradesec_reason]',
    server     => <<'CONF');
    tradesec on;
    tradesec_cookie_unique sid JSESSIONID;

    location / { proxy_pass http://%%BACKEND%%; }

    location /off { tradesec_cookie_unique off; proxy_pass http://%%BACKEND%%; }

    location /other {
        tradesec_cookie_unique other;
        proxy_pass http://%%BACKEND%%;
    }

    location /dry {
        tradesec_dry_run cookies;
        proxy_pass http://%%BACKEND%%;
    }

    location /page {
        error_page 400 /sorry;
        proxy_pass http://%%BACKEND%%;
    }

    location = /sorry { internal; return 200 sorry; }

    location /satisfy {
        satisfy any;
        allow all;
        proxy_pass http://%%BACKEND%%;
    }

    location /hop { tradesec_cookie_unique off; rewrite ^ /arrived last; }

    location /try {
        tradesec_cookie_unique off;
        try_files /nothing @named;
    }

    location @named { proxy_pass http://%%BACKEND%%; }
CONF

# one of each

my @fine = (
    [ 'sid=1' ],
    [ 'sid=1; JSESSIONID=2' ],
    [ 'a=1; a=2; sid=1; b; =c' ],
    [ 'sid=1', 'JSESSIONID=2', 'x=sid' ],
    [ 'sid="quoted"' ],
    [ 'sid=a=b==' ],
    [ 'sidx=1; xsid=2; sid=3; s_id=4' ],
    [ 'sid=' ],
    [ 'other=1; other=2' ],
    [ '' ],
);

for my $lines (@fine) {
    is($t->get('/', map { (Cookie => $_) } @$lines)->status, 200,
        "passes: @$lines");
}

is($t->get('/')->status, 200, 'passes: no cookie at all');
is($t->backend->count, @fine + 1, 'all of them reached the backend');

# cookie_duplicate

my @twice = (
    [ 'sid=1; sid=2' ],
    [ 'sid=1; sid=1' ],
    [ 'sid=1', 'sid=2' ],
    [ 'sid=1; a=b', 'c=d;sid=2' ],
    [ 'JSESSIONID=1; JSESSIONID=2' ],
    [ 'sid=1; SID=2' ],
    [ 'SID=2' ],
    [ 'sid=1;%73id=2' ],
    [ 'sid=1; sid =2' ],
    [ 'sid=1; sid' ],
    [ 'sid=1; sid[]=2' ],
    [ 'sid=1; sid[0]=2' ],
    [ 'sid=1, sid=2' ],
    [ 'a=1, sid=2' ],
    [ 'sid=1 sid=2' ],
    [ 'a=1 sid=2' ],
    [ 'sid=1; "sid"=2' ],
    [ "sid=1; \xa0sid=2" ],
    [ "sid=1;\tsid=2" ],
    [ 'sid="1; sid=2"' ],
);

$t->backend->clear;

for my $lines (@twice) {
    my $r = $t->get('/', map { (Cookie => $_) } @$lines);

    is($r->status, 400, "cookie_duplicate: @$lines");
}

is($t->backend->count, 0, 'none of them reached the backend');
$t->access_logged(qr{/ 400 \[REJECTED cookie_duplicate\]}, 'and it is logged');
$t->logged(qr/guard "cookies", reason: "cookie_duplicate".*, twice/,
    'what was found');
$t->logged(qr/reason: "cookie_duplicate".*, another spelling/,
    'and what else was');

my $h2 = Tradesec::Test->new(backend => 1, tls => 1, http2 => 1,
    server => <<'CONF');
    tradesec on;
    tradesec_cookie_unique sid;
    location / { proxy_pass http://%%BACKEND%%; }
CONF

is($h2->h2(GET => '/', undef, Cookie => 'sid=1; a=2')->status, 200,
    'HTTP/2: one');
is($h2->h2(GET => '/', undef, Cookie => 'sid=1; sid=2')->status, 400,
    'HTTP/2: two');
is($h2->h2(GET => '/', undef, Cookie => 'sid=1', Cookie => 'sid=2')->status,
    400, 'HTTP/2: two fields');

# elsewhere

my @two = (Cookie => 'sid=1; sid=2');

$t->backend->clear;

is($t->get('/off', @two)->status, 200, 'off');
is($t->get('/other', @two)->status, 200, 'own names take the place of others');
is($t->get('/other', Cookie => 'other=1; other=2')->status, 400, 'own name');
is($t->get('/dry', @two)->status, 200, 'dry run');
$t->access_logged(qr{/dry 200 \[REJECTED_DRY_RUN cookie_duplicate\]},
    'dry run is marked');
is($t->backend->count, 3, 'three of these passed');

$t->backend->clear;

my $page = $t->get('/page', @two);

is($page->status . ' ' . $page->body, '400 sorry', 'error page');
is($t->get('/satisfy', @two)->status, 400, 'satisfy any');
is($t->get('/hop', @two)->status, 400, 'behind a rewrite');
is($t->get('/try', @two)->status, 400, 'in a named location');
is($t->backend->count, 0, 'none of these passed');
is($t->get('/hop', Cookie => 'sid=1')->status, 200, 'one behind a rewrite');

# configuration

config_refused('tradesec_cookie_unique "a b";', qr/invalid cookie name "a b"/,
    'bad name');
config_refused('tradesec_cookie_unique off a;',
    qr/"off" in "tradesec_cookie_unique", it must stand alone/, 'off, and one');
config_refused('tradesec_cookie_unique a; tradesec_cookie_unique b;',
    qr/is duplicate/, 'twice');
config_refused('tradesec_cookie_unique ' . join(' ', 'a' .. 'q') . ';',
    qr/more than 16 names/, 'too many');
config_accepted('tradesec on; tradesec_cookie_unique a b;', 'two names');

done_testing();
