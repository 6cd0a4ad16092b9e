/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_base64url.h"


/* XX stands for "not in the alphabet" and survives an OR with any value. */

#define XX  0x80

static const uint8_t  ts_base64url_value[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX,
    XX, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, 63,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
};

static const uint8_t  ts_base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


ts_base64url_result_e
ts_base64url_decode(ts_slice_t text, uint8_t *out, size_t size,
    ts_slice_t *decoded)
{
    uint8_t         a, b, c, d, bad, *start;
    size_t          tail;
    const uint8_t  *p, *end;

    tail = text.len % 4;

    if (tail == 1) {
        return TS_BASE64URL_LENGTH;
    }

    if (ts_base64url_decoded(text.len) > size) {
        return TS_BASE64URL_TOO_LONG;
    }

    start = out;
    bad = 0;
    p = text.data;

    for (end = p + (text.len - tail); p < end; p += 4) {
        a = ts_base64url_value[p[0]];
        b = ts_base64url_value[p[1]];
        c = ts_base64url_value[p[2]];
        d = ts_base64url_value[p[3]];

        bad |= a | b | c | d;

        *out++ = (uint8_t) (a << 2 | b >> 4);
        *out++ = (uint8_t) (b << 4 | c >> 2);
        *out++ = (uint8_t) (c << 6 | d);
    }

    if (tail != 0) {
        a = ts_base64url_value[p[0]];
        b = ts_base64url_value[p[1]];
        c = (tail == 3) ? ts_base64url_value[p[2]] : 0;

        bad |= a | b | c;

        *out++ = (uint8_t) (a << 2 | b >> 4);

        if (tail == 3) {
            *out++ = (uint8_t) (b << 4 | c >> 2);
        }

        if (!(bad & XX) && (tail == 3 ? c & 0x03 : b & 0x0f)) {
            return TS_BASE64URL_TAIL;
        }
    }

    if (bad & XX) {
        return TS_BASE64URL_CHARACTER;
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
