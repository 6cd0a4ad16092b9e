#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Mistakes in the token configuration are one clear sentence at nginx -t.

use v5.30;
use warnings;

use File::Temp ();
use JSON::PP ();
use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test);
use Tradesec::Test::Token qw(jwks pem);


my $dir = File::Temp->newdir;
my $n   = 0;

# The path of a file with these bytes.

sub file {
    my ($bytes) = @_;

    my $path = "$dir/" . $n++;

    open my $file, '>:raw', $path or die "$path: $!";
    print $file $bytes;
    close $file or die "$path: $!";

    return $path;
}

my $jwks   = file(jwks());
my $pem    = file(pem('ec'));
my $secret = file("0123456789abcdef0123456789abcdef\n");

sub block {
    my (@lines) = @_;

    return { http => join "\n", 'tradesec_jwt_provider p {', @lines, '}',
        'server { server_name a; tradesec on; tradesec_jwt p; }' };
}

sub refused {
    my ($title, $pattern, @lines) = @_;

    config_refused(block(@lines), $pattern, $title);
}

sub accepted {
    my ($title, @lines) = @_;

    config_accepted(block(@lines), $title);
}

my @es = ('algorithms ES256;', "jwks_file $jwks;");

accepted('the least', @es);
accepted('everything', @es, 'issuer https://idp.test;', 'audience a b c;',
    'leeway 5s;', 'max_lifetime 1d;', 'type access claim=/token_use;',
    'user_claim /identity/u;', 'header X-User /identity/u;',
    'header X-Roles roles;');
accepted('PEM', 'algorithms ES256;', "pem_file $pem;");
accepted('secret', 'algorithms HS256;', "secret_file $secret;");

# the block

refused('no algorithms', qr/provider "p" must have "algorithms"/,
    "jwks_file $jwks;");
refused('no keys',
    qr/must have "jwks_file", "pem_file", "secret_file" or "jwks_uri"/,
    'algorithms ES256;');
refused('two key files', qr/exclude each other/, @es, "pem_file $pem;");
refused('misspelt line',
    qr/unknown directive "isuer" in .*, did you mean "issuer"\?/, @es,
    'isuer x;');
refused('unknown line', qr/unknown directive "foo"/, @es, 'foo x;');
refused('a line twice', qr/"issuer" is duplicate/, @es, 'issuer a;',
    'issuer b;');
refused('too many arguments', qr/invalid number of arguments in "issuer"/,
    @es, 'issuer a b;');
refused('misspelt algorithm',
    qr/invalid parameter "ES265" in "algorithms", did you mean "ES256"\?/,
    'algorithms ES265;');
refused('alg none', qr/invalid parameter "none"/, 'algorithms none;');
refused('lower case', qr/invalid parameter "es256"/,
    'algorithms es256;');
refused('secrets and public keys', qr/mixes shared secrets/,
    'algorithms HS256 ES256;', "jwks_file $jwks;");
refused('no time', qr/invalid value "soon" in "leeway"/, @es, 'leeway soon;');
refused('no lifetime', qr/invalid value "0" in "max_lifetime"/, @es,
    'max_lifetime 0;');
refused('no pointer', qr{invalid value "/a~2" in "user_claim"}, @es,
    'user_claim /a~2;');
refused('pointer too deep', qr/invalid value/, @es,
    'user_claim /1/2/3/4/5/6/7/8/9;');
refused('misspelt parameter', qr/"clam=x" in "type", did you mean "claim="/,
    @es, 'type x clam=x;');
refused($_, qr/"$_" cannot be an identity header/, @es, "header $_ sub;")
    for qw(Authorization cookie Content_Length Host);
refused('no header name', qr/"X User" cannot be/, @es, 'header "X User" sub;');
refused('a header twice', qr/header "x_user" is duplicate/, @es,
    'header X-User sub;', 'header x_user aud;');
refused('too many headers', qr/more than 16 headers/, @es,
    map {"header X-$_ sub;"} 1 .. 17);

# the keys

refused('no such file', qr{open\(\) ".*/nowhere" failed \(2}, 'algorithms ES256;',
    "jwks_file $dir/nowhere;");
refused('an empty file', qr/it is not valid JSON/, 'algorithms ES256;',
    'jwks_file ' . file('') . ';');
refused('an empty secret', qr/shared secret is shorter/, 'algorithms HS256;',
    'secret_file ' . file("\n") . ';');
refused('a guessable secret', qr/shared secret is shorter/,
    'algorithms HS256;', 'secret_file ' . file('secret') . ';');
refused('a public key as the secret', qr/the shared secret is a PEM file/,
    'algorithms HS256;', "secret_file $pem;");
refused('no key for the algorithms', qr/no key for any of the algorithms/,
    'algorithms HS256;', "jwks_file $jwks;");
refused('a single key', qr/no JSON object with an array "keys"/,
    'algorithms ES256;', 'jwks_file ' . file('{"kty":"EC"}') . ';');
refused('a private key', qr/key 1 of ".*": it is a private key/,
    'algorithms ES256;', 'jwks_file ' . file(JSON::PP->new->encode({ keys => [
        Tradesec::Test::Token::key('ec')->export_key_jwk('private', 1) ] }))
        . ';');
refused('a private PEM', qr/it is a private key/, 'algorithms ES256;',
    'pem_file ' . file(Tradesec::Test::Token::key('ec')->export_key_pem(
        'private')) . ';');
refused('the second key is malformed', qr/key 2 of ".*": a member is missing/,
    'algorithms ES256;', 'jwks_file '
        . file(jwks('ec') =~ s/\]\}$/,{"kty":"EC"}]}/r) . ';');
refused('JSON as PEM', qr/no PEM public key/, 'algorithms ES256;',
    "pem_file $jwks;");

# tradesec_jwt

sub jwt {
    my ($line) = @_;

    return { http => join "\n", 'tradesec_jwt_provider p {', @es, '}',
        "server { server_name a; tradesec on; $line }" };
}

config_accepted(jwt("tradesec_jwt $_;"), $_)
    for 'p', 'off', 'p cookie=a', 'p bearer', 'p query=a',
    'p subprotocol=bearer', 'p cookie=a bearer query=b login_page=/login?n=';
config_refused(jwt("tradesec_jwt $_->[0];"), $_->[1], $_->[0]) for (
    [ 'q', qr/unknown provider "q": there is no "tradesec_jwt_provider q"/ ],
    [ 'cookie=a', qr/must name a provider/ ],
    [ 'p cokie=a', qr/"cokie=a" in "tradesec_jwt", did you mean "cookie="/ ],
    [ 'p cookie=', qr/invalid parameter "cookie="/ ],
    [ 'p "cookie=a b"', qr/invalid parameter "cookie=a b"/ ],
    [ 'p query=a[0]', qr/invalid parameter "query=a\[0\]"/ ],
    [ 'p subprotocol=token', qr/did you mean "subprotocol=bearer"/ ],
    [ 'p login_page=https://evil.test/', qr/invalid parameter "login_page=/ ],
    [ 'p login_page=//evil.test/', qr/invalid parameter "login_page=/ ],
    [ 'p "login_page=/\rX: y"', qr/invalid parameter "login_page=/ ],
    [ 'p cookie=a cookie=b', qr/duplicate parameter "cookie=b"/ ],
    [ 'p query=a query=a', qr/duplicate parameter "query=a"/ ],
    [ 'p login_page=/a login_page=/b', qr/duplicate parameter "login_page=/ ],
    [ 'p p', qr/duplicate provider "p" in "tradesec_jwt"/ ],
    [ 'off p', qr/"off" in "tradesec_jwt", it must stand alone/ ],
    [ 'p off', qr/"off" in "tradesec_jwt", it must stand alone/ ],
    [ 'p; tradesec_jwt p', qr/"tradesec_jwt" directive is duplicate/ ],
);
config_refused({ http => 'tradesec_jwt_provider p { ' . "@es }\n"
        . "tradesec_jwt_provider p { @es }" }, qr/duplicate provider "p"/,
    'a provider twice');
config_refused({ http => "server { tradesec_jwt p; }\n"
        . "tradesec_jwt_provider p { @es }" }, qr/unknown provider "p"/,
    'a provider after its use');
config_refused(jwt(join ' ', map {"location /$_ { tradesec_jwt p cookie=c$_; }"}
        1 .. 9), qr/more than 8 different cookies/, 'too many cookies');
config_refused(jwt('location /a { tradesec_jwt p cookie=a_t; } '
        . 'location /b { tradesec_jwt p cookie=A.T; }'),
    qr/two names in the server .*, in location "\/b"/, 'cookies alike');

# a line that protects nothing, since "tradesec on" is forgotten

sub protects_nothing {
    my ($on, $line) = @_;

    my (undef, $text) = config_test(http => jwt($line)->{http}
            =~ s/tradesec on;/$on/r);

    return $text =~ /finding jwt_unused in .* at \S+:\d+: "tradesec_jwt" protects nothing/;
}

ok(protects_nothing('', 'tradesec_jwt p;'), 'not on: warned');
ok(protects_nothing('', 'location / { tradesec_jwt p; }
        location /a { tradesec on; }'), 'on elsewhere: warned');
ok(!protects_nothing('tradesec on;', 'tradesec_jwt p;'), 'on');
ok(!protects_nothing('', 'tradesec_jwt p; location / { tradesec on; }'),
    'on in a location');
ok(!protects_nothing('tradesec on;', 'tradesec_jwt p;
        location / { tradesec off; }'), 'off in a location');

done_testing();
