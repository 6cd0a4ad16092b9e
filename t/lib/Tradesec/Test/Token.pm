package Tradesec::Test::Token;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use Crypt::PK::Ed25519;
use Crypt::PK::RSA;
use Exporter qw(import);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);

our @EXPORT_OK = qw(bearer compact jwks pem provider token);

# One key of each kind for the whole test file, made by another library than
# the one that verifies.

my $SECRET = '0123456789abcdef0123456789abcdef';

my %MAKE = (
    rsa => sub { my $k = Crypt::PK::RSA->new; $k->generate_key(256); $k },
    ec  => sub {
        my $k = Crypt::PK::ECC->new;
        $k->generate_key('secp256r1');
        $k;
    },
    ed     => sub { Crypt::PK::Ed25519->new->generate_key },
    secret => sub { \$SECRET },
);

my %KIND = (
    RS => 'rsa', PS => 'rsa', ES => 'ec', Ed => 'ed', HS => 'secret'
);

my %keys;


sub key {
    my ($kid) = @_;

    my ($kind) = $kid =~ /^([a-z]+)/;

    return $keys{$kid} //= $MAKE{$kind}->();
}


# A token of alice for an hour, unless the claims say otherwise; undef leaves
# a claim out.

sub token {
    my ($claims, %opt) = @_;

    my %claims = (
        iss => 'https://idp.test',
        aud => 'portal',
        sub => 'alice',
        iat => time,
        exp => time + 3600,
        %{ $claims // {} },
    );

    delete @claims{ grep { !defined $claims{$_} } keys %claims };

    my $alg = $opt{alg} // 'ES256';
    my $kid = $opt{kid} // $KIND{ substr $alg, 0, 2 };
    my $key = $opt{key} // key($kid);

    return encode_jwt(
        payload       => JSON::PP->new->canonical->encode(\%claims),
        alg           => $alg,
        key           => ref $key eq 'SCALAR' ? $$key : $key,
        extra_headers => {
            typ => 'JWT',
            kid => $kid,
            %{ $opt{header} // {} },
        },
    );
}


# Any three parts, signed with the shared secret unless a signature is given.

sub compact {
    my ($header, $payload, $signature) = @_;

    my $input = join '.', map { encode_base64url($_) } $header, $payload;

    require Digest::SHA;
    $signature //= Digest::SHA::hmac_sha256($input, $SECRET);

    return "$input." . encode_base64url($signature);
}


sub jwks {
    my (@kids) = @_;

    my @keys;

    for my $kid (@kids ? @kids : qw(rsa ec ed)) {
        my $key = key($kid);

        push @keys, {
            ref $key eq 'SCALAR'
                ? (kty => 'oct', k => encode_base64url($$key))
                : %{ $key->export_key_jwk('public', 1) },
            kid => $kid,
        };
    }

    return JSON::PP->new->canonical->encode({ keys => \@keys });
}


sub pem {
    my ($kid) = @_;

    return key($kid)->export_key_pem(
        $kid =~ /^rsa/ ? 'public_x509' : 'public');
}


# The block of a provider whose keys the test writes to %%DIR%%/NAME.jwks, unless
# a line says where they are.

sub provider {
    my ($name, @lines) = @_;

    my %given = map { /^(\w+)/ ? ($1 => 1) : () } @lines;

    unshift @lines, 'algorithms RS256 PS256 ES256 EdDSA;'
        unless $given{algorithms};
    unshift @lines, "jwks_file %%DIR%%/$name.jwks;"
        unless grep { $given{$_} } qw(jwks_file pem_file secret_file jwks_uri);

    return join "\n        ", "    tradesec_jwt_provider $name {", @lines,
        "}\n";
}


sub bearer { return (Authorization => "Bearer $_[0]") }


1;

__END__

=head1 NAME

Tradesec::Test::Token - keys and tokens for tests, by Crypt::JWT

=head1 SYNOPSIS

    use Tradesec::Test::Token qw(jwks provider token);

    my $t = Tradesec::Test->new(
        stopped => 1,
        http    => provider('portal', 'issuer https://idp.test;'),
        server  => 'tradesec on; tradesec_jwt portal; ...',
    );

    $t->write_file('portal.jwks', jwks());
    $t->start;

    $t->get('/', Authorization => 'Bearer ' . token({ sub => 'bob' }));

=head1 FUNCTIONS

=over

=item token(\%claims, alg => 'ES256', kid => 'ec', header => {}, key => $key)

a token of alice from C<https://idp.test> for C<portal>, good for an hour;
other claims replace these, undef leaves one out. A kid is a kind of key
(C<rsa>, C<ec>, C<ed>, C<secret>), with anything behind it for another key of
the kind.

=item compact($header, $payload, $signature)

any bytes as a token, signed with the shared secret by default

=item jwks(@kids), pem($kid)

the public keys; the shared secret is the kid C<secret>

=item provider($name, @lines)

the block tradesec_jwt_provider, with keys from C<%%DIR%%/$name.jwks> unless a
line says where they are

=item bearer($token)

the header field of a request that brings it

=back

=cut
