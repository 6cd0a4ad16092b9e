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

/* An operator's words in a refusal. */

#define TS_REFUSAL_TITLE  128
#define TS_REFUSAL_CODE   64

/*
 * Whether a text can be the title: not too long, and nothing in it has a
 * meaning in HTML or JSON. A code is letters, digits, ".", "_" and "-".
 */

int ts_refusal_is_title(ts_slice_t text);
int ts_refusal_is_code(ts_slice_t text);


typedef struct {
    unsigned    status;
    ts_slice_t  request_id;
    ts_slice_t  title;          /* empty: the phrase of the status */
    ts_slice_t  code;           /* empty: no such member */
} ts_refusal_t;

/*
 * Writes the body into buf (TS_REFUSAL_MAX bytes) and returns its length. Only
 * letters, digits, "-" and "_" of the request id are shown; the rest of it
 * is dropped, as it could come from a client.
 */

size_t ts_refusal_body(char *buf, const ts_refusal_t *refusal, int html);


#endif /* TS_REFUSAL_H */
