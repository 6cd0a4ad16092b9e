package Tradesec::Test;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use Scalar::Util qw(blessed weaken);
use Test::More ();

use Tradesec::Test::Backend;
use Tradesec::Test::Client;
use Tradesec::Test::Port qw(hold_port);
use Tradesec::Test::Wait qw(wait_until);

use parent qw(Tradesec::Test::Process Tradesec::Test::Log);

our @EXPORT_OK = qw(config_accepted config_refused config_test free_port
    module_links wait_until);

our $TOP = abs_path(dirname(__FILE__) . '/../../..');

my $MODULE = $ENV{TRADESEC_MODULE} // "$TOP/build/ngx_http_tradesec_module.so";

my $UPGRADE = join "\n" . ' ' x 12, 'proxy_pass http://%%BACKEND%%;',
    'proxy_http_version 1.1;', 'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection upgrade;';

my %instances;


sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        workers  => 2,
        level    => 'info',
        host     => 'localhost',
        allowed  => [],
        unlogged => [],
        ports    => {},
        held     => {},
        %opt,
        owner => $$,
    }, $class;

    my $backend = $self->{backend};

    if ($backend && !blessed $backend) {
        $self->{backend} = Tradesec::Test::Backend->new(
            ref $backend ? (answers => $backend) : ());
    }

    weaken($instances{$self} = $self);

    $self->_make_dir;
    $self->configure;
    $self->start unless $self->{stopped};

    return $self;
}


sub configure {
    my ($self, %opt) = @_;

    @$self{ keys %opt } = values %opt;

    $self->write_file('nginx.conf',
        $self->_expand($self->{config} // $self->_frame));

    return $self;
}


sub _frame {
    my ($self) = @_;

    my $user    = $> == 0 ? 'user root;' : '';
    my $load    = $self->{module} // 1 ? 'load_module %%MODULE%%;' : '';
    my $globals = $ENV{TRADESEC_NGINX_GLOBALS} // '';
    my $main    = $self->{main} // '';
    my $http    = $self->{http} // '';
    my $server  = defined $self->{server} ? $self->_server : '';
    my $access  = 'access_log off;';

    # valgrind keeps the limit to itself

    my $files = ($ENV{TRADESEC_NGINX} // '') =~ /valgrind/
        ? '' : 'worker_rlimit_nofile 8192;';

    if (defined $self->{access_log}) {
        $access = "log_format test escape=none '$self->{access_log}';\n"
            . '    access_log %%DIR%%/access.log test;';
    }

    return <<"CONF";
$user
$load
$globals
worker_processes $self->{workers};
$files
error_log %%DIR%%/error.log $self->{level};
$main

events {
    worker_connections 4096;
}

http {
    %%TEMP%%
    $access

$http
$server
}
CONF
}


sub _server {
    my ($self) = @_;

    my $listen = join ' ', '127.0.0.1:%%PORT%%',
        $self->{tls} ? 'ssl' : (), $self->{http2} ? 'http2' : ();

    my $tls = '';

    if ($self->{tls}) {
        $tls = "ssl_certificate %%CERT%%;\n"
            . '        ssl_certificate_key %%KEY%%;';
    }

    return <<"CONF";
    server {
        listen $listen;
        server_name $self->{host};
        $tls

$self->{server}
    }
CONF
}


sub _expand {
    my ($self, $text) = @_;

    my %value = (
        DIR     => sub { $self->{dir} },
        TOP     => sub { $TOP },
        MODULE  => sub { $MODULE },
        PORT    => sub { $self->port },
        TEMP    => sub {
            join "\n    ", map {"${_}_temp_path $self->{dir}/$_;"}
                qw(client_body proxy fastcgi uwsgi scgi);
        },
        CERT    => sub { $self->certificate },
        KEY     => sub { $self->certificate =~ s/crt$/key/r },
        BACKEND => sub {
            return ($self->{backend} // croak 'no backend in this test')
                ->address;
        },
    );

    $text =~ s/%%UPGRADE%%/$UPGRADE/g;
    $text =~ s/%%PORT_(\w+)%%/$self->port($1)/ge;
    $text =~ s/%%(\w+)%%/
        ($value{$1} or croak "unknown placeholder %%$1%%")->()/gex;

    return $text;
}


sub port {
    my ($self, $name) = @_;

    $name //= '';

    my $held = $self->{held}{$name} //= hold_port($self->{ports}{$name});

    return $held->sockport;
}


sub free_port {
    state @held;

    push @held, hold_port();

    return $held[-1]->sockport;
}


sub certificate {
    my ($self) = @_;

    my $base = "$self->{dir}/tls";

    return "$base.crt" if -e "$base.crt";

    my $names = join ',', map {"DNS:$_"} 'localhost', '*.test',
        $self->{host} =~ /^[\w.*-]+$/ ? $self->{host} : ();

    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
            . " -nodes -days 2 -subj /CN=localhost"
            . " -addext subjectAltName=$names,IP:127.0.0.1"
            . " -keyout $base.key -out $base.crt 2>/dev/null") == 0
        or croak 'openssl req failed';

    return "$base.crt";
}


# Files

sub _make_dir {
    my ($self) = @_;

    $self->{dir} = File::Temp->newdir('tradesec-XXXXXX',
        TMPDIR => 1, CLEANUP => 0)->dirname;

    chmod 0755, $self->{dir};

    # an nginx that is not Debian's writes its access log there by default

    mkdir "$self->{dir}/logs";
}


sub write_file {
    my ($self, $name, $content) = @_;

    my $path = "$self->{dir}/$name";

    open my $file, '>:raw', $path or croak "$path: $!";
    print $file $content;
    close $file or croak "$path: $!";

    return $path;
}


sub read_file {
    my ($self, $name) = @_;

    open my $file, '<:raw', "$self->{dir}/$name" or return '';
    local $/;

    return <$file> // '';
}


sub dir     { return $_[0]{dir} }
sub backend { return $_[0]{backend} }


# Tests of the configuration alone

sub config_test {
    my (%opt) = @_ == 1 ? (server => $_[0]) : @_;

    my $self = __PACKAGE__->new(%opt, stopped => 1);

    $self->{unchecked} = 1;

    return $self->run('-t');
}


sub config_refused {
    my ($args, $expected, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($code, $text) = config_test(ref $args ? %$args : $args);
    my ($first) = $text =~ /\[emerg\] (?:\d+#\d+: )?(.*)/;

    my $ok = $code == 1 && defined $first && $first =~ $expected
        && $first =~ / in \S+:\d+$/ && $text !~ /Sanitizer|runtime error:/;

    return Test::More::ok($ok, $title)
        || Test::More::diag("expected $expected, exit code $code:\n$text");
}


sub config_accepted {
    my ($args, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($code, $text) = config_test(ref $args ? %$args : $args);

    return Test::More::ok($code == 0 && $text !~ /Sanitizer|runtime error:/,
        $title) || Test::More::diag($text);
}


# Whether the module that is tested was linked with a library.

sub module_links {
    my ($library) = @_;

    open my $file, '<:raw', $MODULE or croak "$MODULE: $!";
    local $/;

    return index(<$file>, "$library.so") >= 0;
}


# Requests

sub client {
    my ($self, %opt) = @_;

    my $name = delete $opt{server};

    return Tradesec::Test::Client->new(
        port => $self->port($name),
        tls  => $self->{tls},
        host => $self->{host},
        %opt,
    );
}


for my $method (qw(get head post request raw parallel h2 connect)) {
    no strict 'refs';
    *$method = sub { shift->client->$method(@_) };
}


# The end

sub DESTROY {
    my ($self) = @_;

    return if $self->{gone}++ || $self->{owner} != $$;

    local ($?, $!, $@);

    $self->stop;
    $self->check_logs;
    remove_tree($self->{dir}) unless $ENV{TRADESEC_KEEP};

    delete $instances{$self};
}


$SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);


END {
    my $code = $?;

    $_->DESTROY for grep {defined} values %instances;

    $? = $code || ($Tradesec::Test::Log::failed ? 1 : 0);
}


1;

__END__

=head1 NAME

Tradesec::Test - a running nginx with the module, for one test file

=head1 SYNOPSIS

    use Test::More;
    use Tradesec::Test qw(config_refused);

    my $t = Tradesec::Test->new(backend => 1, server => <<~'CONF');
        tradesec on;

        location / {
            proxy_pass http://%%BACKEND%%;
        }
    CONF

    my $r = $t->get('/', Origin => 'https://evil.test');

    is($r->status, 403, 'foreign origin refused');
    is($t->backend->count, 0, 'nothing reached the backend');
    $t->logged(qr/origin_foreign/, 'the log has the reason');

    config_refused('tradesec maybe;', qr/invalid value "maybe"/, 'no flag');

    done_testing;

Run it with C<prove -I t/lib t/name.t>.

=head1 STARTING

=head2 new(%options)

Writes the configuration into a directory of its own, starts nginx and waits
until it listens. nginx is stopped when the object or the test ends, however
it ends. All options have defaults:

=over

=item server

what stands in the one C<server> block; C<listen> and C<server_name> are
added. With C<http> alone the test writes its own server blocks, the first on
C<127.0.0.1:%%PORT%%>.

=item http, main

what stands in C<http> and in the main context

=item config

the whole file, instead of the parts above

=item backend

1 for a counting backend with its default answer, a hash or a code reference
for one with its own answers, or an object: see L<Tradesec::Test::Backend>

=item tls, http2

TLS with a certificate made on the fly, HTTP/2, for C<server>

=item host

the server's name, also the default C<Host> of requests; C<localhost>

=item ports

a hash of names and numbers, instead of ports that the kernel picks

=item workers

2

=item access_log

the log_format (escape=none) of an access log; without it there is none

=item level

of the error log, C<info>

=item module

0 does not load the module

=item stopped

1 does not start

=back

=head2 Placeholders in configurations

    %%PORT%%       the port that requests go to
    %%PORT_x%%     another port, to be asked for with port('x')
    %%BACKEND%%    address and port of the backend
    %%UPGRADE%%    the lines that pass a request there, and a WebSocket
    %%DIR%%        the directory of this instance
    %%TEMP%%       the directives for temporary files below it, in http
    %%CERT%% %%KEY%%   a self-signed certificate and its key
    %%MODULE%% %%TOP%%   the module's file, the top of the tree

=head2 Methods

C<configure(%options)> writes the configuration again (follow with C<reload>
or C<restart>), C<write_file($name, $bytes)>, C<read_file($name)>, C<dir>,
C<port($name)>, C<certificate>, C<backend>. Processes:
L<Tradesec::Test::Process>. Logs: L<Tradesec::Test::Log>.

=head1 REQUESTS

C<get>, C<head>, C<post>, C<request>, C<raw>, C<parallel>, C<h2>, C<connect>
are those of a L<Tradesec::Test::Client> for this server; C<client(%options)>
makes one with other options (C<< server => 'x' >> for %%PORT_x%%).

=head1 FUNCTIONS

=over

=item config_test($server_snippet) or config_test(%options)

the exit code and the output of C<nginx -t>

=item config_refused($snippet or \%options, $pattern, $title)

tests that C<nginx -t> fails with one sentence that matches and names file
and line

=item config_accepted($snippet or \%options, $title)

=item wait_until($condition, $seconds = 5)

calls the condition until it is true, and returns its last value

=item free_port

a port that stays free until the test ends

=back

=head1 ENVIRONMENT

    TRADESEC_MODULE         the module's file; build/ngx_http_tradesec_module.so
    TRADESEC_NGINX          the command, may have several words; nginx
    TRADESEC_NGINX_GLOBALS  more lines for the main context
    TRADESEC_KEEP           1 keeps the directories of the instances

=head1 HYGIENE

At the end the error log may not have a line with C<[alert]>, C<[emerg]>, a
signal or a report of a sanitizer, and no log a secret given to
C<never_logged>; else the test fails. C<allow_logged> makes exceptions.

=cut
