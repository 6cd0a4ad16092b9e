/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Counting along with another home, whose verdict it is.
 */

#include "core/ts_attempts_joint.h"


#define TS_ATTEMPTS_MIRROR_MAX  (4 * TS_ATTEMPTS_LIMIT_MAX)


static int ts_attempts_mirror_counter(ts_attempts_t *t,
    const ts_attempts_counter_t *c, const ts_attempts_slot_t *slot,
    uint32_t now);


int
ts_attempts_mirror(ts_attempts_t *t, const ts_attempt_t *attempt,
    uint32_t now)
{
    int                 all;
    uint32_t            k;
    ts_attempts_slot_t  slot;

    now = ts_attempts_open(t, now);

    if (ts_attempts_add_joint(t, attempt, now)) {
        ts_attempts_close(t);
        return 1;
    }

    all = 1;

    for (k = 0; k < attempt->n; k++) {
        slot = ts_attempts_slot(attempt->id, now, attempt->counters[k].other);
        all &= ts_attempts_mirror_counter(t, &attempt->counters[k], &slot,
                                          now);
    }

    ts_attempts_close(t);

    return all;
}


static int
ts_attempts_mirror_counter(ts_attempts_t *t, const ts_attempts_counter_t *c,
    const ts_attempts_slot_t *slot, uint32_t now)
{
    uint32_t              i;
    ts_attempts_block_t  *b;

    i = ts_attempts_find(t, &c->key);

    if (i) {
        b = ts_attempts_block(t, i);

        ts_attempts_touch(t, i, b->until > now ? TS_ATTEMPTS_BLOCK_LOCKED
                                               : TS_ATTEMPTS_BLOCK_OPEN);
        ts_attempts_prune(t, i, c->rule, now);

        if (b->n >= TS_ATTEMPTS_MIRROR_MAX) {
            return 0;
        }

        if (!ts_attempts_full(b)) {
            ts_attempts_add_slot(t, i, slot);
            return 1;
        }
    }

    /* where everything else is locked, this may evict the counter itself */

    if (!ts_attempts_make_room(t, 1, NULL, 0, now)) {
        return 0;
    }

    i = ts_attempts_find(t, &c->key);

    if (i == 0) {
        i = ts_attempts_add_counter(t, &c->key);
    }

    ts_attempts_add_slot(t, i, slot);

    return 1;
}
