package Tradesec::Test::Leak;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Digest::SHA;
use Exporter qw(import);
use File::Basename qw(dirname);
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(sleep);

use Tradesec::Test;
use Tradesec::Test::Frame qw(frame CONTINUATION TEXT PING);
use Tradesec::Test::SocketServer;
use Tradesec::Test::Token qw(jwks provider token);
use Tradesec::Test::Wait qw(now);
use Tradesec::Test::WebSocket;

our @EXPORT_OK = qw(broadcast leak library leaking);

my $T     = abs_path(dirname(__FILE__) . '/../../..');
my @USERS = qw(alice bob carol dave);
my $END   = '{"topic":"ticks.END"}';


# Messages as one backend or another would write them, with their owner; ''
# for everyone, undef for nobody.

sub message {
    my ($n, $user, $filler) = @_;

    my $escaped = sprintf '\u%04x%s', ord $user, substr $user, 1;
    my $other   = $USERS[ rand @USERS ];

    my @kinds = (
        [ qq({"user_id":"$user","n":$n,"x":"$filler"}), $user ],
        [ qq({"n":$n,"x":["$filler","$other"],"user_id":"$user"}), $user ],
        [ qq({"n":$n,"user_id":"$escaped","x":{"user_id":"$other"}}), $user ],
        [ qq({"n":$n,"\\u0075ser_id":"$user","x":"\\"$other\\""}), $user ],
        [ qq([{"n":$n,"user_id":"$user"},{"user_id":"$user"}]), $user ],
        [ qq({"n":$n,"user_id":"$user"}\n{"user_id":"$user"}), $user ],
        [ qq({"topic":"ticks.EURUSD","n":$n,"x":"$filler"}), '' ],
        [ qq({"topic":"ticks.EURUSD","n":$n,"user_id":"$user"}), $user ],
        [ qq({"topic":"orders","n":$n,"x":"$user"}), undef ],
        [ qq({"user_id":"$user","n":$n,"user_id":"$other"}), undef ],
        [ qq({"user_id":"$user","n":$n,}), undef ],
        [ qq([{"user_id":"alice","n":$n},{"user_id":"bob"}]), undef ],
    );

    return $kinds[ rand @kinds ];
}


sub fragments {
    my ($payload) = @_;

    my $cuts = 1 + int rand 4;
    my @at   = sort { $a <=> $b } map { int rand 1 + length $payload } 1 .. $cuts;
    my $from = 0;
    my @parts;

    for my $to (@at, length $payload) {
        push @parts, substr $payload, $from, $to - $from;
        $from = $to;
    }

    return join '', map {
        ($_ && rand() < 0.3 ? frame(PING, 'p') : '')
            . frame($_ ? CONTINUATION : TEXT, $parts[$_], fin => $_ == $#parts)
    } 0 .. $#parts;
}


# A file with the frames of so many messages, and what of them is whose.

sub leak {
    my ($file, $count, %opt) = @_;

    my %mine = map { $_ => Tradesec::Test::Leak::Sum->new } @USERS;

    open my $out, '>:raw', $file or croak "$file: $!";

    for my $n (1 .. $count) {
        my $size = int rand($opt{small} ? 20 : int rand 4 ? 120 : 9000);
        my ($payload, $owner)
            = @{ message($n, $USERS[ rand @USERS ], 'x' x $size) };

        print {$out} $opt{fragments}
            ? fragments($payload)
            : frame(TEXT, $payload);

        next if !defined $owner;

        $mine{$_}->add($payload)
            for grep { $owner eq '' || $owner eq $_ } @USERS;
    }

    print {$out} frame(TEXT, $END);
    close $out or croak "$file: $!";

    return { file => $file, count => $count, mine => \%mine };
}


# A gateway in front of a backend that sends everything to everyone.

sub leaking {
    my (%opt) = @_;

    my $scheme = delete $opt{behind} ? 'https' : 'http';
    my $mine   = $opt{tls} ? 'https' : 'http';
    my @cert;

    if ($scheme eq 'https') {
        my $key = $opt{key} = Tradesec::Test->new(stopped => 1, server => '');

        @cert = (cert => $key->certificate,
            key => $key->certificate =~ s/crt$/key/r);
    }

    my $t = Tradesec::Test->new(
        %opt,
        backend => Tradesec::Test::SocketServer->new(@cert),
        host    => 'localhost',
        stopped => 1,
        workers => 1,
        http    => provider('portal'),
        server  => <<~"CONF");
            tradesec on;
            tradesec_origin $mine://localhost $mine://localhost:%%PORT%%;
            tradesec_jwt portal cookie=access_token bearer;

            location / {
                tradesec_websocket owner=/user_id public=/topic:ticks.*;
                proxy_pass $scheme://%%BACKEND%%;
                proxy_http_version 1.1;
                proxy_set_header Upgrade \$http_upgrade;
                proxy_set_header Connection upgrade;
            }

            location = /page {
                tradesec_jwt off;
                default_type text/html;
                return 200 '<p>a page</p>';
            }
        CONF

    $t->write_file('portal.jwks', jwks());
    $t->start;

    return $t;
}


# Opens a socket for each user, has everything sent to all of them, and
# compares what each one gets.

sub broadcast {
    my ($name, $t, $leak, $query) = @_;

    my $origin = ($t->{tls} ? 'https' : 'http') . '://localhost';

    my @ws = map {
        Tradesec::Test::WebSocket->open($t->client, '/?' . ($query // ''),
            headers => [
            Origin        => $origin,
            Authorization => 'Bearer ' . token({ sub => $_ }),
        ])
    } @USERS;

    $ws[0]->send("!all-file $leak->{file}");

    my @sums = gather(@ws);

    for my $i (0 .. $#USERS) {
        my $user = $USERS[$i];

        is_deeply($sums[$i]->result, $leak->{mine}{$user}->result,
            "$name: of $leak->{count} messages $user gets exactly his own"
                . ' and the public ones');
    }

    $_->close(1000) for @ws;
    $_->closed for @ws;

    $t->logged(qr/"websocket_foreign_message"/, "$name: others were dropped");
}


# Reads all of them side by side, so that nobody's time is up while another one
# is served, as long as anything comes: what each got.

sub gather {
    my @all = map {
        { ws => $_, sum => Tradesec::Test::Leak::Sum->new, text => '' }
    } @_;

    my $last = now();

    while (my @open = grep { !$_->{ended} } @all) {
        last if now() - $last > 60;

        # in few steps: the other ends have more to do than this one

        sleep 0.02;

        for my $one (@open) {
            for (1 .. 1000) {
                my $frame = $one->{ws}->receive(0) // last;

                $last = now();
                next if $frame->{opcode} == PING;
                $one->{text} .= $frame->{payload};
                next if !$frame->{fin};

                $one->{ended} = 1, last if $one->{text} eq $END;
                $one->{sum}->add($one->{text});
                $one->{text} = '';
            }
        }
    }

    return map { $_->{sum} } @all;
}


my %CLIENTS = (
    'npm ws' => [ '/usr/bin/node', "$T/websocket/owner_client.js" ],
    'python3-websockets' => [ '/usr/bin/python3',
        "$T/websocket/owner_client.py" ],
    'Chromium' => [ '/usr/bin/python3', "$T/browser/owner.py" ],
);


# The same for one user whose client somebody else wrote.

sub library {
    my ($client, $t, $leak) = @_;

    my $user  = 'bob';
    my $given = encode_json({
        page  => ($t->{tls} ? 'https' : 'http') . '://localhost:' . $t->port
            . '/page',
        socket => ($t->{tls} ? 'wss' : 'ws') . '://localhost:' . $t->port . '/',
        origin => ($t->{tls} ? 'https' : 'http') . '://localhost',
        token  => token({ sub => $user }),
        order  => "!file $leak->{file}",
        end    => $END,
    });

    open my $process, '-|', @{ $CLIENTS{$client} }, $given
        or die "$client: $!";

    my $said = do { local $/; <$process> };

    close $process;

    my $got = eval { decode_json($said) } // { count => $said };

    is_deeply($got, { %{ $leak->{mine}{$user}->result }, closed => 4000 },
        "$client: of $leak->{count} messages $user gets exactly his own and"
            . ' the public ones, and closes');
}


package Tradesec::Test::Leak::Sum;

# Messages in their order, as a number and a hash.

sub new { return bless { count => 0, hash => Digest::SHA->new(1) }, shift }


sub add {
    my ($self, $message) = @_;

    $self->{count}++;
    $self->{hash}->add(length $message, ':', $message, ',');

    return;
}


sub result {
    my ($self) = @_;

    return {
        count => $self->{count},
        sha1  => $self->{hash}->clone->hexdigest,
    };
}


1;

__END__

=head1 NAME

Tradesec::Test::Leak - a backend that sends everyone's updates to everyone

=head1 SYNOPSIS

    my $t = leaking(tls => 1);

    broadcast('TLS', $t, leak($t->dir . '/all', 10_000, fragments => 1));
    library('npm ws', $t, leak($t->dir . '/all', 1000));

=head1 FUNCTIONS

=over

=item leak($file, $count, fragments => 1, small => 1)

writes the frames of so many mixed messages, of which some are malformed and
some have no owner

=item leaking(tls => 1, behind => 1)

a gateway, with TLS in front and behind it

=item broadcast($name, $gateway, $leak, $query)

four users, who each have to receive exactly their own; the query is for
L<Tradesec::Test::SocketServer>

=item library($client, $gateway, $leak)

one user of C<npm ws>, C<python3-websockets> or C<Chromium>

=back

=cut
