package Attack::Logins;

# Copyright (C) the ngx_tradesec authors
#
# Guessing passwords. Each attack tries a hundred, the right one among them,
# and works if it gets a token. Attackers and owners have an address and an
# account of their own in each row, so that no row is stopped by another's
# failures; that takes loopback.

use v5.36;

use Demo::Users;

my $GUESSES = 100;
my $LUCKY   = 60;


sub _address () {
    state $host = 1;

    return '127.0.1.' . ++$host;
}


sub _guesses ($name) {
    my @guesses = map {"guess $_"} 1 .. $GUESSES;

    $guesses[ $LUCKY - 1 ] = $Demo::Users::PASSWORDS{$name};

    return @guesses;
}


sub _got_in ($response) {
    return defined $response->cookie('access_token');
}


sub _form (@fields) {
    my @parts;

    while (my ($name, $value) = splice @fields, 0, 2) {
        push @parts, "$name=" . $value =~ tr/ /+/r;
    }

    return join '&', @parts;
}


# One after the other. The function makes a request of a guess.

sub _guess ($name, $request) {
    return sub ($target) {
        my $client = $target->client(from => _address());

        for my $guess (_guesses($name)) {
            return 1 if _got_in($client->request($request->($guess),
                Origin => $target->origin));
        }

        return 0;
    };
}


sub _guess_at ($uri, $name) {
    return _guess($name, sub ($guess) {
        return (POST => $uri, { username => $name, password => $guess });
    });
}


sub _parallel ($name) {
    return sub ($target) {
        my @requests = map {
            [ POST => '/api/login', { username => $name, password => $_ },
                Origin => $target->origin ]
        } _guesses($name);

        return scalar grep { _got_in($_) }
            $target->client(from => _address(), timeout => 30)
            ->parallel(@requests);
    };
}


# From as many addresses as there are guesses.

sub _distributed ($name) {
    return sub ($target) {
        my $client = $target->client(from => undef);

        for my $guess (_guesses($name)) {
            $client->{from} = _address();

            return 1 if _got_in($client->post('/api/login',
                { username => $name, password => $guess },
                Origin => $target->origin));
        }

        return 0;
    };
}


# One likely password for everybody.

sub _spray ($target) {
    my $client = $target->client(from => _address());

    for my $name ((map {"user$_"} 1 .. 30), 'frank') {
        return 1 if _got_in($client->post('/api/login',
            { username => $name, password => 'summer2026' },
            Origin => $target->origin));
    }

    return 0;
}


# The twin: whoever owns the account mistypes twice, then gets in, while
# somebody at another address guesses.

sub _owner ($name, $uri = '/api/login') {
    return ("$name mistypes twice and gets in", sub ($target) {
        my $client = $target->client(from => _address());

        for my $password ('one try', 'another', $Demo::Users::PASSWORDS{$name})
        {
            my $r = $client->post($uri, $uri =~ /api/
                ? { username => $name, password => $password }
                : _form(username => $name, password => $password),
                Origin => $target->origin);

            return 1 if _got_in($r);
            return 0 if $r->status !~ /^(?:200|401)$/;
        }

        return 0;
    });
}


sub rows () {
    my $dodge = sub ($guess) {
        state $count = 0;

        $count++;

        return (POST => '/api/login',
            qq({"username":"nobody$count","username":"heidi",)
                . qq("password":"$guess"}),
            'Content-Type' => 'application/json');
    };

    my $twice = sub ($guess) {
        state $count = 0;

        $count++;

        return (POST => '/login', _form(username => "nobody$count",
            username => 'grace', password => $guess));
    };

    return (
        [ 'password guessed at the JSON login',
            _guess_at('/api/login', 'bob'), _owner('bob') ],

        [ 'password guessed at the login form',
            _guess(carol => sub ($guess) {
                return (POST => '/login',
                    _form(username => 'carol', password => $guess));
            }), _owner(carol => '/login') ],

        [ 'password guessed, all guesses at once',
            _parallel('dave'), _owner('dave') ],

        [ 'password guessed at /api/%6cogin',
            _guess_at('/api/%6cogin', 'erin'), _owner('erin') ],

        [ 'account hidden behind a second member',
            _guess(heidi => $dodge), _owner('heidi') ],

        [ 'account hidden behind a second field',
            _guess(grace => $twice), _owner(grace => '/login') ],

        [ 'password guessed from a hundred addresses',
            _distributed('ivan'), _owner('bob') ],

        [ 'one password tried on many accounts', \&_spray,
            _owner('frank') ],
    );
}


1;
