#!/usr/bin/perl

# Where the login guard finds the account, and what it refuses to guess about:
# a body in which the backend could find another account than was counted.

use v5.30;
use warnings;

use Digest::SHA qw(sha256_hex);
use MIME::Base64 qw(encode_base64);
use Test::More;

use Tradesec::Test;


my $t = Tradesec::Test->new(
    backend => { '*' => { status => 200, body => 'in' } },
    http    => 'tradesec_zone zone=tradesec:1m;',
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_login_limit pair=1000 account=1000 address=1000 accounts=0;

        client_body_buffer_size 1k;

        location = /all {
            tradesec_login account=json:/user/name account=form:username
                account=multipart:username success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location = /form {
            tradesec_login account=form:username success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location = /basic {
            tradesec_login account=basic success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location = /both {
            tradesec_login account=basic account=form:username
                success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        location = /small {
            tradesec_login account=form:username success=status:200;
            tradesec_login_body_size 100;
            proxy_pass http://%%BACKEND%%;
        }

        location = /nginx-limit {
            tradesec_login account=form:username success=status:200;
            client_max_body_size 100;
            proxy_pass http://%%BACKEND%%;
        }

        location = /error-page {
            tradesec_login account=form:username success=status:200;
            client_max_body_size 100;
            error_page 413 = @guarded;
            proxy_pass http://%%BACKEND%%;
        }

        location @guarded {
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;

my $FORM = 'application/x-www-form-urlencoded';
my $JSON = 'application/json';
my $MULTI = 'multipart/form-data; boundary=B';

sub check {
    my ($expected, $title, $path, $type, $body, @headers) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $backend->clear;
    $t->clear_logs;

    my $r = $t->request('POST', $path, $body,
        (defined $type ? ('Content-Type' => $type) : ()), @headers);

    if ($expected eq 'in') {
        is($r->status, 200, "$title: passed");
        is($backend->count, 1, "$title: reached the backend");
        is(sha256_hex($backend->last->body), sha256_hex($body),
            "$title: body unchanged") if $backend->last;
        return $r;
    }

    my ($status, $reason) = split ' ', $expected;

    is($r->status, $status, "$title: $status");
    is($backend->count, 0, "$title: not reached");
    $t->logged(qr/reason: "$reason"/, "$title: $reason");

    return $r;
}

sub part { return "--B\r\nContent-Disposition: form-data; $_[0]\r\n\r\n$_[1]\r\n" }

my $end = "--B--\r\n";

# the legitimate ones

check('in', 'form', '/all', $FORM, 'username=bob&password=x');
check('in', 'form with charset', '/all', "$FORM; charset=UTF-8",
    'username=b%C3%B6b&password=100%');
check('in', 'query beside it', '/all?next=/home', $FORM, 'username=bob');
check('in', 'JSON', '/all', $JSON, '{"user":{"name":"bob"},"password":"x"}');
check('in', 'JSON with charset and escapes', '/all', "$JSON; charset=utf-8",
    ' {"user":{"n\u0061me":"b\u00f6b"}} ');
check('in', 'JSON number', '/all', $JSON, '{"user":{"name":4711}}');
check('in', 'vendor JSON', '/all', 'application/vnd.api+json',
    '{"user":{"name":"bob"}}');
check('in', 'multipart', '/all', $MULTI,
    part('name="username"', 'bob') . part('name="password"', 'x') . $end);
check('in', 'multipart with a file', '/all', $MULTI,
    part('name="photo"; filename="a.png"', "\0\1\r\n--\r\n")
        . part('name="username"', 'bob') . $end);
check('in', 'Basic', '/basic', undef, '', Authorization => 'Basic Ym9iOng=');
check('in', 'form where both may be', '/both', $FORM, 'username=bob');
check('in', 'no Basic credentials', '/basic', $FORM, 'x=y');

# in memory, in a file, in chunks, in pieces

for my $size (500, 5_000, 60_000) {
    check('in', "$size bytes", '/all', $FORM, 'a=' . 'x' x $size
        . '&username=bob');
}

sub chunked {
    my ($path, @chunks) = @_;

    return "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        . "Content-Type: $FORM\r\nTransfer-Encoding: chunked\r\n\r\n"
        . join '', map({ sprintf "%x\r\n%s\r\n", length, $_ } @chunks),
        "0\r\n\r\n";
}

$backend->clear;
is($t->raw(chunked('/all', 'user', 'name=b', 'ob'))->status, 200, 'chunked');
is($backend->last->body, 'username=bob', 'chunked: body unchanged');

is($t->raw(chunked('/all', 'username=bob&username=x'))->status, 400,
    'chunked: ambiguous');

$backend->clear;
my $c = $t->client->connect;

for my $byte (split //, "POST /all HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Type: $FORM\r\nContent-Length: 12\r\n\r\nusername=bob")
{
    $c->write($byte);
    select undef, undef, undef, 0.001;
}

is($c->response->status, 200, 'byte by byte');
is($backend->last->body, 'username=bob', 'byte by byte: body unchanged');

$c = $t->client(keepalive => 1)->connect;
is($c->request(POST => '/all', 'username=bob', 'Content-Type' => $FORM)->status,
    200, 'keep-alive, first');
is($c->request(POST => '/all', 'username=bob&username=x',
        'Content-Type' => $FORM)->status, 400, 'keep-alive, refused');
is($c->request(POST => '/all', 'username=bob', 'Content-Type' => $FORM)->status,
    200, 'keep-alive, third');

$c = $t->client->connect;
$c->write("POST /all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . "Content-Type: $FORM\r\nContent-Length: 12\r\n"
    . "Expect: 100-continue\r\n\r\n");
my $bytes = $c->read_bytes(25);
like($bytes, qr/^HTTP\/1.1 100 Continue/, 'asked to go on');
$c->write('username=bob');
is($c->response->status, 200, '100-continue');

# types that account= does not name

check('415 login_body_type', 'no type', '/all', undef, 'username=bob',
    'Content-Type' => undef);
check('415 login_body_type', 'text', '/all', 'text/plain', '{"user":1}');
check('415 login_body_type', 'JSON where only forms are', '/form', $JSON,
    '{"username":"bob"}');
check('415 login_body_type', 'XML', '/all', 'application/xml', '<a/>');
check('415 login_body_type', 'UTF-16', '/all', "$JSON; charset=utf-16", '{}');
check('415 login_body_type', 'two types', '/all', undef, 'username=bob',
    'Content-Type' => $FORM, 'Content-Type' => $JSON);
check('415 login_body_type', 'boundary missing', '/all',
    'multipart/form-data', part('name="username"', 'bob') . $end);
check('415 login_body_type', 'extended boundary', '/all',
    "$MULTI; boundary*=utf-8''C", part('name="username"', 'bob') . $end);
check('415 login_body_type', 'charset twice', '/all',
    "$FORM; charset=utf-8; charset=utf-7", 'username=bob');
check('415 login_body_encoded', 'compressed', '/all', $FORM, "\x1f\x8b",
    'Content-Encoding' => 'gzip');
check('in', 'identity', '/all', $FORM, 'username=bob',
    'Content-Encoding' => 'identity');

# two accounts

check('400 login_account_ambiguous', 'twice', '/all', $FORM,
    'username=bob&username=bob');
check('400 login_account_ambiguous', 'percent-encoded twin', '/all', $FORM,
    'username=bob&user%6eame=alice');
check('400 login_account_ambiguous', 'other case', '/all', $FORM,
    'username=bob&USERNAME=alice');
check('400 login_account_ambiguous', 'PHP array', '/all', $FORM,
    'username=bob&username[]=alice');
check('400 login_account_ambiguous', 'Rack brackets', '/all', $FORM,
    'username=bob&[username]=alice');
check('400 login_account_ambiguous', 'semicolon', '/all', $FORM,
    'username=bob&x=1;username=alice');
check('400 login_account_ambiguous', 'in the query too', '/all?username=alice',
    $FORM, 'username=bob');
check('400 login_account_ambiguous', 'member twice', '/all', $JSON,
    '{"user":{"name":"bob","name":"alice"}}');
check('400 login_account_ambiguous', 'escaped twin', '/all', $JSON,
    '{"user":{"name":"bob","n\u0061me":"alice"}}');
check('400 login_account_ambiguous', 'case of a member', '/all', $JSON,
    '{"user":{"name":"bob","Name":"alice"}}');
check('400 login_account_ambiguous', 'parts', '/all', $MULTI,
    part('name="username"', 'bob') . part('name="username"', 'alice') . $end);
check('400 login_account_ambiguous', 'Basic and a form', '/both', $FORM,
    'username=bob', Authorization => 'Basic YWxpY2U6eA==');

is($t->get('/basic', Authorization => 'Basic Ym9iOng=',
        Authorization => 'Basic YWxpY2U6eA==')->status, 400,
    'two Authorization fields: nginx refuses them');

# not well-formed

check('400 login_malformed', 'bad escape', '/all', $FORM, 'username=%zz');
check('400 login_malformed', 'JSON cut off', '/all', $JSON, '{"user":');
check('400 login_malformed', 'JSON with a comment', '/all', $JSON,
    '{"user":{"name":"bob"}/**/}');
check('400 login_malformed', 'byte order mark', '/all', $JSON,
    "\xef\xbb\xbf" . '{"user":{"name":"bob"}}');
check('400 login_malformed', 'preamble', '/all', $MULTI,
    "x\r\n" . part('name="username"', 'bob') . $end);
check('400 login_malformed', 'base64 part', '/all', $MULTI,
    "--B\r\nContent-Disposition: form-data; name=\"username\"\r\n"
        . "Content-Transfer-Encoding: base64\r\n\r\nYm9i\r\n$end");
check('400 login_malformed', 'encoded name of a part', '/all', $MULTI,
    part('name="=?utf-8?B?dXNlcm5hbWU=?="', 'alice')
        . part('name="username"', 'bob') . $end);
check('400 login_malformed', 'vertical tab before Basic', '/basic', undef, '',
    Authorization => "\x0bBasic Ym9iOng=");
check('400 login_malformed', 'Basic without padding', '/basic', undef, '',
    Authorization => 'Basic Ym9iOng');

# no account, or none that can be counted

check('400 login_account_missing', 'empty body', '/all', $FORM, '');
check('400 login_account_missing', 'other fields', '/all', $FORM, 'user=bob');
check('400 login_account_missing', 'other JSON', '/all', $JSON,
    '{"username":"bob"}');
check('400 login_account_invalid', 'empty', '/all', $FORM, 'username=');
check('400 login_account_invalid', 'spaces', '/all', $FORM, 'username=+%20+');
check('400 login_account_invalid', 'NUL', '/all', $FORM, 'username=bob%00');
check('400 login_account_invalid', 'Latin-1', '/all', $FORM,
    'username=b%F6b');
check('400 login_account_invalid', 'array', '/all', $JSON,
    '{"user":{"name":["bob"]}}');
check('400 login_account_invalid', 'operator', '/all', $JSON,
    '{"user":{"name":{"$gt":""}}}');
check('400 login_account_invalid', 'Basic without a user', '/basic', undef, '',
    Authorization => 'Basic ' . encode_base64(':x', ''));

# size

check('in', '100 bytes', '/small', $FORM, 'username=bob&a=' . 'x' x 85);
check('413 login_body_too_large', '101 bytes', '/small', $FORM,
    'username=bob&a=' . 'x' x 86);
check('413 login_body_too_large', 'more than 64k', '/all', $FORM,
    'username=bob&a=' . 'x' x 65536);

is($t->raw(chunked('/small', 'username=bob&a=', 'x' x 85))->status, 200,
    'chunked, 100 bytes');
$t->clear_logs;
is($t->raw(chunked('/small', 'username=bob&a=', 'x' x 86))->status, 413,
    'chunked, 101 bytes');
$t->logged(qr/login_body_too_large/, 'login_body_too_large: chunked');

$backend->clear;
is($t->raw(chunked('/nginx-limit', 'username=bob&a=', 'x' x 86))->status, 413,
    'chunked beyond client_max_body_size');
is($backend->count, 0, 'not reached');

# a body that fails while it is awaited does not skip the error page's guards

$backend->clear;
$c = $t->client->connect;
my $request = chunked('/error-page', 'username=bob&a=', 'x' x 200);
$c->write(substr $request, 0, 150);
select undef, undef, undef, 0.1;
$c->write(substr $request, 150);
is($c->response->status, 405, 'the error page is judged by its own location');
is($backend->count, 0, 'not reached');

$t->never_logged('alice', 'bob');
$t->check_logs;

done_testing();
