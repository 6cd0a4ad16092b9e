/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Folds text so that spellings that a backend may take for one become one:
 * Unicode NFKC with case folding (UAX #15, #21), without default ignorable
 * characters, and without what is less than a primary difference (UTS #10),
 * which the default collations of databases ignore too: in MySQL "bob" finds
 * it with an umlaut, with a stroke through the "o", or with digits of another
 * script. For counting and for suspicion only: a folded text is no identity.
 */

#ifndef TS_FOLD_H
#define TS_FOLD_H

#include "core/ts_types.h"


#define TS_FOLD_IN   256        /* longest text, bytes */
#define TS_FOLD_OUT  1024       /* longest result; compatibility forms grow */


typedef enum {
    TS_FOLD_OK = 0,
    TS_FOLD_TOO_LONG,           /* the text or the result */
    TS_FOLD_ENCODING            /* not UTF-8 */
} ts_fold_result_e;


/* Writes to out, which holds TS_FOLD_OUT bytes, and sets *folded to it. */

ts_fold_result_e ts_fold(ts_slice_t text, uint8_t *out, ts_slice_t *folded);


#endif /* TS_FOLD_H */
