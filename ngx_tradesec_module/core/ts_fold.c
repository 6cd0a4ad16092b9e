/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <utf8proc.h>

#include "core/ts_fold.h"
#include "core/ts_fold_table.h"


/* U+FDFA, three bytes, becomes 18 characters: no character grows by more. */

#define TS_FOLD_CHARACTERS  (TS_FOLD_IN * 6)

#define TS_FOLD_OPTIONS                                                      \
    (UTF8PROC_STABLE|UTF8PROC_COMPOSE|UTF8PROC_COMPAT|UTF8PROC_CASEFOLD      \
     |UTF8PROC_IGNORE|UTF8PROC_STRIPMARK)


#define TS_FOLD_TWO  0x80000000     /* in the table: two letters */


static ts_fold_result_e ts_fold_unicode(ts_slice_t text, uint8_t *out,
    ts_slice_t *folded);
static utf8proc_int32_t ts_fold_before(utf8proc_int32_t character, void *data);
static utf8proc_ssize_t ts_fold_after(utf8proc_int32_t *characters,
    utf8proc_ssize_t n);
static uint32_t ts_fold_character(uint32_t character);


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

        out[i] = ts_lower(c);
    }

    *folded = ts_slice(out, text.len);

    return TS_FOLD_OK;
}


static ts_fold_result_e
ts_fold_unicode(ts_slice_t text, uint8_t *out, ts_slice_t *folded)
{
    utf8proc_int32_t    characters[2 * TS_FOLD_CHARACTERS + 1];
    utf8proc_ssize_t    n;

    n = utf8proc_decompose_custom(text.data, (utf8proc_ssize_t) text.len,
                                  characters, TS_FOLD_CHARACTERS,
                                  TS_FOLD_OPTIONS, ts_fold_before, NULL);
    if (n < 0) {
        return TS_FOLD_ENCODING;
    }

    if (n > TS_FOLD_CHARACTERS) {
        return TS_FOLD_TOO_LONG;
    }

    n = ts_fold_after(characters, n);

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


/* Marks that are letters, before all marks are dropped. */

static utf8proc_int32_t
ts_fold_before(utf8proc_int32_t character, void *data)
{
    uint32_t  to;

    (void) data;

    to = ts_fold_character((uint32_t) character);

    return to < TS_FOLD_TWO ? (utf8proc_int32_t) to : character;
}


/* And what case and compatibility forms have made; there is room for 2 * n. */

static utf8proc_ssize_t
ts_fold_after(utf8proc_int32_t *characters, utf8proc_ssize_t n)
{
    uint32_t           to;
    utf8proc_ssize_t   i, k, more;

    for (i = 0, more = 0; i < n; i++) {
        to = ts_fold_character((uint32_t) characters[i]);
        more += to >= TS_FOLD_TWO;

        if (to < TS_FOLD_TWO) {
            characters[i] = (utf8proc_int32_t) to;
        }
    }

    /* from the end on, so that nothing is overwritten */

    n += more;

    for (i = n - more, k = n; more; /* void */ ) {
        to = ts_fold_character((uint32_t) characters[--i]);

        if (to >= TS_FOLD_TWO) {
            characters[--k] = (utf8proc_int32_t) (to & 0xff);
            characters[--k] = (utf8proc_int32_t) (to >> 8 & 0xff);
            more--;

        } else {
            characters[--k] = characters[i];
        }
    }

    return n;
}


static uint32_t
ts_fold_character(uint32_t character)
{
    size_t  low, high, i;

    if (character < 0x80) {
        return character;
    }

    low = 0;
    high = sizeof(ts_fold_from) / sizeof(ts_fold_from[0]);

    while (low < high) {
        i = (low + high) / 2;

        if (ts_fold_from[i] == character) {
            return ts_fold_to[i];
        }

        if (ts_fold_from[i] < character) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    return character;
}
