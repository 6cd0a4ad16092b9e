/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_word.h"


size_t
ts_word_find(ts_slice_t text, const ts_slice_t *words, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ts_slice_eq(text, words[i])) {
            break;
        }
    }

    return i;
}


size_t
ts_word_open(ts_slice_t text, const ts_slice_t *words, size_t n,
    ts_slice_t *rest)
{
    size_t  i, len;

    for (i = 0; i < n; i++) {
        len = words[i].len;

        if (text.len >= len
            && ts_slice_eq(ts_slice(text.data, len), words[i]))
        {
            *rest = ts_slice(text.data + len, text.len - len);
            break;
        }
    }

    return i;
}
