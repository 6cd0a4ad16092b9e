package Attack::Sockets;

# Copyright (C) the ngx_tradesec authors
#
# What an upgrade can be abused for.

use v5.36;

use Attack::Sidecar;
use Tradesec::Test::Wait qw(wait_until);


sub _own ($target) {
    return (Cookie => $target->session('alice'), Origin => $target->origin);
}


sub _upgraded ($target, %headers) {
    return $target->socket(headers => { _own($target), %headers })
        ->status == 101;
}


sub _ticks ($message) { return $message->{topic} =~ /^ticks/ }


# What a user of the portal reads on his own socket.

sub _reads ($target, $user, $fits) {
    return $target->socket(headers => {
        Cookie => $target->session($user), Origin => $target->origin,
    })->wait_for($fits);
}


sub _account_of ($user) {
    return sub ($message) {
        return $message->{topic} eq 'account' && $message->{user_id} eq $user;
    };
}


sub rows () {
    my @twin = ('live data', sub ($target) {
        return $target->socket(headers => { _own($target) })
            ->wait_for(\&_ticks);
    });

    return (
        [ 'tunnel by WebSocket version 99' => sub ($target) {
            return _upgraded($target, 'Sec-WebSocket-Version' => 99);
        }, @twin ],

        [ 'tunnel without a WebSocket key' => sub ($target) {
            return _upgraded($target, 'Sec-WebSocket-Key' => undef);
        }, @twin ],

        [ 'live data without a token' => sub ($target) {
            return $target->socket(headers => {
                Origin => $target->origin, 'X-User' => 'alice' })
                ->wait_for(\&_ticks);
        }, @twin ],

        [ "another user's balance in live data" => sub ($target) {
            return _reads($target, 'bob', _account_of('alice'));
        }, 'the own balance in live data', sub ($target) {
            return _reads($target, 'bob', _account_of('bob'));
        } ],

        [ "an administrator's balance in live data" => sub ($target) {
            return _reads($target, 'alice', _account_of('admin'));
        }, 'prices beside it', sub ($target) {
            return _reads($target, 'alice', \&_ticks);
        } ],
    );
}


# What takes a token that ends soon, and a look into the log.

sub own_rows () {
    return (
        [ 'tunnel by h2c into the admin area' => sub ($target) {
            my $connection = $target->behind_sidecar->connect_h2c('/ws');

            return $connection && Attack::Sidecar::request_through(
                $connection, '/admin', 'x-user' => 'admin') =~ /Accounts/;
        }, 'live data through the same proxies', sub ($target) {
            return $target->behind_sidecar
                ->socket(headers => { _own($target->behind_sidecar) })
                ->wait_for(\&_ticks);
        } ],

        [ 'live data after the token has ended' => sub ($target) {
            my $end    = time + 2;
            my $token  = $target->mint(exp => $end);
            my $socket = $target->socket(headers => {
                _own($target), Cookie => "access_token=$token" });

            return $socket->wait_for(sub ($message) { time > $end + 3 }, 8);
        }, 'live data until the token ends', sub ($target) {
            my $end    = time + 5;
            my $token  = $target->mint(exp => $end);
            my $socket = $target->socket(headers => {
                _own($target), Cookie => "access_token=$token" });

            return $socket->wait_for(sub ($message) { time >= $end - 2 }, 5);
        } ],

        [ 'token in the query, read from the log' => sub ($target) {
            my $token = $target->token('alice');
            my $lines = () = $target->log =~ m{GET /ws}g;

            # the line is written when the socket has closed

            $target->socket(uri => "/ws?token=$token",
                headers => { Origin => $target->origin });

            wait_until(sub { (() = $target->log =~ m{GET /ws}g) > $lines });

            return index($target->log, $token) >= 0;
        }, 'live data with the token in the query', sub ($target) {
            return $target->socket(
                uri     => '/ws?token=' . $target->token('alice'),
                headers => { Origin => $target->origin },
            )->wait_for(\&_ticks);
        } ],
    );
}


1;
