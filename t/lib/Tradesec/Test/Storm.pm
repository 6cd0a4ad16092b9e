package Tradesec::Test::Storm;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Exporter qw(import);
use File::Temp ();
use POSIX ();
use Test::More;

use Tradesec::Test qw(wait_until);
use Tradesec::Test::Backend;

our @EXPORT_OK = qw(all_log_in login right slow_backend storm);


my $hold = File::Temp->newdir('tradesec-storm-XXXXXX', TMPDIR => 1);


# Slow enough that guesses are in flight side by side, and a right password is
# not answered before the test has seen all it wants.

sub slow_backend {
    return Tradesec::Test::Backend->new(answers => sub {
        my ($request) = @_;

        return { delay => 0.2, status => 401 } if $request->body !~ /right/;

        return { held => "$hold/right", headers => [ 'Set-Cookie' => 'sid=1' ] };
    });
}


sub login {
    my ($user, $password, $from, $path) = @_;

    return [ POST => $path // '/login',
        { user => $user, password => $password }, 'X-Client' => $from ];
}


# n requests at the same time, at the gateways in turn: what reached the
# backend.

sub storm {
    my ($gateways, $n, $request) = @_;

    my $backend = $gateways->[0]->backend;

    $backend->clear;

    my @children = map {
        my $which = $_;
        my $pid   = fork // die "fork: $!";

        if ($pid == 0) {
            $gateways->[$which]->client(timeout => 60)->parallel(
                map { $request->($_) }
                grep { $_ % @$gateways == $which } 1 .. $n);
            POSIX::_exit(0);
        }

        $pid;
    } 0 .. $#$gateways;

    waitpid $_, 0 for @children;

    return $backend->count;
}


# limit + 1 right passwords at the same time, of different accounts: those who
# are answered while none of the others is, and all answers in the end.

sub right {
    my ($gateways, $limit, $request) = @_;

    open my $file, '>', "$hold/right" or die "$hold/right: $!";
    close $file;

    my $backend = $gateways->[0]->backend->clear;

    my @open = map {
        my $client     = $gateways->[ $_ % @$gateways ]->client(timeout => 60);
        my $connection = $client->connect or die "connect: $!";

        { client => $client, connection => $connection, request => $_ };
    } 1 .. $limit + 1;

    for my $one (@open) {
        $one->{request} = $request->($one->{request});
        $one->{connection}->write($one->{client}->format(@{ $one->{request} }));
    }

    wait_until(sub {
        $_->{response} //= $_->{connection}->try_response for @open;
        return @open == $backend->count
            + grep { defined $_->{response} } @open;
    }, 60);

    my @early = grep { defined $_->{response} } @open;

    unlink "$hold/right";

    $_->{response} //= $_->{connection}->response for @open;

    return (\@early, map { $_->{response} } @open);
}


# The same as a test: all log in but the last one, who may come again at once.

sub all_log_in {
    my ($gateways, $limit, $request) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($early, @answers) = right($gateways, $limit, $request);

    is(scalar(grep { $_->status == 200 } @answers), $limit,
        "$limit people behind one address log in at once");
    is(scalar @$early, 1, 'the next one does not wait for them');
    is($early->[0]{response}->status, 429, '... but is refused');
    is($early->[0]{response}->header('Retry-After'), 1, '... for a second');

    sleep 1;

    my $again;

    ok(wait_until(sub {
        $again = $gateways->[0]->request(@{ $early->[0]{request} });
        return $again->status == 200 || $again->header('Retry-After') != 1;
    }, 30) && $again->status == 200, 'and then logs in');

    return;
}


1;

__END__

=head1 NAME

Tradesec::Test::Storm - more logins at the same time than a limit allows

=head1 SYNOPSIS

    my $backend  = slow_backend();
    my @gateways = map { gateway($redis, backend => $backend) } 1 .. 2;

    is(storm(\@gateways, 1000, sub { login('alice', "p$_[0]", '192.0.2.1') }),
        5, 'five reach the backend');

    my ($early, @answers) = right(\@gateways, 50,
        sub { login("user$_[0]", 'right', '192.0.2.1') });

=cut
