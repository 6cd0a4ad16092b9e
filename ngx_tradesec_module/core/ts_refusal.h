/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a refused client reads: RFC 9457 problem details for programs, a short
 * page for people. Both say the status and an id to quote, never the reason.
 */

#ifndef TS_REFUSAL_H
#define TS_REFUSAL_H

#include "core/ts_types.h"


/* Enough for either form with a request id of up to 64 bytes. */

#define TS_REFUSAL_MAX  1024


/*
 * The reason phrase of a status we refuse with (RFC 9110 section 15, RFC 6585,
 * RFC 8470), "Error" for any other.
 */

ts_slice_t ts_status_phrase(unsigned status);

/*
 * Whether an Accept field prefers a page: it names text/html. A client that
 * sends no Accept, or "*" "/" "*" alone, gets problem details.
 */

int ts_refusal_wants_html(ts_slice_t accept);

/*
 * Writes the body into buf (TS_REFUSAL_MAX bytes) and returns its length. Only
 * letters, digits, "-" and "_" of the request id are shown; the rest of it
 * is dropped, as it could come from a client.
 */

size_t ts_refusal_body(char *buf, unsigned status, ts_slice_t request_id,
    int html);


#endif /* TS_REFUSAL_H */
