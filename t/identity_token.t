#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The backend learns who the caller is from a token that the gateway signs, and
# other people's libraries verify it with the published keys. Nobody else can
# send one, nobody without a token gets one, and none is signed twice.

use v5.30;
use warnings;

use Encode ();
use FindBin qw($Bin);
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(decode_base64url);
use Test::More;

use Crypt::JWT qw(decode_jwt);

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::Token qw(jwks provider token);


my $files = Tradesec::Test->new(stopped => 1);
my $dir   = $files->dir;

my %make = (
    rsa      => 'RSA -pkeyopt rsa_keygen_bits:2048',
    ec       => 'EC -pkeyopt ec_paramgen_curve:P-256',
    ed       => 'ED25519',
    old      => 'EC -pkeyopt ec_paramgen_curve:P-256',
    weak     => 'RSA -pkeyopt rsa_keygen_bits:1024',
    p384     => 'EC -pkeyopt ec_paramgen_curve:P-384',
    secp256k1 => 'EC -pkeyopt ec_paramgen_curve:secp256k1',
);

for my $name (sort keys %make) {
    system("openssl genpkey -algorithm $make{$name} -out $dir/$name.pem"
            . " 2>/dev/null") == 0 or die 'openssl';
    chmod 0600, "$dir/$name.pem";
}

system("openssl pkey -in $dir/old.pem -pubout -out $dir/old.pub; "
        . "openssl pkey -in $dir/ec.pem -aes256 -passout pass:x"
        . " -out $dir/locked.pem") == 0 or die 'openssl';

sub identity {
    my ($name, @lines) = @_;

    my %given = map { /^(\w+)/ ? ($1 => 1) : () } @lines;

    unshift @lines, 'issuer https://gateway.test;' unless $given{issuer};
    unshift @lines, 'audience app;' unless $given{audience};
    unshift @lines, "key_file $dir/ec.pem;" unless $given{key_file};

    return join "\n    ", "tradesec_identity $name {", @lines, "}\n";
}

my $http = "tradesec_zone zone=state:1m;\n"
    . provider('portal', 'issuer https://idp.test;', 'leeway 0;')
    . provider('other', 'issuer https://other.test;')
    . identity('ec', "publish_file $dir/old.pub;", 'claim role;',
        'claim /realm/groups groups;', 'claim email_verified;',
        'claim missing;')
    . identity('rsa', "key_file $dir/rsa.pem;", 'lifetime 10s;')
    . identity('ed', "key_file $dir/ed.pem;", 'header X-Who;');

my $t = Tradesec::Test->new(
    backend => 1,
    stopped => 1,
    workers => 1,
    http    => $http,
    server  => <<~'CONF',
        tradesec on;
        tradesec_jwt portal;
        tradesec_identity_token ec;

        location / { proxy_pass http://%%BACKEND%%; }
        location /rsa/ {
            tradesec_identity_token rsa;
            proxy_pass http://%%BACKEND%%;
        }
        location /ed/ {
            tradesec_identity_token ed;
            proxy_pass http://%%BACKEND%%;
        }
        location /other/ {
            tradesec_jwt portal other;
            proxy_pass http://%%BACKEND%%;
        }
        location /none/ {
            tradesec_identity_token off;
            proxy_pass http://%%BACKEND%%;
        }
        location /open/ { tradesec_jwt off; proxy_pass http://%%BACKEND%%; }
        location /off/ { tradesec off; proxy_pass http://%%BACKEND%%; }
        location /trial/ {
            tradesec_dry_run on;
            proxy_pass http://%%BACKEND%%;
        }
        location = /refused {
            error_page 403 /open/page;
            tradesec_require role=nobody;
        }
        location = /keys/ec {
            tradesec_jwt off; tradesec_public on;
            tradesec_identity_jwks ec;
        }
        location = /keys/rsa { tradesec_jwt off; tradesec_identity_jwks rsa; }
        location = /keys/ed { tradesec_jwt off; tradesec_identity_jwks ed; }
        CONF
);

$t->write_file("$_.jwks", jwks()) for qw(portal other);
$t->start;

my $backend = $t->backend;

# What the backend got at the URI, with the token.

sub told {
    my ($uri, $token, $name, @more) = @_;

    $backend->clear;
    $t->get($uri, defined $token ? (Authorization => "Bearer $token") : (),
        @more);

    return $backend->count ? [ $backend->last->headers($name // 'X-Identity') ]
        : undef;
}

sub keys_of { return decode_json($t->get("/keys/$_[0]")->body) }

sub claims { return decode_json(decode_base64url((split /\./, $_[0])[1])) }

sub by {
    my ($command, $script, $asked) = @_;

    local $ENV{NODE_PATH} = q{/usr/share/nodejs};

    my $pid = open2(my $out, my $in, $command, "$Bin/jwt/$script");
    print {$in} encode_json($asked);
    close $in;

    my $said = do { local $/; <$out> };
    waitpid $pid, 0;

    return decode_json($said);
}

# each kind of key, by each library

my $alice = token({ role => [ 'trader', "p\xc3\xa4ivi" ], email_verified => \1,
    realm => { groups => { a => 1.5 } } });

for my $row ([ '/', 'ec', 'ES256' ], [ '/rsa/', 'rsa', 'RS256' ],
    [ '/ed/', 'ed', 'EdDSA', 'X-Who' ])
{
    my ($uri, $name, $alg, $header) = @$row;

    my ($token, @more) = @{ told($uri, $alice, $header) };
    my $keys = keys_of($name);

    is(scalar @more, 0, "$name: one header");

    my $head = decode_json(decode_base64url((split /\./, $token)[0]));

    is($head->{alg}, $alg, "... $alg");
    is($head->{kid}, $keys->{keys}[0]{kid}, '... with a key that is published');
    is($keys->{keys}[0]{alg}, $alg, '... for that algorithm');
    ok(!grep({ $_->{d} || $_->{p} } @{ $keys->{keys} }),
        '... without its private half');

    my $tampered = $token =~ s/\.(.)/$1 eq 'e' ? '.f' : '.e'/er;
    my $asked = { jwks => $keys, tokens => [ $token, $tampered ] };

    my %said = (
        jose  => by('node', 'verify.js', $asked),
        pyjwt => by('/usr/bin/python3', 'verify.py', $asked),
        perl  => [ map {
            my $one = $_;
            eval {
                decode_jwt(token => $one, kid_keys => $keys,
                    verify_iss => 'https://gateway.test', verify_aud => 'app',
                    verify_exp => 1, verify_iat => 1)
            } // { error => $@ };
        } $token, $tampered ],
    );

    for my $library (sort keys %said) {
        is($said{$library}[0]{sub}, 'alice', "... verified by $library");
        ok($said{$library}[1]{error}, '... and not when tampered with');
    }
}

is_deeply([ map { $_->{kid} } @{ keys_of('ec')->{keys} } ],
    [ map { thumbprint("$dir/$_.pem") } qw(ec old) ],
    'the old key is published, too, each by its thumbprint');

my $keys = $t->get('/keys/ec');

is($keys->header('Content-Type'), 'application/jwk-set+json', 'a JWK set');
is($keys->header('Cache-Control'), 'public, max-age=300', '... to be stored');
is($t->post('/keys/ec', '')->status, 405, '... with GET only');

# what it says

my $claims = claims(told('/', $alice)->[0]);

is_deeply($claims->{role}, [ 'trader', "p\xe4ivi" ], 'a claim with its type');
is_deeply($claims->{groups}, { a => 1.5 }, 'one by a pointer');
is(ref $claims->{email_verified}, 'JSON::PP::Boolean', 'a boolean');
is($claims->{provider}, 'portal', 'whose user it is');
is_deeply([ sort keys %$claims ],
    [ sort qw(iss aud sub iat exp jti provider role groups email_verified) ],
    'and no other claim');
is($claims->{exp} - $claims->{iat}, 60, 'for a minute');

for my $odd ('a"b\\c', "\xc3\xa4 \xe2\x82\xac", '</script>', '1') {
    my $token = token({ sub => $odd });

    is(claims(told('/', $token)->[0])->{sub}, Encode::decode('UTF-8', $odd),
        "user $odd");
}

my ($short) = @{ told('/', token({ exp => time + 20 })) };

cmp_ok(claims($short)->{exp}, '<=', time + 20, 'never longer than the token');

is(claims(told('/other/', token({ iss => 'https://other.test' }))->[0])
        ->{provider}, 'other', 'alice of another issuer is another one');

# signed once, for each user another one

my ($first, $again) = map { told('/', $alice)->[0] } 1, 2;
my ($bob) = @{ told('/', token({ sub => 'bob' })) };

is($again, $first, 'the same token, the same assertion');
is(claims($bob)->{sub}, 'bob', 'another token, another one');
isnt(claims($bob)->{jti}, claims($first)->{jti}, '... of another id');
isnt(told('/', token({ jti => 'x' }))->[0], $first, 'by the token, not by the user');

my ($rsa) = @{ told('/rsa/', $alice) };

ok(wait_until(sub { told('/rsa/', $alice)->[0] ne $rsa }, 20),
    'it is renewed when half of its life is over');
cmp_ok(claims(told('/rsa/', $alice)->[0])->{exp}, '>', claims($rsa)->{exp},
    '... for longer');

# many users at once push each other out, and get no other's

my @many = map { token({ sub => "user$_" }, alg => 'EdDSA') } 1 .. 60;

for my $round (1, 2) {
    my $wrong = grep {
        claims(told('/', $many[$_])->[0])->{sub} ne 'user' . ($_ + 1)
    } 0 .. $#many;

    is($wrong, 0, "60 users, round $round");
}

# nobody else can send one, in any spelling

for my $name ('X-Identity', 'x-identity', 'X_Identity', 'X.Identity') {
    is_deeply(told('/', $alice, $name, $name => 'forged'),
        $name =~ /^x-identity$/i ? [ told('/', $alice)->[0] ] : [],
        "a client's $name is not passed on");
    is_deeply(told($_, undef, $name, $name => 'forged'), [],
        "... nor at $_, where no token is asked for")
        for '/open/', '/off/', '/trial/';
}

is_deeply(told('/none/', $alice), [], 'none where it is off');
is_deeply(told('/none/', $alice, 'X-Identity', 'X-Identity' => 'forged'), [],
    '... nor a forged one');

# nothing is signed without a verified token

my @bad = (undef, token({ exp => time - 9 }), token({}, kid => 'ec2'),
    token({ iss => 'https://other.test' }), $alice =~ s/.$//r, 'x');

for my $token (@bad) {
    is(told('/', $token), undef, 'refused');
    is_deeply(told('/trial/', $token), [], '... in dry run without one');
}

is_deeply(told('/refused', $alice), [], 'the page of a refusal has none');
ok($backend->count, '... and comes from the backend');

# what does not fit is refused, and not half said

my $large = token({ role => [ map { "role-$_-" . 'x' x 50 } 1 .. 90 ] });

is(told('/', $large), undef, 'claims that do not fit are refused');
ok($t->logged(qr/make a token of more than \d+ bytes/), '... in the log');
is(scalar @{ told('/rsa/', $large) }, 1, '... where they are not passed on, not');

# rotation: the old key is published on, and what it signed stays good

$t->configure(http => $http =~ s/key_file \S+ec\.pem/key_file $dir\/old.pem/r
        =~ s/publish_file \S+/publish_file $dir\/ec.pem;/r);
ok($t->reload, 'the other key signs');

my ($new) = @{ told('/', $alice) };
my $said = by('/usr/bin/python3', 'verify.py',
    { jwks => keys_of('ec'), tokens => [ $new, $first ] });

isnt($new, $first, 'the new key is used at once');
is($said->[$_]{sub}, 'alice', 'both are good') for 0, 1;
ok(!grep({ $_->{d} } @{ keys_of('ec')->{keys} }),
    'of a private key that is published the public half is');

# a session that waits for a factor is nobody's yet; a complete one is

my $cookie = [ 'Set-Cookie' => 'sid=app; Path=/' ];

my $s = Tradesec::Test->new(
    stopped => 1,
    backend => {
        'POST /first' => {
            status  => 303,
            headers => [ @$cookie, Location => '/otp' ],
        },
        'POST /otp' => { status => 303, headers => [ @$cookie ] },
    },
    http => <<~"CONF" . identity('i'),
        tradesec_zone zone=state:1m;
        tradesec_session portal {
            secret_file %%DIR%%/secret; app_cookie sid;
        }
        proxy_ignore_client_abort on;
        CONF
    server => <<~'CONF',
        tradesec on; tradesec_origin off;
        tradesec_jwt portal; tradesec_identity_token i;

        location / { proxy_pass http://%%BACKEND%%; }
        location = /first {
            tradesec_jwt           off;
            tradesec_login         account=form:user success=cookie:sid;
            tradesec_session_login portal pending=header:Location=/otp;
            proxy_pass             http://%%BACKEND%%;
        }
        location = /otp {
            tradesec_jwt           portal:pending;
            tradesec_login         account=user success=cookie:sid counter=otp;
            tradesec_session_login portal;
            proxy_pass             http://%%BACKEND%%;
        }
        CONF
);

$s->write_file('secret', 'x' x 64);
$s->start;

my $jar = '';

for my $step ([ '/first', 'user=alice' ], [ '/otp', 'code=1' ]) {
    my $r = $s->post(@$step, Cookie => $jar,
        'Content-Type' => 'application/x-www-form-urlencoded');

    is($r->status, 303, "$step->[0] passes");
    is($s->backend->last->header('X-Identity'), undef,
        '... and says nothing of who it is');

    $jar = join '; ', 'sid=app',
        map {/^(__Host-[^;]+)/} $r->headers('Set-Cookie');
}

is($s->get('/', Cookie => $jar)->status, 200, 'the session is complete');

my $of_session = claims($s->backend->last->header('X-Identity'));

is($of_session->{sub}, 'alice', '... and the backend knows whose');
is($of_session->{provider}, 'portal', '... from a session of the gateway');

# mistakes

my %wrong = (
    'issuer a;'                       => qr/must have "issuer", "audience" and "key_file"/,
    "key_file $dir/weak.pem;"         => qr/fewer than 2048/,
    "key_file $dir/p384.pem;"         => qr/write a PEM file with a private/,
    "key_file $dir/secp256k1.pem;"    => qr/write a PEM file with a private/,
    "key_file $dir/old.pub;"          => qr/no such key in it/,
    "key_file $dir/locked.pem;"       => qr/asks for a passphrase/,
    "key_file $dir/nothing.pem;"      => qr/nothing\.pem/,
    "publish_file $dir/weak.pem;"     => qr/fewer than 2048/,
    "publish_file $dir/ec.pem;"       => qr/"publish_file" has a key that is there already/,
    'lifetime 9s;'                    => qr/"lifetime" must be from 10s to 10m/,
    'lifetime 11m;'                   => qr/"lifetime" must be from 10s to 10m/,
    'header Cookie;'                  => qr/"header" must name a header of its own/,
    'header X_Identity;'              => qr/"header" must name a header of its own/,
    'claim sub;'                      => qr/"claim" cannot be a claim that the gateway sets/,
    'claim role iss;'                 => qr/"claim" cannot be a claim that the gateway sets/,
    'claim /realm/roles;'             => qr/needs the name of a claim/,
    'claim a; claim b a;'             => qr/has a name that is there already/,
    'isuer x;'                        => qr/did you mean "issuer"\?/,
    'issuer a b;'                     => qr/invalid number of arguments in "issuer"/,
    'audience a; audience b;'         => qr/"audience" is duplicate/,
);

for my $lines (sort keys %wrong) {
    my $block = $lines eq 'issuer a;' ? "tradesec_identity i { $lines }"
        : identity('i', $lines);

    config_refused({ http => $block }, $wrong{$lines}, $lines);
}

config_refused({ http => identity('i') . identity('i') },
    qr/duplicate identity "i"/, 'twice');
config_refused({ http => identity('i'), server => $_ },
    qr/unknown identity "j": there is no "tradesec_identity j"/, $_)
    for 'tradesec_identity_token j;', 'location / { tradesec_identity_jwks j; }';
config_refused({ http => identity('i'),
        server => 'tradesec on; location / { tradesec_identity_token i; }' },
    qr/there is no "tradesec_jwt" that verifies it/, 'without a token');
config_accepted({ http => identity('i'),
        server => 'tradesec on; tradesec_identity_token i;' },
    'a server without a token');

done_testing();


# RFC 7638, by another library.

sub thumbprint {
    my ($file) = @_;

    require Crypt::PK::ECC;

    return Crypt::PK::ECC->new($file)->export_key_jwk_thumbprint('SHA256');
}
