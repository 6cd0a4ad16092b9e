#!/usr/bin/perl

# The configurations in conf/ do what they are there for, in front of the
# portal of the demo.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../tools/demo/lib";

use Test::More;

use Demo::App;
use Demo::Users;
use Tradesec::Test qw(config_test);


my $app = Demo::App->new;


sub log_in {
    my ($t, $name) = @_;

    my $r = $t->post('/api/login',
        { username => $name, password => $Demo::Users::PASSWORDS{$name} },
        Origin => 'https://localhost:' . $t->port);

    return 'access_token=' . ($r->cookie('access_token') // '');
}


for my $name (
    qw(conf/minimal.conf conf/trading-portal.conf conf/observe-only.conf))
{
    my (undef, $said) = config_test(config => $app->configuration($name));

    # "listen ... http2" is old since nginx 1.25

    unlike($said, qr/\[(?:warn|emerg)\](?!.*"listen \.\.\. http2")/,
        "$name: nginx -t has nothing to say");

    my $t = $app->gateway($name);

    is($t->get('/login')->status, 200, "$name: login page");

    my $cookie = log_in($t, 'alice');

    is($t->get('/', Cookie => $cookie)->status, 200, "$name: dashboard");

    my $r = $t->post('/api/orders',
        { symbol => 'ACME', side => 'buy', quantity => 1 },
        Cookie => $cookie, Origin => 'https://localhost:' . $t->port);

    is($r->status, 201, "$name: order placed");

    my $override = $t->get('/api/orders/1?_method=DELETE', Cookie => $cookie);

    if ($name eq 'conf/observe-only.conf') {
        is($override->status, 404, "$name: passes what others refuse");
        $t->logged(qr/method_override.*dry run|dry run.*method_override/,
            "$name: says that it would refuse");
        ok(scalar(grep {/REJECTED_DRY_RUN methods method_override/}
                $t->access_log(4)), "$name: access log");
        next;
    }

    is($override->status, 400, "$name: method override refused");
}


# without our lines there is no trace of us

unlike($app->configuration('conf/trading-portal.conf', plain => 1), qr/tradesec/,
    'plain has no line of ours');

my $plain = $app->gateway('conf/trading-portal.conf', plain => 1);

is($plain->get('/api/orders/1?_method=DELETE', Cookie => log_in($plain, 'bob'))
    ->status, 404, 'plain nginx refuses nothing');

done_testing();
