#!/usr/bin/perl

# Somebody else's tool against the login form: hydra finds the password behind
# plain nginx, and not behind the gateway, where no more guesses than the limit
# reach the application; meanwhile its owner logs in from elsewhere, and
# somebody else from hydra's address. hydra sends no Origin, so that check is off
# here: it is the counting that has to hold.

use v5.30;
use warnings;

use FindBin qw($Bin);
use lib "$Bin/../tools/demo/lib";

use Test::More;

use Demo::App;
use Demo::Users;
use Tradesec::Test qw(wait_until);

my $HYDRA = '/usr/bin/hydra';

plan skip_all => 'no hydra: make deps' unless -x $HYDRA;

my $LIMIT    = 5;
my $PASSWORD = $Demo::Users::PASSWORDS{bob};

my @guesses = map {"guess $_"} 1 .. 60;

$guesses[40] = $PASSWORD;

my @many = map {"more $_"} 1 .. 200;


# What hydra printed, and how many guesses came through.

sub attack {
    my (%opt) = @_;

    my $app = Demo::App->new;

    my $t = Tradesec::Test->new(
        tls        => 1,
        workers    => 4,
        access_log => '$request_method $uri $status up=$upstream_status'
            . ' $http_x_honest',
        %opt,
        server     => <<"CONF");
            location / {
                proxy_pass http://@{[ $app->address ]};
            }

            location = /login {
                $opt{login}
                proxy_pass http://@{[ $app->address ]};
            }
CONF

    my $list = $t->write_file('guesses', join "\n", @guesses,
        $opt{meanwhile} ? @many : (), '');

    open my $hydra, '-|', $HYDRA, '-l', 'bob', '-P', $list, '-t', 16,
        '-s', $t->port, '-f', '-I', '-b', 'json', '-o', $t->dir . '/hydra',
        '127.0.0.1', 'https-post-form',
        '/login:username=^USER^&password=^PASS^:S=access_token'
        or die "hydra: $!";

    $opt{meanwhile}->($t) if $opt{meanwhile};

    my $said = do { local $/; <$hydra> };

    close $hydra;

    my @passed = grep {m{^POST /login \d+ up=\d+ $}}
        $t->access_log(@guesses / 2);

    return ($said, scalar @passed, $t);
}


my ($said, $count) = attack(login => '');

like($said, qr/password: \Q$PASSWORD/, 'found behind plain nginx');
cmp_ok($count, '>', $LIMIT, 'after many guesses');

# Once the first guess is refused: bob himself, and alice at hydra's address.

sub honest {
    my ($t) = @_;

    ok(wait_until(sub { $t->error_log(qr/reason: "login_(?:busy|locked)"/) },
        60), 'hydra is refused');

    for my $who ([ bob => '127.0.0.2' ], [ alice => '127.0.0.1' ]) {
        my ($user, $address) = @$who;

        my $r = $t->client(from => $address)->post('/login',
            "username=$user&password=$Demo::Users::PASSWORDS{$user}",
            'Content-Type' => 'application/x-www-form-urlencoded',
            'X-Honest'     => $user);

        like($r->header('Set-Cookie') // '', qr/access_token=/,
            "$user logs in from $address");
    }
}

my $t;

($said, $count, $t) = attack(
    meanwhile => \&honest,
    http      => 'tradesec_zone zone=tradesec:1m;',
    login     => <<'CONF');
        tradesec         on;
        tradesec_origin  off;
        tradesec_login   account=form:username success=cookie:access_token;

        proxy_ignore_client_abort on;
CONF

unlike($said, qr/password: /, 'not found behind the gateway');
is($count, $LIMIT, 'no more guesses than the limit came through');

my $all = join "\n", $t->access_log;
like($all, qr{^POST\ /login\ 429\ .*\n(?:.*\n)*POST\ /login\ \d+\ up=\d+\ alice\n
    (?:.*\n)*POST\ /login\ 429}mx, 'while they logged in the attack went on');
$t->logged(qr/login_/, 'refused by the login guard');
$t->not_logged(qr/guess \d|\Q$PASSWORD/, 'no guess in the log');

done_testing();
