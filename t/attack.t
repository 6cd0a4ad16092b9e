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
    map { ('--user', "$_:$Demo::Users::PASSWORDS{$_}") } qw(alice bob admin));

($code, $text) = attack(@target, '--only', '^order by a foreign form$');

is($code, 1, 'open target noticed');
like($text, qr/order by a foreign form: works against target/, 'and named');
like($text, qr/^1 attacks/m, 'only the attack that was asked for');

($code, $text) = attack('--target', 'https://192.0.2.1');

isnt($code, 0, 'foreign target refused');
like($text, qr/not on loopback/, 'with the way out');

done_testing();
