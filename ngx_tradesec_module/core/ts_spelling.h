/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Folds the path of a request so that spellings that some backend may take for
 * one path become one. For suspicion only: what is folded is no path.
 *
 * Known readers: routers that ignore case or a slash at the end, servlet
 * containers that drop ";parameters" (also of ".."), those that decode a
 * second time, take "\" for "/", drop dots and spaces at the end of a name, or
 * read a "?" that was encoded; Rails and Spring ignore what follows a dot.
 */

#ifndef TS_SPELLING_H
#define TS_SPELLING_H

#include "core/ts_fold.h"


/* What ts_spelling_fold() needs beside the length of the path. */

#define TS_SPELLING_ROOM  TS_FOLD_OUT


/*
 * The path is decoded once, as nginx does it. Writes to out, which holds
 * path.len + TS_SPELLING_ROOM bytes, and sets *folded to it: it begins with
 * "/", and does not end with one. Folding what is folded changes nothing,
 * unless it was encoded more than a few times over.
 */

void ts_spelling_fold(ts_slice_t path, uint8_t *out, ts_slice_t *folded);

/* The same without ".html" or the like at the end. */

ts_slice_t ts_spelling_stem(ts_slice_t folded);


#endif /* TS_SPELLING_H */
