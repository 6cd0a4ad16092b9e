/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_base64url.h"


/*
 * Four characters are 24 bits. There is a table for each place, so that nothing
 * is left to shift, and a mark above these bits for what is not in the
 * alphabet, so that one look at the end is enough.
 */

#define XX  0xff

#define TS_BASE64URL_VALUES(V)                                               \
    V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX),                  \
    V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX),                  \
    V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX),                  \
    V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX),                  \
    V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX),                  \
    V(XX), V(XX), V(XX), V(XX), V(XX), V(62), V(XX), V(XX),                  \
    V(52), V(53), V(54), V(55), V(56), V(57), V(58), V(59),                  \
    V(60), V(61), V(XX), V(XX), V(XX), V(XX), V(XX), V(XX),                  \
    V(XX), V(0), V(1), V(2), V(3), V(4), V(5), V(6),                         \
    V(7), V(8), V(9), V(10), V(11), V(12), V(13), V(14),                     \
    V(15), V(16), V(17), V(18), V(19), V(20), V(21), V(22),                  \
    V(23), V(24), V(25), V(XX), V(XX), V(XX), V(XX), V(63),                  \
    V(XX), V(26), V(27), V(28), V(29), V(30), V(31), V(32),                  \
    V(33), V(34), V(35), V(36), V(37), V(38), V(39), V(40),                  \
    V(41), V(42), V(43), V(44), V(45), V(46), V(47), V(48),                  \
    V(49), V(50), V(51), V(XX), V(XX), V(XX), V(XX), V(XX)

#define TS_BASE64URL_MARK   ((uint32_t) 1 << 24)
#define TS_BASE64URL_AT(v, shift)                                            \
    ((v) == XX ? TS_BASE64URL_MARK : (uint32_t) (v) << (shift))

#define V18(v)  TS_BASE64URL_AT(v, 18)
#define V12(v)  TS_BASE64URL_AT(v, 12)
#define V6(v)   TS_BASE64URL_AT(v, 6)
#define V0(v)   TS_BASE64URL_AT(v, 0)

#define TS_BASE64URL_TABLE(V)                                                \
    { TS_BASE64URL_VALUES(V), [128 ... 255] = TS_BASE64URL_MARK }

static const uint32_t  ts_base64url_place[4][256] = {
    TS_BASE64URL_TABLE(V18),
    TS_BASE64URL_TABLE(V12),
    TS_BASE64URL_TABLE(V6),
    TS_BASE64URL_TABLE(V0),
};

static const uint8_t  ts_base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


ts_base64url_result_e
ts_base64url_decode(ts_slice_t text, uint8_t *out, size_t size,
    ts_slice_t *decoded)
{
    size_t          tail;
    uint8_t        *start;
    uint32_t        bits, seen;
    const uint8_t  *p, *end;

    tail = text.len % 4;

    if (tail == 1) {
        return TS_BASE64URL_LENGTH;
    }

    if (ts_base64url_decoded(text.len) > size) {
        return TS_BASE64URL_TOO_LONG;
    }

    start = out;
    seen = 0;
    p = text.data;

    for (end = p + (text.len - tail); p < end; p += 4, out += 3) {
        bits = ts_base64url_place[0][p[0]] | ts_base64url_place[1][p[1]]
               | ts_base64url_place[2][p[2]] | ts_base64url_place[3][p[3]];

        seen |= bits;

        out[0] = (uint8_t) (bits >> 16);
        out[1] = (uint8_t) (bits >> 8);
        out[2] = (uint8_t) bits;
    }

    bits = 0;

    if (tail != 0) {
        bits = ts_base64url_place[0][p[0]] | ts_base64url_place[1][p[1]];

        *out++ = (uint8_t) (bits >> 16);
    }

    if (tail == 3) {
        bits |= ts_base64url_place[2][p[2]];

        *out++ = (uint8_t) (bits >> 8);
    }

    if ((seen | bits) & TS_BASE64URL_MARK) {
        return TS_BASE64URL_CHARACTER;
    }

    if (bits & (tail == 3 ? 0xff : 0xffff)) {
        return TS_BASE64URL_TAIL;
    }

    *decoded = ts_slice(start, out - start);

    return TS_BASE64URL_OK;
}


void
ts_base64url_encode(ts_slice_t bytes, uint8_t *out)
{
    size_t          left;
    const uint8_t  *p;

    p = bytes.data;

    for (left = bytes.len; left >= 3; left -= 3, p += 3) {
        *out++ = ts_base64url_alphabet[p[0] >> 2];
        *out++ = ts_base64url_alphabet[(p[0] & 0x03) << 4 | p[1] >> 4];
        *out++ = ts_base64url_alphabet[(p[1] & 0x0f) << 2 | p[2] >> 6];
        *out++ = ts_base64url_alphabet[p[2] & 0x3f];
    }

    if (left == 0) {
        return;
    }

    *out++ = ts_base64url_alphabet[p[0] >> 2];

    if (left == 1) {
        *out = ts_base64url_alphabet[(p[0] & 0x03) << 4];
        return;
    }

    *out++ = ts_base64url_alphabet[(p[0] & 0x03) << 4 | p[1] >> 4];
    *out = ts_base64url_alphabet[(p[1] & 0x0f) << 2];
}
