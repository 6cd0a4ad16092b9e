/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The memory behind ts_attempts: a hash table of counters over blocks of one
 * size, linked by index. Only ts_attempts*.c and their tests include it.
 */

#ifndef TS_ATTEMPTS_TABLE_H
#define TS_ATTEMPTS_TABLE_H

#include "core/ts_attempts.h"


#define TS_ATTEMPTS_SLOTS  5


enum {
    TS_ATTEMPTS_SLOT_GONE = 0,      /* the next compaction drops it */
    TS_ATTEMPTS_SLOT_IN_FLIGHT,
    TS_ATTEMPTS_SLOT_FAILED,
    TS_ATTEMPTS_SLOT_NEUTRAL
};

typedef struct {
    uint64_t  id;
    uint32_t  time;
    uint32_t  account:30;
    uint32_t  state:2;
} ts_attempts_slot_t;


enum {
    TS_ATTEMPTS_BLOCK_FREE = 0,
    TS_ATTEMPTS_BLOCK_OPEN,         /* a counter, in the list of open ones */
    TS_ATTEMPTS_BLOCK_LOCKED,       /* a counter, in the list of locked ones */
    TS_ATTEMPTS_BLOCK_MORE          /* further slots of a counter */
};

/*
 * Two cache lines. A counter of up to five attempts is one block; the sixth
 * attempt starts a second block, of which only more, kind and slots are used.
 */

typedef struct {
    ts_attempts_key_t   key;
    uint32_t            chain;      /* next of the bucket, or of the free */
    uint32_t            prev;
    uint32_t            next;
    uint32_t            more;
    uint32_t            until;      /* end of the last lock, 0: never locked */
    uint16_t            n;
    uint8_t             level;      /* at the time of the last lock */
    uint8_t             kind;
    uint64_t            reserved;
    ts_attempts_slot_t  slots[TS_ATTEMPTS_SLOTS];
} ts_attempts_block_t;


/* From the longest unused (first) to the last used. */

typedef struct {
    uint32_t  first;
    uint32_t  last;
} ts_attempts_list_t;


/* Index 0 is no block. */

struct ts_attempts_s {
    uint32_t             version;
    uint32_t             busy;      /* a call is changing the table */
    uint32_t             now;       /* the latest time seen */
    uint32_t             mask;      /* of the buckets */
    uint32_t             blocks;
    uint32_t             fresh;     /* first block that was never used */
    uint32_t             free;
    uint32_t             used;      /* blocks; counters are: */
    uint32_t             open;
    uint32_t             locked;
    ts_attempts_list_t   open_list;
    ts_attempts_list_t   locked_list;
    uint64_t             locks;
    uint64_t             evicted;
    uint64_t             full;
    uint64_t             repaired;
    uint64_t             first_block;   /* offset from here */
    uint32_t             buckets[];
};


/* Walks the slots of a counter, over all its blocks. */

typedef struct {
    ts_attempts_slot_t  *slot;
    ts_attempts_slot_t  *end;
    uint32_t             more;
} ts_attempts_walk_t;


static inline ts_attempts_block_t *
ts_attempts_block(const ts_attempts_t *t, uint32_t i)
{
    return (ts_attempts_block_t *) ((uint8_t *) (uintptr_t) t
                                    + t->first_block) + i;
}


static inline ts_attempts_walk_t
ts_attempts_walk(ts_attempts_block_t *b)
{
    return (ts_attempts_walk_t) {
        b->slots, b->slots + TS_ATTEMPTS_SLOTS, b->more
    };
}


/* To be called at most n times, n of the counter. */

static inline ts_attempts_slot_t *
ts_attempts_step(const ts_attempts_t *t, ts_attempts_walk_t *w)
{
    ts_attempts_block_t  *b;

    if (w->slot == w->end) {
        b = ts_attempts_block(t, w->more);
        *w = ts_attempts_walk(b);
    }

    return w->slot++;
}


/* Around every change; open also repairs. Returns the time to use. */

uint32_t ts_attempts_open(ts_attempts_t *t, uint32_t now);
void ts_attempts_close(ts_attempts_t *t);

/* The counter of a key, 0 when there is none. */

uint32_t ts_attempts_find(const ts_attempts_t *t, const ts_attempts_key_t *key);

/*
 * Makes sure that n blocks are free, by eviction where needed, but never of
 * the pinned counters (all of them open). Returns 0 when there is no way.
 */

int ts_attempts_make_room(ts_attempts_t *t, uint32_t n,
    const uint32_t *pinned, uint32_t npinned, uint32_t now);

/* These two need a free block: the second only if *_full() says so. */

uint32_t ts_attempts_add_counter(ts_attempts_t *t,
    const ts_attempts_key_t *key);
void ts_attempts_add_slot(ts_attempts_t *t, uint32_t i,
    ts_attempts_slot_t slot);

static inline int
ts_attempts_full(const ts_attempts_block_t *b)
{
    return b->n % TS_ATTEMPTS_SLOTS == 0 && b->n != 0;
}


void ts_attempts_compact(ts_attempts_t *t, uint32_t i);
void ts_attempts_release(ts_attempts_t *t, uint32_t i);

/* Makes the counter the last used one of the list that kind names. */

void ts_attempts_touch(ts_attempts_t *t, uint32_t i, uint8_t kind);

/* Frees what locks whose time is over held back; looks at n of them. */

void ts_attempts_expire_locks(ts_attempts_t *t, uint32_t n, uint32_t now);


#endif /* TS_ATTEMPTS_TABLE_H */
