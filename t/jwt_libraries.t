#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Tokens that other people's libraries sign, in every algorithm that there is,
# are good: panva's jose with a JWK set, PyJWT with PEM keys and no kid, and
# Crypt::JWT. Those of one issuer mean nothing to another.

use v5.30;
use warnings;

use FindBin qw($Bin);
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(encode_base64url);
use Test::More;

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use Crypt::PK::Ed25519;
use Crypt::PK::RSA;

use Tradesec::Test;


my @public = qw(RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA);
my @secret = qw(HS256 HS384 HS512);

my %made = (
    jose  => made_by('node', "$Bin/jwt/jose.js"),
    pyjwt => made_by('/usr/bin/python3', "$Bin/jwt/pyjwt.py"),
    perl  => made_by_perl(),
);

my %keys = (jose => 'jwks_file', pyjwt => 'pem_file', perl => 'jwks_file');
my ($http, $server) = ("tradesec_zone zone=state:1m;\n", "tradesec on;\n");

for my $by (sort keys %made) {
    my $file = $by eq 'pyjwt' ? 'secret_file' : 'jwks_file';

    $http .= <<~CONF;
        tradesec_jwt_provider $by {
            algorithms @public; $keys{$by} %%DIR%%/$by;
            issuer https://idp.test; audience portal;
            header X-User sub; header X-Roles roles;
        }
        tradesec_jwt_provider $by-secret {
            algorithms @secret; $file %%DIR%%/$by-secret;
            issuer https://idp.test; audience portal;
            header X-User sub; header X-Roles roles;
        }
        CONF
    $server .= <<~CONF;
        location /$by/ {
            tradesec_jwt $by $by-secret;
            proxy_pass http://%%BACKEND%%;
        }
        CONF
}

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    access_log => '$tradesec_reason',
    http       => $http,
    server     => $server,
);

for my $by (qw(jose perl)) {
    $t->write_file($by, encode_json($made{$by}{jwks}));
    $t->write_file("$by-secret", encode_json($made{$by}{secrets}));
}

$t->write_file('pyjwt', $made{pyjwt}{pem});
$t->write_file('pyjwt-secret', $made{pyjwt}{secret});
$t->start;

my $backend = $t->backend;

for my $by (sort keys %made) {
    for my $alg (@public, @secret) {
        my @token = (Authorization => "Bearer $made{$by}{tokens}{$alg}");

        for my $time (qw(verified remembered)) {
            $backend->clear;
            is($t->get("/$by/", @token)->status, 200, "$by $alg: $time");
            is($backend->last->header('X-User'), "$by-$alg", "$by $alg: user");
            is($backend->last->header('X-Roles'), "trader,p\xc3\xa4ivi",
                "$by $alg: roles");
        }

        for my $other (grep { $_ ne $by } sort keys %made) {
            $backend->clear;
            is($t->get("/$other/", @token)->status, 401,
                "$by $alg: not good for $other");
            is($backend->count, 0, "$by $alg: nothing reached the backend");
        }
    }
}

done_testing();


sub made_by {
    my (@command) = @_;

    local $ENV{NODE_PATH} = '/usr/share/nodejs';

    open my $out, '-|', @command or die "@command: $!";
    local $/;

    return decode_json(<$out>);
}


sub made_by_perl {
    my %made = (jwks => { keys => [] }, secrets => { keys => [] });
    my $now  = time;

    for my $alg (@public, @secret) {
        my $key = $alg =~ /^[RP]S/ ? Crypt::PK::RSA->new->generate_key(256)
            : $alg eq 'EdDSA' ? Crypt::PK::Ed25519->new->generate_key
            : $alg =~ /^ES/ ? Crypt::PK::ECC->new->generate_key({
                ES256 => 'secp256r1', ES384 => 'secp384r1',
                ES512 => 'secp521r1',
            }->{$alg})
            : $alg x 13;

        if (ref $key) {
            push @{ $made{jwks}{keys} },
                { %{ $key->export_key_jwk('public', 1) }, kid => $alg };

        } else {
            push @{ $made{secrets}{keys} },
                { kty => 'oct', k => encode_base64url($key), kid => $alg };
        }

        $made{tokens}{$alg} = encode_jwt(
            payload => {
                iss => 'https://idp.test', aud => 'portal',
                sub => "perl-$alg", roles => [ 'trader', "p\xe4ivi" ],
                iat => $now, exp => $now + 3600,
            },
            alg           => $alg,
            key           => $key,
            extra_headers => { kid => $alg },
        );
    }

    return \%made;
}
