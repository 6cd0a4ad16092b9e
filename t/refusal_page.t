#!/usr/bin/perl

# The page of a refusal that a backend writes: it is asked for the page and for
# nothing else. What was refused (a guess in the body or in Authorization)
# does not travel with the question, or the backend would judge it after all.

use v5.30;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


# An app that takes credentials wherever they are, whatever the method.

sub answer {
    my ($request) = @_;

    my $right = encode_base64('alice:right', '');

    my $known = $request->body =~ /right/
        || ($request->header('Authorization') // '') eq "Basic $right";

    return { body => $known ? 'welcome' : 'sorry',
        status => $known ? 200 : 401 };
}

my $t = Tradesec::Test->new(
    backend => \&answer,
    stopped => 1,
    http2   => 1,
    tls     => 1,
    http    => 'tradesec_zone zone=tradesec:4m;' . provider('portal'),
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        proxy_http_version 1.1;

        location / { proxy_pass http://%%BACKEND%%; }

        location /basic/ {
            tradesec_login account=basic success=status:200;
            error_page 429 /basic/sorry;
            proxy_pass http://%%BACKEND%%;
        }
        location /form/ {
            tradesec_login account=form:user success=status:200 counter=form;
            error_page 429 /form/sorry;
            proxy_pass http://%%BACKEND%%;
        }
        location /status/ {
            tradesec_login account=form:user success=status:200 counter=status;
            error_page 429 = /sorry;
            proxy_pass http://%%BACKEND%%;
        }
        location /named/ {
            tradesec_login account=form:user success=status:200 counter=named;
            error_page 429 = @sorry;
            proxy_pass http://%%BACKEND%%;
        }
        location /methods/ {
            tradesec_login account=basic success=status:200 counter=methods;
            tradesec_methods GET;
            error_page 405 /methods/sorry;
            proxy_pass http://%%BACKEND%%;
        }

        # the page is where passwords are counted, what was refused is not
        location /elsewhere/ {
            tradesec_methods GET;
            error_page 405 /basic/sorry;
            proxy_pass http://%%BACKEND%%;
        }

        location /token/ {
            tradesec_jwt portal;
            error_page 401 /token/sorry;
            proxy_pass http://%%BACKEND%%;
        }

        # nginx asks for a password, and a token is in a cookie
        location /both/ {
            auth_basic people;
            auth_basic_user_file %%DIR%%/passwords;
            tradesec_jwt portal cookie=token;
            tradesec_methods GET;
            error_page 405 = /both/sorry;
            proxy_pass http://%%BACKEND%%;
        }

        # nginx asks for it where guesses are counted
        location /asked/ {
            auth_basic people;
            auth_basic_user_file %%DIR%%/passwords;
            tradesec_login account=basic success=status:200 counter=asked;
            tradesec_methods GET;
            error_page 405 = /asked/sorry.txt;
            root %%DIR%%;
        }

        # where neither is counted nor judged, nothing is taken away
        location /open/ {
            auth_basic people;
            auth_basic_user_file %%DIR%%/passwords;
            tradesec_methods GET;
            error_page 405 = /open/sorry;
            proxy_pass http://%%BACKEND%%;
        }

        location @sorry {
            rewrite ^ /sorry break;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file('portal.jwks', jwks('ec'));
$t->write_file('passwords', "alice:{PLAIN}right\n");
mkdir $t->dir . '/asked';
$t->write_file('asked/sorry.txt', "sorry\n");
$t->start;

my $backend = $t->backend;

sub guess {
    my ($path, $user, $password, @more) = @_;

    return $path =~ /basic/
        ? $t->get("$path/x", Authorization => 'Basic '
            . encode_base64("$user:$password", ''), @more)
        : $t->post("$path/x", "user=$user&password=$password", @more);
}

for my $path (qw(/basic /form /status /named)) {
    is(guess($path, 'alice', 'wrong')->status, 401, "$path: a wrong one")
        for 1 .. 5;

    $backend->clear;
    my $wrong = guess($path, 'alice', 'wrong');
    my $right = guess($path, 'alice', 'right', 'Content-Encoding' => 'identity');

    is($right->status, $wrong->status, "$path: refused, the same status");
    is($right->body, $wrong->body, '... and page');
    is($right->body, 'sorry', '... of the backend');

    my @asked = $backend->requests;

    is(scalar(grep { $_->uri =~ /sorry/ } @asked), 2, '... which is asked');
    is(join('|', map { $_->body } @asked), '|', '... without the body');
    is(scalar(grep { defined $_->header('Authorization') } @asked), 0,
        '... and without the password');
    is(scalar(grep { ($_->header('Content-Length') // 0) > 0
        || defined $_->header('Transfer-Encoding') } @asked), 0,
        '... and nothing says that there was one');
}

# refused for another reason, by a location that would have counted it

my $RIGHT = 'Basic ' . encode_base64('alice:right', '');

for my $path (qw(/methods /elsewhere)) {
    $backend->clear;
    my $r = $t->post("$path/x", 'password=right', Authorization => $RIGHT);

    is($r->status, 405, "$path: refused");
    is($r->body, 'sorry', '... and the password not tried');
    is($backend->count(qr/sorry/), 1, '... by the page');
}

# a token that is no good, and a body that nobody has read

$backend->clear;
my $r = $t->post('/token/x', 'password=right', Authorization => 'Bearer x.y.z');
is($r->status, 401, 'a bad token');
is($r->body, 'sorry', '... and a body that the page is not told');
is($backend->last->header('Authorization'), undef, '... nor is the token');

my $c = $t->client(keepalive => 1)->connect;
is($c->request(POST => '/token/x', 'password=right')->body, 'sorry',
    'an unread body');
is($c->request(GET => '/x')->status, 401, '... is no next request');
$r = $c->request(POST => '/token/x', 'password=right',
    'Content-Length' => undef, 'Transfer-Encoding' => 'chunked');
is($r->body, 'sorry', 'a broken body');
is($r->header('Connection'), 'close', '... ends the connection');

my $chunked = "POST /token/x HTTP/1.1\r\nHost: localhost\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n";

$c = $t->client->connect;
$c->write("${chunked}e\r\npassword=right\r\n0\r\n\r\n"
    . "GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n");
is($c->response->body, 'sorry', 'an unread body in chunks');
is($c->response->status, 401, '... and the next request behind it');
is($backend->last->uri, '/next', '... of that URI');

# the rest of the body comes later, or never

for my $begin ($chunked . "e\r\npassword=right\r\n",
    "POST /token/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        . "\r\npassword=right", $chunked)
{
    $backend->clear;
    $c = $t->client->connect;
    $c->write($begin);

    $r = $c->response;
    is($r->body, 'sorry', 'a body that has not come');
    is($r->header('Connection'), 'close', '... ends the connection');
    is($backend->last->body, '', '... and the page has none');
    $c->write("\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n");
    is($c->read_all(0.3), '', '... nothing follows it');
    is($backend->count('/smuggled'), 0, '... and no request');
    $c->close;
}

$c = $t->client->connect;
$c->write("POST /token/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    . "Content-Length: 14\r\n\r\n");
$r = $c->response;
is($r->status, 401, 'Expect');
is($r->body, 'sorry', '... and a page');
$c->close;

for my $body ('password=right', 'password=right' x 8000) {
    $backend->clear;
    $r = $t->h2(POST => '/token/x', $body);
    is($r->status, 401, 'HTTP/2');
    is($r->body, 'sorry', '... and a body that the page is not told');
    is($backend->last->body, '', '... at all');
}

# what nginx itself asks for it has, the backend has not

$backend->clear;
is($t->post('/both/x', 'x', Authorization => $RIGHT)->body, 'sorry',
    'a page behind a password of nginx');
is($backend->last->header('Authorization'), undef, '... which it keeps');
is($t->post('/both/x', 'x', Authorization => 'Basic eDp5')->status, 401,
    '... and a wrong one');

# but no guess that nobody counts

is($t->post('/asked/x', 'x', Authorization => $RIGHT)->status,
    $t->post('/asked/x', 'x', Authorization => 'Basic eDp5')->status,
    'a right password and a wrong one, refused by another guard');

# what is not judged is not taken away

is($t->post('/open/x', '', Authorization => $RIGHT)->body, 'welcome',
    'a password that nginx itself asks for');
is($t->post('/open/x', '', Authorization => 'Basic eDp5')->status, 401,
    '... and a wrong one');
$backend->clear;
$t->post('/open/x', 'password=right', Authorization => $RIGHT);
is($backend->last->body, '', '... but no body');

done_testing();
