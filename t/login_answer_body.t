#!/usr/bin/perl

# Outcomes that are in the body of the answer: its headers are held back until
# the body was looked at, nothing of it is lost, and what cannot be looked at
# (too long, compressed, a part, cut off) is a failure.

use v5.30;
use warnings;

use IO::Compress::Gzip qw(gzip);
use JSON::PP ();
use MIME::Base64 ();
use Test::More;

use Tradesec::Test;


my $JSON = JSON::PP->new->canonical->ascii;

# What a guess asks the backend for, with so many more bytes of body

sub ordered {
    my ($request) = @_;

    my $order  = $request->header('X-Order') // return { status => 401 };
    my $answer = $JSON->decode($order);

    $answer->{body} .= 'x' x delete $answer->{more} if $answer->{more};

    return $answer;
}

my $t = Tradesec::Test->new(
    backend => { '*' => \&ordered },
    http    => <<~'CONF',
        tradesec_zone zone=tradesec:4m;

        # counted by account only, so that each test has a fresh one
        tradesec_login_limit pair=5 account=1000 address=1000 accounts=0;
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        proxy_http_version 1.1;
        proxy_read_timeout 1s;

        location = /pattern {
            tradesec_login account=form:u "success=body:Welcome, \w+!"
                "failure=body:(?i)invalid password" neutral=body:captcha;
            proxy_pass http://%%BACKEND%%;
        }

        location = /json {
            tradesec_login account=form:u success=json:/ok=true
                success=json:/user/id failure=json:/error
                neutral=json:/code=7 neutral=503;
            proxy_pass http://%%BACKEND%%;
        }

        location = /mixed {
            tradesec_login account=form:u success=cookie:sid
                success=status:200 failure=body:wrong failure=418;
            proxy_pass http://%%BACKEND%%;
        }

        location = /basic {
            tradesec_login account=basic success=status:200
                failure=body:wrong;
            proxy_pass http://%%BACKEND%%;
        }

        location = /slow-pattern {
            tradesec_login account=form:u success=status:200
                "failure=body:^(a+)+$";
            proxy_pass http://%%BACKEND%%;
        }

        location = /unbuffered {
            tradesec_login account=form:u success=body:Welcome;
            proxy_buffering off;
            proxy_pass http://%%BACKEND%%;
        }

        location = /intercept {
            tradesec_login account=form:u success=body:Welcome;
            proxy_intercept_errors on;
            error_page 401 =200 /page;
            proxy_pass http://%%BACKEND%%;
        }

        location = /page { return 200 Welcome; }

        location = /accelerated {
            tradesec_login account=form:u success=body:Welcome;
            proxy_pass http://%%BACKEND%%;
        }

        location = /gzip {
            tradesec_login account=form:u success=body:Welcome;
            gzip on;
            gzip_min_length 1;
            gzip_types text/plain;
            gzip_proxied any;
            proxy_pass http://%%BACKEND%%;
        }

        location = /forced {
            tradesec_login account=form:u success=body:Welcome;
            proxy_set_header Accept-Encoding gzip;
            proxy_pass http://%%BACKEND%%;
        }

        location = /files {
            tradesec_login account=form:u success=body:Welcome;
            proxy_buffer_size 1k;
            proxy_buffers 2 1k;
            proxy_busy_buffers_size 1k;
            proxy_max_temp_file_size 1m;
            proxy_temp_file_write_size 2k;
            proxy_pass http://%%BACKEND%%;
        }

        location = /plain {
            tradesec_login account=form:u success=status:200;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;
my $number  = 0;

my $FORM = 'application/x-www-form-urlencoded';

sub send_guess {
    my ($path, $user, $answer, @fields) = @_;

    return $t->post($path, "u=$user", 'Content-Type' => $FORM, @fields,
        $answer ? ('X-Order' => $JSON->encode($answer)) : ());
}

# Five answers of that kind; what becomes of five plain failures behind them.

sub after_five {
    my ($path, $answer, @fields) = @_;

    my $user   = 'user' . ++$number;
    my @first  = map { send_guess($path, $user, $answer, @fields) } 1 .. 5;
    my $passed = grep { send_guess('/plain', $user)->status == 401 } 1 .. 5;

    return ($passed, \@first);
}

sub failure {
    my ($path, $answer, $title, @fields) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($passed, $first) = after_five($path, $answer, @fields);
    is($passed, 0, "$title: charged");

    return $first;
}

sub success {
    my ($path, $answer, $title, @fields) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($passed, $first) = after_five($path, $answer, @fields);
    is($passed, 5, "$title: cleared");

    return $first;
}

my @cookie = (headers => [ 'Set-Cookie' => 'sid=1; Path=/' ]);

# patterns

my $first = success('/pattern', { body => 'Welcome, alice!', @cookie },
    'pattern of success');
is($first->[0]->status, 200, '... the client sees the status');
is($first->[0]->body, 'Welcome, alice!', '... and the body');
like($first->[0]->header('Set-Cookie'), qr/sid=1/, '... and the cookie');
is($first->[0]->header('Content-Length'), 15, '... and its length');

$first = failure('/pattern', { body => 'try again' }, 'no pattern');
is($first->[0]->body, 'try again', '... the client sees the answer');
failure('/pattern', { body => 'Welcome, a! INVALID password' },
    'failure before success');
success('/pattern', { body => 'solve the captcha' }, 'pattern of neutral');
failure('/pattern', { body => 'captcha: invalid password' },
    'failure before neutral');
failure('/pattern', { status => 200, body => '' }, 'empty body');

# JSON

success('/json', { body => '{"ok": true, "user": {"id": 7}}' },
    'JSON of success');
success('/json', { body => '{"ok": true, "user": {"id": "x"}, "error": null}' },
    'an error of null is none');
failure('/json', { body => '{"ok": true, "user": {"id": false}}' },
    'a value of false is none');
failure('/json', { body => '{"ok": true}' }, 'one criterion of two');
failure('/json', { body => '{"ok": "true", "user": {"id": 1}, "error": "x"}' },
    'failure before success');
failure('/json', { body => '{"ok": true, "user": {"id": 1}, "ok": true}' },
    'a member twice');
failure('/json', { body => '{"ok": true, "user": {"id": 1}} x' }, 'no JSON');
failure('/json', { body => '<p>ok</p>' }, 'HTML');
failure('/json', { body => '{"code": 70}' }, 'not the value');
success('/json', { body => '{"code": 7}' }, 'neutral by value');
success('/json', { status => 503, body => '{}' }, 'neutral by status');
failure('/json', { status => 503, body => '{"error": 1}' },
    'neutral by status, but a failure in the body');

# with other criteria

success('/mixed', { body => 'hello', @cookie }, 'cookie and status');
failure('/mixed', { body => 'wrong', @cookie }, 'but for the body');
failure('/mixed', { body => 'hello' }, 'no cookie');
failure('/mixed', { status => 201, body => 'hello', @cookie },
    'another status');
failure('/mixed', { status => 418, body => 'hello', @cookie },
    'a failure by its status');

# the bound

my $room = 16384 - length 'Welcome';

for my $path (qw(/unbuffered /files)) {
    for my $chunked (0, 1) {
        for my $more ($room - 1, $room) {
            $first = success($path, { body => 'Welcome', more => $more,
                chunked => $chunked }, "$more more bytes, $path");
            is($first->[0]->body, 'Welcome' . 'x' x $more,
                '... all of them arrive');
        }

        for my $more ($room + 1, 20 * $room) {
            $first = failure($path, { body => 'Welcome', more => $more,
                chunked => $chunked }, "$more more bytes, $path");
            is($first->[0]->body, 'Welcome' . 'x' x $more,
                '... all of them arrive');
        }
    }
}

my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
    split //, 'Welcome';

$first = success('/unbuffered', { raw => "HTTP/1.1 200 OK\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n" },
    'chunks of a byte');
is($first->[0]->body, 'Welcome', '... all of them arrive');

# an answer that is not all there

failure('/unbuffered', { raw => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
    . "\r\nWelcome" }, 'cut off');
failure('/pattern', { raw => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
    . "\r\nWelcome, bob!" }, 'cut off, buffered');
failure('/mixed', { status => 206, body => 'hell', @cookie }, 'a part');
failure('/mixed', { status => 304, @cookie }, 'not modified');

my $slow = send_guess('/pattern', 'slow', { delay => 3, body => 'Welcome, b!' });
is($slow->status, 504, 'an answer that does not come');

# compression is not asked for, and an answer that is compressed all the same

my $compressed;
gzip(\'Welcome', \$compressed) or die 'gzip';

# headers in latin-1, and the body as it is
my $raw = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
    . length($compressed) . "\r\n\r\n$compressed";

$backend->clear;
$first = failure('/forced', { raw => $raw }, 'compressed',
    'Accept-Encoding' => 'gzip', 'Range' => 'bytes=0-0',
    'If-None-Match' => '"x"');
is($first->[0]->header('Content-Encoding'), 'gzip', '... as the client sees');
failure('/mixed', { body => 'hello', headers => [ 'Content-Encoding' =>
    'identity', 'content-encoding' => 'br', 'Set-Cookie' => 'sid=1' ] },
    'a second encoding');

$backend->clear;
$first = success('/gzip', { body => 'Welcome',
    headers => [ 'Content-Type' => 'text/plain' ] }, 'nginx compresses',
    'Accept-Encoding' => 'gzip', 'Range' => 'bytes=0-0',
    'If-Range' => '"x"', 'If-None-Match' => '"x"',
    'If-Modified-Since' => 'Thu, 01 Jan 2026 00:00:00 GMT');
is($first->[0]->header('Content-Encoding'), 'gzip', '... for the client');

my ($seen) = $backend->requests('/gzip');
is($seen->header($_), undef, "$_ does not reach the backend")
    for qw(Accept-Encoding Range If-Range If-None-Match If-Modified-Since);

# pages in the place of the answer

$first = failure('/intercept', { status => 401, body => 'no' },
    'intercepted, with a page that would be a success');
is($first->[0]->body, 'Welcome', '... which the client sees');
$first = failure('/accelerated', { status => 401,
    headers => [ 'X-Accel-Redirect' => '/page' ] }, 'X-Accel-Redirect');
is($first->[0]->body, 'Welcome', '... which the client sees');
success('/intercept', { body => 'Welcome' }, 'the same location, success');

# a pattern that would take for ever is given up

my $began = time;
failure('/slow-pattern', { body => 'a' x 64 . 'b' }, 'a search without end');
cmp_ok(time - $began, '<', 20, '... is given up');
success('/slow-pattern', { body => 'b' }, 'the same pattern, success');

# HEAD has no body to look at

my $user = 'head';

for (1 .. 5) {
    $t->head('/basic', Authorization =>
        'Basic ' . MIME::Base64::encode_base64("$user:x", ''),
        'X-Order' => $JSON->encode({ status => 200, body => 'wrong' }));
}

is(send_guess('/plain', $user)->status, 429, 'HEAD does not hide a failure');

# what is pipelined behind

my $c    = $t->client->connect;
my $one  = $JSON->encode({ body => 'Welcome, p!' });
my $body = 'u=pipe';

$c->write(join '', map {
    "POST /pattern HTTP/1.1\r\nHost: localhost\r\nContent-Type: $FORM\r\n"
        . 'Content-Length: ' . length($body) . "\r\nX-Order: $one\r\n"
        . "\r\n$body"
} 1 .. 3);
is($c->response->body, 'Welcome, p!', 'pipelined') for 1 .. 3;

done_testing();
