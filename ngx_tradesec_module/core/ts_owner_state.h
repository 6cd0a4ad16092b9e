/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The state of a walk: for ts_owner_walk.c, which follows the pointers, and
 * ts_owner_find.c, which keeps what stands at their ends.
 */

#ifndef TS_OWNER_STATE_H
#define TS_OWNER_STATE_H

#include "core/ts_owner.h"
#include "core/ts_owner_scan.h"


/* An open container. */

typedef struct {
    uint32_t  active;       /* paths that lead through it */
    uint32_t  seen;         /* those whose next name has come */
    int32_t   element;      /* of an array: the number of the next element */
    uint8_t   close;        /* the bracket at its end */
} ts_owner_level_t;


typedef struct {
    const ts_owner_rules_t  *rules;
    const ts_owner_set_t    *set;
    const uint8_t           *end;
    uint32_t                 max_depth;

    /* of the message that is being read */
    uint32_t                 depth;
    int                      opened;    /* a container, just now */
    uint32_t                 lead;      /* paths that lead to the next value */
    uint32_t                 matched;   /* terms whose pattern fitted */
    uint32_t                 found;     /* owner rules that found one */
    uint32_t                 foreign;   /* and one that is not ours */
    int                      denied;    /* by a rule without condition: it
                                           stays, whatever follows */
    uint32_t                 expected[TS_OWNER_PATHS];
    uint32_t                 owned[TS_OWNER_PATHS];
    ts_owner_level_t         levels[TS_OWNER_DEPTH];
} ts_owner_walk_t;


/* One bit of the set after the other. */

#define ts_owner_each(i, bits, set)                                          \
    for (bits = set; bits && (i = (uint32_t) __builtin_ctz(bits), 1);        \
         bits &= bits - 1)


/* The value at the end of these paths; of a container raw.data is NULL. */

void ts_owner_find(ts_owner_walk_t *w, uint32_t ends,
    const ts_owner_scalar_t *s);

/* When the message is complete. */

ts_owner_e ts_owner_verdict(const ts_owner_walk_t *w);


#endif /* TS_OWNER_STATE_H */
