#!/usr/bin/perl

# An application that is not ours: Debian's Jupyter notebook server works
# unbroken behind the gateway, pages, API and kernel channels. What foreign
# pages send does not even reach it, and its password cannot be guessed.

use v5.30;
use warnings;

use FindBin qw($Bin);

use Digest::SHA qw(sha1_hex);
use File::Temp ();
use JSON::PP qw(decode_json encode_json);
use POSIX ();
use Test::More;

use Tradesec::Test qw(free_port wait_until);

my $JUPYTER = '/usr/bin/jupyter-notebook';

plan skip_all => 'no chromedriver: make deps' unless -x '/usr/bin/chromedriver';
plan skip_all => 'no Jupyter: make deps'      unless -x $JUPYTER;

my $PASSWORD = 'open sesame';

my $port = free_port();
my $home = File::Temp->newdir('jupyter-XXXXXX', TMPDIR => 1);

open my $notebook, '>', "$home/sum.ipynb" or die "sum.ipynb: $!";
print $notebook encode_json({
    nbformat       => 4,
    nbformat_minor => 5,
    metadata       => { kernelspec => { name => 'python3',
        display_name => 'Python 3', language => 'python' } },
    cells => [ { id => 'a', cell_type => 'code', execution_count => undef,
        metadata => {}, outputs => [], source => '' } ],
});
close $notebook;


sub start_jupyter {
    my $pid = fork // die "fork: $!";

    return $pid if $pid;

    $ENV{HOME} = "$home";
    delete $ENV{$_} for grep {/^(?:JUPYTER|XDG)_/} keys %ENV;
    open STDERR, '>', "$home/log";
    open STDOUT, '>&', \*STDERR;
    POSIX::setsid();

    exec $JUPYTER, '--no-browser', '--allow-root', '--ip=127.0.0.1',
        "--port=$port", '--port-retries=0', "--notebook-dir=$home",
        '--NotebookApp.allow_remote_access=True',
        '--NotebookApp.password=sha1:5a17:'
            . sha1_hex("${PASSWORD}5a17"),
        '--log-level=INFO'
        or POSIX::_exit(127);
}


sub jupyter_log {
    open my $file, '<', "$home/log" or return '';
    local $/;

    return <$file> // '';
}


my $pid   = start_jupyter();
my $owner = $$;

# its kernels are in the process group of the server

END {
    if ($pid && $owner == $$) {
        local $?;
        kill 'TERM', $pid;
        wait_until(sub { waitpid($pid, POSIX::WNOHANG()) }, 10);
        kill 'KILL', -$pid;
    }
}

wait_until(sub { jupyter_log() =~ /is running at/ }, 60)
    or die "no Jupyter:\n" . jupyter_log();

my $t = Tradesec::Test->new(
    tls    => 1,
    host   => 'notebook.test',
    http   => <<'CONF',
    map $http_upgrade $connection_upgrade {
        default  upgrade;
        ''       '';
    }

    tradesec_zone zone=tradesec:1m;
CONF
    server => <<"CONF");
        tradesec         on;
        tradesec_origin  https://notebook.test:%%PORT%%;

        client_max_body_size 0;

        proxy_http_version 1.1;
        proxy_set_header Host \$http_host;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection \$connection_upgrade;

        location / {
            proxy_pass http://127.0.0.1:$port;
        }

        location = /login {
            tradesec_login account=none success=status:302;

            proxy_ignore_client_abort on;
            proxy_pass http://127.0.0.1:$port;
        }
CONF

my $foreign = Tradesec::Test->new(
    module => 0,
    tls    => 1,
    host   => 'evil.test',
    server => "root $Bin/browser/pages; types { text/html html; }",
);

open my $python, '-|', "$Bin/browser/jupyter.py", encode_json({
    jupyter  => 'https://notebook.test:' . $t->port,
    evil     => 'https://evil.test:' . $foreign->port,
    password => $PASSWORD,
}) or die "jupyter.py: $!";

my $result = eval { decode_json(do { local $/; <$python> }) } // {};

close $python;

is($result->{$_}, 1, $_)
    for 'wrong password', 'right password', 'run a cell', 'save';

# Jupyter looks for an extension that Debian does not ship, gateway or not

is_deeply([ grep { !m{/nbextensions/widgets/} }
        @{ $result->{problems} // ['none noted'] } ], [],
    'no errors on the console');

is($result->{'kernel reached by a foreign page'}, 0,
    'kernel not reached by a foreign page');
$t->logged(qr/origin.*channels/, 'refused by the gateway');
unlike(jupyter_log(), qr/\b40\d GET \S+channels/,
    'nothing of it reached Jupyter');

Tradesec::Test::Client->new(port => $port)->get('/api/kernels/0/channels',
    Connection => 'Upgrade', Upgrade => 'websocket',
    'Sec-WebSocket-Version' => 13,
    'Sec-WebSocket-Key'     => 'MTIzNDU2Nzg5MDEyMzQ1Ng==',
    Origin => 'https://evil.test');

ok(wait_until(sub { jupyter_log() =~ /\b40\d GET \S+channels/ }),
    'whose log would show it');



# the password; Jupyter wants its own token against forged requests with it

sub log_in_from {
    my ($address, @passwords) = @_;

    my $client = $t->client(from => $address);
    my $xsrf   = $client->get('/login')->cookie('_xsrf');

    return map {
        $client->post('/login', "_xsrf=$xsrf&password=" . tr/ /+/r,
            Cookie => "_xsrf=$xsrf",
            Origin => 'https://notebook.test:' . $t->port)->status
    } @passwords;
}


sub failures { return scalar(() = jupyter_log() =~ m{401 POST /login}g) }

my $before = failures();

is_deeply([ log_in_from('127.0.0.9', (map {"guess $_"} 1 .. 8), $PASSWORD) ],
    [ (401) x 5, (429) x 4 ], 'password not found by guessing');
ok(wait_until(sub { failures() == $before + 5 }),
    'no more guesses than the limit reached Jupyter');
is_deeply([ log_in_from('127.0.0.10', 'guess', $PASSWORD) ], [ 401, 302 ],
    'its owner mistypes once and gets in');

done_testing();
