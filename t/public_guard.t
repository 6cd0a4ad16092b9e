#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# No unauthenticated endpoint changes anything: in a location that asks for no
# token, only safe methods pass unless it is declared public; with
# "tradesec_public off", nothing does.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused);
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend => {
        '/ssi/' => { headers => [ [ 'Content-Type' => 'text/html' ] ],
            body => '<!--# include virtual="/forgotten/part" -->' },
        '/closed-ssi/' => { headers => [ [ 'Content-Type' => 'text/html' ] ],
            body => '<!--# include virtual="/closed/part" -->' },
        '/accel/' => { headers => [ [ 'X-Accel-Redirect' => '/inside/x' ] ] },
        '/out/'   => { headers => [ [ 'X-Accel-Redirect' => '/closed/x' ] ] },
        '/fails/' => { status => 500 },
    },
    stopped    => 1,
    access_log => '$tradesec_status|$tradesec_reason|$tradesec_guard',
    http       => 'tradesec_zone zone=tradesec:1m;' . provider('portal')
        . <<~'CONF',
            server {
                listen 127.0.0.1:%%PORT_plain%%;
                server_name localhost;
                tradesec on;
                location / { proxy_pass http://%%BACKEND%%; }
                location /safe/ {
                    tradesec_public safe;
                    proxy_pass http://%%BACKEND%%;
                }
            }
        CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;
        tradesec_methods GET HEAD POST PUT PATCH DELETE OPTIONS PURGE;
        ssi on;

        location / { proxy_pass http://%%BACKEND%%; }
        location /forgotten/ {
            tradesec_jwt off;
            proxy_pass http://%%BACKEND%%;
        }
        location /declared/ {
            tradesec_jwt off;
            tradesec_public on;
            proxy_pass http://%%BACKEND%%;
        }
        location /closed/ {
            tradesec_jwt off;
            tradesec_public off;
            proxy_pass http://%%BACKEND%%;

            location /closed/open/ {
                tradesec_public safe;
                proxy_pass http://%%BACKEND%%;
            }
        }
        location /nothing-safe/ {
            tradesec_jwt off;
            tradesec_safe_methods none;
            proxy_pass http://%%BACKEND%%;
        }
        location /login/ {
            tradesec_jwt off;
            tradesec_login account=form:user success=status:200;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
        location /refresh/ {
            tradesec_jwt off;
            tradesec_refresh token=cookie:refresh_token;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
        location /ws/ {
            tradesec_jwt off;
            %%UPGRADE%%
        }
        location /inside/ {
            internal;
            tradesec_jwt off;
            tradesec_public off;
            proxy_pass http://%%BACKEND%%;
        }
        location = /rewritten { rewrite ^ /inner last; }
        location = /inner {
            internal;
            tradesec_jwt off;
            proxy_pass http://%%BACKEND%%;
        }
        location = /large {
            client_max_body_size 1;
            error_page 413 = @large;
            proxy_pass http://%%BACKEND%%;
        }
        location @large {
            tradesec_jwt off;
            proxy_pass http://%%BACKEND%%;
        }
        location = /led { try_files /nothing @large; }
        location = /large-page {
            client_max_body_size 1;
            error_page 413 @page;
            proxy_pass http://%%BACKEND%%;
        }
        location @page { tradesec_jwt off; root %%DIR%%; try_files /page =404; }
        location /fails/ {
            proxy_intercept_errors on;
            error_page 500 @sorry;
            proxy_pass http://%%BACKEND%%;
        }
        location @sorry {
            tradesec_jwt off;
            tradesec_public off;
            proxy_pass http://%%BACKEND%%;
        }
        location /any/ {
            satisfy any;
            allow all;
            tradesec_jwt off;
            proxy_pass http://%%BACKEND%%;
        }
        location /dry/ {
            tradesec_jwt off;
            tradesec_dry_run public;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;
my @token   = (Authorization => 'Bearer ' . token({}));


sub is_status {
    my ($title, $want, $method, $uri, @headers) = @_;

    $backend->clear;

    my $body = $method =~ /^(?:GET|HEAD|OPTIONS)$/ ? undef : 'user=alice';

    is($t->request($method, $uri, $body, @headers)->status, $want,
        "$title: $method");
    is($backend->count, $want == 403 ? 0 : 1, "$title: $method, backend");
}

is_status('a forgotten location', 403, $_ => '/forgotten/')
    for qw(POST PUT PATCH DELETE PURGE);
is_status('a forgotten location', 200, $_ => '/forgotten/')
    for qw(GET HEAD OPTIONS);
is_status('a token that nobody asks for', 403, POST => '/forgotten/', @token);
is_status('a declared one', 200, $_ => '/declared/')
    for qw(GET POST DELETE PURGE);
is_status('a closed one', 403, $_ => '/closed/') for qw(GET HEAD POST);
is_status('one within it', 200, GET => '/closed/open/');
is_status('one within it', 403, POST => '/closed/open/');
is_status('where no method is safe', 403, GET => '/nothing-safe/');
is_status('a login', 200, $_ => '/login/') for qw(GET POST);
is_status('a refresh', 200, POST => '/refresh/',
    Cookie => 'refresh_token=abc');
is_status('with a token', 200, POST => '/', @token);
is_status('satisfy any', 403, POST => '/any/');

is($t->post('/', 'x=1')->status, 401, 'without the token asked for');

# the same spelt otherwise

is($t->request('POST', $_, 'x=1')->status, 403, $_)
    for '//forgotten/', '/x/../forgotten/', '/%66orgotten/';
is($t->request('GET', '/forgotten/?_method=POST')->status, 400,
    'a method in disguise');

$t->clear_logs;
$t->post('/forgotten/', 'x=1');
$t->access_logged(qr/^\QREJECTED|not_public|public\E$/, 'not_public');

# a WebSocket is no safe request, although it begins with a GET

is_status('a handshake', 403, GET => '/ws/',
    Upgrade => 'websocket', Connection => 'Upgrade',
    'Sec-WebSocket-Key'     => 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version' => 13, Origin => 'http://localhost');

# where nginx itself leads

$backend->clear;
is($t->get('/accel/', @token)->status, 200, 'an internal location');
is($backend->count('/inside/x'), 1, 'which was asked');
is($t->get('/out/', @token)->status, 403, 'a redirect into a closed one');
is($t->get('/fails/', @token)->status, 500, 'a named location');
ok($backend->count('/fails/') > 1, 'which was asked');

# ... in front of all guards

is_status('rewritten, unsafe', 403, POST => '/rewritten');
is_status('rewritten, safe', 200, GET => '/rewritten');
is_status('too large', 403, POST => '/large');
is($t->post('/led', 'xx', @token, Origin => 'http://localhost')->status, 200,
    'who was let in before gets there');
is($backend->last->method, 'POST', '... as he came');
isnt($t->post('/large-page', 'xx')->status, 403, 'a file is a page');

like($t->get('/ssi/', @token)->body, qr/backend/,
    'a subrequest that is safe');
is($backend->count('/forgotten/part'), 1, 'was made');
unlike($t->get('/closed-ssi/', @token)->body, qr/backend/,
    'a subrequest into a closed one');
is($backend->count('/closed/part'), 0, 'was not made');

# dry run

$t->clear_logs;
is_status('dry run', 200, POST => '/dry/');
$t->access_logged(qr/^\QREJECTED_DRY_RUN|not_public|public\E$/,
    'is marked');

# a server that asks for no tokens at all leaves that to its backend

my $plain = $t->client(server => 'plain');

is($plain->post('/', 'x=1')->status, 200, 'a server without tokens');
is($plain->post('/safe/', 'x=1')->status, 403, 'that says so all the same');
is($plain->get('/safe/')->status, 200, 'its safe requests');

# configuration

config_refused('tradesec_public maybe;', qr/invalid value "maybe"/,
    'another word');
config_refused('tradesec_public on; tradesec_public off;',
    qr/is duplicate/, 'twice');
config_accepted('tradesec on; tradesec_public off;', 'everything closed');

done_testing();
