/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Takes a secret argument out of a query string, so that neither a log nor a
 * backend gets it.
 */

#ifndef TS_QUERY_H
#define TS_QUERY_H

#include "core/ts_types.h"


typedef enum {
    TS_QUERY_NONE = 0,
    TS_QUERY_FOUND,
    TS_QUERY_AMBIGUOUS          /* twice, or also in a spelling that another
                                   reader takes for the name */
} ts_query_result_e;


/*
 * Copies args to out (args.len bytes at most) without the arguments that are
 * called name, also with a part of the name percent encoded, each with one
 * "&" beside it; every other byte stays. rest is the copy, or args itself when
 * there was nothing to take. value is that of the first argument taken, within
 * args and as it stands there; data is NULL without.
 *
 * Other spellings (another case, ";" as separator, "name[0]") stay in the
 * query, since they may mean something else, and make it ambiguous.
 */

ts_query_result_e ts_query_take(ts_slice_t args, ts_slice_t name,
    uint8_t *out, ts_slice_t *rest, ts_slice_t *value);


#endif /* TS_QUERY_H */
