#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# "The account in the request is the caller's own": claims compared with the
# path, the query, the body, a field. What the backend might read as another
# account than the rule did is refused.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    backend => 1,
    stopped => 1,
    http    => 'tradesec_zone zone=tradesec:1m;' . provider('portal'),
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;
        tradesec_require_body_size 1k;
        ignore_invalid_headers off;

        location ~ ^/accounts/(?<account>[^/]+)/ {
            tradesec_require sub=$account or accounts=$account;
            proxy_pass http://%%BACKEND%%;
        }
        location /prefixed/ {
            tradesec_require sub=$scheme-$server_name;
            proxy_pass http://%%BACKEND%%;
        }
        location /query/ {
            tradesec_require sub=query:account;
            proxy_pass http://%%BACKEND%%;
        }
        location /form/ {
            tradesec_require sub=form:account;
            proxy_pass http://%%BACKEND%%;
        }
        location /json/ {
            tradesec_require methods=unsafe sub=json:/order/account;
            proxy_pass http://%%BACKEND%%;
        }
        location /other/ {
            tradesec_require sub!=json:/order/account;
            proxy_pass http://%%BACKEND%%;
        }
        location /header/ {
            tradesec_require sub=header:X-Account;
            proxy_pass http://%%BACKEND%%;
        }
        location /admin/ {
            tradesec_require role=admin or sub=query:account;
            proxy_pass http://%%BACKEND%%;
        }
        location /two/ {
            tradesec_require sub=query:account accounts=json:/account;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;

my @alice = (Authorization => 'Bearer '
        . token({ accounts => [ 'joint-1', 'joint-2' ] }));
my @seven = (Authorization => 'Bearer ' . token({ sub => 7 }));
my @admin = (Authorization => 'Bearer ' . token({ role => 'admin' }));


# Status, reason, and whether the backend was asked, in one word.

sub outcome {
    my ($r) = @_;

    my ($reason) = $t->read_file('error.log') =~ /reason: "(\w+)"/;
    my $asked = $backend->count;

    $backend->clear;
    $t->clear_logs;

    return join ' ', $r->status, $reason // (), $asked ? 'asked' : ();
}

my ($passes, $refused, $ambiguous, $malformed, $type) = ('200 asked',
    '403 require_unmet', '400 require_ambiguous', '400 require_malformed',
    '415 require_body_type');


# path

sub path {
    my ($path, $want, @who) = @_;

    is(outcome($t->get($path, @who ? @who : @alice)), $want, "path: $path");
}

path('/accounts/alice/orders', $passes);
path('/accounts/joint-2/orders', $passes);
path('/accounts/%61lice/orders', $passes);
path('/accounts/alice/orders?x=//..', $passes);
path('/accounts/7/', $passes, @seven);
path('/accounts/bob/orders', $refused);
path('/accounts/Alice/orders', $refused);
path('/accounts/alice%20/orders', $refused);
path('/accounts/07/', $refused, @seven);
path('/accounts/7.0/', $refused, @seven);

for my $path (
    '/accounts/bob/../alice/orders', '/accounts/bob/..%2falice/orders',
    '/accounts/bob%2f..%2falice/orders', '/accounts/bob/%2e%2e/alice/orders',
    '/accounts/bob/.%2E/alice/x', '/accounts//alice/orders',
    '/accounts/./alice/orders', '/accounts/alice/;a=b',
    '/x/../accounts/alice/', '/accounts/alice/%5c..%5cbob',
    '/accounts/alice/..%5cbob/orders', '//accounts/alice/orders',
    '/accounts/alice/%3b/orders', '/accounts/alice/./')
{
    path($path, $ambiguous);
}

is(outcome($t->get('/prefixed/', Authorization => 'Bearer '
    . token({ sub => 'http-localhost' }))), $passes, 'text with variables');
is(outcome($t->get('/prefixed/', @alice)), $refused, 'another text');


# query

sub query {
    my ($query, $want, @request) = @_;

    my $uri = "/query/?$query";

    is(outcome(@request ? $t->request('POST', $uri, @request, @alice)
            : $t->get($uri, @alice)), $want,
        "query: $query" . (@request ? ' and a body' : ''));
}

my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
my @json = ('Content-Type' => 'application/json');

query('account=alice', $passes);
query('a=1&account=%61lice&b', $passes);
query('account=bob', $refused);
query('', $refused);
query('account=', $refused);
query('account', $refused);
query('account=alice&account=bob', $ambiguous);
query('account=bob&account=alice', $ambiguous);
query('account=alice&account=alice', $ambiguous);
query('account=alice&ACCOUNT=bob', $ambiguous);
query('account=alice&account[]=bob', $ambiguous);
query('account=alice&acc%6funt=bob', $ambiguous);
query('account=alice;account=bob', $ambiguous);
query('account=alice&account%00=bob', $ambiguous);
query('account=al%zzice', $malformed);
query('account=alice', $passes, 'quantity=1', @form);
query('account=alice', $ambiguous, 'account=bob', @form);
query('account=alice', $passes, '{"quantity":1}', @json);
query('account=alice', $ambiguous, '{"account":"bob"}', @json);
query('account=alice', $malformed, '{"account":', @json);
query('account=alice', $type, 'account=bob', @form,
    'Content-Encoding' => 'gzip');
query('account=alice', $type, 'account=bob', @json, @form);
query('account=alice', '413 require_body_too_large', 'x' x 1025, @form);


# form

sub form {
    my ($body, $want, $uri, @headers) = @_;

    is(outcome($t->post($uri // '/form/', $body, @alice, @headers)), $want,
        "form: $body");
}

form('account=alice&quantity=1', $passes);
form('account=bob', $refused);
form('quantity=1', $refused);
form('', $refused);
form('account=alice&account=bob', $ambiguous);
form('account=alice', $ambiguous, '/form/?account=bob');
form('account=alice', $type, undef, 'Content-Type' => 'text/plain');
form('account=alice', $type, undef, 'Content-Type' => 'application/json');
is(outcome($t->get('/form/?account=alice', @alice)), $refused,
    'form: a query is none');


# JSON

sub json {
    my ($body, $want, $uri, @headers) = @_;

    is(outcome($t->post($uri // '/json/', $body, @alice,
        @headers ? @headers : @json)), $want, "JSON: $body");
}

json('{"order":{"account":"alice","quantity":1}}', $passes);
json('{"order":{"account":"\u0061lice"}}', $passes);
json('{"order":{"account":"bob"}}', $refused);
json('{"order":{"account":"Alice"}}', $refused);
json('{"order":{"account":""}}', $refused);
json('{"order":{}}', $refused);
json('{"account":"alice"}', $refused);
json('', $refused);
json('{"order":{"account":["alice"]}}', $malformed);
json('{"order":{"account":null}}', $malformed);
json('{"order":{"account":"alice"}} {}', $malformed);
json('{"order":{"account":"alice","account":"bob"}}', $ambiguous);
json('{"order":{"account":"bob","account":"alice"}}', $ambiguous);
json('{"order":{"account":"alice","acc\u006funt":"bob"}}', $ambiguous);
json('{"order":{"account":"alice","Account":"bob"}}', $ambiguous);
json('{"order":{"account":"alice"},"ORDER":{"account":"bob"}}', $ambiguous);
json('{"order":{"account":"alice"}}', $ambiguous, '/json/?order=bob');
json('{"order":{"account":"alice"}}', $type, undef,
    'Content-Type' => 'text/plain');
json('{"order":{"account":"alice"}}', $type, undef, @form);
json('{"order":{"account":"alice"}}', $type, undef, @json,
    'Content-Encoding' => 'gzip');
json('{"order":{"account":"alice","note":"' . 'x' x 1024 . '"}}',
    '413 require_body_too_large');

for my $method (qw(PUT PATCH DELETE)) {
    is(outcome($t->request($method, '/json/', '{"order":{"account":"bob"}}',
        @alice, @json)), $refused, "JSON: $method");
}

is(outcome($t->get('/json/', @alice)), $passes, 'JSON: GET is safe');

my $order = '{"order":{"account":"alice"}}';
my $chunked = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
    $order =~ /.{1,7}/g;

is(outcome($t->client->raw(join "\r\n", 'POST /json/ HTTP/1.1',
    'Host: localhost', "Authorization: $alice[1]", 'Connection: close',
    'Content-Type: application/json', 'Transfer-Encoding: chunked', '',
    "${chunked}0\r\n\r\n")), $passes, 'JSON: in chunks');

my $slow = $t->client->connect;
$slow->write($_) for join("\r\n", 'POST /json/ HTTP/1.1', 'Host: localhost',
    "Authorization: $alice[1]", 'Connection: close',
    'Content-Type: application/json', 'Content-Length: ' . length $order, '',
    ''), substr $order, 0, 5;
$t->get('/json/', @alice);
$backend->clear;
$slow->write(substr $order, 5);
is(outcome($slow->response), $passes, 'JSON: a body that comes later');

json('{"order":{"account":"bob"}}', $passes, '/other/');
json('{"order":{"account":"alice"}}', $refused, '/other/');
json('{}', $refused, '/other/');


# field

sub field {
    my ($title, $want, @headers) = @_;

    is(outcome($t->get('/header/', @alice, @headers)), $want,
        "field: $title");
}

field('own', $passes, 'X-Account' => 'alice');
field('own, in another case', $passes, 'x-ACCOUNT' => 'alice');
field('foreign', $refused, 'X-Account' => 'bob');
field('none', $refused);
field('two', $ambiguous, 'X-Account' => 'alice', 'X-Account' => 'bob');
field('a list', $refused, 'X-Account' => 'alice, bob');
field('a twin', $ambiguous, 'X-Account' => 'alice', 'X.Account' => 'bob');


# several

is(outcome($t->get('/admin/?account=x&account=y', @admin)), $passes,
    'a part that does not matter is not looked at');
is(outcome($t->get('/admin/?account=x&account=y', @alice)), $ambiguous,
    'one that matters is');
is(outcome($t->post('/two/?account=alice', '{"account":"joint-1"}', @alice,
    @json)), $ambiguous, 'a query\'s name in the body');
is(outcome($t->post('/two/?account=alice', '{"x":1}', @alice, @json)),
    $refused, 'one of two is missing');

done_testing();
