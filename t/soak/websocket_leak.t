#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A leaking backend, at length: of MESSAGES (100,000) mixed messages each
# client receives exactly its own and the public ones, over every transport.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test::Leak qw(broadcast leak library leaking);

my $MESSAGES = $ENV{MESSAGES} // 100_000;

srand 7;

for my $tls (0, 1) {
    my $t    = leaking(tls => $tls, behind => $tls);
    my $all  = $t->dir . '/all';
    my $name = $tls ? 'TLS' : 'plain';

    broadcast($name, $t, leak($all, $MESSAGES));

    my $mixed = leak($all, $MESSAGES, fragments => 1);

    broadcast("$name, fragments", $t, $mixed);

    for my $client ('python3-websockets', 'npm ws', 'Chromium') {
        SKIP: {
            skip 'no chromedriver: make deps', 1
                if $client eq 'Chromium' && !-x '/usr/bin/chromedriver';

            library($client, $t, $mixed);
        }
    }

    broadcast("$name, byte by byte", $t,
        leak($all, $MESSAGES, small => 1, fragments => 1), 'piece=1');
}

done_testing;
