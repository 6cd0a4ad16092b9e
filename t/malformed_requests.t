#!/usr/bin/perl

# Named malformed requests: each gets its status, at most one line of refusal
# in the log, nothing reaches the backend, and the next request is served.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;


my $t = Tradesec::Test->new(
    backend    => 1,
    workers    => 1,
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin http://localhost;
        client_max_body_size 1k;
        client_header_timeout 2s;

        location / { proxy_pass http://%%BACKEND%%; }
    CONF

my ($worker) = $t->workers;

my $host   = "Host: localhost\r\n";
my $close  = "Connection: close\r\n";
my $origin = "Origin: http://localhost\r\n";

my @table = (
    # name, status (0: closed without an answer), reason, bytes
    [ 'empty request', 0, undef, "\r\n" ],
    [ 'garbage', 400, undef, "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n" ],
    [ 'no method', 400, undef, " / HTTP/1.1\r\n$host\r\n" ],
    [ 'NUL in the path', 400, undef, "GET /\0 HTTP/1.1\r\n$host\r\n" ],
    [ 'encoded NUL in the path', 400, undef,
        "GET /%00 HTTP/1.1\r\n$host\r\n" ],
    [ 'path above the root', 400, undef,
        "GET /../../etc HTTP/1.1\r\n$host\r\n" ],
    [ 'broken percent encoding', 400, undef,
        "GET /%zz HTTP/1.1\r\n$host\r\n" ],
    [ 'two Host lines', 400, undef,
        "GET / HTTP/1.1\r\n${host}Host: evil.test\r\n\r\n" ],
    [ 'Host with a path', 400, undef,
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" ],
    [ 'space before the colon', 400, undef,
        "GET / HTTP/1.1\r\n${host}X : y\r\n\r\n" ],
    [ 'NUL in a header', 400, undef,
        "GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n" ],
    [ 'two lengths', 400, undef, "POST / HTTP/1.1\r\n$host${origin}"
        . "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab" ],
    [ 'negative length', 400, undef,
        "POST / HTTP/1.1\r\n$host${origin}Content-Length: -1\r\n\r\n" ],
    [ 'length and chunked', 400, undef, "POST / HTTP/1.1\r\n$host${origin}"
        . "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ],
    [ 'unknown transfer coding', 501, undef,
        "POST / HTTP/1.1\r\n$host${origin}Transfer-Encoding: x\r\n\r\n" ],
    [ 'bad chunk', 400, undef, "POST / HTTP/1.1\r\n$host${origin}"
        . "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" ],
    [ 'body too large', 413, undef, "POST / HTTP/1.1\r\n$host${origin}"
        . "Content-Length: 9999\r\n\r\n" ],
    [ 'unknown version', 505, undef, "GET / HTTP/7.0\r\n$host\r\n" ],
    [ 'unknown method', 405, 'method_not_allowed',
        "BREW / HTTP/1.1\r\n$host${close}\r\n" ],
    [ 'unknown method in HTTP/1.0', 405, 'method_not_allowed',
        "BREW / HTTP/1.0\r\n\r\n" ],
    [ 'very long method', 414, undef,
        ('A' x 9000) . " / HTTP/1.1\r\n$host\r\n" ],
    [ 'method override', 400, 'method_override',
        "POST / HTTP/1.1\r\n$host${origin}X-HTTP-Method: DELETE\r\n"
        . "Content-Length: 0\r\n$close\r\n" ],
    [ 'empty Origin', 403, 'origin_malformed', "POST / HTTP/1.1\r\n$host"
        . "Origin:\r\nContent-Length: 0\r\n$close\r\n" ],
    [ 'long Origin', 403, 'origin_malformed', "POST / HTTP/1.1\r\n$host"
        . 'Origin: https://' . 'a' x 4000 . "\r\nContent-Length: 0\r\n"
        . "$close\r\n" ],
    [ 'Origin of control bytes', 403, 'origin_malformed',
        "POST / HTTP/1.1\r\n${host}Origin: \x01\x1b[31m\x7f\r\n"
        . "Content-Length: 0\r\n$close\r\n" ],
    [ 'Origin of high bytes', 403, 'origin_malformed',
        "POST / HTTP/1.1\r\n${host}Origin: https://\xff\xfe\r\n"
        . "Content-Length: 0\r\n$close\r\n" ],
    [ 'refused with a body that never comes', 403, 'origin_mismatch',
        "POST / HTTP/1.1\r\n${host}Origin: https://evil.test\r\n"
        . "Content-Length: 100\r\n\r\n" ],
    [ 'refused with Expect', 403, 'origin_mismatch',
        "POST / HTTP/1.1\r\n${host}Origin: https://evil.test\r\n"
        . "Expect: 100-continue\r\nContent-Length: 100\r\n$close\r\n" ],
    [ 'refused with a bad chunk', 403, 'origin_mismatch',
        "POST / HTTP/1.1\r\n${host}Origin: https://evil.test\r\n"
        . "Transfer-Encoding: chunked\r\n$close\r\nzz\r\n" ],
);

for my $row (@table) {
    my ($name, $status, $reason, $bytes) = @$row;

    $t->backend->clear;
    $t->clear_logs;

    my $connection = $t->client->connect;

    $connection->write($bytes);

    if ($status == 0) {
        $connection->close;

    } else {
        is($connection->response->status, $status, "$name: $status");
        $connection->close;
    }

    is($t->get('/')->status, 200, "$name: the next request is served");
    is($t->backend->count, 1, "$name: nothing reached the backend");

    my @lines = $t->error_log(qr/request refused/);

    is(scalar @lines, $reason ? 1 : 0, "$name: lines in the log");
    like($lines[0], qr/reason: "$reason"/, "$name: $reason") if $reason;
}

is(($t->workers)[0], $worker, 'the same worker all the time');

done_testing();
