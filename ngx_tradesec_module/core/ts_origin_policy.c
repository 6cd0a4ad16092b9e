/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_origin_policy.h"


typedef enum {
    TS_FETCH_SITE_ABSENT,
    TS_FETCH_SITE_OWN,          /* same-origin */
    TS_FETCH_SITE_USER,         /* none: the user himself */
    TS_FETCH_SITE_FOREIGN,      /* same-site, cross-site */
    TS_FETCH_SITE_UNKNOWN
} ts_fetch_site_e;


static ts_fetch_site_e ts_fetch_site(const ts_origin_field_t *field);
static int ts_origin_spelt(ts_slice_t text, const ts_origin_t *allowed,
    size_t n);
static int ts_origin_listed(const ts_origin_t *origin,
    const ts_origin_t *allowed, size_t n);


ts_origin_verdict_e
ts_origin_check(const ts_origin_request_t *request, const ts_origin_t *allowed,
    size_t n)
{
    ts_origin_t      origin;
    ts_fetch_site_e  site;

    if (request->fetch_site.n > 1 || request->origin.n > 1
        || request->referer.n > 1)
    {
        return TS_ORIGIN_MALFORMED;
    }

    site = ts_fetch_site(&request->fetch_site);

    if (site == TS_FETCH_SITE_UNKNOWN) {
        return TS_ORIGIN_MALFORMED;
    }

    /*
     * An Origin decides alone: also against "same-origin", which a rebound
     * DNS name can say, and for a listed origin of another site. Only "null"
     * says nothing: own forms send it on pages with "Referrer-Policy:
     * no-referrer" (Fetch, "append a request Origin header"). Then the browser
     * says "same-origin", and of frames and redirects that are "null" never.
     */

    if (request->origin.n) {

        if (ts_origin_spelt(request->origin.value, allowed, n)) {
            return TS_ORIGIN_ALLOWED;
        }

        if (ts_slice_eq(request->origin.value, TS_SLICE("null"))) {
            return (site == TS_FETCH_SITE_OWN && !request->handshake)
                   ? TS_ORIGIN_ALLOWED : TS_ORIGIN_NULL;
        }

        if (!ts_origin_parse(request->origin.value, &origin)) {
            return TS_ORIGIN_MALFORMED;
        }

        return ts_origin_listed(&origin, allowed, n) ? TS_ORIGIN_ALLOWED
                                                     : TS_ORIGIN_MISMATCH;
    }

    if (site == TS_FETCH_SITE_FOREIGN) {
        return TS_ORIGIN_CROSS_SITE;
    }

    if (request->handshake) {
        return request->credential ? TS_ORIGIN_MISSING : TS_ORIGIN_ALLOWED;
    }

    if (site == TS_FETCH_SITE_OWN || site == TS_FETCH_SITE_USER) {
        return TS_ORIGIN_ALLOWED;
    }

    if (request->referer.value.len) {

        if (!ts_origin_parse_url(request->referer.value, &origin)) {
            return TS_ORIGIN_MALFORMED;
        }

        return ts_origin_listed(&origin, allowed, n) ? TS_ORIGIN_ALLOWED
                                                     : TS_ORIGIN_MISMATCH;
    }

    return request->credential ? TS_ORIGIN_MISSING : TS_ORIGIN_ALLOWED;
}


static ts_fetch_site_e
ts_fetch_site(const ts_origin_field_t *field)
{
    if (field->n == 0) {
        return TS_FETCH_SITE_ABSENT;
    }

    if (ts_slice_eq(field->value, TS_SLICE("same-origin"))) {
        return TS_FETCH_SITE_OWN;
    }

    if (ts_slice_eq(field->value, TS_SLICE("none"))) {
        return TS_FETCH_SITE_USER;
    }

    if (ts_slice_eq(field->value, TS_SLICE("cross-site"))
        || ts_slice_eq(field->value, TS_SLICE("same-site")))
    {
        return TS_FETCH_SITE_FOREIGN;
    }

    return TS_FETCH_SITE_UNKNOWN;
}


/* The usual case: a browser spells it as the configuration does. */

static int
ts_origin_spelt(ts_slice_t text, const ts_origin_t *allowed, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ts_slice_eq(text, allowed[i].text)) {
            return 1;
        }
    }

    return 0;
}


static int
ts_origin_listed(const ts_origin_t *origin, const ts_origin_t *allowed,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ts_origin_eq(origin, &allowed[i])) {
            return 1;
        }
    }

    return 0;
}
