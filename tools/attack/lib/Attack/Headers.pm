package Attack::Headers;

# Copyright (C) the ngx_tradesec authors
#
# What a browser may do with a page when nothing in the response forbids it.

use v5.36;


sub _page ($target) { return $target->get('/', $target->as('alice')) }


sub _shows ($target) {
    my $page = _page($target);

    return $page->status == 200 && $page->body =~ /New order/;
}


sub _framable ($response) {
    return !defined $response->header('X-Frame-Options')
        && join(' ', $response->headers('Content-Security-Policy'))
        !~ /frame-ancestors/;
}


sub rows () {
    my $page = [ 'the page is served', \&_shows ];

    return (
        [ 'page in a foreign frame' => sub ($target) {
            return _framable(_page($target));
        }, @$page ],

        [ 'error page in a foreign frame' => sub ($target) {
            return _framable($target->get('/no-such-page'));
        }, @$page ],

        [ 'answer to a malformed request in a frame' => sub ($target) {
            return _framable($target->client->raw("GET / HTTP/1.1\r\n\r\n"));
        }, @$page ],

        [ 'first visit over plain http' => sub ($target) {
            return !defined _page($target)->header('Strict-Transport-Security');
        }, @$page ],

        [ 'script from a file of another type' => sub ($target) {
            return (_page($target)->header('X-Content-Type-Options') // '')
                ne 'nosniff';
        }, 'style sheet has its type', sub ($target) {
            return $target->get('/portal.css')->header('Content-Type')
                =~ m{^text/css};
        } ],

        [ 'base or plug-in injected into a page' => sub ($target) {
            my $policy = join ' ',
                _page($target)->headers('Content-Security-Policy');

            return $policy !~ /base-uri/ || $policy !~ /object-src/;
        }, @$page ],

        [ 'address of the page sent to foreign sites' => sub ($target) {
            return !defined _page($target)->header('Referrer-Policy');
        }, @$page ],

        [ 'window kept in hand by its opener' => sub ($target) {
            return !defined _page($target)->header('Cross-Origin-Opener-Policy');
        }, @$page ],

        [ 'camera and microphone asked for' => sub ($target) {
            return !defined _page($target)->header('Permissions-Policy');
        }, @$page ],

        [ 'session cookie sent with a foreign form' => sub ($target) {
            return grep {
                /^access_token=/ && !/;\s*SameSite=(?:Lax|Strict)\s*(?:;|$)/i
            } $target->log_in('alice')->headers('Set-Cookie');
        }, 'session cookie logs in', sub ($target) {
            return $target->whoami($target->as('alice')) eq 'alice';
        } ],

        [ 'version of the server read' => sub ($target) {
            return join(' ', map { $_->[1] } grep {
                $_->[0] =~ /^(?:Server|X-Powered-By)$/i
            } _page($target)->fields) =~ /\d/;
        }, @$page ],
    );
}


1;
