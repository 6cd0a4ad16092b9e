#!/usr/bin/perl

# The directives of the login guard, and what "nginx -t" says of mistakes.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test);


my $zone = 'tradesec_zone zone=tradesec:1m;';

sub login {
    my ($parameters, $rest) = @_;

    return {
        http   => $zone,
        server => "tradesec on;\nlocation = /login {\n"
            . "tradesec_login $parameters;\n" . ($rest // '')
            . "proxy_pass http://127.0.0.1:1;\n}",
    };
}

config_accepted(login('account=json:/a/b~1c account=form:u account=multipart:u '
    . 'account=basic success=cookie:sid success=status:2xx,302 '
    . 'success=header:X-A=b=c success=header:x-b failure=401,403 '
    . 'neutral=429,500-503 counter=otp success=json:/ok failure=json:/e=1 '
    . '"neutral=body:a b"'), 'everything');

config_accepted(login('account=form:u success=status:200',
    'tradesec_login_limit pair=1 account=1000 address=2 prefix56=3 prefix48=4
        accounts=0 window=24h;
     tradesec_login_lock 1s 365d decay=1h;
     tradesec_login_body_size 1k;'), 'all tuning');

config_accepted(login('account=form:u', 'tradesec_login_lock off;'),
    'locks off');
config_accepted(login('off'), 'off');

my ($code, $said) = config_test('location / {
    tradesec_login account=form:u; location /a { } }');
is($code, 0, 'without tradesec on no zone is needed');
is(() = $said =~ /\[warn\].* in location "\/" at .*"tradesec_login" counts nothing where "tradesec" is off/g,
    1, '... and a warning says so, once');

# what is missing

config_refused({ server => 'tradesec on; location = /login {
        tradesec_login account=form:u; }' },
    qr/"tradesec_login" counts in shared memory: write "tradesec_zone zone=tradesec:16m;" in http, in location "\/login"/,
    'no zone');
config_refused(login('success=status:200'),
    qr/"tradesec_login" must say where the account is/, 'no account=');

# misspelt

config_refused(login('acount=form:u'), qr/did you mean "account="/,
    'misspelt parameter');
config_refused(login('account=form:u sucess=status:200'),
    qr/did you mean "success="/, 'another one');
config_refused(login('account=from:u'),
    qr/invalid parameter "account=from:u".*"account=form:field"/, 'source');
config_refused(login('account=form:'), qr/invalid field name in "account=form:"/,
    'empty field');
config_refused(login('account=form:' . 'x' x 65), qr/invalid field name/,
    'long field');
config_refused(login('account=json:username'),
    qr/invalid JSON pointer in "account=json:username"/, 'no pointer');
config_refused(login('account=json:'), qr/invalid JSON pointer/,
    'empty pointer');
config_refused(login('account=json:/a~2'), qr/invalid JSON pointer/,
    'bad escape in a pointer');
config_refused(login('account=json:/a//b'), qr/invalid member name/,
    'empty member');
config_refused(login('account=form:a account=form:b'),
    qr/duplicate source "account=form:b"/, 'a source twice');
config_refused(login('account=json:/a account=json:/b'),
    qr/duplicate source/, 'a pointer twice');
config_refused(login('account=form:u success=text:x'),
    qr/invalid parameter "success=text:x".*"success=cookie:name"/,
    'criterion');
config_refused(login('account=form:u success=body:'),
    qr/no pattern in "success=body:"/, 'no pattern');
config_refused(login('account=form:u "failure=body:(x"'),
    qr/invalid pattern in "failure=body:\(x" in "tradesec_login": pcre/,
    'bad pattern');
config_refused(login('account=form:u neutral=json:a=b'),
    qr/invalid JSON pointer in "neutral=json:a=b".*"json:\/pointer=value"/,
    'bad pointer of an answer');
config_refused(login('account=form:u success=json:=b'),
    qr/invalid JSON pointer/, 'no pointer of an answer');
config_refused(login('account=form:u ' . join ' ',
    map {"failure=body:c$_"} 1 .. 9), qr/more than 8 criteria of the body/,
    'too many criteria of the body');
config_refused(login('account=form:u success=cookie:'),
    qr/invalid parameter "success=cookie:"/, 'empty cookie');
config_refused(login('account=form:u success=header:=x'),
    qr/invalid parameter/, 'empty field name');
config_refused(login('account=form:u failure=4x1'),
    qr/invalid statuses in "failure=4x1"/, 'statuses');
config_refused(login('account=form:u success=status:20'),
    qr/invalid statuses in "success=status:20"/, 'status of success');
config_refused(login('account=form:u ' . join ' ',
    map {"success=cookie:c$_"} 1 .. 9), qr/more than 8 criteria/,
    'too many criteria');
config_refused(login('account=form:u', 'tradesec_login off;'),
    qr/is duplicate/, 'directive twice');

sub tuned { return login('account=form:u', $_[0]) }

config_refused(tuned('tradesec_login_limit pairs=5;'),
    qr/did you mean "pair="/, 'misspelt limit');
config_refused(tuned('tradesec_login_limit pair=0;'),
    qr/invalid number "pair=0".*write 1 to 1000/, 'limit of nothing');
config_refused(tuned('tradesec_login_limit account=1001;'),
    qr/invalid number "account=1001".*write 1 to 1000/, 'limit too high');
config_refused(tuned('tradesec_login_limit accounts=65;'),
    qr/invalid number "accounts=65".*write 0 to 64/, 'accounts too high');
config_refused(tuned('tradesec_login_limit window=0;'),
    qr/invalid time "window=0"/, 'no window');
config_refused(tuned('tradesec_login_limit window=25h;'),
    qr/invalid time "window=25h"/, 'window too long');
config_refused(tuned('tradesec_login_limit pair=5 pair=6;'),
    qr/is duplicate/, 'limit twice');
config_refused(tuned('tradesec_login_lock 0;'), qr/invalid time "0"/,
    'lock of no time');
config_refused(tuned('tradesec_login_lock 1m x;'), qr/invalid time "x"/,
    'lock of a wrong time');
config_refused(tuned('tradesec_login_lock 1m off;'), qr/invalid time "off"/,
    'off beside a time');
config_refused(tuned('tradesec_login_lock 1h 1m;'),
    qr/longest lock "1m".*shorter than the first/, 'longest below first');
config_refused(tuned('tradesec_login_lock 1m decay=0;'),
    qr/invalid time "decay=0"/, 'no decay');
config_refused(tuned('tradesec_login_lock 1m; tradesec_login_lock 2m;'),
    qr/is duplicate/, 'locks twice');
config_refused(tuned('tradesec_login_body_size x;'), qr/invalid value/,
    'body size');

# what works, but is weaker than it looks

sub warned {
    my ($args, $pattern, $title) = @_;

    my ($code, $text) = config_test(%$args);

    is($code, 0, "$title: accepted");
    like($text, qr/\[warn\].* in location "\/login" at \S+:\d+: .*$pattern/,
        "$title: warned");
}

warned(login('account=form:u'),
    qr/"tradesec_login" without "success=" never forgives/, 'no criterion');
warned(login('account=form:u success=status:200'),
    qr/hangs up hides the outcome.*"proxy_ignore_client_abort on"/,
    'client abort');

my (undef, $text) = config_test(%{ login('account=form:u success=status:200',
        'proxy_ignore_client_abort on;') });
unlike($text, qr/\[warn\]/, 'nothing to warn about');

# inheritance

my $t = Tradesec::Test->new(
    backend => { '*' => 401 },
    http    => "$zone tradesec_login_limit pair=2;
        tradesec_login_lock off;",
    server  => <<~'CONF');
        tradesec on;
        tradesec_origin off;
        tradesec_login_limit window=1h;

        location /login {
            tradesec_login account=form:u success=status:200;
            proxy_pass http://%%BACKEND%%;

            location /login/more {
                tradesec_login_limit pair=3;
                proxy_pass http://%%BACKEND%%;
            }

            location /login/help {
                tradesec_login off;
                proxy_pass http://%%BACKEND%%;
            }
        }
    CONF

sub reached {
    my ($path, $user) = @_;

    $t->backend->clear;
    my @r = map { $t->post($path, "u=$user", 'Content-Type' =>
        'application/x-www-form-urlencoded') } 1 .. 9;

    return ($t->backend->count, $r[-1]->header('Retry-After'));
}

my ($n, $retry) = reached('/login', 'alice');
is($n, 2, 'a limit of http');
like($retry, qr/^3(?:600|59\d)$/, 'a window of the server');
($n, $retry) = reached('/login/more', 'bob');
is($n, 3, 'a limit of a nested location, which inherits tradesec_login');
like($retry, qr/^3(?:600|59\d)$/, 'with the window of the server');
is((reached('/login/help', 'carol'))[0], 9, 'off in a nested location');

done_testing();
