/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Credentials that are read have one spelling: encoded again, they are the
 * text that came in.
 */

#include <assert.h>

#include "core/ts_basic.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       i, n, start;
    uint8_t      buf[512], text[700];
    uint32_t     bits;
    ts_slice_t   user;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    memset(buf, 0, sizeof(buf));

    if (ts_basic_user(ts_slice(data, size), buf, sizeof(buf), &user)
        != TS_BASIC_OK)
    {
        return 0;
    }

    assert(user.data == buf && user.len < sizeof(buf));
    assert(memchr(buf, ':', user.len + 1) == buf + user.len);

    while (size && (data[size - 1] == ' ' || data[size - 1] == '\t')) {
        size--;
    }

    for (start = 0; data[start] == ' ' || data[start] == '\t'; start++) {
        /* void */
    }

    start += sizeof("Basic ") - 1;

    n = (size - start) / 4 * 3 - (data[size - 1] == '=')
        - (data[size - 2] == '=');

    for (i = 0; i < n; i += 3) {
        bits = (uint32_t) buf[i] << 16;
        bits |= i + 1 < n ? (uint32_t) buf[i + 1] << 8 : 0;
        bits |= i + 2 < n ? buf[i + 2] : 0;

        text[i / 3 * 4] = digits[bits >> 18];
        text[i / 3 * 4 + 1] = digits[bits >> 12 & 63];
        text[i / 3 * 4 + 2] = i + 1 < n ? digits[bits >> 6 & 63] : '=';
        text[i / 3 * 4 + 3] = i + 2 < n ? digits[bits & 63] : '=';
    }

    assert(memcmp(text, data + start, size - start) == 0);

    return 0;
}
