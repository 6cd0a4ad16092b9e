#!/usr/bin/perl

# What an identified user is answered is not stored, unless whoever made the
# answer has said what caches may do with it. What nobody is identified for
# stays as it was.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused config_accepted);
use Tradesec::Test::Token qw(jwks provider token);


my $t = Tradesec::Test->new(
    stopped => 1,
    backend => {
        '/said'    => { headers => [ 'Cache-Control' => 'public' ] },
        '/twice'   => { headers => [ 'Cache-Control' => 'private',
            'Cache-Control' => 'max-age=5' ] },
        '/expires' => { headers => [
            'Expires' => 'Thu, 01 Jan 2037 00:00:00 GMT' ] },
        '/hidden'  => { headers => [ 'Cache-Control' => 'public' ] },
        '/304'     => 304,
        '/500'     => 500,
        '/errors'  => 500,
    },
    http   => provider('portal'),
    server => <<'CONF');
    tradesec on;
    tradesec_jwt portal;

    location / { proxy_pass http://%%BACKEND%%; }
    location /public { tradesec_jwt off; proxy_pass http://%%BACKEND%%; }
    location /off { tradesec_cache_control off; proxy_pass http://%%BACKEND%%; }
    location /unprotected { tradesec off; proxy_pass http://%%BACKEND%%; }
    location /hidden {
        proxy_hide_header Cache-Control;
        proxy_pass http://%%BACKEND%%;
    }
    location /own {
        tradesec_cache_control "private, no-cache";
        proxy_pass http://%%BACKEND%%;
    }
    location /added {
        add_header Cache-Control max-age=1;
        proxy_pass http://%%BACKEND%%;
    }
    location /nginx { expires 1h; proxy_pass http://%%BACKEND%%; }
    location /errors {
        proxy_intercept_errors on;
        error_page 500 /sorry;
        proxy_pass http://%%BACKEND%%;
    }
    location = /sorry { return 200 sorry; }
    location /dry {
        tradesec_dry_run jwt;
        proxy_pass http://%%BACKEND%%;
    }
    location /denied { deny all; }
CONF

$t->write_file('portal.jwks', jwks());
$t->start;

my @user = (Authorization => 'Bearer ' . token());

sub control {
    my ($uri, @headers) = @_;

    return join '|', $t->get($uri, @headers)->headers('Cache-Control');
}

is(control('/', @user), 'no-store', 'answer to a user');
is(control('/304', @user), 'no-store', 'not modified');
is(control('/500', @user), 'no-store', 'error of the backend');
is(control('/errors', @user), 'no-store', 'page of an intercepted error');
is(control('/denied', @user), 'no-store', 'refusal of nginx');
is(control('/hidden', @user), 'no-store', 'the backend was not heard');
is(control('/said', @user), 'public', 'the backend has said');
is(control('/twice', @user), 'private|max-age=5', 'in two lines');
is(control('/expires', @user), '', 'with Expires');
is(control('/added', @user), 'max-age=1', 'add_header has said');
is(control('/nginx', @user), 'max-age=3600', 'nginx has said');
is(control('/own', @user), 'private, no-cache', 'own value');
is(control('/off', @user), '', 'off');
is(control('/public', @user), '', 'nobody is asked who he is');
is(control('/unprotected', @user), '', 'tradesec off');
is(control('/dry', @user), 'no-store', 'dry run with a token');
is(control('/dry'), '', 'dry run without a token');
is(control('/'), 'no-store', 'a refusal is not stored anyway');

is(join('|', $t->head('/', @user)->headers('Cache-Control')), 'no-store',
    'HEAD');

config_refused("tradesec_cache_control '';", qr/has an empty value/, 'empty');
config_refused("tradesec_cache_control 'a\nb';", qr/control character/,
    'line end');
config_refused('tradesec_cache_control a; tradesec_cache_control b;',
    qr/is duplicate/, 'twice');
config_accepted('tradesec on; tradesec_cache_control private;', 'a value');

done_testing();
