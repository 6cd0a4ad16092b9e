package Tradesec::Test::KeySource;

# Copyright (C) the ngx_tradesec authors

use v5.30;
use warnings;

use File::Temp ();
use JSON::PP ();

use Tradesec::Test::Backend;

my $JSON = JSON::PP->new->canonical;


sub new {
    my ($class, %answer) = @_;

    my $dir  = File::Temp->newdir;
    my $self = bless { dir => $dir }, $class;

    $self->answer(%answer);

    my $file = "$dir/answer";

    $self->{backend} = Tradesec::Test::Backend->new(answers => sub {
        my ($request) = @_;

        open my $in, '<:raw', $file or return { status => 500 };
        local $/;
        my $answer = $JSON->decode(<$in>);

        return $answer->{paths}{ $request->path } // $answer;
    });

    return $self;
}


sub answer {
    my ($self, %answer) = @_;

    my $file = "$self->{dir}/answer";

    open my $out, '>:raw', "$file.new" or die "$file: $!";
    print $out $JSON->encode(\%answer);
    close $out or die "$file: $!";
    rename "$file.new", $file or die "$file: $!";

    return $self;
}


# Nobody is answered before release().

sub hold {
    my ($self, %answer) = @_;

    open my $gate, '>', $self->_gate or die "hold: $!";
    close $gate;

    return $self->answer(%answer, held => $self->_gate);
}


sub release {
    my ($self) = @_;

    unlink $self->_gate;

    return $self;
}


# The internal location that asks here, with other lines of the test's.

sub location {
    my ($self, $name, @lines) = @_;

    return join "\n            ", "        location = /internal/$name {",
        'internal;', @lines, "proxy_pass http://@{[ $self->address ]}/$name;",
        "}\n";
}


sub _gate { return "$_[0]{dir}/gate" }


for my $method (qw(address clear count last requests stop)) {
    no strict 'refs';
    *$method = sub { shift->{backend}->$method(@_) };
}


1;

__END__

=head1 NAME

Tradesec::Test::KeySource - an HTTP server that hands out keys as told

=head1 SYNOPSIS

    my $source = Tradesec::Test::KeySource->new(body => jwks('ec1'));

    $source->answer(status => 503);
    $source->hold(body => jwks('ec2'));
    $source->release;
    is($source->count, 1);

=head1 DESCRIPTION

An answer is one of L<Tradesec::Test::Backend>; its C<paths> may have others, by
path. C<hold> lets everybody wait for it until C<release>. C<location('keys')>
is the internal location F</internal/keys> for C<jwks_uri>; it asks for F</keys>.
The other methods are those of the backend.

=cut
