/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where a request comes from, and whether it may: Fetch Metadata, then Origin,
 * then Referer (OWASP cross-site request forgery prevention).
 */

#ifndef TS_ORIGIN_POLICY_H
#define TS_ORIGIN_POLICY_H

#include "core/ts_origin.h"


/* One field of a request: how often it stands there, and its first value. */

typedef struct {
    ts_slice_t    value;
    unsigned      n;
} ts_origin_field_t;


typedef struct {
    ts_origin_field_t  fetch_site;   /* Sec-Fetch-Site */
    ts_origin_field_t  origin;       /* Origin */
    ts_origin_field_t  referer;      /* Referer */

    unsigned           credential:1; /* carries one that a browser adds by
                                        itself, or is a login */
    unsigned           handshake:1;  /* a WebSocket handshake, on which every
                                        browser sends Origin */
} ts_origin_request_t;


typedef enum {
    TS_ORIGIN_ALLOWED,
    TS_ORIGIN_MALFORMED,    /* several, unknown or unreadable values */
    TS_ORIGIN_NULL,         /* "null": sandboxed, local or redirected */
    TS_ORIGIN_MISMATCH,     /* readable, but not listed */
    TS_ORIGIN_CROSS_SITE,   /* the browser says so, and no Origin is listed */
    TS_ORIGIN_MISSING       /* nothing says where it comes from, and it
                               carries a credential */
} ts_origin_verdict_e;


/*
 * Judges a request whose method is unsafe, or a WebSocket handshake. The list
 * holds every allowed origin, the own one included.
 */

ts_origin_verdict_e ts_origin_check(const ts_origin_request_t *request,
    const ts_origin_t *allowed, size_t n);


#endif /* TS_ORIGIN_POLICY_H */
