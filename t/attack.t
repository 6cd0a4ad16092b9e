#!/usr/bin/perl

# Every attack of tools/attack works against plain nginx and is stopped by the
# gateway, and the twin of each works with both. The tool itself has to notice
# a target that is open, and may not be turned against strangers by mistake.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../tools/demo/lib";

use Test::More;

use Demo::App;
use Demo::Users;


sub attack {
    my @args = @_;

    my $pid = open(my $output, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec "$Bin/../tools/attack/attack", @args;
    }

    my $text = do { local $/; <$output> };

    close $output;

    return ($? >> 8, $text);
}


my ($code, $text) = attack();
my @rows = $text =~ /^  (\S.*?) {2,}(works|stopped|error) +(\S+) +(.+)$/mg;

while (my ($name, $plain, $guarded, $twin) = splice @rows, 0, 4) {
    ok($plain eq 'works' && $guarded eq 'stopped' && $twin =~ /^works:/,
        $name);
}

is($code, 0, 'all as they should be') or diag($text);


# an open target is noticed

my $app   = Demo::App->new;
my $plain = $app->gateway('conf/trading-portal.conf', plain => 1);

my @target = ('--target', 'https://localhost:' . $plain->port,
    '--user', "alice:$Demo::Users::PASSWORDS{alice}");

($code, $text) = attack(@target, '--only', '^order by a foreign form$');

is($code, 1, 'open target noticed');
like($text, qr/order by a foreign form: works against target/, 'and named');
like($text, qr/^1 attacks/m, 'only the attack that was asked for');

my $gateway = $app->gateway('conf/trading-portal.conf');

@target = ('--target', 'https://localhost:' . $gateway->port);

($code, $text) = attack(@target, '--user', "alice:$Demo::Users::PASSWORDS{alice}",
    '--only', '^victim logged in');

is($code, 0, 'gateway as a target');

($code, $text) = attack(@target, '--user', 'alice:wrong',
    '--only', '^victim logged in');

is($code, 1, 'broken twin noticed');
like($text, qr/login form of the own page: does not work with target/,
    'and named');

($code) = attack(@target, '--only', 'no such attack');

is($code, 1, 'no attack at all noticed');

($code, $text) = attack('--target', 'https://192.0.2.1');

isnt($code, 0, 'foreign target refused');
like($text, qr/not on loopback/, 'with the way out');

done_testing();
