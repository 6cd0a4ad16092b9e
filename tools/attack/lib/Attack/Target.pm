package Attack::Target;

# Copyright (C) the ngx_tradesec authors
#
# What is attacked: one portal behind one server, as its users and its
# attackers see it. Our own ones also let us look at their log and sign with
# the portal's key.

use v5.36;

use Carp qw(croak);
use Crypt::JWT qw(encode_jwt);
use Crypt::PK::ECC;
use JSON::PP qw(decode_json);
use MIME::Base64 qw(encode_base64url);

use Attack::Sidecar;
use Attack::Socket;
use Demo::App;
use Demo::Users;
use Tradesec::Test::Client;


# Our own: the portal behind conf/trading-portal.conf, or behind the same
# nginx without a line of ours.

sub start ($class, %opt) {
    my $app     = Demo::App->new;
    my $sidecar = $opt{sidecar} ? Attack::Sidecar->new($app->address) : undef;
    my $nginx   = $app->gateway('conf/trading-portal.conf', %opt,
        $sidecar ? (address => $sidecar->address) : ());

    return bless {
        opt     => \%opt,
        app     => $app,
        sidecar => $sidecar,
        nginx   => $nginx,
        client  => $nginx->client,
        origin  => 'https://localhost:' . $nginx->port,
        users   => \%Demo::Users::PASSWORDS,
    }, $class;
}


# The same with another proxy between nginx and the portal.

sub behind_sidecar ($self) {
    return $self->{behind_sidecar}
        //= Attack::Target->start(%{ $self->{opt} }, sidecar => 1);
}


# Somebody's: only what the network shows.

sub at ($class, $url, %users) {
    my ($scheme, $host, $port) = $url =~ m{^(https?)://([\w.-]+)(?::(\d+))?/?$}
        or croak "no target: $url";

    my $tls       = $scheme eq 'https';
    my $authority = $host . ($port ? ":$port" : '');

    return bless {
        client => Tradesec::Test::Client->new(
            address => $host,
            port    => $port // ($tls ? 443 : 80),
            host    => $authority,
            tls     => $tls,
        ),
        origin => "$scheme://$authority",
        users  => \%users,
    }, $class;
}


sub client ($self, %opt) {
    return %opt ? $self->{nginx}->client(%opt) : $self->{client};
}


sub origin ($self) { return $self->{origin} }
sub own    ($self) { return exists $self->{app} }


sub get ($self, $uri, @headers) {
    return $self->client->get($uri, @headers);
}


sub post ($self, $uri, $body, @headers) {
    return $self->client->post($uri, $body, @headers);
}


# What a user's browser sends from the portal's own pages.

sub as ($self, $name) {
    return (
        Cookie           => $self->session($name),
        Origin           => $self->origin,
        'Sec-Fetch-Site' => 'same-origin',
    );
}


sub session ($self, $name) {
    return $self->{sessions}{$name} //= 'access_token='
        . $self->log_in($name)->cookie('access_token');
}


sub token ($self, $name) {
    return $self->session($name) =~ s/^access_token=//r;
}


# An honest user who is told to come back does so, twice.

sub log_in ($self, $name, $password = $self->{users}{$name}) {
    my $honest = $password eq $self->{users}{$name};

    for my $left (2, 1, 0) {
        my $r = $self->post('/api/login',
            { username => $name, password => $password },
            Origin => $self->origin);

        return $r
            if !$honest || !$left || ($r->status != 429 && $r->status < 500);
        sleep 1;
    }
}


sub order ($self, %wish) {
    return {
        symbol   => 'ACME',
        side     => 'buy',
        quantity => 1,
        limit    => 1,
        %wish,
    };
}


# An open order with a quantity that nobody else uses, so that an attack can
# be seen to have placed or cancelled just this one.

sub quantity ($self) { return ++$self->{quantity} }


sub has_order ($self, $name, $quantity, $status = 'open') {
    my $orders = $self->get('/api/orders', $self->as($name))->json // return;

    return scalar grep {
        $_->{quantity} == $quantity && $_->{status} eq $status
    } @$orders;
}


sub whoami ($self, @headers) {
    my $account = $self->get('/api/account', @headers)->json;

    return ref $account eq 'HASH' ? $account->{user} // '' : '';
}


# A token that the portal itself has signed, with other claims.

sub mint ($self, %claims) {
    my %claim = (%{ $self->claims('alice') }, %claims);

    delete @claim{ grep { !defined $claim{$_} } keys %claim };

    return encode_jwt(
        alg           => 'ES256',
        key           => Crypt::PK::ECC->new($self->{app}->key),
        payload       => \%claim,
        extra_headers => { kid => 'portal-1', typ => 'JWT' },
    );
}


sub claims ($self, $name) {
    my $part = (split /\./, $self->token($name))[1];

    return decode_json(MIME::Base64::decode_base64url($part));
}


sub jwks ($self) {
    return $self->get('/.well-known/jwks.json')->body;
}


sub socket ($self, @headers) {
    return Attack::Socket->new($self->client, @headers);
}


# A connection that has become something else, or nothing.

sub connect_h2c ($self, $uri) {
    my $connection = $self->client->connect or return;

    my $r = $connection->request(GET => $uri, undef, $self->as('alice'),
        Connection       => 'Upgrade, HTTP2-Settings',
        Upgrade          => 'h2c',
        'HTTP2-Settings' => 'AAMAAABkAAQAAP__');

    return $r->status == 101 ? $connection : undef;
}


sub log ($self) {
    return $self->{nginx}->read_file('access.log')
        . $self->{nginx}->read_file('error.log');
}


1;
