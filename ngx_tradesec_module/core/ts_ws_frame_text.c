/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_ws_frame.h"


static void ts_ws_unmask(uint8_t *to, const uint8_t *from, size_t n,
    const uint8_t *mask);


size_t
ts_ws_text(const uint8_t *frames, size_t len, uint8_t *text)
{
    size_t          header, n, at;
    const uint8_t  *p, *last;

    static const uint8_t  none[4] = { 0, 0, 0, 0 };

    at = 0;
    last = frames + len;

    for (p = frames; p < last; p += header + n) {
        header = ts_ws_header_len(p);
        n = (size_t) ts_ws_length(p);

        ts_ws_unmask(text + at, p + header, n,
                     (p[1] & TS_WS_MASKED) ? p + header - 4 : none);
        at += n;
    }

    return at;
}


/* Eight bytes at a time, whatever the order of bytes in a number. */

static void
ts_ws_unmask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t *mask)
{
    size_t    i;
    uint64_t  word, twice;

    memcpy(&twice, mask, 4);
    memcpy((uint8_t *) &twice + 4, mask, 4);

    for (i = 0; n - i >= 8; i += 8) {
        memcpy(&word, from + i, 8);
        word ^= twice;
        memcpy(to + i, &word, 8);
    }

    for ( /* void */ ; i < n; i++) {
        to[i] = from[i] ^ mask[i % 4];
    }
}
