#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A rule that would not do what its author means fails nginx -t with one
# sentence.

use v5.30;
use warnings;

use Test::More;

use File::Temp ();

use Tradesec::Test qw(config_accepted config_refused config_test);
use Tradesec::Test::Token qw(jwks provider);


my $dir = File::Temp->newdir;

open my $file, '>', "$dir/portal.jwks" or die $!;
print {$file} jwks();
close $file or die $!;

my $provider = provider('portal') =~ s/%%DIR%%/$dir/r
    . 'tradesec_zone zone=tradesec:1m;';

sub server {
    my ($lines) = @_;

    return { http => $provider,
        server => "tradesec on; tradesec_origin off; $lines" };
}

sub refused {
    my ($rule, $pattern, $title) = @_;

    config_refused(server("tradesec_jwt portal; tradesec_require $rule;"),
        $pattern, $title // $rule);
}

sub accepted {
    my ($rule) = @_;

    my ($code, $text) = config_test(%{
        server("tradesec_jwt portal; tradesec_require $rule;") });

    is($code, 0, $rule) or diag($text);
    unlike($text, qr/warn/, "$rule: no warning");
}

accepted($_) for
    'role=admin', 'role=admin|trader level>=2', 'a=1 or b=2 c=3',
    'methods=POST,PUT role=admin', 'methods=unsafe role=admin',
    'name=x status=451 title=No code=no redirect=/x step_up=/y a=1',
    '/name=x', '/a/b~1c=d', 'a.b=c', 'https://example.com/r=x',
    'exp>now+5m', 'x=""', q{'x="a b"'}, 'x=*', 'x!=*', 'x=$uri',
    'x=prefix-$uri', 'x=query:a', 'x=form:a', 'x=json:/a/b', 'x=header:X-A',
    'x="$uri"', 'max_age=15m', 'amr=otp max_age=1h or amr=hwk max_age=8h',
    'off';

refused('admin', qr/"admin" in "tradesec_require" is no condition such as/);
refused('=x', qr/is no condition/);
refused('role=', qr/lacks a value/);
refused('role=a|', qr/lacks a value/);
refused('role="a', qr/quotes that do not enclose/);
refused('level=1.5', qr/a number that is no integer/);
refused('level=007', qr/a number that is no integer/);
refused('x=null', qr/asks for null/);
refused('level>=high', qr/compares with something else/);
refused('t>now-5', qr/compares with something else/);
refused('x=a|$uri', qr/among other values/);
refused('x=' . join('|', 1 .. 33), qr/too many values/, '33 values');
refused(join(' ', map {"x=$_"} 1 .. 33), qr/more than 32 conditions/,
    '33 conditions');
refused(join(' ', map {"x=\$arg$_"} 1 .. 9), qr/more than 8 parts/,
    '9 parts');
refused('/a/b/c/d/e/f/g/h/i=1', qr/invalid claim/);
refused('/a~2=1', qr/invalid claim/);
refused('/=1 //=1 off', qr/is no condition/);

refused('or role=admin', qr/"or" .* stands between conditions/);
refused('role=admin or', qr/ends with "or"/);
refused('role=admin or or level=2', qr/"or" .* stands between conditions/);
refused('name=x', qr/has no condition such as/);
refused('methods=POST', qr/has no condition such as/);
refused('off role=admin', qr/takes no parameters with "off"/);

refused('x=$arg_account', qr/compare with query:NAME/);
refused('x=${arg_account}', qr/compare with query:NAME/);
refused('x=$uri-$ARG_account', qr/compare with query:NAME/);
refused('x=$http_x_account', qr/compare with header:NAME/);
refused('x=$cookie_account', qr/first of several/);
refused('x=query:', qr/invalid part of the request "query:"/);
refused('x=json:a', qr/invalid part of the request "json:a"/);
refused('x=json:/', qr/invalid part of the request "json:\/"/);
refused('x=header:a=b', qr/invalid part of the request/);

refused('status=active a=1', qr/of that name is written "\/status=active"/);
refused('status=200 a=1', qr/invalid parameter "status=200"/);
refused('name=two,words a=1', qr/invalid parameter "name=two,words"/);
refused('"title=<b>" a=1', qr/invalid parameter "title=<b>"/);
refused('"code=a b" a=1', qr/invalid parameter "code=a b"/);
refused('redirect=https://evil.test/ a=1', qr/invalid parameter/);
refused('redirect=//evil.test/ a=1', qr/invalid parameter/);
refused('step_up=confirm a=1', qr/invalid parameter/);
refused('max_age=soon', qr/invalid parameter "max_age=soon"/);
refused('max_age=0', qr/invalid parameter "max_age=0"/);
refused('methods= a=1', qr/invalid parameter "methods="/);
refused('methods=post a=1', qr/invalid method "post"/);
refused('methods=GET,GET a=1', qr/duplicate method "GET"/);
refused('methods=GET, a=1', qr/invalid method ""/);
refused('name=a name=b a=1', qr/duplicate parameter "name=b"/);
refused('acr=a\\\\b', qr/cannot stand in a challenge/, 'acr with a backslash');
refused('acr=1', qr/cannot stand in a challenge/, 'acr with a number');

my $many = join ' ', map {"tradesec_require c$_=1;"} 0 .. 64;

config_refused(server("tradesec_jwt portal; $many"),
    qr/more than 64 different claims/, '65 claims');
config_accepted(server('tradesec_jwt portal; '
    . $many =~ s/tradesec_require c64=1;//r), '64 claims');

config_refused(server('tradesec_require a=1;'),
    qr/needs a verified token, and there is no "tradesec_jwt".*in the server/,
    'no token asked for');
config_refused(server('tradesec_jwt portal; tradesec_require a=1;
    location /login { tradesec_jwt off; }'),
    qr/needs a verified token.*in location "\/login"/,
    'no token asked for in a location');
config_accepted(server('tradesec_jwt portal; tradesec_require a=1;
    location /login { tradesec_jwt off; tradesec_require off; }'),
    'off where none is');

my ($code, $text) = config_test(%{ server('location /x { tradesec off;
    tradesec_jwt portal; tradesec_require a=1; }') });

is($code, 0, 'rules of a location that is off');
like($text, qr/ in location "\/x" at \S+:\d+: "tradesec_require" protects nothing/,
    'are a warning');

config_refused(server('tradesec_require_body_size 1k;
    tradesec_require_body_size 2k;'), qr/is duplicate/, 'twice');

done_testing();
