package Attack::Tokens;

# Copyright (C) the ngx_tradesec authors
#
# Becoming somebody else without a password. The prize is the page for
# administrators.

use v5.36;

use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(encode_base64url);


sub _admin ($target, @headers) {
    my $r = $target->get('/admin', @headers);

    return $r->status == 200 && $r->body =~ /Accounts/;
}


sub _cookie ($token) { return (Cookie => "access_token=$token") }


sub _claims ($target, %claims) {
    return { %{ $target->claims('alice') }, sub => 'admin',
        user_id => 'admin', role => 'admin', %claims };
}


# Three parts put together by hand, where no library would.

sub _compact ($header, $claims, $signature = '') {
    return join '.', encode_base64url(encode_json($header)),
        encode_base64url(encode_json($claims)), $signature;
}


sub _signed ($target, $key, $alg = 'ES256', %header) {
    return encode_jwt(alg => $alg, key => $key, payload => _claims($target),
        extra_headers => { kid => 'portal-1', typ => 'JWT', %header });
}


sub _own_key () {
    my $key = Crypt::PK::ECC->new;

    $key->generate_key('secp256r1');

    return $key;
}


# A token that was copied, after its owner has logged out; what the browser
# was told is in the answer.

sub _log_out ($target, $token) {
    my $r = $target->post('/logout', '', _cookie($token),
        Origin => $target->origin);

    return $r->status == 303 && !length($r->cookie('access_token') // '');
}


sub _logout_rows () {
    my $new = sub ($target) {
        return $target->log_in('alice')->cookie('access_token');
    };

    my @twin = ('token of another browser of the same user', sub ($target) {
        my ($token, $other) = map { $new->($target) } 1, 2;

        return _log_out($target, $token)
            && $target->whoami(_cookie($other)) eq 'alice';
    });

    my $after = sub ($with) {
        return sub ($target) {
            my $token = $new->($target);

            return $target->whoami($with->($token)) eq 'alice'
                && _log_out($target, $token)
                && $target->whoami($with->($token)) eq 'alice';
        };
    };

    return (
        [ 'token copied before the logout' => $after->(\&_cookie), @twin ],

        [ 'token copied before the logout, as Bearer' => $after->(sub ($token) {
            return (Authorization => "Bearer $token");
        }), @twin ],
    );
}


# A refresh token that was copied: used by the thief after its owner, or before.

sub _refresh ($target, $token) {
    return $target->post('/api/refresh', { refresh_token => $token },
        Origin => $target->origin);
}


# Whoever comes late, again and again, until it is decided.

sub _late ($target, $token) {
    for (1 .. 40) {
        my $r = _refresh($target, $token);

        return $r if $r->status != 409;
        select undef, undef, undef, 0.5;
    }

    return;
}


sub _refresh_rows () {
    my $new = sub ($target) {
        return $target->log_in('alice')->json->{refresh_token};
    };

    my @twin = ('each refresh token once', sub ($target) {
        my $token = $new->($target);

        for (1 .. 3) {
            my $r = _refresh($target, $token);

            return 0 if $r->status != 200;
            $token = $r->json->{refresh_token};
        }

        return 1;
    });

    return (
        [ 'refresh token used again by a thief' => sub ($target) {
            my $token = $new->($target);

            return _refresh($target, $token)->status == 200
                && _late($target, $token)->status == 200;
        }, @twin ],

        [ 'thief uses the refresh token first' => sub ($target) {
            my $token = $new->($target);
            my $stolen = _refresh($target, $token)->json;

            # its owner comes, and is refused or not

            _late($target, $token);

            return $target->whoami(_cookie($stolen->{access_token})) eq 'alice'
                && _refresh($target, $stolen->{refresh_token})->status == 200;
        }, @twin ],
    );
}


# The older pages: an opaque cookie that was stolen, from a backup of the app,
# say, and what else the browser has.

sub _classic ($target, $name) {
    my $r = $target->post('/classic/login',
        "username=$name&password=$target->{users}{$name}",
        Origin => $target->origin);

    return { map { /^([^=]+)=([^;]*)/ ? ($1 => $2) : () }
        $r->headers('Set-Cookie') };
}


sub _classic_user ($target, $cookies) {
    my $r = $target->get('/classic/account',
        Cookie => join '; ', map {"$_=$cookies->{$_}"} sort keys %$cookies);

    return $r->status == 200 ? $r->json->{user} : '';
}


sub _session_rows () {
    my @twin = ('all cookies of the browser', sub ($target) {
        return _classic_user($target, _classic($target, 'alice')) eq 'alice';
    });

    return (
        [ 'stolen session cookie of the app' => sub ($target) {
            my $cookies = _classic($target, 'alice');

            return _classic_user($target,
                { portal_session => $cookies->{portal_session} }) eq 'alice';
        }, @twin ],

        [ 'stolen cookie beside a session of his own' => sub ($target) {
            my $cookies = _classic($target, 'alice');
            my $own = _classic($target, 'bob');

            return _classic_user($target, { %$own,
                portal_session => $cookies->{portal_session} }) eq 'alice';
        }, @twin ],
    );
}


sub rows () {
    my @twin = ('token of the administrator', sub ($target) {
        return _admin($target, $target->as('admin'));
    });

    my @bearer = ('token as Bearer', sub ($target) {
        return _admin($target,
            Authorization => 'Bearer ' . $target->token('admin'));
    });

    my @user = ('user named by his own token', sub ($target) {
        return $target->whoami($target->as('alice')) eq 'alice';
    });

    return (
        [ 'token with alg none' => sub ($target) {
            return _admin($target, _cookie(_compact({ alg => 'none' },
                _claims($target))));
        }, @twin ],

        [ 'token with alg nOnE and a key id' => sub ($target) {
            return _admin($target, _cookie(_compact({ alg => 'nOnE',
                kid => 'portal-1' }, _claims($target), 'AAAA')));
        }, @twin ],

        [ 'token without its signature' => sub ($target) {
            return _admin($target, _cookie(_compact({ alg => 'ES256',
                kid => 'portal-1' }, _claims($target))));
        }, @twin ],

        [ 'claims changed, signature kept' => sub ($target) {
            my ($header, undef, $signature) = split /\./,
                $target->token('alice');

            return _admin($target, _cookie(join '.', $header,
                encode_base64url(encode_json(_claims($target))), $signature));
        }, @twin ],

        [ 'signed with a key of the attacker' => sub ($target) {
            return _admin($target, _cookie(_signed($target, _own_key())));
        }, @twin ],

        [ 'attacker\'s key inside the token' => sub ($target) {
            my $key = _own_key();

            return _admin($target, _cookie(_signed($target, $key, 'ES256',
                jwk => $key->export_key_jwk('public', 1))));
        }, @twin ],

        [ 'public key used as an HMAC secret' => sub ($target) {
            my $jwk = decode_json($target->jwks)->{keys}[0];
            my $pem = Crypt::PK::ECC->new($jwk)->export_key_pem('public');

            return _admin($target, _cookie(_signed($target, $pem, 'HS256')));
        }, @twin ],

        [ 'all-zero ECDSA signature' => sub ($target) {
            return _admin($target, _cookie(_compact({ alg => 'ES256',
                kid => 'portal-1' }, _claims($target),
                encode_base64url("\0" x 64))));
        }, @twin ],

        [ 'forged token as Bearer' => sub ($target) {
            return _admin($target, Authorization => 'Bearer '
                . _signed($target, _own_key()));
        }, @bearer ],

        [ 'forged token behind a good one' => sub ($target) {
            return _admin($target, Cookie => $target->session('alice')
                . '; access_token=' . _signed($target, _own_key()));
        }, @twin ],

        [ 'forged token in a second Cookie header' => sub ($target) {
            return _admin($target, Cookie => $target->session('alice'),
                _cookie(_signed($target, _own_key())));
        }, @twin ],

        [ 'forged cookie beside a good Bearer' => sub ($target) {
            return _admin($target, _cookie(_signed($target, _own_key())),
                Authorization => 'Bearer ' . $target->token('alice'));
        }, @bearer ],

        [ 'administrator named in X-User, no token' => sub ($target) {
            return _admin($target, 'X-User' => 'admin');
        }, @user ],

        [ 'bob named in X-User, token of alice' => sub ($target) {
            return $target->whoami($target->as('alice'), 'X-User' => 'bob')
                eq 'bob';
        }, @user ],

        [ 'bob named in x-USER over HTTP/2' => sub ($target) {
            my $r = $target->client->h2(GET => '/api/account', undef,
                $target->as('alice'), 'x-USER' => 'bob');

            return ($r->json // {})->{user} eq 'bob';
        }, @user ],

        _logout_rows(),
        _refresh_rows(),
        _session_rows(),
    );
}


# What takes a token that only the portal can sign.

sub own_rows () {
    my @twin = ('token of the same shape, in time', sub ($target) {
        return $target->whoami(_cookie($target->mint(exp => time + 60)))
            eq 'alice';
    });

    my $with = sub (%claims) {
        return sub ($target) {
            return $target->whoami(_cookie($target->mint(%claims)))
                eq 'alice';
        };
    };

    return (
        [ 'token that has ended'       => $with->(exp => time - 60), @twin ],
        [ 'token that never ends'      => $with->(exp => undef), @twin ],
        [ 'token not valid yet'        => $with->(nbf => time + 600), @twin ],
        [ 'token of another issuer'    => $with->(iss => 'https://evil.test'),
            @twin ],
        [ 'token for another audience' => $with->(aud => 'newsletter'),
            @twin ],
    );
}


1;
