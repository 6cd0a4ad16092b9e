#!/usr/bin/perl

# Requests that pass without leaving a trace share the context of their
# location. What one of them goes through afterwards must not be seen by the
# others, and what passed is known as passed to its end.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);


my $t = Tradesec::Test->new(
    backend => {
        '/accel'      => { headers => [ 'X-Accel-Redirect' => '/get-only/x' ] },
        '/accel-post' => { headers => [ 'X-Accel-Redirect' => '/post-only/x' ] },
        '/gone'       => { status => 500 },
        '*'           => { body => 'reached' },
    },
    access_log => '$request_uri $tradesec_status '
                . '$tradesec_guard $tradesec_reason',
    server     => <<~'CONF');
        tradesec on;
        tradesec_origin https://app.test;

        location /plain { proxy_pass http://%%BACKEND%%; }

        location /accel { proxy_pass http://%%BACKEND%%; }

        location /get-only/ {
            tradesec_methods GET;
            proxy_pass http://%%BACKEND%%;
        }

        location /post-only/ {
            tradesec_methods POST;
            proxy_pass http://%%BACKEND%%;
        }

        location /gone {
            proxy_intercept_errors on;
            error_page 500 /off.html;
            proxy_pass http://%%BACKEND%%;
        }

        location /gone-guarded {
            proxy_intercept_errors on;
            error_page 404 500 /guarded.html;
            proxy_pass http://%%BACKEND%%/gone;
        }

        location = /off.html {
            tradesec off;
            return 200 "an unguarded page";
        }

        location = /guarded.html { return 200 "a guarded page"; }

        location = /unguarded {
            tradesec off;
            return 200 "nobody looked";
        }

        location /dry {
            tradesec_dry_run on;
            tradesec_methods GET;
            error_page 500 /off.html;
            proxy_intercept_errors on;
            proxy_pass http://%%BACKEND%%;
        }

        location /page/ { root %%DIR%%; }

        location /try { try_files /nothing @named; }

        location @named {
            tradesec_methods GET HEAD;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

mkdir $t->dir . '/page';
$t->write_file('page/plain.txt', "a page\n");

my $n = 0;

sub status_of {
    my ($method, $uri, $status, $logged, $title, @rest) = @_;

    $n++;
    my $r = $t->request($method, "$uri?n=$n", @rest);

    is($r->status, $status, "$title: $status");
    ok(wait_until(sub { grep {/[?]n=$n \Q$logged\E *$/} $t->access_log }),
        "$title: $logged");

    return $r;
}


# What passed stays passed

status_of('GET', '/plain', 200, 'PASSED', 'a plain request');
status_of('GET', '/gone', 500, 'PASSED',
    'an unguarded error page hides nothing');
status_of('GET', '/gone-guarded', 500, 'PASSED', 'a guarded error page');
status_of('GET', '/page/plain.txt', 412, 'PASSED', 'an answer that nginx replaced',
    undef, 'If-Match' => '"a"');
status_of('GET', '/unguarded', 200, 'OFF', 'an unguarded location');
status_of('GET', '/try', 200, 'PASSED', 'two guarded locations');

# What is refused later is that request's alone

status_of('GET', '/accel', 200, 'PASSED', 'a redirect that passes twice');
status_of('GET', '/accel-post', 405, 'REJECTED methods method_not_allowed',
    'a redirect that is refused');
status_of('GET', '/accel', 200, 'PASSED', 'the next one passes');
status_of('POST', '/plain', 403, 'REJECTED origin origin_mismatch',
    'the second guard refuses', undef, 'Sec-Fetch-Site' => 'cross-site',
    Origin => 'https://evil.test');
status_of('GET', '/plain', 200, 'PASSED', 'the next one passes');
status_of('POST', '/try', 405, 'REJECTED methods method_not_allowed',
    'refused at the second location');
status_of('GET', '/try', 200, 'PASSED', 'the next one passes');

# A dry run's mark is no pass, and stays with its request

status_of('POST', '/dry', 200, 'REJECTED_DRY_RUN methods method_not_allowed',
    'dry run');
status_of('GET', '/dry', 200, 'PASSED', 'the next one passes');

done_testing();
