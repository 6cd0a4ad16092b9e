/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_attempts_table.h"


#define TS_ATTEMPTS_EXPIRE  64  /* locks looked at when memory is short */


static void ts_attempts_repair(ts_attempts_t *t);
static void ts_attempts_repair_counter(ts_attempts_t *t, uint32_t i);
static void ts_attempts_insert(ts_attempts_t *t, uint32_t i);
static uint32_t ts_attempts_take(ts_attempts_t *t);
static void ts_attempts_give(ts_attempts_t *t, uint32_t i);
static void ts_attempts_give_more(ts_attempts_t *t, uint32_t i);
static void ts_attempts_enlist(ts_attempts_t *t, uint32_t i);
static void ts_attempts_delist(ts_attempts_t *t, uint32_t i);


ts_attempts_t *
ts_attempts_init(void *memory, size_t size)
{
    size_t          n;
    uint32_t        buckets;
    ts_attempts_t  *t;

    t = memory;

    n = size / (sizeof(ts_attempts_block_t) + sizeof(uint32_t));

    if (n > UINT32_MAX / 4) {
        n = UINT32_MAX / 4;
    }

    for (buckets = 1; buckets <= n / 2; buckets *= 2) { /* void */ }

    t->version = TS_ATTEMPTS_VERSION;
    t->mask = buckets - 1;
    t->fresh = 1;

    /* block 0 is never used: it lies where the head and the buckets end */

    t->first_block = (sizeof(ts_attempts_t) + buckets * sizeof(uint32_t) + 63)
                     / 64 * 64 - sizeof(ts_attempts_block_t);

    t->blocks = (uint32_t) ((size - t->first_block)
                            / sizeof(ts_attempts_block_t)) - 1;

    return t;
}


/*
 * The fence keeps the compiler from moving changes out of the marked section;
 * what a process has written before it dies, others see in that order.
 */

uint32_t
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


void
ts_attempts_close(ts_attempts_t *t)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    t->busy = 0;
}


uint32_t
ts_attempts_find(const ts_attempts_t *t, const ts_attempts_key_t *key)
{
    uint32_t                    i;
    const ts_attempts_block_t  *b;

    for (i = t->buckets[key->word[0] & t->mask]; i; i = b->chain) {
        b = ts_attempts_block(t, i);

        if (b->key.word[0] == key->word[0] && b->key.word[1] == key->word[1]) {
            return i;
        }
    }

    return 0;
}


int
ts_attempts_make_room(ts_attempts_t *t, uint32_t n, const uint32_t *pinned,
    uint32_t npinned, uint32_t now)
{
    uint32_t  i, k;

    while (t->blocks - t->used < n) {

        if (t->open == npinned) {
            ts_attempts_expire_locks(t, TS_ATTEMPTS_EXPIRE, now);
        }

        if (t->open == npinned) {
            return 0;
        }

        i = t->open_list.first;

        for (k = 0; k < npinned && pinned[k] != i; k++) { /* void */ }

        if (k < npinned) {
            ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_OPEN);
            continue;
        }

        ts_attempts_release(t, i);
        t->evicted++;
    }

    return 1;
}


uint32_t
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

    ts_attempts_insert(t, i);

    return i;
}


void
ts_attempts_add_slot(ts_attempts_t *t, uint32_t i, ts_attempts_slot_t slot)
{
    uint32_t              more;
    ts_attempts_block_t  *b, *last;

    b = ts_attempts_block(t, i);

    for (last = b; last->more; last = ts_attempts_block(t, last->more)) {
        /* void */
    }

    if (ts_attempts_full(b)) {
        more = ts_attempts_take(t);
        last->more = more;
        last = ts_attempts_block(t, more);
        last->more = 0;
        last->kind = TS_ATTEMPTS_BLOCK_MORE;
    }

    last->slots[b->n % TS_ATTEMPTS_SLOTS] = slot;
    b->n++;
}


void
ts_attempts_compact(ts_attempts_t *t, uint32_t i)
{
    uint32_t              k, kept;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    from, to;
    ts_attempts_block_t  *b, *last;

    b = ts_attempts_block(t, i);

    from = ts_attempts_walk(b);
    to = from;
    kept = 0;

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &from);

        if (slot->state != TS_ATTEMPTS_SLOT_GONE) {
            *ts_attempts_step(t, &to) = *slot;
            kept++;
        }
    }

    b->n = (uint16_t) kept;

    last = b;

    for (k = TS_ATTEMPTS_SLOTS; k < kept; k += TS_ATTEMPTS_SLOTS) {
        last = ts_attempts_block(t, last->more);
    }

    ts_attempts_give_more(t, last->more);
    last->more = 0;
}


void
ts_attempts_release(ts_attempts_t *t, uint32_t i)
{
    uint32_t             *link;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    link = &t->buckets[b->key.word[0] & t->mask];

    while (*link != i) {
        link = &ts_attempts_block(t, *link)->chain;
    }

    *link = b->chain;

    ts_attempts_delist(t, i);
    ts_attempts_give_more(t, b->more);
    ts_attempts_give(t, i);
}


void
ts_attempts_touch(ts_attempts_t *t, uint32_t i, uint8_t kind)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->kind == kind && b->next == 0) {
        return;
    }

    ts_attempts_delist(t, i);
    b->kind = kind;
    ts_attempts_enlist(t, i);
}


void
ts_attempts_expire_locks(ts_attempts_t *t, uint32_t n, uint32_t now)
{
    uint32_t  i;

    if (n > t->locked) {
        n = t->locked;
    }

    while (n--) {
        i = t->locked_list.first;

        ts_attempts_touch(t, i, ts_attempts_block(t, i)->until > now
                                ? TS_ATTEMPTS_BLOCK_LOCKED
                                : TS_ATTEMPTS_BLOCK_OPEN);
    }
}


ts_attempts_stats_t
ts_attempts_stats(const ts_attempts_t *t)
{
    return (ts_attempts_stats_t) {
        t->locks, t->evicted, t->full, t->repaired,
        t->locked, t->used, t->blocks
    };
}


/*
 * A process died within a call: any list may be torn. The blocks themselves
 * tell what they are, so buckets, lists and the free blocks are made anew
 * from them. The order of use is lost, and the call that was cut off may be
 * half done: an attempt charged to some of its keys stays charged there.
 */

static void
ts_attempts_repair(ts_attempts_t *t)
{
    uint32_t  i, kind;

    memset(t->buckets, 0, (t->mask + 1) * sizeof(uint32_t));

    t->open_list = t->locked_list = (ts_attempts_list_t) { 0, 0 };
    t->open = t->locked = 0;
    t->free = 0;
    t->used = t->fresh - 1;

    /* a counter claims its further blocks by setting their prev */

    for (i = 1; i < t->fresh; i++) {
        if (ts_attempts_block(t, i)->kind == TS_ATTEMPTS_BLOCK_MORE) {
            ts_attempts_block(t, i)->prev = 0;
        }
    }

    for (i = 1; i < t->fresh; i++) {
        kind = ts_attempts_block(t, i)->kind;

        if (kind == TS_ATTEMPTS_BLOCK_OPEN || kind == TS_ATTEMPTS_BLOCK_LOCKED)
        {
            ts_attempts_repair_counter(t, i);
        }
    }

    for (i = 1; i < t->fresh; i++) {
        kind = ts_attempts_block(t, i)->kind;

        if (kind == TS_ATTEMPTS_BLOCK_FREE
            || (kind == TS_ATTEMPTS_BLOCK_MORE
                && ts_attempts_block(t, i)->prev == 0))
        {
            ts_attempts_give(t, i);
        }
    }

    /* compaction only now: it frees blocks, whose list must be sound */

    for (i = 1; i < t->fresh; i++) {
        kind = ts_attempts_block(t, i)->kind;

        if (kind == TS_ATTEMPTS_BLOCK_OPEN || kind == TS_ATTEMPTS_BLOCK_LOCKED)
        {
            ts_attempts_compact(t, i);
        }
    }
}


static void
ts_attempts_repair_counter(ts_attempts_t *t, uint32_t i)
{
    uint32_t              k;
    ts_attempts_block_t  *b, *last, *more;

    b = ts_attempts_block(t, i);

    if (ts_attempts_find(t, &b->key)) {
        b->kind = TS_ATTEMPTS_BLOCK_FREE;
        return;
    }

    last = b;

    for (k = TS_ATTEMPTS_SLOTS; k < b->n; k += TS_ATTEMPTS_SLOTS) {

        if (last->more == 0 || last->more >= t->fresh) {
            break;
        }

        more = ts_attempts_block(t, last->more);

        if (more->kind != TS_ATTEMPTS_BLOCK_MORE || more->prev) {
            break;
        }

        more->prev = i;
        last = more;
    }

    if (k < b->n) {
        b->n = (uint16_t) k;
    }

    last->more = 0;

    ts_attempts_insert(t, i);
}


static void
ts_attempts_insert(ts_attempts_t *t, uint32_t i)
{
    uint32_t             *bucket;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    bucket = &t->buckets[b->key.word[0] & t->mask];

    b->chain = *bucket;
    *bucket = i;

    ts_attempts_enlist(t, i);
}


static uint32_t
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


static void
ts_attempts_give(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    b->kind = TS_ATTEMPTS_BLOCK_FREE;
    b->chain = t->free;
    t->free = i;
    t->used--;
}


static void
ts_attempts_give_more(ts_attempts_t *t, uint32_t i)
{
    uint32_t  next;

    for ( /* void */ ; i; i = next) {
        next = ts_attempts_block(t, i)->more;
        ts_attempts_give(t, i);
    }
}


static ts_attempts_list_t *
ts_attempts_list(ts_attempts_t *t, const ts_attempts_block_t *b)
{
    return b->kind == TS_ATTEMPTS_BLOCK_LOCKED ? &t->locked_list
                                               : &t->open_list;
}


static uint32_t *
ts_attempts_count(ts_attempts_t *t, const ts_attempts_block_t *b)
{
    return b->kind == TS_ATTEMPTS_BLOCK_LOCKED ? &t->locked : &t->open;
}


static void
ts_attempts_enlist(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_list_t   *list;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    list = ts_attempts_list(t, b);

    b->prev = list->last;
    b->next = 0;

    if (list->last) {
        ts_attempts_block(t, list->last)->next = i;

    } else {
        list->first = i;
    }

    list->last = i;
    ++*ts_attempts_count(t, b);
}


static void
ts_attempts_delist(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_list_t   *list;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    list = ts_attempts_list(t, b);

    if (b->prev) {
        ts_attempts_block(t, b->prev)->next = b->next;

    } else {
        list->first = b->next;
    }

    if (b->next) {
        ts_attempts_block(t, b->next)->prev = b->prev;

    } else {
        list->last = b->prev;
    }

    --*ts_attempts_count(t, b);
}
