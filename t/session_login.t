#!/usr/bin/perl

# An app with an opaque cookie of its own, that it signs anew on every answer,
# behind the gateway's sessions: who logs in gets one, what is protected asks
# for it, and neither counts without the app's cookie that belongs to it.

use v5.30;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(decode_base64url);
use Test::More;

use Tradesec::Test qw(config_refused config_accepted wait_until);
use Tradesec::Test::App qw(app_user cookies keep resign resigned);

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);


sub field {
    my ($request, $name) = @_;

    return $request->body =~ /(?:^|&)\Q$name\E=([^&]*)/
        ? $1 =~ s/\+/ /gr =~ s/%(..)/chr hex $1/ger : '';
}

sub form { return join '&', map { s/=(.*)/'=' . escape($1)/er } @_ }
sub escape { return $_[0] =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ger }
sub hexed { return unpack 'H*', $_[0] }

my %answers = (
    'GET /login'  => { body => 'form' },
    'POST /login' => sub {
        my ($request) = @_;
        my $user = hexed(field($request, 'username'));
        my $known = app_user($request);

        # as apps do: who is logged in is, whatever he sends

        return resign($known, status => 303, headers => [ Location => '/' ])
            if defined $known;

        return 401 if field($request, 'password') ne 'right';

        return resign($user, status => 303, headers => [ Location => '/' ]);
    },
    'POST /json'  => sub {
        my ($request) = @_;
        my $body = eval { decode_json($request->body) } // return 400;

        return { status => 200, body => '{"ok":false}' }
            if $body->{password} ne 'right';

        return resign(hexed(encode_utf8($body->{username})),
            body => '{"ok":true}');
    },
    'POST /named' => sub { resign('61', headers => [ 'X-Account' => 'Anna' ]) },
    'POST /twice' => sub { resign('61', headers => [ 'X-Account' => 'Anna',
        'X-Account' => 'Bob' ]) },
    'POST /nobody'   => sub { resign('61') },
    'POST /nocookie' => { body => 'ok' },
    'POST /first' => sub {
        my ($request) = @_;
        my $user = hexed(field($request, 'username'));

        return resign($user, status => 303, headers => [
            Location => $user eq hexed('mfa') ? '/otp' : '/' ]);
    },
    'POST /otp'   => sub {
        my ($request) = @_;

        return 401 if field($request, 'code') ne '123';

        return resigned($request);
    },
    '/me'     => sub { resigned($_[0],
        body => $_[0]->header('X-User') // 'nobody') },
    '/still'  => sub { { body => $_[0]->header('X-User') // 'nobody' } },
    '/logout' => { headers => [ 'Set-Cookie' =>
        'sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT' ] },
    'POST /keep' => sub { field($_[0], 'password') eq 'right' ? 200 : 401 },
    '/denied' => sub { resigned($_[0], status => 500) },
    '/public' => sub { { body => $_[0]->header('X-User') // 'nobody' } },
);

my $http = <<'CONF';
    tradesec_zone zone=tradesec:1m;

    tradesec_session portal {
        secret_file  %%DIR%%/secret;
        app_cookie   sid;
        lifetime     1h;
        idle         20m;
        grace        30s;
        header       X-User sub;
    }

    tradesec_session brief {
        secret_file  %%DIR%%/secret;
        app_cookie   sid;
        cookie       __Host-brief;
        samesite     strict;
        lifetime     2s;
        header       X-User sub;
    }

    proxy_ignore_client_abort on;
CONF

my $server = <<'CONF';
    tradesec on;
    tradesec_jwt portal;
    tradesec_origin off;

    location / { proxy_pass http://%%BACKEND%%; }
    location /public { tradesec_jwt off; proxy_pass http://%%BACKEND%%; }

    location = /login {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=cookie:sid;
        tradesec_session_login portal;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /json {
        tradesec_jwt           off;
        tradesec_login         account=json:/username success=json:/ok=true;
        tradesec_session_login portal;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /keep {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=status:200;
        tradesec_session_login portal app_cookie=keep;
        proxy_pass             http://%%BACKEND%%;
    }

    location ~ ^/(named|twice|nobody|nocookie)$ {
        tradesec_jwt           off;
        tradesec_login         account=none success=status:200;
        tradesec_session_login portal user=header:X-Account;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /first {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=cookie:sid;
        tradesec_session_login portal pending=header:Location=/otp;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /otp {
        tradesec_jwt           portal:pending;
        tradesec_login         account=user success=cookie:sid counter=otp;
        tradesec_session_login portal;
        proxy_pass             http://%%BACKEND%%;
    }

    location = /money {
        tradesec_require amr=mfa max_age=10m;
        proxy_pass http://%%BACKEND%%/still;
    }

    location = /brief/login {
        tradesec_jwt           off;
        tradesec_login         account=form:username success=cookie:sid;
        tradesec_session_login brief;
        proxy_pass             http://%%BACKEND%%/login;
    }

    location = /brief/me { tradesec_jwt brief; proxy_pass http://%%BACKEND%%/me; }

    location /dry {
        tradesec_dry_run jwt;
        proxy_pass http://%%BACKEND%%/still;
    }
CONF

sub gateway {
    my (%opt) = @_;

    my $t = Tradesec::Test->new(stopped => 1, backend => \%answers,
        http => $http, server => $server, %opt);

    $t->write_file('secret', $opt{secret} // 'k' x 32);

    return $t->start;
}

my $t = gateway();


# A browser: keeps what is set, deletes what has ended.

sub browser { return {} }

sub open_page {
    my ($jar, $uri) = @_;

    return keep($jar, $t->get($uri, cookies($jar)));
}

sub log_in {
    my ($user, %opt) = @_;

    my $jar = $opt{jar} // browser();

    keep($jar, $t->post($opt{uri} // '/login',
        form("username=$user", 'password=' . ($opt{password} // 'right')),
        cookies($jar)));

    return $jar;
}

sub claims {
    my ($jar, $name) = @_;

    my $token = $jar->{ $name // '__Host-portal' } // return {};

    return decode_json(decode_base64url((split /\./, $token)[1]));
}


# log in, stay logged in, log out

is($t->get('/still')->status, 401, 'nobody comes in without a session');

my $r = $t->post('/login', 'username=alice&password=right');
my ($line) = grep {/^__Host-portal=/} $r->headers('Set-Cookie');

is($r->status, 303, 'login succeeds');
like($line, qr{^__Host-portal=[\w-]+[.][\w-]+[.][\w-]{43};\ Path=/;
    \ Max-Age=1200;\ Secure;\ HttpOnly;\ SameSite=Lax$}x,
    'the session\'s cookie');
is(($r->headers('Set-Cookie'))[0], $line, 'it stands in front of the app\'s');

my $alice = log_in('alice');

is(claims($alice)->{sub}, 'alice', 'its user');
is(claims($alice)->{end} - claims($alice)->{iat}, 3600, 'its absolute end');
is(claims($alice)->{exp} - claims($alice)->{iat}, 1200, 'its idle end');
like(claims($alice)->{sid}, qr/^[\w-]{22}$/, 'its id');
isnt(claims($alice)->{sid}, claims(log_in('alice'))->{sid}, 'each has its own');
unlike($alice->{'__Host-portal'}, qr/\Q$alice->{sid}\E/,
    'it does not tell the app\'s cookie');

is(open_page($alice, '/still')->body, 'alice', 'the backend learns the user');

my %before = %$alice;

for my $n (1 .. 5) {
    is(open_page($alice, '/me')->body, 'alice', "signed anew: $n");
}

isnt($alice->{sid}, $before{sid}, 'the app\'s cookie is another one');
isnt($alice->{'__Host-portal'}, $before{'__Host-portal'}, 'and so is ours');
is(claims($alice)->{sid}, claims(\%before)->{sid}, 'the session is the same');
is(claims($alice)->{iat}, claims(\%before)->{iat}, 'it has not begun again');
is(claims($alice)->{end}, claims(\%before)->{end}, 'nor does it end later');

is(open_page($alice, '/denied')->status, 500, 'an error that signs anew');
is(open_page($alice, '/still')->body, 'alice', 'and the session goes on');

my %pair = %$alice;

open_page($alice, '/me');
is($t->get('/still', cookies(\%pair))->status, 200,
    'two tabs: the pair before is a pair still');

# logged out by the app

$r = open_page($alice, '/logout');
is($r->status, 200, 'logout');
is_deeply([ sort keys %$alice ], [], 'both cookies are gone');
is(open_page($alice, '/still')->status, 401, 'and nobody comes in');

is($t->get('/still', cookies(\%pair))->status, 401,
    'not even with a copy of the pair');
$t->logged(qr/reason: "jwt_revoked"/, 'since the session is revoked');

# neither counts without the other: session_unbound

$alice = log_in('alice');

my $bob = log_in('bob');

$t->backend->clear;

is($t->get('/still', Cookie => "__Host-portal=$alice->{'__Host-portal'}")
    ->status, 401, 'a token without the app\'s cookie');
$t->logged(qr/guard "jwt", reason: "session_unbound"/, 'session_unbound');
is($t->get('/still', Cookie => "sid=$alice->{sid}")->status, 401,
    'the app\'s cookie without a token');
is($t->get('/still', Cookie => "sid=$bob->{sid}; "
    . "__Host-portal=$alice->{'__Host-portal'}")->status, 401,
    'with the cookie of another user');
is($t->get('/still', Cookie => "sid=$alice->{sid}; sid=$bob->{sid}; "
    . "__Host-portal=$alice->{'__Host-portal'}")->status, 400,
    'with two of the app\'s cookies');
is($t->get('/still', Cookie => "sid=$alice->{sid}; SID=$bob->{sid}; "
    . "__Host-portal=$alice->{'__Host-portal'}")->status, 400,
    'with one in another spelling');
is($t->get('/still', Cookie => "sid=$alice->{sid}, sid=$bob->{sid}; "
    . "__Host-portal=$alice->{'__Host-portal'}")->status, 400,
    'with one hidden in the value');
is($t->get('/still', cookies($alice), Cookie => "__Host-portal="
    . $bob->{'__Host-portal'})->status, 400, 'with two tokens');
is($t->get('/still', Authorization => 'Bearer ' . $alice->{'__Host-portal'},
    Cookie => "sid=$alice->{sid}")->status, 401, 'a token as Bearer');
is($t->get('/still', 'X-User' => 'admin', Cookie => "sid=$alice->{sid}")
    ->status, 401, 'the user in a field');
is($t->backend->count, 0, 'none of these reached the backend');

# the app's cookie before this one has a while

my %late = %$alice;

open_page($alice, '/me');
is($t->get('/still', Cookie => "sid=$late{sid}; __Host-portal="
    . $alice->{'__Host-portal'})->status, 200, 'grace for the old cookie');
is($t->get('/still', Cookie => "sid=$alice->{sid}; __Host-portal="
    . $late{'__Host-portal'})->status, 401, 'none for an old token');
open_page($alice, '/me');
is($t->get('/still', Cookie => "sid=$late{sid}; __Host-portal="
    . $alice->{'__Host-portal'})->status, 401, 'nor for the cookie before');

# failures

for my $case (
    [ 'wrong password' => log_in('alice', password => 'wrong') ],
    [ 'control character' => log_in("a\nb") ],
) {
    is_deeply([ keys %{ $case->[1] } ], [], $case->[0]);
}

is_deeply([ keys %{ log_in(' alice') } ], ['sid'],
    'a name that no field can carry gets no session');
$t->logged(qr/no session "portal".*name is missing or cannot be passed on/,
    'and the log says so');

is($t->get('/login')->body, 'form', 'the page of the login');
is($t->get('/login')->header('Set-Cookie'), undef, 'sets nothing');

# an app that says "you are logged in" to whoever is

$alice = log_in('alice');

my $eve = log_in('admin', jar => { sid => $alice->{sid} },
    password => 'wrong');

is($eve->{'__Host-portal'}, undef,
    'who is logged in as one gets no session as another');
is($t->backend->last->header('Cookie'), undef,
    'since the backend does not know him');

is(claims(log_in('bob', jar => { %$alice }))->{sub}, 'bob',
    'with the right password he does');
is($t->backend->last->header('Cookie') =~ /sid/, '', 'and so it is then');
is($t->post('/login', 'username=bob&password=right',
    Cookie => 'sid=a; sid=b')->status, 400, 'cookie_duplicate at a login');

# an app whose login changes the session that is there

my $kept = log_in('alice', uri => '/keep', jar => { sid => $alice->{sid} });

is($kept->{sid}, $alice->{sid}, 'the app keeps its cookie');
is(open_page($kept, '/still')->body, 'alice', 'and the session is bound to it');
is_deeply(log_in('alice', uri => '/keep'), {}, 'without one there is none');

# Unicode twins never receive each other's session

for my $name ("\x{24d0}dmin", "\x{17f}am", 'Admin', 'ADMIN', "e\x{301}",
    "\x{e9}", 'a"b\\c')
{
    my $jar = log_in(encode_utf8($name));

    is(claims($jar)->{sub}, $name, "$name: the session is his own");
    is(open_page($jar, '/still')->body, encode_utf8($name),
        "$name: and the backend learns it byte for byte");
}

# JSON, with the outcome in the body of the answer

my $jar = browser();

keep($jar, $t->post('/json',
    encode_json({ username => "\x{24d0}dmin", password => 'right' }),
    'Content-Type' => 'application/json'));
is(claims($jar)->{sub}, "\x{24d0}dmin", 'JSON login');

$jar = browser();
keep($jar, $t->post('/json', { username => 'alice', password => 'no' }));
is_deeply($jar, {}, 'JSON login that failed');

# the backend names the user

$jar = browser();
keep($jar, $t->post('/named', ''));
is(claims($jar)->{sub}, 'Anna', 'user of the answer');
is(open_page($jar, '/still')->body, 'Anna', 'and he comes in');

for my $uri (qw(/twice /nobody)) {
    $jar = browser();
    keep($jar, $t->post($uri, ''));
    is_deeply([ keys %$jar ], ['sid'], "$uri: no session");
}

$t->logged(qr/the answer does not say once who the user is/, 'which is logged');

$jar = browser();
keep($jar, $t->post('/nocookie', ''));
is_deeply($jar, {}, 'without an app cookie there is nothing to bind it to');
$t->logged(qr/no app cookie to bind it to/, 'which is logged');

# two factors

my $mfa = log_in('mfa', uri => '/first');

ok($mfa->{'__Host-portal'}, 'the first factor begins a session');
is(open_page($mfa, '/still')->status, 401, 'that opens nothing');
$t->logged(qr/reason: "jwt_type"/, 'since it is of another kind');

keep($mfa, $t->post('/otp', 'code=666', cookies($mfa)));
is(open_page($mfa, '/still')->status, 401, 'nor after a wrong code');

my $begun = claims($mfa);

is($t->post('/otp', 'code=123', Cookie => "sid=$mfa->{sid}")->status, 401,
    'the second factor alone is none');
is($t->post('/otp', 'code=123', cookies($alice))->status, 401,
    'nor is it with a session that is complete');
is($t->post('/otp', 'code=123', Cookie => "sid=$alice->{sid}; "
    . "__Host-portal=$mfa->{'__Host-portal'}")->status, 401,
    'nor with the app\'s cookie of another');

keep($mfa, $t->post('/otp', 'code=123&username=admin', cookies($mfa)));
is(open_page($mfa, '/still')->body, 'mfa', 'both factors let him in');
is_deeply(claims($mfa)->{amr}, ['mfa'], 'and the token says so');
is(claims($mfa)->{sid}, $begun->{sid}, 'it is the session that was begun');

is(open_page($mfa, '/money')->body, 'mfa', 'rules read it like any token');
is(open_page($alice, '/money')->status, 401, 'and ask for the second factor');

my $single = log_in('alice', uri => '/first');

is(open_page($single, '/still')->body, 'alice',
    'who has one factor is in at once');

# sessions of two blocks, with the same secret, are not each other's

my $brief = log_in('alice', uri => '/brief/login');

is(open_page($brief, '/brief/me')->body, 'alice', 'a session of another block');
is($t->get('/still', Cookie => "sid=$brief->{sid}; __Host-portal="
    . $brief->{'__Host-brief'})->status, 401, 'is none here');

my $end = claims($brief, '__Host-brief')->{end};

ok(wait_until(sub { open_page($brief, '/brief/me')->status == 401 }, 15),
    'it ends');
cmp_ok(time, '>=', $end, 'not before its time, however often it was used');

# dry run, reload, another worker, another secret

is($t->get('/dry')->status, 200, 'dry run lets nobody in, or anybody');
is(open_page($alice, '/public')->body, 'nobody', 'where nobody asks');

$t->reload;
is(open_page($alice, '/me')->body, 'alice', 'after a reload');

my @all = map { $_->status } $t->parallel(
    ([ GET => '/me', undef, cookies($alice) ]) x 40);

is(scalar(grep { $_ == 200 } @all), 40, 'forty at once, in all workers');

my $other = gateway(secret => 'x' x 32);

is($other->get('/still', cookies($alice))->status, 401,
    'a token of another secret');

# configuration

my $block = 'tradesec_session s { secret_file %%DIR%%/secret; ';

for my $case (
    [ 'tradesec_session "a b" { }', qr/invalid session name "a b"/ ],
    [ 'tradesec_session s { app_cookie sid; }', qr/must have "secret_file"/ ],
    [ "$block }", qr/must have "app_cookie"/ ],
    [ "$block app_cookie \"a b\"; }", qr/invalid value "a b" in "app_cookie"/ ],
    [ "$block cookie sid; }", qr/must begin with "__Host-"/ ],
    [ "$block samesite none; }", qr/invalid value "none" in "samesite"/ ],
    [ "$block lifetime 0; }", qr/invalid value "0" in "lifetime"/ ],
    [ "$block idle soon; }", qr/invalid value "soon" in "idle"/ ],
    [ "$block grace 1s; grace 2s; }", qr/"grace" is duplicate/ ],
    [ "$block app_cookie a; app_cookie b; }", qr/"app_cookie" is duplicate/ ],
    [ "$block cookie __Host-a; cookie __Host-b; }", qr/"cookie" is duplicate/ ],
    [ "$block samesite lax; samesite lax; }", qr/"samesite" is duplicate/ ],
    [ "$block cookie \"__Host-a b\"; }", qr/"__Host-a b" in "cookie", it must/ ],
    [ "$block app_cooky sid; }",
        qr/unknown directive "app_cooky".*did you mean "app_cookie"/ ],
    [ "$block app_cookie a b; }", qr/invalid number of arguments/ ],
    [ 'tradesec_session s { secret_file %%DIR%%/none; app_cookie sid; }',
        qr/open\(\) .*none" failed/ ],
) {
    my ($text, $expected) = @$case;

    config_refused({ http => $text, server => '' }, $expected,
        "refused: $text");
}

for my $parameter (qw(user=cookie:a user=header: pending=header: pending=now
    app_cookie=drop pendin user=header:a=b))
{
    config_refused({
        http   => 'tradesec_session s { secret_file %%TOP%%/LICENSE; '
            . 'app_cookie sid; }',
        server => "location / { tradesec_session_login s $parameter; }",
    }, qr/invalid parameter "\Q$parameter\E"/, "refused: $parameter");
}

config_refused({
    http   => 'tradesec_session s { secret_file %%TOP%%/LICENSE; '
        . 'app_cookie sid; }',
    server => 'tradesec on; location / { tradesec_session_login s; }',
}, qr/needs "tradesec_login"/, 'refused: without tradesec_login');

config_refused({
    http   => 'tradesec_session s { secret_file %%TOP%%/LICENSE; '
        . 'app_cookie sid; }',
    server => 'tradesec_jwt s cookie=other;',
}, qr/takes tokens from the cookie "other", those of "s" come in "__Host-s"/,
    'refused: another cookie');

config_refused({ server => 'location / { tradesec_session_login s; }' },
    qr/unknown session "s": there is no "tradesec_session s" before this line/,
    'refused: a login of no session');
config_refused({
    server => 'location / { tradesec_session_login off pending; }' },
    qr/"off" in "tradesec_session_login", it must stand alone/,
    'refused: off, and more');
config_refused({ server => 'location / { tradesec_session_login off; '
    . 'tradesec_session_login off; }' }, qr/is duplicate/,
    'refused: off twice');

done_testing();
