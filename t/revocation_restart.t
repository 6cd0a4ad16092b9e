#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# A restart, a crash, a reload and a binary that is upgraded un-revoke nobody.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Token qw(jwks provider token);


my $PROVIDER = provider('portal', 'issuer https://idp.test;',
    'max_lifetime 2h;');

sub zone {
    my ($size, $state) = @_;

    return "tradesec_zone zone=state:$size" . ($state // '') . ";\n$PROVIDER";
}

my $STATE = ' state=%%DIR%%/state';

my $t = Tradesec::Test->new(
    backend => 1,
    stopped => 1,
    workers => 2,
    http    => zone('1m', $STATE),
    server  => <<~'CONF',
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal;

        location / { proxy_pass http://%%BACKEND%%; }
        location = /logout { tradesec_revoke token; proxy_pass http://%%BACKEND%%; }
        location = /operators { tradesec_jwt off;
            tradesec_revocations allow=127.0.0.1; }
        CONF
);

$t->write_file('portal.jwks', jwks());
$t->start;

my $journal = $t->dir . '/state.revocations';

sub fresh {
    state $n = 0;

    return token({ jti => 'id-' . $n++, @_ });
}

sub status {
    my ($token) = @_;

    my %seen = map {
        $t->get('/', Authorization => "Bearer $token")->status => 1
    } 1 .. 6;

    return join ' ', sort keys %seen;
}

sub logout {
    my ($token, $at) = @_;

    return ($at // $t)->post('/logout', 'x', Authorization => "Bearer $token")
        ->status;
}

# a reload, also one that changes the size

my @gone = map { fresh() } 1 .. 3;
my $good = fresh(sub => 'bob');

is(logout($_), 200, 'logout') for @gone;
ok($t->reload, 'reload');
is(status($_), 401, 'reload: revoked') for @gone;

for my $size ('4m', '1m', '512k', '8m') {
    $t->configure(http => zone($size, $STATE));
    push @gone, fresh();
    is(logout($gone[-1]), 200, 'logout');
    ok($t->reload, "reload with a zone of $size");
    is(status($gone[$_]), 401, "$size: token $_ stays revoked")
        for 0, $#gone;
    is(status($good), 200, "$size: the other one is good");
}

# a restart

ok(wait_until(sub { -s $journal }), 'there is a journal');
my $text = $t->read_file('state.revocations');
like($text, qr/\Atradesec-state 1\nkey revocations [0-9a-f]{32}\n/,
    'it is text');
like($text, qr/^revoke [0-9a-f]{16} \d+ \d+$/m, 'of keyed hashes and times');
unlike($text, qr/alice|id-|idp/, 'and names nobody');
is((stat $journal)[2] & 07777, 0600, 'only its owner reads it');

$t->restart;
is(status($_), 401, 'restart: revoked') for @gone;
is(status($good), 200, 'restart: the other one is good');

# in the last moment, and after all workers have died

push @gone, fresh();
is(logout($gone[-1]), 200, 'logout');
$t->stop;
$t->start;
is(status($gone[-1]), 401, 'restart at once: revoked');

push @gone, fresh();
is(logout($gone[-1]), 200, 'logout');
my @pids = ($t->pid, $t->workers);
kill KILL => @pids;
wait_until(sub { !grep { kill 0 => $_ } @pids[1 .. $#pids] });
$t->stop;
$t->start;
is(status($_), 401, 'killed: revoked') for @gone;

# by operators

is($t->post('/operators', 'user=carol')->status, 200, 'carol is revoked');
$t->restart;
is(status(token({ sub => 'carol', iat => time - 30 })), 401,
    'restart: carol stays revoked');

# nginx -t reads it and writes nothing

my $before = (stat $journal)[1];
is(($t->run('-t'))[0], 0, 'nginx -t');
is((stat $journal)[1], $before, 'leaves it alone');

# what a request that an old worker still serves revokes, behind a reload that
# has changed the size, and behind a binary that was upgraded

sub slow_logout {
    my ($token) = @_;

    my $c = $t->client->connect;
    my $n = $t->backend->count('/logout');

    $c->write($t->client->format(POST => '/logout', 'x',
        Authorization   => "Bearer $token",
        'X-Test-Answer' => '{"delay":2}'));
    ok(wait_until(sub { $t->backend->count('/logout') > $n }),
        'a logout in flight');

    return $c;
}

my $late = fresh();
is(status($late), 200, 'a token');
my $c = slow_logout($late);
$t->configure(http => zone('2m', $STATE));
ok($t->reload, 'reload with another size');
is($c->response->status, 200, 'an old worker sees the answer');
$c->close;
ok(wait_until(sub { status($late) eq '401' }), 'the new ones know of it');

# a binary that is being upgraded: two masters, two zones, one journal

my $second = Tradesec::Test->new(
    backend => $t->backend,
    stopped => 1,
    http    => zone('1m', " state=$journal") =~ s/\.revocations//r,
    server  => $t->{server},
);

$second->write_file('portal.jwks', jwks());
$second->start;

sub status_of_second {
    return $second->get('/', Authorization => "Bearer $_[0]")->status;
}

is(status_of_second($_), 401, 'a second master knows them') for @gone, $late;
is(status_of_second($good), 200, 'and no others');

push @gone, fresh();
is(status_of_second($gone[-1]), 200, 'a token');
is(logout($gone[-1]), 200, 'logout at the first');
ok(wait_until(sub { status_of_second($gone[-1]) == 401 }),
    'the second knows of it');

push @gone, fresh();
is(status($gone[-1]), 200, 'a token');
is(logout($gone[-1], $second), 200, 'logout at the second');
ok(wait_until(sub { status($gone[-1]) eq '401' }), 'the first knows of it');

$second->stop;
$t->restart;
is(status($_), 401, 'and remembers it') for @gone;

# a journal that is damaged costs its damaged lines

$t->stop;
$text = $t->read_file('state.revocations');
$t->write_file('state.revocations', $text . "\nrevoke 12\n\0\n" . 'x' x 20000
    . "\nrevoke 0123456789abcde9 1 4000000000\nrevoke 0123");
$t->allow_logged(qr/"\S+" has a damaged line/);
$t->start;
is(status($_), 401, 'damaged: revoked') for @gone;
is(status($good), 200, 'damaged: the other one is good');
push @gone, fresh();
is(logout($gone[-1]), 200, 'logout behind a line that broke off');
$t->restart;
is(status($_), 401, 'revoked') for @gone;

# one that is none, and one of another zone

$t->stop;
$t->write_file('state.revocations', "hello\n");
$t->allow_logged(qr/is no journal of revocations/);
$t->start;
is(status($good), 200, 'no journal: nginx starts');
ok(wait_until(sub {
    $t->read_file('state.revocations') =~ /\Atradesec-state 1\n/;
}), 'and begins one');

# it does not grow without bound

$t->stop;
$t->write_file('state.revocations', join '', "tradesec-state 1\n",
    'key revocations ', 'ab' x 16, "\n",
    map { sprintf "revoke %015x8 1 %d\n", $_, time - 5 } 1 .. 20_000);
my $size = -s $journal;
$t->start;
ok(wait_until(sub { -s $journal < $size / 10 }), 'what has expired goes');
like($t->read_file('state.revocations'), qr/^key revocations (?:ab){16}$/m,
    'the key stays');

push @gone, fresh();
is(logout($gone[-1]), 200, 'logout');
$t->restart;
is(status($gone[-1]), 401, 'revoked');

is_deeply([ grep { !m{/state(?:\.revocations)?$} } glob $t->dir . '/state*' ],
    [], 'nothing is left beside it');

# where the directory is gone

$t->allow_logged(qr/crit.*revocation/);
my $aside = fresh();
rename $journal, "$journal.aside";
mkdir $journal;
is(logout($aside), 200, 'a journal that cannot be written');
is(status($aside), 401, 'revokes all the same');
rmdir $journal;
rename "$journal.aside", $journal;

done_testing();
