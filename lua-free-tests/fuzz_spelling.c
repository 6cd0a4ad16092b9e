/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What is folded has none of the spellings that are folded away, and what
 * backends ignore changes nothing.
 */

#include <assert.h>
#include <stdlib.h>

#include "core/ts_spelling.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ts_slice_t
fold(const uint8_t *path, size_t len, uint8_t **out)
{
    ts_slice_t  folded;

    *out = malloc(len + TS_SPELLING_ROOM);
    assert(*out != NULL);

    ts_spelling_fold(ts_slice(path, len), *out, &folded);

    assert(folded.data == *out && folded.len > 0);
    assert(folded.len <= len + TS_SPELLING_ROOM);

    return folded;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      i;
    uint8_t    *a, *b, *copy;
    ts_slice_t  folded, other;

    if (size > 4096) {
        return 0;
    }

    copy = malloc(2 * size + 8);
    assert(copy != NULL);

    folded = fold(data, size, &a);

    assert(folded.data[0] == '/');
    assert(folded.len == 1 || folded.data[folded.len - 1] != '/');

    for (i = 0; i < folded.len; i++) {
        assert(folded.data[i] != '\\' && folded.data[i] != ';'
               && folded.data[i] != '?' && folded.data[i] != '#');
        assert(folded.data[i] < 'A' || folded.data[i] > 'Z');
        assert(i == 0 || folded.data[i] != '/' || folded.data[i - 1] != '/');
    }

    assert(ts_spelling_stem(folded).len <= folded.len);

    /* in capitals, of ASCII */

    for (i = 0; i < size; i++) {
        copy[i] = data[i] >= 'a' && data[i] <= 'z' ? data[i] - 0x20 : data[i];
    }

    other = fold(copy, size, &b);
    assert(ts_slice_eq(other, folded));
    free(b);

    /* what folded to itself stays, whatever follows that is ignored */

    if (ts_slice_eq(folded, ts_slice(data, size))) {

        memcpy(copy, data, size);
        memcpy(copy + size, "/;x=1/. ", 8);

        other = fold(copy, size + 8, &b);
        assert(ts_slice_eq(other, folded));
        free(b);
    }

    free(copy);
    free(a);

    return 0;
}
