#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# An open socket lives on with a new token of the same session that a message
# has brought, and with no other: not of another user, session or provider, not
# past its greatest age, not once it was revoked.

use v5.30;
use warnings;

use JSON::PP qw(encode_json);
use Test::More;

use Tradesec::Test qw(module_links wait_until);
use Tradesec::Test::Frame qw(CLOSE);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 1,
    access_log => '$uri $status $tradesec_user $tradesec_claim_n $tradesec_reason',
    http       => provider('portal', 'issuer https://idp.test;',
            'max_lifetime 3h;')
        . provider('other', 'issuer https://other.test;', 'max_lifetime 3h;')
        . 'tradesec_zone zone=tradesec:1m;',
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal other cookie=access_token message=/token;

        location /ws   { %%UPGRADE%% }
        location /drop { tradesec_websocket_token other=drop; %%UPGRADE%% }
        location /hide { tradesec_websocket_token message=drop; %%UPGRADE%% }
        location /age  { tradesec_websocket max_age=4s; %%UPGRADE%% }
        location /owner {
            tradesec_websocket owner=/account claim=accounts;
            %%UPGRADE%%
        }
        location /dry  { tradesec_dry_run jwt; %%UPGRADE%% }
        location /none { tradesec_jwt portal cookie=access_token; %%UPGRADE%% }
        location = /operators {
            tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1;
        }
    CONF

$t->write_file("$_.jwks", jwks()) for qw(portal other);
$t->start;
$t->allow_logged(qr/an operator has/);


# Good for so many seconds; a whole second more may be left of this one.

sub short { return token({ exp => time + 3, sid => 's1', n => 1, @_ }) }
sub long  { return token({ sid => 's1', n => 2, @_ }) }

sub ws {
    my ($uri, $token) = @_;

    $sockets->clear;
    $t->clear_logs;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri, headers => [
        Origin => 'http://localhost', Cookie => "access_token=$token" ]);

    is($ws->status, 101, "$uri opens");

    return $ws;
}

sub message { return encode_json({ token => $_[0] }) }

sub goes_on {
    my ($ws, $title) = @_;

    $ws->send('hello');

    return is($ws->receive_text(20), 'hello', $title);
}


# Over the moment at which a short token ends.

sub outlives {
    my ($ws, $title) = @_;

    is($ws->receive(4.5), undef, "$title: not closed at the old end");

    return goes_on($ws, "$title: goes on");
}

sub ends {
    my ($ws, $code, $reason, $title) = @_;

    my $close = $ws->receive_close(20) // { code => 'none' };

    is($close->{code}, $code, "$title: $code");
    $ws->close($close->{code});
    ok($ws->closed(20), "$title: closed");

    return ok($t->access_logged(qr/ $reason$/), "$title: $reason")
        || diag($t->access_log);
}


# several at once: each waits for the same moment

{
    my $ws    = ws('/ws',   short());
    my $twice = ws('/ws',   short());
    my $hide  = ws('/hide', short());
    my $plain = ws('/ws',   token({ exp => time + 3 }));
    my $age   = ws('/age',  short());
    my $lost  = ws('/none', short());
    my $old   = ws('/ws',   short());

    for ($ws, $twice, $age, $lost, $old) {
        goes_on($_, 'before');
    }

    $ws->send(message(long()));
    is($ws->receive_text, message($_), 'the message passes')
        for (map { $_->{payload} =~ /"token":"([^"]+)/ ? $1 : () }
            ($sockets->wait_for('frame', 6)));

    $twice->send(message($_)) for (my @all = map { long(n => $_) } 1 .. 3);
    $twice->receive for @all;
    $hide->send(message(long()));
    $plain->send(message(token()));
    $plain->receive;
    $age->send(message(long()));
    $age->receive;
    $lost->send(message(long()));
    $lost->receive;
    $old->send(message(token({ exp => time + 2, sid => 's1' })));
    $old->receive;

    outlives($ws, 'a new token of the session');

    is($lost->receive_close(0)->{code}, 4401, 'without message= it ends');
    is($old->receive_close(0)->{code}, 4401,
        'a token that ends before changes nothing');

    goes_on($twice, 'several times');
    is($hide->receive(0), undef, 'the backend need not hear of it');
    goes_on($hide, 'not the backend\'s token');
    goes_on($plain, 'where no token names a session, the user does');
    ends($age, 1001, 'websocket_max_age', 'not past its greatest age');

    $twice->close(1000);
    $twice->closed;
    ok($t->access_logged(qr{^/ws 101 alice 3 $}), 'the log shows the last token');
}


# no other token

for my $case (
    [ 'another user',      'other', { sub => 'bob' } ],
    [ 'another session',   'other', { sid => 's2' } ],
    [ 'no session',        'other', { sid => undef } ],
    [ 'another provider',  'other', { iss => 'https://other.test' } ],
    [ 'expired',           'bad',   { exp => time - 1 } ],
    [ 'too long a life',   'bad',   { exp => time + 20_000 } ],
    [ 'no exp',            'bad',   { exp => undef } ],
    [ 'no issuer of ours', 'bad',   { iss => 'https://evil.test' } ],
    )
{
    my ($title, $kind, $claims) = @$case;

    my $ws = ws('/ws', long());

    $ws->send(message(long(%$claims)));
    is($ws->receive(20)->{code}, 4401, "$title: closed");
    ok($t->access_logged($kind eq 'bad' ? qr/ websocket_token$/
            : qr/ websocket_token_other$/), "$title: reason");
    is_deeply([ grep { $_->{opcode} != CLOSE } $sockets->events('frame') ], [],
        "$title: not at the backend");
}

for my $case (
    [ '{"token":"x","token":"y"}', 'twice' ],
    [ '{"\u0074oken":7}',          'a number' ],
    [ '["token"',                  'half a message' ],
    )
{
    my ($message, $title) = @$case;
    my $ws = ws('/ws', long());

    $ws->send($message);
    is($ws->receive(20)->{code}, 4401, "$title: closed");
}

# another session, when the first token names none

{
    my $ws = ws('/ws', token());

    $ws->send(message(long()));
    ends($ws, 4401, 'websocket_token_other', 'a session out of nowhere');
}


# or dropped, a few times

{
    my $ws = ws('/drop', long());

    for my $n (1 .. 8) {
        $ws->send(message(long(sub => 'bob')));
        goes_on($ws, "dropped: $n");
    }

    is($sockets->count('frame'), 8, 'the backend reads none of them');
    $ws->send(message('x.y.z'));
    ends($ws, 4401, 'websocket_token', 'too many of them');
    ok($t->logged(qr/8 such messages in this socket/), 'how many');
}


# revoked: nothing brings it back

{
    my $ws   = ws('/ws', long(jti => 'first'));
    my $next = ws('/ws', long(jti => 'second'));

    goes_on($ws, 'before');
    is($t->post('/operators', 'jti=first')->status, 200, 'revoked');
    $ws->send(message(long(jti => 'third', exp => time + 7000)));
    ends($ws, 4401, 'websocket_revoked', 'a new token for a revoked one');

    $next->send(message(long(jti => 'fourth', exp => time + 7000)));
    ok($next->receive, 'a new token');
    is($t->post('/operators', 'jti=second')->status, 200, 'the old one revoked');
    is($next->receive(1.2), undef, 'has no meaning any more');
    is($t->post('/operators', 'jti=fourth')->status, 200, 'the new one revoked');
    ends($next, 4401, 'websocket_revoked', 'ends the socket');
}


# the rules are those of the new token

{
    my $ws = ws('/owner', long(accounts => [ 1, 2 ]));
    my $a  = '{"account":1}';
    my $b  = '{"account":2}';
    my $c  = '{"account":3}';

    $ws->send($_) for $c, $a, $b;
    is($ws->receive_text, $_, "before: $_") for $a, $b;
    $ws->send(message(long(accounts => [ 2, 3 ], exp => time + 7000)));
    $ws->send($_) for $a, $b, $c;
    is($ws->receive_text, $_, "behind: $_") for $b, $c;

    # a token in a message of the backend is nobody's business, and dropped
    $ws->send(message(long(accounts => undef, exp => time + 7100)));
    ends($ws, 1008, 'websocket_owner_claim', 'a token that owns nothing');
}


# dry run

{
    my $ws = ws('/dry', long());

    $ws->send(message(long(sub => 'bob')));
    ok($ws->receive_text, 'dry run: passes');
    ok($t->logged(qr/\(dry run\).*"websocket_token_other"/), 'dry run: logged');
}


# what tokens leave behind goes with them; a sanitizer keeps what was freed

SKIP: {
    skip 'a sanitizer has an allocator of its own', 4
        if module_links('libasan');

    my $ws     = ws('/hide', long());
    my ($pid)  = $t->workers;
    my $memory = sub {
        open my $in, '<', "/proc/$pid/statm" or die;
        return (split ' ', <$in>)[1] * 4;
    };

    my $renew = sub {
        my ($from) = @_;

        $ws->send(message(long(exp => time + 3600 + $from + $_, x => 'y' x 2000)))
            for 1 .. 200;
        goes_on($ws, 'renewed 200 times');
    };

    $renew->(0);
    my $before = $memory->();
    $renew->($_ * 200) for 1 .. 2;
    cmp_ok($memory->() - $before, '<', 800, 'and no larger for it, in KB');
}

done_testing;
