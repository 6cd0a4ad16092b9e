#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# nginx moves a request into the block of an "if" or a "limit_except", which
# is a location of its own. What the location around it promises holds there,
# too, also what locations do not inherit from each other.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use Tradesec::Test;
use Tradesec::Test::Token qw(jwks provider token);


my $IF = 'if ($arg_x) { set $x 1; }';

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    workers    => 1,
    access_log => '$uri $tradesec_reason',
    http       => join('', "tradesec_zone zone=state:4m;\n",
        provider('portal', 'issuer https://idp.test;', 'max_lifetime 2h;'),
        <<~'CONF'),
        tradesec_identity app {
            issuer   https://gateway.test;
            audience app;
            key_file %%DIR%%/identity.key;
        }
        CONF
    server => <<~"CONF");
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;

        location / { proxy_pass http://%%BACKEND%%; }

        location /operators/ {
            tradesec_jwt off;
            tradesec_public on;

            location = /operators/revocations {
                tradesec_revocations allow=192.0.2.1;
                $IF
            }
            location = /operators/posture {
                tradesec_posture allow=192.0.2.1;
                $IF
            }
            location = /operators/sockets {
                tradesec_websockets allow=192.0.2.1;
                $IF
            }
        }

        location /mine/ {
            tradesec_jwt off;

            location = /mine/revocations {
                tradesec_revocations allow=127.0.0.1;
                limit_except GET { allow 127.0.0.1; deny all; }
                $IF
            }
            location = /mine/posture {
                tradesec_posture allow=127.0.0.1;
                $IF
            }
            location = /mine/sockets {
                tradesec_websockets allow=127.0.0.1;
                $IF
            }
            location = /mine/locks {
                tradesec_public on;
                tradesec_login_locks;
                limit_except GET { allow 127.0.0.1; deny all; }
                $IF
            }
            location = /mine/jwks {
                tradesec_identity_jwks app;
                $IF
            }
        }

        location = /logout {
            tradesec_revoke token;
            limit_except GET { allow 127.0.0.1; deny all; }
            $IF
            proxy_pass http://%%BACKEND%%;
        }

        location = /asks {
            auth_request /auth;
            proxy_pass http://%%BACKEND%%;
        }
        location = /auth {
            internal;
            tradesec_require role=machine;
            $IF
            proxy_pass http://%%BACKEND%%;
        }

        location = /sent {
            tradesec_jwt off;
            tradesec_public on;
            try_files /nothing \@named;
        }
        location \@named {
            tradesec_jwt off;
            $IF
            proxy_pass http://%%BACKEND%%;
        }
    CONF

$t->write_file('portal.jwks', jwks());
system('openssl ecparam -name prime256v1 -genkey -noout -out '
        . $t->dir . '/identity.key') == 0 or die;
$t->start;


# operators

for my $what (qw(revocations posture sockets)) {
    is($t->get("/operators/$what")->status, 403, "$what: for operators only");
    is($t->get("/operators/$what?x=1")->status, 403, '... in an "if", too');
    is($t->post("/operators/$what?x=1", 'all=on')->status, 403, '... by POST');
}

for my $what (qw(revocations posture sockets locks jwks)) {
    my $r = $t->get("/mine/$what?x=1");

    is($r->status, 200, "$what answers in an \"if\"");
    ok(eval { decode_json($r->body) }, '... what it has to');
}

is($t->post('/mine/revocations', 'freeze=on')->status, 200,
    'orders in a "limit_except"');
is($t->post('/logout', '')->status, 503, '... are carried out');
is($t->post('/mine/revocations?x=1', 'freeze=off')->status, 200,
    'who has frozen can lift it in an "if"');

is($t->request('DELETE', "/mine/locks$_")->status, 400,
    "an order that is none, \"$_\"") for '', '?x=1';


# what a logout ends

sub ends {
    my ($method, $uri, $title) = @_;

    my $token = token({ jti => $title });
    my @fields = (Authorization => "Bearer $token");

    is($t->get('/', @fields)->status, 200, "$title: a good token");
    is($t->request($method, $uri, undef, @fields)->status, 200, '... and a logout');
    is($t->get('/', @fields)->status, 401, '... revoke it');
}

ends('GET',  '/logout',     'in the location');
ends('GET',  '/logout?x=1', 'in an "if"');
ends('POST', '/logout',     'in a "limit_except"');
ends('POST', '/logout?x=1', 'in an "if" behind it');


# locations that only nginx leads to

my @alice = (Authorization => 'Bearer ' . token());

is($t->get('/asks', @alice)->status, 200, 'auth_request asks an internal one');
is($t->get('/asks?x=1', @alice)->status, 200, '... also in its "if"');
is($t->get('/auth?x=1', @alice)->status, 404, '... which nobody else reaches');

for my $uri ('/sent', '/sent?x=1') {
    is($t->post($uri, '')->status, 200, "$uri goes on in a named location");
}

done_testing;
