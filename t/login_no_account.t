#!/usr/bin/perl

# A login that asks for a password alone (account=none): attempts are counted
# by address, whatever the body, and an address that guesses is locked while
# another one gets in.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused);


my $t = Tradesec::Test->new(
    workers => 4,
    backend => sub {
        my ($r) = @_;

        return $r->body =~ /sesame/
            ? { headers => [ 'Set-Cookie' => 'sid=1' ] } : 401;
    },
    http   => 'tradesec_zone zone=tradesec:1m;',
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location = /login {
            tradesec_login account=none success=cookie:sid;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;

sub post_from {
    my ($address, $body, @headers) = @_;

    return $t->client(from => $address)->post('/login', $body, @headers);
}

is(post_from('127.0.0.2', 'password=sesame')->status, 200, 'right password');
is($t->get('/login')->status, 401, 'the page is no attempt');

$backend->clear;

my @bodies = ('password=a', { password => 'b' }, 'c', '', "\0" x 100_000);

is(post_from('127.0.0.3', $_, 'Content-Type' => 'text/plain')->status, 401,
    'attempt with a body of any type') for @bodies;

my $r = post_from('127.0.0.3', 'password=sesame');

is($r->status, 429, 'login_locked');
cmp_ok($r->header('Retry-After'), '>', 1, 'with the time to wait');
$t->logged(qr/reason: "login_locked"/, 'and the reason');
is($backend->count, 5, 'no more than the limit came through');
is(post_from('127.0.0.2', 'password=sesame')->status, 200,
    'from another address');

$backend->clear;

my @r = $t->client(from => '127.0.0.4')->parallel(
    ([ POST => '/login', 'password=guess' ]) x 200);

is(scalar(grep { $_->status == 401 } @r), 5, '200 at once: 5 came through');
is(scalar(grep { $_->status == 429 } @r), 195, 'the rest did not');
is($backend->count, 5, 'as the backend says');

config_refused({
    http   => 'tradesec_zone zone=tradesec:1m;',
    server => 'tradesec on; location /login { tradesec_login account=none '
        . 'account=form:user success=status:200; }',
}, qr/"account=none" cannot be mixed with other sources/, 'mixed sources');

done_testing();
