#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# An app that says in JSON who has logged in, and whether another factor
# follows: the session is of whom the answer names, or there is none.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64url);
use Test::More;

use Tradesec::Test qw(config_accepted config_refused);


my %bodies = (
    string    => '{"user":{"id":"u-17","name":"Al"},"token":"x"}',
    number    => '{"user":{"id":4711}}',
    escaped   => '{"user":{"id":"\u0061l\u00e9"}}',
    later     => '{"user":{"id":"u-18"},"mfa":{"required":true}}',
    done      => '{"user":{"id":"u-19"},"mfa":{"required":false}}',
    missing   => '{"user":{"name":"admin"}}',
    other     => '{"User":{"id":"admin"}}',
    null      => '{"user":{"id":null}}',
    true      => '{"user":{"id":true}}',
    list      => '{"user":{"id":["admin"]}}',
    real      => '{"user":{"id":1.5}}',
    empty     => '{"user":{"id":""}}',
    control   => '{"user":{"id":"a\u0001"}}',
    space     => '{"user":{"id":" admin"}}',
    twice     => '{"user":{"id":"a","id":"admin"}}',
    behind    => '{"user":{"id":"a"}}{"user":{"id":"admin"}}',
    cut       => '{"user":{"id":"a"}',
    html      => '<p>welcome</p>',
    nothing   => '',
    long      => '{"user":{"id":"' . 'a' x 257 . '"}}',
    large     => '{"user":{"id":"a"},"x":"' . 'x' x 17000 . '"}',
);

my %answers = map {
    my $body = $bodies{$_};
    ("/$_" => { body => $body, headers => [
        'Content-Type' => 'application/json', 'Set-Cookie' => 'sid=app; Path=/' ]
    })
} keys %bodies;

my $seen = { %{ $answers{'/string'} } };

my $t = Tradesec::Test->new(
    stopped => 1,
    backend => {
        %answers,
        '/gzip'  => { %$seen, headers => [ @{ $seen->{headers} },
            'Content-Encoding' => 'gzip' ] },
        '/wrong' => { %$seen, status => 401 },
        '/otp'   => { body => '{"mfa":{"required":false}}',
            headers => [ 'Set-Cookie' => 'sid=app; Path=/' ] },
        '/oauth/callback' => sub {
            $_[0]->uri =~ /code=good/
                ? { status => 302, headers => [ Location => '/',
                    'X-Account' => 'u-20', 'Set-Cookie' => 'sid=app; Path=/' ] }
                : 401;
        },
        '/sign-up' => { %$seen, status => 201 },
        '/reset'   => sub {
            my $good = $_[0]->body =~ /"token":"good"/ ? 'true' : 'false';

            return { %$seen, body => qq({"ok":$good,"user":{"id":"u-21"}}) };
        },
        '/me'    => sub { { body => $_[0]->header('X-User') // 'nobody' } },
    },
    http => <<'CONF',
    tradesec_zone zone=tradesec:1m;

    tradesec_session portal {
        secret_file  %%DIR%%/secret;
        app_cookie   sid;
        header       X-User sub;
    }

    proxy_ignore_client_abort on;
CONF
    server => <<'CONF');
    tradesec on;
    tradesec_jwt portal;
    tradesec_origin off;

    location / {
        tradesec_jwt           off;
        tradesec_login         account=json:/username success=cookie:sid
                               failure=401;
        tradesec_session_login portal user=json:/user/id;
        proxy_pass             http://%%BACKEND%%;
    }

    location /mfa/ {
        tradesec_jwt           off;
        tradesec_login         account=json:/username success=cookie:sid
                               failure=401 counter=mfa;
        tradesec_session_login portal user=json:/user/id
                               pending=json:/mfa/required=true
                               pending=status:200;
        proxy_pass             http://%%BACKEND%%/;
    }

    location = /otp {
        tradesec_jwt           portal:pending;
        tradesec_login         account=user success=status:200 counter=otp;
        tradesec_session_login portal pending=json:/mfa/required=true;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /me { proxy_pass http://%%BACKEND%%; }

    location = /oauth/callback {
        tradesec_jwt           off;
        tradesec_safe_methods  none;
        tradesec_login         account=none success=cookie:sid counter=oauth;
        tradesec_session_login portal user=header:X-Account;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /strict/callback {
        tradesec_jwt           off;
        tradesec_origin        http://localhost;
        tradesec_safe_methods  none;
        tradesec_login         account=none success=cookie:sid counter=oauth;
        tradesec_session_login portal user=header:X-Account;
        proxy_pass             http://%%BACKEND%%/oauth/callback;
    }

    location = /sign-up {
        tradesec_jwt           off;
        tradesec_login         account=json:/email success=status:201
                               counter=sign-up;
        tradesec_session_login portal user=json:/user/id;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /reset {
        tradesec_jwt           off;
        tradesec_login         account=none success=json:/ok=true counter=reset;
        tradesec_session_login portal user=json:/user/id;
        proxy_pass             http://%%BACKEND%%;
    }
CONF

$t->write_file('secret', 'k' x 32);
$t->start;

sub log_in {
    my ($uri, @more) = @_;

    return $t->post($uri, '{"username":"admin"}',
        'Content-Type' => 'application/json', @more);
}

sub session {
    my ($r) = @_;

    my ($token) = map { /^__Host-portal=([^;]+)/ ? $1 : () }
        $r->headers('Set-Cookie');

    return $token;
}

sub user {
    my ($r) = @_;

    my $token = session($r) // return;

    return decode_json(decode_base64url((split /\./, $token)[1]))->{sub};
}

sub me {
    my ($token) = @_;

    return $t->get('/me', Cookie => "sid=app; __Host-portal=$token");
}

# whom the answer names, and not who was sent

my $r = log_in('/string');

is(user($r), 'u-17', 'a string');
is($r->body, $bodies{string}, 'the client gets the body');
is(me(session($r))->body, 'u-17', 'and is that user');
is(user(log_in('/number')), '4711', 'a number');
is(user(log_in('/escaped')), "al\x{e9}", 'escapes');
is(user(log_in('/string', 'Accept-Encoding' => 'gzip', Range => 'bytes=0-9')),
    'u-17', 'the backend is asked for the whole body in clear');

# or nobody

for my $name (qw(missing other null true list real empty control space twice
    behind cut html nothing long large gzip))
{
    $r = log_in("/$name");
    is($r->status, 200, "$name: the app's answer stands");
    is($r->cookie('sid'), 'app', 'its cookie too');
    is(session($r), undef, 'there is no session');
}

ok($t->logged(qr/no session "portal" after a successful login:.*user/),
    'which is logged');
is(session(log_in('/wrong')), undef, 'a failure');
is($t->get('/me', Cookie => 'sid=app')->status, 401,
    'the app\'s own cookie opens nothing');

# another factor, by the body

$r = log_in('/mfa/done');
is(user($r), 'u-19', 'none follows');
is(me(session($r))->status, 200, 'the session is open');

$r = log_in('/mfa/later');
is(user($r), 'u-18', 'one follows');
is(me(session($r))->status, 401, 'the session waits');

$r = $t->post('/otp', 'code=1',
    Cookie => 'sid=app; __Host-portal=' . session($r));
is(user($r), 'u-18', 'it is completed');
is(me(session($r))->status, 200, 'and open');

for my $name (qw(twice cut html nothing large)) {
    is(session(log_in("/mfa/$name")), undef,
        "$name: whether one follows cannot be told");
}

# wherever else the app logs somebody in

is(user($t->get('/oauth/callback?code=good')), 'u-20', 'a callback of OAuth');
my @from_idp = ('Sec-Fetch-Site' => 'cross-site',
    'Sec-Fetch-Mode' => 'navigate', Referer => 'https://idp.test/');

is(user($t->get('/oauth/callback?code=good', @from_idp)), 'u-20',
    'to which another site leads');
is($t->get('/strict/callback?code=good', @from_idp)->status, 403,
    'unless tradesec_origin is asked, which takes it for a foreign form');
is(session($t->get('/oauth/callback?code=bad')), undef, 'with a code that is none');
is(user($t->post('/sign-up', '{"email":"new@a.test"}',
    'Content-Type' => 'application/json')), 'u-17', 'a sign-up');
is(user($t->post('/reset', '{"token":"good"}')), 'u-21', 'a reset');
is(session($t->post('/reset', '{"token":"bad"}')), undef, 'with a link that is none');

# configuration

my %http = (http => 'tradesec_zone zone=z:1m; tradesec_session app {'
    . 'app_cookie sid; secret_file ' . $t->dir . '/secret; }');

for my $case (
    [ 'user=json:id', qr/invalid parameter "user=json:id"/ ],
    [ 'user=json:', qr/invalid parameter "user=json:"/ ],
    [ 'user=json:/a user=json:/b', qr/invalid parameter "user=json:\/b"/ ],
    [ 'user=json:/a user=header:x', qr/invalid parameter "user=header:x"/ ],
    [ 'pending=json:mfa', qr/invalid parameter "pending=json:mfa"/ ],
) {
    my ($text, $expected) = @$case;

    config_refused({ %http, server => 'tradesec on; location / {'
        . 'tradesec_login account=none success=status:200;'
        . "tradesec_session_login app $text; }" }, $expected, "refused: $text");
}

config_accepted({ %http, server => 'tradesec on; location / {'
    . 'tradesec_login account=none success=status:200;'
    . 'tradesec_session_login app user=json:/a/b pending=json:/c; }' },
    'both are fine');

done_testing();
