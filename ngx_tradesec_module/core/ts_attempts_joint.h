/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Three counters in one block, see core/ts_attempts_table.h: how an attempt at
 * keys of which nothing is known comes and goes.
 */

#ifndef TS_ATTEMPTS_JOINT_H
#define TS_ATTEMPTS_JOINT_H

#include "core/ts_attempts_table.h"


static inline void
ts_attempts_add_face(ts_attempts_face_t *f, uint32_t place, uint32_t *bucket,
    const ts_attempts_counter_t *c)
{
    f->key = c->key;
    f->other = c->other;
    f->kind = TS_ATTEMPTS_BLOCK_JOINT;
    f->chain = *bucket;
    *bucket = place;
}


/*
 * Charges the attempt if it has three keys of which none is in the table, and
 * if there is memory. Returns 0 when somebody has to look closer.
 */

static inline int
ts_attempts_add_joint(ts_attempts_t *t, const ts_attempt_t *attempt,
    uint32_t now)
{
    uint32_t                     *one, *two, *three, i, place;
    ts_attempts_face_t           *f;
    ts_attempts_block_t          *b;
    const ts_attempts_counter_t  *c;

    c = attempt->counters;

    if (attempt->n != TS_ATTEMPTS_JOINT
        || t->blocks - t->used < TS_ATTEMPTS_JOINT)
    {
        return 0;
    }

    one = ts_attempts_bucket(t, &c[0].key);
    two = ts_attempts_bucket(t, &c[1].key);
    three = ts_attempts_bucket(t, &c[2].key);

    if (ts_attempts_walk_chain(t, *one, &c[0].key)
        || ts_attempts_walk_chain(t, *two, &c[1].key)
        || ts_attempts_walk_chain(t, *three, &c[2].key))
    {
        return 0;
    }

    t->used += TS_ATTEMPTS_JOINT - 1;
    i = ts_attempts_take(t);
    b = ts_attempts_block(t, i);
    place = i * TS_ATTEMPTS_PLACES;
    f = ts_attempts_face(t, place);

    b->slots[0] = ts_attempts_slot(attempt->id, now, c[0].other);
    ts_attempts_add_face(f + TS_ATTEMPTS_SECOND, place + TS_ATTEMPTS_SECOND,
                         two, &c[1]);
    ts_attempts_add_face(f + TS_ATTEMPTS_THIRD, place + TS_ATTEMPTS_THIRD,
                         three, &c[2]);

    ts_attempts_init_counter(b, &c[0].key);
    b->n = 1;
    b->kind = TS_ATTEMPTS_BLOCK_JOINT;
    b->chain = *one;
    *one = place;

    ts_attempts_enlist(t, i, TS_ATTEMPTS_BLOCK_OPEN);

    return 1;
}


/* All three counters go. */

static inline void
ts_attempts_release_joint(ts_attempts_t *t, uint32_t i)
{
    uint32_t             place;
    ts_attempts_face_t  *f;

    place = i * TS_ATTEMPTS_PLACES;
    f = ts_attempts_face(t, place);

    ts_attempts_unchain(t, f, place);
    ts_attempts_unchain(t, f + TS_ATTEMPTS_SECOND, place + TS_ATTEMPTS_SECOND);
    ts_attempts_unchain(t, f + TS_ATTEMPTS_THIRD, place + TS_ATTEMPTS_THIRD);
    ts_attempts_delist(t, i, TS_ATTEMPTS_BLOCK_OPEN);

    t->used -= TS_ATTEMPTS_JOINT - 1;
    ts_attempts_give(t, i);
}


/* Gives the attempt back if nothing else came to be known of its keys. */

static inline int
ts_attempts_take_joint(ts_attempts_t *t, const ts_attempt_t *attempt)
{
    uint32_t  place;

    place = ts_attempts_place(t, &attempt->counters[0].key);

    if (place == 0
        || ts_attempts_face(t, place)->kind != TS_ATTEMPTS_BLOCK_JOINT
        || ts_attempts_block(t, place / TS_ATTEMPTS_PLACES)->slots[0].id
           != attempt->id)
    {
        return 0;
    }

    ts_attempts_release_joint(t, place / TS_ATTEMPTS_PLACES);

    return 1;
}


#endif /* TS_ATTEMPTS_JOINT_H */
