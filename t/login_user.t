#!/usr/bin/perl

# A second factor behind a token (account=user): attempts are counted by whom
# the token names, whatever the body says, so that who guesses codes keeps
# nobody else out, and gains nothing by naming others.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused);
use Tradesec::Test::Token qw(jwks provider token);


my $LOGIN = <<~'CONF';
    proxy_ignore_client_abort on;
    proxy_pass http://%%BACKEND%%;
    CONF

my $t = Tradesec::Test->new(
    workers => 4,
    backend => sub {
        my ($r) = @_;

        return $r->body =~ /123456/
            ? { headers => [ 'Set-Cookie' => 'mfa=1' ] } : 401;
    },
    stopped => 1,
    http   => 'tradesec_zone zone=tradesec:4m;' . provider('p'),
    server => <<~"CONF");
        tradesec on;
        tradesec_origin off;
        tradesec_login_limit accounts=0;

        location = /otp {
            tradesec_jwt p;
            tradesec_login account=user success=cookie:mfa counter=otp;
            $LOGIN
        }

        location = /mail {
            tradesec_jwt p;
            tradesec_login account=user email=plus success=cookie:mfa counter=mail;
            $LOGIN
        }

        location = /observed {
            tradesec_jwt p;
            tradesec_dry_run jwt;
            tradesec_login account=user success=cookie:mfa counter=observed;
            $LOGIN
        }

        location = /login {
            tradesec_login account=form:username success=cookie:mfa counter=otp;
            $LOGIN
        }
    CONF

$t->write_file('p.jwks', jwks());
$t->start;

my $backend = $t->backend;

sub attempt {
    my ($user, %opt) = @_;

    my @token = defined $user
        ? (Authorization => 'Bearer ' . token({ sub => $user })) : ();

    return $t->client(from => $opt{from} // '127.0.0.1')->post(
        $opt{uri} // '/otp', $opt{body} // 'code=1', @token,
        'Content-Type' => $opt{type} // 'application/x-www-form-urlencoded')
        ->status;
}

is(attempt('alice', body => 'code=123456'), 200, 'the right code');
is(attempt(undef, body => 'code=123456'), 401, 'not without a token');

$backend->clear;

# whose it is the token says, and nothing else

my @bodies = ('code=1', 'code=1&username=bob', 'sub=bob', '', "\0\xff");

is(attempt('alice', body => $_), 401, 'a wrong code') for @bodies;
is(attempt('alice', body => 'code=123456'), 429, 'the right one is too late');
is(attempt('alice', body => 'code=123456&username=bob'), 429, 'under any name');
$t->logged(qr/reason: "login_locked"/, 'locked');
is($backend->count, 5, 'no more than the limit came through');

# the same account in whatever spelling, as everywhere

is(attempt($_, body => 'code=123456'), 429, "she is $_")
    for 'ALICE', "alic\xc3\xa9", "\xe2\x93\x90lice";

is(attempt('bob', body => 'code=123456'), 200, 'another one, the same address');
is(attempt('alice', body => 'code=123456', from => '127.0.0.2'), 200,
    'another address, she herself');

# from many addresses: the limit of the account, hers alone

my $n = 0;

for my $address (11 .. 20) {
    attempt('carol', from => "127.0.0.$address") == 401 and $n++ for 1 .. 4;
}

is($n, 20, 'twenty failures of an account');
is(attempt('carol', body => 'code=123456', from => '127.0.0.30'), 429,
    'then it has to wait');
is(attempt('dave', body => 'code=123456', from => '127.0.0.30'), 200,
    'nobody else has');

# many who mistype a code keep nobody out

is(attempt("user$_", from => '127.0.1.' . $_), 401, "user$_ mistypes")
    for 1 .. 40;
is(attempt('erin', body => 'code=123456', from => '127.0.2.1'), 200,
    'and the next one is in');

# one count with a password location of the same name

attempt(undef, uri => '/login', from => '127.0.3.1',
    body => 'username=frank&password=x') for 1 .. 3;
attempt('frank', from => '127.0.3.1') for 1 .. 2;
is(attempt('frank', body => 'code=123456', from => '127.0.3.1'), 429,
    'passwords and codes together');

# names that cannot be normalised, and rules of mail

my $long = 'x' x 300;

is(attempt($long, from => '127.0.4.1'), 401, 'a long name') for 1 .. 5;
is(attempt($long, body => 'code=123456', from => '127.0.4.1'), 429, '... ends');
is(attempt($long . 'y', body => 'code=123456', from => '127.0.4.1'), 200,
    'another long name is another user');

is(attempt($_, uri => '/mail', from => '127.0.4.2'), 401, $_)
    for map {"gina+$_\@example.com"} 1 .. 5;
is(attempt('gina@example.com', uri => '/mail', body => 'code=123456',
    from => '127.0.4.2'), 429, 'one mailbox');

# a dry run of tokens lets everybody in, and counts him as nobody

is(attempt(undef, uri => '/observed', body => 'code=123456',
    from => '127.0.4.3'), 200, 'without a token, in dry run');
is(attempt(undef, uri => '/observed', from => '127.0.4.3'), 401, 'wrong code')
    for 1 .. 5;
is(attempt(undef, uri => '/observed', body => 'code=123456',
    from => '127.0.4.3'), 429, 'counted all the same');
is(attempt('alice', uri => '/observed', body => 'code=123456',
    from => '127.0.4.3'), 200, 'who has a token is himself');

# configuration

my $dir  = $t->dir;
my %http = (http => 'tradesec_zone zone=tradesec:1m;'
    . provider('p') =~ s/%%DIR%%/$dir/r);

for my $case (
    [ 'tradesec_login account=user success=status:200;',
        qr/"account=user" of "tradesec_login" is the user of a token: write/ ],
    [ 'tradesec_jwt p; tradesec_login account=user account=form:user;',
        qr/"account=user" cannot be mixed with other sources/ ],
    [ 'tradesec_jwt p; tradesec_login account=basic account=user;',
        qr/"account=user" cannot be mixed/ ],
    [ 'tradesec_jwt p; tradesec_login account=user account=none;',
        qr/"account=none" cannot be mixed/ ],
    [ 'tradesec_jwt p; tradesec_login account=users;',
        qr/invalid parameter "account=users".*"account=user" or/ ],
) {
    my ($lines, $why) = @$case;

    config_refused({ %http, server => "tradesec on; location /otp { $lines }" },
        $why, $lines);
}

config_accepted({ %http, server => 'tradesec on; tradesec_jwt p;
    location /otp { tradesec_login account=user success=status:200; }' },
    'a token of the server');

done_testing();
