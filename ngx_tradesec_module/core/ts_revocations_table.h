/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The layout of the list of revocations; for ts_revocations*.c only.
 */

#ifndef TS_REVOCATIONS_TABLE_H
#define TS_REVOCATIONS_TABLE_H

#include "core/ts_revocations.h"


/* In the place of a key while the slot gets another entry. */

#define TS_REVOCATIONS_BUSY    1

/*
 * An entry stands in the first free slot behind the one that its hash names;
 * who looks for it stops at the first empty slot. So a slot is emptied only
 * when the next one is empty; until then an expired entry keeps the chain
 * together, and another may take its slot.
 */

typedef struct {
    uint64_t  key;              /* 0: empty */
    uint64_t  times;            /* time << 32 | expires */
} ts_revocations_slot_t;


struct ts_revocations_s {
    uint32_t               kinds;       /* a bit for each that may be there */
    uint32_t               n;           /* slots */
    uint32_t               limit;       /* of those that are not empty */
    uint32_t               used;
    uint32_t               cursor;      /* of the sweep */
    uint32_t               dirty;       /* a writer is at work */
    uint64_t               generation;
    uint64_t               cutoff;      /* times; 0: none */
    uint64_t               freeze;      /* time << 1 | on */
    int64_t                wall;        /* both clocks, when they agreed */
    int64_t                steady;

    ts_revocations_slot_t  slots[];
};

_Static_assert(sizeof(ts_revocations_slot_t) == TS_REVOCATIONS_SLOT,
               "a slot has a fixed size");
_Static_assert(sizeof(ts_revocations_t) == 64, "slots fill cache lines");


#define ts_load(p)      __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define ts_store(p, v)  __atomic_store_n(p, v, __ATOMIC_RELEASE)


static inline uint64_t
ts_revocations_times(uint32_t time, uint32_t expires)
{
    return (uint64_t) time << 32 | expires;
}


static inline uint32_t
ts_revocations_first(const ts_revocations_t *t, uint64_t key)
{
    return (uint32_t) ((key >> 32) * t->n >> 32);
}


static inline uint32_t
ts_revocations_next(const ts_revocations_t *t, uint32_t i)
{
    return i + 1 == t->n ? 0 : i + 1;
}


/* An entry whose slot another one may take. */

static inline int
ts_revocations_is_over(const ts_revocations_slot_t *slot, uint32_t now)
{
    return slot->key == TS_REVOCATIONS_BUSY || (uint32_t) slot->times <= now;
}


/* The times of the entry of that name, 0 when there is none. */

uint64_t ts_revocations_slot(const ts_revocations_t *t, uint64_t key);

/* Around every change. Puts right what a dead writer has left. */

void ts_revocations_open(ts_revocations_t *t, uint32_t now);
void ts_revocations_close(ts_revocations_t *t);

/* Raises the cut-off, in between. */

void ts_revocations_raise(ts_revocations_t *t, uint32_t time,
    uint32_t expires);


#endif /* TS_REVOCATIONS_TABLE_H */
