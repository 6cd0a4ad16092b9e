/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The user-id of Basic credentials (RFC 7617).
 */

#ifndef TS_BASIC_H
#define TS_BASIC_H

#include "core/ts_types.h"


typedef enum {
    TS_BASIC_OK = 0,
    TS_BASIC_OTHER,         /* another scheme */
    TS_BASIC_MALFORMED      /* no scheme, not base64 in its one canonical
                               spelling (RFC 4648, section 3.5), or no colon
                               in it */
} ts_basic_result_e;


/*
 * Reads the value of an Authorization field. The decoded credentials are
 * written to buf, longer ones than size are malformed; *user is a part of
 * them. The caller wipes buf: the password is in it too.
 */

ts_basic_result_e ts_basic_user(ts_slice_t authorization, uint8_t *buf,
    size_t size, ts_slice_t *user);


#endif /* TS_BASIC_H */
