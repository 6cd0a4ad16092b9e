#!/usr/bin/perl

# Every nginx example of README and docs/ passes the configuration test. What
# stands around an example (an upstream, a zone, a provider) is added unless it
# says so itself; files in /etc/nginx are made in the test's folder.

use v5.30;
use warnings;

use File::Temp ();
use Test::More;

use Tradesec::Test qw(config_test);
use Tradesec::Test::Token qw(jwks pem);


my $TOP  = $Tradesec::Test::TOP;
my $keys = File::Temp->newdir;

write_file('keys.jwks', jwks());
write_file('keys.pem', pem('rsa'));
write_file('secret', "0123456789abcdef0123456789abcdef\n");
chmod 0600, "$keys/secret";

my %around = (
    'upstream app'   => 'upstream app { server 127.0.0.1:9; }',
    'map $http_upgrade $connection_upgrade' =>
        'map $http_upgrade $connection_upgrade { default upgrade; "" ""; }',
    'tradesec_zone'  => 'tradesec_zone zone=tradesec:1m;',
    'tradesec_jwt_provider portal' => <<~'CONF',
        tradesec_jwt_provider portal {
            issuer      https://app.example.com;
            audience    portal;
            algorithms  ES256 RS256;
            jwks_file   /etc/nginx/portal.jwks;
            max_lifetime 1h;
        }
        CONF
);

my $examples = 0;

for my $file ("$TOP/README.md", glob "$TOP/docs/*.md") {
    my ($name, $number) = ($file =~ s{^\Q$TOP\E/}{}r, 0);

    open my $in, '<', $file or die "$file: $!";

    my $text = do { local $/; <$in> };

    while ($text =~ /^```nginx\n(.*?)^```/msg) {
        $examples++;
        $number++;

        my ($code, @out) = passes($1);

        is($code, 0, "$name, example $number") or diag(@out);

        my @found = "@out" =~ /finding (\w+ in \S+)/g;

        is("@found", '', '... and nothing is found') or diag(@out);
    }
}

cmp_ok($examples, '>=', 3, 'there are examples');

done_testing();


# The exit code and output of nginx -t with the example: each of its statements
# in the context where it belongs.

sub passes {
    my ($example) = @_;

    return config_test(config => files($example))
        if $example =~ /^http \{/m;

    my @http = map { $around{$_} }
        grep { index($example, $_) < 0 } sort keys %around;
    my @server;

    for my $statement (statements($example)) {
        if ($statement =~ /\A\s*^tradesec_(?:accept|findings)\b/m
            || $statement =~ /^\s*(?:map|upstream|proxy_cache_path|tradesec_zone|tradesec_redis\b(?!_)
            |tradesec_jwt_provider|tradesec_identity|tradesec_session\b(?!_)|limit_req_zone|log_format)\b/mx)
        {
            push @http, $statement;

        } else {
            push @server, $statement;
        }
    }

    @server = 'return 204;' if !@server;

    # an example of one directive stands in a server that is on

    my $on = $example =~ /^\s*tradesec\s/m ? '' : 'tradesec on;';

    $on .= ' tradesec_jwt portal;'
        if $example =~ /tradesec_require/ && $example !~ /^tradesec_jwt\s/m;

    my ($http, $server) = map { files(join "\n", @$_) } \@http, \@server;

    return config_test(http => <<~"CONF");
            $http

            server {
                listen 127.0.0.1:%%PORT%% ssl;
                server_name app.example.com;
                ssl_certificate     %%CERT%%;
                ssl_certificate_key %%KEY%%;
                location /no-example { return 204; }
                $on
                $server
            }
        CONF
}


# Lines up to a blank one outside of all braces.

sub statements {
    my ($example) = @_;

    my ($depth, @statements) = (0, '');

    for my $line (split /^/, $example) {
        $depth += ($line =~ tr/{//) - ($line =~ tr/}//);
        $statements[-1] .= $line;
        push @statements, '' if $depth == 0 && $line =~ /[;}]\s*(?:#.*)?$/;
    }

    return grep {/\S/} @statements;
}


sub files {
    my ($conf) = @_;

    return $conf
        =~ s{modules/ngx_http_tradesec_module\.so}{%%MODULE%%}gr
        =~ s{/etc/nginx/\S+\.(?:crt|pem)\b}{%%CERT%%}gr
        =~ s{/etc/nginx/\S+\.key\b}{%%KEY%%}gr
        =~ s{password_file=\K[^\s;]+}{$keys/secret}gr
        =~ s{/etc/nginx/\S+\.jwks\b}{$keys/keys.jwks}gr
        =~ s{(?:pem|publish)_file\s+\K%%CERT%%}{$keys/keys.pem}gr
        =~ s{(?:secret_file\s+)\K[^\s;]+}{$keys/secret}gr
        =~ s{/var/(?:log|lib|cache)/nginx/}{%%DIR%%/}gr
        =~ s{listen \K443}{127.0.0.1:%%PORT%%}gr;
}


sub write_file {
    my ($name, $bytes) = @_;

    open my $out, '>:raw', "$keys/$name" or die "$name: $!";
    print {$out} $bytes;
    close $out or die "$name: $!";

    return;
}
