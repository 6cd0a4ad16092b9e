/*
 * Copyright (C) the ngx_tradesec authors
 *
 * "Did you mean": the nearest of a list of words to a misspelt one.
 */

#ifndef TS_SUGGEST_H
#define TS_SUGGEST_H

#include "core/ts_types.h"


/*
 * Returns the index of the word with the smallest edit distance
 * (Damerau-Levenshtein, adjacent transpositions count one), or -1 when none
 * is within a third of the longer word's length. Words longer than 63 bytes
 * are never suggested.
 */

int ts_suggest(ts_slice_t word, const ts_slice_t *list, size_t n);


#endif /* TS_SUGGEST_H */
