#!/usr/bin/perl

# The header set on every response that runs header filters, each exactly
# once; the backend's own value replaced, kept or merged.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused config_accepted);


my %basic = (
    'Content-Security-Policy' =>
        "base-uri 'self'; object-src 'none'; frame-ancestors 'self'",
    'X-Frame-Options'            => 'SAMEORIGIN',
    'X-Content-Type-Options'     => 'nosniff',
    'Referrer-Policy'            => 'strict-origin-when-cross-origin',
    'Permissions-Policy'         => 'camera=(), geolocation=(), microphone=()',
    'Cross-Origin-Opener-Policy' => 'same-origin-allow-popups',
);

my $locations = <<'CONF';
    tradesec on;
    tradesec_methods GET HEAD POST;
    client_max_body_size 10;
    large_client_header_buffers 2 1k;

    location / { proxy_pass http://%%BACKEND%%; }
    location /static/ { root %%DIR%%; }
    location /return { return 204; }
    location /redirect { return 301 /elsewhere; }
    location /forbidden { deny all; }
    location /missing { error_page 404 /sorry; root %%DIR%%; }
    location = /sorry { return 200 sorry; }
    location /missing-external { error_page 404 https://a.test/; root /x; }
    location /intercepted {
        proxy_intercept_errors on;
        error_page 500 @sorry;
        proxy_pass http://%%BACKEND%%;
    }
    location @sorry { return 200 sorry; }
    location /nested/ {
        add_header X-Nested 1;
        location /nested/deep/ { proxy_pass http://%%BACKEND%%; }
    }
    location /twice {
        add_header X-Frame-Options DENY always;
        add_header X-Content-Type-Options wrong always;
        proxy_pass http://%%BACKEND%%;
    }
    location /gone { proxy_pass http://127.0.0.1:1; }
    location /off { tradesec off; proxy_pass http://%%BACKEND%%; }
    location /no-headers { tradesec_headers off; proxy_pass http://%%BACKEND%%; }
    location /strict { tradesec_headers strict; proxy_pass http://%%BACKEND%%; }
    location /adjusted {
        tradesec_header X-Frame-Options DENY;
        tradesec_header Referrer-Policy off;
        tradesec_header X-Own "$request_method-$arg_x";
        tradesec_header X-Empty "$arg_y";
        tradesec_header X-Path "$uri";
        tradesec_header X-Kept ours keep;
        tradesec_header_remove X-Backend;
        proxy_pass http://%%BACKEND%%;

        location /adjusted/deeper {
            tradesec_header X-Frame-Options SAMEORIGIN;
            proxy_pass http://%%BACKEND%%;
        }
    }
CONF

my %answers = (
    '/500'         => 500,
    '/304'         => 304,
    '/intercepted' => 500,
    '/hang-up'     => { close => 1 },
    '/chunked'     => { chunked => 1, body => [ 'a', 'b' ] },
    '/own'         => { headers => [
        'X-Frame-Options'            => 'DENY',
        'x-content-type-options'     => 'something',
        'Referrer-Policy'            => 'no-referrer',
        'Content-Security-Policy'    => "default-src 'self'; object-src x",
        'Cross-Origin-Opener-Policy' => '',
        'Server'                     => 'Backend/1.0',
        'X-Powered-By'               => 'PHP/5',
    ] },
    '/duplicates'  => { headers => [
        'X-Frame-Options'         => 'DENY',
        'X-FRAME-OPTIONS'         => 'SAMEORIGIN',
        'X-Powered-By'            => 'a',
        'x-powered-by'            => 'b',
        'Content-Security-Policy' => "default-src 'self'",
        'Content-Security-Policy' => "img-src *; base-uri 'none'",
        'X-Content-Type-Options'  => 'a',
        'X-Content-Type-Options'  => 'b',
    ] },
    '/many'        => { headers => [
        map { ('Content-Security-Policy' => "script-src s$_.test") } 1 .. 9
    ] },
    '/hsts'        => { headers => [
        'Strict-Transport-Security' => 'max-age=1' ] },
    '/adjusted'    => { headers => [
        'X-Backend' => 1, 'X-Kept' => 'theirs', 'Referrer-Policy' => 'origin',
        'X-Powered-By' => 'kept' ] },
);

my $t = Tradesec::Test->new(backend => \%answers, server => $locations);
my $tls = Tradesec::Test->new(backend => \%answers, tls => 1, http2 => 1,
    server => $locations);

for ($t, $tls) {
    mkdir $_->dir . '/static';
    $_->write_file('static/a.txt', 'a');
    $_->allow_logged(qr/connect\(\) failed/);
}

# Says which of the basic headers do not stand there exactly once.

sub missing {
    my ($r, $hsts) = @_;

    my %expected = (%basic,
        $hsts ? ('Strict-Transport-Security' => 'max-age=31536000') : ());

    my @wrong = grep {
        my @values = $r->headers($_);
        @values != 1 || $values[0] ne $expected{$_}
    } sort keys %expected;

    push @wrong, 'Strict-Transport-Security'
        if !$hsts && $r->headers('Strict-Transport-Security');
    push @wrong, 'Server' if $r->headers('Server');

    return join ' ', @wrong;
}

sub complete {
    my ($request, $status, $title) = @_;

    for my $server ($t, $tls) {
        my $r = $request->($server);

        is($r->status, $status, "$title: $status");
        is(missing($r, $server == $tls), '', "$title: each header once"
            . ($server == $tls ? ' over TLS' : ''));
    }

    return;
}

complete(sub { $_[0]->get('/') }, 200, 'proxied');
complete(sub { $_[0]->head('/') }, 200, 'HEAD');
complete(sub { $_[0]->get('/chunked') }, 200, 'chunked');
complete(sub { $_[0]->get('/500') }, 500, 'backend error');
complete(sub { $_[0]->get('/304') }, 304, '304 of the backend');
complete(sub { $_[0]->get('/static/a.txt') }, 200, 'static');
complete(sub { $_[0]->get('/static/a.txt', Range => 'bytes=0-0') }, 206,
    'range');
complete(sub { $_[0]->get('/static/a.txt', Range => 'bytes=5-') }, 416,
    'bad range');
complete(sub {
    my $etag = $_[0]->get('/static/a.txt')->header('ETag');
    $_[0]->get('/static/a.txt', 'If-None-Match' => $etag) }, 304,
    'not modified');
complete(sub { $_[0]->get('/return') }, 204, 'return');
complete(sub { $_[0]->get('/redirect') }, 301, 'redirect');
complete(sub { $_[0]->get('/forbidden') }, 403, 'deny');
complete(sub { $_[0]->get('/missing') }, 404, 'error page');
complete(sub { $_[0]->get('/missing-external') }, 302, 'external error page');
complete(sub { $_[0]->get('/intercepted') }, 500, 'intercepted error');
complete(sub { $_[0]->get('/nested/deep/') }, 200, 'nested location');
complete(sub { $_[0]->get('/gone') }, 502, 'backend away');
complete(sub { $_[0]->get('/hang-up') }, 502, 'backend hangs up');
complete(sub { $_[0]->request('DELETE', '/') }, 405, 'our own refusal');
complete(sub { $_[0]->request('TRACE', '/') }, 405, 'refusal of nginx');
complete(sub { $_[0]->post('/', 'x' x 100, Origin => undef) }, 413,
    'body too large');
complete(sub { $_[0]->get('/' . 'x' x 3000) }, 414, 'URI too long');
complete(sub { $_[0]->get('/', 'X-Long' => 'x' x 3000) }, 400,
    'header too long');
complete(sub { $_[0]->raw("GET / HTTP/1.1\r\n\r\n") }, 400, 'no Host');
complete(sub { $_[0]->raw("GET / HTTP/9.9\r\n\r\n") }, 505, 'bad version');

my $r = $t->get('/twice');
is(join('|', $r->headers('X-Frame-Options')), 'DENY',
    'add_header counts as the backend: kept');
is(join('|', $r->headers('X-Content-Type-Options')), 'nosniff',
    'add_header counts as the backend: replaced');

$r = $t->get('/own');
is(join('|', $r->headers('X-Frame-Options')), 'DENY', 'keep');
is(join('|', $r->headers('X-Content-Type-Options')), 'nosniff', 'replace');
is(join('|', $r->headers('Referrer-Policy')), 'no-referrer', 'keep another');
is(join('|', $r->headers('Cross-Origin-Opener-Policy')),
    'same-origin-allow-popups', 'an empty value is not kept');
is(join('|', $r->headers('Content-Security-Policy')),
    "default-src 'self'; object-src x; base-uri 'self'; "
    . "frame-ancestors 'self'", 'merge');
is(join('|', $r->headers('X-Powered-By')), '', 'X-Powered-By removed');
is(join('|', $r->headers('Server')), '', 'Server removed');

$r = $t->get('/duplicates');
is(join('|', $r->headers('X-Frame-Options')), 'DENY', 'duplicates: keep');
is(join('|', $r->headers('X-Content-Type-Options')), 'nosniff',
    'duplicates: replace');
is(join('|', $r->headers('X-Powered-By')), '', 'duplicates: removed');
is(join('|', $r->headers('Content-Security-Policy')),
    "default-src 'self', img-src *; base-uri 'none'; object-src 'none'; "
    . "frame-ancestors 'self'", 'duplicates: merged into one');

is(join('|', $t->get('/many')->headers('Content-Security-Policy')),
    $basic{'Content-Security-Policy'}, 'too many to merge: replaced');
$t->logged(qr/more than 8 "Content-Security-Policy"/, 'and logged');

is(join('|', $t->get('/hsts')->headers('Strict-Transport-Security')), '',
    'never HSTS over plain http, not even the backend\'s');
is(join('|', $tls->get('/hsts')->headers('Strict-Transport-Security')),
    'max-age=31536000', 'HSTS over TLS');

$r = $t->get('/off');
is(join('|', map { $r->headers($_) } sort keys %basic), '', 'tradesec off');
ok($r->header('Server'), 'tradesec off: Server stays');
$r = $t->get('/no-headers');
is(join('|', map { $r->headers($_) } sort keys %basic), '', 'headers off');

$r = $tls->get('/strict');
is($r->header('X-Frame-Options'), 'DENY', 'strict preset');
like($r->header('Content-Security-Policy'), qr/default-src 'self'/,
    'strict CSP');
like($r->header('Strict-Transport-Security'), qr/includeSubDomains/,
    'strict HSTS');
is($r->header('Referrer-Policy'), 'same-origin',
    'strict leaves own forms their Origin');

$r = $t->get('/adjusted?x=1');
is(join('|', $r->headers('X-Frame-Options')), 'DENY', 'adjusted');
is(join('|', $r->headers('Referrer-Policy')), 'origin', 'off: not touched');
is(join('|', $r->headers('X-Own')), 'GET-1', 'value with variables');
is(join('|', $r->headers('X-Empty')), '', 'empty value is no header');
is(join('|', $r->headers('X-Path')), '/adjusted', 'value of a path');
is(join('|', $r->headers('X-Kept')), 'theirs', 'keep of an own header');

my $split = $t->get('/adjusted/a%0d%0aSet-Cookie:%20session=evil');

is(join('|', $split->headers('Set-Cookie')), '',
    'a variable does not split the response');
is(join('|', $split->headers('X-Path')), '', 'its header is left out');

is(join('|', $r->headers('X-Backend')), '', 'removed by name');
is(join('|', $r->headers('X-Powered-By')), 'kept',
    'own list of removals replaces the default one');
is(join('|', $r->headers('X-Content-Type-Options')), 'nosniff',
    'the rest of the preset stays');

$r = $t->get('/adjusted/deeper?x=2');
is(join('|', $r->headers('X-Frame-Options')), 'SAMEORIGIN',
    'deeper: overridden again');
is(join('|', $r->headers('X-Own')), 'GET-2', 'deeper: inherited');

# HTTP/2

$r = $tls->h2(GET => '/');
is(missing($r, 1), '', 'HTTP/2: each header once');
$r = $tls->h2(GET => '/own');
is(join('|', $r->headers('X-Content-Type-Options')), 'nosniff',
    'HTTP/2: replace');

# behind a load balancer

my $lb = Tradesec::Test->new(backend => 1, server => <<~'CONF');
        tradesec on;
        tradesec_trusted_scheme $http_x_forwarded_proto;
        location / { proxy_pass http://%%BACKEND%%; }
    CONF

ok($lb->get('/', 'X-Forwarded-Proto' => 'https')
    ->header('Strict-Transport-Security'), 'trusted scheme is TLS');
ok(!$lb->get('/', 'X-Forwarded-Proto' => 'http')
    ->header('Strict-Transport-Security'), 'trusted scheme is not TLS');

# configuration

for my $name (qw(Content-Length Set-Cookie location Server Connection)) {
    config_refused("tradesec_header $name x;",
        qr/cannot set "$name": it belongs to nginx/, "foreign header $name");
}

config_refused('tradesec_header "X Y" x;', qr/invalid header name "X Y"/,
    'space in a name');
config_refused('tradesec_header "" x;', qr/invalid header name ""/,
    'empty name');
config_refused("tradesec_header X-Y 'a\nb';", qr/control character/,
    'line end in a value');
config_refused('tradesec_header X-Y x mrege;',
    qr/invalid parameter "mrege".*did you mean "merge"/, 'misspelt mode');
config_refused('tradesec_header X-Frame-Options x merge;',
    qr/cannot be merged.*write "replace" or "keep"/, 'merge of another');
config_refused('tradesec_header Strict-Transport-Security yes;',
    qr/without "max-age="/, 'HSTS without max-age');
config_refused('tradesec_headers basik;', qr/invalid value "basik"/,
    'unknown preset');
config_refused('tradesec on; ' . join('', map { "tradesec_header X-$_ x;" }
    1 .. 40), qr/more than 32 headers/, 'too many headers');
config_refused('tradesec_header_remove "a b";', qr/invalid header name/,
    'bad name to remove');
config_accepted('tradesec on; tradesec_header_remove off;', 'remove nothing');

# nginx keeps the lines of a response in parts of 20: whatever the backend's
# own fill of them, ours and theirs go out, each once

my $many = Tradesec::Test->new(
    backend => {
        '*' => sub {
            my ($kind, $n) = $_[0]->uri =~ m{^/(\w+)/(\d+)};

            return { headers => [
                (map { ("X-App-$_" => $_) } 1 .. $n),
                $kind eq 'own' ? ('X-Content-Type-Options' => 'wrong') : (),
            ] };
        },
    },
    server => 'tradesec on; tradesec_origin off;'
        . ' location / { proxy_pass http://%%BACKEND%%; }');

for my $kind (qw(none own)) {
    my @wrong;

    for my $n (0, 10 .. 22, 32 .. 42) {
        my $r    = $many->request(GET => "/$kind/$n");
        my %want = (%basic, map { ("X-App-$_" => $_) } 1 .. $n);

        push @wrong, map {"$n: $_"}
            grep { join('|', $r->headers($_)) ne $want{$_} } sort keys %want;
    }

    is("@wrong", '', "beside any number of the backend's ($kind of ours)");
}

done_testing();
