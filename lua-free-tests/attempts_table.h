/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For tests of ts_attempts: a table in a block of exactly its size, and a walk
 * over all of it that checks what must hold between calls.
 */

#ifndef ATTEMPTS_TABLE_H
#define ATTEMPTS_TABLE_H

#include "ts_test.h"
#include "core/ts_attempts_table.h"


static inline ts_attempts_t *
new_table(size_t size)
{
    void  *memory;

    size = size / 64 * 64;
    memory = aligned_alloc(64, size);
    assert_non_null(memory);
    memset(memory, 0, size);

    return ts_attempts_init(memory, size);
}


/* One attempt in flight, found by each of its three keys. */

static inline void
check_joint(const ts_attempts_t *t, uint32_t i)
{
    uint32_t                    place;
    const ts_attempts_face_t   *f;
    const ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    assert_int_equal(b->n, 1);
    assert_int_equal(b->slots[0].state, TS_ATTEMPTS_SLOT_IN_FLIGHT);
    assert_int_equal(b->until, 0);
    assert_int_equal(b->more, 0);

    for (place = TS_ATTEMPTS_SECOND; place <= TS_ATTEMPTS_THIRD; place++) {
        f = ts_attempts_face(t, i * TS_ATTEMPTS_PLACES + place);

        assert_int_equal(f->kind, TS_ATTEMPTS_BLOCK_JOINT);
        assert_int_equal(ts_attempts_place(t, &f->key),
                         i * TS_ATTEMPTS_PLACES + place);
    }
}


static inline uint32_t
check_list(const ts_attempts_t *t, uint32_t kind)
{
    uint32_t                    i, n, prev;
    const ts_attempts_block_t  *b;

    n = 0;
    prev = kind;

    for (i = ts_attempts_block(t, kind)->next; i != kind; i = b->next) {
        assert_true(i >= TS_ATTEMPTS_FIRST && i < t->fresh);
        b = ts_attempts_block(t, i);

        assert_int_equal(b->prev, prev);
        assert_int_equal(ts_attempts_place(t, &b->key),
                         i * TS_ATTEMPTS_PLACES);

        if (b->kind == TS_ATTEMPTS_BLOCK_JOINT) {
            assert_int_equal(kind, TS_ATTEMPTS_BLOCK_OPEN);
            check_joint(t, i);

        } else {
            assert_int_equal(b->kind, kind);
        }

        prev = i;
        n++;
        assert_true(n <= t->blocks);
    }

    assert_int_equal(ts_attempts_block(t, kind)->prev, prev);

    return n;
}


/*
 * The counts of a counter are those of its slots, which are in order, unless
 * a call was cut off that moved them.
 */

static inline void
check_slots(const ts_attempts_t *t, ts_attempts_block_t *b, int cut)
{
    uint32_t             k, time, states[4];
    ts_attempts_slot_t  *slot;
    ts_attempts_walk_t   walk;

    memset(states, 0, sizeof(states));
    walk = ts_attempts_walk(b);
    time = 0;

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);
        states[slot->state]++;

        assert_true(slot->time <= t->now);
        assert_true(slot->time >= time || cut);
        time = slot->time;
    }

    assert_int_equal(states[TS_ATTEMPTS_SLOT_GONE], 0);
    assert_int_equal(states[TS_ATTEMPTS_SLOT_FAILED], b->failed);
    assert_int_equal(states[TS_ATTEMPTS_SLOT_NEUTRAL], b->neutral);
}


static inline void
check_blocks(const ts_attempts_t *t, int cut)
{
    uint32_t              i, m, kinds[5], more, free, joint;
    ts_attempts_block_t  *b;

    assert_int_equal(t->busy, 0);
    assert_true(t->fresh <= t->blocks + TS_ATTEMPTS_FIRST);

    memset(kinds, 0, sizeof(kinds));
    more = 0;

    for (i = TS_ATTEMPTS_FIRST; i < t->fresh; i++) {
        b = ts_attempts_block(t, i);
        kinds[b->kind]++;

        if (b->kind == TS_ATTEMPTS_BLOCK_OPEN
            || b->kind == TS_ATTEMPTS_BLOCK_LOCKED)
        {
            for (m = b->more; m; m = ts_attempts_block(t, m)->more) {
                assert_int_equal(ts_attempts_block(t, m)->kind,
                                 TS_ATTEMPTS_BLOCK_MORE);
                more++;
                assert_true(more <= t->blocks);
            }

            if (b->n > TS_ATTEMPTS_SLOTS) {
                assert_int_not_equal(b->more, 0);
            }

            check_slots(t, b, cut);
        }
    }

    for (i = t->free, free = 0; i; i = ts_attempts_block(t, i)->chain) {
        assert_int_equal(ts_attempts_block(t, i)->kind, 0);
        free++;
        assert_true(free <= t->blocks);
    }

    assert_int_equal(free, kinds[TS_ATTEMPTS_BLOCK_FREE]);
    assert_int_equal(more, kinds[TS_ATTEMPTS_BLOCK_MORE]);

    joint = kinds[TS_ATTEMPTS_BLOCK_JOINT];
    kinds[TS_ATTEMPTS_BLOCK_OPEN] += joint;

    assert_int_equal(t->used, t->fresh - TS_ATTEMPTS_FIRST - free
                              + (TS_ATTEMPTS_JOINT - 1) * joint);
    assert_true(t->used <= t->blocks);

    for (i = TS_ATTEMPTS_BLOCK_OPEN; i <= TS_ATTEMPTS_BLOCK_LOCKED; i++) {
        assert_int_equal(check_list(t, i), t->listed[i]);
        assert_int_equal(t->listed[i], kinds[i]);
    }
}


static inline void
check_table(const ts_attempts_t *t)
{
    check_blocks(t, 0);
}


/* One that was put in order behind a call that was cut off. */

static inline void
check_cut_table(const ts_attempts_t *t)
{
    check_blocks(t, 1);
}


#endif /* ATTEMPTS_TABLE_H */
