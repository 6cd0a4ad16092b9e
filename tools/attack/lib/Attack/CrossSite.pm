package Attack::CrossSite;

# Copyright (C) the ngx_tradesec authors
#
# What a foreign page can make the browser of a logged-in user do. The
# requests are those that browsers send.

use v5.36;

my $EVIL = 'https://evil.test';

my %FOREIGN = (
    Origin           => $EVIL,
    Referer          => "$EVIL/page",
    'Sec-Fetch-Site' => 'cross-site',
    'Sec-Fetch-Mode' => 'navigate',
);


sub _form (%wish) { return join '&', map {"$_=$wish{$_}"} sort keys %wish }


# Tries to place an order for alice; true if it is there afterwards.

sub _order ($target, $send, @headers) {
    my $quantity = $target->quantity;

    $send->($target->order(quantity => $quantity),
        Cookie => $target->session('alice'), @headers);

    return $target->has_order(alice => $quantity);
}


sub _form_order ($target, @headers) {
    return _order($target, sub ($wish, @rest) {
        $target->post('/api/orders', _form(%$wish), @rest);
    }, @headers);
}


sub _own ($target) {
    return (Origin => $target->origin, 'Sec-Fetch-Site' => 'same-origin');
}


sub _own_form ($target) { return _form_order($target, _own($target)) }


sub _own_json ($target) {
    return _order($target, sub ($wish, @rest) {
        $target->post('/api/orders', $wish, @rest);
    }, _own($target));
}


sub _password ($target, @headers) {
    my $r = $target->post('/account/password', 'new_password=hunter2hunter2',
        Cookie => $target->session('bob'), @headers);
    my $changed = $r->status == 200 && $r->body =~ /is changed/;

    # and back, by the owner

    if ($changed) {
        $target->post('/account/password',
            _form(new_password => $target->{users}{bob} =~ tr/ /+/r),
            $target->as('bob'));
    }

    return $changed;
}


sub _log_in ($target, @headers) {
    return defined $target->post('/login',
        _form(username => 'alice',
            password => $target->{users}{alice} =~ tr/ /+/r),
        @headers)->cookie('access_token');
}


sub _cancel ($target, $send) {
    my $quantity = $target->quantity;
    my $order = $target->post('/api/orders',
        $target->order(quantity => $quantity), $target->as('alice'))->json;

    $send->("/api/orders/$order->{id}");

    return $target->has_order(alice => $quantity, 'cancelled');
}


sub _own_cancel ($target) {
    return _cancel($target, sub ($uri) {
        $target->client->request(DELETE => $uri, undef, $target->as('alice'));
    });
}


sub _live ($target, %headers) {
    my $socket = $target->socket(headers => {
        Cookie => $target->session('alice'), %headers });

    return $socket->wait_for(sub ($message) { $message->{topic} =~ /^ticks/ });
}


sub rows () {
    my @form = ('form of the own page', \&_own_form);
    my @json = ('JSON of the own page', \&_own_json);
    my @live = ('live data on the own page', sub ($target) {
        return _live($target, _own($target));
    });

    return (
        [ 'order by a foreign form' => sub ($target) {
            return _form_order($target, %FOREIGN);
        }, @form ],

        [ 'order by a foreign form, over HTTP/2' => sub ($target) {
            return _order($target, sub ($wish, @rest) {
                $target->client->h2(POST => '/api/orders', _form(%$wish), @rest);
            }, %FOREIGN);
        }, 'form of the own page, over HTTP/2', sub ($target) {
            return _order($target, sub ($wish, @rest) {
                $target->client->h2(POST => '/api/orders', _form(%$wish), @rest);
            }, _own($target));
        } ],

        [ 'order by JSON sent as text/plain' => sub ($target) {
            return _order($target, sub ($wish, @rest) {
                $target->post('/api/orders', $wish, @rest,
                    'Content-Type' => 'text/plain');
            }, %FOREIGN);
        }, @json ],

        [ 'order from a sandboxed frame' => sub ($target) {
            return _form_order($target, Origin => 'null',
                'Sec-Fetch-Site' => 'cross-site');
        }, @form ],

        [ 'order from a sibling domain' => sub ($target) {
            return _form_order($target, Origin => 'https://blog.localhost',
                'Sec-Fetch-Site' => 'same-site');
        }, @form ],

        [ 'order with only a foreign Referer' => sub ($target) {
            return _form_order($target, Referer => "$EVIL/page");
        }, 'own Referer alone', sub ($target) {
            return _form_order($target, Referer => $target->origin . '/');
        } ],

        [ 'order without any sign of where from' => sub ($target) {
            return _form_order($target);
        }, 'script with a bearer token and no Origin', sub ($target) {
            my $quantity = $target->quantity;

            $target->post('/api/orders',
                $target->order(quantity => $quantity),
                Authorization => 'Bearer ' . $target->token('alice'));

            return $target->has_order(alice => $quantity);
        } ],

        [ 'foreign Origin with a Host to match' => sub ($target) {
            return _order($target, sub ($wish, @rest) {
                my $body = _form(%$wish);
                $target->client->request(POST => "$EVIL/api/orders", $body,
                    @rest, Host => 'evil.test');
            }, Origin => $EVIL);
        }, @form ],

        [ 'own origin as a prefix of a foreign one' => sub ($target) {
            return _form_order($target, Origin => $target->origin
                . '.evil.test');
        }, @form ],

        [ 'own Origin followed by a foreign one' => sub ($target) {
            return _form_order($target, Origin => $target->origin,
                Origin => $EVIL);
        }, @form ],

        [ 'password changed by a foreign form' => sub ($target) {
            return _password($target, %FOREIGN);
        }, 'password changed by its owner', sub ($target) {
            return _password($target, _own($target));
        } ],

        [ 'victim logged in as the attacker' => sub ($target) {
            return _log_in($target, %FOREIGN);
        }, 'login form of the own page', sub ($target) {
            return _log_in($target, _own($target));
        } ],

        [ 'order cancelled by a GET with _method' => sub ($target) {
            return _cancel($target, sub ($uri) {
                $target->get("$uri?_method=DELETE",
                    Cookie => $target->session('alice'), %FOREIGN);
            });
        }, 'order cancelled by its owner', \&_own_cancel ],

        [ 'order cancelled by X-HTTP-Method-Override' => sub ($target) {
            return _cancel($target, sub ($uri) {
                $target->get($uri, Cookie => $target->session('alice'),
                    'X-HTTP-Method-Override' => 'DELETE');
            });
        }, 'order cancelled by its owner', \&_own_cancel ],

        [ 'live data to a foreign page' => sub ($target) {
            return _live($target, %FOREIGN);
        }, @live ],

        [ 'live data without an Origin' => sub ($target) {
            return _live($target);
        }, @live ],

        [ 'order through a foreign WebSocket' => sub ($target) {
            my $quantity = $target->quantity;
            my $socket   = $target->socket(headers => {
                Cookie => $target->session('alice'), %FOREIGN });

            $socket->send({ action => 'place',
                %{ $target->order(quantity => $quantity) } });
            $socket->wait_for(sub { $_[0]{topic} eq 'orders' }, 2);

            return $target->has_order(alice => $quantity);
        }, 'order through the own WebSocket', sub ($target) {
            my $quantity = $target->quantity;
            my $socket   = $target->socket(headers => {
                Cookie => $target->session('alice'), _own($target) });

            $socket->send({ action => 'place',
                %{ $target->order(quantity => $quantity) } });
            $socket->wait_for(sub { $_[0]{topic} eq 'orders' }, 2);

            return $target->has_order(alice => $quantity);
        } ],
    );
}


1;
