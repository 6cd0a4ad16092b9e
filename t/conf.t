#!/usr/bin/perl

# The configurations in conf/ do what they are there for, in front of the
# portal of the demo.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../tools/demo/lib", "$Bin/../tools/attack/lib";

use Test::More;

use Attack::Socket;
use Demo::App;
use Demo::Users;
use Tradesec::Test qw(config_test);


my $MINIMAL = 'conf/minimal.conf';

my $app = Demo::App->new;


sub log_in {
    my ($t, $name) = @_;

    my $r = $t->post('/api/login',
        { username => $name, password => $Demo::Users::PASSWORDS{$name} },
        Origin => 'https://localhost:' . $t->port);

    return 'access_token=' . ($r->cookie('access_token') // '');
}


# What users of the portal do, and what nobody should; returns the statuses of
# the latter.

sub try_out {
    my ($name) = @_;

    my (undef, $said) = config_test(config => $app->configuration($name));

    # "listen ... http2" is old since nginx 1.25

    unlike($said, qr/\[(?:warn|emerg)\](?!.*"listen \.\.\. http2")/,
        "$name: nginx -t has nothing to say");

    my $t      = $app->gateway($name);
    my @own    = (Origin => 'https://localhost:' . $t->port);
    my $cookie = log_in($t, 'alice');
    my @order  = ('/api/orders',
        { symbol => 'ACME', side => 'buy', quantity => 1 },
        Cookie => $cookie);

    is($t->get('/login')->status, 200, "$name: login page");
    is($t->get('/', Cookie => $cookie)->status, 200, "$name: dashboard");
    is($t->post(@order, @own)->status, 201, "$name: order");
    is(Attack::Socket->new($t->client,
            headers => { @own, Cookie => $cookie })->status,
        101, "$name: live data") unless $name eq $MINIMAL;

    my @guesses = map {
        $t->post('/api/login', { username => 'bob', password => "guess $_" },
            @own)->status
    } 1 .. 8;

    return ($t, {
        'method override' =>
            $t->get('/api/orders/1?_method=DELETE', Cookie => $cookie)->status,
        'foreign origin' =>
            $t->post(@order, Origin => 'https://evil.test')->status,
        'forged token' =>
            $t->get('/', Cookie => $cookie =~ s/\.[^.]+$/.AAAA/r)->status,
        'eighth guess' => $guesses[-1],
    });
}


my ($t, $seen) = try_out($MINIMAL);

is_deeply($seen, {
    'method override' => 400,
    'foreign origin'  => 403,
    'forged token'    => 200,
    'eighth guess'    => 401,
}, 'minimal: methods and origins');

($t, $seen) = try_out('conf/trading-portal.conf');

is_deeply($seen, {
    'method override' => 400,
    'foreign origin'  => 403,
    'forged token'    => 401,
    'eighth guess'    => 429,
}, 'trading-portal: everything');

($t, $seen) = try_out('conf/observe-only.conf');

is_deeply($seen, {
    'method override' => 404,
    'foreign origin'  => 201,
    'forged token'    => 200,
    'eighth guess'    => 401,
}, 'observe-only: nothing refused');

my %noted = map { $_ => 1 }
    map {/REJECTED_DRY_RUN (\w+ \w+)/} $t->access_log(15);

is_deeply([ sort keys %noted ], [
    'jwt jwt_signature', 'login login_locked', 'methods method_override',
    'origin origin_mismatch',
], 'observe-only: each one noted in the access log');

$t->logged(qr/dry run.*$_|$_.*dry run/, "observe-only: $_ in the error log")
    for map { (split ' ')[1] } sort keys %noted;


# without our lines there is no trace of us

unlike($app->configuration('conf/trading-portal.conf', plain => 1), qr/tradesec/,
    'plain has no line of ours');

my $plain = $app->gateway('conf/trading-portal.conf', plain => 1);

is($plain->get('/api/orders/1?_method=DELETE', Cookie => log_in($plain, 'bob'))
    ->status, 404, 'plain nginx refuses nothing');

done_testing();
