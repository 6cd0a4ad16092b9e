#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# While operators have frozen the server, nothing passes that changes state,
# but for the locations that are listed.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use Tradesec::Test qw(config_refused wait_until);


my $t = Tradesec::Test->new(
    backend    => 1,
    workers    => 2,
    access_log => '$uri $tradesec_status $tradesec_reason $tradesec_guard',
    http       => 'tradesec_zone zone=state:1m state=%%DIR%%/state;',
    server     => <<~'CONF',
        tradesec on;
        tradesec_origin off;

        location / { proxy_pass http://%%BACKEND%%; }
        location /orders/cancel {
            tradesec_freeze off;
            proxy_pass http://%%BACKEND%%;
        }
        location /dry { tradesec_dry_run freeze; proxy_pass http://%%BACKEND%%; }
        location /unsafe {
            tradesec_safe_methods none;
            proxy_pass http://%%BACKEND%%;
        }
        location /any {
            satisfy any;
            allow all;
            proxy_pass http://%%BACKEND%%;
        }
        location /page {
            error_page 503 /maintenance;
            proxy_pass http://%%BACKEND%%;
        }
        location = /maintenance { return 200 "maintenance\n"; }
        location = /operators { tradesec_revocations allow=127.0.0.1; }
        CONF
);

my $backend = $t->backend;

sub freeze {
    my ($word) = @_;

    my $r = $t->post('/operators', "freeze=$word");

    return $r->status == 200 ? decode_json($r->body)->{frozen} : undef;
}

sub status { return $t->request(@_[0, 1], 'x')->status }

is(status(POST => '/orders'), 200, 'an order passes');
ok(freeze('on') > time - 60, 'frozen');

$backend->clear;

for my $method (qw(POST PUT PATCH DELETE)) {
    is(status($method => '/orders'), 503, "$method is refused") for 1 .. 4;
}

my $r = $t->post('/orders', 'x');
is($r->header('Retry-After'), 60, 'for a while');
is($r->header('Cache-Control'), 'no-store', 'and not stored');
ok($t->access_logged(qr{^/orders REJECTED frozen freeze$}m), 'reason frozen');
is($backend->count, 0, 'nothing reached the backend');

is(status($_ => '/orders'), 200, "$_ passes") for qw(GET HEAD OPTIONS);
is(status(POST => '/orders/cancel'), 200, 'a listed location passes');
is(status(POST => '/orders/cancel/../new'), 503, 'by no other path');
is(status(POST => '//orders'), 503, 'nor spelling');
is(status(GET => '/unsafe'), 503, 'a GET that changes state is refused');
is(status(POST => '/any'), 503, 'also where others would satisfy');

is($t->post('/page', 'x')->body, "maintenance\n", 'a page of the operator');

is(status(POST => '/dry'), 200, 'a dry run passes');
ok($t->access_logged(qr{^/dry REJECTED_DRY_RUN frozen freeze$}m), 'marked');

# what is frozen stays so

ok($t->reload, 'reload');
is(status(POST => '/orders'), 503, 'frozen after a reload');

$t->configure(http => 'tradesec_zone zone=state:2m state=%%DIR%%/state;');
ok($t->reload, 'reload with another size');
is(status(POST => '/orders'), 503, 'frozen all the same');

ok(wait_until(sub { $t->read_file('state.revocations') =~ /^revoke /m }),
    'it is in the journal');
$t->restart;
is(status(POST => '/orders'), 503, 'frozen after a restart');

is(freeze('off'), 0, 'lifted');
is(status(POST => '/orders'), 200, 'an order passes');

$t->restart;
is(status(POST => '/orders'), 200, 'also after a restart');

$t->allow_logged(qr/an operator has/);
config_refused('tradesec_freeze maybe; location / { }',
    qr/invalid value "maybe"/, 'neither on nor off');

done_testing();
