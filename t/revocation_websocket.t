#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Open sockets obey revocations within a second: in every worker, also in one
# that a reload has retired; others go on.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Frame qw(CLOSE);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::WebSocket;

my $sockets = Tradesec::Test::SocketServer->new;
my $backend = Tradesec::Test::Backend->new;
my $app     = $backend->address;

my $provider = provider('portal', 'max_lifetime 2h;');

sub zone { return "tradesec_zone zone=z:$_[0] state=%%DIR%%/state; $provider" }

my $t = Tradesec::Test->new(
    backend    => $sockets,
    stopped    => 1,
    workers    => 2,
    access_log => '$uri $status $tradesec_reason',
    http       => zone('1m'),
    server     => <<~"CONF");
        tradesec on;
        tradesec_jwt portal cookie=token;

        location /ws { %%UPGRADE%% }
        location /dry { tradesec_dry_run websocket; %%UPGRADE%% }
        location /public { tradesec_jwt off; tradesec_public on; %%UPGRADE%% }
        location = /logout {
            tradesec_revoke token;
            proxy_pass http://$app;
        }
        location = /password {
            tradesec_revoke user success=200;
            proxy_pass http://$app;
        }
        location = /operators {
            tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1;
        }
    CONF

$t->write_file('portal.jwks', jwks());
$t->start;

sub fresh {
    state $n = 0;

    return token({ jti => 'id-' . $n++, iat => time - 1, @_ });
}

sub ws {
    my ($token, $uri) = @_;

    my $ws = Tradesec::Test::WebSocket->open($t->client, $uri // '/ws',
        headers => [ Origin => 'http://localhost', Cookie => "token=$token" ]);

    is($ws->status, 101, 'a socket opens');

    return $ws;
}

sub goes_on {
    my ($ws, $title) = @_;

    $ws->send('hello');

    return is($ws->receive_text, 'hello', $title);
}

# Within a second; a busy machine gets more.

sub ends {
    my ($ws, $since, $title) = @_;

    my $close = $ws->receive_close(10) // { code => 'none' };

    is($close->{code}, 4401, "$title: close code");
    note(sprintf '%s: after %.3f s', $title, time - $since);
    ok(time - $since < 4, "$title: in time");
    $ws->close($close->{code});
    ok($ws->closed, "$title: connection closed");
    $ws->connection->close;

    return;
}

# logout, in whichever worker

my @tokens = map { fresh() } 1 .. 6;
my @ws     = map { ws($_) } @tokens;

goes_on($_, 'before') for @ws;

my $since = time;
is($t->post('/logout', 'x', Cookie => "token=$tokens[$_]",
    Origin => 'http://localhost')->status, 200, 'logout') for 0, 1, 2;
ends($ws[$_], $since, 'logout') for 0, 1, 2;
goes_on($ws[$_], 'another token') for 3, 4, 5;
like(join('|', $t->access_log(4)), qr{/ws 101 websocket_revoked},
    'websocket_revoked: access log');
ok((grep { $_->{opcode} == CLOSE && $_->{reason} eq 'token revoked'
    && $_->{code} == 1001 } $sockets->events('frame')),
    'websocket_revoked: the backend is told');

is(Tradesec::Test::WebSocket->open($t->client, '/ws', headers => [
    Origin => 'http://localhost', Cookie => "token=$tokens[0]" ])->status,
    401, 'a revoked token opens no socket');

# a change of the password ends all of the user's

my $bob = ws(fresh(sub => 'bob'));
my $dry = ws(fresh(), '/dry');
my $all = ws('none', '/public');

$since = time;
is($t->post('/password', 'x', Cookie => "token=$tokens[3]",
    Origin => 'http://localhost')->status, 200, 'a new password');
ends($ws[$_], $since, 'new password') for 3, 4, 5;
goes_on($bob, 'another user');
goes_on($all, 'nobody\'s socket');
ok($t->logged(qr/websocket closed \(dry run\).*websocket_revoked/),
    'a dry run tells');
goes_on($dry, 'and leaves it alone');
$dry->connection->close;

# an old worker, behind a reload

my $carol = ws(fresh(sub => 'carol'));

ok($t->reload, 'reload');
goes_on($_, 'the old worker keeps its sockets') for $bob, $carol;
$since = time;
is($t->post('/operators', 'user=bob')->status, 200, 'an operator');
ends($bob, $since, 'old worker');
goes_on($carol, 'others go on');

# also when the reload has changed the size of the zone

$t->configure(http => zone('2m'));
ok($t->reload, 'reload with another size');
goes_on($carol, 'the old worker keeps its socket');
is($t->post('/operators', 'user=carol')->status, 200, 'an operator');

# it reads in the journal what the new ones revoke

ends($carol, time, 'old zone');

# a freeze closes nothing

my $dave = ws(fresh(sub => 'dave'));
is($t->post('/operators', 'freeze=on')->status, 200, 'frozen');
is($dave->receive(1.2), undef, 'sockets stay open');
is($t->post('/operators', 'freeze=off')->status, 200, 'not frozen any more');
goes_on($dave, 'and go on');
$dave->connection->close;
$all->connection->close;

$t->allow_logged(qr/an operator has/);

done_testing();
