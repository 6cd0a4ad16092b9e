#!/usr/bin/perl

# Other people's guessing tools at a login form: each finds the password where
# nothing guards it. Where the guard does, no more guesses than the limit reach
# the application, the password is not found, and while the attack goes on its
# owner logs in from elsewhere, and somebody else from the attacker's address.

use v5.30;
use warnings;

use POSIX qw(WNOHANG);
use Test::More;

use Tradesec::Test qw(wait_until);


my $LIMIT    = 5;
my $PASSWORD = 'sesame77';
my $FORM     = 'application/x-www-form-urlencoded';

my $t = Tradesec::Test->new(
    workers => 4,
    backend => sub {
        my ($r) = @_;

        return $r->body =~ /password=$PASSWORD$/
            ? { headers => [ 'Set-Cookie' => 'sid=1' ] } : 401;
    },
    http   => 'tradesec_zone zone=tradesec:1m;',
    server => <<~'CONF');
        tradesec on;
        tradesec_origin off;

        location /plain { proxy_pass http://%%BACKEND%%; }

        location /guarded {
            tradesec_login account=form:user success=cookie:sid;
            proxy_ignore_client_abort on;
            proxy_pass http://%%BACKEND%%;
        }
    CONF

my $backend = $t->backend;

$t->write_file('few', join "\n", (map {"guess$_"} 1 .. 20), $PASSWORD, '');
$t->write_file('many', join "\n", (map {"guess$_"} 1 .. 99), $PASSWORD,
    (map {"more$_"} 1 .. 100), '');

my %found = (
    ffuf    => qr/^$PASSWORD$/m,
    patator => qr/ 200 .*\b$PASSWORD\b/,
    wfuzz   => qr/ 200 .*"$PASSWORD"/,      # it prints all and wipes some
);

my %tools = (
    ffuf => sub {
        my ($user, $list, $url) = @_;

        return (
            '-s', '-t', 20, '-p', 0.4, '-mc', 200, '-X', 'POST',
            '-H', "Content-Type: $FORM", '-d', "user=$user&password=FUZZ",
            '-w', $list, '-u', $url,
        );
    },
    patator => sub {
        my ($user, $list, $url) = @_;

        return (
            'http_fuzz', "url=$url", 'method=POST', "header=Content-Type: $FORM",
            "body=user=$user&password=FILE0", "0=$list", '-t', 10,
            'resolve=unused.test:127.0.0.1', '--rate-limit=0.2',
            '-x', 'ignore:code=401', '-x', 'ignore:code=429',
        );
    },
    wfuzz => sub {
        my ($user, $list, $url) = @_;

        return (
            '-z', "file,$list", '-t', 10, '-s', 0.02, '--hc', '401,429',
            '-d', "user=$user&password=FUZZ", $url,
        );
    },
);

# patator wants a name to resolve; the end of its input it takes for a key that
# was pressed, again and again

pipe my $silence, my $open or die "pipe: $!";

sub start {
    my ($name, $user, $list, $path) = @_;

    my @arguments = $tools{$name}->($user, $t->dir . "/$list",
        'http://127.0.0.1:' . $t->port . $path);

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        setpgrp;
        $ENV{HOME} = $t->dir;
        chdir $t->dir;
        close $open;
        open STDIN,  '<&', $silence;
        open STDOUT, '>',  'said';
        open STDERR, '>&', \*STDOUT;
        exec "/usr/bin/$name", @arguments or POSIX::_exit(127);
    }

    return $pid;
}

sub finish {
    my ($pid) = @_;

    return $t->read_file('said')
        if wait_until(sub { waitpid($pid, WNOHANG) == $pid }, 120);

    kill KILL => -$pid;
    waitpid $pid, 0;

    return 'took too long';
}

sub log_in {
    my ($user, $address) = @_;

    return $t->client(from => $address)->post('/guarded',
        "user=$user&password=$PASSWORD", 'Content-Type' => $FORM)->status;
}

for my $name (sort keys %tools) {
    SKIP: {
        skip "no $name: make deps", 7 unless -x "/usr/bin/$name";

        my $user = "bob-$name";

        like(finish(start($name, $user, 'few', '/plain')), $found{$name},
            "$name: finds what nothing guards");

        $backend->clear;

        my $pid = start($name, $user, 'many', '/guarded');

        ok(wait_until(sub { $t->read_file('error.log')
                =~ /reason: "login_(?:busy|locked)"/ }, 60),
            "$name: is refused");
        is(log_in($user, '127.0.0.2'), 200,
            "$name: its owner logs in from elsewhere");
        is(log_in("alice-$name", '127.0.0.1'), 200,
            "$name: somebody behind the attacker's address, too");
        is(waitpid($pid, WNOHANG), 0, "$name: ... while it goes on");
        unlike(finish($pid), qr/$found{$name}|took too long/,
            "$name: does not find what is guarded");
        is($backend->count, $LIMIT + 2, "$name: no more guesses came through");

        $t->clear_logs;
    }
}

done_testing();
