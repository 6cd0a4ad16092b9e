#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A Redis that is set up to forget is told so in the log, once; one that does
# not say how it is set up is used as well.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Gateway qw(gateway guess);
use Tradesec::Test::Redis;


my $EVICTS  = qr/\[warn\].*redis "\S+" evicts keys when its memory is full/;
my $FORGETS = qr/\[warn\].*redis "\S+" forgets all locks .*when it is restarted/;

# Who has judged has read all that came before.

sub judged {
    my ($t, $title) = @_;

    my $n = $t->access_log;

    return ok(wait_until(sub {
        guess($t, 'alice', 'right');
        my @lines = $t->access_log;
        return grep {/^200  \[redis\]/} @lines[ $n .. $#lines ];
    }, 30), $title);
}

for my $case (
    [ 'neither', [ '--maxmemory-policy', 'allkeys-lru' ], 1, 1 ],
    [ 'it evicts', [ qw(--maxmemory-policy volatile-ttl --appendonly yes) ], 1,
        0 ],
    [ 'it forgets', [], 0, 1 ],
    [ 'snapshots', [ '--save', '900 1' ], 0, 0 ],
    [ 'all is well', [ qw(--appendonly yes) ], 0, 0 ],
) {
    my ($title, $conf, $evicts, $forgets) = @$case;

    my $redis = Tradesec::Test::Redis->new(conf => $conf);
    my $t     = gateway($redis, workers => 1);

    judged($t, "$title: connected");

    is(scalar(my @lines = $t->error_log($EVICTS)), $evicts,
        "$title: eviction is found");
    is(scalar(@lines = $t->error_log($FORGETS)), $forgets,
        "$title: so is what is lost");
}

# connected again: not told twice

my $redis = Tradesec::Test::Redis->new;
my $t     = gateway($redis, workers => 1);

judged($t, 'connected');
$redis->restart;
$t->logged(qr/is back/, 'and again');
judged($t, 'to be asked');
is(scalar(my @lines = $t->error_log($FORGETS)), 1, 'told once');

# a user who may not look

$redis->command('ACL', 'SETUSER', 'shy', 'on', '>password', '~tradesec:*',
    '+@all', '-info', '-config');

$t = gateway($redis, workers => 1,
    url => 'redis://shy:password@127.0.0.1:' . $redis->port);

judged($t, 'without the right to look Redis judges as well');
$t->not_logged(qr/evicts|forgets|is away/, '... and nothing is found');

done_testing();
