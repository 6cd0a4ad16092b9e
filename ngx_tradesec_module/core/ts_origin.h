/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Web origins (RFC 6454): reading, comparing, and the verdict about where a
 * request comes from.
 */

#ifndef TS_ORIGIN_H
#define TS_ORIGIN_H

#include "core/ts_types.h"


/* The parts point into the text that was parsed. */

typedef struct {
    ts_slice_t  text;           /* all of it, as it was written */
    ts_slice_t  scheme;         /* without ":" */
    ts_slice_t  host;           /* IPv6 with its brackets */
    uint16_t    port;           /* the scheme's own where none was written */
} ts_origin_t;


/*
 * Reads a serialised origin, scheme "://" host [ ":" port ], and nothing else:
 * no path, no user, no white space, no list. The scheme must be http or https;
 * "null" is not an origin. Returns 1, or 0 when it is malformed.
 */

int ts_origin_parse(ts_slice_t text, ts_origin_t *origin);

/*
 * The same for the origin at the front of a URL, as in Referer. A user part
 * is refused: "https://own.example@evil.example/" is not from own.example.
 */

int ts_origin_parse_url(ts_slice_t url, ts_origin_t *origin);

/* Scheme and host without regard to case, and the port. */

int ts_origin_eq(const ts_origin_t *a, const ts_origin_t *b);


#endif /* TS_ORIGIN_H */
