package Attack::Rules;

# Copyright (C) the ngx_tradesec authors
#
# Doing what the own token does not allow. Each token here is one that the
# portal itself has signed, so only a target of ours has them.

use v5.36;


sub _minted ($target, %claims) {
    return (
        Cookie           => 'access_token=' . $target->mint(%claims),
        Origin           => $target->origin,
        'Sec-Fetch-Site' => 'same-origin',
    );
}


sub _order ($target, %claims) {
    my $quantity = $target->quantity;

    $target->post('/api/orders', $target->order(quantity => $quantity),
        _minted($target, %claims));

    return $target->has_order(alice => $quantity);
}


sub _withdraw ($target, %claims) {
    my $r = $target->post('/api/withdrawals', { amount => 1 },
        _minted($target, %claims));

    return $r->status == 201;
}


sub _admin ($target, %claims) {
    return $target->get('/admin', _minted($target, sub => 'admin', %claims))
        ->body =~ /Accounts/;
}


sub own_rows () {
    my @admin = ('administrator with the role', sub ($target) {
        return _admin($target, role => 'admin');
    });

    my @order = ('order of a verified member', sub ($target) {
        return _order($target);
    });

    my @money = ('withdrawal after a fresh login', sub ($target) {
        return _withdraw($target, auth_time => time);
    });

    my $as = sub ($do, %claims) {
        return sub ($target) { return $do->($target, %claims) };
    };

    return (
        [ 'administration with the role of a trader' =>
                $as->(\&_admin, role => 'trader'), @admin ],
        [ 'administration with a role in a list\'s text' =>
                $as->(\&_admin, role => 'trader,admin'), @admin ],
        [ 'administration without a role' =>
                $as->(\&_admin, role => undef), @admin ],

        [ 'order with an unverified e-mail address' =>
                $as->(\&_order, email_verified => \0), @order ],
        [ 'order with the word "true" for verified' =>
                $as->(\&_order, email_verified => 'true'), @order ],
        [ 'order of a member who has left' =>
                $as->(\&_order, membership => 'lapsed'), @order ],

        [ 'withdrawal on a login of this morning' =>
                $as->(\&_withdraw, auth_time => time - 4 * 3600), @money ],
        [ 'withdrawal on a login of tomorrow' =>
                $as->(\&_withdraw, auth_time => time + 86400), @money ],
        [ 'withdrawal without any time of login' =>
                $as->(\&_withdraw, auth_time => undef), @money ],
    );
}


1;
