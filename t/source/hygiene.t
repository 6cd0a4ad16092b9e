#!/usr/bin/perl

# Copyright (C) the ngx_tradesec authors

# The rules of the house hold in this tree; and each rule finds the breach
# that is planted for it: a check that never found anything proves nothing.

use v5.30;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../lib";
use Tradesec::Hygiene qw(@RULES read_tree read_objects);

my $TOP = "$FindBin::Bin/../..";
my $SRC = 'ngx_tradesec_module';

my $tree    = read_tree($TOP);
my $objects = read_objects("$TOP/build");

my $reasons = $tree->{"$SRC/core/ts_reason.h"};
my $list    = $tree->{"$SRC/core/ts_finding.h"};
my $gate    = $tree->{"$SRC/ngx_http_tradesec_module.c"};

my $file     = "$SRC/guard/planted.c";
my $core     = "$SRC/core/ts_planted.c";
my $function = "static void\nplanted(ngx_http_request_t *r)\n{\n%s\n}\n";
my $word     = 'TO' . 'DO';

my %planted = (
    'includes run downwards only' =>
        { "$SRC/core/x.h" => '#include "guard/planted.c"', $file => '' },
    'outside the cores ngx_config.h comes first' =>
        { $file => "#include <string.h>\n#include <ngx_config.h>\n" },
    'the cores name nothing of nginx' => { $core => "ngx_str_t  s;\n" },
    'the cores have no state and call no system' =>
        [ 'core/x' => undefined => 'time' ],
    'a global symbol has our prefix' => [ 'guard/x' => defined => 'handler' ],
    'a request sees configuration as const' => {
        $file => sprintf $function,
        "    ngx_http_tradesec_x_conf_t  *xcf;\n\n"
            . '    xcf = ngx_http_get_module_loc_conf(r, x);'
    },
    'every directive is documented' =>
        { $file => '{ ngx_string("tradesec_planted"), NGX_HTTP_LOC_CONF' },
    'every directive is tested' =>
        { $file => '{ ngx_string("tradesec_planted"), NGX_HTTP_LOC_CONF' },
    'every reason is documented' =>
        { "$SRC/core/ts_reason.h" => qq{$reasons X(PLANTED, "planted", 403} },
    'every reason is tested' =>
        { "$SRC/core/ts_reason.h" => qq{$reasons X(PLANTED, "planted", 403} },
    'every reason is given by some code' =>
        { "$SRC/core/ts_reason.h" => qq{$reasons X(PLANTED, "planted", 403} },
    'every finding is documented' =>
        { "$SRC/core/ts_finding.h" => qq{$list X(PLANTED, "planted", HIGH} },
    'every finding is tested' =>
        { "$SRC/core/ts_finding.h" => qq{$list X(PLANTED, "planted", HIGH} },
    'every finding is made by some code' =>
        { "$SRC/core/ts_finding.h" => qq{$list X(PLANTED, "planted", HIGH} },
    'every guard has a test of its own' => {
        "$SRC/ngx_http_tradesec_module.c" => "$gate\n#ifndef TS_OMIT_PLANTED\n"
    },
    'every core has a unit test'      => { $core                => '' },
    'every example is used by a test' => { 'conf/planted.conf'  => '' },
    'links in the documents lead somewhere' =>
        { 'docs/planted.md' => '[there](../nowhere.md)' },
    'no file is longer than 550 lines, of tests 900' =>
        { $file => "\n" x 551 },
    'no function is longer than 100 lines' =>
        { $file => sprintf $function, "\n" x 100 },
    'the source keeps to one style' => { $file => '/* no copyright */' },
    'nothing is left for later'     => { $file => "/* $word: later */" },
);

ok(keys %$objects, 'the module is built');

for my $rule (@RULES) {
    my ($sentence, $check) = @$rule;

    my @found = $check->($tree, $objects);

    is("@found", '', $sentence) or diag(join "\n", @found);

    my $plant = $planted{$sentence};
    my @after;

    if (ref $plant eq 'HASH') {
        @after = $check->({ %$tree, %$plant }, $objects);

    } elsif ($plant) {
        my ($object, $kind, $symbol) = @$plant;
        my %empty = (defined => [], undefined => [], state => []);

        @after = $check->(
            $tree, { %$objects, $object => { %empty, $kind => [$symbol] } });
    }

    cmp_ok(scalar @after, '>', scalar @found, "finds a breach: $sentence");
}

done_testing();
