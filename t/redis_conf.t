#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# tradesec_redis and tradesec_login_fallback: mistakes fail the configuration
# test in one sentence, and no password is in any.

use v5.30;
use warnings;

use File::Temp ();
use Test::More;

use Tradesec::Test qw(config_accepted config_refused config_test module_links);


my $dir = File::Temp->newdir;

sub file {
    my ($name, $bytes, $mode) = @_;

    open my $out, '>:raw', "$dir/$name" or die "$name: $!";
    print {$out} $bytes;
    close $out or die "$name: $!";
    chmod $mode // 0600, "$dir/$name";

    return "$dir/$name";
}

my $key      = file('key', 'k' x 16);
my $short    = file('short', 'k' x 15);
my $open     = file('open', 'k' x 16, 0644);
my $password = file('password', "hush-hush\nsecond line\n");
my $empty    = file('empty', "\nsecond line\n");

sub conf {
    my ($redis, $more) = @_;

    return {
        http => "tradesec_zone zone=tradesec:1m;\n$redis\n",
        server => $more // 'return 204;',
    };
}

sub refused {
    my ($redis, $expected, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return config_refused(conf("tradesec_redis $redis;"), $expected, $title);
}

sub output {
    my ($redis) = @_;

    my (undef, $text) = config_test(%{ conf("tradesec_redis $redis;") });

    return $text;
}

refused('redis://127.0.0.1', qr/must have "key_file=".*openssl rand/,
    'no key_file');
refused("redis://127.0.0.1 key_file=$short", qr/less than 16 bytes/,
    'a short key');
refused("redis://127.0.0.1 key_file=$dir/none", qr/open\(\) ".*none" failed/,
    'no such file');
refused("redis://127.0.0.1 $_ key_file=$key",
    qr/parameters for TLS without TLS: write "rediss:/, "$_ without TLS")
    for "ca_file=$key", 'server_name=redis.test', "certificate_file=$key",
    "certificate_key_file=$key";
refused("unix:/x ca_file=$key key_file=$key", qr/for TLS without TLS/,
    'nor at a unix socket');
refused("rediss://127.0.0.1 $_=x $_=y key_file=$key", qr/is duplicate/,
    "$_ twice") for qw(ca_file server_name);
refused("rediss://127.0.0.1 $_=$key key_file=$key",
    qr/needs "certificate_file=" and "certificate_key_file=", or neither/,
    "only $_") for qw(certificate_file certificate_key_file);

if (!module_links('libhiredis_ssl')) {
    refused("rediss://127.0.0.1 key_file=$key",
        qr/cannot use TLS: hiredis had none .* use a unix socket/,
        'TLS, with a hiredis that has none');
}

refused("127.0.0.1 key_file=$key", qr/write "redis:\/\/user:password\@host/,
    'no scheme');
refused("redis:// key_file=$key", qr/names no host/, 'no host');
refused("redis://no-such-host.invalid key_file=$key",
    qr/host not found in "no-such-host.invalid"/,
    'names are looked up at once');
refused("redis://127.0.0.1/x key_file=$key", qr/invalid database "x"/,
    'database');
refused("redis://127.0.0.1/1 database=2 key_file=$key",
    qr/names the database twice/, 'two databases');
refused("redis://127.0.0.1 timeout=1ms key_file=$key",
    qr/invalid time "timeout=1ms".*10ms to 10s/, 'timeout');
refused("redis://127.0.0.1 timeot=1s key_file=$key",
    qr/did you mean "timeout="/, 'misspelt');
refused("redis://127.0.0.1 key_file=$key key_file=$key", qr/is duplicate/,
    'key_file twice');
refused("redis://127.0.0.1 key_file=$key;\ntradesec_redis unix:/x",
    qr/is duplicate/, 'the directive twice');
refused("redis://127.0.0.1 user=u key_file=$key", qr/user without a password/,
    'a user alone');
refused("redis://127.0.0.1 password_file=$empty key_file=$key",
    qr/no password on its first line/, 'an empty password');
refused("redis://u:p\@127.0.0.1 password_file=$password key_file=$key",
    qr/two passwords/, 'two passwords');
refused("redis://u:%zz\@127.0.0.1 key_file=$key",
    qr/credentials that cannot be read/, 'credentials');

for my $wrong ('redis://u:s3cr3t@', 'redis://u:s3cr3t@127.0.0.1/x',
    'redis//u:s3cr3t@127.0.0.1', 'redis://u:s3cr3t@127.0.0.1:port',
    'redis://127.0.0.1 pasword=s3cr3t', 'redis://u:s3cr3t%@127.0.0.1')
{
    unlike(output("$wrong key_file=$key"), qr/s3cr3t/,
        'no password in a message');
}

config_accepted(conf("tradesec_redis $_ key_file=$key;"), $_)
    for 'redis://127.0.0.1', 'redis://[::1]:6380/3',
    'redis://user:p%40ss@localhost:6379/0', 'redis://:pass@127.0.0.1',
    "unix:/tmp/redis.sock database=2 user=u password_file=$password",
    'unix:/tmp/redis.sock timeout=50ms';

unlike(output("redis://127.0.0.1 key_file=$key"), qr/\[warn\].*redis/,
    'this host: nothing to find');
unlike(output("unix:/x key_file=$key"), qr/\[warn\].*redis/, 'a socket: neither');

my $text = output("redis://192.0.2.1 key_file=$key");
like($text, qr/\[warn\].*on another host without a password/,
    'another host: no password');
like($text, qr/\[warn\].*on another host without TLS/, 'and no TLS');

$text = output("redis://u:p\@192.0.2.1 key_file=$key");
unlike($text, qr/without a password/, 'with one');
like($text, qr/\[warn\].*on another host without TLS/, 'still no TLS');

like(output("redis://127.0.0.1 key_file=$open"),
    qr/\[warn\].*can be read by everybody/, 'a file that everybody can read');

config_refused(conf('', 'tradesec_login_fallback maybe; return 204;'),
    qr/invalid value "maybe"/, 'tradesec_login_fallback maybe');
config_accepted(conf('', "tradesec_login_fallback $_; return 204;"),
    "tradesec_login_fallback $_") for qw(local closed open);

config_refused({
    http => "tradesec_redis redis://127.0.0.1 key_file=$key;",
    server => 'tradesec on; location /login { tradesec_login account=basic;
        proxy_pass http://127.0.0.1:9; }',
}, qr/write "tradesec_zone/, 'Redis does not replace the zone');

done_testing();
