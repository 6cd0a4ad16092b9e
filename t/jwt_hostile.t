#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The list of what attackers send for a token, against each mix of providers:
# all of it is refused with 401 and the same words, and none of it reaches the
# backend.

use v5.30;
use warnings;

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use JSON::PP qw(encode_json);
use Math::BigInt;
use MIME::Base64 qw(decode_base64url encode_base64 encode_base64url);
use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(compact jwks pem provider token);

my $ISSUER = 'https://idp.test';

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    access_log => '$status $tradesec_guard',
    http       => join('', "tradesec_zone zone=keys:2m;\n",
        provider('portal', "issuer $ISSUER;", 'audience portal;',
            'max_lifetime 2h;', 'type JWT;'),
        provider('secret', "issuer $ISSUER;", 'algorithms HS256;',
            'secret_file %%DIR%%/secret;'),
        provider('other', 'issuer https://other.test;')),
    server => <<'CONF');
        tradesec on;
        large_client_header_buffers 4 32k;
        keepalive_requests 100000;

        location /public/ { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }
        location /mixed/ {
            tradesec_jwt secret portal other; proxy_pass http://%%BACKEND%%;
        }
        location /twice/ {
            tradesec_jwt other portal; proxy_pass http://%%BACKEND%%;
        }
        location = /public/logout {
            tradesec_jwt portal;
            tradesec_revoke token;
            proxy_pass http://%%BACKEND%%;
        }
CONF

my $secret = '0123456789abcdef0123456789abcdef';

$t->write_file("$_.jwks", jwks('ec', 'rsa', 'ed')) for qw(portal);
$t->write_file('other.jwks', jwks('ec2'));
$t->write_file('secret', $secret);
chmod 0600, $t->dir . '/secret';
$t->start;

my $good = token({});
my ($header, $payload, $signature) = split /\./, $good;

# Signed by the attacker, who says where his key is.

my $own = Crypt::PK::ECC->new;
$own->generate_key('secp256r1');

my %claims = (iss => $ISSUER, aud => 'portal', sub => 'root', iat => time,
    exp => time + 600);

sub own {
    my (%header) = @_;

    return encode_jwt(payload => encode_json(\%claims), alg => 'ES256',
        key => $own, extra_headers => { typ => 'JWT', kid => 'ec', %header });
}

sub b64 { return encode_base64url($_[0]) }

# A signature of two numbers; and those of the curve.

my $N = Math::BigInt->from_hex('ffffffff00000000ffffffffffffffff'
    . 'bce6faada7179e84f3b9cac2fc632551');

sub ecdsa {
    my @numbers = map { substr('0' x 64 . (Math::BigInt->new($_)->as_hex
        =~ s/^0x//r), -64) } @_;

    return "$header.$payload." . b64(pack 'H*', join '', @numbers);
}

my ($r, $s) = map { Math::BigInt->from_hex($_) }
    unpack 'H64H64', decode_base64url($signature);

sub with_header  { return join '.', b64($_[0]), $payload, $signature }
sub with_payload { return join '.', $header, b64($_[0]), $signature }

# Signed with the shared secret, where only strictness stands in the way.

sub hmac { return compact(@_) }

my $exp = time + 600;
my $sound = qq("iss":"$ISSUER","exp":$exp);

my %bad = (
    (map { ("alg $_" => join '.', b64(qq({"alg":"$_","kid":"ec"})),
        b64(encode_json(\%claims)), 'AAAA') }
        qw(none None NONE nOnE), 'none ', "\\u006eone", '', 'null', 'HS256',
        'ES256 ', 'es256', 'RSA', 'A128KW', 'dir'),
    'alg none, no signature' => join('.', b64('{"alg":"none"}'),
        b64(encode_json(\%claims)), ''),
    'no alg' => with_header('{"kid":"ec"}'),

    'confusion' => token({}, alg => 'HS256', key => \pem('ec'),
        header => { kid => 'ec' }),
    'confusion, RSA' => token({}, alg => 'HS256', key => \pem('rsa'),
        header => { kid => 'rsa' }),
    'confusion, an empty key' => join('.', b64('{"alg":"HS256","kid":"ec"}'),
        b64(encode_json(\%claims)), b64("\0" x 32)),

    'own key'      => own(),
    'jwk'          => own(jwk => $own->export_key_jwk('public', 1)),
    'jku'          => own(jku => 'https://evil.test/jwks'),
    'x5u'          => own(x5u => 'https://evil.test/cert'),
    'x5c'          => own(x5c => [ encode_base64('certificate', '') ]),
    'x5c and kid'  => own(kid => 'own',
        x5c => [ encode_base64($own->export_key_der('public'), '') ]),

    (map { ("kid $_" => own(kid => $_)) } '', '../../../dev/null', 'ec2',
        "ec' or '1'='1", 'ec|id', 'https://evil.test/key', 'x' x 2000),
    'kid of another algorithm' => token({}, alg => 'ES256',
        header => { kid => 'rsa' }),
    'kid of another curve' => token({}, alg => 'ES256', header => { kid => 'ed' }),

    'crit'        => with_header('{"alg":"ES256","kid":"ec","crit":["x"],"x":1}'),
    'crit, b64'   => with_header(
        '{"alg":"ES256","kid":"ec","crit":["b64"],"b64":false}'),
    'b64 alone'   => hmac('{"alg":"HS256","b64":false}', qq({"sub":"root"})),
    'alg twice'   => with_header('{"alg":"none","alg":"ES256","kid":"ec"}'),
    'sub twice'   => with_payload(qq({"sub":"alice","sub":"root",$sound})),
    'NUL'         => with_payload(qq({"sub":"alice\\u0000",$sound})),
    'a raw NUL'   => with_payload("{\"sub\":\"a\0\",$sound}"),
    'claims changed' => with_payload(qq({"sub":"root",$sound})),

    'padding'     => "$good=",
    'line feed'   => "$header.$payload\\n.$signature",
    'plain base64' => "$header.$payload." . ($signature =~ tr{-_}{+/}r) . '+',
    'other last bits' => "$header.$payload." . ($signature
        =~ s/(.)$/chr(ord($1) + 1)/er),
    'oversize'    => token({ x => 'x' x 9000 }),
    'JWE'         => join('.', b64('{"alg":"dir","enc":"A128GCM"}'), '',
        b64('iv' x 6), b64('text'), b64('tag' x 5)),
    'four parts'  => "$good.",
    'JSON form'   => encode_json({ payload => $payload,
        protected => $header, signature => $signature }) =~ s/ //gr,

    (map { my ($a, $b) = @$_; ("ECDSA ($a, $b)" => ecdsa(map {
        { 0 => 0, 1 => 1, n => $N, r => $r, s => $s,
            'n+r' => $r->copy->badd($N)->bmod(Math::BigInt->new(2)->bpow(256)),
            'n-1' => $N->copy->bsub(1), '2^256-1' =>
            Math::BigInt->new(2)->bpow(256)->bsub(1) }->{$_} } $a, $b)) }
        [ 0, 0 ], [ 0, 1 ], [ 1, 0 ], [ 'n', 'n' ], [ 0, 'n' ], [ 'n', 0 ],
        [ 'r', 0 ], [ 0, 's' ], [ 'r', 'n' ], [ 's', 'r' ], [ 'n+r', 's' ],
        [ 1, 1 ], [ 'n-1', 'n-1' ], [ '2^256-1', '2^256-1' ]),
    'ECDSA in DER' => "$header.$payload." . b64("\x30\x06\x02\x01\x01\x02\x01\x01"),
    'ECDSA, short' => "$header.$payload." . b64(substr
        decode_base64url($signature), 0, 63),
    'ECDSA, long'  => "$header.$payload." . b64(decode_base64url($signature)
        . "\0"),

    (map { ("exp $_" => hmac('{"alg":"HS256"}',
        qq({"iss":"$ISSUER","sub":"root","exp":$_}))) }
        '0', '-1', '1e400', "\"$exp\"", 'true', 'null', '[]', '{}',
        '1', '-9223372036854775808'),
    'nbf of a string' => hmac('{"alg":"HS256"}',
        qq({"sub":"root",$sound,"nbf":"0"})),
    'no exp'       => hmac('{"alg":"HS256"}', qq({"iss":"$ISSUER","sub":"a"})),

    'refresh token' => token({}, header => { typ => 'refresh+jwt' }),
    'identity of another app' => token({ aud => 'mobile' }),
    'of another issuer' => token({ iss => 'https://evil.test' }),
    'key of the other provider' => token({}, kid => 'ec2',
        header => { kid => 'ec' }),
    'the other provider\'s issuer' => token({ iss => 'https://other.test' }),
);

my %answers;

for my $uri ('/public/', '/mixed/', '/twice/') {
    is($t->get($uri, Authorization => "Bearer $good")->status, 200,
        "$uri: the twin of all");

    $t->backend->clear;

    for my $name (sort keys %bad) {
        my $answer = $t->get($uri, Authorization => "Bearer $bad{$name}");

        is($answer->status, 401, "$uri: $name");

        $answers{ join "\n", $answer->body =~ s/[0-9a-f]{32}//gr,
            map { $answer->header($_) // '' } qw(WWW-Authenticate Content-Type
                Cache-Control) }{$name} = 1;
    }

    is($t->backend->count, 0, "$uri: nothing reached the backend");
}

is(scalar keys %answers, 1, 'all answers are the same') or diag explain \%answers;

# n - s is as good a signature as s: it is the same token, also for a logout

my $twin = ecdsa($r, $N->copy->bsub($s));

is($t->get('/public/', Authorization => "Bearer $twin")->status, 200,
    'ECDSA (r, n-s): the same token');
is($t->post('/public/logout', 'x', Authorization => "Bearer $good")->status, 200,
    'logout');
is($t->get('/public/', Authorization => "Bearer $_")->status, 401,
    'ends it in either spelling') for $good, $twin;

done_testing();
