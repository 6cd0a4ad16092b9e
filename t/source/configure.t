#!/usr/bin/perl

# A plain ./configure --add-dynamic-module of an nginx source tree says which
# libraries are missing, all of them at once, and only those.

use v5.30;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $NGINX_SRC = $ENV{NGINX_SRC} // '/usr/share/nginx/src';

plan skip_all => "no nginx source in $NGINX_SRC"
    unless -x "$NGINX_SRC/configure";

my $top = "$FindBin::Bin/../..";
my $dir = tempdir(CLEANUP => 1);

for my $header (qw(sodium.h utf8proc.h)) {
    open my $file, '>', "$dir/$header" or die "$header: $!";
    print $file "#error hidden by the test\n";
    close $file or die "$header: $!";
}

chdir $NGINX_SRC or die "$NGINX_SRC: $!";

my $output = qx(./configure --builddir=$dir/objs --with-cc-opt=-I$dir \\
    --add-dynamic-module=$top 2>&1);

isnt($?, 0, 'configure stops');

like($output, qr/error: ngx_tradesec needs libraries that are missing/,
    'says who needs something');
like($output, qr/^    libsodium \(header sodium\.h, linked with -lsodium\)$/m,
    'names the first missing library');
like($output, qr/^    utf8proc \(header utf8proc\.h, .*\)$/m,
    'names the second one too');
unlike($output, qr/^    OpenSSL/m, 'names none that is there');
like($output, qr/^    apt-get install libsodium-dev libutf8proc-dev$/m,
    'names the packages');

done_testing();
