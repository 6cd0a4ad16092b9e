#!/usr/bin/perl

# Logins beside proxy_next_upstream, backups, intercepted errors and error pages
# of another upstream: an attempt that was sent to two backends is one attempt,
# what counts is the last answer to it, and no detour buys another try.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Backend;


# What the first and the second backend answer is in the request.

sub answers {
    my ($n) = @_;

    return sub {
        my ($request) = @_;

        my ($order) = ($request->header('X-Order') // '') =~ /$n=(\w+)/;

        return {
            ok   => { headers => [ 'Set-Cookie' => 'sid=1' ] },
            bad  => { status => 401 },
            busy => { status => 429 },
            fail => { status => 500 },
            oops => { status => 500, headers => [ 'Set-Cookie' => 'sid=1' ] },
            deny => { status => 403 },
            hang => { delay => 2 },
            gone => { close => 1 },
            half => { raw => "HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\n" },
            cut  => { raw => "HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\n"
                    . "Content-Length: 100\r\n\r\n{\"ok\":true" },
            junk => { raw => "HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\n"
                    . "X\0: 1\r\nContent-Length: 0\r\n\r\n" },
            json => { headers => [ 'Content-Type' => 'application/json' ],
                body => '{"ok":true}' },
            no   => { headers => [ 'Content-Type' => 'application/json' ],
                body => '{"ok":false}' },
        }->{ $order // 'bad' };
    };
}

my @backend = map { Tradesec::Test::Backend->new(answers => answers($_)) } 1, 2;

my ($first, $second) = map { $_->address } @backend;

my $t = Tradesec::Test->new(
    workers    => 1,
    access_log => '$status $upstream_status',
    http       => <<~"CONF",
        tradesec_zone zone=tradesec:4m;
        tradesec_login_limit pair=5 account=1000 address=1000 accounts=0;

        # the first of them is asked first, and never put aside
        upstream pair {
            server $first max_fails=0;
            server $second max_fails=0 backup;
        }
        upstream dead {
            server 127.0.0.1:1;
            server $second max_fails=0 backup;
        }
        upstream three {
            server 127.0.0.1:1 max_fails=0 weight=100;
            server $first max_fails=0 weight=10;
            server $second max_fails=0 backup;
        }
        upstream second { server $second; }
    CONF
    server => <<~'CONF' =~ s/%LOGIN/tradesec_login account=form:u neutral=429/gr);
        tradesec on;
        tradesec_origin off;
        proxy_http_version 1.1;
        proxy_read_timeout 300ms;
        proxy_next_upstream error timeout invalid_header http_500 http_403
                            http_429 non_idempotent;

        location = /pair { %LOGIN success=cookie:sid; proxy_pass http://pair; }
        location = /dead { %LOGIN success=cookie:sid; proxy_pass http://dead; }
        location = /three {
            %LOGIN success=cookie:sid;
            proxy_pass http://three;
        }
        location = /once {
            %LOGIN success=cookie:sid;
            proxy_next_upstream_tries 1;
            proxy_pass http://pair;
        }
        location = /idempotent {
            %LOGIN success=cookie:sid;
            proxy_next_upstream error timeout http_500;
            proxy_pass http://pair;
        }
        location = /body {
            %LOGIN success=json:/ok=true;
            proxy_pass http://pair;
        }

        # errors that nginx takes over, with a page of another upstream

        location = /page {
            %LOGIN success=cookie:sid;
            proxy_intercept_errors on;
            error_page 401 429 500 502 504 = /second;
            proxy_pass http://pair;
        }
        location = /named {
            %LOGIN success=cookie:sid;
            proxy_intercept_errors on;
            error_page 401 429 500 502 504 = @second;
            proxy_pass http://pair;
        }
        location = /guarded {
            %LOGIN success=cookie:sid;
            proxy_intercept_errors on;
            error_page 401 429 500 502 504 = @guarded;
            proxy_pass http://pair;
        }
        location = /body-page {
            %LOGIN success=json:/ok=true;
            proxy_intercept_errors on;
            error_page 401 429 500 502 504 = @second;
            proxy_pass http://pair;
        }

        location = /second { internal; proxy_pass http://second; }
        location @second { proxy_pass http://second; }
        location @guarded {
            %LOGIN success=cookie:sid;
            proxy_pass http://second;
        }
    CONF

my $number = 0;

sub guess {
    my ($path, $user, $order) = @_;

    return $t->post($path, "u=$user", 'X-Order' => $order);
}

# How many of seven attempts reach each of the backends, and what the client
# sees of the last one.

sub tried {
    my ($path, $order) = @_;

    my $user = 'user' . ++$number;

    $_->clear for @backend;
    my @r = map { guess($path, $user, $order) } 1 .. 7;

    return (reached(), join(' ', map { $_->status } @r));
}

# The page of a refusal is asked for as well, by GET.

sub reached {
    return join ' ', map { my $b = $_;
        scalar grep { $_->method eq 'POST' } $b->requests } @backend;
}

sub check {
    my ($path, $order, $counts, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($got, $statuses) = tried($path, $order);

    is($got, $counts, "$path $title") or diag("$order: $statuses");

    return $statuses;
}

# the same server answers

check($_, '1=ok', '7 0', 'right') for qw(/pair /once /page /named /guarded);
check('/body', '1=json', '7 0', 'right');
check('/pair', '1=bad 2=ok', '5 0', 'wrong: nobody else is asked');

# two are asked: one attempt, and the second one's word is the last

for my $order (qw(fail oops deny busy gone half junk)) {
    check('/pair', "1=$order 2=ok", '7 7', "$order, then right");
    check('/pair', "1=$order 2=bad", '5 5', "$order, then wrong");
}

check('/pair', '1=hang 2=bad', '5 5', 'too slow, then wrong');
check('/pair', '1=hang 2=ok', '7 7', 'too slow, then right');

for my $order (qw(fail deny gone junk half)) {
    check('/pair', "1=oops 2=$order", '5 5',
        "a cookie of a failure, then $order");
}

check('/pair', '1=fail 2=busy', '7 7', 'a failure, then busy');
check('/pair', '1=busy 2=fail', '5 5', 'busy, then a failure');
check('/dead', '2=bad', '0 5', 'the backup, wrong');
check('/dead', '2=ok', '0 7', 'the backup, right');
check('/three', '1=fail 2=bad', '5 5', 'the third, wrong');
check('/three', '1=fail 2=ok', '7 7', 'the third, right');
check('/three', '1=gone 2=gone', '5 5', 'none of three answers');
check('/once', '1=fail 2=ok', '5 0', 'one try');
check('/idempotent', '1=fail 2=ok', '5 0', 'a POST is tried once');

# the answer is cut off behind its header, so nobody else is asked

check('/pair', '1=cut 2=ok', '7 0', 'right, and then cut off');
check('/body', '1=cut 2=json', '5 0', 'the body is cut off');
check('/body', '1=fail 2=json', '7 7', 'a failure, then a right body');
check('/body', '1=fail 2=no', '5 5', 'a failure, then a wrong body');
check('/body', '1=gone 2=cut', '5 5', 'no answer, then half a body');

# a page of another upstream instead: that one was not asked to log in

for my $path (qw(/page /named)) {
    for my $order (qw(bad fail oops gone half)) {
        my $asked = $order eq 'bad' ? $path eq '/page' ? '5 0' : '5 5'
            : $path eq '/page' ? '5 5' : '5 10';

        check($path, "1=$order 2=$_", $asked, "$order, and a page that is $_")
            for $order eq 'bad' ? qw(ok bad) : 'bad';
    }

    check($path, '1=fail 2=ok', '7 7', 'a failure, then right: no page');
}

check('/body-page', "1=$_ 2=json", $_ eq 'bad' ? '5 5' : '7 7',
    "$_, and a body that is right") for qw(bad fail);

# ... unless it stands behind a guard of its own, with the same counter

check('/guarded', '1=bad 2=bad', '3 2',
    'two attempts for one, if both are guarded');
check('/guarded', '1=bad 2=ok', '7 7', '... the second of which is right');

# many at once

my $user = 'storm';

$_->clear for @backend;

my @r = $t->parallel(([ POST => '/pair', "u=$user",
    'X-Order' => '1=fail 2=bad' ]) x 40);

is(reached(), '5 5',
    'forty at once: five attempts, each sent twice');
is(scalar(grep { $_->status == 429 } @r), 35, '... all others refused');

done_testing();
