package Tradesec::Hygiene;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(@RULES guards read_tree read_objects);

# The rules of the house. Each is a sentence and a function that gets the tree
# (path to content) and the objects (file to its symbols), and returns what
# breaks the rule, one line for each finding.

our @RULES = (
    [ 'includes run downwards only'                => \&upward_includes ],
    [ 'outside the cores ngx_config.h comes first' => \&first_include ],
    [ 'the cores name nothing of nginx'            => \&nginx_in_core ],
    [ 'the cores have no state and call no system' => \&impure_core ],
    [ 'a global symbol has our prefix'             => \&foreign_symbols ],
    [ 'a request sees configuration as const'      => \&writable_conf ],
    [ 'every directive is documented'              => \&directives_in_docs ],
    [ 'every directive is tested'                  => \&directives_in_tests ],
    [ 'every reason is documented'                 => of(\&words_in_docs, 'reason') ],
    [ 'every reason is tested'                     => of(\&words_in_tests, 'reason') ],
    [ 'every reason is given by some code'         => of(\&words_in_code, 'reason') ],
    [ 'every finding is documented'                => of(\&words_in_docs, 'finding') ],
    [ 'every finding is tested'                    => of(\&words_in_tests, 'finding') ],
    [ 'every finding is made by some code'         => of(\&words_in_code, 'finding') ],
    [ 'every guard has a test of its own'          => \&guards_in_tests ],
    [ 'every core has a unit test'                 => \&cores_in_tests ],
    [ 'every example is used by a test'            => \&examples_in_tests ],
    [ 'links in the documents lead somewhere'      => \&dead_links ],
    [ 'no file is longer than 550 lines, of tests 900' => \&long_files ],
    [ 'no function is longer than 100 lines'       => \&long_functions ],
    [ 'the source keeps to one style'              => \&style ],
    [ 'nothing is left for later'                  => \&left_for_later ],
);

# A rule that holds for one of the lists.

sub of {
    my ($check, $kind) = @_;

    return sub { $check->($_[0], $kind) };
}

my $SRC = 'ngx_tradesec_module';

# from the ground up

my @FLOORS = qw(core store websocket evidence request response guard);
my %FLOOR  = map { $FLOORS[$_] => $_ } 0 .. $#FLOORS;


sub upward_includes {
    my ($tree) = @_;

    my @found;

    for my $path (sources($tree)) {
        my $floor = floor($path);

        while ($tree->{$path} =~ /^\s*#\s*include\s+"([^"]+)"/mg) {
            my $header = "$SRC/$1";

            push @found, !exists $tree->{$header}
                ? "$path includes \"$1\", which is not a path from $SRC/"
                : floor($header) > $floor
                ? "$path includes \"$1\", which is above it"
                : ();
        }
    }

    return @found;
}


# It chooses the feature macros of the C library: too late after any other.

sub first_include {
    my ($tree) = @_;

    return grep {
        /\.c$/ && !m{/core/} && $tree->{$_} !~ /\A[^#]*#include <ngx_config\.h>/
    } sources($tree);
}


sub floor {
    my ($path) = @_;

    return $path =~ m{^$SRC/(\w+)/} ? $FLOOR{$1} // -1 : @FLOORS;
}


sub nginx_in_core {
    my ($tree) = @_;

    return map {
        my $path = $_;
        map {"$path: $_"} code($tree->{$path}) =~ /\b(ngx_\w+|NGX_\w+)/g;
    } grep { m{/core/} } sources($tree);
}


# What a core may not call: the clock, the heap, files, the network, chance.

my %IMPURE = map { $_ => 1 } qw(
    time gettimeofday clock_gettime clock localtime localtime_r gmtime
    malloc calloc realloc free strdup aligned_alloc
    open fopen read write printf fprintf puts getenv
    socket connect getaddrinfo rand random srand getrandom
);

sub impure_core {
    my (undef, $objects) = @_;

    my @found;

    for my $file (grep {m{^core/}} sort keys %$objects) {
        my $object = $objects->{$file};

        push @found, map {"$file calls $_"}
            grep { $IMPURE{$_} } @{ $object->{undefined} };

        push @found, map {"$file keeps state in $_"} @{ $object->{state} };
    }

    return @found;
}


sub foreign_symbols {
    my (undef, $objects) = @_;

    return map {
        my $file = $_;
        map {"$file: $_"}
            grep { !/^(?:ngx_http_tradesec_|ts_)/ }
            @{ $objects->{$file}{defined} };
    } sort keys %$objects;
}


# The table of modules that nginx generates refers to them by name.

sub unused_symbols {
    my (undef, $objects) = @_;

    my %used = map { $_ => 1 } map { @{ $_->{undefined} } } values %$objects;

    return map {
        my $file = $_;
        map {"$file: $_"}
            grep { !$used{$_} && !/_module$/ } @{ $objects->{$file}{defined} };
    } sort keys %$objects;
}


sub writable_conf {
    my ($tree) = @_;

    my @found;

    for my $path (grep {/\.c$/} sources($tree)) {
        for my $function (functions($tree->{$path})) {
            my ($name, $body) = @$function;

            while ($body =~ /(\w+) = ngx_http_get_module_\w+_conf\(/g) {
                my $pointer = $1;

                next unless $body =~ /^ +((?:const )?)(\w+) +\*$pointer;/m;

                push @found, "$path: $name: $pointer"
                    if $1 eq '' && $2 =~ /^ngx_http_tradesec_/;
            }
        }
    }

    return @found;
}


sub directives {
    my ($tree) = @_;

    my %seen;

    for my $path (sources($tree)) {
        $seen{$1} = 1
            while $tree->{$path} =~ /\{\s*ngx_string\("(tradesec\w*)"\),\s*NGX_/g;
    }

    return sort keys %seen;
}


sub directives_in_docs {
    my ($tree) = @_;

    my $docs       = $tree->{'docs/directives.md'} // '';
    my %documented = map { $_ => 1 } $docs =~ /^#+ `?(tradesec\w*)`?$/mg;
    my %existing   = map { $_ => 1 } directives($tree);

    return (
        map({"$_ is not in docs/directives.md"}
            grep { !$documented{$_} } sort keys %existing),
        map({"$_ is in docs/directives.md, but does not exist"}
            grep { !$existing{$_} } sort keys %documented),
    );
}


sub directives_in_tests {
    my ($tree) = @_;

    my $tests = join "\n", map { $tree->{$_} } suite($tree);

    return grep { $tests !~ /\b$_\b[^;\n]*[;{]/ } directives($tree);
}


# The lists of core/: pairs of the enum's member and the word, without the
# empty one.

sub words {
    my ($tree, $kind) = @_;

    my $list = $tree->{"$SRC/core/ts_$kind.h"} // '';

    return $list =~ /\bX\(([A-Z0-9_]+), "([a-z0-9_]+)"/g;
}


sub words_in_docs {
    my ($tree, $kind) = @_;

    my $docs       = "docs/${kind}s.md";
    my %word       = reverse words($tree, $kind);
    my %documented = map { $_ => 1 } ($tree->{$docs} // '') =~ /^\| `(\w+)`/mg;

    return (
        map({"$_ is not in $docs"}
            grep { !$documented{$_} } sort keys %word),
        map({"$_ is in $docs, but does not exist"}
            grep { !$word{$_} } sort keys %documented),
    );
}


sub words_in_tests {
    my ($tree, $kind) = @_;

    my %word  = reverse words($tree, $kind);
    my $tests = join "\n", map { $tree->{$_} =~ s/^\s*#.*//mgr } suite($tree);

    return grep { $tests !~ /\b$_\b/ } sort keys %word;
}


sub words_in_code {
    my ($tree, $kind) = @_;

    my %id   = words($tree, $kind);
    my $code = join "\n", map { code($tree->{$_}) } sources($tree);

    return grep { $code !~ /\bTS_\U$kind\E_$_\b/ } sort keys %id;
}


# Those of the gate's table, and the checks elsewhere that can be left out.

sub guards {
    my ($tree) = @_;

    return map {lc}
        map { $tree->{$_} =~ /^#ifndef TS_OMIT_(\w+)$/mg } sources($tree);
}


sub guards_in_tests {
    my ($tree) = @_;

    return grep {
        my $guard = $_;
        !grep {m{^t/${guard}(?:_\w+)?\.t$}} keys %$tree;
    } guards($tree);
}


sub cores_in_tests {
    my ($tree) = @_;

    # headers that the unit tests include, also by way of other headers

    my @text = map { $tree->{$_} }
        grep { m{^lua-free-tests/\w+\.[ch]$} && !m{/fuzz_} } keys %$tree;

    my %reached;

    while (defined(my $text = shift @text)) {
        for my $header ($text =~ /#include "(core\/\w+\.h)"/g) {
            push @text, $tree->{"$SRC/$header"} // '' unless $reached{$header}++;
        }
    }

    return grep {
        my ($name) = m{^\Q$SRC\E/(core/\w+)\.c$};

        # a large core has several files behind one header
        while ($name && !$tree->{"$SRC/$name.h"}) {
            $name =~ s/_[a-z0-9]+$// or last;
        }

        $name && !$reached{"$name.h"};
    } sources($tree);
}


sub examples_in_tests {
    my ($tree) = @_;

    my $tests = join "\n", map { $tree->{$_} } suite($tree);

    return grep { m{^conf/} && $tests !~ /\Q$_\E/ } sort keys %$tree;
}


sub dead_links {
    my ($tree) = @_;

    my @found;

    for my $path (grep {/\.md$/} sort keys %$tree) {
        my ($dir) = $path =~ m{^(.*/)?};

        while ($tree->{$path} =~ /\]\(([^)\s]+)\)/g) {
            my $link = $1;
            next if $link =~ /^(?:https?:|mailto:|#)/;

            my $target = ($dir // '') . $link =~ s/#.*//r;
            1 while $target =~ s{[^/]+/\.\./}{};

            push @found, "$path: $link"
                unless grep { $_ eq $target || index($_, "$target/") == 0 }
                keys %$tree;
        }
    }

    return @found;
}


sub long_files {
    my ($tree) = @_;

    return map {
        my $lines = () = $tree->{$_} =~ /\n/g;
        my $limit = m{^(?:lua-free-tests|t)/} && !/\.pm$/ ? 900 : 550;

        $lines > $limit ? "$_ has $lines" : ();
    } written($tree);
}


sub long_functions {
    my ($tree) = @_;

    my @found;

    for my $path (grep {/\.[ch]$/} written($tree)) {
        for my $function (functions($tree->{$path})) {
            my $lines = () = $function->[1] =~ /\n/g;
            push @found, "$path: $function->[0] has $lines" if $lines > 100;
        }
    }

    return @found;
}


sub style {
    my ($tree) = @_;

    my @found;

    for my $path (written($tree)) {
        my $is_c = $path =~ /\.[ch]$/;
        my $n    = 0;

        push @found, "$path: no copyright line"
            if $path !~ /\.t$/ && $tree->{$path} !~ /^.{0,300}Copyright \(C\) the ngx_tradesec/s;

        for my $line (split /\n/, $tree->{$path}) {
            $n++;

            my $wrong
                = $line =~ /[ \t]$/              ? 'space at the end'
                : $is_c && $line =~ /\t/         ? 'a tab'
                : $is_c && length $line > 80     ? 'more than 80 columns'
                : $is_c && $line =~ m{^\s*//}    ? 'a // comment'
                :                                  undef;

            push @found, "$path:$n: $wrong" if $wrong;
        }
    }

    return @found;
}


sub left_for_later {
    my ($tree) = @_;

    my $words = join '|', map {"$_->[0]$_->[1]"}
        [ TO => 'DO' ], [ FIX => 'ME' ], [ X => 'XX' ], [ HA => 'CK' ];

    my @found;

    for my $path (grep { !m{/(?:corpus|vectors)/} } sort keys %$tree) {
        push @found, "$path: $1" while $tree->{$path} =~ /\b($words)\b/g;
    }

    return @found;
}


# What the rules look at

sub sources {
    my ($tree) = @_;

    return grep {m{^$SRC/.*\.[ch]$}} sort keys %$tree;
}


sub suite {
    my ($tree) = @_;

    return grep {m{^t/\w+\.t$}} sort keys %$tree;
}


sub written {
    my ($tree) = @_;

    return grep {
        m{^(?:$SRC|lua-free-tests|t|tools|bench)/} && /\.(?:[ch]|pm|pl|t|sh)$/
    } sort keys %$tree;
}


# Without comments and strings, in as many lines.

sub code {
    my ($text) = @_;

    $text =~ s{/\*.*?\*/}{ $& =~ s/[^\n]//gr }ges;
    $text =~ s/"(?:[^"\\\n]|\\.)*"/""/g;

    return $text;
}


# nginx style: the name in the first column, then the body in braces.

sub functions {
    my ($text) = @_;

    my @found;

    push @found, [ $1, $2 ]
        while $text =~ /^(\w+)\([^;{}]*\)\n(\{\n.*?^\}\n)/msg;

    return @found;
}


# The tree as git knows it, changed and new files included.

sub read_tree {
    my ($top) = @_;

    my %tree;

    open my $list, '-|', 'git', '-c', "safe.directory=$top", '-C', $top,
        qw(ls-files -z --cached --others --exclude-standard)
        or die "git: $!";

    local $/ = "\0";
    chomp(my @paths = <$list>);
    close $list or die "git ls-files failed";

    for my $path (grep { -f "$top/$_" } @paths) {
        open my $file, '<:raw', "$top/$path" or die "$path: $!";
        local $/;
        $tree{$path} = <$file> // '';
    }

    return \%tree;
}


# By floor and file name: the global symbols that an object defines, those it
# expects from others, and the names of its writable data.

sub read_objects {
    my ($build) = @_;

    my %objects;

    for my $path (glob "$build/nginx/addon/*/*.o") {
        my ($file) = $path =~ m{([^/]+/[^/]+)\.o$};

        my %object = (defined => [], undefined => [], state => []);

        for (lines('nm', $path)) {
            my ($type, $name) = /(\w) (\S+)$/ or next;

            push @{ $object{undefined} }, $name if $type eq 'U';
            push @{ $object{defined} },   $name if $type =~ /[A-TV-Z]/;
        }

        for (lines('objdump', '-t', $path)) {
            push @{ $object{state} }, $1
                if /\sO (?:\.data|\.bss|\.tdata|\.tbss|\*COM\*)\s+\w+\s+(\S+)$/;
        }

        $objects{$file} = \%object;
    }

    return \%objects;
}


sub lines {
    my (@command) = @_;

    open my $output, '-|', @command or die "$command[0]: $!";
    chomp(my @lines = <$output>);
    close $output or die "@command failed";

    return @lines;
}


1;
