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
    uint32_t  other:30;
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
 * Slots are in the order of their times.
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
    uint16_t            failed;     /* slots in this state, of the n */
    uint16_t            neutral;
    uint32_t            lasts;      /* seconds of the last lock */
    ts_attempts_slot_t  slots[TS_ATTEMPTS_SLOTS];
} ts_attempts_block_t;


/*
 * What lies in the place of block 0, which is none. The blocks 1 and 2 are the
 * heads of the lists of open and locked counters, rings from the longest
 * unused (next of the head) to the last used (its prev): the kind of a counter
 * is its list. The buckets are behind the last block.
 */

#define TS_ATTEMPTS_FIRST  3

struct ts_attempts_s {
    uint32_t  version;
    uint32_t  busy;             /* a call is changing the table */
    uint32_t  now;              /* the latest time seen */
    uint32_t  blocks;           /* from TS_ATTEMPTS_FIRST on */
    uint32_t  fresh;            /* first block that was never used */
    uint32_t  free;
    uint32_t  used;             /* blocks */
    uint32_t  counters[3];      /* by kind */
    uint64_t  mask;             /* of the buckets */
    uint64_t  buckets;          /* offset from here */
    uint64_t  locks;
    uint64_t  evicted;
    uint64_t  full;
    uint64_t  repaired;
    uint64_t  cleared;
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
    return (ts_attempts_block_t *) (uintptr_t) t + i;
}


static inline uint32_t *
ts_attempts_bucket(const ts_attempts_t *t, const ts_attempts_key_t *key)
{
    return (uint32_t *) ((uint8_t *) (uintptr_t) t + t->buckets)
           + (key->word[0] & t->mask);
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


static inline ts_attempts_slot_t
ts_attempts_slot(uint64_t id, uint32_t now, uint32_t other)
{
    return (ts_attempts_slot_t) {
        id, now, other & 0x3fffffff, TS_ATTEMPTS_SLOT_IN_FLIGHT
    };
}


/* Whether this attempt, in flight, is all that a counter knows. */

static inline int
ts_attempts_is_only(const ts_attempts_block_t *b, uint64_t id)
{
    return b->n == 1 && b->until == 0 && b->slots[0].id == id
           && b->slots[0].state == TS_ATTEMPTS_SLOT_IN_FLIGHT;
}


static inline int
ts_attempts_full(const ts_attempts_block_t *b)
{
    return b->n % TS_ATTEMPTS_SLOTS == 0 && b->n != 0;
}


/* Puts in order what a dead process has left. */

void ts_attempts_repair(ts_attempts_t *t);


/*
 * Around every change; open returns the time to use. The fence keeps the
 * compiler from moving changes out of the marked section; what a process has
 * written before it dies, others see in that order.
 */

static inline uint32_t
ts_attempts_open(ts_attempts_t *t, uint32_t now)
{
    if (t->busy) {
        ts_attempts_repair(t);
        t->repaired++;
    }

    t->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    if (now > t->now) {
        t->now = now;
    }

    return t->now;
}


static inline void
ts_attempts_close(ts_attempts_t *t)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    t->busy = 0;
}


/* Where the index of a key's counter stands, in its bucket or in the chain. */

static inline uint32_t *
ts_attempts_link(const ts_attempts_t *t, const ts_attempts_key_t *key)
{
    uint32_t             *link;
    ts_attempts_block_t  *b;

    for (link = ts_attempts_bucket(t, key); *link; link = &b->chain) {
        b = ts_attempts_block(t, *link);

        if (b->key.word[0] == key->word[0] && b->key.word[1] == key->word[1]) {
            break;
        }
    }

    return link;
}


/* The counter of a key, 0 when there is none. */

static inline uint32_t
ts_attempts_find(const ts_attempts_t *t, const ts_attempts_key_t *key)
{
    return *ts_attempts_link(t, key);
}


static inline uint32_t
ts_attempts_take(ts_attempts_t *t)
{
    uint32_t  i;

    i = t->free;

    if (i) {
        t->free = ts_attempts_block(t, i)->chain;

    } else {
        i = t->fresh++;
    }

    t->used++;

    return i;
}


static inline void
ts_attempts_give(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    b->kind = TS_ATTEMPTS_BLOCK_FREE;
    b->chain = t->free;
    t->free = i;
    t->used--;
}


static inline void
ts_attempts_enlist(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_block_t  *b, *head;

    b = ts_attempts_block(t, i);
    head = ts_attempts_block(t, b->kind);

    b->prev = head->prev;
    b->next = b->kind;

    ts_attempts_block(t, head->prev)->next = i;
    head->prev = i;

    t->counters[b->kind]++;
}


static inline void
ts_attempts_delist(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    ts_attempts_block(t, b->prev)->next = b->next;
    ts_attempts_block(t, b->next)->prev = b->prev;

    t->counters[b->kind]--;
}


/* Makes the counter the last used one of the list that kind names. */

static inline void
ts_attempts_touch(ts_attempts_t *t, uint32_t i, uint8_t kind)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->kind == kind && b->next == kind) {
        return;
    }

    ts_attempts_delist(t, i);
    b->kind = kind;
    ts_attempts_enlist(t, i);
}


static inline void
ts_attempts_insert(ts_attempts_t *t, uint32_t i)
{
    uint32_t             *bucket;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    bucket = ts_attempts_bucket(t, &b->key);

    b->chain = *bucket;
    *bucket = i;

    ts_attempts_enlist(t, i);
}


/* Of a counter that is one block. */

static inline void
ts_attempts_release_one(ts_attempts_t *t, uint32_t *link)
{
    uint32_t  i;

    i = *link;
    *link = ts_attempts_block(t, i)->chain;

    ts_attempts_delist(t, i);
    ts_attempts_give(t, i);
}


void ts_attempts_give_more(ts_attempts_t *t, uint32_t i);

static inline void
ts_attempts_release(ts_attempts_t *t, uint32_t *link)
{
    uint32_t  more;

    more = ts_attempts_block(t, *link)->more;

    if (more) {
        ts_attempts_give_more(t, more);
    }

    ts_attempts_release_one(t, link);
}


/*
 * Makes sure that n blocks are free, by eviction where needed, but never of
 * the pinned counters (all of them open; 0 is none). Returns 0 when there is
 * no way.
 */

int ts_attempts_evict(ts_attempts_t *t, uint32_t n, const uint32_t *pinned,
    uint32_t npinned, uint32_t now);

static inline int
ts_attempts_make_room(ts_attempts_t *t, uint32_t n, const uint32_t *pinned,
    uint32_t npinned, uint32_t now)
{
    return t->blocks - t->used >= n
           || ts_attempts_evict(t, n, pinned, npinned, now);
}


/* These two need a free block: the second only if *_full() says so. */

static inline uint32_t
ts_attempts_add_counter(ts_attempts_t *t, const ts_attempts_key_t *key)
{
    uint32_t              i;
    ts_attempts_block_t  *b;

    i = ts_attempts_take(t);
    b = ts_attempts_block(t, i);

    b->key = *key;
    b->more = 0;
    b->until = 0;
    b->n = 0;
    b->level = 0;
    b->kind = TS_ATTEMPTS_BLOCK_OPEN;
    b->failed = 0;
    b->neutral = 0;
    b->lasts = 0;

    ts_attempts_insert(t, i);

    return i;
}


/* The first attempt of a key, and its counter. */

static inline void
ts_attempts_add_first(ts_attempts_t *t, const ts_attempts_counter_t *c,
    uint64_t id, uint32_t now)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, ts_attempts_add_counter(t, &c->key));

    b->n = 1;
    b->slots[0] = ts_attempts_slot(id, now, c->other);
}


void ts_attempts_add_more(ts_attempts_t *t, uint32_t i,
    const ts_attempts_slot_t *slot);

static inline void
ts_attempts_add_slot(ts_attempts_t *t, uint32_t i,
    const ts_attempts_slot_t *slot)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->n < TS_ATTEMPTS_SLOTS) {
        b->slots[b->n++] = *slot;

    } else {
        ts_attempts_add_more(t, i, slot);
    }
}


/* Drops the slots that are gone, and counts the others. */

void ts_attempts_compact(ts_attempts_t *t, uint32_t i);

/* Drops the slots that have left the window: none, if the oldest has not. */

void ts_attempts_drop_old(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now);

static inline void
ts_attempts_prune(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->n != 0 && now - b->slots[0].time >= rule->window) {
        ts_attempts_drop_old(t, i, rule, now);
    }
}

/* Frees what locks whose time is over held back; looks at n of them. */

void ts_attempts_expire_locks(ts_attempts_t *t, uint32_t n, uint32_t now);


/* Whether a counter has room for an attempt; its index is not in the answer */

#define TS_ATTEMPTS_BUSY_RETRY  1

ts_attempts_verdict_t ts_attempts_judge(ts_attempts_t *t, uint32_t i,
    const ts_attempts_counter_t *counter, uint32_t now);


#endif /* TS_ATTEMPTS_TABLE_H */
