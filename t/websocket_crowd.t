#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A crowd of sockets that has to end at one moment: each is closed, by whatever
# ends it, although one turn of the event loop closes only some of them.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $CROWD = 200;

my $t = Tradesec::Test->new(
    backend => Tradesec::Test::SocketServer->new,
    stopped => 1,
    workers => 1,
    http    => 'tradesec_zone zone=z:1m;'
        . provider('portal', 'max_lifetime 2h;'),
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal cookie=token;

        location / {
            tradesec_websocket max_age=1h;
            %%UPGRADE%%
        }

        location /dry {
            tradesec_dry_run websocket;
            %%UPGRADE%%
        }

        location = /operators {
            tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my ($worker) = $t->workers;


sub connections {
    return scalar grep { (readlink // '') =~ /^socket/ }
        glob "/proc/$worker/fd/*";
}


sub crowd {
    my ($uri, $n, %claims) = @_;

    my $token = token({ iat => int(time) - 1, %claims });

    return map {
        Tradesec::Test::WebSocket->open($t->client, $uri,
            headers => [ Cookie => "token=$token" ])
    } 1 .. $n;
}


# How many read that code.

sub reads {
    my ($code, @crowd) = @_;

    return scalar grep {
        my $close = $_->receive_close(15);

        $close && $close->{payload} && unpack('n', $close->{payload}) == $code
    } @crowd;
}


my $idle = connections();

{
    my @crowd  = crowd('/', $CROWD, sub => 'alice');
    my @others = crowd('/', 3, sub => 'bob');
    my @dry    = crowd('/dry', 3, sub => 'alice');

    is(scalar(grep { $_->status == 101 } @crowd, @others, @dry), $CROWD + 6,
        'all are open');
    is($t->post('/operators', 'user=alice')->status, 200, 'revoked');
    is(reads(4401, @crowd), $CROWD, 'a crowd that is revoked reads it');

    $_->close(1000) for @crowd;

    for my $ws (@others, @dry) {
        $ws->send('here');
        is($ws->receive_text, 'here', 'others go on, and a dry run does');
    }

    # again: news for those that have been looked at before

    is($t->post('/operators', 'user=bob')->status, 200, 'revoked');
    is(reads(4401, @others), 3, 'who has been looked at before reads it, too');

    for my $ws (@dry) {
        $ws->send('here');
        is($ws->receive_text, 'here', 'a dry run goes on');
    }

    $_->close(1000) for @others, @dry;
    ok(wait_until(sub { connections() == $idle }, 10), 'none is left');
}

{
    my $end   = int(time) + 6;
    my @crowd = crowd('/', $CROWD, sub => 'carol', exp => $end);

    is(scalar(grep { $_->status == 101 } @crowd), $CROWD, 'all are open');
    is(reads(4401, @crowd), $CROWD, 'a crowd whose token expires reads it');
    cmp_ok(time, '>=', $end, 'and not before');

    # nobody answers

    ok(wait_until(sub { connections() == $idle }, 10),
        'who does not answer is ended all the same');
}

done_testing;
