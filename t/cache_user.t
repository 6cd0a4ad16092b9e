#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# What the finding cache_without_user warns of happens, and what it says to
# write ends it: with the user in its key no cache hands one user the answer
# to another, however the token comes, whoever issued it.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my %locations = (
    shared  => '',
    user    => 'proxy_cache_key $request_uri$tradesec_user;',
    issuers => 'tradesec_jwt portal other;
        proxy_cache_key $request_uri$tradesec_user;',
    both    => 'tradesec_jwt portal other;
        proxy_cache_key $request_uri$tradesec_user$tradesec_claim_iss;',
    cookie  => 'tradesec_jwt portal cookie=at bearer;
        proxy_cache_key $request_uri$cookie_at;',
    sources => 'tradesec_jwt portal cookie=at bearer;
        proxy_cache_key $request_uri$cookie_at$http_authorization;',
);

my $t = Tradesec::Test->new(
    backend => sub {
        return {
            headers => [ 'Cache-Control' => 'max-age=60' ],
            body    => 'account of ' . ($_[0]->header('X-Who') // ''),
        };
    },
    stopped => 1,
    http    => join('', "tradesec_zone zone=state:1m;\n",
        "proxy_cache_path %%DIR%%/cache keys_zone=c:1m;\n",
        provider('portal', 'issuer https://idp.test;', 'header X-Who sub;'),
        provider('other', 'issuer https://other.test;',
            'header X-Who iss;')),
    server => join "\n", 'tradesec on; tradesec_jwt portal;', map {
        "location /$_ { proxy_pass http://%%BACKEND%%; proxy_cache c;
            $locations{$_} }"
    } sort keys %locations,
);

$t->write_file("$_.jwks", jwks()) for qw(portal other);

my (undef, $said) = $t->run('-t');

is(join(' ', sort $said =~ /cache_without_user in location "\/(\w+)"/g),
    'cookie issuers shared', 'nginx -t names the three that are wrong');

$t->start;

sub account {
    my ($location, $token, $cookie) = @_;

    my $r = $t->get("/$location", $cookie ? (Cookie => "at=$token")
        : (Authorization => "Bearer $token"));

    return $r->status == 200 ? $r->body : $r->status;
}

my ($alice, $bob) = map { token({ sub => $_ }) } qw(alice bob);
my $twin = token({ iss => 'https://other.test' });

# the attack: alice first, then who should not see what is hers

for my $row (
    [ 'shared',  'alice',              $bob ],
    [ 'user',    'bob',                $bob ],
    [ 'issuers', 'alice',              $twin ],
    [ 'both',    'https://other.test', $twin ],
    [ 'cookie',  'alice',              $bob ],
    [ 'sources', 'bob',                $bob ],
    [ 'sources', 'bob',                $bob, 1 ])
{
    my ($location, $expected, $token, $cookie) = @$row;

    is(account($location, $alice), 'account of alice', "$location: alice");
    is(account($location, $token, $cookie), "account of $expected",
        "$location: then another user sees that of $expected");
}

# the cache works for who is the same, and nobody gets in by it

my $before = $t->backend->count;
is(account('user', $_), 'account of alice', 'alice again')
    for $alice, token({ sub => 'alice', jti => 'another' });
is($t->backend->count, $before, '... from the cache, with any token of hers');

is($t->get('/shared')->status, 401, 'without a token nothing is served');
is(account('user', token({ exp => time - 9 })), 401, 'nor with an old one');
is($t->get('/user', Authorization => "Bearer $alice",
        'X-Who' => 'bob')->body, 'account of alice',
    'a header of a client makes nobody another user');

done_testing();
