#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The jwt guard: which tokens are good. Every bad one is refused with 401, one
# log line and nothing at the backend, beside its good twin; the client sees
# the same answer for all of them. The tokens are made by Crypt::JWT.

use v5.30;
use warnings;

use Test::More;

use Crypt::PK::RSA;
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(decode_base64url encode_base64url);

use Tradesec::Test;
use Tradesec::Test::Token qw(compact jwks pem provider token);


my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    access_log => '$tradesec_status $tradesec_reason $tradesec_guard '
        . '$tradesec_user',
    http => join('',
        provider('portal', 'issuer https://idp.test;', 'audience portal;'),
        provider('hour', 'max_lifetime 1h;', 'leeway 10s;'),
        provider('typed', 'type access claim=/token_use;'),
        provider('at', 'type at+jwt;'),
        provider('hmac', 'algorithms HS256;', 'secret_file %%DIR%%/secret;'),
        provider('pem', 'algorithms RS256;', 'pem_file %%DIR%%/rsa.pem;'),
        provider('pinned', 'algorithms RS512;'),
        provider('nested', 'user_claim /identity/u;'),
        provider('claims', 'header X-Roles /roles;'),
    ),
    server => <<~'CONF');
        tradesec on;
        large_client_header_buffers 4 16k;

        location / { tradesec_jwt portal; proxy_pass http://%%BACKEND%%; }
        location /hour/ { tradesec_jwt hour; proxy_pass http://%%BACKEND%%; }
        location /typed/ { tradesec_jwt typed; proxy_pass http://%%BACKEND%%; }
        location /at/ { tradesec_jwt at; proxy_pass http://%%BACKEND%%; }
        location /hmac/ { tradesec_jwt hmac; proxy_pass http://%%BACKEND%%; }
        location /pem/ { tradesec_jwt pem; proxy_pass http://%%BACKEND%%; }
        location /pinned/ { tradesec_jwt pinned; proxy_pass http://%%BACKEND%%; }
        location /nested/ { tradesec_jwt nested; proxy_pass http://%%BACKEND%%; }
        location /claims/ { tradesec_jwt claims; proxy_pass http://%%BACKEND%%; }
        location /both/ {
            tradesec_jwt portal hmac;
            proxy_pass http://%%BACKEND%%;
        }
        location /dry/ {
            tradesec_jwt portal;
            tradesec_dry_run jwt;
            proxy_pass http://%%BACKEND%%;
        }
        location /off/ { tradesec_jwt off; proxy_pass http://%%BACKEND%%; }
    CONF

$t->write_file("$_.jwks", jwks())
    for qw(portal hour typed at pinned nested claims);
$t->write_file('secret', "0123456789abcdef0123456789abcdef\n");
$t->write_file('rsa.pem', pem('rsa'));
$t->start;

my $backend = $t->backend;
my %refusals;


# The reason that a token is refused for, or the user that it is good for.

sub judge {
    my ($uri, $token) = @_;

    $backend->clear;
    $t->clear_logs;

    my $r = $t->get($uri,
        defined $token ? (Authorization => "Bearer $token") : ());

    my ($status, $reason, $guard, $user) = split / /,
        ($t->access_log(1))[-1], 4;

    if ($r->status == 200) {
        is($backend->count, 1, 'reached the backend');
        return $user;
    }

    is($r->status, 401, 'answers 401');
    is($guard, 'jwt', 'by the guard');
    is($backend->count, 0, 'nothing reached the backend');
    is($user, '', 'no user');
    $t->logged(qr/reason: "$reason"/, 'one log line');

    $refusals{ $r->body =~ s/[0-9a-f]{32}//gr
            . ($r->header('WWW-Authenticate') // '')
            . $r->header('Content-Type') }{$reason} = 1;

    return $reason;
}

sub good {
    my ($title, $user, @rest) = @_;

    is(judge(@rest), $user, $title);
}

sub bad {
    my ($reason, $title, @rest) = @_;

    is(judge(@rest), $reason, "$title: $reason");
}

# algorithms and keys

for my $alg (qw(RS256 PS256 ES256 EdDSA)) {
    good($alg, 'alice', '/', token({}, alg => $alg));
}

good('HS256', 'alice', '/hmac/', token({}, alg => 'HS256'));
good('PEM key', 'alice', '/pem/', token({}, alg => 'RS256'));

bad('jwt_algorithm', 'not among the algorithms', '/',
    token({}, alg => 'RS384'));
bad('jwt_algorithm', 'shared secret for public keys', '/',
    token({}, alg => 'HS256'));
bad('jwt_unknown_key', 'key is for another algorithm', '/',
    token({}, alg => 'ES256', header => { kid => 'rsa' }));
bad('jwt_unknown_key', 'unknown kid', '/',
    token({}, header => { kid => '../../../dev/null' }));
bad('jwt_signature', 'another key with the same kid', '/',
    token({}, kid => 'ec2', header => { kid => 'ec' }));
good('RS512 is good for another provider', 'alice', '/pinned/',
    token({}, alg => 'RS512'));

# the public key as a shared secret: what fools libjwt

{
    my $input = join '.', map { encode_base64url($_) }
        '{"alg":"HS256","typ":"JWT"}',
        '{"sub":"root","exp":4000000000}';
    my $forged = "$input." . encode_base64url(hmac_sha256($input, pem('rsa')));

    bad('jwt_algorithm', 'algorithm confusion', '/pem/', $forged);
    bad('jwt_algorithm', 'algorithm confusion with JWKS', '/', $forged);
}

# the form

my $good = token({});
my ($header, $payload, $signature) = split /\./, $good;

good('the twin of what follows', 'alice', '/', $good);

bad('jwt_missing', 'no token', '/', undef);
bad('jwt_malformed', $_->[0], '/', $_->[1]) for (
    [ 'empty token',           '' ],
    [ 'one part',              $header ],
    [ 'two parts',             "$header.$payload" ],
    [ 'four parts',            "$good." ],
    [ 'empty signature',       "$header.$payload." ],
    [ 'padding',               "$good=" ],
    [ 'foreign character',     "$good!" ],
    [ 'a space inside',        "$header .$payload.$signature" ],
    [ 'second spelling of the last bits', other_tail($good) ],
    [ 'words',                 'not a token' ],
);
bad('jwt_too_long', 'longer than 8 KB', '/', token({ x => 'x' x 6200 }));
good('nearly 8 KB', 'alice', '/', token({ x => 'x' x 5500 }));

bad('jwt_signature', 'tampered claims', '/', join '.', $header,
    encode_base64url(decode_base64url($payload) =~ s/alice/admin/r),
    $signature);
bad('jwt_signature', 'tampered signature', '/', join '.', $header, $payload,
    encode_base64url(decode_base64url($signature) ^. ("\0" x 9 . "\1")));
bad('jwt_algorithm', 'alg none', '/', join '.',
    encode_base64url('{"alg":"none"}'), $payload, $signature);

# the header, signed: only strictness stands in the way

my $claims = sprintf '{"sub":"alice","exp":%d}', time + 3600;

good('any header members', 'alice', '/hmac/',
    compact('{"alg":"HS256","x5t":"AA","jku":"https://evil.test/"}', $claims));
bad('jwt_header', $_, '/hmac/', compact($_, $claims)) for (
    '{"alg":"HS256","alg":"HS256"}',
    '{"alg":"HS256","crit":["exp"],"exp":1}',
    '{"alg":"HS256","crit":["b64"],"b64":false}',
    '{"alg":"HS256","kid":7}',
    '{"alg":"HS256","typ":1}',
    '{"alg":["HS256"]}',
    '{"typ":"JWT"}',
    '["HS256"]',
    "{'alg':'HS256'}",
);
bad('jwt_algorithm', $_, '/hmac/', compact($_, $claims))
    for ('{"alg":"hs256"}', '{"alg":""}', '{"alg":"HS256 "}');

# claims

sub signed { return compact('{"alg":"HS256"}', shift) }

my $later = time + 3600;

bad('jwt_claims', $_, '/hmac/', signed($_)) for (
    '{"sub":"alice"}',
    '{"sub":"alice","exp":null}',
    qq({"sub":"alice","exp":"$later"}),
    '{"sub":"alice","exp":1e300}',
    qq({"sub":"alice","exp":$later,"nbf":"0"}),
    qq({"sub":"alice","sub":"root","exp":$later}),
    qq({"sub":"alice","s\\u0075b":"root","exp":$later}),
    qq({"sub":"al\\u0000ice","exp":$later}),
    qq([{"sub":"alice","exp":$later}]),
    qq({"sub":"alice","exp":$later}{}),
    'alice',
);
good('a date with a fraction', 'alice', '/hmac/',
    signed(qq({"sub":"alice","exp":$later.5})));

bad('jwt_expired', 'expired', '/', token({ exp => time - 1 }));
bad('jwt_expired', 'expired long ago', '/', token({ exp => 0 }));
bad('jwt_expired', 'beyond the leeway', '/hour/',
    token({ iat => time - 60, exp => time - 12 }));
good('within the leeway', 'alice', '/hour/',
    token({ iat => time - 60, exp => time - 5 }));
bad('jwt_not_yet_valid', 'nbf', '/', token({ nbf => time + 60 }));
good('nbf has come', 'alice', '/', token({ nbf => time - 1 }));
bad('jwt_not_yet_valid', 'issued in the future', '/',
    token({ iat => time + 300, exp => time + 600 }));
bad('jwt_lifetime', 'lives too long', '/hour/', token({ exp => time + 7200 }));
bad('jwt_lifetime', 'no iat', '/hour/', token({ iat => undef }));

bad('jwt_issuer', 'another issuer', '/', token({ iss => 'https://idp.tes' }));
bad('jwt_issuer', 'no issuer', '/', token({ iss => undef }));
bad('jwt_issuer', 'list of issuers', '/',
    token({ iss => ['https://idp.test'] }));
bad('jwt_audience', 'another audience', '/', token({ aud => 'mobile' }));
bad('jwt_audience', 'no audience', '/', token({ aud => undef }));
bad('jwt_audience', 'audience in a list of lists', '/',
    token({ aud => [ ['portal'] ] }));
good('one of the audiences', 'alice', '/',
    token({ aud => [ 'mobile', 'portal' ] }));

# a refresh token is no access token

bad('jwt_type', $_->[0], '/', token({ @$_ })) for (
    [ type => 'refresh' ], [ token_type => 'refresh' ],
    [ token_use => 'refresh' ], [ typ => 'Refresh' ],
);
good('type access', 'alice', '/', token({ type => 'access' }));
bad('jwt_type', 'logout token', '/',
    token({}, header => { typ => 'logout+jwt' }));
good('at+jwt', 'alice', '/', token({}, header => { typ => 'at+jwt' }));
bad('jwt_type', 'id token', '/typed/', token({ token_use => 'id' }));
bad('jwt_type', 'no type', '/typed/', token({}));
good('access token', 'alice', '/typed/', token({ token_use => 'access' }));
bad('jwt_type', 'JWT is not at+jwt', '/at/', token({}));
good('at+jwt as asked', 'alice', '/at/',
    token({}, header => { typ => 'at+jwt' }));

# the user

good('a nested user', 'bob', '/nested/', token({ identity => { u => 'bob' } }));
bad('jwt_identity', 'no nested user', '/nested/', token({}));
good('a number', '1042', '/', token({ sub => 1042 }));
bad('jwt_identity', $_->[0], '/', token({ sub => $_->[1] })) for (
    [ 'empty user', '' ],
    [ 'header injection', "alice\r\nX-Role: admin" ],
    [ 'trailing space', 'alice ' ],
    [ 'a list of users', ['alice'] ],
    [ 'an object', { id => 'alice' } ],
    [ 'a fraction', 1.5 ],
);
bad('jwt_identity', 'no user', '/', token({ sub => undef }));
bad('jwt_identity', 'a claim that cannot be a field', '/claims/',
    token({ roles => [ 'user,admin' ] }));
good('a claim that can', 'alice', '/claims/', token({ roles => ['user'] }));

# several providers

good('the first provider', 'alice', '/both/', token({}));
good('the second provider', 'carol', '/both/',
    token({ sub => 'carol' }, alg => 'HS256'));
bad('jwt_expired', 'the reason of the provider that knows the token', '/both/',
    token({ exp => 1 }, alg => 'HS256'));
bad('jwt_signature', 'of neither', '/both/',
    token({}, alg => 'HS256', key => \('x' x 32)));

# elsewhere

is($t->get('/off/')->status, 200, 'off asks for nothing');

$t->clear_logs;
is($t->get('/dry/')->status, 200, 'dry run lets pass');
is(($t->access_log(1))[-1], 'REJECTED_DRY_RUN jwt_missing jwt ',
    'dry run marks');

# no oracle: of all tokens that fail the client learns one and the same

delete $refusals{$_} for grep { $refusals{$_}{jwt_missing} } keys %refusals;

is(scalar keys %refusals, 1, 'one answer for every bad token')
    or diag explain \%refusals;
cmp_ok(scalar keys %{ (values %refusals)[0] }, '>=', 13, 'and every reason');

done_testing();


# The same bytes as the signature, but other unused bits in the last
# character: a 64-byte signature leaves four of them.

sub other_tail {
    my ($token) = @_;

    my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-_';
    my $last     = index $alphabet, substr $token, -1;

    return substr($token, 0, -1) . substr $alphabet, $last ^ 1, 1;
}
