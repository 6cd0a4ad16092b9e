package Tradesec::Test::Revocations;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Exporter qw(import);
use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Token qw(jwks provider token);

our @EXPORT_OK
    = qw($SET $STREAM becomes configured fresh gateway is_stale key_file lines
    logout order status);

our $STREAM = 'tradesec:{revocations}:stream';
our $SET    = 'tradesec:{revocations}:set';

my $ISSUER = 'https://idp.test';


sub key_file {
    my ($redis, $name) = @_;

    my $file = $redis->dir . '/key' . ($name // '');

    if (!-e $file) {
        open my $out, '>:raw', $file or die "$file: $!";
        print {$out} "the key of all gateways: $file";
        close $out or die "$file: $!";
        chmod 0600, $file;
    }

    return $file;
}


sub configured {
    my ($redis, %opt) = @_;

    my $url = $opt{url} // 'unix:' . $redis->socket;
    my $key = $opt{key} // key_file($redis);
    my $store = $opt{alone} ? '' : "tradesec_redis $url key_file=$key;";

    return 'tradesec_zone zone=tradesec:' . ($opt{size} // '1m')
        . ($opt{state} // ' state=%%DIR%%/state') . ";\n$store\n"
        . provider('portal', "issuer $ISSUER;", 'max_lifetime 2h;')
        . provider('strict', "issuer $ISSUER;", 'max_lifetime 2h;',
            $opt{alone} ? () : 'revocations_stale refuse;');
}


sub gateway {
    my ($redis, %opt) = @_;

    my $more = $opt{more} // '';

    my $t = Tradesec::Test->new(
        backend    => $opt{backend} // 1,
        stopped    => 1,
        workers    => $opt{workers} // 2,
        access_log => '$uri $status $tradesec_reason',
        http       => configured($redis, %opt),
        server     => <<"CONF");
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;

        location / { proxy_pass http://%%BACKEND%%; }

        location /strict {
            tradesec_jwt strict;
            proxy_pass http://%%BACKEND%%;
        }

        location = /logout {
            tradesec_revoke token;
            proxy_pass http://%%BACKEND%%;
        }

        location = /operators {
            tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1;
        }

        $more
CONF

    $t->write_file("$_.jwks", jwks()) for qw(portal strict);
    $t->allow_logged(qr/redis|an operator has/);

    return $t->start;
}


# A token that differs from all others.

sub fresh {
    state $n = 0;

    return token({ jti => 'id-' . $n++, iss => $ISSUER, iat => int(time) - 1,
        @_ });
}


# As the workers see it, each of which may answer.

sub status {
    my ($t, $token, $uri) = @_;

    my %seen = map {
        $t->get($uri // '/', Authorization => "Bearer $token")->status => 1
    } 1 .. 4;

    return join ' ', sort keys %seen;
}


sub logout {
    my ($t, $token) = @_;

    return $t->post('/logout', 'x', Authorization => "Bearer $token")->status;
}


sub order { my ($t, $order) = @_; return $t->post('/operators', $order)->status }


sub is_stale { return $_[0]->get('/operators')->body =~ /"stale":true/ }


sub becomes {
    my ($t, $token, $status, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $since = time;
    my $done  = wait_until(sub { status($t, $token) eq $status }, 20);

    note(sprintf '%s: after %.3f s', $title, time - $since);

    return ok($done, $title);
}


# How many revocations Redis holds; 0 while it holds none of its own.

sub lines {
    my ($redis) = @_;

    return eval { $redis->command(ZCARD => $SET) } // 0;
}


1;

__END__

=head1 NAME

Tradesec::Test::Revocations - gateways that tell each other of revocations

=head1 SYNOPSIS

    my $redis = Tradesec::Test::Redis->new;
    my ($one, $two) = map { gateway($redis) } 1 .. 2;

    my $token = fresh(sub => 'alice');
    is(logout($one, $token), 200, 'logout');
    becomes($two, $token, 401, 'known to the other one');

=cut
