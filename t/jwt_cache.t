#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Verified tokens are remembered in tradesec_zone, by all workers; what is
# remembered is still judged by the clock, by its own provider and by its own
# keys.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_test wait_until);
use Tradesec::Test::Token qw(jwks provider token);


my $server = <<'CONF';
        tradesec on;
        access_log %%DIR%%/access.log test;

        location / { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }
        location /late/ { tradesec_jwt late; proxy_pass http://%%BACKEND%%; }
        location /wide/ { tradesec_jwt wide; proxy_pass http://%%BACKEND%%; }
CONF

sub http {
    my ($zone) = @_;

    return join '', $zone,
        provider('portal', 'header X-User sub;', 'header X-Roles roles;'),
        provider('late', 'audience other;', 'header X-User sub;'),
        provider('wide', map {"header X-W$_ w$_;"} 1 .. 9);
}

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    workers    => 2,
    access_log => '$tradesec_reason',
    http       => http("tradesec_zone zone=state:1m;\n"),
    server     => $server,
);

$t->write_file("$_.jwks", jwks()) for qw(portal late wide);
$t->start;

my $backend = $t->backend;

sub user {
    my ($uri, $token) = @_;

    $backend->clear;

    my $r = $t->get($uri, Authorization => "Bearer $token");

    return $r->status == 200 ? $backend->last->header('X-User') // ''
        : ($t->access_log(1))[-1];
}

sub reason {
    $t->clear_logs;

    return user(@_);
}

# the same answer at first sight and ever after, in each worker

my $token = token({ roles => [ 'a', 'b' ] });

for (1 .. 10) {
    is(user('/', $token), 'alice', "request $_");
    is($backend->last->header('X-Roles'), 'a,b', "request $_: roles");
}

# nothing but the very token hits

for my $other ("$token=", "x$token", substr($token, 0, -1),
    $token =~ s/(.)$/$1 eq 'A' ? 'B' : 'A'/er)
{
    like(reason('/', $other), qr/^jwt_/, 'another spelling is refused');
}

is(reason('/late/', $token), 'jwt_audience',
    'what one provider found good means nothing to another');
is(reason('/', $token), 'alice', 'and the other way round');

# the clock

my $short = token({ exp => time + 2 });

is(reason('/', $short), 'alice', 'good');
is(reason('/', $short), 'alice', 'remembered');
ok(wait_until(sub { reason('/', $short) eq 'jwt_expired' }), 'expired');
is(reason('/', $short), 'jwt_expired', 'and stays so');

# values that do not fit a slot are read from the token again

my %wide = map { ("w$_" => "$_" x 60) } 1 .. 9;
my $wide = token(\%wide);

for (1 .. 4) {
    user('/wide/', $wide);
    is($backend->last->header('X-W9'), '9' x 60, "many claims, request $_");
}

# a reload keeps what it may keep

my $lasting = token({ sub => 'carol' });

is(user('/', $lasting), 'carol', 'before the reload');
$t->reload;
is(user('/', $lasting), 'carol', 'after a reload');

$t->write_file('portal.jwks', jwks('rsa'));
$t->reload;
is(reason('/', $lasting), 'jwt_unknown_key', 'its key is gone');

$t->write_file('portal.jwks', jwks());
$t->reload;
is(reason('/', $lasting), 'carol', 'its key is back');

$t->configure(http => http("tradesec_zone zone=state:1m;\n")
        =~ s/(portal \{)/$1\n issuer https:\/\/other.test;/r);
$t->reload;
is(reason('/', $lasting), 'jwt_issuer', 'the provider has another rule');

# a forgotten semicolon, put right: the words are the same, the rules are not

my @rules = ('audience portal', 'type at+jwt');

for my $glue ('', ';') {
    $t->configure(http => http("tradesec_zone zone=state:1m;\n")
            =~ s/(portal \{)/"$1\n " . join("$glue ", @rules) . ';'/er);
    $t->reload;
    is(reason('/', $lasting), $glue ? 'jwt_type' : 'carol',
        "rules joined by \"$glue\"");
}

# more tokens than the zone has room for

$t->configure(http => http("tradesec_zone zone=state:1m;\n"));
$t->reload;

my @many = map { token({ sub => "user$_" }, alg => 'EdDSA') } 1 .. 40;
my $wrong = 0;

for my $round (1 .. 2) {
    for my $i (0 .. $#many) {
        $wrong++ if user('/', $many[$i]) ne 'user' . ($i + 1);
    }
}

is($wrong, 0, 'many tokens, each its own user');

# without a zone all the same, only slower

my $plain = Tradesec::Test->new(
    backend    => $backend,
    stopped    => 1,
    access_log => '$tradesec_reason',
    http       => http(''),
    server     => $server,
);

$plain->write_file("$_.jwks", jwks()) for qw(portal late wide);
$plain->start;

for (1 .. 2) {
    is($plain->get('/', Authorization => "Bearer $token")->status, 200,
        "without a zone: request $_");
}

$plain->logged(qr/without "tradesec_zone" each request verifies/,
    'the operator hears of it');

done_testing();
