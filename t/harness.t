#!/usr/bin/perl

# The test harness itself: a detector that has never detected anything is no
# evidence. Runs without the module, so that it judges nothing but itself.

use v5.30;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Tradesec::Test qw(config_accepted config_refused config_test wait_until);


my $t = Tradesec::Test->new(
    module     => 0,
    workers    => 4,
    access_log => '$request_method $uri $status',
    backend    => {
        '/status'  => 418,
        '/slow'    => { delay => 0.3 },
        '/twice'   => { headers => [ 'Set-Cookie' => 'a=1; Secure',
                            'Set-Cookie' => 'b=2' ] },
        '/hang-up' => { close => 1 },
        '/chunked' => { chunked => 1, body => [ 'one', 'two' ] },
        '/dynamic' => sub { { body => $_[0]->header('X-Ask') } },
        '/ws'      => { raw => "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n"
                . "Connection: upgrade\r\n\r\n", echo => 1 },
    },
    server => <<'CONF');
        location / {
            proxy_pass http://%%BACKEND%%;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }

        location /ws {
            %%UPGRADE%%
        }

        location /here { return 200 "here\n"; }
CONF

my $backend = $t->backend;


# requests and what the backend saw of them

my $r = $t->get('/', 'X-One' => 'a', 'X-Two' => 'b', 'X-One' => 'c');

is($r->status, 200, 'get');
is($r->body, "backend\n", 'body');
is_deeply([ $backend->last->headers('X-One') ], [ 'a', 'c' ],
    'duplicate request headers');

$t->post('/form', 'a=1&b=2');

is($backend->last->body, 'a=1&b=2', 'post');
is($backend->last->header('Content-Type'),
    'application/x-www-form-urlencoded', 'form type');

$t->post('/json', { a => 1 });

is($backend->last->body, '{"a":1}', 'post json');
is($backend->last->header('Content-Type'), 'application/json', 'json type');

$t->request(PUT => "/put?q=\xff", "\x00\xff", Host => 'other.test');

is($backend->last->method, 'PUT', 'method');
is($backend->last->uri, "/put?q=\xff", 'uri of raw bytes');
is($backend->last->body, "\x00\xff", 'body of raw bytes');

is($t->head('/')->body, '', 'head');
is($t->raw("GET /here HTTP/1.0\n\n")->body, "here\n", 'raw bytes');
is($t->get('/', Host => undef)->status, 400, 'header left out');

is($backend->count, 5, 'count of all');
is($backend->count('/put'), 1, 'count of a path');
is($backend->count(qr/q=/), 1, 'count of a match');

$backend->clear;

is($backend->count, 0, 'count cleared');


# answers

is($t->get('/status')->status, 418, 'answer with a status');
is($t->get('/', 'X-Test-Answer' => '{"status":409,"body":"x"}')->status, 409,
    'answer ordered by the request');
is($t->get('/dynamic', 'X-Ask' => 'me')->body, 'me', 'answer of a function');
is($t->get('/chunked')->body, 'onetwo', 'chunked answer');
is($t->get('/hang-up')->status, 502, 'no answer');

$r = $t->get('/twice');

is_deeply([ $r->headers('Set-Cookie') ], [ 'a=1; Secure', 'b=2' ],
    'duplicate response headers');
is($r->cookie('a'), '1', 'cookie');
is($r->cookie('c'), undef, 'no cookie');

my $begin = time;

$t->get('/slow');
cmp_ok(time - $begin, '>', 0.25, 'delayed answer');


# connections

my $c = $t->client(keepalive => 1)->connect;

is($c->request(GET => '/here')->body, "here\n", 'first on a connection');
is($c->request(GET => '/chunked')->body, 'onetwo', 'second on a connection');
$c->write("GET /here HTTP/1.1\r\nHost: a\r\n\r\n" x 2);
is($c->response->status + $c->response->status, 400, 'pipelined');
ok(!$c->closed(0.1), 'connection stays open');

$c = $t->connect;

is($c->request(GET => '/ws', undef, Connection => 'upgrade', Upgrade => 'x')
    ->status, 101, 'upgrade');
$c->write('ping');
is($c->read_bytes(4), 'ping', 'bytes behind the upgrade');
$c->close;

is($t->client(port => Tradesec::Test::free_port())->get('/')->error,
    'connect', 'nobody listens');
is($t->client(timeout => 0.2)->raw("GET / HTTP/1.1\r\n")->error, 'timeout',
    'timeout');


# many at once

$backend->clear;

my @r = $t->parallel(([ POST => '/slow', 'a=b' ]) x 500);

is(scalar(grep { $_->status == 200 } @r), 500, '500 at once');
is($backend->count('/slow'), 500, '500 reached the backend');


# logs

my @log = grep {/418/} $t->access_log(500);

is_deeply(\@log, ['GET /status 418'], 'access log');
$t->logged(qr/upstream prematurely closed/, 'error log');
$t->not_logged(qr/no such line/, 'not in the error log');


# processes

my @before = sort $t->workers;

is(scalar @before, 4, 'workers');
cmp_ok($t->rss($before[0]), '>', 1000, 'resident memory');

$t->configure(server => 'location / { return 204; }');

ok($t->reload, 'reload');
is($t->get('/')->status, 204, 'new configuration');
is(scalar(grep { my $old = $_; grep { $_ == $old } $t->workers } @before), 0,
    'new workers');

$t->configure(server => 'nonsense;');

ok(!$t->reload, 'reload refused');
is($t->get('/')->status, 204, 'old configuration goes on');

$t->configure(server => 'location / { return 205; }')->allow_logged(
    qr/unknown directive "nonsense"/)->restart;

is($t->get('/')->status, 205, 'restart on the same port');


# TLS and HTTP/2

my $tls = Tradesec::Test->new(
    module => 0,
    tls    => 1,
    http2  => 1,
    host   => 'app.test',
    server => 'location / { return 200 "$scheme $ssl_server_name '
        . '$server_protocol $http_x_a"; }');

is($tls->get('/', 'X-A' => 'b')->body, 'https app.test HTTP/1.1 b', 'tls');

$r = $tls->h2(GET => '/', undef, 'X-A' => 'c');

is($r->body, 'https app.test HTTP/2.0 c', 'http2 over tls');
is($r->header('Content-Type'), 'text/plain', 'http2 headers');

my $h2c = Tradesec::Test->new(
    module  => 0,
    http2   => 1,
    backend => 1,
    server  => 'location / { proxy_pass http://%%BACKEND%%; }');

is($h2c->h2(POST => '/x', { a => 1 })->status, 200, 'http2 without tls');
is($h2c->backend->last->body, '{"a":1}', 'http2 body');


# configurations

my ($code, $text) = config_test(module => 0, server => 'return 200;');

is($code, 0, 'configuration tested');
like($text, qr/test is successful/, 'its output');
config_accepted({ module => 0, server => 'return 200;' }, 'accepted');
config_refused({ module => 0, server => 'nonsense;' },
    qr/unknown directive "nonsense"/, 'refused');


# what must make a test fail

sub script {
    my ($code) = @_;

    my $pid = open(my $output, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec $^X, "-I$Tradesec::Test::TOP/t/lib", '-MTest::More',
            '-MTradesec::Test', '-e', <<"PERL";
my \$t = Tradesec::Test->new(module => 0, server => 'return 200 ok;');
print 'pid ', \$t->pid, "\\n";
print 'dir ', \$t->dir, "\\n";
$code
done_testing;
PERL
    }

    my $text = do { local $/; <$output> };

    close $output;

    my ($nginx) = $text =~ /^pid (\d+)$/m;
    my ($dir)   = $text =~ /^dir (\S+)$/m;

    return ($? >> 8, $text, !kill(0, $nginx) && !-e $dir);
}


($code, $text, my $gone) = script('ok 1;');

is($code, 0, 'a good test passes');
ok($gone, 'nothing is left behind');

($code, $text, $gone) = script('ok 1; die "oops";');

isnt($code, 0, 'a test that dies fails');
ok($gone, 'nothing is left behind by a death');

for my $line ('[alert] x', '[emerg] y', 'ERROR: AddressSanitizer: z',
    'a.c:1:2: runtime error: v', 'worker process 1 exited on signal 11')
{
    ($code, $text) = script("system qq{echo '$line' >>} . \$t->dir "
            . '. "/error.log"; ok 1;');

    is($code, 1, "fails on: $line");
    like($text, qr/\Q$line/, 'and shows the line');
}

($code) = script(q{$t->never_logged('hunter2');}
        . q{$t->get('/?password=hunter2', Host => undef); ok 1;});

is($code, 1, 'fails on a secret in the log');

($code) = script(q{$t->allow_logged(qr/on signal 9/);}
        . q{kill 'KILL', ($t->workers)[0]; $t->logged(qr/signal 9/, 'k');});

is($code, 0, 'passes with an allowed line');

done_testing();
