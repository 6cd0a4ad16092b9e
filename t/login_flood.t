#!/usr/bin/perl

# Floods: from an address that is blocked already, of requests that are no
# attempts between those that are, and from more addresses than there is
# memory for. They buy nothing, and cost nobody else anything.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);


my $FORM = 'application/x-www-form-urlencoded';
my $JSON = 'application/json';

my $t = Tradesec::Test->new(
    workers => 4,
    backend => sub {
        my ($r) = @_;

        return $r->body =~ /right/
            ? { headers => [ 'Set-Cookie' => 'sid=1' ] } : 401;
    },
    http => <<~'CONF',
        tradesec_zone zone=tradesec:256k;

        # a proxy in front
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Forwarded-For;
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        client_body_timeout  1s;
        client_max_body_size 16k;

        location = /login {
            tradesec_login account=form:user account=json:/user
                success=cookie:sid;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;

sub attempt {
    my ($user, $password, $from) = @_;

    return [ POST => '/login', "user=$user&password=$password",
        'Content-Type' => $FORM, 'X-Forwarded-For' => $from ];
}

sub status { return $t->request(@{ attempt(@_) })->status }

# an address that is blocked, at a victim's account

my $blocked = '192.0.2.66';

status('user' . $_ % 10, 'wrong', $blocked) for 0 .. 49;
is(status('victim', 'wrong', $blocked), 429, 'an address is blocked');

$backend->clear;

my @flood = $t->parallel(map { attempt('victim', "p$_", $blocked) } 1 .. 400);

is(scalar(grep { $_->status == 429 } @flood), 400, 'its flood is refused');
is($backend->count, 0, '... all of it');
is(status('victim', 'right', '198.51.100.1'), 200,
    'the victim logs in');

my $left = grep { status('victim', 'wrong', "198.51.100.$_") == 401 } 2 .. 31;

is($left, 20, '... and has all of the budget that the account has');

# between guesses, what is no attempt

my $from = 'X-Forwarded-For: 203.0.113.9';

my %junk = (
    'wrong type' =>
        sub { junk('text/plain', 'user=bob&password=x') },
    'malformed JSON' =>
        sub { junk($JSON, '{"user":"bob"') },
    'an account twice' =>
        sub { junk($FORM, 'user=bob&user=eve&password=x') },
    'no account' =>
        sub { junk($FORM, 'password=x') },
    'wrong encoding' =>
        sub { junk($FORM, 'user=%c3%28&password=x') },
    'too large' =>
        sub { junk($FORM, 'user=bob&password=' . 'x' x 20_000) },
    'half-closed' =>
        sub { junk($FORM, 'user=bob', 100, sub { shutdown $_[0]->socket, 1 }) },
    'aborted' =>
        sub { junk($FORM, 'user=bob', 100, sub { }) },
    'timed out' =>
        sub { junk($FORM, 'user=bob', 100, sub { $_[0]->response }) },
    'a success with another account' =>
        sub { status('mallory', 'right', '203.0.113.9') },
);

sub junk {
    my ($type, $body, $length, $after) = @_;

    $length //= length $body;
    $after  //= sub { $_[0]->response };

    my $c = $t->client->connect;

    $c->write("POST /login HTTP/1.1\r\nHost: localhost\r\n$from\r\n"
        . "Content-Type: $type\r\nContent-Length: $length\r\n\r\n$body");
    $after->($c);
    $c->close;
}

$backend->clear;

my $reached = 0;

for my $name (sort keys %junk) {
    $reached += status('bob', "wrong $name", '203.0.113.9') == 401;
    $junk{$name}->();
}

is($reached, 5, 'five guesses reach the backend, whatever is between them');
is($backend->count, 6, '... which sees the one success, and nothing else');
is(status('bob', 'right', '203.0.113.9'), 429, 'the pair is locked');
is(status('bob', 'right', '203.0.113.10'), 200,
    'its owner logs in from elsewhere');

# more addresses and accounts than the zone has room for

status('locked', 'wrong', '203.0.113.77') for 1 .. 5;
is(status('locked', 'right', '203.0.113.77'), 429, 'a lock');

for my $round (0 .. 5) {
    my %count;

    $count{ $_->status }++ for $t->parallel(map {
        attempt("u$round-$_", 'wrong', "10.$round." . int($_ / 250) . '.'
            . $_ % 250)
    } 1 .. 400);

    is_deeply(\%count, { 401 => 400 }, "400 addresses and accounts: $round");
}

is(status('locked', 'right', '203.0.113.77'), 429, 'the lock stays');

my $more = grep { status('u5-400', 'wrong', '10.5.1.150') == 401 } 1 .. 9;

is($more, 4, 'who came last is counted');

$more = grep { status('u0-1', 'wrong', '10.0.0.1') == 401 } 1 .. 9;

is($more, 5, 'who came first was forgotten');

done_testing();
