package Tradesec::Test::Log;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Test::More ();

use Tradesec::Test::Wait qw(wait_until);

# What no error log may have. Reports of sanitizers are there too, because
# nginx puts the log in the place of stderr.

my $ALARM = qr/\[(?:alert|emerg)\]|Sanitizer|runtime error:|on signal \d/;

# So many lines of one reason a worker writes in a second.

my $LIMIT = 50;

our $failed = 0;


sub error_log {
    my ($self, $pattern) = @_;

    return grep { !defined $pattern || $_ =~ $pattern }
        split /\n/, $self->read_file('error.log');
}


sub access_log {
    my ($self, $count) = @_;

    my @lines;

    wait_until(sub {
        @lines = split /\n/, $self->read_file('access.log');
        return @lines >= ($count // 0);
    });

    return @lines;
}


sub logged {
    my ($self, $pattern, $title) = @_;

    return $self->_has_line('error.log', $pattern, $title);
}


sub access_logged {
    my ($self, $pattern, $title) = @_;

    return $self->_has_line('access.log', $pattern, $title);
}


sub _has_line {
    my ($self, $name, $pattern, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 2;

    my $found = wait_until(sub {
        scalar grep { $_ =~ $pattern } split /\n/, $self->read_file($name);
    });

    return Test::More::ok($found, $title) || Test::More::diag(
        "no line matches $pattern:\n" . $self->read_file($name));
}


sub not_logged {
    my ($self, $pattern, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return Test::More::is(join("\n", $self->error_log($pattern)), '', $title);
}


sub clear_logs {
    my ($self) = @_;

    $self->check_logs;
    $self->_wait_for_lines;
    $self->_wait_for_second;

    for my $name (qw(error.log access.log)) {
        truncate "$self->{dir}/$name", 0 if -e "$self->{dir}/$name";
    }

    return $self;
}


# A worker writes its line after the client has the answer: none may come late
# and be taken for that of the next request.

sub _wait_for_lines {
    my ($self) = @_;

    my ($size, $before) = (-s "$self->{dir}/access.log", -1);

    while (defined $size && $size != $before) {
        select undef, undef, undef, 0.02;
        ($size, $before) = (-s "$self->{dir}/access.log", $size);
    }

    return;
}


# When a worker may have written all lines of this second, those of the next
# request would be missing.

sub _wait_for_second {
    my ($self) = @_;

    my $lines = $self->error_log(qr/reason: "/);
    my $now   = time;

    return if $lines < $LIMIT;

    wait_until(sub { return time > $now });
    select undef, undef, undef, 0.02;

    return;
}


sub allow_logged {
    my ($self, @patterns) = @_;

    push @{ $self->{allowed} }, @patterns;

    return $self;
}


sub never_logged {
    my ($self, @secrets) = @_;

    push @{ $self->{unlogged} }, @secrets;

    return $self;
}


sub check_logs {
    my ($self) = @_;

    return 1 if $self->{unchecked};

    my @bad;

    for my $line ($self->error_log($ALARM)) {
        push @bad, $line unless grep { $line =~ $_ } @{ $self->{allowed} };
    }

    for my $name (qw(error.log access.log)) {
        my $text = $self->read_file($name);

        push @bad, map {"$name has the secret $_"}
            grep { index($text, $_) >= 0 } @{ $self->{unlogged} };
    }

    return 1 unless @bad;

    $failed = 1;
    Test::More::diag(join "\n", 'This may not be in the logs:', @bad);

    return 0;
}


1;

__END__

=head1 NAME

Tradesec::Test::Log - the logs of the nginx of a test

=head1 METHODS

=over

=item error_log($pattern)

the lines that match, at this moment

=item logged($pattern, $title), not_logged($pattern, $title)

Tests of the error log; C<logged> waits for the line up to five seconds.

=item access_logged($pattern, $title)

The same for the access log. A line of an earlier request may still come after
C<clear_logs>, so look for one that only yours can have.

=item access_log($count)

the lines of the access log, after waiting until there are so many: nginx
writes a line after its response

=item clear_logs

empties both logs, after checking them

=item allow_logged(@patterns), never_logged(@secrets), check_logs

C<check_logs> runs at the end and makes the test fail: see L<Tradesec::Test/HYGIENE>.

=back

=cut
