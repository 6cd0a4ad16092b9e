#!/usr/bin/perl

# What an answer means, and that nothing hides it: five attempts with that
# answer are made, and then the guard either lets a sixth one through or not.

use v5.30;
use warnings;

use JSON::PP ();
use Test::More;

use Tradesec::Test qw(wait_until);


my $t = Tradesec::Test->new(
    backend => {
        '/target' => { headers => [ 'Set-Cookie' => 'sid=target' ] },
        '*'       => 401,
    },
    http => <<~'CONF',
        tradesec_zone zone=tradesec:4m;
        upstream dead { server 127.0.0.1:1; }
        proxy_cache_path %%DIR%%/cache keys_zone=answers:1m;

        # the second server answers what the first one did not
        upstream pair {
            server 127.0.0.1:1;
            server %%BACKEND%%;
        }

        # counted by account only, so that each test has a fresh one
        tradesec_login_limit pair=5 account=1000 address=1000 accounts=0;
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        proxy_read_timeout 1s;

        location / { proxy_pass http://%%BACKEND%%; }

        location = /target {
            proxy_set_header X-Test-Answer "";
            proxy_pass http://%%BACKEND%%;
        }

        location = /login {
            tradesec_login account=form:u success=cookie:sid success=status:2xx
                failure=403 neutral=429,409;
            proxy_pass http://%%BACKEND%%;
        }

        location = /header {
            tradesec_login account=form:u success=header:X-Result=ok;
            proxy_pass http://%%BACKEND%%;
        }

        location = /status {
            tradesec_login account=form:u success=status:302;
            proxy_pass http://%%BACKEND%%;
        }

        location = /never {
            tradesec_login account=form:u;
            proxy_pass http://%%BACKEND%%;
        }

        location = /intercept {
            tradesec_login account=form:u success=cookie:sid;
            proxy_intercept_errors on;
            error_page 401 =200 /target;
            proxy_pass http://%%BACKEND%%;
        }

        location = /named {
            tradesec_login account=form:u success=cookie:sid;
            proxy_intercept_errors on;
            error_page 401 = @target;
            proxy_pass http://%%BACKEND%%;
        }

        location @target {
            rewrite ^ /target break;
            proxy_set_header X-Test-Answer "";
            proxy_pass http://%%BACKEND%%;
        }

        location = /page {
            tradesec_login account=form:u success=cookie:sid;
            proxy_intercept_errors on;
            error_page 401 =200 /page.html;
            proxy_pass http://%%BACKEND%%;
        }

        location = /page.html { return 200 "try again"; }

        location = /bad-gateway {
            tradesec_login account=form:u success=cookie:sid;
            error_page 502 =200 /target;
            proxy_pass http://dead;
        }

        location = /next {
            tradesec_login account=form:u success=cookie:sid;
            proxy_next_upstream error non_idempotent;
            proxy_pass http://pair;
        }

        location = /try {
            tradesec_login account=form:u success=cookie:sid;
            root %%DIR%%;
            try_files /missing @backend;
        }

        location @backend { proxy_pass http://%%BACKEND%%; }

        # both ways to one application are guarded
        location = /try-twice {
            tradesec_login account=form:u success=cookie:sid;
            root %%DIR%%;
            try_files /missing @guarded;
        }

        location @guarded {
            tradesec_login account=form:u success=cookie:sid;
            proxy_pass http://%%BACKEND%%;
        }

        location = /cached {
            tradesec_login account=form:u success=cookie:sid;
            proxy_cache answers;
            proxy_cache_methods POST;
            proxy_cache_key $uri;
            proxy_cache_valid 200 2s;
            proxy_cache_use_stale http_500;
            proxy_ignore_headers Set-Cookie Cache-Control Expires;
            proxy_pass http://%%BACKEND%%;
        }

        location = /patient {
            tradesec_login account=form:u success=cookie:sid;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;
my $number  = 0;

my $FORM = 'application/x-www-form-urlencoded';

sub json {
    my ($answer) = @_;

    return JSON::PP->new->canonical->encode($answer);
}

sub send_guess {
    my ($path, $user, $answer) = @_;

    return $t->post($path, "u=$user", 'Content-Type' => $FORM,
        $answer ? ('X-Test-Answer' => json($answer)) : ());
}

# Five answers of that kind; what becomes of five plain failures behind them.

sub after_five {
    my ($path, $answer) = @_;

    my $user = 'user' . ++$number;

    my @first = map { send_guess($path, $user, $answer) } 1 .. 5;

    my $passed = grep { send_guess('/login', $user)->status == 401 } 1 .. 5;

    return ($passed, \@first);
}

sub failure {
    my ($path, $answer, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($passed, $first) = after_five($path, $answer);
    is($passed, 0, "$title: charged");

    return $first;
}

sub success {
    my ($path, $answer, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($passed, $first) = after_five($path, $answer);
    is($passed, 5, "$title: cleared");

    return $first;
}

my @cookie = (headers => [ 'Set-Cookie' => 'sid=1; Path=/' ]);

# the criteria

success('/login', { status => 200, @cookie }, 'cookie and status');
success('/login', { status => 204, @cookie }, 'another status of the class');
failure('/login', { status => 302, @cookie }, 'cookie, but another status');
failure('/login', { status => 200 }, 'status without the cookie');
failure('/login', { status => 200,
    headers => [ 'Set-Cookie' => 'sid=; Max-Age=0' ] }, 'cookie deleted');
failure('/login', { status => 200,
    headers => [ 'Set-Cookie' => 'other=1' ] }, 'another cookie');
failure('/login', { status => 403, @cookie }, 'listed failure with the cookie');
failure('/login', { status => 401 }, 'unlisted status');
failure('/login', { status => 500 }, 'error of the backend');

success('/header', { status => 500, headers => [ 'X-Result' => 'ok' ] },
    'field with the value');
failure('/header', { status => 200, headers => [ 'X-Result' => 'no' ] },
    'field with another value');
failure('/header', { status => 200, headers => [ 'X-Result' => 'ok2' ] },
    'field with a longer value');
success('/status', { status => 302 }, 'status alone');
failure('/status', { status => 200 }, 'status alone, another one');
failure('/never', { status => 200, @cookie }, 'no success criterion');

# neutral gives back, but only so often

success('/login', { status => 429 }, 'neutral');

my $user    = 'neutral';
my $passed  = grep { send_guess('/login', $user, { status => 409 })->status
        == 409 } 1 .. 30;
is($passed, 10, 'neutral: five given back, then five charged');

# nothing hides the backend's answer

my $first = failure('/intercept', { status => 401 },
    'intercepted, with a page that would be a success');
is($first->[0]->status, 200, '... which the client sees');
like($first->[0]->header('Set-Cookie') // '', qr/sid=target/,
    '... with its cookie');
failure('/named', { status => 401 }, 'intercepted, named location');
failure('/page', { status => 401 }, 'intercepted, a page without backend');
success('/page', { status => 200, @cookie }, 'the same location, success');

$first = failure('/login', { status => 401,
    headers => [ 'X-Accel-Redirect' => '/target' ] },
    'X-Accel-Redirect to a page that would be a success');
like($first->[0]->header('Set-Cookie') // '', qr/sid=target/,
    '... which the client sees');
success('/login', { status => 200,
    headers => [ 'Set-Cookie' => 'sid=1', 'X-Accel-Redirect' => '/x' ] },
    'X-Accel-Redirect of a success');

failure('/bad-gateway', undef, 'no backend, a page that would be a success');

# the way to the backend may be longer

success('/next', { status => 200, @cookie }, 'second server, success');
failure('/next', { status => 401 }, 'second server, failure');
success('/try', { status => 200, @cookie }, 'try_files, success');
failure('/try', { status => 401 }, 'try_files, failure');
success('/try-twice', { status => 200, @cookie }, 'guarded twice, success');

$backend->clear;
send_guess('/try-twice', 'twice') for 1 .. 9;
is($backend->count, 5, 'guarded twice, failure: charged once');

# an answer of the cache is not the backend's

is(send_guess('/cached', 'first', { status => 200, @cookie })->status, 200,
    'an answer for the cache');
failure('/cached', { status => 200, @cookie }, 'cached success');
sleep 3;
$first = failure('/cached', { status => 500 }, 'stale success');
is($first->[0]->status, 200, '... which the client sees');

# no answer

failure('/login', { close => 1 }, 'backend hangs up');
failure('/login', { delay => 1.5 }, 'backend is too slow');
failure('/login', { raw => "HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\n" },
    'half an answer');
failure('/login', { raw => "nonsense\r\n\r\n" }, 'no HTTP');

# a client that leaves

sub leave {
    my ($path, $user, $answer) = @_;

    $backend->clear;

    for (1 .. 5) {
        my $c = $t->client->connect;
        my $body = "u=$user";

        $c->write("POST $path HTTP/1.1\r\nHost: localhost\r\n"
            . "Content-Type: $FORM\r\nContent-Length: " . length($body)
            . "\r\nX-Test-Answer: " . json($answer) . "\r\n\r\n$body");

        my $count = $_;
        wait_until(sub { $backend->count == $count });
        $c->close;
    }

    sleep 1;

    return scalar grep { send_guess('/login', $user)->status == 401 } 1 .. 5;
}

is(leave('/login', 'gone1', { delay => 0.5, status => 401 }), 0,
    'client gone before a failure: charged');
is(leave('/login', 'gone2', { delay => 0.5, status => 200, @cookie }), 0,
    'client gone before a success: charged');
is(leave('/patient', 'gone3', { delay => 0.5, status => 200, @cookie }), 5,
    'client gone, proxy_ignore_client_abort: success seen');
is(leave('/patient', 'gone4', { delay => 0.5, status => 401 }), 0,
    'client gone, proxy_ignore_client_abort: failure seen');

# half-closed and unfinished requests reach nothing and buy nothing

$backend->clear;

for (1 .. 20) {
    my $c = $t->client->connect;
    $c->write("POST /login HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Type: $FORM\r\nContent-Length: 100\r\n\r\nu=half");
    shutdown $c->socket, 1 if $_ % 2;
    $c->close;
}

sleep 1;
is($backend->count, 0, 'unfinished bodies do not reach the backend');
$passed = grep { send_guess('/login', 'half')->status == 401 } 1 .. 9;
is($passed, 5, 'and cost nobody an attempt');

done_testing();
