#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# TLS to Redis: nobody is taken for Redis who does not prove it, and whatever
# becomes of a handshake, this gateway goes on, counts by itself, and says why
# in one line.

use v5.30;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL::Utils;
use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test free_port
    module_links wait_until);
use Tradesec::Test::Gateway qw(connected gateway guess key_of);
use Tradesec::Test::Redis;
use Tradesec::Test::Revocations ();
use Tradesec::Test::Wait qw(now);

plan skip_all => 'the module was built with a hiredis without TLS'
    . ' (libhiredis_ssl, 1.0 or newer)'
    if !module_links('libhiredis_ssl');


# Authorities and certificates

my $files = Tradesec::Test->new(stopped => 1);

sub issue {
    my ($name, $issuer, %opt) = @_;

    my ($certificate, $key) = CERT_create(
        key     => KEY_create_ec(),
        subject => { commonName => $name },
        $issuer ? (issuer => $issuer->{pair}) : (CA => 1),
        %opt,
    );

    my $base = $files->dir . "/$name";

    PEM_cert2file($certificate, "$base.crt");
    PEM_key2file($key, "$base.key");
    chmod 0600, "$base.key";

    return {
        pair => [ $certificate, $key ],
        own  => [ "$base.crt", "$base.key" ],
    };
}

my $names  = [ [ DNS => 'redis.test' ], [ DNS => 'localhost' ],
    [ IP => '127.0.0.1' ] ];
my $ca     = issue('authority');
my $other  = issue('somebody');
my $good   = issue('redis', $ca, subjectAltNames => $names);
my $false  = issue('false', $other, subjectAltNames => $names);
my $self   = issue('self', undef, CA => 0, subjectAltNames => $names);
my $named  = issue('named', $ca, subjectAltNames => [ [ DNS => 'other.test' ],
    [ IP => '192.0.2.1' ] ]);
my $common = issue('redis.test', $ca, subjectAltNames => [ [ DNS => 'x.test' ] ]);
my $old    = issue('old', $ca, subjectAltNames => $names,
    not_before => time - 3e6, not_after => time - 60);
my $young  = issue('young', $ca, subjectAltNames => $names,
    not_before => time + 3600, not_after => time + 3e6);
my $client = issue('gateway', $ca, purpose => 'client');
my $stray  = issue('stray', $other, purpose => 'client');

my $ca_file = $ca->{own}[0];


# Configuration

my $key = $files->write_file('key', 'k' x 16);
chmod 0600, $key;

sub conf {
    my ($redis) = @_;

    return {
        http   => "tradesec_zone zone=tradesec:1m;\n$redis key_file=$key;",
        server => 'return 204;',
    };
}

for my $case (
    [ "ca_file=$files->{dir}/none", qr/cannot take ".*none" as "ca_file="/,
        'an authority that is not there' ],
    [ "ca_file=$key", qr/cannot take ".*key" as "ca_file="/,
        'an authority that is none' ],
    [ "certificate_file=$key certificate_key_file=$client->{own}[1]",
        qr/cannot take ".*key" as "certificate_file="/,
        'a certificate that is none' ],
    [ "certificate_file=$client->{own}[0] certificate_key_file=$key",
        qr/cannot take ".*key" as "certificate_key_file="/,
        'a key that is none' ],
    [ "certificate_file=$client->{own}[0] "
            . "certificate_key_file=$good->{own}[1]",
        qr/as "certificate_key_file=".*mismatch/, 'the key of another' ],
    [ "certificate_file=$client->{own}[0] "
            . "certificate_key_file=$files->{dir}/locked",
        qr/as "certificate_key_file="/, 'a key behind a pass phrase' ],
) {
    my ($parameters, $expected, $title) = @$case;

    system("openssl ec -in $client->{own}[1] -aes128 -passout pass:x"
            . " -out $files->{dir}/locked 2>/dev/null")
        if $title =~ /phrase/;

    config_refused(conf("tradesec_redis rediss://127.0.0.1 $parameters"),
        $expected, $title);
}

config_accepted(conf("tradesec_redis $_"), $_)
    for 'rediss://127.0.0.1', "rediss://[::1]:6380/3 ca_file=$ca_file",
    "rediss://127.0.0.1 ca_file=$ca_file server_name=redis.test "
    . "certificate_file=$client->{own}[0] certificate_key_file=$client->{own}[1]";

# the example of the documents

{
    open my $in, '<', "$Tradesec::Test::TOP/docs/directives.md" or die $!;
    my $docs = do { local $/; <$in> };
    my ($example) = $docs =~ /```\n(tradesec_redis\s+rediss:[^;]+);/;

    $example =~ s{redis\.example\.com}{127.0.0.1};
    $example =~ s{/etc/nginx/redis\.password|/etc/nginx/tradesec\.key}{$key}g;
    $example =~ s{/etc/nginx/redis-ca\.pem}{$ca_file};

    config_accepted({
        http   => "tradesec_zone zone=tradesec:1m;\n$example;",
        server => 'return 204;',
    }, 'the example of the documents');
}

my (undef, $text) = config_test(%{ conf('tradesec_redis rediss://192.0.2.1') });
unlike($text, qr/without TLS/, 'another host, with TLS');
like($text, qr/without a password/, 'but anybody may come');

chmod 0644, $client->{own}[1];
(undef, $text) = config_test(%{ conf('tradesec_redis rediss://192.0.2.1 '
    . "certificate_file=$client->{own}[0] "
    . "certificate_key_file=$client->{own}[1]") });
chmod 0600, $client->{own}[1];
unlike($text, qr/without a password/, 'a certificate is as good as a password');
like($text, qr/can be read by everybody/, 'whose key is to be private');


# A line between gateway and Redis: pass is called with the direction, what has
# come and how much there was before, in another process; it returns what goes
# on, or undef to hang up.

package Line {
    use parent 'Tradesec::Test::Server';

    sub _serve {
        my ($self, $listen) = @_;

        my (%peer, %way, %before);
        my $select = IO::Select->new($listen);

        while ($self->_wanted) {
            for my $socket ($select->can_read(1)) {
                if ($socket == $listen) {
                    my $in  = $listen->accept or next;
                    my $out = IO::Socket::INET->new("127.0.0.1:$self->{to}")
                        or next;
                    @peer{ $in, $out } = ($out, $in);
                    @way{ $in, $out }  = qw(up down);
                    $select->add($in, $out);
                    next;
                }

                my $peer = $peer{$socket} or next;
                my $n    = sysread $socket, my $bytes, 65536;
                my $on   = $n ? $self->{pass}->($way{$socket}, $bytes,
                    $before{$socket} // 0) : undef;

                if (defined $on) {
                    $before{$socket} += $n;
                    syswrite $peer, $_ for ref $on ? @$on : $on;
                    next;
                }

                $select->remove($socket, $peer);
                delete @peer{ $socket, $peer };
                close $_ for $socket, $peer;
            }
        }
    }
}

my @lines;

sub line {
    my ($to, $pass) = @_;

    push @lines, Line->new(to => $to, pass => $pass);

    return $lines[-1]->port;
}


my $redis = Tradesec::Test::Redis->new(
    tls      => { own => $good->{own} },
    conf     => [ qw(--requirepass open-sesame-20 --appendonly yes) ],
    password => 'open-sesame-20',
);

my $secret = $files->write_file('secret', "open-sesame-20\n");
chmod 0600, $secret;

sub url {
    my ($port, @more) = @_;

    return join ' ', "rediss://127.0.0.1:$port ca_file=$ca_file "
        . "password_file=$secret", @more;
}

sub judged_by {
    my ($t, $home, $title) = @_;

    state $address = 0;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok(wait_until(sub {
        $address++;
        return guess($t, "judge$address", 'right', '198.51.100.'
                . $address % 200)->status == 200
            && ($t->access_log(1))[-1] =~ /^200  \[$home\]/;
    }, 30), $title);
}

# five failures, of which none is forgotten between the homes

sub counts {
    my ($t, $user, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @status = map { guess($t, $user, "wrong$_", '203.0.113.9')->status }
        1 .. 6;

    return is("@status", '401 401 401 401 401 429', $title);
}


# What is right: by address, by name, with a certificate of its own, over a
# line that tears everything apart; and nobody on it can read

my $record = $files->dir . '/record';

my $recorded = line($redis->tls_port, sub {
    my ($way, $bytes) = @_;

    open my $out, '>>:raw', $record or die;
    print {$out} $bytes;

    return $bytes;
});

my $torn = line($redis->tls_port, sub { return [ split //, $_[1] ] });

for my $case (
    [ 'by address',         url($redis->tls_port) ],
    [ 'by name',            url($redis->tls_port, 'server_name=redis.test') ],
    [ 'over a line',        url($recorded) ],
    [ 'byte by byte',       url($torn) ],
) {
    my ($title, $url) = @$case;

    $url .= ' timeout=5s';
    $redis->command('FLUSHALL');
    my $t = gateway($redis, workers => 2, url => $url);

    judged_by($t, 'redis', "$title: Redis judges");
    counts($t, 'marvin', "$title: and counts");

    is(scalar(grep { $_->status == 200 } $t->parallel(map {
        [ POST => '/login', { user => "p$_", password => 'right' },
            'X-Client' => "192.0.2.$_" ]
    } 1 .. 200)), 200, "$title: two hundred at once");
    is(join("\n", $t->error_log(qr/redis "/)), '', "$title: nothing to say");
}

# a host that is looked up is the one that the certificate has to name; of its
# addresses one may have no Redis

judged_by(gateway($redis, workers => 1, url => url($redis->tls_port)
        =~ s/127\.0\.0\.1/localhost/r), 'redis', "by the host's name");

my $seen = do {
    local (@ARGV, $/) = $record;
    <>;
};

cmp_ok(length $seen, '>', 10_000, 'what has gone over the line');
unlike($seen, qr/open-sesame|AUTH|EVAL|tradesec:/, 'cannot be read');

# more than one buffer in one answer

{
    my $gone = Tradesec::Test::Revocations::fresh(
        sub => 'user-number-400-' . 'x' x 40);
    my $peer = Tradesec::Test::Revocations::gateway($redis,
        url => url($torn, 'timeout=5s'),
        key => key_of($redis));
    ok(wait_until(sub { !Tradesec::Test::Revocations::is_stale($peer) }, 20),
        'a gateway for revocations');

    Tradesec::Test::Revocations::order($peer, "user=user-number-$_-" . 'x' x 40)
        for 1 .. 400;
    ok(wait_until(sub { Tradesec::Test::Revocations::lines($redis) >= 400 }, 20),
        'four hundred revocations are told');

    my $late = Tradesec::Test::Revocations::gateway($redis,
        url => url($redis->tls_port, 'timeout=5s'), key => key_of($redis));
    Tradesec::Test::Revocations::becomes($late, $gone, 401,
        'and read by another gateway, all at once');
}

# Redis goes and comes, also under TLS

{
    my $t = gateway($redis, workers => 1, url => url($redis->tls_port));

    judged_by($t, 'redis', 'before');
    $redis->stop;
    $t->logged(qr/redis "127.0.0.1:\d+" is away: /, 'Redis goes');
    counts($t, 'ford', 'this gateway counts');
    $redis->start;
    judged_by($t, 'redis', 'Redis comes, and judges');
    is(guess($t, 'ford', 'right', '203.0.113.9')->status, 429,
        'and has heard of the lock');

    $t->clear_logs;
    $redis->freeze;
    counts($t, 'frozen', 'it is silent: this gateway counts');
    $redis->thaw;
    judged_by($t, 'redis', 'it answers again');
}

# What is wrong. Each time: one line says why, the guard goes on, and what does
# not log in waits for nothing.

sub away {
    my ($title, $why, $url, %opt) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $t = gateway($redis, workers => 1, url => $url, tls => 1, %opt);

    $t->never_logged('open-sesame-20');
    $t->logged(qr/\[error\] .*redis "127.0.0.1:\d+" is away: $why$/,
        "$title: the log says why");
    counts($t, 'arthur', "$title: this gateway counts");

    my $begin = now();
    is($t->get('/')->status, 204, "$title: others pass");
    cmp_ok(now() - $begin, '<', 1, "$title: and do not wait");

    is(scalar($t->error_log(qr/\[error\] .*is away/)), 1, "$title: one line");
    is(scalar($t->error_log(qr/stale global SSL|\[(?:alert|crit)\]/)), 0,
        "$title: and nothing is left to others");

    return $t;
}

sub serve {
    my ($certificate, %opt) = @_;

    $redis->{tls} = { own => $certificate->{own}, %opt };

    return $redis->restart;
}

for my $case (
    [ $false,  'an unknown authority', 'unable to get .*issuer certificate' ],
    [ $self,   'a certificate that vouches for itself', 'self.signed certificate' ],
    [ $named,  'the address of another', 'IP address mismatch' ],
    [ $named,  'the name of another', 'hostname mismatch', 'server_name=redis.test' ],
    [ $common, 'the name outside of the names', 'hostname mismatch',
        'server_name=redis.test' ],
    [ $old,    'expired', 'certificate has expired' ],
    [ $young,  'not valid yet', 'certificate is not yet valid.*' ],
) {
    my ($certificate, $title, $why, @more) = @$case;

    serve($certificate);
    away($title, "its certificate is refused: $why",
        url($redis->tls_port, @more));
}

serve($good);
away('an authority of the system is not that of Redis',
    'its certificate is refused: .*',
    "rediss://127.0.0.1:" . $redis->tls_port . " password_file=$secret");

# our own certificate

serve($good, clients => $ca_file);

away('no certificate of ours',
    '(?:TLS: .*certificate required|Connection reset by peer|Broken pipe)',
    url($redis->tls_port));

# before the alert is read, what was sent behind the handshake may have failed

away('one that Redis does not trust',
    '(?:TLS: .*unknown ca|Connection reset by peer|Broken pipe)',
    url($redis->tls_port, "certificate_file=$stray->{own}[0]",
        "certificate_key_file=$stray->{own}[1]"));

judged_by(gateway($redis, workers => 1, url => url($redis->tls_port,
        "certificate_file=$client->{own}[0]",
        "certificate_key_file=$client->{own}[1]")),
    'redis', 'with one, Redis judges');

# servers that speak no TLS, or stop in the middle

serve($good);

my $plain = Tradesec::Test::Redis::Fake->new(answer => sub {"-ERR what\r\n"});
my $http  = line($redis->port, sub { $_[0] eq 'up' ? "PING\r\n" : $_[1] });
my $mute  = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128);
my $half  = line($redis->tls_port, sub {
    my ($way, $bytes, $before) = @_;
    return $way eq 'up' ? $bytes : $before ? '' : substr $bytes, 0, 100;
});
my $shut = line($redis->tls_port, sub {
    my ($way, $bytes) = @_;
    return $way eq 'up' ? $bytes : undef;
});

away('plain text in answer', 'TLS: wrong version number', url($http));
away('silence', 'it does not end the TLS handshake',
    url($plain->port, 'timeout=50ms'));
away('nobody accepts', 'it does not end the TLS handshake',
    url($mute->sockport, 'timeout=50ms'));
away('half a handshake', 'it does not end the TLS handshake',
    url($half, 'timeout=50ms'));
away('hung up in it', 'it hung up in the TLS handshake', url($shut));
away('nobody listens', '.*Connection refused', url(free_port()));
away('no TLS, where Redis wants it', '.*',
    'redis://127.0.0.1:' . $redis->tls_port);

# What others leave in OpenSSL's list of errors, such as tokens with a wrong
# signature, is not taken for an error of this connection.

{
    my $peer = Tradesec::Test::Revocations::gateway($redis, workers => 1,
        url => url($redis->tls_port), key => key_of($redis));
    ok(wait_until(sub { !Tradesec::Test::Revocations::is_stale($peer) }, 20),
        'connected');
    $peer->clear_logs;

    my $token = Tradesec::Test::Revocations::fresh();
    substr $token, -20, 10, 'A' x 10;

    is(Tradesec::Test::Revocations::status($peer, $token), 401,
        'a wrong signature') for 1 .. 5;
    is(scalar($peer->error_log(qr/is away/)), 0, 'costs nobody the connection');
}

done_testing();
