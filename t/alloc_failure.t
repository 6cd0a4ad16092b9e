#!/usr/bin/perl

# Out of memory at any point of a request: what is refused stays refused, the
# worker lives, and nothing that an allocation would have checked is skipped.

use v5.30;
use warnings;

use File::Temp ();
use Test::More;

use Tradesec::Test qw(module_links);
use Tradesec::Test::Frame qw(frame TEXT);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;


plan skip_all => 'a sanitizer has an allocator of its own'
    if module_links('libasan');

my $dir = File::Temp->newdir;

system('cc', '-shared', '-fPIC', '-O1', '-o', "$dir/alloc.so",
    "$Tradesec::Test::TOP/t/lib/alloc_failure.c", '-ldl') == 0
    or BAIL_OUT('cannot build the allocator');

sub fail_at {
    my ($n) = @_;

    open my $out, '+<', "$dir/countdown" or die "countdown: $!";
    syswrite $out, pack('i', $n);
    close $out;

    return;
}

open my $file, '>', "$dir/countdown" or die "countdown: $!";
print {$file} pack 'i', 0;
close $file;

chmod 0666, "$dir/countdown";
chmod 0755, $dir;

my $sockets = Tradesec::Test::SocketServer->new;
my $address = $sockets->address;

my $t = do {
    local $ENV{LD_PRELOAD}     = "$dir/alloc.so";
    local $ENV{TRADESEC_ALLOC} = "$dir/countdown";

    # the smallest pool: nearly every allocation of a request is a real one
    Tradesec::Test->new(
        backend => 1,
        workers => 1,
        http    => 'tradesec_zone zone=tradesec:1m;',
        server  => <<~"CONF");
        request_pool_size 256;
        tradesec on;
        tradesec_origin http://localhost;

        location / {
            satisfy any;
            allow all;
            proxy_pass http://%%BACKEND%%;
        }

        location /merge {
            tradesec_header Content-Security-Policy "a b; c d" merge;
            add_header Content-Security-Policy "e f";
            add_header Content-Security-Policy "g h";
            proxy_pass http://%%BACKEND%%;
        }

        location = /login {
            tradesec_login account=form:user success=status:201;
            tradesec_login_limit pair=1;
            proxy_pass http://%%BACKEND%%;
        }

        location /ws {
            proxy_pass http://$address;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
    CONF
};

$t->allow_logged(qr/\[emerg\].*(?:malloc|memalign)\(/);

my ($worker) = $t->workers;

# the one attempt that this account has

is($t->post('/login', 'user=alice', Origin => 'http://localhost',
        'Content-Type' => 'application/x-www-form-urlencoded')->status, 200,
    'an attempt of a login');

for my $case (
    [ 'refused method', [ 'MKCOL', '/x', undef ] ],
    [ 'refused origin', [ 'POST', '/', 'x', Origin => 'https://evil.test',
        Cookie => 'a=b' ] ],
    [ 'locked login', [ 'POST', '/login', 'user=alice',
        'Content-Type' => 'application/x-www-form-urlencoded',
        Origin => 'http://localhost' ] ],
) {
    my ($name, $request) = @$case;
    my (%statuses, $reached);

    for my $n (1 .. 60) {
        $t->backend->clear;
        fail_at($n);
        $statuses{ $t->request(@$request)->status }++;
        fail_at(0);
        $reached += $t->backend->count;
    }

    is($reached, 0, "$name: never reaches the backend");
    is(join(' ', grep { !/^(?:0|403|405|429|500)$/ } sort keys %statuses), '',
        "$name: refused, failed or closed");
    ok($statuses{0} || $statuses{500}, "$name: some allocation failed");
}

$t->logged(qr/\[crit\].*reason: "internal_error"/,
    'internal_error: no memory to judge is a refusal');

for my $uri ('/', '/merge') {
    my %seen;

    for my $n (1 .. 80) {
        fail_at($n);

        my $r = $t->get($uri);

        fail_at(0);

        $seen{ $r->status }++;

        next if $r->status != 200;

        my @missing = grep { $r->headers($_) != 1 }
            qw(X-Frame-Options X-Content-Type-Options
            Content-Security-Policy);

        is("@missing", '', "$uri, allocation $n: no header is missing")
            if @missing;
    }

    ok($seen{200}, "$uri: passes when the failure is elsewhere");
    is(join(' ', grep { !/^(?:0|200|5..)$/ } sort keys %seen), '',
        "$uri: served, failed or closed");
}

# a socket is inspected or not opened, and a wrong 101 opens none

sub ws {
    my ($uri, $n) = @_;

    fail_at($n);

    return Tradesec::Test::WebSocket->open($t->client, $uri);
}

my (%opened, %refused, @uninspected);

is(ws('/ws?accept=1', 0)->status, 502, 'wrong 101 is refused');

for my $n (1 .. 120) {
    $refused{ ws('/ws?accept=1', $n)->status }++;

    my $ws = ws('/ws', $n);

    $opened{ $ws->status }++;

    next if $ws->status != 101;

    $sockets->clear;
    $ws->write(frame(TEXT, 'not masked'));
    $ws->closed;
    fail_at(0);
    $sockets->wait_for('gone');

    push @uninspected, $n
        if grep { $_->{payload} eq 'not masked' } $sockets->events('frame');
}

fail_at(0);

ok($opened{101}, 'sockets open when the failure is elsewhere');
ok($opened{0} || $opened{500}, 'and some allocation failed');
is("@uninspected", '', 'no socket opens without inspection');
ok(!$refused{101}, 'no wrong 101 passes');

is($t->get('/')->status, 200, 'the next request is served');
is(($t->workers)[0], $worker, 'by the same worker');

done_testing();
