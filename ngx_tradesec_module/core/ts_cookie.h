/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Finds one guarded cookie in the Cookie header lines of a request
 * (RFC 6265, section 4.2.1).
 *
 * Whatever a backend could take for the guarded cookie must be the very value
 * that was verified. So exactly one pair may carry the name, spelt byte for
 * byte and standing behind a ";" or at the start of a line. Everything that
 * only a tolerant reader takes for that name is ambiguous, whether or not the
 * right spelling is there too: other case, white space or unprintable bytes
 * around the name, a comma or white space as separator, percent encoding,
 * "access.token" or "access_token[0]" for access_token (PHP), the name without
 * a "=". Pairs of other names are not judged: apps live with strange ones.
 */

#ifndef TS_COOKIE_H
#define TS_COOKIE_H

#include "core/ts_types.h"


typedef enum {
    TS_COOKIE_NONE = 0,
    TS_COOKIE_FOUND,
    TS_COOKIE_DUPLICATE,        /* the name twice, equal values or not */
    TS_COOKIE_AMBIGUOUS         /* something a tolerant reader takes for it */
} ts_cookie_result_e;


/* Zeroed by the caller before the first line. */

typedef struct {
    ts_cookie_result_e  result;
    ts_slice_t          pair;   /* name, "=" and value, within the line */
    ts_slice_t          value;  /* all bytes up to the next ";" or the end; a
                                   comma or white space in it is the caller's
                                   to refuse */
} ts_cookie_t;


/*
 * Called for each line in turn; returns cookie->result so far. Once it says
 * DUPLICATE or AMBIGUOUS it stays so.
 */

ts_cookie_result_e ts_cookie_scan(ts_cookie_t *cookie, ts_slice_t line,
    ts_slice_t name);

/*
 * The value is not looked into: it may be long, and who reads a token refuses
 * commas and white space anyway. Any other value may hold what some reader
 * takes for another pair of the name.
 */

int ts_cookie_value_hides(ts_slice_t value, ts_slice_t name);

/* Whether name can be guarded: a token of RFC 7230, section 3.2.6. */

int ts_cookie_is_name(ts_slice_t name);


#endif /* TS_COOKIE_H */
