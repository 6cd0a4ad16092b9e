package Attack::Sockets;

# Copyright (C) the ngx_tradesec authors
#
# What an upgrade can be abused for.

use v5.36;

use Attack::Sidecar;


sub _own ($target) {
    return (Cookie => $target->session('alice'), Origin => $target->origin);
}


sub _upgraded ($target, %headers) {
    return $target->socket(headers => { _own($target), %headers })
        ->status == 101;
}


sub _ticks ($message) { return $message->{topic} =~ /^ticks/ }


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
    );
}


# What takes another proxy between nginx and the portal.

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
    );
}


1;
