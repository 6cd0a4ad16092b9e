/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a backend takes for the same refresh token. A thief whose copy is known
 * as used would write it otherwise: with an escape that the backend undoes, in
 * other letters where a database ignores their case, with padding that readers
 * of base64 skip or other bits where they look at none. So a token is known by
 * a name that all of these share:
 *
 *   a signed one (JWS)     what was signed, and not the signature
 *   an encrypted one (JWE) all of it, but the last character of each part
 *                          behind the header, of which base64 may not use all
 *                          bits
 *   any other              its letters and digits in lower case; of at least
 *                          TS_REFRESH_RUN without the last one, for the same
 *                          reason, unless a number follows the last dot
 */

#ifndef TS_REFRESH_H
#define TS_REFRESH_H

#include "core/ts_types.h"


#define TS_REFRESH_TOKEN  4096      /* longest token, bytes */
#define TS_REFRESH_RUN    20


typedef enum {
    TS_REFRESH_OK = 0,
    TS_REFRESH_NONE,        /* nothing is there */
    TS_REFRESH_INVALID      /* too long, not of visible ASCII, or nothing but
                               signs */
} ts_refresh_result_e;


/*
 * Writes the name to buf, which holds TS_REFRESH_TOKEN bytes. escaped: %41 may
 * stand for A, as in cookies.
 */

ts_refresh_result_e ts_refresh_name(ts_slice_t token, int escaped,
    uint8_t *buf, ts_slice_t *name);


#endif /* TS_REFRESH_H */
