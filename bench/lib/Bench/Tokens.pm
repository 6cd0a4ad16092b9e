package Bench::Tokens;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use Crypt::PK::RSA;
use File::Path qw(make_path);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);

# Tokens of about 700 bytes, as identity providers issue them, and the files
# of their keys.

my $JSON = JSON::PP->new->canonical;
my $USER = 'f3b5c1de-0000-4000-8000-000000000000';


sub new {
    my ($class, $dir) = @_;

    make_path($dir);

    my $rsa = Crypt::PK::RSA->new;
    $rsa->generate_key(256);

    my $ec = Crypt::PK::ECC->new;
    $ec->generate_key('secp256r1');

    my $self = bless {
        dir  => $dir,
        keys => { RS => $rsa, ES => $ec, HS => '0123456789abcdef' x 2 },
        now  => time,
    }, $class;

    for my $kind (qw(RS ES HS)) {
        my $key = $self->{keys}{$kind};

        $self->_write("$kind.jwks", $JSON->encode({ keys => [ {
            ref $key ? %{ $key->export_key_jwk('public', 1) }
                : (kty => 'oct', k => encode_base64url($key)),
            kid => "the-only-$kind",
        } ] }));
    }

    return $self;
}


# The block of a tradesec_identity that signs with ES256.

sub identity {
    my ($self) = @_;

    $self->_write('identity.pem', $self->{keys}{ES}->export_key_pem('private'));

    return <<~"CONF";
        tradesec_identity bench {
            issuer https://gateway.test; audience app; lifetime 10m;
            key_file $self->{dir}/identity.pem; claim roles;
        }
        CONF
}


sub _write {
    my ($self, $name, $content) = @_;

    open my $file, '>:raw', "$self->{dir}/$name" or croak "$name: $!";
    print $file $content;
    close $file or croak "$name: $!";
}


sub provider {
    my ($self, $alg, %opt) = @_;

    my $kind = substr $alg, 0, 2;
    my $zone = $opt{cached} ? 'tradesec_zone zone=bench:16m' : '';

    if ($opt{revoked}) {
        $self->_write('state.revocations', _journal($opt{revoked}));
        $zone .= " state=$self->{dir}/state";
    }

    $zone .= ';' if $zone;

    return <<"CONF";
    $zone
    tradesec_jwt_provider portal {
        issuer     https://idp.bench.test/realms/trading;
        audience   portal;
        algorithms $alg;
        jwks_file  $self->{dir}/$kind.jwks;
        header     X-User-Id sub;
    }
CONF
}


# Tokens, sessions and users that are nobody's, as an earlier run of nginx
# would have left them.

sub _journal {
    my ($n) = @_;

    my $until = time + 86400;

    srand 1;

    return join '', "tradesec-state 1\n", 'key revocations ', '5a' x 16, "\n",
        map {
            sprintf "revoke %s%s 1000 %d\n",
                join('', map { sprintf '%03x', rand 4096 } 1 .. 5),
                qw(8 9 a)[$_ % 3], $until
        } 1 .. $n;
}


sub _sign {
    my ($self, $claims, $alg, $kid) = @_;

    my $kind = substr $alg, 0, 2;

    return encode_jwt(
        payload => $JSON->encode({
            iss   => 'https://idp.bench.test/realms/trading',
            aud   => [ 'portal', 'account' ],
            sub   => $USER,
            iat   => $self->{now},
            exp   => $self->{now} + 3600,
            roles => ['trader'],
            %$claims,
        }),
        alg           => $alg,
        key           => $self->{keys}{$kind},
        extra_headers => { typ => 'JWT', kid => $kid // "the-only-$kind" },
    );
}


# The i-th token; each has an id of its own.

sub token {
    my ($self, $i, $alg) = @_;

    return $self->{tokens}{$alg}[$i] //= $self->_sign(
        { jti => sprintf('%08d-1111-4000-8000-000000000000', $i) }, $alg);
}


sub user { return $USER }


sub bad {
    my ($self, $what) = @_;

    my $token = $self->token(0, 'RS256');

    return $self->_sign({ exp => $self->{now} - 10 }, 'RS256')
        if $what eq 'expired';
    return $self->_sign({}, 'RS256', 'another') if $what eq 'unknown-kid';
    return substr($token, 0, -1) . '=' if $what eq 'malformed';
    return substr($token, 0, -50) . '+' . substr($token, -49)
        if $what eq 'malformed-inside';

    substr($token, -10, 1) = substr($token, -10, 1) eq 'A' ? 'B' : 'A';

    return $token;
}

1;
