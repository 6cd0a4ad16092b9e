#!/usr/bin/perl

# The module loads, and an nginx that only loads it serves as before.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused);


config_accepted({ module => 1, server => 'return 200;' }, 'module loads');
config_refused({ module => 1, main => 'load_module %%MODULE%%;',
        server => 'return 200;' }, qr/already loaded/, 'only once');

my $t = Tradesec::Test->new(
    backend => 1,
    server  => 'location / { proxy_pass http://%%BACKEND%%; }');

my $r = $t->get('/');

is($r->status, 200, 'request served');
is($r->body, "backend\n", 'body untouched');
is_deeply([ map { $_->[0] } $r->fields ],
    [ qw(Server Date Content-Type Content-Length Connection) ],
    'no header added');
ok($t->reload, 'reload');
is($t->get('/')->status, 200, 'request served after a reload');

done_testing();
