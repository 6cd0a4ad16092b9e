/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_attempts_joint.h"


#define TS_ATTEMPTS_EXPIRE  64  /* locks looked at when memory is short */


static void ts_attempts_repair_joint(ts_attempts_t *t, uint32_t i);
static void ts_attempts_repair_counter(ts_attempts_t *t, uint32_t i);
static void ts_attempts_make_lists(ts_attempts_t *t);


ts_attempts_t *
ts_attempts_init(void *memory, size_t size)
{
    size_t          n;
    uint32_t        buckets;
    ts_attempts_t  *t;

    t = memory;

    n = size / (sizeof(ts_attempts_block_t) + sizeof(uint32_t));

    if (n > UINT32_MAX / TS_ATTEMPTS_PLACES) {
        n = UINT32_MAX / TS_ATTEMPTS_PLACES;
    }

    for (buckets = 1; buckets <= n / 2; buckets *= 2) { /* void */ }

    size = (size - buckets * sizeof(uint32_t)) / sizeof(ts_attempts_block_t);

    if (size > UINT32_MAX / TS_ATTEMPTS_PLACES) {
        size = UINT32_MAX / TS_ATTEMPTS_PLACES;
    }

    t->version = TS_ATTEMPTS_VERSION;
    t->mask = buckets - 1;
    t->buckets = size * sizeof(ts_attempts_block_t);
    t->blocks = (uint32_t) size - TS_ATTEMPTS_FIRST;
    t->fresh = TS_ATTEMPTS_FIRST;

    ts_attempts_make_lists(t);

    return t;
}


int
ts_attempts_evict(ts_attempts_t *t, uint32_t n, const uint32_t *pinned,
    uint32_t npinned, uint32_t now)
{
    uint32_t  i, k, held;

    for (held = 0, k = 0; k < npinned; k++) {
        held += pinned[k] != 0;
    }

    while (t->blocks - t->used < n) {

        if (t->listed[TS_ATTEMPTS_BLOCK_OPEN] == held) {
            ts_attempts_expire_locks(t, TS_ATTEMPTS_EXPIRE, now);
        }

        if (t->listed[TS_ATTEMPTS_BLOCK_OPEN] == held) {
            return 0;
        }

        i = ts_attempts_block(t, TS_ATTEMPTS_BLOCK_OPEN)->next;

        for (k = 0; k < npinned && pinned[k] != i; k++) { /* void */ }

        if (k < npinned) {
            ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_OPEN);
            continue;
        }

        if (ts_attempts_block(t, i)->kind == TS_ATTEMPTS_BLOCK_JOINT) {
            ts_attempts_release_joint(t, i);
            t->evicted += TS_ATTEMPTS_JOINT;

        } else {
            ts_attempts_release(t, i);
            t->evicted++;
        }
    }

    return 1;
}


/* In an order in which a death on the way loses nothing. */

void
ts_attempts_split(ts_attempts_t *t, uint32_t i)
{
    uint32_t             k, place;
    ts_attempts_face_t  *f;
    ts_attempts_slot_t   slot;

    t->used -= TS_ATTEMPTS_JOINT - 1;
    slot = ts_attempts_block(t, i)->slots[0];

    for (k = TS_ATTEMPTS_SECOND; k <= TS_ATTEMPTS_THIRD; k++) {
        place = i * TS_ATTEMPTS_PLACES + k;
        f = ts_attempts_face(t, place);
        slot.other = f->other & 0x3fffffff;

        ts_attempts_unchain(t, f, place);
        ts_attempts_add_slot(t, ts_attempts_add_counter(t, &f->key), &slot);
    }

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    ts_attempts_block(t, i)->kind = TS_ATTEMPTS_BLOCK_OPEN;
}


void
ts_attempts_add_more(ts_attempts_t *t, uint32_t i,
    const ts_attempts_slot_t *slot)
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

    last->slots[b->n % TS_ATTEMPTS_SLOTS] = *slot;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    b->n++;
}


void
ts_attempts_compact(ts_attempts_t *t, uint32_t i)
{
    uint32_t              k, kept, states[4];
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    from, to;
    ts_attempts_block_t  *b, *last;

    b = ts_attempts_block(t, i);

    from = ts_attempts_walk(b);
    to = from;
    kept = 0;
    memset(states, 0, sizeof(states));

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &from);
        states[slot->state]++;

        if (slot->state != TS_ATTEMPTS_SLOT_GONE) {
            *ts_attempts_step(t, &to) = *slot;
            kept++;
        }
    }

    b->n = (uint16_t) kept;
    b->failed = (uint16_t) states[TS_ATTEMPTS_SLOT_FAILED];
    b->neutral = (uint16_t) states[TS_ATTEMPTS_SLOT_NEUTRAL];

    last = b;

    for (k = TS_ATTEMPTS_SLOTS; k < kept; k += TS_ATTEMPTS_SLOTS) {
        last = ts_attempts_block(t, last->more);
    }

    ts_attempts_give_more(t, last->more);
    last->more = 0;
}


void
ts_attempts_drop_old(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now)
{
    uint32_t              k;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    walk = ts_attempts_walk(b);

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);

        if (now - slot->time >= rule->window) {
            slot->state = TS_ATTEMPTS_SLOT_GONE;
        }
    }

    ts_attempts_compact(t, i);
}


void
ts_attempts_expire_locks(ts_attempts_t *t, uint32_t n, uint32_t now)
{
    uint32_t  i;

    if (n > t->listed[TS_ATTEMPTS_BLOCK_LOCKED]) {
        n = t->listed[TS_ATTEMPTS_BLOCK_LOCKED];
    }

    while (n--) {
        i = ts_attempts_block(t, TS_ATTEMPTS_BLOCK_LOCKED)->next;

        ts_attempts_touch(t, i, ts_attempts_block(t, i)->until > now
                                ? TS_ATTEMPTS_BLOCK_LOCKED
                                : TS_ATTEMPTS_BLOCK_OPEN);
    }
}


ts_attempts_stats_t
ts_attempts_stats(const ts_attempts_t *t)
{
    return (ts_attempts_stats_t) {
        t->locks, t->evicted, t->full, t->repaired, t->cleared,
        t->listed[TS_ATTEMPTS_BLOCK_LOCKED], t->used, t->blocks
    };
}


/*
 * A process died within a call: any list may be torn. The blocks themselves
 * tell what they are, so buckets, lists and the free blocks are made anew
 * from them. The order of use is lost, and the call that was cut off may be
 * half done: an attempt charged to some of its keys stays charged there.
 */

void
ts_attempts_repair(ts_attempts_t *t)
{
    uint32_t  i, kind;

    memset((uint8_t *) t + t->buckets, 0, (t->mask + 1) * sizeof(uint32_t));

    ts_attempts_make_lists(t);

    t->free = 0;
    t->used = t->fresh - TS_ATTEMPTS_FIRST;

    /* a counter claims its further blocks by setting their prev */

    for (i = TS_ATTEMPTS_FIRST; i < t->fresh; i++) {
        if (ts_attempts_block(t, i)->kind == TS_ATTEMPTS_BLOCK_MORE) {
            ts_attempts_block(t, i)->prev = 0;
        }
    }

    /* a block that was being split still has what is in the new ones */

    for (i = TS_ATTEMPTS_FIRST; i < t->fresh; i++) {
        if (ts_attempts_block(t, i)->kind == TS_ATTEMPTS_BLOCK_JOINT) {
            ts_attempts_repair_joint(t, i);
        }
    }

    for (i = TS_ATTEMPTS_FIRST; i < t->fresh; i++) {
        kind = ts_attempts_block(t, i)->kind;

        if (kind == TS_ATTEMPTS_BLOCK_OPEN || kind == TS_ATTEMPTS_BLOCK_LOCKED)
        {
            ts_attempts_repair_counter(t, i);
        }
    }

    for (i = TS_ATTEMPTS_FIRST; i < t->fresh; i++) {
        kind = ts_attempts_block(t, i)->kind;

        if (kind == TS_ATTEMPTS_BLOCK_FREE
            || (kind == TS_ATTEMPTS_BLOCK_MORE
                && ts_attempts_block(t, i)->prev == 0))
        {
            ts_attempts_give(t, i);
        }
    }

    /* compaction only now: it frees blocks, whose list must be sound */

    for (i = TS_ATTEMPTS_FIRST; i < t->fresh; i++) {
        kind = ts_attempts_block(t, i)->kind;

        if (kind == TS_ATTEMPTS_BLOCK_OPEN || kind == TS_ATTEMPTS_BLOCK_LOCKED)
        {
            ts_attempts_compact(t, i);
        }
    }
}


static void
ts_attempts_repair_joint(ts_attempts_t *t, uint32_t i)
{
    uint32_t  place;

    place = i * TS_ATTEMPTS_PLACES;

    ts_attempts_enchain(t, place);
    ts_attempts_enchain(t, place + TS_ATTEMPTS_SECOND);
    ts_attempts_enchain(t, place + TS_ATTEMPTS_THIRD);
    ts_attempts_enlist(t, i, TS_ATTEMPTS_BLOCK_OPEN);

    t->used += TS_ATTEMPTS_JOINT - 1;
}


static void
ts_attempts_repair_counter(ts_attempts_t *t, uint32_t i)
{
    uint32_t              k;
    ts_attempts_block_t  *b, *last, *more;

    b = ts_attempts_block(t, i);

    if (ts_attempts_place(t, &b->key)) {
        b->kind = TS_ATTEMPTS_BLOCK_FREE;
        return;
    }

    last = b;

    for (k = TS_ATTEMPTS_SLOTS; k < b->n; k += TS_ATTEMPTS_SLOTS) {

        if (last->more < TS_ATTEMPTS_FIRST || last->more >= t->fresh) {
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

    ts_attempts_enchain(t, i * TS_ATTEMPTS_PLACES);
    ts_attempts_enlist(t, i, b->kind);
}


static void
ts_attempts_make_lists(ts_attempts_t *t)
{
    uint32_t  kind;

    for (kind = TS_ATTEMPTS_BLOCK_OPEN; kind <= TS_ATTEMPTS_BLOCK_LOCKED;
         kind++)
    {
        ts_attempts_block(t, kind)->prev = kind;
        ts_attempts_block(t, kind)->next = kind;
        t->listed[kind] = 0;
    }
}


void
ts_attempts_give_more(ts_attempts_t *t, uint32_t i)
{
    uint32_t  next;

    for ( /* void */ ; i; i = next) {
        next = ts_attempts_block(t, i)->more;
        ts_attempts_give(t, i);
    }
}
