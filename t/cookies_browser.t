#!/usr/bin/perl

# A real browser with the cookies of a careless app: what it keeps, shows to
# scripts and sends to whom. The same app behind plain nginx gives them all
# away.

use v5.30;
use warnings;

use FindBin qw($Bin);

use JSON::PP qw(decode_json encode_json);
use Test::More;

use Tradesec::Test;

plan skip_all => 'no chromedriver: make deps' unless -x '/usr/bin/chromedriver';

my $backend = Tradesec::Test::Backend->new(answers => {
    '/set' => { body => '<p>set</p>', headers => [
        'Content-Type' => 'text/html',
        'Set-Cookie'   => 'sid=1; Path=/; SameSite=None; Secure',
        'Set-Cookie'   => 'careless=1; Path=/',
        'Set-Cookie'   => 'long=1; Path=/; expires=Sun, 01-Jan-2034 00:00:00 GMT',
        'Set-Cookie'   => 'XSRF-TOKEN=1; Path=/',
        'Set-Cookie'   => '__Host-h=1; Domain=app.test',
    ] },
    '/gone' => { headers => [ map {
        ('Set-Cookie' => "$_=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    } qw(sid careless long XSRF-TOKEN __Host-h) ] },
    '/echo' => sub { {
        headers => [ 'Content-Type' => 'text/html' ],
        body    => '<p id="cookies">'
            . ($_[0]->header('Cookie') || 'none') . '</p>',
    } },
});

my $foreign = Tradesec::Test::Backend->new(answers => \&form);

my $evil = Tradesec::Test->new(module => 0, tls => 1, host => 'evil.test',
    server => 'location / { proxy_pass http://%%BACKEND%%; }',
    backend => $foreign);


# The page that posts to the address behind the "#" of its own.

sub form {
    return { headers => [ 'Content-Type' => 'text/html' ], body => <<'HTML' };
<form method="post"></form>
<script>
document.forms[0].action = location.hash.slice(1);
document.forms[0].submit();
</script>
HTML
}


sub browse {
    my (%opt) = @_;

    my $on = $opt{plain} ? '' : <<'CONF';
        tradesec on;
        tradesec_origin off;
        tradesec_header Strict-Transport-Security off;
        tradesec_cookie * max_age=30d;
CONF

    my $t = Tradesec::Test->new(backend => $backend, module => !$opt{plain},
        http => <<"CONF");
    server {
        listen 127.0.0.1:%%PORT%% ssl;
        server_name app.test;
        ssl_certificate %%CERT%%;
        ssl_certificate_key %%KEY%%;
        $on
        location / { proxy_pass http://%%BACKEND%%; }
    }

    server {
        listen 127.0.0.1:%%PORT_http%%;
        server_name app.test;
        location / { proxy_pass http://%%BACKEND%%; }
    }
CONF

    my $app   = 'https://app.test:' . $t->port;
    my $given = encode_json({
        app  => $app,
        http => 'http://app.test:' . $t->port('http'),
        evil => 'https://evil.test:' . $evil->port . "/#$app/echo?",
    });

    open my $python, '-|', "$Bin/browser/cookies.py", $given
        or die "cookies.py: $!";

    my $text = do { local $/; <$python> };

    close $python;

    return eval { decode_json($text) } // {};
}


my $plain   = browse(plain => 1);
my $guarded = browse();

# what the plain app gives away

is_deeply($plain->{script}, [ qw(XSRF-TOKEN=1 careless=1 long=1 sid=1) ],
    'plain: scripts read everything');
is_deeply($plain->{'same site'}, [ qw(XSRF-TOKEN=1 careless=1 long=1 sid=1) ],
    'plain: the browser refuses the bad prefix');
is_deeply($plain->{'plain http'}, [ qw(XSRF-TOKEN=1 careless=1 long=1) ],
    'plain: cookies go over plain http');
ok((grep { $_ eq 'sid=1' } @{ $plain->{'foreign form'} }),
    'plain: a foreign form has the session');

# and behind the gateway

is_deeply($guarded->{script}, [ 'XSRF-TOKEN=1' ],
    'scripts read only what is made for them');
is_deeply($guarded->{sid},
    { secure => JSON::PP::true, httpOnly => JSON::PP::true,
        sameSite => 'Lax' }, 'the session as the browser keeps it');
is($guarded->{days}, 30, 'lifetime is capped');
is($guarded->{session}, JSON::PP::true,
    'a cookie of the browser\'s session stays one');
is_deeply($guarded->{'same site'},
    [ qw(XSRF-TOKEN=1 __Host-h=1 careless=1 long=1 sid=1) ],
    'all are sent to the app');
is_deeply($guarded->{'plain http'}, ['none'], 'none over plain http');
is_deeply($guarded->{'foreign form'}, ['none'], 'none with a foreign form');
is_deeply($guarded->{deleted}, ['none'], 'the app can delete them');

done_testing();
