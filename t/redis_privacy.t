#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# No account and no address in clear: not in Redis, not on the way to it, not
# in shared memory, not in what this module logs.

use v5.30;
use warnings;
no warnings 'portable';     # addresses of 64 bits

use Socket qw(inet_aton);
use Test::More;

use Tradesec::Test::Gateway qw(connected gateway guess);
use Tradesec::Test::Redis;


my $redis   = Tradesec::Test::Redis->new;
my $monitor = $redis->monitor;
my $t       = gateway($redis, workers => 1);

ok(connected($redis, $t), 'connected');

my $account = 'zaphod.quintessence@example.org';
my $address = '203.0.113.77';

guess($t, $account, "wrong-parsnip-$_", $address) for 1 .. 7;

my $asked = $monitor->text(qr/(?:.*EVALSHA){7}/s);
my $kept  = $redis->contents;
my $zone  = shared($t);

cmp_ok(scalar(grep { !/probe/ } $redis->names), '>=', 2, 'there are counters');
like($asked, qr/EVALSHA/, 'Redis was asked');
cmp_ok(length $zone, '>', 1 << 20, 'there is shared memory');
like($zone, qr/tradesec/, 'of the zone');

my %secret = (
    'the account'           => $account,
    'a part of it'          => 'quintessence',
    'the password'          => 'parsnip',
    'the address'           => $address,
    'the address in binary' => inet_aton($address),
);

for my $name (sort keys %secret) {
    is(index($kept,  $secret{$name}), -1, "Redis keeps nothing of $name");
    is(index($zone,  $secret{$name}), -1, "nor does shared memory");
    is(index($asked, $secret{$name}), -1, "nor does it pass by")
        unless $name =~ /binary/;
}

my $log = join "\n", $t->error_log, $t->access_log;

like($log, qr/login locked/, 'the log has the lock');
unlike($log, qr/quintessence|parsnip/, 'and neither account nor password');

# another key, other names

my @names = $redis->names;
my %old   = map { $_ => 1 } @names;

$redis->command('FLUSHALL');

my $file = $redis->dir . '/another';
open my $out, '>', $file or die "$file: $!";
print {$out} 'another key of all gateways';
close $out;
chmod 0600, $file;

my $t2 = gateway($redis, workers => 1, key => $file);
ok(connected($redis, $t, $t2), 'a gateway with another key');

guess($t2, $account, "wrong-parsnip-$_", $address) for 1 .. 2;
is((scalar grep { $old{$_} && !/probe/ } $redis->names), 0,
    'has other names for the same');

done_testing();


# What the worker shares with others, as it is in memory.

sub shared {
    my ($t) = @_;

    my ($pid) = $t->workers;
    my $bytes = '';

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    open my $mem,  '<:raw', "/proc/$pid/mem" or die "mem: $!";

    while (<$maps>) {
        my ($from, $to) = /^(\w+)-(\w+) rw-s .*\/dev\/zero/ or next;
        my $length = hex($to) - hex $from;

        sysseek $mem, hex $from, 0;
        sysread $mem, $bytes, $length, length $bytes;
    }

    return $bytes;
}
