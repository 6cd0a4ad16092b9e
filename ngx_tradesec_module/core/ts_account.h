/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The account that an attempt to log in names, normalised so that spellings
 * which a backend may take for one account are counted as one: folded (see
 * ts_fold.h) and trimmed. Never an identity: two accounts of the backend may
 * share a normal form, and then share their counters.
 */

#ifndef TS_ACCOUNT_H
#define TS_ACCOUNT_H

#include "core/ts_fold.h"


typedef enum {
    TS_ACCOUNT_OK = 0,
    TS_ACCOUNT_EMPTY,       /* nothing is left: everybody would share it */
    TS_ACCOUNT_TOO_LONG,    /* more than TS_FOLD_IN bytes */
    TS_ACCOUNT_ENCODING,    /* not UTF-8 */
    TS_ACCOUNT_CONTROL      /* a control character: collations skip them, C
                               strings end at one */
} ts_account_result_e;


/* Writes to out, which holds TS_FOLD_OUT bytes; *account lies within it. */

ts_account_result_e ts_account_normalise(ts_slice_t text, uint8_t *out,
    ts_slice_t *account);


#endif /* TS_ACCOUNT_H */
