#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Several providers of one location, with the same kid and even the same key,
# are not taken for one another; not while their keys change, not after ten
# thousand tokens of all kinds. The configuration stays as it is, byte by byte.

use v5.30;
use warnings;

use MIME::Base64 qw(encode_base64url);
use Test::More;

use Tradesec::Test qw(module_links);
use Tradesec::Test::Token qw(compact jwks pem provider token);


my %iss = map { $_ => "https://$_.providers.test" } qw(first second third);

my $t = Tradesec::Test->new(
    backend    => 1,
    stopped    => 1,
    workers    => 2,
    access_log => '$tradesec_reason',
    http       => join('', "tradesec_zone zone=keys:4m;\n",
        provider('first',  "issuer $iss{first};",  'header X-User sub;'),
        provider('second', "issuer $iss{second};", 'header X-User sub;'),
        provider('third',  "issuer $iss{third};", 'algorithms HS256;',
            'secret_file %%DIR%%/third.secret;', 'header X-User sub;')),
    server => <<'CONF',
        tradesec on;
        keepalive_requests 100000;

        location /12/ {
            tradesec_jwt first second third; proxy_pass http://%%BACKEND%%;
        }
        location /21/ {
            tradesec_jwt third second first; proxy_pass http://%%BACKEND%%;
        }
        location /1/ { tradesec_jwt first; proxy_pass http://%%BACKEND%%; }
        location /2/ { tradesec_jwt second; proxy_pass http://%%BACKEND%%; }
CONF
);

# Both sets have a kid "ec": another key in each. "ec9" is in both.

sub set {
    my ($n, @more) = @_;

    return jwks("ec$n", 'ec9', @more) =~ s/"kid":"ec$n"/"kid":"ec"/r;
}

$t->write_file('first.jwks',   set(1));
$t->write_file('second.jwks',  set(2));
$t->write_file('third.secret', '0123456789abcdef0123456789abcdef');
$t->start;

sub of {
    my ($iss, $kid, %opt) = @_;

    return token({ iss => $iss{$iss} // $iss, sub => "of-$iss" },
        kid => $kid, header => { kid => $opt{kid} // 'ec' });
}

my %good = (
    first  => of('first', 'ec1'),
    second => of('second', 'ec2'),
    both1  => of('first', 'ec9', kid => 'ec9'),
    both2  => of('second', 'ec9', kid => 'ec9'),
    third  => token({ iss => $iss{third}, sub => 'of-third' }, alg => 'HS256'),
);

my %bad = (
    'key of the other, with the same kid'   => of('first',  'ec2'),
    'and the other way round'               => of('second', 'ec1'),
    'a common key, for nobody'              =>
        of('https://nobody.test', 'ec9', kid => 'ec9'),
    'a common key, for the third'           =>
        of('third', 'ec9', kid => 'ec9'),
    'a public key as the secret'            => token(
        { iss => $iss{third} }, alg => 'HS256', key => \pem('ec1')),
    'a public key as the secret of its own' => token(
        { iss => $iss{first} }, alg => 'HS256', key => \pem('ec1'),
        header => { kid => 'ec' }),
    'the secret, for the first'             => token(
        { iss => $iss{first} }, alg => 'HS256', header => { kid => 'ec' }),
    'none' => compact(qq({"alg":"none","kid":"ec"}),
        qq({"iss":"$iss{first}","sub":"x","exp":9999999999}), 'x'),
    'an unknown kid' => of('first', 'ec1', kid => 'unknown'),
    'expired'        => token({ iss => $iss{first}, exp => time - 1 },
        kid => 'ec1', header => { kid => 'ec' }),
    'no token'       => 'a.b.c',
    'bytes'          => encode_base64url("\0" x 60) . '.x.y',
    'changed' => of('first', 'ec1') =~ s/(.)$/$1 eq 'A' ? 'E' : 'A'/er,
);

sub status {
    my ($uri, $token) = @_;

    return $t->get($uri, Authorization => "Bearer $token")->status;
}

# twice each, so that what one says is never remembered for another

for my $round (1, 2) {
    for my $uri ('/12/', '/21/') {
        for my $who (sort keys %good) {
            $t->backend->clear;
            is(status($uri, $good{$who}), 200, "$uri: $who, round $round");
            my $user = 'of-' . ($who =~ s/both1/first/r =~ s/both2/second/r);
            is($t->backend->last->header('X-User'), $user, '... as himself');
        }

        for my $what (sort keys %bad) {
            is(status($uri, $bad{$what}), 401, "$uri: $what, round $round");
        }
    }

    is(status('/1/', $good{both1}), 200, "one alone: its own, round $round");
    is(status('/2/', $good{both1}), 401, "one alone: another's");
    is(status('/1/', $good{both2}), 401, "one alone: another's");
    is(status('/2/', $good{both2}), 200, 'one alone: its own');
}

# the provider in the memory of a process

sub memory {
    my ($pid, $from, $len) = @_;

    open my $mem, '<:raw', "/proc/$pid/mem" or return;
    sysseek $mem, $from, 0 or return;
    sysread $mem, my $bytes, $len or return;

    return $bytes;
}

sub find_provider {
    my ($pid, $issuer) = @_;

    no warnings 'portable';

    my @heap;

    open my $maps, '<', "/proc/$pid/maps" or return;

    while (my $line = <$maps>) {
        my ($from, $to, $rest) = $line =~ /^(\w+)-(\w+) rw-p (.*)/ or next;
        next unless $rest =~ /\[heap\]| 00:00 0\s*$/;

        my $bytes = memory($pid, hex $from, hex($to) - hex $from) // next;
        push @heap, [ hex $from, $bytes ];
    }

    for my $text (@heap) {
        while ($text->[1] =~ /\Q$issuer\E/g) {
            my $slice = pack 'QQ', $text->[0] + $-[0], length $issuer;

            for my $part (@heap) {
                my $at = index $part->[1], $slice;
                return $part->[0] + $at if $at >= 0;
            }
        }
    }

    return;
}

# that of a sanitized one is too large to be searched

my %where = module_links('libasan') ? ()
    : map { $_ => find_provider($t->pid, $iss{$_}) } keys %iss;

# Ten thousand, while the keys change: the good ones pass, all of them.

my @files = (
    [ 'first.jwks',  set(1, 'ec3') ],
    [ 'second.jwks', set(2, 'ec4') ],
    [ 'first.jwks',  '{"keys":[]}' ],
    [ 'second.jwks', 'no keys' ],
    [ 'first.jwks',  set(1) ],
    [ 'second.jwks', set(2) ],
);

my @kinds = ((map { [ 200, $good{$_} ] } sort keys %good),
    (map { [ 401, $bad{$_} ] } sort keys %bad));
my %wrong;
my $n = 0;
my @connections = map { $t->client(keepalive => 1, timeout => 30)->connect }
    1 .. 8;

for my $round (1 .. 100) {
    my $c = $connections[ $round % @connections ];

    if ($round % 10 == 0) {
        my ($name, $content) = @{ $files[ $round / 10 % @files ] };
        my $path = $t->write_file("$name.new", $content);
        rename $path, $t->dir . "/$name" or die $!;
        select undef, undef, undef, 0.4;
    }

    if ($round == 50) {
        $t->reload;
        $_ = $t->client(keepalive => 1, timeout => 30)->connect
            for @connections;
        $c = $connections[0];
    }

    my @batch = map { $kinds[ ($n + $_ * 7) % @kinds ] } 1 .. 100;

    $c->write(join '', map {
        $t->client(keepalive => 1)->format(GET => '/12/', undef,
            Authorization => "Bearer $_->[1]")
    } @batch);

    for my $one (@batch) {
        my $r = $c->response;
        $wrong{"$one->[0] was " . $r->status}++ if $r->status != $one->[0];
        $n++;
    }
}

is($n, 10000, 'ten thousand tokens');
is(join(', ', map {"$_: $wrong{$_}"} sort keys %wrong), '',
    'each has the answer that it always has');

# a reload has made another configuration: that of the new workers

SKIP: {
    skip 'the memory of a process cannot be read', 6 if !$where{first};

    my %now = map { $_ => find_provider($t->pid, $iss{$_}) } keys %iss;

    for my $name (sort keys %now) {
        my $master = memory($t->pid, $now{$name}, 4000) // '';

        is(length $master, 4000, "the configuration of $name is found");

        my @other = grep { memory($_, $now{$name}, 4000) ne $master }
            $t->workers;

        is("@other", '', "the configuration of $name is what the master has");
    }
}

done_testing;
