/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A list of the words that a directive knows, and which of them a text is.
 */

#ifndef TS_WORD_H
#define TS_WORD_H

#include "core/ts_types.h"


/* The index of the word that the text is; n: none of the n. */

size_t ts_word_find(ts_slice_t text, const ts_slice_t *words, size_t n);

/*
 * The index of the first word that the text begins with, as "name=" is of
 * "name=value", and in *rest what follows, which may be nothing; n: none.
 */

size_t ts_word_open(ts_slice_t text, const ts_slice_t *words, size_t n,
    ts_slice_t *rest);


#endif /* TS_WORD_H */
