package Demo::App;

# Copyright (C) the ngx_tradesec authors
#
# Starts the portal (tools/demo/app) on a loopback port and fits the
# configurations in conf/ to it, so that the demo, the attacks and the tests
# run the very files that operators read.

use v5.30;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Fcntl ();
use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);

use Tradesec::Test;
use Tradesec::Test::Wait qw(wait_until);

my $TOP = abs_path(dirname(__FILE__) . '/../../../..');

my %running;


sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        lifetime => 900,
        %opt,
        owner => $$,
    }, $class;

    $self->{state} //= $self->{temp} = File::Temp->newdir('portal-XXXXXX',
        TMPDIR => 1);

    # the app gets the listening socket, so that nobody takes its port

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1',
        Listen    => 1024,
        Proto     => 'tcp',
        ReuseAddr => 1,
    ) or croak "portal: $!";

    $self->{port} = $listen->sockport;
    $self->{pid} = fork // croak "fork: $!";

    if ($self->{pid} == 0) {
        $ENV{PORTAL_STATE}          = "$self->{state}";
        $ENV{PORTAL_TOKEN_LIFETIME} = $self->{lifetime};

        open STDOUT, '>', '/dev/null';
        fcntl $listen, Fcntl::F_SETFD(), 0;
        exec "$TOP/tools/demo/app", 'daemon', '-m', 'production',
            '-l', 'http://127.0.0.1?fd=' . fileno $listen
            or POSIX::_exit(127);
    }

    $running{ $self->{pid} } = $$;
    close $listen;

    my $up = wait_until(sub {
        return -1 if waitpid($self->{pid}, WNOHANG) == $self->{pid};
        return -e $self->jwks && $self->_answers;
    }, 30);

    croak 'the portal did not start' unless $up && $up > 0;

    return $self;
}


sub _answers {
    my ($self) = @_;

    my $socket = IO::Socket::INET->new($self->address) or return 0;

    print $socket "GET /login HTTP/1.0\r\n\r\n";

    return defined <$socket>;
}


# Of sessions: the gateway has it, and the portal does not know.

sub secret {
    my ($self) = @_;

    my $file = "$self->{state}/session.secret";

    if (!-e $file) {
        open my $random, '<:raw', '/dev/urandom' or croak "random: $!";
        read $random, my $secret, 32;

        open my $out, '>:raw', $file or croak "$file: $!";
        chmod 0600, $file or croak "$file: $!";
        print {$out} unpack 'H*', $secret;
        close $out or croak "$file: $!";
    }

    return $file;
}


sub address { return "127.0.0.1:$_[0]{port}" }
sub jwks    { return "$_[0]{state}/portal.jwks" }
sub key     { return "$_[0]{state}/portal.key" }


# A running nginx with a file of conf/, in front of this portal. The rest of
# the options: "plain" takes every line of ours out, "host" is another name
# than localhost, "address" is that of a proxy in between, and what
# Tradesec::Test knows.

sub gateway {
    my ($self, $name, %opt) = @_;

    return Tradesec::Test->new(
        tls => 1,
        %opt,
        config => $self->configuration($name, %opt),
    );
}


# The configuration alone, with the placeholders of Tradesec::Test.

sub configuration {
    my ($self, $name, %opt) = @_;

    my $host    = $opt{host} // 'localhost';
    my $address = $opt{address} // $self->address;

    open my $file, '<', "$TOP/$name" or croak "$name: $!";
    my $text = do { local $/; <$file> };

    if ($opt{plain}) {
        $text =~ s/^[^#\n]*\bload_module [^;]*tradesec[^;]*;//gm;
        $text =~ s/^\s*tradesec_(?:jwt_provider|session) [^{]*\{[^}]*\}//gm;
        $text =~ s/\btradesec\w*\s[^;{}]*;//g;
    }

    $text =~ s{modules/ngx_http_tradesec_module\.so}{%%MODULE%%}g;
    $text =~ s{listen 443\b}{listen 127.0.0.1:%%PORT%%}g;
    $text =~ s{127\.0\.0\.1:3000}{$address}g;
    $text =~ s{tradesec_origin\s+https://app\.example\.com}
              {tradesec_origin https://$host:%%PORT%%}g;
    $text =~ s{server_name\s+app\.example\.com}{server_name $host}g;
    $text =~ s{/etc/nginx/portal\.crt}{%%CERT%%}g;
    $text =~ s{/etc/nginx/portal\.key}{%%KEY%%}g;
    $text =~ s{/etc/nginx/session\.secret}{@{[ $self->secret ]}}g;
    $text =~ s{/etc/nginx/portal\.jwks}{@{[ $self->jwks ]}}g;
    $text =~ s{/var/log/nginx/}{%%DIR%%/}g;
    $text =~ s{^http \{}{http \{\n    %%TEMP%%}m;

    $text = "user root;\n$text" if $> == 0;

    return $text;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'TERM', $pid;
    waitpid $pid, 0;
    delete $running{$pid};
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $!, $@);

    $self->stop;
}


END {
    my $code = $?;

    for my $pid (grep { $running{$_} == $$ } keys %running) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }

    $? = $code;
}


1;
