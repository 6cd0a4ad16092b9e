#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The table of characters with the same primary weight is what its tool makes.

use v5.30;
use warnings;

use FindBin;
use Test::More;
use Unicode::Collate;

my $top  = "$FindBin::Bin/../..";
my $path = "$top/ngx_tradesec_module/core/ts_fold_table.h";

open my $file, '<', $path or die "$path: $!";
my $table = do { local $/; <$file> };

my ($version) = $table =~ /of Unicode ([\d.]+):/;
my $ours      = Unicode::Collate->new(level => 1)->version;

plan skip_all => "the table is of Unicode $version, this perl has $ours"
    if $version ne $ours;

my $made = qx($top/tools/fold-table);

is($?, 0, 'tools/fold-table runs');
ok($made eq $table, 'and makes the table that is there');

done_testing();
