/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Tokens in the Authorization field and among WebSocket subprotocols.
 */

#ifndef TS_BEARER_H
#define TS_BEARER_H

#include "core/ts_types.h"


/*
 * Whether the value of an Authorization field has the scheme Bearer (RFC 6750,
 * section 2.1; the name of a scheme ignores case). token is what follows the
 * spaces, and may be empty.
 */

int ts_bearer_authorization(ts_slice_t value, ts_slice_t *token);


typedef enum {
    TS_BEARER_NONE = 0,         /* "bearer" is not offered, or nothing after */
    TS_BEARER_FOUND,
    TS_BEARER_AMBIGUOUS         /* "bearer" is offered more than once */
} ts_bearer_result_e;

/*
 * Takes the token out of a Sec-WebSocket-Protocol field (RFC 6455, section
 * 4.1) that offers "bearer" and behind it the token: browsers cannot send
 * another field with a handshake. The other subprotocols are written to out
 * (value.len bytes at most) as rest, and "bearer" once, at the end: nothing
 * that stands behind it there could be read as the token.
 */

ts_bearer_result_e ts_bearer_subprotocol(ts_slice_t value, uint8_t *out,
    ts_slice_t *rest, ts_slice_t *token);


#endif /* TS_BEARER_H */
