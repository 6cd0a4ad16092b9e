/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A refresh token has one name in whatever way it is written: with escapes,
 * padding and spaces, and, where it is not signed, in the other case.
 */

#include <assert.h>
#include <stdlib.h>

#include "core/ts_refresh.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ts_refresh_result_e
name_of(ts_slice_t token, uint8_t *buf, ts_slice_t *name)
{
    ts_refresh_result_e  rc;

    rc = ts_refresh_name(token, 1, buf, name);

    if (rc == TS_REFRESH_OK) {
        assert(name->data == buf && name->len > 0);
        assert(name->len <= token.len && name->len <= TS_REFRESH_TOKEN);
    }

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t        i, n;
    uint8_t       c, *other;
    ts_slice_t    name, same;

    static const char     digits[] = "0123456789aBCdEf";
    static uint8_t        first[TS_REFRESH_TOKEN], second[TS_REFRESH_TOKEN];

    if (name_of(ts_slice(data, size), first, &name) != TS_REFRESH_OK
        || size > TS_REFRESH_TOKEN / 3 - 1
        || memchr(data, '%', size) != NULL
        || memchr(data, '\t', size) != NULL)
    {
        return 0;
    }

    other = malloc(3 * size + 3);
    assert(other != NULL);

    for (i = 0, n = 0; i < size; i++) {
        c = data[i];

        if (i % 2) {
            other[n++] = c;
            continue;
        }

        other[n++] = '%';
        other[n++] = (uint8_t) digits[c >> 4];
        other[n++] = (uint8_t) digits[c & 15];
    }

    other[n++] = '=';
    other[n++] = '.';
    other[n++] = ' ';

    assert(name_of(ts_slice(other, n), second, &same) == TS_REFRESH_OK);
    assert(ts_slice_eq(name, same));

    free(other);

    return 0;
}
