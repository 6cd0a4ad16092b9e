/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <utf8proc.h>

#include "core/ts_fold.h"


/* U+FDFA, three bytes, becomes 18 characters: no character grows by more. */

#define TS_FOLD_CHARACTERS  (TS_FOLD_IN * 6)

#define TS_FOLD_OPTIONS                                                      \
    (UTF8PROC_STABLE|UTF8PROC_COMPOSE|UTF8PROC_COMPAT|UTF8PROC_CASEFOLD      \
     |UTF8PROC_IGNORE|UTF8PROC_STRIPMARK)


static ts_fold_result_e ts_fold_unicode(ts_slice_t text, uint8_t *out,
    ts_slice_t *folded);


ts_fold_result_e
ts_fold(ts_slice_t text, uint8_t *out, ts_slice_t *folded)
{
    size_t   i;
    uint8_t  c;

    if (text.len > TS_FOLD_IN) {
        return TS_FOLD_TOO_LONG;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= 0x80) {
            return ts_fold_unicode(text, out, folded);
        }

        out[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    }

    *folded = ts_slice(out, text.len);

    return TS_FOLD_OK;
}


static ts_fold_result_e
ts_fold_unicode(ts_slice_t text, uint8_t *out, ts_slice_t *folded)
{
    utf8proc_int32_t    characters[TS_FOLD_CHARACTERS + 1];
    utf8proc_ssize_t    n;

    n = utf8proc_decompose(text.data, (utf8proc_ssize_t) text.len, characters,
                           TS_FOLD_CHARACTERS, TS_FOLD_OPTIONS);
    if (n < 0) {
        return TS_FOLD_ENCODING;
    }

    if (n > TS_FOLD_CHARACTERS) {
        return TS_FOLD_TOO_LONG;
    }

    n = utf8proc_reencode(characters, n, TS_FOLD_OPTIONS);

    if (n < 0) {
        return TS_FOLD_ENCODING;
    }

    if (n > TS_FOLD_OUT) {
        return TS_FOLD_TOO_LONG;
    }

    memcpy(out, characters, (size_t) n);
    *folded = ts_slice(out, (size_t) n);

    return TS_FOLD_OK;
}
