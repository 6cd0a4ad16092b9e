#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Rules on the claims of the verified token: who satisfies them comes in, and
# what another reader might take for the same does not. Every request is made
# twice, so that the second is judged by what is remembered of the token.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my %location = (
    role    => 'role=admin|trader',
    roles   => '/realm_access/roles=admin',
    dotted  => 'https://example.com/roles=admin',
    dots    => '/app.roles/a~1b=admin',
    email   => 'email_verified=true',
    level   => 'level>=2',
    exactly => 'level=2',
    range   => 'level>=2 level<5',
    paid    => 'paid_until>now',
    fresh   => 'kyc_at>=now-30d',
    has     => 'kyc=*',
    lacks   => 'act!=*',
    unlike  => 'role!=guest|banned',
    both    => 'role=trader membership=active',
    either  => 'role=admin or role=trader membership=active',
    desk    => q{'desk="equity derivatives"'},
);

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    access_log => '$tradesec_reason|$tradesec_guard|$tradesec_rule',
    http       => 'tradesec_zone zone=tradesec:1m;' . provider('portal'),
    server     => join "\n", 'tradesec on;', 'tradesec_jwt portal;',
    'proxy_set_header Host $http_host;',
    map { <<"CONF" } sort keys %location);
        location /$_/ {
            tradesec_require $location{$_};
            proxy_pass http://%%BACKEND%%;
        }
CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $backend = $t->backend;


sub ask {
    my ($name, $claims) = @_;

    my @headers = (Authorization => 'Bearer ' . token($claims));

    $backend->clear;

    my @status = map { $t->get("/$name/", @headers)->status } 1, 2;

    return (@status, $backend->count);
}


sub passes {
    my ($name, $claims, $title) = @_;

    is_deeply([ ask($name, $claims) ], [ 200, 200, 2 ], "$name: $title");
}


sub refused {
    my ($name, $claims, $title) = @_;

    is_deeply([ ask($name, $claims) ], [ 403, 403, 0 ], "$name: $title");
}


my ($true, $false) = (JSON::PP::true, JSON::PP::false);

passes('role', { role => 'admin' }, 'the first of a set');
passes('role', { role => 'trader' }, 'the second of a set');
passes('role', { role => [ 'user', 'trader' ] }, 'an array contains');
refused('role', { role => 'user' }, 'another role');
refused('role', {}, 'no role');
refused('role', { role => 'Admin' }, 'another case');
refused('role', { role => "\xe2\x93\x90dmin" }, 'a Unicode twin');
refused('role', { role => "adm\xc4\xb1n" }, 'a dotless i');
refused('role', { role => 'admin ' }, 'a space');
refused('role', { role => 'user,admin' }, 'a list in a string');
refused('role', { role => '["admin"]' }, 'an array in a string');
refused('role', { role => 'admin|trader' }, 'the set itself');
refused('role', { role => [ ['admin'] ] }, 'an array in an array');
refused('role', { role => { admin => 1 } }, 'an object');
refused('role', { role => { role => 'admin' } }, 'an object with it');
refused('role', { role => [ { role => 'admin' } ] }, 'an array of objects');
refused('role', { Role => 'admin' }, 'another claim\'s name');
refused('role', { 'role ' => 'admin' }, 'a name with a space');
refused('role', { roles => 'admin' }, 'a longer name');

passes('roles', { realm_access => { roles => ['admin'] } }, 'nested');
refused('roles', { 'realm_access/roles' => ['admin'] }, 'a flat name');
refused('roles', { '/realm_access/roles' => ['admin'] }, 'the pointer itself');
refused('roles', { realm_access => '{"roles":["admin"]}' }, 'JSON in a string');
refused('roles', { realm_access => [ { roles => ['admin'] } ] }, 'in an array');
refused('roles', { roles => ['admin'] }, 'not nested');
refused('roles', { realm_access => undef }, 'no parent');

passes('dotted', { 'https://example.com/roles' => 'admin' }, 'a URL as name');
refused('dotted', { https => { '' => { 'example.com' => { roles => 'admin' } } } },
    'its parts nested');
passes('dots', { 'app.roles' => { 'a/b' => 'admin' } }, 'dots and a slash');
refused('dots', { app => { roles => { 'a/b' => 'admin' } } }, 'dots nest not');

passes('email', { email_verified => $true }, 'true');
refused('email', { email_verified => $false }, 'false');
refused('email', { email_verified => 'true' }, 'the word true');
refused('email', { email_verified => 1 }, 'one');
refused('email', { email_verified => [] }, 'an array');
refused('email', {}, 'missing');

passes('level', { level => 2 }, 'the least');
passes('level', { level => 2.5 }, 'a fraction above');
refused('level', { level => 1.99 }, 'a fraction below');
refused('level', { level => 1 }, 'less');
refused('level', { level => '3' }, 'a number in a string');
refused('level', { level => $true }, 'true');
refused('level', { level => [3] }, 'an array');
refused('level', {}, 'missing');
passes('exactly', { level => 2 }, 'a number');
refused('exactly', { level => '2' }, 'a string');
passes('range', { level => 4 }, 'within');
refused('range', { level => 5 }, 'at the end');
refused('range', { level => 1 }, 'below');

passes('paid', { paid_until => time + 300 }, 'later');
refused('paid', { paid_until => time - 1 }, 'over');
refused('paid', { paid_until => '' . (time + 300) . 'Z' }, 'a text');
passes('fresh', { kyc_at => time - 86400 }, 'yesterday');
refused('fresh', { kyc_at => time - 31 * 86400 }, 'too long ago');
refused('fresh', {}, 'never');

passes('has', { kyc => $false }, 'whatever it says');
passes('has', { kyc => {} }, 'an object');
refused('has', {}, 'not there');
passes('lacks', {}, 'not there');
refused('lacks', { act => { sub => 'support' } }, 'there');
refused('lacks', { act => '' }, 'there, and empty');

passes('unlike', { role => 'user' }, 'another');
passes('unlike', { role => [ 'user', 'trader' ] }, 'others');
refused('unlike', { role => 'banned' }, 'one of them');
refused('unlike', { role => [ 'user', 'banned' ] }, 'one of them in an array');
refused('unlike', {}, 'missing is no yes');
refused('unlike', { role => 7 }, 'another type is no yes');
refused('unlike', { role => [ 'user', {} ] }, 'what cannot be told is no yes');

passes('both', { role => 'trader', membership => 'active' }, 'all');
refused('both', { role => 'trader', membership => 'lapsed' }, 'half');
passes('either', { role => 'admin' }, 'the first');
passes('either', { role => 'trader', membership => 'active' }, 'the second');
refused('either', { role => 'trader' }, 'half of the second');
refused('either', { membership => 'active' }, 'the other half');
passes('desk', { desk => 'equity derivatives' }, 'a text with a space');

# numbers beyond int64, which JSON::PP would not write

for my $level (qw(9223372036854775808 1e400 -1e400 18446744073709551618)) {
    my $r = $t->get('/level/', Authorization => 'Bearer ' . raw($level));

    is($r->status, 403, "level: $level is no number to compare");
}

is($t->get('/level/', Authorization => 'Bearer ' . raw('9223372036854775807'))
    ->status, 200, 'level: the largest that is');

# a claim twice: the token is no token

is($t->get('/level/', Authorization => 'Bearer ' . raw('1,"level":3'))->status,
    401, 'level: twice');

# many and long claims that do not fit the memory of tokens

passes('role', { role => [ (map { "role-number-$_" } 1 .. 100), 'admin' ] },
    'the last of many');
refused('role', { role => [ map { "role-number-$_" } 1 .. 100 ] },
    'none of many');
passes('lacks', { role => [ map { "role-number-$_" } 1 .. 100 ] },
    'beside many');

# the log says which rule

$t->clear_logs;
ask('role', { role => 'user' });
is(($t->access_log(2))[-1], 'require_unmet|require|role=admin|trader',
    'require_unmet');
$t->logged(qr/guard "require", reason: "require_unmet", .*rule: "role=admin\|/,
    'the rule is in the log');
ask('role', { role => 'admin' });
is(($t->access_log(4))[-1], '||', 'no rule when all hold');

# without a token no rule is asked

is($t->get('/lacks/')->status, 401, 'nobody');
$t->logged(qr/reason: "jwt_missing"/, 'by the jwt guard');

done_testing();


# A token whose level is spelt so.

sub raw {
    my ($level) = @_;

    my $claims = sprintf '{"iss":"https://idp.test","aud":"portal",'
        . '"sub":"alice","exp":%d,"level":%s}', time + 600, $level;

    return Crypt::JWT::encode_jwt(
        payload       => $claims,
        alg           => 'ES256',
        key           => Tradesec::Test::Token::key('ec'),
        extra_headers => { kid => 'ec', typ => 'JWT' },
    );
}
