#!/usr/bin/perl

# Server-side includes: nginx asks neither its access phase nor ours whether a
# part of a page may be had, so whoever writes "include" into a page must not
# reach what the request for the page has not passed. With wait, set and stub,
# nested, in answers to POST, in answers that were held back, on error pages.

use v5.30;
use warnings;

use File::Temp ();
use MIME::Base64 qw(encode_base64);
use Test::More;

use Tradesec::Test qw(free_port wait_until);
use Tradesec::Test::Token qw(jwks provider token);


# The page that the query asks for, as a backend does that shows what users
# have written.

my %page;

sub answer {
    my ($request) = @_;

    my $uri = $request->uri;

    return { body => "[$uri " . ($request->header('X-User') // '') . ']' }
        if $uri !~ m{/page|/login};

    my ($name) = $uri =~ /\?(\w+)/;

    return {
        status  => $request->header('X-Status') // 200,
        headers => [ 'Content-Type' => 'text/html' ],
        body    => "<" . ($page{ $name // '' } // '') . ">",
    };
}

sub include {
    my ($uri, $more) = @_;

    return qq{<!--#include virtual="$uri" } . ($more // '') . ' -->';
}

my @OPERATED
    = map {"/operators/$_"} qw(locks revocations redis sockets posture);

my @KINDS = (
    [ plain => sub { include($_[0]) } ],
    [ wait  => sub { include($_[0], 'wait="yes"') } ],
    [ set   => sub {
        include($_[0], 'set="v"') . '<!--#echo var="v" encoding="none" -->' } ],
    [ stub  => sub { '<!--#block name="b" -->(stub)<!--#endblock -->'
                . include($_[0], 'stub="b"') } ],
    [ two   => sub {
        include('/internal/a') . include($_[0]) . include('/internal/b') } ],
    [ nested => sub { include("/nested/page?plain_$_[1]") } ],
);

my %target = (
    part     => '/part/x',
    token    => '/token/x',
    admin    => '/token/admin/x',
    effect   => '/effect/x',
    login    => '/guess/x',
    basic    => '/basic/x',
    nobody   => '/internal/x',
    closed   => '/closed/x',
    identity => '/identity.jwks',
    map { (m{(\w+)\z})[0] => $_ } @OPERATED
);

for my $kind (@KINDS) {
    my ($name, $make) = @$kind;

    $page{"${name}_$_"} = $make->($target{$_}, $_) for keys %target;
}

$page{echo} = '<!--#echo var="tradesec_user" -->|'
    . '<!--#echo var="tradesec_claim_role" -->|'
    . '<!--#if expr="$tradesec_user" -->yes<!--#else -->no<!--#endif -->|'
    . include('/part/x') . '<!--#echo var="tradesec_status" -->';

$page{many} = include('/part/x') x 60 . include('/token/x') x 60;

$page{welcome} = 'welcome ' . include('/internal/x') . include('/token/x');
$page{wrong}   = 'wrong ' . include('/internal/x', 'wait="yes"');


# what is welcome here, the backend has not said to a login
$page{part}    = 'welcome ' . include('/internal/x');
$page{pretend} = 'wrong ' . include('/internal/page?part');

$page{board} = include('/board/sockets');

my $dead = free_port();
my $key  = File::Temp->new;

print $key 'k' x 32;
close $key;

my $t = Tradesec::Test->new(
    backend => \&answer,
    stopped => 1,
    http    => <<~"CONF" . provider('portal'),
        tradesec_zone zone=tradesec:4m;
        tradesec_redis redis://127.0.0.1:$dead key_file=$key;
        tradesec_identity app {
            issuer https://gateway.test;
            audience app;
            key_file %%DIR%%/identity.pem;
        }
        tradesec_login_limit pair=5 account=1000 address=1000 accounts=0;
    CONF
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        ssi on;
        proxy_set_header X-User $tradesec_user;

        location / { proxy_pass http://%%BACKEND%%; }

        location = /page {
            tradesec_public on;
            proxy_pass http://%%BACKEND%%;
        }

        location /token/ {
            tradesec_jwt portal;
            proxy_pass http://%%BACKEND%%;

            location /token/admin/ {
                tradesec_require role=admin;
                proxy_pass http://%%BACKEND%%;
            }
        }

        location /effect/ {
            tradesec_safe_methods none;
            proxy_pass http://%%BACKEND%%;
        }

        location /guess/ {
            tradesec_safe_methods none;
            tradesec_login account=none success=status:200;
            proxy_pass http://%%BACKEND%%;
        }
        location /basic/ {
            tradesec_login account=basic success=status:200;
            proxy_pass http://%%BACKEND%%;
        }

        # an operator's own, and so is what it says about itself
        location /internal/ { internal; proxy_pass http://%%BACKEND%%; }

        # the page of a refusal
        location /closed/ {
            tradesec_methods POST;
            error_page 405 /page?two_token;
            proxy_pass http://%%BACKEND%%;
        }

        location = /login {
            tradesec_login account=form:u success=body:welcome
                failure=401;
            proxy_pass http://%%BACKEND%%;
        }

        location = /identity.jwks { tradesec_identity_jwks app; }

        location /operators/ {
            auth_basic operators;
            auth_basic_user_file %%DIR%%/passwords;

            location = /operators/locks { tradesec_login_locks; }
            location = /operators/revocations {
                tradesec_revocations allow=127.0.0.1;
            }
            location = /operators/redis {
                tradesec_redis_status allow=127.0.0.1;
            }
            location = /operators/sockets {
                tradesec_websockets allow=127.0.0.1;
            }
            location = /operators/posture {
                tradesec_posture allow=127.0.0.1;
            }
        }

        # what an operator has made for the pages of his own
        location = /board {
            allow 127.0.0.1;
            deny all;
            rewrite ^ /page?board break;
            proxy_pass http://%%BACKEND%%;
        }
        location = /board/sockets {
            internal;
            tradesec_websockets allow=127.0.0.1;
        }
    CONF

$t->write_file('portal.jwks', jwks('ec'));
$t->write_file('passwords', "operator:{PLAIN}password\n");
system("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "
    . $t->dir . '/identity.pem 2>/dev/null') == 0 or die 'openssl';
$t->start;

my $backend = $t->backend;

sub page {
    my ($uri, @fields) = @_;

    $backend->clear;

    return $t->get($uri, @fields);
}

my %ORDER = (operator => 'Basic ' . encode_base64('operator:password', ''));


# a part of the page that anybody may have, and what it looks like

my %WRAPPED = (
    two    => sub { "<[/internal/a ]$_[0]\[/internal/b ]>" },
    nested => sub { "<<$_[0]>>" },
);

sub shown {
    my ($kind, $text) = @_;

    return ($WRAPPED{$kind} // sub {"<$_[0]>"})->($text);
}

my $token = token({ sub => 'alice', role => 'admin' });
my @BEARER = (Authorization => "Bearer $token");

for my $kind (map { $_->[0] } @KINDS) {
    is(page("/page?${kind}_part")->body, shown($kind, '[/part/x ]'),
        "$kind: what the page may have");
    is(page("/page?${kind}_nobody")->body, shown($kind, '[/internal/x ]'),
        "$kind: an internal location");
    like(page("/page?${kind}_identity")->body, qr/<\{"keys":\[\{|\]\{"keys"/,
        "$kind: public keys");

    for my $what (qw(token admin effect login)) {
        unlike(page("/page?${kind}_$what")->body, qr{\[$target{$what}},
            "$kind: $what is refused");
        is($backend->count($target{$what}), 0, '... and not asked for');
    }

    is(page("/page?${kind}_token", @BEARER)->status, 200,
        "$kind: a token that nobody has looked at");
    is($backend->count($target{token}), 0, '... opens nothing');

    is(page("/page?${kind}_basic",
            Authorization => 'Basic dTpw')->status, 200,
        "$kind: a password");
    is($backend->count($target{basic}), 0, '... is not tried');

    # a page that has asked for the token

    is(page("/token/page?${kind}_token", @BEARER)->body,
        shown($kind, '[/token/x alice]') =~ s{(part/. )}{$1}gr,
        "$kind: what its reader may have")
        if $kind ne 'two' && $kind ne 'nested';
    unlike(page("/token/page?${kind}_admin", @BEARER)->body, qr{\[/token/admin},
        "$kind: what the page has not asked for");
    is($backend->count($target{admin}), 0, '... even from an administrator');
    is(page("/token/page?${kind}_token")->status, 401,
        "$kind: no page without a token");
    is($backend->count, 0, '... and nothing of it');

    # operators: subrequests are not asked for a password

    for my $uri (@OPERATED) {
        my ($name) = $uri =~ m{(\w+)\z};

        for my $fields ([], [ Authorization => $ORDER{operator} ]) {
            unlike(page("/page?${kind}_$name", @$fields)->body,
                qr/"(?:locks|room|workers|findings|entries)"/,
                "$kind: operators' $name is no part of a page");
        }
    }

    # an answer to POST

    my $r = $t->post("/page?${kind}_part", 'user=x&freeze=on');
    is($r->body, shown($kind, '[/part/x ]'), "$kind: in an answer to POST");

    for my $what (qw(token admin effect login revocations)) {
        $backend->clear;
        $r = $t->post("/page?${kind}_$what", 'user=x&freeze=on', @BEARER);
        is($r->status, 200, "$kind: $what in an answer to POST");
        unlike($r->body, qr/"entries"|\[$target{$what}/, '... is refused');
        is($backend->count, ($kind eq 'two' ? 3 : $kind eq 'nested' ? 2 : 1),
            '... and not asked for');
    }
}

for my $uri (@OPERATED) {
    is($t->get($uri, Authorization => $ORDER{operator})->status, 200,
        "$uri, asked by an operator");
    is($t->get($uri)->status, 401, '... by somebody else');
}

like($t->get('/operators/revocations', Authorization => $ORDER{operator})
    ->body, qr/"frozen":0,/, 'no order was carried out');

like(page('/board')->body, qr/"sockets":/,
    "operators' location that is internal is for their own pages");

$t->logged(qr/subrequest_policy/, 'the reason is logged');
$t->logged(qr/"tradesec_posture" is not for this client/, '... or said');

# what variables say

is(page('/page?echo')->body, '<(none)|(none)|no|[/part/x ]PASSED>',
    'no token, no identity');
is(page('/page?echo', @BEARER)->body, '<(none)|(none)|no|[/part/x ]PASSED>',
    'a token where none is asked for is not believed');
is(page('/token/page?echo', @BEARER)->body =~ s/\[.*\]//r,
    '<alice|admin|yes|PASSED>', 'an identity');

# many parts

is(() = page('/token/page?many', @BEARER)->body =~ m{\[/token/x alice}g, 60,
    'sixty parts of a page');
is(() = page('/page?many', @BEARER)->body =~ m{\[/part/x}g, 60,
    '... none of them those that are refused');

# the page of a refusal

my $r = page('/closed/x', @BEARER);
is($r->status, 405, 'refused, with a page of parts');
like($r->body, qr{^<\[/internal/a \].*\[/internal/b \]>\z}s, '... which it has');
is($backend->count('/token/x'), 0, '... but for what is protected');

# a login whose answer is a page

for my $way ([ 'welcome', 9 ], [ 'wrong', 5 ], [ 'pretend', 5 ]) {
    my ($name, $expected) = @$way;

    $backend->clear;
    my @r = map { $t->post("/login?$name", "u=$name") } 1 .. 9;

    like($r[0]->body, qr{^<(?:welcome|wrong) .*\[/internal/x \]}s,
        "login: $name, with its parts");
    is($backend->count('/login'), $expected,
        "login: $expected of 9 reach the backend");
    is($backend->count('/token/x'), 0, 'login: nothing that is protected');
}

done_testing();
