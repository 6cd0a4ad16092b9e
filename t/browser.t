#!/usr/bin/perl

# A real browser, with the portal of the demo: its users notice nothing of the
# gateway, and foreign pages in the same browser achieve nothing. The same
# pages achieve all of it against plain nginx, so it is the gateway that stops
# them and not the browser.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../tools/demo/lib";

use JSON::PP qw(decode_json encode_json);
use Test::More;

use Demo::App;
use Demo::Users;
use Tradesec::Test;

plan skip_all => 'no chromedriver: make deps' unless -x '/usr/bin/chromedriver';

my @USES = ('log in', 'live data', 'place an order', 'cancel it',
    'change the password');

my @ATTACKS = ('order by a foreign form', 'order by a script of evil',
    'order by a script of sibling', 'live data to a script of evil',
    'live data to a script of sibling', 'page in a foreign frame');

my $foreign = Tradesec::Test->new(
    module => 0,
    tls    => 1,
    host   => 'evil.test',
    server => "root $Bin/browser/pages; types { text/html html; }",
);


sub browse {
    my (%opt) = @_;

    my $app = Demo::App->new;
    my $t   = $app->gateway('conf/trading-portal.conf', host => 'app.test',
        %opt);

    my $evil    = 'https://evil.test:' . $foreign->port;
    my $given = encode_json({
        portal   => 'https://app.test:' . $t->port,
        evil     => $evil,
        sibling  => $evil =~ s/evil/blog.app/r,
        user     => 'alice',
        password => $Demo::Users::PASSWORDS{alice},
    });

    open my $python, '-|', "$Bin/browser/portal.py", $given
        or die "portal.py: $!";

    my $text = do { local $/; <$python> };

    close $python;

    return eval { decode_json($text) } // { problems => [ 'no result' ] };
}


my $plain   = browse(plain => 1);
my $guarded = browse();

is($plain->{$_},   1, "$_, plain")   for @USES;
is($guarded->{$_}, 1, "$_, guarded") for @USES;

is_deeply($guarded->{problems}, [], 'no errors on the console');

is($plain->{$_},   1, "$_ works against plain nginx")    for @ATTACKS;
is($guarded->{$_}, 0, "$_ does not work on the gateway") for @ATTACKS;

done_testing();
