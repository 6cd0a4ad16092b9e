#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Where a rule holds and what a caller hears who breaks it: methods, nested
# locations, answers of its own; and the ways around a location: other
# methods, internal redirects, error pages, subrequests, the dry run.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend => {
        '/accel/'      => { headers => [ [ 'X-Accel-Redirect' => '/admin/x' ] ] },
        '/ssi/'        => { headers => [ [ 'Content-Type' => 'text/html' ] ],
            body => '<!--# include virtual="/admin/x" -->' },
        '/own/ssi'     => { headers => [ [ 'Content-Type' => 'text/html' ] ],
            body => '<!--# include virtual="/own/bob" -->' },
        '/fails/'      => { status => 500 },
        '/admin/x'     => { body => 'secret' },
    },
    stopped    => 1,
    access_log => '$tradesec_status|$tradesec_reason|$tradesec_rule',
    http       => 'tradesec_zone zone=tradesec:1m;' . provider('portal'),
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_methods GET HEAD POST PUT PATCH DELETE OPTIONS PURGE;
        tradesec_jwt portal;
        tradesec_require membership=active name=member;
        ssi on;

        location / { proxy_pass http://%%BACKEND%%; }

        location /admin/ {
            tradesec_require role=admin name=administrators;
            proxy_pass http://%%BACKEND%%;

            location /admin/audit/ {
                tradesec_require auditor=true name=auditors;
                proxy_pass http://%%BACKEND%%;
            }
        }
        location /free/ {
            tradesec_require off;
            proxy_pass http://%%BACKEND%%;
        }
        location /instead/ {
            tradesec_require off;
            tradesec_require role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location /off/ {
            tradesec off;
            proxy_pass http://%%BACKEND%%;
        }

        location /post/ {
            tradesec_require methods=POST,PURGE role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location /get/ {
            tradesec_require methods=GET role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location /unsafe/ {
            tradesec_require methods=unsafe role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location /nothing-safe/ {
            tradesec_safe_methods none;
            tradesec_require methods=unsafe role=admin;
            proxy_pass http://%%BACKEND%%;
        }

        location /trade/ {
            tradesec_require email_verified=true name=verified status=403
                             "title=Verify your e-mail first"
                             code=email_unverified redirect=/verify?next=;
            proxy_pass http://%%BACKEND%%;
        }
        location /hidden/ {
            tradesec_require role=admin status=404;
            proxy_pass http://%%BACKEND%%;
        }
        location /paged/ {
            error_page 403 /page/;
            error_page 404 /page/hidden;
            tradesec_require role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location /page/ {
            tradesec_require role=admin;
            proxy_method GET;
            proxy_pass http://%%BACKEND%%;
        }

        location /fails/ {
            proxy_intercept_errors on;
            error_page 500 /admin/x;
            proxy_pass http://%%BACKEND%%;
        }
        location /rewritten/ { rewrite ^ /admin/x last; }
        location /tried/ { try_files /none /admin/x; }
        location /internal/ {
            internal;
            tradesec_require role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location /any/ {
            satisfy any;
            allow all;
            tradesec_require role=admin;
            proxy_pass http://%%BACKEND%%;
        }
        location ~ ^/own/(?<who>\w+)$ {
            tradesec_require sub=$who or who=$who;
            proxy_pass http://%%BACKEND%%;
        }

        location /dry/ {
            tradesec_dry_run require;
            tradesec_require role=admin name=dry status=404;
            proxy_pass http://%%BACKEND%%;
        }
        location /dry-jwt/ {
            tradesec_dry_run jwt;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;

my %member = (membership => 'active');

sub who { return (Authorization => 'Bearer ' . token({@_})) }

my @nobody = who();
my @member = who(%member);
my @admin  = who(%member, role => 'admin');
my @auditor = who(%member, role => 'admin', auditor => JSON::PP::true);

sub status {
    my ($method, $uri, @headers) = @_;

    $backend->clear;

    return $t->request($method, $uri, $method =~ /^P/ ? '' : undef, @headers)
        ->status;
}

sub is_status {
    my ($title, $want, @request) = @_;

    is(status(@request), $want, $title);
    is($backend->count, 0, "$title: nothing reached the backend")
        if $want != 200;
}

# rules of all levels add up

is_status('the server\'s rule', 403, GET => '/', @nobody);
is_status('held', 200, GET => '/', @member);
is_status('both levels: the server\'s', 403, GET => '/admin/',
    who(role => 'admin'));
is_status('both levels: the location\'s', 403, GET => '/admin/', @member);
is_status('both held', 200, GET => '/admin/', @admin);
is_status('three levels', 403, GET => '/admin/audit/', @admin);
is_status('three held', 200, GET => '/admin/audit/', @auditor);
is_status('off', 200, GET => '/free/', @nobody);
is_status('off still asks for a token', 401, GET => '/free/');
is_status('off and another', 403, GET => '/instead/', @member);
is_status('off and another, held', 200, GET => '/instead/',
    who(role => 'admin'));
is_status('tradesec off', 200, GET => '/off/');

$t->clear_logs;
status(GET => '/admin/audit/', @admin);
$t->access_logged(qr/^\QREJECTED|require_unmet|auditors\E$/,
    'the rule that was broken');

# methods

for my $method (qw(POST PURGE)) {
    is_status("$method is listed", 403, $method => '/post/', @member);
    is_status("$method is listed, held", 200, $method => '/post/', @admin);
}

is_status("$_ is not listed", 200, $_ => '/post/', @member)
    for qw(GET HEAD PUT DELETE OPTIONS);
is_status("methods=GET: $_", 403, $_ => '/get/', @member) for qw(GET HEAD);
is_status('methods=GET: POST', 200, POST => '/get/', @member);
is_status("unsafe: $_", 403, $_ => '/unsafe/', @member)
    for qw(POST PUT PATCH DELETE PURGE);
is_status("unsafe: $_", 200, $_ => '/unsafe/', @member)
    for qw(GET HEAD OPTIONS);
is_status('no method is safe', 403, GET => '/nothing-safe/', @member);
is_status("another spelling: $_", 405, $_ => '/post/', @member)
    for qw(POSTX PURGE_ POS);
is_status('lower case', 400, post => '/post/', @member);
is_status('a method in disguise', 400, GET => '/post/?_method=POST', @member);

# answers

my $r = $t->post('/trade/', 'x=1', @member);

is($r->status, 403, 'answer: status');
is($r->header('Cache-Control'), 'no-store', 'answer: not cached');
is($r->header('Content-Type'), 'application/problem+json', 'answer: problem');
is($r->json->{title}, 'Verify your e-mail first', 'answer: title');
is($r->json->{code}, 'email_unverified', 'answer: code');
is($r->json->{status}, 403, 'answer: status in the body');
like($r->json->{request_id}, qr/^[0-9a-f]{32}$/, 'answer: an id');

my @browser = (Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate');

$r = $t->post('/trade/', 'x=1', @member, @browser);
is($r->status, 403, 'a form is not sent elsewhere');
like($r->body, qr{<h1>Verify your e-mail first</h1>}, 'but told on a page');
$r = $t->get('/trade/new?a=1', @member, @browser);
is($r->status, 303, 'a navigation is sent on');
is($r->header('Location'), '/verify?next=%2Ftrade%2Fnew%3Fa%3D1',
    'with its way back');
$r = $t->get('/trade/', @member, 'Sec-Fetch-Mode' => 'cors');
is($r->status, 403, 'a fetch is not');

$r = $t->get('/hidden/', @member);
is($r->status, 404, 'another status');
is($r->json->{title}, 'Not Found', 'with its phrase');
is($r->json->{code}, undef, 'and no code');
$r = $t->get('/', @nobody);
is_deeply([ sort keys %{ $r->json } ], [qw(request_id status title type)],
    'without words of its own');
unlike($r->body, qr/member/, 'the rule is nobody\'s business');

# the operator's error page shows itself, once

is(status(GET => '/paged/', @member), 403, 'error page: status');
is($backend->last->uri, '/page/', 'error page: shown');
is_status('its location is guarded when asked', 403, GET => '/page/',
    @member);

# ways in that are none

is(status(GET => '/accel/', @member), 403, 'X-Accel-Redirect');
is(status(GET => '/accel/', @admin), 200, 'X-Accel-Redirect of an admin');
is(status(GET => '/fails/', @member), 500, 'error_page of a failure');
is($backend->count('/admin/x'), 0, 'error_page of a failure: not shown');
status(GET => '/fails/', @admin);
is($backend->count('/admin/x'), 1, 'error_page of a failure: shown when held');
is_status('rewrite', 403, GET => '/rewritten/', @member);
is_status('try_files', 403, GET => '/tried/', @member);
is_status('satisfy any', 403, GET => '/any/', @member);
is_status('internal', 404, GET => '/internal/', @admin);

$r = $t->get('/ssi/', @admin);
unlike($r->body, qr/secret/, 'a subrequest into stricter rules');
$t->logged(qr/guard "require", reason: "subrequest_policy"/,
    'subrequest_policy');

$r = $t->get('/own/ssi', who(%member, who => 'ssi'));
is($r->status, 200, 'the own part of a request');
is($backend->count('/own/bob'), 0, 'says nothing of a subrequest\'s');

# dry run

$t->clear_logs;
is_status('dry run', 200, GET => '/dry/', @member);
$t->access_logged(qr/^\QREJECTED_DRY_RUN|require_unmet|dry\E$/,
    'is marked with the rule');
$t->logged(qr/refused \(dry run\) by guard "require".*rule: "dry"/,
    'and logged');
$t->clear_logs;
is_status('dry run, held', 200, GET => '/dry/', @admin);
$t->access_logged(qr/^\QPASSED||\E$/, 'is not marked');
is_status('dry run of the token alone: nobody satisfies no rule', 403,
    GET => '/dry-jwt/');
is_status('dry run of the token alone: a bad one neither', 403,
    GET => '/dry-jwt/', Authorization => 'Bearer x');

done_testing();
