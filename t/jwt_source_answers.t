#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A source of keys whose answer is no good, in any way: the keys that there are
# go on, and it is said once.

use v5.30;
use warnings;

use JSON::PP qw(encode_json);
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::KeySource;
use Tradesec::Test::Token qw(bearer jwks provider token);


my $source = Tradesec::Test::KeySource->new(body => jwks('ec1'));

my %token = map { $_ => token({}, kid => $_) } qw(ec1 ec2);

{
    my $weak = encode_json({ keys => [ {
        kty => 'RSA', kid => 'weak', e => 'AQAB', n => 'A' x 171,
    } ] });
    my $long = jwks('ec2') . ' ' x 65536;
    my $end  = "\r\n\r\n";

    my @bad = (
        'an error'          => { status => 503 },
        'a redirect'        => { status => 302, headers => [ Location => '/' ] },
        'nothing'           => { body => '' },
        'no content'        => { status => 204 },
        'a page'            => { body => '<html>' },
        'two sets'          => { body => jwks('ec1') . jwks('ec2') },
        'no keys'           => { body => '{"keys":[]}' },
        'a weak key'        => { body => $weak },
        'a secret'          => { body => jwks('secret') },
        'too much'          => { body => $long },
        'no HTTP'           => { raw  => "keys\r\n" },
        'a dead connection' => { close => 1 },
        'too much, of unknown length' => { raw => "HTTP/1.0 200 OK$end$long" },
        'half of it' => {
            raw => "HTTP/1.1 200 OK\r\nContent-Length: 999$end" . jwks('ec2'),
        },
        'half of its chunks' => {
            raw => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked$end"
                . sprintf("%x\r\n%s\r\n", length jwks('ec2'), jwks('ec2')),
        },
    );

    my (@what, %paths);
    my ($http, $server) = ("tradesec_zone zone=keys:4m;\n", "tradesec on;\n");

    # with and without buffers of nginx

    while (my ($what, $answer) = splice @bad, 0, 2) {
        for my $buffering ('on', $what =~ /much|half/ ? 'off' : ()) {
            my $n = @what;

            push @what, "$what (buffering $buffering)";
            $paths{"/$n"} = $answer;
            $http .= provider("p$n",
                "jwks_uri /internal/$n refresh=1s interval=1s timeout=2s;");
            $server .= <<"CONF";
        location /$n/ {
            tradesec_jwt p$n; proxy_pass http://%%BACKEND%%;
        }
CONF
            $server .= $source->location($n, "proxy_buffering $buffering;",
                'proxy_http_version 1.1;');
        }
    }

    $source->answer(body => jwks('ec1'));

    my $t = Tradesec::Test->new(backend => 1, http => $http,
        server => $server);

    my $all = sub {
        my ($token) = @_;
        return join ' ', map { $_->status } $t->parallel(
            map { [ GET => "/$_/", undef, bearer($token) ] } 0 .. $#what);
    };
    my $says = sub { return join ' ', ($_[0]) x @what };

    is($all->($token{ec1}), $says->(200), 'good keys');
    $source->clear;
    $source->answer(status => 500, paths => \%paths);
    select undef, undef, undef, 1.1;
    $all->($token{ec2});

    for my $n (0 .. $#what) {
        my $title = $what[$n];
        my $get   = sub {
            return $t->get("/$n/", bearer($token{ $_[0] }))->status;
        };

        is($get->('ec2'), 401, "$title: no new key");
        is($get->('ec1'), 200, "$title: the keys go on");
        $t->logged(qr/\[error\].*provider "p$n" keeps its keys: /,
            "$title: it is said");
    }

    cmp_ok($source->count, '>=', @what, 'all were asked');
    select undef, undef, undef, 1.1;
    $all->($token{ec2});
    is(scalar(() = $t->error_log(qr/\[error\].*keeps its keys/)),
        scalar @what, 'it is said once');

    $source->answer(body => jwks('ec2'));
    ok(wait_until(sub { $all->($token{ec2}) eq $says->(200) }),
        'a good answer ends it');
    is($all->($token{ec1}), $says->(401), 'and its keys are those that count');
}

done_testing;
