#!/usr/bin/perl

# Addresses that nginx's realip module has from a balancer, as the login guard,
# operators' locations and the limit of sockets see them: over X-Forwarded-For,
# over the PROXY protocol, over a unix socket. Nobody says himself where he
# comes from, and a client behind a balancer is not counted as the balancer.

use v5.30;
use warnings;

use File::Temp ();
use IO::Socket::UNIX;
use Test::More;

use Tradesec::Test qw(free_port);
use Tradesec::Test::SocketServer;
use Tradesec::Test::WebSocket;


# 127.0.0.100 is the balancer; 192.0.2.10 is monitoring, 192.0.2.20 operators.

my $dead = free_port();
my $key  = File::Temp->new;

print $key 'k' x 32;
close $key;

my $servers = <<~'CONF';
    server_name localhost;
    tradesec on;
    tradesec_origin off;

    location = /login {
        tradesec_login account=form:u success=status:200 counter=a;
        proxy_pass http://%%BACKEND%%;
    }

    # the address is known in PREACCESS only
    location = /inner {
        set_real_ip_from 127.0.0.101;
        real_ip_header X-Forwarded-For;
        tradesec_login account=form:u success=status:200 counter=b;
        proxy_pass http://%%BACKEND%%;
    }

    # nginx learns the address behind a first judgement
    location = /tried {
        tradesec_login account=form:u success=status:200 counter=c;
        try_files /none /inner;
        root %%DIR%%;
    }

    location = /locks {
        allow 192.0.2.20;
        allow unix:;
        deny all;
        tradesec_login_locks;
    }

    location = /revocations {
        tradesec_revocations allow=192.0.2.20 allow=unix: allow=2001:db8::20;
    }
    location = /redis { tradesec_redis_status allow=192.0.2.20 allow=unix:; }
    location = /sockets { tradesec_websockets allow=192.0.2.20 allow=unix:; }
    location = /posture { tradesec_posture allow=192.0.2.20 allow=unix:; }

    location = /ws {
        tradesec_websocket_limit address=3;
        proxy_pass http://SOCKETS;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
    }

    location / { proxy_pass http://%%BACKEND%%; }
    CONF

my $sockets = Tradesec::Test::SocketServer->new;

$servers =~ s/SOCKETS/$sockets->address/e;

my $t = Tradesec::Test->new(
    backend => sub { {
        status => $_[0]->body =~ /right/ ? 200 : 401,
        body   => 'reached' } },
    access_log => '$uri $remote_addr $status',
    http => <<~"CONF");
        tradesec_zone zone=tradesec:4m;
        tradesec_redis redis://127.0.0.1:$dead key_file=$key;

        tradesec_login_limit pair=1000 account=1000 address=5 prefix56=1000
                             prefix48=1000 accounts=0;
        tradesec_login_allow 192.0.2.10 2001:db8::10;

        # by the field, from the balancer alone
        server {
            listen 127.0.0.1:%%PORT%%;
            set_real_ip_from 127.0.0.100;
            set_real_ip_from 10.0.0.0/8;
            real_ip_header X-Forwarded-For;
            real_ip_recursive on;
            $servers
        }

        # the same, and only the last address counts
        server {
            listen 127.0.0.1:%%PORT_last%%;
            set_real_ip_from 127.0.0.100;
            set_real_ip_from 10.0.0.0/8;
            real_ip_header X-Forwarded-For;
            $servers
        }

        server {
            listen 127.0.0.1:%%PORT_proxy%% proxy_protocol;
            set_real_ip_from 127.0.0.100;
            real_ip_header proxy_protocol;
            $servers
        }

        # speaks the protocol, and nobody is trusted
        server {
            listen 127.0.0.1:%%PORT_distrust%% proxy_protocol;
            real_ip_header proxy_protocol;
            $servers
        }

        server {
            listen unix:%%DIR%%/trusting.sock;
            set_real_ip_from unix:;
            real_ip_header X-Forwarded-For;
            real_ip_recursive on;
            $servers
        }

        server {
            listen unix:%%DIR%%/plain.sock;
            $servers
        }

        # a balancer as it should be
        server {
            listen 127.0.0.1:%%PORT_balancer%%;
            server_name localhost;
            location / {
                proxy_pass http://127.0.0.1:%%PORT%%;
                proxy_bind 127.0.0.100;
                proxy_set_header Host localhost;
                proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
            }
        }
        server {
            listen 127.0.0.1:%%PORT_local%%;
            server_name localhost;
            location / {
                proxy_pass http://unix:%%DIR%%/trusting.sock;
                proxy_set_header Host localhost;
                proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
            }
        }
    CONF

my $backend  = $t->backend;
my $FORM     = 'application/x-www-form-urlencoded';
my $BALANCER = '127.0.0.100';


# One request over the way in: a hash with "server" and "from", or "unix".

sub ask {
    my ($way, $method, $uri, $body, @fields) = @_;

    my @request = ($method, $uri, $body, @fields);

    if ($way->{unix}) {
        my $socket = IO::Socket::UNIX->new(
            Peer => $t->dir . "/$way->{unix}.sock") or die "unix: $!\n";

        print $socket $t->client->format(@request);
        local $/;

        return Tradesec::Test::Response->parse(scalar <$socket>, 1);
    }

    my $client = $t->client(map { $_ => $way->{$_} // '' } qw(server from));

    return $client->raw(($way->{preface} // '') . $client->format(@request));
}

my $number = 0;

# How many of n guesses, each for an account of its own, reach the backend.

sub reached {
    my ($way, $n, $fields, $uri) = @_;

    $backend->clear;

    for my $i (1 .. $n) {
        my @fields = ref $fields eq 'CODE' ? $fields->($i) : @$fields;
        my %way    = %$way;

        $way{preface} = $way->{preface}->($i)
            if ref $way->{preface} eq 'CODE';

        ask(\%way, POST => $uri // '/login', 'u=user' . ++$number, @fields);
    }

    return $backend->count;
}

sub forwarded { return 'X-Forwarded-For' => $_[0] }

sub through { return { from => $BALANCER, @_ } }


# X-Forwarded-For

is(reached(through(), 9, [ forwarded('198.51.100.1') ]), 5,
    'a client behind the balancer has a budget');
is(reached(through(), 9, [ forwarded('198.51.100.2') ]), 5,
    '... and the next one has another');
is(reached(through(), 1, [ forwarded('198.51.100.1') ]), 0,
    '... and the first one still none');

is(reached(through(), 9, sub { forwarded("203.0.113.$_[0], 198.51.100.3") }),
    5, 'addresses in front of the last one buy nothing');
is(reached(through(), 9,
        sub { forwarded("203.0.113.$_[0], 198.51.100.4, 10.0.0.$_[0]") }),
    5, '... nor in front of a chain of balancers');
is(reached(through(), 9,
        sub { (forwarded("203.0.113.$_[0]"), forwarded('198.51.100.5')) }),
    5, '... nor in a field of their own');
is(reached(through(), 9, sub { forwarded("junk$_[0], 198.51.100.6") }), 5,
    '... nor junk');
is(reached(through(), 9, [ forwarded('192.0.2.10, 198.51.100.7') ]), 5,
    '... nor an allowed one');
is(reached(through(), 9, [ forwarded('192.0.2.10') ]), 9,
    'whom the balancer says to be allowed is allowed');
is(reached(through(), 9, [ forwarded('::ffff:192.0.2.10') ]), 9,
    '... also in IPv6 form');

is(reached(through(), 9, sub { forwarded("198.51.100.8:$_[0]") }), 5,
    'a port is no part of the address');
is(reached(through(), 9,
        sub { forwarded($_[0] % 2 ? '198.51.100.9' : '::ffff:198.51.100.9') }),
    5, 'IPv4 in IPv6 is the same address');
is(reached(through(), 9, sub { forwarded("2001:db8:1::$_[0]") }), 5,
    'a network of IPv6 is one client');
is(reached(through(), 9, sub { forwarded("[2001:db8:2::$_[0]]:80") }), 5,
    '... with ports, too');

is(reached({ from => '127.0.0.1' }, 9, sub { forwarded("203.0.113.$_[0]") }),
    5, 'who is no balancer says nothing about his address');
is(reached({ from => '127.0.0.2' }, 9, [ forwarded('192.0.2.10') ]), 5,
    '... and is not allowed');

is(reached(through(), 9, [ forwarded('junk') ]), 5,
    'what is no address is the balancer');
is(reached(through(), 1, [ forwarded('') ]), 0, '... an empty field, too');
is(reached(through(), 1, []), 0, '... and no field');

is(reached(through(server => 'last'), 9,
        sub { forwarded("10.1.1.$_[0], 198.51.100.10") }), 5,
    'not recursive: the last one counts');
is(reached(through(server => 'last'), 9,
        sub { forwarded("203.0.113.$_[0], 10.0.0.1") }), 5,
    '... also if it is a balancer: all behind it share a budget');

# a balancer that adds the address it sees

is(reached({ server => 'balancer', from => '127.0.0.11' }, 9,
        sub { forwarded("192.0.2.$_[0]") }), 5, 'forged behind a balancer');
is(reached({ server => 'balancer', from => '127.0.0.12' }, 9,
        [ forwarded('192.0.2.10') ]), 5, 'an allowed one behind a balancer');
is(reached({ server => 'local', from => '127.0.0.13' }, 9,
        sub { forwarded("192.0.2.$_[0]") }), 5,
    'forged behind a balancer on a unix socket');
is(reached({ server => 'local', from => '127.0.0.14' }, 9,
        [ forwarded('192.0.2.10, unix:, ') ]), 5,
    '... and what pretends to be one');

# a connection that carries requests of several clients

my $c = $t->client(from => $BALANCER, keepalive => 1)->connect;

$backend->clear;

for my $i (1 .. 9) {
    for my $client ('198.51.100.20', '198.51.100.21', '192.0.2.10') {
        $c->request(POST => '/login', 'u=keep' . ++$number,
            forwarded($client));
    }
}

is($backend->count, 5 + 5 + 9, 'one connection, three clients');
is($c->request(POST => '/login', 'u=keep' . ++$number)->status, 429,
    '... and the balancer itself');

$c = $t->client(from => $BALANCER, keepalive => 1)->connect;
$c->write($t->client(keepalive => 1)->format(GET => '/x', undef,
        forwarded('192.0.2.20'))
    . $t->client(keepalive => 1)->format(GET => '/revocations', undef,
        forwarded('198.51.100.20')));
is($c->response->status, 401, 'pipelined: an operator at the app');
is($c->response->status, 403, '... and behind it somebody else');

# the address is set in the location itself

is(reached({ from => '127.0.0.101' }, 9, [ forwarded('198.51.100.30') ],
        '/inner'), 5, 'realip in the location');
is(reached({ from => '127.0.0.101' }, 9, [ forwarded('192.0.2.10') ],
        '/inner'), 9, '... with an allowed address');
is(reached({ from => '127.0.0.102' }, 9, sub { forwarded("192.0.2.$_[0]") },
        '/inner'), 5, '... which not everybody may say');
is(reached({ from => '127.0.0.101' }, 9, [ forwarded('198.51.100.31') ],
        '/tried'), 5, 'a redirect to such a location');
is(reached({ from => '127.0.0.101' }, 9, [ forwarded('198.51.100.32') ],
        '/tried'), 5, '... gives a client a budget of its own');
is(reached({ from => '127.0.0.103' }, 9, sub { forwarded("192.0.2.$_[0]") },
        '/tried'), 5, '... but nobody else more than one');
is(reached({ from => '127.0.0.103' }, 1, [ forwarded('192.0.2.10') ],
        '/tried'), 0, '... nor an allowed one');

# the PROXY protocol

sub preface { return "PROXY TCP4 $_[0] 127.0.0.1 1234 80\r\n" }

my @proxy = (server => 'proxy');

is(reached(through(@proxy, preface => preface('198.51.100.40')), 9, []), 5,
    'PROXY: a budget');
is(reached(through(@proxy, preface => preface('198.51.100.41')), 9,
        sub { (forwarded("192.0.2.$_[0]"), 'X-Real-IP' => "192.0.2.$_[0]",
            'Proxy-Protocol' => "192.0.2.$_[0]") }), 5,
    'PROXY: fields say nothing');
is(reached(through(@proxy, preface => preface('192.0.2.10')), 9, []), 9,
    'PROXY: an allowed one');
is(reached({ @proxy, from => '127.0.0.4',
        preface => sub { preface("192.0.2.$_[0]") } }, 9, []), 5,
    'PROXY: of somebody who is no balancer');
is(reached({ server => 'distrust', from => '127.0.0.3',
        preface => preface('192.0.2.10') }, 9, []), 5,
    'PROXY: nobody is trusted');
is(reached(through(@proxy, preface => "PROXY UNKNOWN\r\n"), 1, []), 0,
    'PROXY: unknown is the balancer, which has none left');
is(reached(through(@proxy, preface => ''), 3, []), 0,
    'PROXY: nothing without it');
is(reached(through(@proxy, preface => preface('198.51.100.42')
            . preface('192.0.2.10')), 3, []), 0, 'PROXY: only one');
is(reached(through(@proxy, preface => sub {
        "PROXY TCP6 2001:db8:3::$_[0] ::1 1234 80\r\n" }), 9, []), 5,
    'PROXY: a network of IPv6');

# unix sockets

is(reached({ unix => 'trusting' }, 9, [ forwarded('198.51.100.50') ]), 5,
    'unix socket: a budget');
is(reached({ unix => 'trusting' }, 9, [ forwarded('192.0.2.10') ]), 9,
    'unix socket: an allowed one');
is(reached({ unix => 'plain' }, 9, sub { forwarded("192.0.2.$_[0]") }), 5,
    'unix socket without realip: all are one');
is(reached({ unix => 'trusting' }, 1, []), 0,
    '... and so is who has no field where there is realip');

# sockets of an address

sub opened {
    my ($way, @fields) = @_;

    my $client = $t->client(map { $_ => $way->{$_} // '' } qw(server from));

    return map { Tradesec::Test::WebSocket->open($client, '/ws',
        headers => [@$_]) } @fields;
}

sub accepted {
    return scalar grep { ref && $_->response->status == 101 } @_;
}

for my $case (
    [ 3, 'a client behind the balancer', through(),
        map { [ forwarded('198.51.100.70') ] } 1 .. 5 ],
    [ 3, 'forged in front of the last address', through(),
        map { [ forwarded("192.0.2.$_, 198.51.100.71") ] } 1 .. 5 ],
    [ 3, 'who is no balancer', { from => '127.0.0.5' },
        map { [ forwarded("192.0.2.$_") ] } 1 .. 5 ],
    [ 5, 'five clients', through(),
        map { [ forwarded("198.51.100.8$_") ] } 1 .. 5 ],
) {
    my ($expected, $title, $way, @fields) = @$case;
    my @ws = opened($way, @fields);

    is(accepted(@ws), $expected, "sockets: $title");
    $_->connection->close for grep {ref} @ws;
}

# operators

my @OPERATED = map {"/$_"} qw(locks revocations redis sockets posture);

sub operated {
    my ($way, $expected, $title, @fields) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(join(' ', map { ask($way, GET => $_, undef, @fields)->status }
            @OPERATED), join(' ', ($expected) x @OPERATED), $title);
}

operated(through(), 200, 'operators, by the balancer',
    forwarded('192.0.2.20'));
operated(through(), 403, 'operators, forged in front of the last address',
    forwarded('192.0.2.20, 198.51.100.60'));
operated(through(), 403, 'operators, forged in two fields',
    forwarded('192.0.2.20'), forwarded('198.51.100.60'));
operated(through(), 403, 'operators: no address', forwarded('unix:'));
operated(through(), 403, 'operators: a name', forwarded('localhost'));
operated({}, 403, 'operators, forged', forwarded('192.0.2.20'));
operated({}, 403, 'operators, by other fields', 'X-Real-IP' => '192.0.2.20',
    'Forwarded' => 'for=192.0.2.20', 'Client-IP' => '192.0.2.20');
operated({ server => 'balancer' }, 403, 'operators, forged behind a balancer',
    forwarded('192.0.2.20'));
operated({ server => 'local' }, 403,
    'operators, a balancer on a unix socket', forwarded('192.0.2.20'));
operated(through(@proxy, preface => preface('192.0.2.20')), 200,
    'operators, PROXY');
operated({ @proxy, preface => preface('192.0.2.20') }, 403,
    'operators, PROXY forged');
operated({ server => 'distrust', preface => preface('192.0.2.20') }, 403,
    'operators, PROXY where nobody is trusted');
operated({ unix => 'plain' }, 200, 'operators at a unix socket');
operated({ unix => 'trusting' }, 403, 'a client of a local balancer is none',
    forwarded('198.51.100.61'));

is(ask(through(), POST => '/revocations', 'freeze=on',
        forwarded('192.0.2.20, 198.51.100.62'))->status, 403,
    'a forged order');
like(ask({ unix => 'plain' }, GET => '/revocations')->body, qr/"frozen":0,/,
    '... was not carried out');
is(ask(through(), POST => '/revocations', 'freeze=on',
        forwarded('192.0.2.20'))->status, 200, 'an order by the balancer');
unlike(ask({ unix => 'plain' }, GET => '/revocations')->body,
    qr/"frozen":0,/, '... was carried out');
is(ask(through(), POST => '/revocations', 'freeze=off',
        forwarded('2001:db8::20'))->status, 200, '... and taken back by IPv6');

is(ask(through(), DELETE => '/locks?address=198.51.100.1&counter=a', undef,
        forwarded('192.0.2.20, 198.51.100.1'))->status, 403,
    'a client does not unlock itself');
is(reached(through(), 1, [ forwarded('198.51.100.1') ]), 0,
    '... and has no budget still');
is(ask(through(), DELETE => '/locks?address=198.51.100.1&counter=a', undef,
        forwarded('192.0.2.20'))->status, 200, 'an operator does');
is(reached(through(), 1, [ forwarded('198.51.100.1') ]), 1,
    '... and it has one again');

done_testing();
