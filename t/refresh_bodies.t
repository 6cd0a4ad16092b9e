#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Refresh tokens that apps post in JSON or in a form, and hand out in JSON:
# read strictly, so that no body hides a used one.

use v5.30;
use warnings;

use Compress::Zlib ();
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Token qw(jwks provider token);

jwks();     # the keys, before there is another process


# A backend that checks nothing, and reads everything.

my $count = 0;

sub issued {
    my ($more) = @_;

    return qq({"token_type":"Bearer","refresh_token":"next-) . ++$count
        . '"' . ($more // '') . '}';
}

my %json = (headers => [ 'Content-Type' => 'application/json' ]);

my %answers = (
    '/json'    => sub { return { %json, body => issued() } },
    '/form'    => sub { return { %json, body => issued() } },
    '/both'    => sub { return { %json, body => issued() } },
    '/slow'    => sub { return { %json, delay => 0.3, body => issued() } },
    '/token'   => sub { return { %json, body => issued(',"access_token":"'
        . token({ sub => 'bob', sid => 's-1', jti => 'j-' . $count }) . '"') } },
    '/cookie'  => sub { return { headers => [
        'Set-Cookie' => 'rt=next-' . ++$count . '; Path=/' ] } },
    '/error'   => { status => 400, %json, body => '{"error":"invalid_grant"}' },
    '/cut'     => { close => 1 },
    '/twice'   => { %json, body => '{"refresh_token":"a","refresh_token":"b"}' },
    '/long'    => sub { return { %json, body => issued(',"x":"' . 'x' x 17000
        . '"') } },
    '/mixed'   => sub { return { %json, body => issued() } },
    '/other'   => sub { return { %json, body => issued() } },
    '/me'      => 200,
);

my $provider = provider('portal', 'session_claim sid;', 'max_lifetime 2h;');

my $t = Tradesec::Test->new(
    backend    => \%answers,
    stopped    => 1,
    workers    => 2,
    access_log => '$uri $status $tradesec_reason',
    http       => "tradesec_zone zone=tradesec:4m; $provider",
    server     => <<'CONF');
    tradesec on;
    tradesec_origin off;

    location ~ ^/(json|slow|error|cut|twice|long)$ {
        tradesec_refresh token=json:/refresh_token grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /form {
        tradesec_refresh token=form:refresh_token token=multipart:refresh_token
                         next=json:/refresh_token grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /both {
        tradesec_refresh token=json:/refresh_token token=form:refresh_token
                         grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /mixed {
        tradesec_refresh token=cookie:refresh_token token=json:/refresh_token
                         next=json:/refresh_token grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /cookie {
        tradesec_refresh token=cookie:rt name=refresh_token grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /other {
        tradesec_refresh token=json:/refresh_token name=other grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /token {
        tradesec_refresh token=form:refresh_token next=json:/refresh_token
                         provider=portal access=json:/access_token grace=2s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /me {
        tradesec_jwt portal;
        proxy_pass http://%%BACKEND%%;
    }
CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my $form = 'application/x-www-form-urlencoded';

sub json {
    my ($token, $uri, @more) = @_;

    return $t->post($uri // '/json', qq({"refresh_token":"$token"}),
        'Content-Type' => 'application/json', @more);
}

sub form {
    my ($token, $uri) = @_;

    return $t->post($uri // '/form',
        "grant_type=refresh_token&refresh_token=$token",
        'Content-Type' => $form);
}

sub multipart {
    my ($token) = @_;

    return $t->post('/form', "--b\r\nContent-Disposition: form-data; "
        . qq(name="refresh_token"\r\n\r\n$token\r\n--b--\r\n),
        'Content-Type' => 'multipart/form-data; boundary=b');
}

sub next_of { return $_[0]->json->{refresh_token} }

# each once, in each form

for my $way (\&json, \&form, \&multipart) {
    my $r = $way->('first-' . ++$count);

    for my $n (1 .. 2) {
        is($r->status, 200, "refresh $n");
        $r = $way->(next_of($r));
    }
}

my $r = json('raced');
is(json('raced')->status, 409, 'refresh_race: in the grace');
is(form('raced')->status, 409, 'in whatever form it comes');

$t->backend->clear;

my @raced = map { $_->status } $t->parallel(
    ([ POST => '/slow', '{"refresh_token":"at-once"}',
        'Content-Type' => 'application/json' ]) x 8);

is(scalar(grep { $_ == 200 } @raced), 1, 'of eight at once one wins');
is(scalar(grep { $_ == 409 } @raced), 7, 'the others are a race');
is($t->backend->count('/slow'), 1, 'and do not reach the backend');

# the thief comes with a copy, written as he likes

my $signed = 'eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJyLTEifQ';

my %copies = (
    'opaque' => [ 'Stolen_1-token', 'Stolen_1-token', '\u0053tolen_1-token',
        'stolen_1-TOKEN', 'Stolen_1-token=', ' Stolen_1-token' ],
    'signed' => [ "$signed.c2lnbmF0dXJl", "$signed.c2lnbmF0dXJk",
        "$signed.c2lnbmF0dXJl==" ],
    'long'   => [ 'Zm9vYmFyYmF6cXV4LXRva2VuQ', 'Zm9vYmFyYmF6cXV4LXRva2VuR' ],
);

for my $kind (sort keys %copies) {
    my ($token, @others) = @{ $copies{$kind} };

    my $next = next_of(json($token));

    $t->backend->clear;
    ok(wait_until(sub { json($token)->status == 401 }, 20),
        "refresh_reused: $kind");
    is(json($_)->status, 401, "$kind: $_") for @others;
    is(json($next)->status, 401, 'refresh_ended: the next one too');
    is(form($next)->status, 401, 'in a form');
    is($t->backend->count, 0, 'none of this reached the backend');
}

$r = $t->post('/cookie', '', Cookie => 'rt=%53tolen_1-token');
is($r->status, 401, 'in a cookie of the same name= , with an escape');
is(json('Stolen_1-token', '/other')->status, 200, 'but not under another name=');

# what hides a token, or could

$t->backend->clear;

my $used = next_of(json('used'));
ok(wait_until(sub { json('used')->status == 401 }, 20), 'used up');
$t->backend->clear;

my $is_json = 'application/json';

for my $case (
    [ 400 => refresh_ambiguous => '{"refresh_token":"fresh","refresh_token":"used"}' ],
    [ 400 => refresh_ambiguous => '{"refresh_token":"fresh","Refresh_Token":"used"}' ],
    [ 400 => refresh_ambiguous => '{"REFRESH_TOKEN":"used"}' ],
    [ 400 => refresh_ambiguous => '{"refresh\u005ftoken":"a","refresh_token":"b"}' ],
    [ 400 => refresh_malformed => '{"refresh_token":"used"' ],
    [ 400 => refresh_malformed => '{"refresh_token":"used"}{}' ],
    [ 400 => refresh_malformed => "{'refresh_token':'used'}" ],
    [ 400 => refresh_malformed => '[{"refresh_token":"used"}]' ],
    [ 400 => refresh_malformed => '"refresh_token=used"' ],
    [ 400 => refresh_malformed => "\xef\xbb\xbf" . '{"refresh_token":"used"}' ],
    [ 400 => refresh_invalid => '{"refresh_token":["used"]}' ],
    [ 400 => refresh_invalid => '{"refresh_token":{"x":"used"}}' ],
    [ 400 => refresh_invalid => '{"refresh_token":null}' ],
    [ 400 => refresh_invalid => '{"refresh_token":"---"}' ],
    [ 400 => refresh_invalid => '{"refresh_token":"u\u017fed"}' ],
    [ 400 => refresh_invalid => '{"refresh_token":"' . 'a' x 4097 . '"}' ],
    [ 415 => refresh_body_type => '{"refresh_token":"used"}', 'text/plain' ],
    [ 415 => refresh_body_type => 'refresh_token=used', $form ],
    [ 415 => refresh_body_type => '{"refresh_token":"used"}', '' ],
    [ 413 => refresh_body_too_large => '{"refresh_token":"used","x":"'
        . 'x' x 66000 . '"}' ],
) {
    my ($status, $reason, $body, $type) = @$case;

    $t->clear_logs;
    $r = $t->post('/json', $body, 'Content-Type' => $type // $is_json);
    is($r->status, $status, "$reason: " . substr($body, 0, 60));
    $t->access_logged(qr{/json $status $reason\b}, 'by reason');
}

$t->clear_logs;
is($t->post('/json', Compress::Zlib::memGzip('{"refresh_token":"used"}'),
    'Content-Type' => $is_json, 'Content-Encoding' => 'gzip')->status, 415,
    'refresh_body_encoded');
$t->access_logged(qr{/json 415 refresh_body_encoded}, 'by reason');

is($t->post('/json', '{"refresh_token":"used"}', 'Content-Type' => $is_json,
    'Content-Type' => 'text/plain')->status, 415, 'two types');
is($t->post('/json?refresh_token=used', '{"refresh_token":"fresh"}',
    'Content-Type' => $is_json)->status, 400, 'in the query, too');
is($t->post('/json?refresh_token=used', '{}', 'Content-Type' => $is_json)
    ->status, 400, 'in the query alone');
is($t->post('/json?REFRESH%5ftoken=used', '')->status, 400, 'without a body');
is($t->get('/json?refresh_token=used')->status, 400, 'of a GET');

for my $body ('refresh_token=fresh&refresh_token=used', 'refresh_token[]=used',
    'x=1;refresh_token=used&refresh_token=fresh', 'Refresh_Token=used',
    ' refresh_token=used', 'refresh.token=used')
{
    is($t->post('/form', $body, 'Content-Type' => $form)->status, 400,
        "a form: $body");
}

is(json('used', '/json', 'Transfer-Encoding' => 'chunked')->status, 400,
    'two lengths');

my $c = $t->connect;
$c->write("POST /json HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    . "5\r\n{\"ref\r\n13\r\nresh_token\":\"used\"}\r\n0\r\n\r\n");
is($c->response->status, 401, 'in chunks');
$c->close;

is($t->post('/mixed', '{"refresh_token":"used"}', 'Content-Type' => $is_json,
    Cookie => 'refresh_token=fresh')->status, 400, 'two places, two tokens');
is($t->post('/mixed', '{"refresh_token":"used"}', 'Content-Type' => $is_json,
    Cookie => 'refresh_token=used')->status, 401, 'two places, one token');
is($t->post('/mixed', '{"refresh_token":"used"}', 'Content-Type' => $is_json)
    ->status, 401, 'in the body alone');
is($t->post('/mixed', '', Cookie => 'refresh_token=used')->status, 401,
    'in the cookie alone');

is($t->backend->count, 0, 'none of this reached the backend');

# the twins: what is no refresh, or a good one

is($t->post('/json', '{"grant_type":"password"}', 'Content-Type' => $is_json)
    ->status, 200, 'another grant');
is($t->post('/json', '')->status, 200, 'no body');
is($t->get('/json')->status, 200, 'a GET');
is($t->post('/mixed', '{"refresh_token":"once"}', 'Content-Type' => $is_json,
    Cookie => 'refresh_token=once')->status, 200, 'one token, in two places');
is($t->post('/both', 'refresh_token=form-1', 'Content-Type' => $form)->status,
    200, 'a form where JSON is a source as well');
is(json('json-1', '/both')->status, 200, 'and JSON');

# what the backend did not hand out

for my $uri (qw(/error /cut /twice /long)) {
    my $status = json("kept-$uri", $uri)->status;

    is(json("kept-$uri", $uri)->status, $status,
        "$uri: the token may be used again");
}

$r = $t->post('/json', '{"refresh_token":"plain"}', 'Content-Type' => $is_json,
    'Accept-Encoding' => 'gzip', Range => 'bytes=0-3');
is($r->status, 200, 'the backend is asked for the whole answer');
ok(defined next_of($r), 'which the client gets');

my ($seen) = grep { $_->uri eq '/json' && $_->body =~ /plain/ }
    $t->backend->requests;
ok(!defined $seen->header('Accept-Encoding'), 'in clear');

# access tokens in the answer end with their family

sub passes {
    my ($access) = @_;

    return $t->get('/me', Authorization => "Bearer $access")->status;
}

$r = form('granted', '/token');
my $access = $r->json->{access_token};

is(passes($access), 200, 'an access token');
ok(wait_until(sub { form('granted', '/token')->status == 401 }, 20),
    'its refresh token is used again');
is(passes($access), 401, 'it is good no more');
is(form(next_of($r), '/token')->status, 401, 'nor is the next refresh token');

done_testing();
