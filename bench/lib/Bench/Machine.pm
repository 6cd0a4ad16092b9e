package Bench::Machine;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Path qw(make_path);

our @EXPORT_OK = qw(machine verification);

# What the counts depend on: OpenSSL's code paths are those of the CPU that
# valgrind shows, so the cost of one signature is measured in the same run.

my ($FEW, $MANY) = (20, 120);


# A line about processor, nginx and OpenSSL.

sub machine {
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    my ($nginx) = qx(nginx -v 2>&1) =~ m{(nginx/\S+)};
    my ($openssl) = qx(openssl version) =~ /^(OpenSSL \S+)/;
    my ($valgrind) = qx(valgrind --version) =~ /(\S+)/;

    return join ', ', map { $_ // '?' } $cpu, $nginx, $openssl, $valgrind;
}


# Instructions of verifying one signature with a key that is parsed, without
# nginx and without a token. Binary and counts go to the folder.

sub verification {
    my ($alg, $source, $dir) = @_;

    make_path($dir);

    my $binary = "$dir/verify";

    system(qw(cc -O2 -o), $binary, $source, '-lcrypto') == 0
        or croak "$source does not compile";

    # making an RSA key costs a different number of instructions each time

    my ($few, $many) = map { count("$dir/$alg.$_", $binary, $alg, $_) }
        $FEW, $MANY;

    return ($many - $few) / ($MANY - $FEW);
}


sub count {
    my ($file, @command) = @_;

    # the allocator of the counted nginx, see Bench::Server

    local $ENV{LD_PRELOAD} = 'libjemalloc.so.2';

    system('valgrind', '-q', '--tool=callgrind', '--toggle-collect=verify',
        "--callgrind-out-file=$file", @command) == 0
        or croak "@command: failed";

    my ($cost) = slurp($file) =~ /^(?:summary|totals): (\d+)/m
        or croak "$file: not a profile";

    return $cost;
}


sub slurp {
    my ($file) = @_;

    open my $in, '<', $file or croak "$file: $!";
    local $/;

    return <$in>;
}


1;
