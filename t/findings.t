#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Each finding of the configuration is printed where it is made, is not where
# the configuration is right, and is not where the operator has accepted it.

use v5.30;
use warnings;

use FindBin qw($Bin);
use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test free_port);
use Tradesec::Test::Token qw(jwks);


my $files = Tradesec::Test->new(stopped => 1);

$files->write_file('keys.jwks', jwks());
$files->write_file('secret',    '0123456789abcdef0123456789abcdef');
$files->write_file('open',      '0123456789abcdef0123456789abcdef');

my ($dir, $cert) = ($files->dir, $files->certificate);

for my $file (qw(shared shared.open)) {
    $files->write_file($file, '{"keys":[{"kty":"oct","alg":"HS256","k":'
        . '"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}');
}

chmod 0600, map {"$dir/$_"} qw(secret shared);
chmod 0644, map {"$dir/$_"} qw(open shared.open);

my $PORT = free_port();
my $TLS = "ssl_certificate $cert; ssl_certificate_key "
    . ($cert =~ s/crt$/key/r) . ';';
my $SSL = "listen $PORT ssl; $TLS";
my $UP  = 'proxy_pass http://127.0.0.1:9;';

my $PROVIDERS = join "\n", 'tradesec_zone zone=z:1m;', map {
    my ($name, $issuer) = @$_;
    "tradesec_jwt_provider $name { issuer https://$issuer.test;
        algorithms ES256 RS256; jwks_file $dir/keys.jwks; }"
} [ p => 'a' ], [ twin => 'a' ], [ other => 'b' ];

my $CACHE = "proxy_cache_path $dir/cache keys_zone=c:1m;";
my $FAST  = "fastcgi_cache_path $dir/fast keys_zone=f:1m;";


sub http {
    my ($server, $http) = @_;

    $http //= '';

    return { http => "$http\nserver { server_name a.test; $server }" };
}

sub local_server {
    my ($server, $http) = @_;

    return http("listen 127.0.0.1:$PORT; $server", $http);
}

# A provider of shared secrets, a session: with a file of that mode.

sub secret {
    my ($kind, $file) = @_;

    return { http => "ACCEPT tradesec_jwt_provider s { algorithms HS256;
        $kind $dir/$file; }" };
}

sub session {
    my ($file) = @_;

    return { http => "ACCEPT tradesec_session s { app_cookie sid;
        secret_file $dir/$file; }" };
}

# A location with a token, a cache and that key.

sub cached {
    my ($jwt, $lines) = @_;

    return local_server("tradesec on; tradesec_jwt $jwt;
        location / { ACCEPT $UP $lines }", "$PROVIDERS $CACHE $FAST");
}

sub login {
    my ($login, $lines) = @_;

    return local_server("tradesec on; location = /login { ACCEPT
        tradesec_login $login; $UP $lines }", $PROVIDERS);
}

sub redis {
    my ($redis) = @_;

    return local_server('tradesec on; return 204;',
        "ACCEPT tradesec_redis $redis;");
}

my $ABORT  = 'proxy_ignore_client_abort on;';
my $LINES  = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;';
my $SOCKET = 'tradesec_websocket max_age=1h;';
my $STS    = 'Strict-Transport-Security';

# The name, what is wrong, where it is found, and the same made right: each a
# hash for config_test() in which ACCEPT stands for tradesec_accept.

my @findings = (
    [ 'no_tls', http("listen $PORT; ACCEPT tradesec on; location / { $UP }"),
        'server',
        http("$SSL tradesec on; location / { $UP }"),
        http("listen $PORT; tradesec on; return 301 https://\$host/;"),
        http("listen $PORT; tradesec on; location / { $UP }
            tradesec_trusted_scheme \$http_x_forwarded_proto;"),
        http("listen 127.0.0.1:$PORT; tradesec on; location / { $UP }"),
        http("listen unix:$dir/sock; tradesec on; location / { $UP }"),
        http("listen $PORT; location / { $UP }") ],
    [ 'no_tls', http("listen $PORT; ACCEPT location / { tradesec on; $UP }"),
        'server' ],
    [ 'no_tls', http("listen $PORT; listen " . free_port() . " ssl; $TLS
            ACCEPT tradesec on; location / { $UP }"), 'server' ],
    [ 'old_tls', http("$SSL ACCEPT tradesec on; location / { $UP }
            ssl_protocols TLSv1.1 TLSv1.2;"), 'server',
        http("$SSL ssl_protocols TLSv1.2 TLSv1.3; tradesec on;"),
        http("$SSL tradesec on;") ],
    [ 'old_tls', http("$SSL ACCEPT tradesec on; location / { $UP }
            ssl_ciphers DEFAULT:\@SECLEVEL=0; ssl_protocols TLSv1 TLSv1.2;"),
        'server' ],
    [ 'tls_without_hsts', http("$SSL ACCEPT tradesec on;
            tradesec_header $STS off; location / { $UP } location /a { $UP }"),
        'server',
        http("$SSL tradesec on; location / { $UP }"),
        http("$SSL tradesec on; tradesec_header $STS max-age=9;"),
        http("$SSL tradesec on; tradesec_headers off;
            add_header $STS max-age=9 always; location / { $UP }") ],
    [ 'tls_without_hsts', http("$SSL tradesec on; location / { ACCEPT
            tradesec_headers off; $UP }"), 'location "/"' ],
    [ 'tls_without_hsts', http("$SSL tradesec on; tradesec_headers off;
            add_header $STS max-age=9 always; location / { $UP }
            location /a { ACCEPT add_header X-A a; $UP }"), 'location "/a"' ],
    [ 'hsts_without_tls', local_server("tradesec on; ACCEPT
            tradesec_header $STS max-age=9;"), 'server',
        local_server('tradesec on;'),
        local_server("tradesec on; tradesec_header $STS off;"),
        local_server("tradesec on; tradesec_header $STS max-age=9;
            tradesec_trusted_scheme \$http_x_forwarded_proto;"),
        http("$SSL tradesec on; tradesec_header $STS max-age=9;") ],
    [ 'upstream_unverified', http("$SSL tradesec on; location /a { ACCEPT
            proxy_pass https://broker.test; }",
            'upstream broker.test { server 127.0.0.1:9; }'), 'location "/a"',
        http("$SSL tradesec on; proxy_ssl_verify on;
            proxy_ssl_trusted_certificate $cert;
            location / { proxy_pass https://b; }",
            'upstream b { server 127.0.0.1:9; }'),
        http("$SSL tradesec on; location / { proxy_pass https://127.0.0.1; }"),
        http("$SSL tradesec on; location / { $UP }") ],
    [ 'upstream_unverified', http("$SSL tradesec on; location /a { ACCEPT
            grpc_pass grpcs://b; proxy_ssl_verify on; }",
            "upstream b { server 127.0.0.1:9; }
            proxy_ssl_trusted_certificate $cert;"), 'location "/a"' ],
    [ 'cache_without_user', cached('p', 'proxy_cache c;'), 'location "/"',
        cached('p', ''),
        cached('p', 'proxy_cache off;'),
        cached('off', 'proxy_cache c;'),
        cached('p', 'proxy_cache c; proxy_cache_key $uri$tradesec_user;'),
        cached('p', 'proxy_cache c;
            proxy_cache_key "${tradesec_user} $request_uri";'),
        cached('p', 'proxy_cache c;
            proxy_cache_key $uri$http_authorization;'),
        cached('p cookie=at', 'proxy_cache c;
            proxy_cache_key $uri$cookie_at;'),
        cached('p twin', 'proxy_cache c;
            proxy_cache_key $uri$tradesec_user;'),
        cached('p other', 'proxy_cache c;
            proxy_cache_key $uri$tradesec_claim_iss$tradesec_user;') ],
    map({ [ 'cache_without_user', $_, 'location "/"' ] }
        cached('p', 'proxy_cache c; proxy_cache_key $uri;'),
        cached('p', 'proxy_cache c; set $tradesec_user_x 1; proxy_cache_key $uri$tradesec_user_x;'),
        cached('p', 'proxy_cache c; proxy_cache_key $uri$cookie_at;'),
        cached('p cookie=at bearer', 'proxy_cache c;
            proxy_cache_key $uri$cookie_at;'),
        cached('p query=t', 'proxy_cache c; proxy_cache_key $uri$http_cookie;'),
        cached('p other', 'proxy_cache c;
            proxy_cache_key $uri$tradesec_user;'),
        local_server("tradesec on; tradesec_jwt p; proxy_cache c;
            location / { ACCEPT $UP }", "$PROVIDERS $CACHE"),
        local_server("tradesec on; tradesec_jwt p; fastcgi_cache f;
            fastcgi_cache_key \$uri; proxy_cache_key \$tradesec_user;
            location / { ACCEPT fastcgi_pass 127.0.0.1:9; }",
            "$PROVIDERS $FAST")),
    [ 'unguarded_location', local_server("tradesec on; location / { $UP }
            location /old { ACCEPT tradesec off; $UP }"), 'location "/old"',
        local_server("tradesec on; location / { $UP }
            location /old { tradesec off; internal; $UP }"),
        local_server("tradesec on; location /old { tradesec off; }"),
        local_server("tradesec off; location /old { $UP }") ],
    [ 'unguarded_location', local_server("location / { tradesec on; $UP }
            location /old { ACCEPT $UP }"), 'location "/old"' ],
    [ 'return_before_guards', local_server('tradesec on; tradesec_jwt p;
            location /me { ACCEPT return 200 "$remote_addr"; }', $PROVIDERS),
        'location "/me"',
        local_server('tradesec on; tradesec_jwt p;
            location /a { return 204; } location /b { return 301 /c; }
            location /d { return 403 no; }
            location /e { tradesec_jwt off; return 200 hello; }',
            $PROVIDERS) ],
    [ 'return_before_guards', local_server("tradesec on; tradesec_jwt p;
            location /me { ACCEPT if (\$arg_a) { return 200 a; } $UP }",
            $PROVIDERS), 'an inner block' ],
    [ 'cors_any_origin', local_server("tradesec on; location / { $UP ACCEPT
            add_header access-control-allow-origin \$http_origin; }"),
        'location "/"',
        local_server("tradesec on; location / { $UP
            add_header Access-Control-Allow-Origin https://a.test; }") ],
    [ 'real_ip_everywhere', local_server('tradesec on; ACCEPT
            set_real_ip_from 10.0.0.0/8; set_real_ip_from 0.0.0.0/0;'),
        'server',
        local_server('tradesec on; set_real_ip_from 10.0.0.0/8;
            set_real_ip_from 192.0.2.1; set_real_ip_from 2001:db8::/32;') ],
    [ 'real_ip_everywhere', local_server('ACCEPT tradesec on;',
            'set_real_ip_from ::/0;'), 'server' ],
    [ 'websocket_upgrade', local_server("tradesec on; location /ws { ACCEPT
            $SOCKET $UP }"), 'location "/ws"',
        local_server("tradesec on; location /ws { $SOCKET $UP $LINES }"),
        local_server("tradesec on; $LINES location /ws { $SOCKET $UP }"),
        local_server("tradesec on; $SOCKET location / { $UP }"),
        local_server("tradesec on; location / {
            tradesec_websocket off; $UP }") ],
    map({ [ 'websocket_upgrade', local_server("tradesec on; $LINES
            location /ws { ACCEPT $SOCKET $UP $_ }"), 'location "/ws"' ] }
        'proxy_set_header Host $host;', 'proxy_http_version 1.0;'),
    [ 'websocket_without_origin', local_server("tradesec on; $LINES
            location /ws { ACCEPT tradesec_origin off; $SOCKET $UP }"),
        'location "/ws"',
        local_server("tradesec on; $LINES location /ws { $SOCKET $UP }") ],
    [ 'jwt_unused', local_server('tradesec_jwt p; ACCEPT', $PROVIDERS),
        'server', local_server('tradesec on; tradesec_jwt p;', $PROVIDERS) ],
    [ 'require_unused', local_server('tradesec on; tradesec_jwt p;
            location /a { ACCEPT tradesec off; tradesec_require a=1; }',
            $PROVIDERS), 'location "/a"',
        local_server('tradesec on; tradesec_jwt p;
            location /a { tradesec_require a=1; }', $PROVIDERS) ],
    [ 'jwt_without_zone', local_server('tradesec on; tradesec_jwt p;',
            'ACCEPT ' . $PROVIDERS =~ s/tradesec_zone.*?;//r), 'http',
        local_server('tradesec on; tradesec_jwt p;', $PROVIDERS) ],
    [ 'login_off', local_server("location /login { ACCEPT
            tradesec_login account=form:u success=status:303; $UP $ABORT
            location /login/a { $UP } }", $PROVIDERS), 'location "/login"',
        login('account=form:u success=status:303', $ABORT) ],
    [ 'login_without_origin', login('account=form:u success=status:303',
            "tradesec_origin off; $ABORT"), 'location "/login"',
        login('account=form:u success=status:303', $ABORT) ],
    [ 'login_without_account', login('account=none success=status:303',
            $ABORT), 'location "/login"',
        login('account=user success=status:303', "tradesec_jwt p; $ABORT") ],
    [ 'login_without_success', login('account=form:u', $ABORT),
        'location "/login"' ],
    [ 'login_client_abort', login('account=form:u success=status:303', ''),
        'location "/login"' ],
    [ 'login_device_unused', login('account=form:u',
            "tradesec_login_device on; $ABORT
            tradesec_accept login_without_success;"), 'location "/login"',
        login('account=form:u success=status:303',
            "tradesec_login_device on; $ABORT") ],
    [ 'redis_without_password',
        redis("redis://192.0.2.1 key_file=$dir/secret;
            tradesec_accept redis_without_tls"), 'http',
        redis("redis://127.0.0.1 key_file=$dir/secret"),
        redis("redis://:p\@192.0.2.1 key_file=$dir/secret;
            tradesec_accept redis_without_tls") ],
    [ 'redis_without_tls', redis("redis://:p\@192.0.2.1 key_file=$dir/secret"),
        'http', redis("unix:/tmp/r.sock key_file=$dir/secret") ],
    [ 'secret_readable', redis("redis://127.0.0.1 key_file=$dir/open"),
        'http', redis("redis://127.0.0.1 key_file=$dir/secret") ],
    [ 'secret_readable', secret('secret_file', 'open'), 'http',
        secret('secret_file', 'secret'), secret('jwks_file', 'shared') ],
    [ 'secret_readable', secret('jwks_file', 'shared.open'), 'http' ],
    [ 'secret_readable', session('open'), 'http', session('secret') ],
);

# Name and place of the findings that nginx -t prints, and its exit code.

sub found {
    my ($conf, $accept) = @_;

    my %conf = map { $_ => $conf->{$_} =~ s/ACCEPT/$accept/r } keys %$conf;
    my ($code, $text) = config_test(%conf);

    diag($text) if $code && $text !~ /finding/;

    return join "\n", "exit $code", $text =~
        /\[warn\] (?:\d+#\d+: )?tradesec: finding (\w+ in .*?) at \S+:\d+: \S.*; \w/g;
}

for my $row (@findings) {
    my ($name, $wrong, $where, @right) = @$row;

    is(found($wrong, ''), "exit 0\n$name in $where", "$name is found");
    is(found($wrong, qq{tradesec_accept $name "we know";}), 'exit 0',
        '... and accepted');

    is(found($_, ''), 'exit 0', '... and not there') for @right;
}

# every row of the list is in this file

my $list = do { local (@ARGV, $/) =
        "$Bin/../ngx_tradesec_module/core/ts_finding.h"; <> };

is(join(' ', sort { $a cmp $b } $list =~ /\bX\([A-Z_]+, "(\w+)"/g),
    join(' ', do { my %seen; grep { !$seen{$_}++ }
            sort { $a cmp $b } map { $_->[0] } @findings }),
    'every finding is tested');

# acceptance holds below its place, not beside it

my $two = "location /a { A $UP proxy_cache c; } location /b { $UP B
        location /b/c { proxy_cache c; $UP } }";

sub two {
    my ($a, $b, $server, $http) = @_;

    return found(local_server(($server // '') . 'tradesec on; tradesec_jwt p;'
                . $two =~ s/A/$a/r =~ s/B/$b/r,
            "$PROVIDERS $CACHE" . ($http // '')), '');
}

my $ACCEPT = 'tradesec_accept cache_without_user;';
my ($IN_A, $IN_C) = map {"\ncache_without_user in location \"$_\""} '/a', '/b/c';

is(two('', ''), "exit 0$IN_A$IN_C", 'two locations');
is(two($ACCEPT, ''), "exit 0$IN_C", 'accepted in one');
is(two('', $ACCEPT), "exit 0$IN_A", 'accepted above the other');
is(two('', '', $ACCEPT), 'exit 0', 'accepted in the server');
is(two('', '', '', $ACCEPT), 'exit 0', 'accepted in http');

# mistakes

config_refused('tradesec_accept no_tsl;',
    qr/invalid parameter "no_tsl".*did you mean "no_tls"\?/, 'a name misspelt');
config_refused('tradesec_accept no_tls; tradesec_accept no_tls why;',
    qr/the finding "no_tls" is accepted twice here/, 'twice');
config_refused('tradesec_accept no_tls why not;',
    qr/invalid number of arguments/, 'a reason without quotes');

# findings as errors

my $strict = 'tradesec_findings error;';
my ($code, $text) = config_test(
    %{ local_server("tradesec on; tradesec_jwt p; location / { $UP
        proxy_cache c; } location /b { tradesec_origin off; $UP }",
        "$PROVIDERS $CACHE $strict") });

is($code, 1, 'tradesec_findings error: refused');
like($text, qr/\[emerg\].*finding cache_without_user in location "\/" at \S+:\d+: /,
    '... with the finding');

config_accepted(local_server("tradesec on; tradesec_jwt p; location / { $UP
        $ACCEPT proxy_cache c; }", "$PROVIDERS $CACHE $strict"),
    '... unless it is accepted');
config_accepted(local_server('tradesec on;', $strict), '... or there is none');
config_refused({ http => 'tradesec_findings maybe;' },
    qr/invalid value "maybe"/, 'tradesec_findings maybe');
config_refused({ http => "$strict $strict" }, qr/is duplicate/, 'twice');
config_refused($strict, qr/is not allowed here/, 'in a server');

# a configuration that fails at a reload gives other modules their directives
# back: the master goes on without us

my $good = 'location / { return 200 ok; }
    location /h { return 204; add_header X-Is here; }';

my $t = Tradesec::Test->new(server => $good);

$t->allow_logged(qr/\[emerg\].*(?:invalid number of arguments|unknown dir)/);
is($t->get('/')->body, 'ok', 'a server without tradesec');

for my $broken ('proxy_set_header;', 'unknown_line on;') {
    $t->configure(server => "$good $broken");
    ok(!$t->reload, "a reload with $broken fails");

    $t->configure(server => $good);
    ok($t->reload, '... the next one does not');
    is($t->get('/h')->header('X-Is'), 'here', '... add_header works');

    $t->configure(server => "$good $broken");
    $t->reload;
    $t->configure(server => $good, module => 0);
    ok($t->reload, '... nor one that unloads the module')
        && ok($t->reload, '... nor any without it');
    is($t->get('/h')->header('X-Is'), 'here', '... add_header works');

    $t->configure(module => 1);
    ok($t->reload, '... nor one that loads it again');
}

done_testing();
