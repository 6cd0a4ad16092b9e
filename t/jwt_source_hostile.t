#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A source of keys that somebody else has taken over, or that stands behind a
# broken proxy: it can hand out no keys that would be refused in a file, and
# beyond its keys it gets nothing: no page of the gateway, no time, no memory,
# no connection of a client. The keys that there are go on.

use v5.30;
use warnings;

use File::Temp ();
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Backend;
use Tradesec::Test::Token qw(bearer jwks provider token);


my %token  = map { $_ => token({}, kid => $_) } qw(ec1 ec2);

my ($key)    = @{ decode_json(jwks('ec2'))->{keys} };
my ($first)  = @{ decode_json(jwks('ec1'))->{keys} };
my ($rsa)    = @{ decode_json(jwks('rsa'))->{keys} };
my $good     = jwks('ec2');
my $end      = "\r\n\r\n";
my $HTTP     = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

sub keys_of { return encode_json({ keys => [@_] }) }

sub with { my ($of, %more) = @_; return { %$of, %more } }

sub chunked {
    my ($chunks) = @_;

    return { raw => "${HTTP}Transfer-Encoding: chunked$end$chunks" };
}

gzip \$good => \my $zipped;

my $chunk = sprintf "%x\r\n%s\r\n", length $good, $good;

my %SWAPPED = (x => $key->{y}, y => $key->{x});

my @bad = (
    # what the answer does

    'X-Accel-Redirect' => { body => $good,
        headers => [ 'X-Accel-Redirect' => '/keys-of-a-stranger' ] },
    'X-Accel-Redirect, internal' => { body => $good,
        headers => [ 'X-Accel-Redirect' => '/inner' ] },
    'X-Accel-Redirect, named' => { body => $good,
        headers => [ 'X-Accel-Redirect' => '@named' ] },
    'X-Accel-Redirect, an answer of nginx' => { body => '{"keys":[]}',
        headers => [ 'X-Accel-Redirect' => '/returned' ] },
    'X-Accel-Redirect, a loop' => { body => $good,
        headers => [ 'X-Accel-Redirect' => '/internal/loop' ] },
    'redirects' => { status => 307, body => $good,
        headers => [ Location => '/keys-of-a-stranger' ] },
    'a part' => { status => 206, body => $good,
        headers => [ 'Content-Range' => 'bytes 0-1/2' ] },
    'created' => { status => 201, body => $good },
    'not modified' => { status => 304 },
    'an upgrade' => { raw => "HTTP/1.1 101 Switching Protocols\r\n"
        . "Upgrade: websocket\r\nConnection: Upgrade$end$good" },
    'continue' => { raw => "HTTP/1.1 100 Continue$end" },
    'HTTP/0.9' => { raw => $good },
    'a header of 100 KB' => { raw => "${HTTP}X: " . 'x' x 100_000
        . "$end$good" },
    'ten thousand fields' => { raw => $HTTP
        . join('', map {"X-$_: x\r\n"} 1 .. 10_000) . "\r\n$good" },
    'compressed' => { body => $zipped,
        headers => [ 'Content-Encoding' => 'gzip' ] },
    'a bomb' => { body => do {
            gzip \(' ' x 10_000_000 . $good) => \my $bomb; $bomb },
        headers => [ 'Content-Encoding' => 'gzip' ] },
    'a length that is short' => { raw => "${HTTP}Content-Length: 10$end$good" },
    'a length that is long' => { raw => "${HTTP}Content-Length: 65000$end$good" },
    'a chunk of 2^64' => chunked("ffffffffffffffff\r\n$good"),
    'a chunk of 2^64 and one' => chunked("10000000000000001\r\n$good"),
    'a chunk below zero' => chunked("-1\r\n$good"),
    'a chunk that is short' => chunked("a\r\n$good\r\n0\r\n\r\n"),
    'a chunk without an end' => chunked($chunk . "1\r\n"),
    'chunks of nothing' => chunked("0\r\n\r\n$good"),
    'chunks without an end' => chunked($chunk x 5),
    'forty thousand chunks' => chunked("1\r\n{\r\n" x 40_000 . "0\r\n\r\n"),
    'a page with an include' => { body => '<!--#include virtual="/inner" -->',
        headers => [ 'Content-Type' => 'text/html' ] },

    # what the keys are

    'one kid twice' => { body => keys_of($first, with($key, kid => 'ec1')) },
    'one kid twice, escaped' => { body => keys_of($first, $key)
            =~ s/"kid":"ec2"/"kid":"ec\\u0031"/r },
    'a kid that is a number' => { body => keys_of(with($key, kid => 2)) },
    'a long kid' => { body => keys_of(with($key, kid => 'k' x 1000)) },
    'to encrypt' => { body => keys_of(with($key, use => 'enc')) },
    'for nobody' => { body => keys_of(with($key, key_ops => ['encrypt'])) },
    'of another algorithm' => { body => keys_of(with($key, alg => 'RS256')) },
    'of none' => { body => keys_of(with($key, alg => 'none')) },
    'of a secret' => { body => keys_of(with($key, alg => 'HS256')) },
    'a private key' => { body => keys_of(with($key, d => $key->{x})) },
    'a point of no curve' => { body => keys_of(with($key, %SWAPPED)) },
    'a point of another' => { body => keys_of(with($key, crv => 'P-384')) },
    'the point at infinity' => { body => keys_of(with($key,
        map { $_ => encode_base64url("\0" x 32) } qw(x y))) },
    'an exponent of one' => { body => keys_of(with($rsa, e => 'AQ')) },
    'an even exponent' => { body => keys_of(with($rsa, e => 'AQAA')) },
    'an endless exponent' => { body => keys_of(with($rsa,
        e => $rsa->{n})) },
    'a modulus of 64 KBit' => { body => keys_of(with($rsa,
        n => encode_base64url("\xff" x 8192))) },
    'a thousand keys' => { body => keys_of(map {
        { kty => 'OKP', crv => 'Ed25519', kid => "k$_", x => 'x' x 1 }
        } 1 .. 1000) },
    'a secret beside it' => { body => keys_of($key,
        { kty => 'oct', kid => 's', k => encode_base64url('k' x 32) }) },
    'a secret alone' => { body => keys_of(
        { kty => 'oct', kid => 's', k => encode_base64url('k' x 32) }) },
    'keys twice' => { body => '{"keys":[],' . substr($good, 1) },
    'keys in keys' => { body => encode_json({ keys => { keys => [$key] } }) },
    'a list' => { body => encode_json([$key]) },
    'a key alone' => { body => encode_json($key) },
    'a kty twice' => { body => $good =~ s/\{"/{"kty":"oct","/r
        =~ s/"keys":\[\{/"keys":[{"kty":"oct",/r },
    'ten thousand levels' => { body => '{"keys":' . '[' x 10_000
        . ']' x 10_000 . '}' },
    'a byte order mark' => { body => "\xef\xbb\xbf$good" },
    'a zero behind it' => { body => "$good\0" },
    'half a character' => { body => keys_of(with($key, kid => 'X'))
        =~ s/"X"/"\xc3"/r },
    'UTF-16' => { body => join '', map {"$_\0"} split //, $good },
    'a comment' => { body => "/* */$good" },
);

my (@what, %paths);
my ($http, $server) = ("tradesec_zone zone=keys:16m;\n", <<"CONF");
        tradesec on;
        tradesec_origin off;
        ssi on;

        # what no source of keys can reach
        location = /keys-of-a-stranger {
            proxy_pass http://%%BACKEND%%/stranger;
        }
        location = /inner { internal; proxy_pass http://%%BACKEND%%/inner; }
        location = /returned { return 200 '$good'; }
        location \@named { proxy_pass http://%%BACKEND%%; }
CONF

while (my ($what, $answer) = splice @bad, 0, 2) {
    push @what, $what;
    $paths{"/$#what"} = $answer;
}

# It is good until this file is there.

my $dir    = File::Temp->newdir;
my $turned = "$dir/turned";
my $source = Tradesec::Test::Backend->new(answers => sub {
    return -e $turned ? $paths{ $_[0]->path } // 500
        : { body => keys_of($first) };
});

for my $n (0 .. $#what) {
    $http .= provider("p$n", 'algorithms ES256 RS256 EdDSA;',
        "jwks_uri /internal/$n refresh=1s interval=1s timeout=2s;");
    $server .= <<"CONF";
        location /$n/ {
            tradesec_jwt p$n; proxy_pass http://%%BACKEND%%;
        }
        location = /internal/$n {
            internal;
            proxy_http_version 1.1;
            proxy_pass http://@{[ $source->address ]}/$n;
        }
CONF
}

my $t = Tradesec::Test->new(
    backend => { '*' => { body => $good } },
    workers => 1,
    http    => $http,
    server  => $server,
);

my ($worker) = $t->workers;

sub all {
    my ($token) = @_;

    return join ' ', map { $_->status } $t->parallel(
        map { [ GET => "/$_/", undef, bearer($token) ] } 0 .. $#what);
}

sub says { return join ' ', ($_[0]) x @what }

is(all($token{ec1}), says(200), 'good keys');

my $before = $t->rss($worker);

$t->backend->clear;
$source->clear;
open my $flag, '>', $turned or die "$turned: $!";
select undef, undef, undef, 1.1;
all($token{ec2});

for my $n (0 .. $#what) {
    my $title = $what[$n];

    is($t->get("/$n/", bearer($token{ec2}))->status, 401, "$title: no new key");
    is($t->get("/$n/", bearer($token{ec1}))->status, 200,
        "$title: the keys go on");
    $t->logged(qr/\[error\].*provider "p$n" keeps its keys: /,
        "$title: it is said");
    $t->logged(qr/"p$n" keeps its keys: .*: it has an X-Accel-Redirect/,
        '... by its reason') if $title =~ /X-Accel/;
}

is(scalar(grep { $_->path =~ /inner|stranger|keys|internal/ }
        $t->backend->requests), 0, 'no source has made the gateway ask anybody');
cmp_ok($source->count, '>=', @what, 'all were asked');
cmp_ok($t->rss($worker) - $before, '<', 16_384, 'the worker has not grown');

undef $t;

# A source that says a byte now and then, and never all of it, in front of its
# header, in it, or in its body: each byte would begin nginx's own timeout anew.

my $PAUSE = 0.05;

my %drips = (
    line   => [ '',    'HTTP/1.1 200 OK' . ' ' x 10_000 ],
    header => [ $HTTP, "X-Drip: " . 'x' x 10_000 ],
    body   => [ "${HTTP}Content-Length: 9999$end", $good . ' ' x 10_000 ],
    chunks => [ "${HTTP}Transfer-Encoding: chunked$end",
        "1\r\n{\r\n" x 10_000 ],
    slowly => [ $HTTP . 'Content-Length: ' . length($good) . $end, $good, 40 ],
);

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "listen: $!";
my $dripping = fork // die "fork: $!";

if ($dripping == 0) {
    my $parent = getppid;

    $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
    $listen->timeout(1);

    while (getppid == $parent) {
        my $c = $listen->accept or next;

        next if fork;

        my ($name) = (<$c> // '') =~ m{^GET /(\w+)};
        my ($all, $drops, $size) = @{ $drips{ $name // '' } // [ '', '' ] };

        syswrite $c, $all;

        for my $drop (unpack '(a' . ($size // 1) . ')*', $drops) {
            syswrite $c, $drop or last;
            last if getppid == 1;
            select undef, undef, undef, $PAUSE;
        }

        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}

for my $buffering (qw(on off)) {
    my $address  = '127.0.0.1:' . $listen->sockport;
    my @names    = sort keys %drips;
    my $provider = sub {
        my ($name) = @_;

        return provider($name, 'algorithms ES256;',
            "jwks_uri /internal/$name interval=1s timeout="
                . ($name eq 'slowly' ? '30s;' : '1s;'));
    };

    $t = Tradesec::Test->new(
        backend => 1,
        workers => 1,
        http    => join('', "tradesec_zone zone=keys:4m;\n",
            map { $provider->($_) } @names),
        server  => join '', "tradesec on;\n", map {<<"CONF"} @names);
        location /$_/ {
            tradesec_jwt $_; proxy_pass http://%%BACKEND%%;
        }
        location = /internal/$_ {
            internal;
            proxy_buffering $buffering;
            proxy_http_version 1.1;
            proxy_read_timeout 30s;
            proxy_pass http://$address/$_;
        }
CONF

    my @r = $t->parallel(map {
        [ GET => "/$_/", undef, bearer($token{ec2}) ] } @names);

    for my $n (0 .. $#names) {
        my $name  = $names[$n];
        my $title = "buffering $buffering, $name";

        if ($name eq 'slowly') {
            is($r[$n]->status, 200, "$title: but all of it, in time");
            next;
        }

        is($r[$n]->status, 503, "$title: drips without end");
        $t->logged(qr{"$name" keeps its keys: .*: no answer in time},
            "$title: is given up");
    }

    is($t->get('/slowly/', bearer($token{ec2}))->status, 200,
        "buffering $buffering: the others go on");
    undef $t;
}

kill 'TERM', $dripping;
waitpid $dripping, 0;

# What the operator has said himself is no trick of the source.

{
    my $led = Tradesec::Test::Backend->new(answers => {
        '*' => { body => $good,
            headers => [ 'X-Accel-Redirect' => '/internal/led' ] },
    });
    my $from = 'http://' . $led->address;

    $t = Tradesec::Test->new(
        backend => 1,
        http    => "tradesec_zone zone=keys:4m;\n"
            . provider('led', 'algorithms ES256;', 'jwks_uri /internal/led;'),
        server  => <<~"CONF");
            tradesec on;

            location /led/ { tradesec_jwt led; proxy_pass http://%%BACKEND%%; }

            location = /internal/led {
                internal;
                proxy_ignore_headers X-Accel-Redirect;
                proxy_pass $from/led;
            }
        CONF

    is($t->get('/led/', bearer($token{ec2}))->status, 200,
        'an X-Accel-Redirect that is ignored');
}

# Keys that nobody has to refuse: one that can be used is among them. Those that
# cannot, cannot.

{
    my %rest = (
        'encrypting'       => with($first, use => 'enc'),
        'for encryption'   => with($first, key_ops => [ 'encrypt', 'wrapKey' ]),
        'of an unknown kty' => { kty => 'XYZ', kid => 'ec1', x => 'x' },
        'of an unknown crv' => with($first, crv => 'secp256k1'),
        'of an unknown alg' => with($first, alg => 'ES256K'),
    );
    my @names = sort keys %rest;
    my $file  = sub { return "keys-$_[0].jwks" };

    $t = Tradesec::Test->new(
        backend => 1,
        stopped => 1,
        http    => join('', "tradesec_zone zone=keys:4m;\n", map {
            provider("p$_", 'algorithms ES256;', "jwks_file %%DIR%%/$_.jwks;")
        } 0 .. $#names),
        server  => join '', "tradesec on;\n", map {
            "location /$_/ { tradesec_jwt p$_; proxy_pass http://%%BACKEND%%; }\n"
        } 0 .. $#names);

    $t->write_file("$_.jwks", keys_of($rest{ $names[$_] }, $key))
        for 0 .. $#names;
    $t->start;

    for my $n (0 .. $#names) {
        is($t->get("/$n/", bearer($token{ec2}))->status, 200,
            "a key beside one $names[$n]");
        is($t->get("/$n/", bearer($token{ec1}))->status, 401,
            '... which itself verifies nothing');
    }
}

done_testing();
