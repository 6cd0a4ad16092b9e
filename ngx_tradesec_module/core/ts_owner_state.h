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


/* For one text, and for each message in it. */

static inline void
ts_owner_start(ts_owner_walk_t *w, const ts_owner_rules_t *rules,
    const ts_owner_set_t *set, ts_slice_t text)
{
    w->rules = rules;
    w->set = set;
    w->end = text.data + text.len;
    w->max_depth = (rules->depth && rules->depth < TS_OWNER_DEPTH)
                   ? rules->depth : TS_OWNER_DEPTH;
}


static inline void
ts_owner_begin(ts_owner_walk_t *w)
{
    w->depth = 0;
    w->lead = (uint32_t) (((uint64_t) 1 << w->rules->n_paths) - 1);
    w->matched = 0;
    w->found = 0;
    w->foreign = 0;
    w->denied = 0;

    memset(w->expected, 0, sizeof(w->expected));
    memset(w->owned, 0, sizeof(w->owned));
}


/* Whether one of the active paths can have this name here, by its length. */

static inline int
ts_owner_may_follow(const ts_owner_walk_t *w, const ts_owner_level_t *level,
    ts_slice_t name)
{
    uint32_t  depth = w->depth - 1;

    return (w->rules->at[depth].lengths & ts_owner_length_bit(name))
           || (level->active & w->rules->at[depth].any);
}


/* Which of the active paths lead on through this member? 0: a duplicate. */

int ts_owner_follow(ts_owner_walk_t *w, ts_owner_level_t *level,
    ts_slice_t name);

/* And which through the next element of an array? */

void ts_owner_next_element(ts_owner_walk_t *w, ts_owner_level_t *level);

/* The value at the end of these paths; of a container raw.data is NULL. */

void ts_owner_find(ts_owner_walk_t *w, uint32_t ends,
    const ts_owner_scalar_t *s);

/* When the message is complete. */

ts_owner_e ts_owner_verdict(const ts_owner_walk_t *w);


#endif /* TS_OWNER_STATE_H */
