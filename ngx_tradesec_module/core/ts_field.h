/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The name of the field that carries the account, and the names that some
 * backend would take for it: a body that holds "username" and "USERNAME" names
 * two accounts, and which one counts is the backend's secret. Known readers:
 * Go and .NET ignore case (Go folds Unicode), PHP drops leading spaces, turns
 * " ", "." and "[" into "_", reads "username[0]" as "username" and ignores
 * what follows a "]"; Rack drops brackets; C strings end at NUL.
 */

#ifndef TS_FIELD_H
#define TS_FIELD_H

#include "core/ts_fold.h"


#define TS_FIELD_NAME  64       /* longest name of configuration */


typedef struct {
    ts_slice_t  name;
    ts_slice_t  folded;
    int         plain;          /* see ts_field_is_plain() */
    uint8_t     buf[TS_FOLD_OUT];
} ts_field_t;


typedef enum {
    TS_FIELD_OTHER,
    TS_FIELD_SAME,              /* byte for byte */
    TS_FIELD_ALIKE              /* to some backend, or too odd to tell */
} ts_field_match_e;


/*
 * Prepares a name of configuration, which must outlive the field and be as
 * browsers would send it, decoded. Returns 0 when it is empty, too long, not
 * UTF-8, or begins with a space.
 */

int ts_field_init(ts_field_t *field, ts_slice_t name);

/* Letters, digits, "_" and "-" only: the same encoded and decoded. */

int ts_field_is_plain(ts_slice_t name);

/* Compares with a decoded name of a body or query. */

ts_field_match_e ts_field_match(const ts_field_t *field, ts_slice_t name);


#endif /* TS_FIELD_H */
