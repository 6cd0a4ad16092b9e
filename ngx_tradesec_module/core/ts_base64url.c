/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_base64url.h"


/*
 * Four characters are three bytes. There is a table for each place, so that
 * nothing is left to shift, and a mark above these bytes for what is not in the
 * alphabet, so that one look at the end is enough. The first byte is the
 * lowest, so that a store writes them in their order.
 */

/* For a whole text, sixteen at once: vectors are the compiler's business. */

typedef uint8_t  ts_base64url_block_t __attribute__((vector_size(16)));


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
#define TS_BASE64URL_AT(v, bits)                                             \
    ((v) == XX ? TS_BASE64URL_MARK : (uint32_t) (bits))

#define V0(v)  TS_BASE64URL_AT(v, (v) << 2)
#define V1(v)  TS_BASE64URL_AT(v, (v) >> 4 | ((v) & 0x0f) << 12)
#define V2(v)  TS_BASE64URL_AT(v, ((v) >> 2) << 8 | ((v) & 0x03) << 22)
#define V3(v)  TS_BASE64URL_AT(v, (v) << 16)

#define TS_BASE64URL_TABLE(V)                                                \
    { TS_BASE64URL_VALUES(V), [128 ... 255] = TS_BASE64URL_MARK }

static const uint32_t  ts_base64url_place[4][256] = {
    TS_BASE64URL_TABLE(V0),
    TS_BASE64URL_TABLE(V1),
    TS_BASE64URL_TABLE(V2),
    TS_BASE64URL_TABLE(V3),
};

static const uint8_t  ts_base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static inline uint32_t
ts_base64url_group(const uint8_t *p)
{
    return ts_base64url_place[0][p[0]] | ts_base64url_place[1][p[1]]
           | ts_base64url_place[2][p[2]] | ts_base64url_place[3][p[3]];
}


/* The compiler makes one store of the four; the last byte is no part of it. */

static inline void
ts_base64url_store(uint8_t *out, uint32_t bits)
{
    out[0] = (uint8_t) bits;
    out[1] = (uint8_t) (bits >> 8);
    out[2] = (uint8_t) (bits >> 16);
    out[3] = (uint8_t) (bits >> 24);
}


/* The two or three characters behind the last group. */

static uint32_t
ts_base64url_rest(const uint8_t *p, size_t n)
{
    uint32_t  bits;

    bits = ts_base64url_place[0][p[0]] | ts_base64url_place[1][p[1]];

    return n == 3 ? bits | ts_base64url_place[2][p[2]] : bits;
}


static ts_base64url_result_e
ts_base64url_judge(uint32_t seen, uint32_t rest, size_t n)
{
    if ((seen | rest) & TS_BASE64URL_MARK) {
        return TS_BASE64URL_CHARACTER;
    }

    /* n characters are n - 1 bytes; what is left over must be zero */

    return (n != 0 && rest >> 8 * (n - 1) != 0) ? TS_BASE64URL_TAIL
                                                : TS_BASE64URL_OK;
}


ts_base64url_result_e
ts_base64url_decode(ts_slice_t text, uint8_t *out, size_t size,
    ts_slice_t *decoded)
{
    size_t                  tail;
    uint8_t                *start;
    uint32_t                bits, seen;
    const uint8_t          *p, *end, *pairs;
    ts_base64url_result_e   rc;

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
    end = p + (text.len - tail);

    /* two at once, as long as a group behind them takes the fourth byte */

    pairs = (end - p > 8) ? p + ((end - p - 1) & ~(ptrdiff_t) 7) : p;

    for ( /* void */ ; p < pairs; p += 8, out += 6) {
        bits = ts_base64url_group(p);
        seen |= bits;
        ts_base64url_store(out, bits);

        bits = ts_base64url_group(p + 4);
        seen |= bits;
        ts_base64url_store(out + 3, bits);
    }

    for ( /* void */ ; p < end; p += 4, out += 3) {
        bits = ts_base64url_group(p);
        seen |= bits;

        out[0] = (uint8_t) bits;
        out[1] = (uint8_t) (bits >> 8);
        out[2] = (uint8_t) (bits >> 16);
    }

    bits = 0;

    if (tail != 0) {
        bits = ts_base64url_rest(p, tail);

        *out++ = (uint8_t) bits;
    }

    if (tail == 3) {
        *out++ = (uint8_t) (bits >> 8);
    }

    rc = ts_base64url_judge(seen, bits, tail);

    if (rc == TS_BASE64URL_OK) {
        *decoded = ts_slice(start, out - start);
    }

    return rc;
}


/* Clears *inside where a character is not in the alphabet. */

static inline void
ts_base64url_check_block(const uint8_t *p, ts_base64url_block_t *inside)
{
    ts_base64url_block_t  c;

    memcpy(&c, p, sizeof(c));

    /* bit 0x20 is what letters differ in by case */

    *inside &= (((c | 0x20) - 'a') <= 25) | ((c - '0') <= 9)
               | (c == '-') | (c == '_');
}


ts_base64url_result_e
ts_base64url_check(ts_slice_t text)
{
    size_t                 i, n, tail;
    uint32_t               seen;
    const uint8_t         *end;
    ts_base64url_block_t   inside;

    tail = text.len % 4;

    if (tail == 1) {
        return TS_BASE64URL_LENGTH;
    }

    if (text.len == 0) {
        return TS_BASE64URL_OK;
    }

    end = text.data + text.len;
    seen = 0;
    n = sizeof(inside);

    if (text.len < n) {

        for (i = 0; i + 4 <= text.len; i += 4) {
            seen |= ts_base64url_group(text.data + i);
        }

    } else {
        memset(&inside, 0xff, n);

        for (i = 0; i < text.len - n; i += n) {
            ts_base64url_check_block(text.data + i, &inside);
        }

        ts_base64url_check_block(end - n, &inside);

        for (i = 0; i < n; i++) {
            seen |= inside[i] ? 0 : TS_BASE64URL_MARK;
        }
    }

    return ts_base64url_judge(seen,
                              tail ? ts_base64url_rest(end - tail, tail) : 0,
                              tail);
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
