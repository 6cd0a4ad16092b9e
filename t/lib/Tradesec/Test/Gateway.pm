package Tradesec::Test::Gateway;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Exporter qw(import);

use Tradesec::Test qw(wait_until);

our @EXPORT_OK = qw($FALLBACKS connected gateway guess key_of talk);


# Locations of the same counter that know what to do without Redis.

our $FALLBACKS = <<'CONF';
    location = /closed {
        tradesec_login account=json:/user success=cookie:sid counter=login;
        tradesec_login_fallback closed;
        proxy_pass http://%%BACKEND%%;
    }

    location = /open {
        tradesec_login account=json:/user success=cookie:sid counter=login;
        tradesec_login_fallback open;
        proxy_pass http://%%BACKEND%%;
    }
CONF


# A file with the key that all gateways of a Redis share.

sub key_of {
    my ($redis) = @_;

    my $key = $redis->dir . '/key';

    if (!-e $key) {
        open my $out, '>:raw', $key or die "$key: $!";
        print {$out} 'the key of all gateways of a test';
        close $out or die "$key: $!";
        chmod 0600, $key;
    }

    return $key;
}


sub answer {
    my ($request) = @_;

    my %answer = $request->body =~ /right/
        ? (headers => [ 'Set-Cookie' => 'sid=1' ])
        : (status => $request->body =~ /neutral/ ? 503 : 401);

    $answer{delay} = 0.2 if $request->body =~ /slow/;

    return \%answer;
}


sub gateway {
    my ($redis, %opt) = @_;

    my $url   = delete $opt{url} // ($redis && 'unix:' . $redis->socket);
    my $key   = delete $opt{key} // ($redis && key_of($redis));
    my $login = delete $opt{login} // '';
    my $more  = delete $opt{more}  // '';
    my $zone  = delete $opt{zone}  // 'zone=tradesec:4m';

    my $store = defined $url ? "tradesec_redis $url key_file=$key;" : '';

    return Tradesec::Test->new(
        backend    => \&answer,
        access_log => '$status $tradesec_reason [$tradesec_store] '
            . '$request_time',
        http => <<"CONF",
        tradesec_zone $zone;
        $store
        proxy_ignore_client_abort on;
        set_real_ip_from 127.0.0.0/8;
        real_ip_header X-Client;
CONF
        server => <<"CONF",
        tradesec on;
        tradesec_origin off;

        location = /login {
            tradesec_login account=json:/user success=cookie:sid neutral=503;
            $login
            proxy_pass http://%%BACKEND%%;
        }

        location / { return 204; }

        $more
CONF
        %opt,
    );
}


# Every worker of these gateways has a connection that it can use.

sub connected {
    my ($redis, @gateways) = @_;

    my $n = 0;
    $n += $_->workers for @gateways;

    return wait_until(sub {
        my $clients = eval { $redis->command('CLIENT', 'LIST') } // '';
        my $greeted = () = $clients =~ /cmd=(?:set|evalsha|eval) /g;
        return $greeted >= $n;
    }, 30);
}


sub guess {
    my ($t, $user, $password, $from, %opt) = @_;

    return $t->client(%opt)->post('/login',
        { user => $user, password => $password },
        'X-Client' => $from // '192.0.2.1');
}


# On one connection for each gateway, or on another one where that has ended.

sub talk {
    my ($t, @request) = @_;

    my $client = $t->client(keepalive => 1, timeout => 30);
    my $c      = $t->{talk} //= $client->connect;
    my $r      = $c->request(@request);

    return $r if $r->status;

    $t->{talk} = $client->connect;

    return $t->{talk}->request(@request);
}


1;

__END__

=head1 NAME

Tradesec::Test::Gateway - gateways that count in one Redis

=head1 SYNOPSIS

    my $redis = Tradesec::Test::Redis->new;
    my $t = gateway($redis, workers => 4, login => 'tradesec_login_lock off;');

    connected($redis, $t);
    is(guess($t, 'alice', 'wrong', '192.0.2.1')->status, 401, 'a guess');

Without a Redis a gateway counts by itself. The backend takes passwords with C<right> in them; C<neutral> is answered 503,
and C<slow> takes a fifth of a second.

=cut
