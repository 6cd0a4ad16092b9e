#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The posture report says what the configuration in force has: the findings,
# accepted or not, and of each location the guards and what it keeps.

use v5.30;
use warnings;

use JSON::PP qw(decode_json);
use Test::More;

use Tradesec::Test qw(config_refused);
use Tradesec::Test::Token qw(jwks provider);


my $SOCKET = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;';

my $http = "proxy_cache_path %%DIR%%/cache keys_zone=c:1m;\n"
    . "tradesec_zone zone=state:1m;\n"
    . provider('portal', 'issuer https://idp.test;', 'max_lifetime 1h;');

my $server = <<"CONF";
    server_name app.test;
    tradesec on;
    tradesec_jwt portal;

    location / { proxy_pass http://%%BACKEND%%; }
    location = /login {
        tradesec_jwt off;
        tradesec_login account=form:u success=status:303;
        tradesec_accept login_client_abort "a \\"quoted\\" rea\\\\\\\\son \xc3\xa4";
        proxy_pass http://%%BACKEND%%;
    }
    location /static/ { tradesec_jwt off; root /srv; }
    location /closed/ { tradesec_jwt off; tradesec_public off; root /srv; }
    location /hook/ {
        tradesec_jwt off; tradesec_public on; tradesec_origin off;
        proxy_pass http://%%BACKEND%%;
    }
    location /money/ {
        tradesec_require max_age=5m;
        tradesec_require account=query:account;
        proxy_pass http://%%BACKEND%%;
    }
    location /trial/ {
        tradesec_dry_run jwt origin;
        proxy_pass http://%%BACKEND%%;
    }
    location /prices/ { proxy_cache c; proxy_pass http://%%BACKEND%%; }
    location /password/ {
        tradesec_revoke user success=204;
        proxy_pass http://%%BACKEND%%;
    }
    location /old/ { tradesec off; proxy_pass http://%%BACKEND%%; }
    location /ws/ {
        tradesec_websocket owner=/user_id;
        $SOCKET
        proxy_pass http://%%BACKEND%%;
    }
    location = /posture { tradesec_jwt off; tradesec_posture allow=127.0.0.1; }
    location = /revocations { tradesec_jwt off;
        tradesec_revocations allow=127.0.0.1; }
    location = /nobody { tradesec_jwt off;
        tradesec_posture allow=192.0.2.0/24; }
CONF

my $t = Tradesec::Test->new(
    backend => 1,
    stopped => 1,
    http    => "$http\nserver { listen 127.0.0.1:%%PORT%%; $server }\n"
        . "server { listen 127.0.0.1:%%PORT_tls%% ssl; server_name b.test;\n"
        . 'ssl_certificate %%CERT%%; ssl_certificate_key %%KEY%%;'
        . "tradesec on; location \"/\xff\\\"\" { tradesec_cookies off; }\n"
        . 'location /bare { tradesec_headers off; add_header
            Strict-Transport-Security max-age=9 always; } }',
);

$t->write_file('portal.jwks', jwks());
$t->start;

sub report {
    my $r = $t->get('/posture');

    is($r->status, 200, 'the report') or diag($r->body, $t->read_file('error.log'));
    is($r->header('Content-Type'),  'application/json', '... is JSON');
    is($r->header('Cache-Control'), 'no-store', '... that nobody stores');

    return decode_json($r->body);
}

my $report = report();

# the findings

my %found = map { ("$_->{name} $_->{location}" => $_) } @{ $report->{findings} };

is(join(', ', sort keys %found),
    'cache_without_user /prices/, login_client_abort /login, '
        . 'unguarded_location /old/', 'its findings');

my $cache = $found{'cache_without_user /prices/'};

is($cache->{severity}, 'high', 'how bad it is');
is($cache->{file}, $t->dir . '/nginx.conf', 'its file');
like($cache->{$_}, qr/\w/, "its $_") for qw(line problem advice);
ok(!$cache->{accepted}, 'not accepted');
ok($found{'login_client_abort /login'}{accepted}, 'accepted');
is($found{'login_client_abort /login'}{why}, qq{a "quoted" rea\\\\son \xe4},
    '... why');

# what protects what

my ($app, $other) = @{ $report->{servers} };

is_deeply($app->{names}, ['app.test'], 'the server');
ok(!$app->{tls} && !$app->{plain}, '... on loopback');
ok($other->{tls}, 'the other has TLS');

my %place = map { $_->{location} => $_ } @{ $app->{locations} };

sub guards {
    my ($location) = @_;

    my $guards = $place{$location}{guards};

    return join ' ', map {"$_:$guards->{$_}"} grep {
        /^(?:public|jwt|login|require|origin)$/
    } sort keys %$guards;
}

for my $row (
    [ '/',         'jwt:on origin:on',           'nothing' ],
    [ '/login',    'login:on origin:on',         'login' ],
    [ '/static/',  'origin:on public:on',        'safe' ],
    [ '/closed/',  'origin:on public:on',        'nothing' ],
    [ '/hook/',    '',                           'all' ],
    [ '/money/',   'jwt:on origin:on require:on', 'nothing' ],
    [ '/trial/',   'jwt:dry_run origin:dry_run', 'all' ],
    [ '/old/',     '',                           'all' ],
    [ '/posture',  'origin:on',                  'nothing' ])
{
    my ($location, $guards, $without) = @$row;

    is(guards($location), $guards, "$location: guards");
    is($place{$location}{without_token}, $without,
        "$location: without a token");
}

my %keeps = map {
    my $location = $_;
    ($location => { map { $_ => 1 } @{ $place{$location}{promises} } })
} keys %place;

for my $row (
    [ '/',          'S2 A1 A9 X1 S1 T3 S7', 'T1 T2 L1 A2 A4 A6 S4 W1' ],
    [ '/login',     'L1 L2 L3 X1 A9',       'A1 S2' ],
    [ '/static/',   'A9 X1',                'A1 S2' ],
    [ '/hook/',     'S1',                   'A1 A9 X1' ],
    [ '/money/',    'A2 A4 A6',             '' ],
    [ '/trial/',    'T3',                   'S2 A1 A9 X1' ],
    [ '/password/', 'S4 S6',                '' ],
    [ '/ws/',       'W1 W2 W3 W4',          '' ],
    [ '/old/',      '',                     'S1 T3 A9 X1' ])
{
    my ($location, $kept, $not) = @$row;

    ok($keeps{$location}{$_},  "$location keeps $_") for split ' ', $kept;
    ok(!$keeps{$location}{$_}, "$location does not keep $_")
        for split ' ', $not;
}

my ($odd) = grep { $_->{location} =~ /^\/\?/ } @{ $other->{locations} };

is($odd->{location}, '/?"', 'a name that is no UTF-8 leaves valid JSON');
is(join(' ', grep {/^(?:T\d|S1)/} @{ $odd->{promises} }), 'T1 T2 T3',
    'TLS, HSTS and headers, no cookies');
ok(!$report->{truncated}, 'the whole');

# who may ask, and how

is($t->get('/nobody')->status, 403, 'another address');
ok($t->logged(qr/"tradesec_posture" is not for this client/), '... in the log');
is($t->post('/posture', 'a=b')->status, 405,
    'POST');
is($t->head('/posture')->body, '', 'HEAD');

# it follows the configuration

$t->configure(http => $t->{http} =~ s/proxy_cache c;//r);
ok($t->reload, 'reloaded');

is(join(' ', map { $_->{name} } @{ report()->{findings} }),
    'login_client_abort unguarded_location', 'mended');

# a large configuration

my $many = join "\n", map {"location /l$_/ { proxy_cache c;
    proxy_pass http://%%BACKEND%%; }"} 1 .. 4000;

$t->configure(http => $t->{http} =~ s/(?=location \/static)/$many\n/r);
ok($t->reload, 'four thousand locations');

my $large = $t->get('/posture')->body;

cmp_ok(length $large, '<', 1_100_000, 'a report is bounded');
ok(decode_json($large)->{truncated}, '... and says so');

config_refused('location / { tradesec_posture; }',
    qr/"tradesec_posture" must say whom it is for/, 'for nobody');
config_refused('location / { tradesec_posture allow=::1;
        tradesec_posture allow=::1; }', qr/is duplicate/, 'twice');

done_testing();
