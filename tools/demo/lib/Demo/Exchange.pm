package Demo::Exchange;

# Copyright (C) the ngx_tradesec authors
#
# A tiny exchange in memory: accounts, prices that walk at random, orders that
# fill when the price reaches their limit. Whoever wants to know subscribes to
# "message"; every message is a hash with a topic.

use Mojo::Base 'Mojo::EventEmitter', -signatures;

use Crypt::KeyDerivation qw(pbkdf2);
use Crypt::PRNG qw(random_bytes);

use constant ITERATIONS => 2000;

has accounts => sub { {} };
has orders   => sub { {} };
has prices   => sub {
    { ACME => 142.5, GLOBEX => 88.2, INITECH => 31.75, 'BTC-USD' => 97450,
        'ETH-USD' => 3310 }
};
has last_id => 1000;


sub open_account ($self, $name, $password, %facts) {
    $self->accounts->{$name} = {
        user      => $name,
        cash      => 25_000,
        positions => { ACME => 40 },
        role      => 'trader',
        %facts,
    };

    $self->set_password($name, $password);
}


sub set_password ($self, $name, $password) {
    my $account = $self->accounts->{$name} or return;
    my $salt    = random_bytes(16);

    @$account{qw(salt hash)} = ($salt, _hash($password, $salt));

    return 1;
}


sub check_password ($self, $name, $password) {
    my $account = $self->accounts->{ $name // '' };
    my $hash    = _hash($password // '', $account ? $account->{salt} : '');

    return $account && $hash eq $account->{hash};
}


sub _hash ($password, $salt) {
    utf8::encode($password);

    return pbkdf2($password, $salt, ITERATIONS, 'SHA256', 32);
}


sub account ($self, $name) {
    my $account = $self->accounts->{$name} or return;
    my $prices  = $self->prices;
    my $equity  = $account->{cash};

    for my $symbol (keys %{ $account->{positions} }) {
        $equity += $account->{positions}{$symbol} * $prices->{$symbol};
    }

    return {
        user      => $name,
        role      => $account->{role},
        cash      => _cents($account->{cash}),
        equity    => _cents($equity),
        positions => $account->{positions},
    };
}


sub orders_of ($self, $name = undef) {
    return [
        sort { $b->{id} <=> $a->{id} }
        grep { !defined $name || $_->{user} eq $name }
            values %{ $self->orders }
    ];
}


# Returns the order, or nothing if the wish makes no sense.

sub place ($self, $name, $wish) {
    my ($symbol, $side, $quantity, $limit)
        = map { $_ // '' } @$wish{qw(symbol side quantity limit)};

    return unless $self->accounts->{$name};
    return unless exists $self->prices->{$symbol};
    return unless $side =~ /^(?:buy|sell)$/;
    return unless $quantity =~ /^[1-9]\d{0,6}$/;
    return unless $limit =~ /^(?:\d{1,9}(?:\.\d{1,4})?)?$/;

    my $order = {
        id       => $self->{last_id} = $self->last_id + 1,
        user     => $name,
        symbol   => $symbol,
        side     => $side,
        quantity => 0 + $quantity,
        limit    => length $limit ? 0 + $limit : undef,
        status   => 'open',
        placed   => time,
    };

    $self->orders->{ $order->{id} } = $order;
    $self->_publish_order($order);
    $self->_try_fill($order);

    return $order;
}


sub withdraw ($self, $name, $amount) {
    my $account = $self->accounts->{$name} or return;

    return unless ($amount // '') =~ /^[1-9]\d{0,6}$/;
    return if $amount > $account->{cash};

    $account->{cash} -= $amount;
    $self->_publish_account($name);

    return { user => $name, amount => 0 + $amount,
        cash => _cents($account->{cash}) };
}


sub cancel ($self, $name, $id) {
    my $order = $self->orders->{$id} or return;

    return unless $order->{user} eq $name && $order->{status} eq 'open';

    $order->{status} = 'cancelled';
    $self->_publish_order($order);

    return $order;
}


sub tick ($self) {
    my $prices = $self->prices;

    for my $symbol (sort keys %$prices) {
        $prices->{$symbol} = _cents(
            $prices->{$symbol} * (1 + (rand() - 0.5) / 200));

        $self->emit(message => {
            topic  => "ticks.$symbol",
            symbol => $symbol,
            price  => $prices->{$symbol},
        });
    }

    $self->_try_fill($_)
        for grep { $_->{status} eq 'open' } values %{ $self->orders };

    $self->_publish_account($_) for sort keys %{ $self->accounts };
}


sub _try_fill ($self, $order) {
    my $price = $self->prices->{ $order->{symbol} };
    my $limit = $order->{limit};
    my $buy   = $order->{side} eq 'buy';

    return if defined $limit && ($buy ? $price > $limit : $price < $limit);

    my $account  = $self->accounts->{ $order->{user} };
    my $quantity = $buy ? $order->{quantity} : -$order->{quantity};

    $account->{cash} -= $quantity * $price;
    $account->{positions}{ $order->{symbol} } += $quantity;

    @$order{qw(status price)} = ('filled', $price);

    $self->_publish_order($order);
    $self->_publish_account($order->{user});
}


sub _publish_order ($self, $order) {
    $self->emit(message => {
        topic   => 'orders',
        user_id => $order->{user},
        order   => {%$order},
    });
}


sub _publish_account ($self, $name) {
    $self->emit(message => {
        topic   => 'account',
        user_id => $name,
        account => $self->account($name),
    });
}


sub _cents ($amount) {
    return sprintf('%.2f', $amount) + 0;
}


1;
