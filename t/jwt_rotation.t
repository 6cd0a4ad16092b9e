#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A file of keys that changes is picked up without a reload, by all workers: a
# new key is good at once, one that was taken out is good no more, whatever was
# remembered. A file that is no good changes nothing.

use v5.30;
use warnings;

use FindBin qw($Bin);
use JSON::PP qw(decode_json encode_json);
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Token qw(compact jwks pem provider token);


my $workers = 4;

sub gateway {
    my (%opt) = @_;

    return Tradesec::Test->new(
        backend    => 1,
        stopped    => 1,
        workers    => $workers,
        access_log => '$tradesec_reason',
        http       => join('', $opt{zone} // "tradesec_zone zone=keys:1m;\n",
            provider('portal', 'header X-User sub;'),
            provider('pem',    'pem_file %%DIR%%/keys.pem;',
                'header X-User sub;'),
            provider('secret', 'algorithms HS256;',
                'secret_file %%DIR%%/secret;', 'header X-User sub;')),
        server => <<'CONF',
        tradesec on;
        add_header X-Worker $pid always;
        keepalive_requests 100000;

        location /portal/ {
            tradesec_jwt portal; proxy_pass http://%%BACKEND%%;
        }
        location /pem/ { tradesec_jwt pem; proxy_pass http://%%BACKEND%%; }
        location /secret/ {
            tradesec_jwt secret; proxy_pass http://%%BACKEND%%;
        }
        location = /who { return 204; }
CONF
    );
}

# As the documentation says: written beside it, and then renamed.

sub replace {
    my ($t, $name, $content) = @_;

    my $path = $t->write_file("$name.new", $content);
    rename $path, $t->dir . "/$name" or die "rename: $!";

    return;
}

# A connection to each worker.

my %connections;

sub connect_all {
    my ($t) = @_;

    %connections = ();

    my @spare;

    wait_until(sub {
        my $c = $t->client(keepalive => 1)->connect or return 0;
        my $pid = $c->request(GET => '/who')->header('X-Worker');

        # those that are of no use stay open, so that others are asked

        push @spare, $c if $connections{$pid};
        $connections{$pid} //= $c;

        return keys %connections == $workers;
    });

    return is(scalar keys %connections, $workers, 'every worker is heard');
}

# The status that each worker gives the token; one when all are of one mind.

sub status {
    my ($token, $uri) = @_;

    my %seen;

    for my $pid (keys %connections) {
        my $r = $connections{$pid}->request(GET => $uri // '/portal/',
            undef, Authorization => "Bearer $token");
        $seen{ $r->status }++;
    }

    return join ' ', sort keys %seen;
}

sub becomes {
    my ($token, $status, $title, $uri) = @_;

    return ok(wait_until(sub { status($token, $uri) eq $status }), $title);
}

my %token = map { $_ => token({}, kid => $_) } qw(ec1 ec2 ec3);

for my $zone ("tradesec_zone zone=keys:1m;\n", '') {
    my $t = gateway(zone => $zone);
    my $in = $zone ? 'with a zone' : 'without a zone';

    $t->write_file('portal.jwks', jwks('ec1'));
    $t->write_file('keys.pem',    pem('ec1'));
    $t->write_file('secret',      '0123456789abcdef0123456789abcdef');
    $t->start;
    connect_all($t);

    is(status($token{ec1}), '200', "$in: the key is good");
    is(status($token{ec2}), '401', "$in: another is not");

    # a new key is good for the very first token

    replace($t, 'portal.jwks', jwks('ec1', 'ec2'));
    select undef, undef, undef, 0.15;
    is(status($token{ec2}), '200', "$in: the new key is good at once");
    is(status($token{ec1}), '200', "$in: and so is the old one");

    # a key that is taken out is good no more, although its tokens are known

    replace($t, 'portal.jwks', jwks('ec2'));
    becomes($token{ec1}, '401', "$in: the old key is gone");
    is(status($token{ec2}), '200', "$in: the new one stays");

    # what is no good keeps what there is, and says so once

    my %broken = (
        'no JSON'     => '{"keys":[',
        'empty'       => '',
        'no keys'     => '{"keys":[]}',
        'weak'        => encode_json({ keys => [ {
            kty => 'RSA', kid => 'weak', e => 'AQAB', n => 'A' x 171,
        } ] }),
        'a private key' => encode_json({ keys => [ {
            kty => 'EC', crv => 'P-256', kid => 'x',
            map { ($_ => 'A' x 43) } qw(x y d),
        } ] }),
        'too large' => ' ' x (1024 * 1024 + 1),
    );

    %broken = (weak => $broken{weak}) unless $zone;

    for my $what (sort keys %broken) {
        $t->clear_logs;
        replace($t, 'portal.jwks', $broken{$what});

        $t->logged(qr/\[error\].*provider "portal" keeps its keys: /,
            "$in: $what: logged");
        is(status($token{ec2}), '200', "$in: $what: the key stays");
        is(status($token{ec1}), '401', "$in: $what: and the old one is gone");
    }

    select undef, undef, undef, 1.1;
    is(scalar(() = $t->error_log(qr/\[error\].*keeps its keys/)), 1,
        "$in: it is said once");

    $t->clear_logs;
    unlink $t->dir . '/portal.jwks';
    $t->logged(qr/\[error\].*keeps its keys: stat\(\) .* failed \(2/,
        "$in: no file: logged");
    is(status($token{ec2}), '200', "$in: no file: the key stays");

    # who starts late has what the others have, not what was configured

    if (!$zone) {
        $t->stop;
        next;
    }

    my ($victim) = keys %connections;

    kill 'KILL', $victim;
    $t->allow_logged(qr/worker process $victim exited on signal 9/);
    ok(wait_until(sub {
        my @now = $t->workers;
        return @now == $workers && !grep { $_ == $victim } @now;
    }), "$in: a worker dies and another starts");

    connect_all($t);

    is(status($token{ec2}), '200', "$in: it knows the key");
    is(status($token{ec1}), '401', "$in: and not the one that is gone");

    replace($t, 'portal.jwks', jwks('ec3'));
    becomes($token{ec3}, '200', "$in: a good file ends it");
    becomes($token{ec2}, '401', "$in: in all workers");

    # the other kinds of files

    is(status($token{ec1}, '/pem/'), '200', "$in: PEM: the key is good");
    replace($t, 'keys.pem', pem('ec2'));
    becomes($token{ec1}, '401', "$in: PEM: the old key is gone", '/pem/');
    is(status($token{ec2}, '/pem/'), '200', "$in: PEM: the new one is good");

    my $old = token({}, alg => 'HS256');
    my $secret = 'fedcba9876543210fedcba9876543210';
    my $new = token({}, alg => 'HS256', key => \$secret);

    is(status($old, '/secret/'), '200', "$in: secret: it is good");
    replace($t, 'secret', $secret);
    becomes($old, '401', "$in: secret: the old one is gone", '/secret/');
    is(status($new, '/secret/'), '200', "$in: secret: the new one is good");

    # a file that is written to in place, too

    $t->write_file('portal.jwks', jwks('ec1', 'ec3'));
    becomes($token{ec1}, '200', "$in: written in place");
    is(status($token{ec3}), '200', "$in: written in place: the other one");

    # one that is not allowed to be read

  SKIP: {
        skip 'root reads everything', 2 if $> == 0;

        $t->clear_logs;
        $t->write_file('portal.jwks.new', jwks('ec2'));
        chmod 0, $t->dir . '/portal.jwks.new';
        rename $t->dir . '/portal.jwks.new', $t->dir . '/portal.jwks';
        $t->logged(qr/keeps its keys: open\(\) .* failed \(13/,
            "$in: unreadable");
        is(status($token{ec1}), '200', "$in: unreadable: the key stays");
    }

    # a reload in the middle

    replace($t, 'portal.jwks', jwks('ec2'));
    ok($t->reload, "$in: reload");
    connect_all($t);
    is(status($token{ec2}), '200', "$in: after the reload");
    is(status($token{ec1}), '401', "$in: after the reload, the old one");
    replace($t, 'portal.jwks', jwks('ec1'));
    becomes($token{ec1}, '200', "$in: and it goes on watching");
    becomes($token{ec2}, '401', "$in: in both directions");
}

# keys and tokens by other people's programs

my $t = gateway();

$t->write_file('secret', 'a secret of nobody, as long as it has to be');
$t->write_file('keys.pem', pem('ec1'));
$t->write_file('portal.jwks', jwks('ec1'));
$t->start;
connect_all($t);

SKIP: {
    my $json = `node $Bin/jwt/jose.js 2>/dev/null`;
    skip 'no node with jose', 2 if $? || !$json;

    my $made = decode_json($json);

    # the provider knows no more than these

    replace($t, 'portal.jwks', encode_json({ keys => [
        grep { $_->{kid} =~ /^(?:RS256|ES256)$/ } @{ $made->{jwks}{keys} }
    ] }));
    select undef, undef, undef, 0.15;
    is(status($made->{tokens}{RS256}), '200', 'jose: RS256');
    is(status($made->{tokens}{ES256}), '200', 'jose: ES256');
}

SKIP: {
    my $dir = $t->dir;

    system "openssl genrsa -out $dir/private.pem 2048 2>/dev/null"
        and skip 'no openssl', 1;
    system "openssl rsa -in $dir/private.pem -pubout -out $dir/public.pem "
        . '2>/dev/null';

    my ($header, $payload) = map { encode_json($_) } { alg => 'RS256' },
        { sub => 'carol', exp => time + 600 };
    my $input = compact($header, $payload, '') =~ s/\.\z//r;

    $t->write_file('input', $input);

    my $signature = `openssl dgst -sha256 -sign $dir/private.pem $dir/input`;

    rename "$dir/public.pem", "$dir/keys.pem";
    select undef, undef, undef, 0.15;
    is(status(compact($header, $payload, $signature), '/pem/'), '200',
        'openssl: RS256');
}

done_testing;
