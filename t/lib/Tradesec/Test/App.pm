package Tradesec::Test::App;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Exporter qw(import);

our @EXPORT_OK = qw(app_user cookies keep resign resigned);


# The app's cookie is user, number and signature, and another one each time.

my $count = 0;


sub _app_cookie { return "$_[0].$_[1]." . hmac_sha256_hex("@_", 'app') }


# Who has sent the request, as the app knows it; undef: nobody.

sub app_user {
    my ($request) = @_;

    my ($user, $n, $signature) = ($request->header('Cookie') // '')
        =~ /(?:^|; )sid=([^.;]+)\.(\d+)\.(\w+)/ or return;

    return $signature eq hmac_sha256_hex("$user $n", 'app') ? $user : undef;
}


# An answer with a new cookie of the user's, and of who has sent the request.

sub resign {
    my ($user, %answer) = @_;

    return { %answer, headers => [ @{ $answer{headers} // [] },
        'Set-Cookie' => 'sid=' . _app_cookie($user, ++$count) . '; Path=/' ] };
}


sub resigned {
    my ($request, %answer) = @_;

    my $user = app_user($request) // return 403;

    return resign($user, %answer);
}


# The browser: what it keeps of a response in its jar, a hash, and the header of
# its next request.

sub keep {
    my ($jar, $response) = @_;

    for my $line ($response->headers('Set-Cookie')) {
        my ($name, $value) = $line =~ /^([^=]+)=([^;]*)/;

        if ($line =~ /Max-Age=0\b|Jan 1970/) {
            delete $jar->{$name};

        } else {
            $jar->{$name} = $value;
        }
    }

    return $response;
}


sub cookies {
    my ($jar) = @_;

    return %$jar ? (Cookie => join '; ', map {"$_=$jar->{$_}"} sort keys %$jar)
        : ();
}


1;

__END__

=head1 NAME

Tradesec::Test::App - an app with sessions of its own, and its user's browser

=head1 SYNOPSIS

    my $t = Tradesec::Test->new(
        backend => {
            'POST /login' => sub { resign('alice', status => 303) },
            '/me'         => sub { resigned($_[0], body => 'hello') },
        }, ...);

    my $jar = {};

    keep($jar, $t->post('/login', 'username=alice'));
    is($t->get('/me', cookies($jar))->body, 'hello');

=cut
