#!/usr/bin/perl

# A refresh token is good once. The second use, when the next token may be in
# other hands, ends the family; at the same moment it is a race, which only one
# wins; and what the backend did not take may be used again.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_refused config_accepted wait_until);


# A backend that checks nothing: whoever has a token gets the next one.

my $count = 0;

my %answers = (
    '/refresh' => sub {
        my ($request) = @_;

        return { delay => 0.3, headers => [
            'Set-Cookie' => 'refresh=t' . ++$count . '; Path=/; HttpOnly' ] };
    },
    '/fails'   => 500,
    '/same'    => { body => 'ok' },
    '/out'     => { headers => [
        'Set-Cookie' => 'refresh=; Path=/; Max-Age=0' ] },
    '/gone'    => { close => 1 },
);

my %options = (
    backend    => \%answers,
    workers    => 2,
    access_log => '$uri $status $tradesec_reason',
    server     => <<'CONF');
    tradesec on;
    tradesec_origin off;

    location / { proxy_pass http://%%BACKEND%%; }

    location ~ ^/(refresh|fails|same|out|gone|missing)$ {
        tradesec_refresh token=cookie:refresh grace=4s;
        proxy_pass http://%%BACKEND%%;
    }

    location = /other {
        tradesec_refresh token=cookie:other;
        proxy_pass http://%%BACKEND%%/refresh;
    }

    location = /dry {
        tradesec_refresh token=cookie:refresh grace=4s;
        tradesec_dry_run refresh;
        proxy_pass http://%%BACKEND%%/refresh;
    }

    location = /hop { rewrite ^ /refresh last; }
CONF

my $t = Tradesec::Test->new(http => 'tradesec_zone zone=tradesec:1m;',
    %options);

sub refresh {
    my ($token, $uri, @headers) = @_;

    return $t->post($uri // '/refresh', '', @headers,
        Cookie => "refresh=$token");
}

sub passed { return $t->backend->count('/refresh') }

# each once

my $token = 'first';

for my $n (1 .. 3) {
    my $r = refresh($token);

    is($r->status, 200, "refresh $n");
    $token = $r->cookie('refresh');
}

# refresh_race

$t->backend->clear;

my @raced = map { $_->status } $t->parallel(
    ([ POST => '/refresh', '', Cookie => "refresh=$token" ]) x 8);

is(scalar(grep { $_ == 200 } @raced), 1, 'of eight at once one wins');
is(scalar(grep { $_ == 409 } @raced), 7, 'the others are a race');
is(passed(), 1, 'and do not reach the backend');
$t->access_logged(qr{/refresh 409 refresh_race}, 'refresh_race');

my $again = refresh($token);

is($again->status, 409, 'nor does one right behind it');
is($again->header('Retry-After'), 1, 'which may ask again in a second');

my $next = "t$count";

# refresh_reused, refresh_ended

$next = refresh('stolen')->cookie('refresh');
$t->backend->clear;

ok(wait_until(sub { refresh('stolen')->status == 401 }, 20),
    'a used token ends the family');
$t->access_logged(qr{/refresh 401 refresh_reused}, 'refresh_reused');
is(refresh($next)->status, 401, 'the next one is no good any more');
$t->access_logged(qr{/refresh 401 refresh_ended}, 'refresh_ended');
is(refresh('stolen')->status, 401, 'nor is the used one');
is(refresh($next, '/hop')->status, 401, 'nor by a rewrite');
is(passed(), 0, 'none of this reached the backend');
is(refresh('another')->status, 200, 'other families go on');

for my $cookie ("refresh=$next; refresh=fresh", "REFRESH=$next",
    "refresh=fresh, refresh=$next", "x=1 refresh=$next")
{
    is($t->post('/refresh', '', Cookie => $cookie)->status, 400,
        "cookie_duplicate: $cookie");
}

# what the backend did not take

for my $uri (qw(/fails /same /out /gone)) {
    my $status = refresh('kept', $uri)->status;

    is(refresh('kept', $uri)->status, $status, "$uri: used again");
}

is(refresh('kept')->status, 200, 'and taken at last');
is(refresh('kept')->status, 409, 'once');

# no token, another cookie, dry run

is($t->post('/same', '')->status, 200, 'without a token it is no refresh');
is($t->post('/other', '', Cookie => "other=$next")->status, 200,
    'the tokens of another cookie are others');
is(refresh($next, '/dry')->status, 200, 'dry run');
$t->access_logged(qr{/dry 200 refresh_ended}, 'is marked');

# a reload, with the same zone and with another size

$t->reload;
is(refresh($next)->status, 401, 'ended after a reload');
$t->configure(http => 'tradesec_zone zone=tradesec:2m;')->reload;
is(refresh($next)->status, 401, 'and in a zone of another size');

# configuration

my %zone = (http => 'tradesec_zone zone=tradesec:1m;');

for my $case (
    [ 'grace=5s', qr/must have "token="/ ],
    [ 'token=cookie:a,b', qr/invalid parameter "token=cookie:a,b"/ ],
    [ 'token=cookie:a token=cookie:b', qr/invalid parameter "token=cookie:b"/ ],
    [ 'token=cookie:a grace=0', qr/invalid parameter "grace=0"/ ],
    [ 'token=cookie:a grace=1s grace=2s', qr/invalid parameter "grace=2s"/ ],
    [ 'token=cookie:a lifetime=2y', qr/invalid parameter "lifetime=2y"/ ],
    [ 'tokn=cookie:a', qr/did you mean "token="/ ],
    [ 'token=header:a', qr/write "token=json:\/pointer"/ ],
    [ 'token=json:a', qr/invalid JSON pointer in "token=json:a"/ ],
    [ 'token=json:/a token=json:/b', qr/duplicate source "token=json:\/b"/ ],
    [ 'token=form:', qr/invalid field name in "token=form:"/ ],
    [ 'token=form:a', qr/where the answer has the next token/ ],
    [ 'token=cookie:a next=body:x', qr/invalid parameter "next=body:x"/ ],
    [ 'token=cookie:a next=json:/a~2', qr/invalid parameter "next=json:\/a~2"/ ],
    [ 'token=cookie:a next=cookie:b next=json:/c',
        qr/invalid parameter "next=json:\/c".*write it once/ ],
    [ 'off token=cookie:a', qr/"off" in "tradesec_refresh", it must stand/ ],
    [ 'token=cookie:a; tradesec_refresh off', qr/is duplicate/ ],
    [ 'token=cookie:a name=a name=b', qr/invalid parameter "name=b"/ ],
) {
    my ($text, $expected) = @$case;

    config_refused({ %zone,
        server => "location / { tradesec_refresh $text; }" }, $expected,
        "refused: $text");
}

config_refused('tradesec on; location / { tradesec_refresh token=cookie:a; }',
    qr/needs "tradesec_zone"/, 'refused: no zone');
config_refused({ %zone, server => 'tradesec on; location / {'
    . 'tradesec_refresh token=cookie:a;'
    . 'tradesec_login account=form:u success=cookie:s failure=401; }' },
    qr/both judge one answer/, 'refused: a login in the same location');
config_accepted({ %zone, server => 'tradesec on;'
    . 'location / { tradesec_refresh token=cookie:a grace=5s lifetime=90d; }' },
    'all parameters');

done_testing();
