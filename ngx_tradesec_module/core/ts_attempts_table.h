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
    TS_ATTEMPTS_BLOCK_MORE,         /* further slots of a counter */
    TS_ATTEMPTS_BLOCK_JOINT         /* three counters in one, in the list of
                                       open ones */
};

/*
 * Two cache lines. A counter of up to five attempts is one block; the sixth
 * attempt starts a second block, of which only more, kind and slots are used.
 * Slots are in the order of their times.
 */

typedef struct {
    ts_attempts_key_t   key;
    uint32_t            chain;      /* next place of the bucket, or next block
                                       of the free */
    uint32_t            prev;
    uint32_t            next;
    uint16_t            n;
    uint8_t             level;      /* at the time of the last lock */
    uint8_t             kind;
    uint32_t            more;
    uint32_t            until;      /* end of the last lock, 0: never locked */
    uint16_t            failed;     /* slots in this state, of the n */
    uint16_t            neutral;
    uint32_t            lasts;      /* seconds of the last lock */
    ts_attempts_slot_t  slots[TS_ATTEMPTS_SLOTS];
} ts_attempts_block_t;


/*
 * Most attempts are at keys of which nothing is known, and most of these are
 * given back. So one block is enough for the three keys of such an attempt: it
 * is the counter of the first, with the attempt in its first slot, and has two
 * more faces in the place of slots, one for each other key. Whatever else is
 * to be written down of one of the keys, the block is split into three before.
 * The other two blocks are counted as used all the time, so they are there.
 *
 * Chains lead to faces: a block is four places long, and its head is like one.
 */

typedef struct {
    ts_attempts_key_t   key;
    uint32_t            chain;
    uint32_t            other;
    uint32_t            unused;
    uint16_t            unused16;
    uint8_t             unused8;
    uint8_t             kind;       /* that of the block, in each of them */
} __attribute__((may_alias)) ts_attempts_face_t;

#define TS_ATTEMPTS_JOINT   3       /* keys */
#define TS_ATTEMPTS_PLACES  4
#define TS_ATTEMPTS_SECOND  2       /* places of the other two faces */
#define TS_ATTEMPTS_THIRD   3

_Static_assert(sizeof(ts_attempts_block_t)
               == TS_ATTEMPTS_PLACES * sizeof(ts_attempts_face_t),
               "a block is four places");
_Static_assert(offsetof(ts_attempts_block_t, chain)
               == offsetof(ts_attempts_face_t, chain)
               && offsetof(ts_attempts_block_t, kind)
                  == offsetof(ts_attempts_face_t, kind),
               "the head of a block is like a face");
_Static_assert(offsetof(ts_attempts_block_t, slots[1])
               == TS_ATTEMPTS_SECOND * sizeof(ts_attempts_face_t),
               "the other faces stand behind the first slot");


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
    uint32_t  listed[3];        /* blocks, by their list */
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


static inline ts_attempts_face_t *
ts_attempts_face(const ts_attempts_t *t, uint32_t place)
{
    return (ts_attempts_face_t *) (uintptr_t) t + place;
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


/* The place of a key, from the first of its bucket; 0 when there is none. */

static inline uint32_t
ts_attempts_walk_chain(const ts_attempts_t *t, uint32_t place,
    const ts_attempts_key_t *key)
{
    ts_attempts_face_t  *f;

    for ( /* void */ ; place; place = f->chain) {
        f = ts_attempts_face(t, place);

        if (f->key.word[0] == key->word[0] && f->key.word[1] == key->word[1]) {
            break;
        }
    }

    return place;
}


static inline uint32_t
ts_attempts_place(const ts_attempts_t *t, const ts_attempts_key_t *key)
{
    return ts_attempts_walk_chain(t, *ts_attempts_bucket(t, key), key);
}


static inline void
ts_attempts_enchain(ts_attempts_t *t, uint32_t place)
{
    uint32_t            *bucket;
    ts_attempts_face_t  *f;

    f = ts_attempts_face(t, place);
    bucket = ts_attempts_bucket(t, &f->key);

    f->chain = *bucket;
    *bucket = place;
}


static inline void
ts_attempts_unchain(ts_attempts_t *t, const ts_attempts_face_t *f,
    uint32_t place)
{
    uint32_t  *link;

    for (link = ts_attempts_bucket(t, &f->key); *link != place;
         link = &ts_attempts_face(t, *link)->chain)
    {
        /* void */
    }

    *link = f->chain;
}


/* The counter of a key, 0 when there is none; a block of its own by now. */

void ts_attempts_split(ts_attempts_t *t, uint32_t i);

static inline uint32_t
ts_attempts_find(ts_attempts_t *t, const ts_attempts_key_t *key)
{
    uint32_t  place;

    place = ts_attempts_place(t, key);

    if (place && ts_attempts_face(t, place)->kind == TS_ATTEMPTS_BLOCK_JOINT) {
        ts_attempts_split(t, place / TS_ATTEMPTS_PLACES);
        place = ts_attempts_place(t, key);
    }

    return place / TS_ATTEMPTS_PLACES;
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
ts_attempts_enlist(ts_attempts_t *t, uint32_t i, uint32_t list)
{
    ts_attempts_block_t  *b, *head;

    b = ts_attempts_block(t, i);
    head = ts_attempts_block(t, list);

    b->prev = head->prev;
    b->next = list;

    ts_attempts_block(t, head->prev)->next = i;
    head->prev = i;

    t->listed[list]++;
}


static inline void
ts_attempts_delist(ts_attempts_t *t, uint32_t i, uint32_t list)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    ts_attempts_block(t, b->prev)->next = b->next;
    ts_attempts_block(t, b->next)->prev = b->prev;

    t->listed[list]--;
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

    ts_attempts_delist(t, i, b->kind);
    b->kind = kind;
    ts_attempts_enlist(t, i, kind);
}


void ts_attempts_give_more(ts_attempts_t *t, uint32_t i);

static inline void
ts_attempts_release(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    ts_attempts_unchain(t, (ts_attempts_face_t *) b, i * TS_ATTEMPTS_PLACES);
    ts_attempts_delist(t, i, b->kind);

    if (b->more) {
        ts_attempts_give_more(t, b->more);
    }

    ts_attempts_give(t, i);
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


/* All but its kind, without which nobody who puts things in order sees it. */

static inline void
ts_attempts_init_counter(ts_attempts_block_t *b, const ts_attempts_key_t *key)
{
    b->key = *key;
    b->n = 0;
    b->level = 0;
    b->more = 0;
    b->until = 0;
    b->failed = 0;
    b->neutral = 0;
    b->lasts = 0;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


/* These two need a free block: the second only if *_full() says so. */

static inline uint32_t
ts_attempts_add_counter(ts_attempts_t *t, const ts_attempts_key_t *key)
{
    uint32_t              i;
    ts_attempts_block_t  *b;

    i = ts_attempts_take(t);
    b = ts_attempts_block(t, i);

    ts_attempts_init_counter(b, key);
    b->kind = TS_ATTEMPTS_BLOCK_OPEN;

    ts_attempts_enchain(t, i * TS_ATTEMPTS_PLACES);
    ts_attempts_enlist(t, i, TS_ATTEMPTS_BLOCK_OPEN);

    return i;
}


void ts_attempts_add_more(ts_attempts_t *t, uint32_t i,
    const ts_attempts_slot_t *slot);

/*
 * The slot before its count: what lies there else may be of a face, and would
 * be taken for an attempt at any time.
 */

static inline void
ts_attempts_add_slot(ts_attempts_t *t, uint32_t i,
    const ts_attempts_slot_t *slot)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->n < TS_ATTEMPTS_SLOTS) {
        b->slots[b->n] = *slot;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        b->n++;

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
