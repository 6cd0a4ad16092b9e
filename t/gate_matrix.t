#!/usr/bin/perl

# The gate under everything nginx does with a request: satisfy, error_page,
# named locations, X-Accel-Redirect, try_files, index, subrequests, rewrite,
# HTTP/2. Without the gate at the front, or with a verdict that "satisfy any"
# can undo, one of the refused requests would reach the backend.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Tradesec::Test qw(wait_until);


my $t = Tradesec::Test->new(
    backend => {
        '/accel'     => { headers => [ 'X-Accel-Redirect' => '/guarded/x' ] },
        '/accel-get' => { headers => [ 'X-Accel-Redirect' => '/get-only/x' ] },
        '/ssi'       => {
            headers => [ 'Content-Type' => 'text/html' ],
            body    => join('', map { qq{<!--#include virtual="/ssi/$_"-->} }
                qw(harmless effect)) },
        '*'          => sub { {
            headers => [ 'X-Reached' => $_[0]->uri ],
            body    => 'reached' } },
    },
    access_log => '$request $tradesec_status '
                . '$tradesec_guard $tradesec_reason',
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_methods GET HEAD POST;

        location /plain { proxy_pass http://%%BACKEND%%; }

        location /satisfy-any {
            satisfy any;
            allow all;
            proxy_pass http://%%BACKEND%%;
        }

        location /satisfy-any-auth {
            satisfy any;
            auth_request /auth;
            proxy_pass http://%%BACKEND%%;
        }

        location = /auth {
            internal;
            proxy_pass http://%%BACKEND%%/auth-backend;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location /satisfy-all-denied {
            deny all;
            proxy_pass http://%%BACKEND%%;
        }

        location /error-page {
            error_page 405 /sorry.html;
            proxy_pass http://%%BACKEND%%;
        }

        location = /sorry.html {
            tradesec_methods GET;
            return 200 "sorry";
        }

        location /error-page-static {
            error_page 405 /page/sorry.txt;
            proxy_pass http://%%BACKEND%%;
        }

        location /page/ { root %%DIR%%; }

        location /error-named {
            error_page 405 @sorry;
            proxy_pass http://%%BACKEND%%;
        }

        location @sorry { return 200 "named sorry"; }

        # the request is still what was refused

        location /error-proxied {
            error_page 405 = @app;
            proxy_pass http://%%BACKEND%%;
        }
        location /error-proxied-if {
            error_page 405 @app-if;
            proxy_pass http://%%BACKEND%%;
        }
        location /error-proxied-off {
            error_page 405 =200 @app-off;
            proxy_pass http://%%BACKEND%%;
        }
        location /error-rewritten {
            error_page 405 = @page;
            proxy_pass http://%%BACKEND%%;
        }

        location @app { proxy_pass http://%%BACKEND%%; }
        location @app-if {
            if ($request_method) { set $x 1; }
            proxy_pass http://%%BACKEND%%;
        }
        location @app-off { tradesec off; proxy_pass http://%%BACKEND%%; }
        location @page {
            rewrite ^ /sorry-page break;
            proxy_pass http://%%BACKEND%%;
        }

        location /error-chain {
            error_page 405 /chain/;
            proxy_pass http://%%BACKEND%%;
        }

        location /chain/ {
            tradesec_methods POST;
            try_files /nothing /guarded/y;
        }

        location /error-rewrite {
            error_page 405 @rewrite;
            proxy_pass http://%%BACKEND%%;
        }

        location @rewrite { rewrite ^ /plain last; }

        location /error-other {
            error_page 405 =200 /sorry.html;
            proxy_pass http://%%BACKEND%%;
        }

        location /try { try_files /nothing /get-only/t; }

        location /try-named { try_files /nothing @get-only; }

        location @get-only {
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%;
        }

        location /get-only/ {
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%;
        }

        location /accel { proxy_pass http://%%BACKEND%%; }

        location /guarded/ {
            tradesec_methods POST;
            proxy_pass http://%%BACKEND%%;
        }

        location /off/ {
            tradesec off;
            rewrite ^/off/back/(.*) /get-only/$1 last;
            try_files /nothing /get-only/o;
        }

        location /rewrite/ { rewrite ^ /get-only/r last; }

        location /mirrored {
            mirror /mirror-open;
            mirror /mirror-internal;
            proxy_pass http://%%BACKEND%%;
        }

        location = /mirror-open {
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%/mirror-open-backend;
        }

        location = /mirror-internal {
            internal;
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%/mirror-internal-backend;
        }

        location /mirrored-same {
            mirror /mirror-same;
            proxy_pass http://%%BACKEND%%;
        }

        location = /mirror-same {
            proxy_pass http://%%BACKEND%%/mirror-same-backend;
        }

        location /mirrored-dry {
            mirror /mirror-dry;
            proxy_pass http://%%BACKEND%%;
        }

        location = /mirror-dry {
            tradesec_dry_run on;
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%/mirror-dry-backend;
        }

        location /dry-mirrored {
            tradesec_dry_run on;
            mirror /mirror-same;
            proxy_pass http://%%BACKEND%%;
        }

        location /ssi {
            tradesec_origin https://app.test;
            ssi on;
            proxy_pass http://%%BACKEND%%;

            location /ssi/harmless { proxy_pass http://%%BACKEND%%; }

            location /ssi/effect {
                tradesec_safe_methods none;
                proxy_pass http://%%BACKEND%%;
            }
        }

        location /twice {
            tradesec_methods POST;
            error_page 405 /chain/;
            proxy_pass http://%%BACKEND%%;
        }

        location /if {
            if ($arg_x) { proxy_pass http://%%BACKEND%%; }
            proxy_pass http://%%BACKEND%%;
        }

        location /limit {
            limit_except GET POST DELETE { deny all; }
            proxy_pass http://%%BACKEND%%;
        }
    CONF

mkdir $t->dir . '/page';
$t->write_file('page/sorry.txt', "static sorry\n");

my $backend = $t->backend;

sub ask {
    my ($method, $uri, @rest) = @_;

    $backend->clear;

    return $t->request($method, $uri, @rest);
}

sub refused {
    my ($method, $uri, $status, $title) = @_;

    my $r = ask($method, $uri);

    is($r->status, $status, "$title: $status");
    is($backend->count, 0, "$title: nothing reached the backend");

    return $r;
}

sub passed {
    my ($method, $uri, $title) = @_;

    my $r = ask($method, $uri);

    is($r->status, 200, "$title: passed");

    return $r;
}


# Nobody waits for a mirror: it may arrive behind the answer.

sub mirrored {
    my ($uri, $title) = @_;

    ok(wait_until(sub { $backend->count($uri) == 1 }), $title);

    return;
}


# plain

passed('GET', '/plain', 'allowed method');
my $r = refused('DELETE', '/plain', 405, 'method_not_allowed');
is($r->header('Allow'), 'GET, HEAD, POST', 'Allow lists the methods');
is($r->header('Cache-Control'), 'no-store', 'refusal is not stored');
like($r->body, qr/"request_id":"[0-9a-f]{32}"/, 'request id to quote');
unlike($r->body, qr/method_not_allowed|methods/, 'body keeps the reason');
my ($id) = $r->body =~ /"request_id":"([0-9a-f]+)"/;
$t->logged(qr/request id: "$id"/, 'the log has the same id');

$r = ask('DELETE', '/plain', undef, Accept => 'text/html');
like($r->header('Content-Type'), qr{^text/html}, 'a page for people');

$r = ask('HEAD', '/plain');
is($r->status, 200, 'HEAD passes');

# satisfy

refused('DELETE', '/satisfy-any', 405, 'satisfy any cannot undo a refusal');
passed('GET', '/satisfy-any', 'satisfy any');
refused('DELETE', '/satisfy-any-auth', 405, 'satisfy any with auth_request');
passed('GET', '/satisfy-any-auth', 'satisfy any with auth_request');
is($backend->count('/auth-backend'), 1, 'internal auth subrequest passes');
refused('GET', '/satisfy-all-denied', 403, 'our pass does not undo a deny');

# error pages

$r = ask('DELETE', '/error-page');
is($r->status, 405, 'error page keeps the status');
is($r->body, 'sorry', 'error page of another location is served');
is($r->header('Allow'), 'GET, HEAD, POST', 'error page keeps Allow');
is($backend->count, 0, 'nothing reached the backend');

$r = ask('DELETE', '/error-page-static');
is($r->body, "static sorry\n", 'static error page');

$r = ask('DELETE', '/error-named');
is($r->body, 'named sorry', 'named error page');

for my $uri (map {"/error-proxied$_"} '', '-if', '-off') {
    $r = refused('DELETE', $uri, 405, "$uri: a page that would carry it out");
    is($r->header('Allow'), 'GET, HEAD, POST', '... keeps Allow');
    like($r->body, qr/"status":405/, '... is ours instead');
}

$t->logged(qr/error_page of a refusal is not shown/, 'which is logged');

$r = ask('DELETE', '/error-rewritten');
is($backend->count('/error-rewritten'), 0, 'a page at the backend: not asked');
is($backend->count('/sorry-page'), 1, 'a page at the backend: shown');

$r = ask('DELETE', '/error-other');
is($r->status, 200, 'error_page with another status');

$r = ask('HEAD', '/error-chain');
is($r->status, 200, 'chain: allowed method');

$r = ask('DELETE', '/error-chain');
is($r->status, 405, 'what the error page redirects to is judged again');
is($backend->count, 0, 'nothing reached the backend');

refused('DELETE', '/error-rewrite', 405,
    'what the error page rewrites to is judged again');

# internal redirects

passed('GET', '/try', 'try_files');
refused('POST', '/try', 405, 'try_files into a stricter location');
passed('GET', '/try-named', 'try_files to a named location');
refused('POST', '/try-named', 405, 'try_files to a stricter named location');

$r = ask('GET', '/accel');
is($r->status, 405, 'X-Accel-Redirect into a stricter location');
is($backend->count, 1, 'only the first request reached the backend');
passed('GET', '/accel-get', 'X-Accel-Redirect');

passed('GET', '/off/x', 'from an unprotected location');
refused('POST', '/off/x', 405, 'from an unprotected into a protected one');
refused('POST', '/off/back/x', 405, 'rewrite last into a protected one');
refused('POST', '/rewrite/x', 405, 'rewrite last into a stricter one');

refused('DELETE', '/if?x=1', 405, 'inside an if block');
refused('DELETE', '/limit', 405, 'in a location with limit_except');
passed('GET', '/limit', 'limit_except');

# subrequests

$r = ask('POST', '/mirrored', 'x');
is($r->status, 200, 'main request passes');
$t->logged(qr/subrequest_policy/, 'subrequest_policy is logged');
mirrored('/mirror-internal-backend',
    'an internal location is open to a subrequest');
is($backend->count('/mirror-open-backend'), 0,
    'subrequest_policy: a stricter location is refused to a subrequest');

ask('POST', '/mirrored-same', 'x');
mirrored('/mirror-same-backend', 'the same policy is open to a subrequest');

ask('POST', '/mirrored-dry', 'x');
mirrored('/mirror-dry-backend', 'dry run lets the subrequest through');

ask('DELETE', '/dry-mirrored');
is($backend->count('/mirror-same-backend'), 0,
    'what a dry run let through has not passed for a subrequest');
ask('GET', '/dry-mirrored');
mirrored('/mirror-same-backend', 'what has passed in a dry run has');

$r = ask('GET', '/ssi', undef, Origin => 'https://evil.test');
is($backend->count('/ssi/harmless'), 1, 'SSI into the same policy');
is($backend->count('/ssi/effect'), 0,
    'SSI into a location whose GET requests are unsafe');

# refused twice: by the location, and by where its error page leads

$r = ask('GET', '/twice');
is($r->status, 405, 'refused twice');
is(join('|', $r->headers('Allow')), 'POST', 'one Allow');
is(join('|', $r->headers('Cache-Control')), 'no-store', 'one Cache-Control');

# what the access log sees

$t->logged(qr/method_not_allowed/, 'reason in the error log');
my @log = $t->access_log;
ok((grep { m{^DELETE /plain HTTP/1.1 REJECTED methods method_not_allowed$} } @log),
    'variables of a refusal');
ok((grep { m{^GET /plain HTTP/1.1 PASSED  $} } @log), 'variables of a pass');
ok((grep { m{^DELETE /error-page HTTP/1.1 REJECTED methods method_not_allowed$} } @log),
    'variables outlive the error page');

# the log under attack

$t->clear_logs;
$t->parallel(([ DELETE => '/plain' ]) x 400);
cmp_ok(scalar $t->error_log(qr/refused/), '<=', 2 * 2 * 50,
    'refusals are logged a bounded number of times a second');
sleep 1.1;
ask('DELETE', '/plain') for 1 .. 20;
$t->logged(qr/\d+ such lines suppressed/, 'what was kept back is counted');

# HTTP/2 and pipelining

my $pipelined = $t->client(keepalive => 1)->connect;
$pipelined->write(join '', map {
    "$_ /plain HTTP/1.1\r\nHost: localhost\r\n\r\n" } qw(DELETE GET DELETE));
is($pipelined->response->status, 405, 'pipelined refusal');
is($pipelined->response->status, 200, 'pipelined pass');
is($pipelined->response->status, 405, 'pipelined refusal again');

my $body = $t->client(keepalive => 1)->connect;
is($body->request(DELETE => '/plain', 'x' x 5000)->status, 405,
    'refusal with a body');
is($body->request(GET => '/plain')->status, 200,
    'connection stays in step after it');

my $h2 = Tradesec::Test->new(backend => 1, tls => 1, http2 => 1,
    server => <<~'CONF');
        tradesec on;
        tradesec_methods GET;

        location / {
            error_page 405 @sorry;
            proxy_pass http://%%BACKEND%%;
        }

        location /plain { proxy_pass http://%%BACKEND%%; }
        location @sorry { return 200 "named sorry"; }
    CONF

is($h2->h2(GET => '/')->status, 200, 'HTTP/2 passes');
is($h2->h2(DELETE => '/plain')->status, 405, 'HTTP/2 refusal');
is($h2->h2(POST => '/', 'x' x 100_000)->body, 'named sorry',
    'HTTP/2 refusal with a body and an error page');
is($h2->backend->count, 1, 'HTTP/2: only the allowed one reached the backend');

done_testing();
