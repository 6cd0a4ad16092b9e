#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# Keys from a location (jwks_uri): the first token waits for them, one fetch
# serves all workers, and nothing of the client's reaches their source.

use v5.30;
use warnings;

use Test::More;

use Tradesec::Test qw(config_accepted config_refused wait_until);
use Tradesec::Test::KeySource;
use Tradesec::Test::Token qw(bearer jwks provider token);


my $source = Tradesec::Test::KeySource->new(body => jwks('ec1'));

sub gateway {
    my ($line, %opt) = @_;

    return Tradesec::Test->new(
        backend    => 1,
        workers    => 2,
        access_log => '$tradesec_reason',
        http       => "tradesec_zone zone=keys:1m;\n"
            . 'map $http_upgrade $upgrade { default upgrade; "" close; }'
            . provider('portal', 'issuer https://idp.test;',
            "jwks_uri /internal/keys $line;", 'header X-User sub;'),
        server => <<"CONF",
        tradesec on;
        tradesec_origin off;
        tradesec_jwt portal bearer cookie=token;
        add_header X-Worker \$pid always;

        proxy_set_header Host \$host;
        proxy_set_header Cookie \$http_cookie;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection \$upgrade;
        proxy_set_header X-Agent \$http_user_agent;
        proxy_http_version 1.1;

        location / { proxy_pass http://%%BACKEND%%; }
        location = /who { tradesec_jwt off; return 204; }
        location /any/ {
            satisfy any; allow all; proxy_pass http://%%BACKEND%%;
        }
        location /page/ {
            error_page 401 503 /page.html; proxy_pass http://%%BACKEND%%;
        }
        location = /page.html { tradesec_jwt off; return 200 "our page"; }
@{[ $source->location('keys') ]}
CONF
        %opt,
    );
}

my %token = map { $_ => token({}, kid => $_) } qw(ec1 ec2 ec3);

# the first request brings the keys

{
    my $t = gateway('');

    my $r = $t->post('/orders?a=1', 'a body', bearer($token{ec1}),
        Cookie => 'session=mine', 'User-Agent' => 'browser',
        'X-Secret' => 'mine', 'If-None-Match' => '"x"', Range => 'bytes=0-1',
        'X-Forwarded-For' => '192.0.2.1');

    is($r->status, 200, 'the first request passes');
    is($t->backend->last->body, 'a body', 'with its body');
    is($t->backend->last->method, 'POST', 'and its method');
    is($t->backend->last->uri, '/orders?a=1', 'and its path');
    is($t->backend->last->header('X-User'), 'alice', 'and its user');
    is($t->backend->last->header('X-Agent'), 'browser',
        'a variable that the source has seen empty is its own');
    is($t->backend->last->header('Cookie'), 'session=mine', 'and its cookie');

    is($source->count, 1, 'for one fetch');

    my $fetch = $source->last;

    is($fetch->method, 'GET', 'the source is asked with GET');
    is($fetch->uri, '/keys', 'for its path');
    is($fetch->body, '', 'without a body');
    is($fetch->header($_), undef, "without $_")
        for qw(Authorization Cookie User-Agent X-Secret If-None-Match Range
        X-Agent Content-Length Content-Type X-Forwarded-For Upgrade);
    unlike($fetch->header('Host') // '', qr/evil/, 'not for the host');

    # all workers have them

    is(join(' ', map { $_->status } $t->parallel(
                ([ GET => '/', undef, bearer($token{ec1}) ]) x 40)),
        join(' ', (200) x 40), 'all workers have them');
    is($source->count, 1, 'without another fetch');

    # a reload keeps them

    ok($t->reload, 'reload');
    is($t->get('/', bearer($token{ec1}))->status, 200, 'good after it');
    is($source->count, 1, 'without another fetch');

    # one that changes the division of the zone, too

    $t->configure(http => $t->{http} . provider('other',
            'jwks_uri /internal/other;'));
    ok($t->reload, 'reload with another provider');
    is($t->get('/', bearer($token{ec1}))->status, 200, 'good after it');
    is($source->count, 1, 'without another fetch');

    # unknown keys cost the source nothing more

    $t->clear_logs;
    my @r = $t->parallel(
        map { [ GET => '/', undef, bearer(token({}, kid => "ec2",
            header => { kid => "unknown$_" })) ] } 1 .. 40);

    is(join(' ', map { $_->status } @r), join(' ', (401) x 40),
        'tokens of unknown keys are refused');
    is($source->count, 1, 'without another fetch: there was one just now');
    is(($t->access_log(40))[-1], 'jwt_unknown_key', 'with the reason');
}

# many at once, in all workers: one fetch, and nobody is refused

for my $h2 (0, 1) {
    $source->clear;
    $source->hold(body => jwks('ec1'));

    my $t = gateway('', http2 => $h2, workers => 4);
    my $done;

    if ($h2) {
        my $pid = fork // die;
        if (!$pid) {
            wait_until(sub { $source->count == 1 });
            select undef, undef, undef, 0.1;
            $source->release;
            require POSIX;
            POSIX::_exit(0);
        }

        is($t->h2(POST => '/', 'body', bearer($token{ec1}))->status, 200,
            'HTTP/2: the first request waits');
        is($t->backend->last->body, 'body', 'HTTP/2: with its body');
        waitpid $pid, 0;

    } else {
        my @open = map {
            my $c = $t->client->connect;
            $c->write($t->client->format(GET => '/', undef,
                    bearer($token{ec1})));
            $c;
        } 1 .. 60;

        ok(wait_until(sub { $source->count == 1 }), 'somebody fetches');
        select undef, undef, undef, 0.2;
        is($source->count, 1, 'and only one');
        $source->release;
        is(join(' ', map { $_->response->status } @open),
            join(' ', (200) x 60), 'all have waited for it');
    }

    is($source->count, 1, 'one fetch');
}

# the client that fetched leaves: it goes on for the others

{
    $source->clear;
    $source->hold(body => jwks('ec1'));

    my $t = gateway('');
    my $c = $t->client->connect;
    $c->write($t->client->format(GET => '/', undef, bearer($token{ec1})));
    ok(wait_until(sub { $source->count == 1 }), 'a client fetches');
    $c->close;

    my $other = $t->client->connect;
    $other->write($t->client->format(GET => '/', undef, bearer($token{ec1})));
    select undef, undef, undef, 0.1;
    $source->release;
    is($other->response->status, 200, 'it has left, and another one passes');
    is($source->count, 1, 'for the same fetch');
}

# a key that the source has added, and one that it has taken away

{
    $source->answer(body => jwks('ec1'));

    my $t = gateway('refresh=1s interval=1s');

    is($t->get('/', bearer($token{ec1}))->status, 200, 'the first key');
    $source->answer(body => jwks('ec1', 'ec2'));
    select undef, undef, undef, 1.05;
    is($t->get('/', bearer($token{ec2}))->status, 200,
        'a new key is fetched by its first token');
    is($t->get('/', bearer($token{ec1}))->status, 200, 'the old one stays');

    $source->answer(body => jwks('ec2'));
    ok(wait_until(sub {
        $t->get('/', bearer($token{ec2}));
        $t->get('/', bearer($token{ec1}))->status == 401;
    }), 'a key that is gone there is gone here');
    is(join(' ', map { $_->status } $t->parallel(
                ([ GET => '/', undef, bearer($token{ec1}) ]) x 20)),
        join(' ', (401) x 20), 'in all workers');
    is($t->get('/', bearer($token{ec2}))->status, 200, 'and the other stays');

    # keys that are due are fetched beside a request, which does not wait

    $source->clear;
    $source->hold(body => jwks('ec2', 'ec3'));
    select undef, undef, undef, 1.05;

    my $c = $t->client(keepalive => 1)->connect;
    is($c->request(GET => '/', undef, bearer($token{ec2}))->status, 200,
        'due: the request does not wait');
    ok(wait_until(sub { $source->count == 1 }), 'due: but there is a fetch');
    is($t->get('/', bearer($token{ec2}))->status, 200, 'due: nor others');
    is($source->count, 1, 'due: one fetch');
    $source->release;
    ok(wait_until(sub {
        $t->get('/', bearer($token{ec3}))->status == 200;
    }), 'due: the new keys are there');
    is($c->request(GET => '/', undef, bearer($token{ec3}))->status, 200,
        'due: the connection goes on');
}

# where else a request may begin

for my $case (
    [ 'satisfy any' => '/any/', 200 ],
    [ 'an error page' => '/page/', 200 ],
    )
{
    my ($title, $uri, $status) = @$case;

    $source->answer(body => jwks('ec1'));
    my $t = gateway('');

    is($t->get($uri, bearer($token{ec2}))->status,
        401, "$title: an unknown key is refused");
    is($t->get($uri, bearer($token{ec1}))->status, $status,
        "$title: a good one passes");
    is($t->backend->count, 1, "$title: the backend saw one");
}

# the location is nobody's way in

{
    my $t = gateway('');
    is($t->get('/internal/keys', bearer($token{ec1}))->status, 404,
        'the location of the keys is internal');
}

# mistakes

sub block {
    my ($uri, %opt) = @_;

    return {
        http => join "\n", $opt{zone} // 'tradesec_zone zone=z:1m;',
        'tradesec_jwt_provider p {', 'algorithms ' . ($opt{algs} // 'ES256')
            . ';', "$uri;", '}',
        'server { server_name a; tradesec on; tradesec_jwt p; }',
    };
}

config_accepted(block('jwks_uri /keys'), 'the least');
config_accepted(block('jwks_uri /keys refresh=5m stale=2d interval=30s '
    . 'timeout=500ms'), 'everything');
config_refused(block('jwks_uri /keys', zone => ''),
    qr/"jwks_uri" of provider "p" needs "tradesec_zone"/, 'no zone');
config_refused(block('jwks_uri /keys', algs => 'HS256'),
    qr/"jwks_uri" is for public keys/, 'a shared secret');
config_refused(block("jwks_uri $_"),
    qr/write the path of an internal location/, "not a path: $_")
    for 'https://idp.test/keys', 'keys', '/keys?a=b', '/k%20s', '""';
config_refused(block("jwks_uri /keys $_"),
    qr/invalid value "$_" in "jwks_uri"/, $_)
    for 'refresh=0', 'stale=x', 'interval=10ms', 'timeout=2h';
config_refused(block('jwks_uri /keys refesh=1m'),
    qr/invalid parameter "refesh=1m".*did you mean "refresh="/, 'misspelt');
config_refused(block('jwks_uri /keys refresh=1h stale=10m'),
    qr/"stale" of "jwks_uri" is shorter than "refresh"/, 'stale < refresh');
config_refused(block('jwks_uri /keys; pem_file /x'),
    qr/exclude each other/, 'a file beside it');
config_refused(block('jwks_file /x; jwks_uri /keys'),
    qr/exclude each other/, 'and the other way round');

done_testing;
