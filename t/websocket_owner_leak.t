#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A leaking backend: everyone's updates go to everyone. Of many mixed messages
# each client receives exactly its own and the public ones, in order: over
# plain connections and TLS, in fragments, in pieces of one byte, and as other
# people's clients read them. t/soak/websocket_leak.t has more of them.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test::Leak qw(broadcast leak library leaking);

srand 7;

{
    my $t   = leaking();
    my $all = $t->dir . '/all';

    broadcast('plain', $t, leak($all, 4000));
    broadcast('fragments', $t, leak($all, 1000, fragments => 1));
    broadcast('pieces of 7 bytes', $t, leak($all, 500, small => 1),
        'piece=7');
    broadcast('byte by byte', $t, leak($all, 150, small => 1, fragments => 1),
        'piece=1');

    my $mixed = leak($all, 1000, fragments => 1);

    library('python3-websockets', $t, $mixed);
    library('npm ws', $t, $mixed);

    SKIP: {
        skip 'no chromedriver: make deps', 1
            unless -x '/usr/bin/chromedriver';

        library('Chromium', $t, $mixed);
    }
}

{
    my $t   = leaking(tls => 1, behind => 1);
    my $all = $t->dir . '/all';

    broadcast('TLS', $t, leak($all, 1000));
    broadcast('TLS, fragments', $t, leak($all, 500, fragments => 1));
}

done_testing;
