/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Hardens one Set-Cookie line. It is read exactly as browsers read it (draft
 * rfc6265bis-20, sections 5.6 and 5.7): up to the first ";" name and value,
 * then attributes, without regard to quotes, case or commas; of an attribute
 * twice the last counts, one longer than 1024 bytes not at all.
 *
 * What a policy does not ask for, and the order of what stays, is not touched.
 * A line that is right already stays as it is, byte for byte, so hardening
 * twice is hardening once.
 */

#ifndef TS_SET_COOKIE_H
#define TS_SET_COOKIE_H

#include "core/ts_types.h"


/* In this order of strength. */

typedef enum {
    TS_SAME_SITE_UNSET = 0,     /* nothing, or nothing that is known */
    TS_SAME_SITE_NONE,
    TS_SAME_SITE_LAX,
    TS_SAME_SITE_STRICT
} ts_same_site_e;


typedef struct {
    int             secure;     /* add Secure */
    int             http_only;  /* add HttpOnly */
    ts_same_site_e  same_site;  /* at least that; UNSET: as it is */
    int64_t         max_age;    /* seconds, the longest; 0: as it is */
} ts_set_cookie_policy_t;


typedef enum {
    TS_SET_COOKIE_KEEP = 0,     /* nothing to change */
    TS_SET_COOKIE_CHANGE,       /* use what was written */
    TS_SET_COOKIE_DROP          /* no browser may take it: do not send it */
} ts_set_cookie_e;


/* What hardening may add to a line. */

#define TS_SET_COOKIE_ADDED                                                  \
    (sizeof("; Max-Age=9223372036854775807; Secure; HttpOnly"                \
            "; SameSite=Strict; Path=/") - 1)


/*
 * The name of the cookie, as browsers store it; empty when it has none. The
 * caller chooses a policy by it.
 */

ts_slice_t ts_set_cookie_name(ts_slice_t line);

/*
 * Whether the line sets its cookie to a value, which may be in quotes, at that
 * moment of the wall clock; 0: to none, or with an end that has passed, which
 * deletes it.
 */

int ts_set_cookie_value(ts_slice_t line, int64_t now, ts_slice_t *value);

/*
 * out has room for line.len + TS_SET_COOKIE_ADDED bytes; on CHANGE *len says
 * how many were written. now is the wall clock, seconds since 1970.
 *
 * Whatever the policy says, a name with a prefix (section 4.1.3) gets what the
 * prefix promises: Secure, and for __Host- no Domain and Path=/. Dropped are
 * lines with control characters (5.6), and those without a name whose value
 * would be sent as a prefixed name (5.7).
 */

ts_set_cookie_e ts_set_cookie_harden(ts_slice_t line,
    const ts_set_cookie_policy_t *policy, int64_t now, uint8_t *out,
    size_t *len);


#endif /* TS_SET_COOKIE_H */
