/*
 * Copyright (C) the ngx_tradesec authors
 *
 * UTF-8 that arrives in pieces (RFC 3629): shortest forms only, no surrogates,
 * nothing above U+10FFFF. The pieces may be masked as WebSocket payload is
 * (RFC 6455 section 5.3), so that nobody has to unmask a copy first.
 */

#ifndef TS_UTF8_H
#define TS_UTF8_H

#include "core/ts_types.h"


/*
 * What the character begun so far still needs: `left` continuation bytes, the
 * next of them within low..high. All zero is the start of a text, and the only
 * state in which a text may end.
 */

typedef struct {
    uint8_t  left;
    uint8_t  low;
    uint8_t  high;
} ts_utf8_t;


/*
 * Takes the next piece. Byte i is data[i] ^ mask[(offset + i) % 4]; mask NULL
 * means plain bytes. Returns 1, or 0 as soon as the bytes cannot be the
 * beginning of valid UTF-8; the state is then of no further use.
 */

int ts_utf8_feed(ts_utf8_t *u, ts_slice_t piece, const uint8_t *mask,
    uint64_t offset);


/* True where a text may end: no character is left half. */

static inline int
ts_utf8_complete(const ts_utf8_t *u)
{
    return u->left == 0;
}


#endif /* TS_UTF8_H */
