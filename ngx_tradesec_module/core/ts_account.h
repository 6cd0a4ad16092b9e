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


/*
 * Spellings of one mailbox, for accounts that are addresses of mail: without
 * "+tag" at the end of the local part, without dots in it. What is no address,
 * or would have nothing left in front of the "@", stays as it is. Changes the
 * account in place, and returns its length.
 */

#define TS_ACCOUNT_EMAIL_PLUS  1
#define TS_ACCOUNT_EMAIL_DOTS  2

size_t ts_account_email(uint8_t *account, size_t len, uint32_t rules);


#endif /* TS_ACCOUNT_H */
