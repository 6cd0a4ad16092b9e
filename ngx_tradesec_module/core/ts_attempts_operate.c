/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What an operator does with counters: looks at one, and clears them.
 */

#include "core/ts_attempts_table.h"


static int ts_attempts_clear_counter(ts_attempts_t *t, uint32_t i);


int
ts_attempts_look(ts_attempts_t *t, const ts_attempts_key_t *key,
    uint32_t window, uint32_t now, ts_attempts_view_t *view)
{
    uint32_t              i, k;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;

    *view = (ts_attempts_view_t) { 0, 0, 0, 0, 0 };

    now = ts_attempts_open(t, now);
    i = ts_attempts_find(t, key);
    b = ts_attempts_block(t, i);

    if (i != 0) {
        view->level = b->level;
        view->locked = b->until == TS_ATTEMPTS_FOREVER ? TS_ATTEMPTS_FOREVER
                       : b->until > now ? b->until - now : 0;

        walk = ts_attempts_walk(b);

        for (k = 0; k < b->n; k++) {
            slot = ts_attempts_step(t, &walk);

            if (now - slot->time < window) {
                view->failed += slot->state == TS_ATTEMPTS_SLOT_FAILED;
                view->neutral += slot->state == TS_ATTEMPTS_SLOT_NEUTRAL;
                view->in_flight += slot->state == TS_ATTEMPTS_SLOT_IN_FLIGHT;
            }
        }
    }

    ts_attempts_close(t);

    return i != 0;
}


int
ts_attempts_clear(ts_attempts_t *t, const ts_attempts_key_t *key,
    uint32_t now)
{
    int       locked;
    uint32_t  i;

    (void) ts_attempts_open(t, now);

    i = ts_attempts_find(t, key);
    locked = i != 0 && ts_attempts_clear_counter(t, i);

    ts_attempts_close(t);

    return locked;
}


uint32_t
ts_attempts_clear_part(ts_attempts_t *t, uint32_t *cursor,
    const ts_attempts_part_t *part, uint32_t now)
{
    uint32_t              i, end, n;
    ts_attempts_block_t  *b;

    (void) ts_attempts_open(t, now);
    n = 0;

    i = *cursor < TS_ATTEMPTS_FIRST ? TS_ATTEMPTS_FIRST
        : *cursor > t->fresh ? t->fresh : *cursor;

    end = t->fresh - i > TS_ATTEMPTS_SCAN ? i + TS_ATTEMPTS_SCAN : t->fresh;

    for ( /* void */ ; i < end; i++) {
        b = ts_attempts_block(t, i);

        if (b->kind == TS_ATTEMPTS_BLOCK_LOCKED
            && (b->key.word[1] & part->mask) == part->value)
        {
            n += (uint32_t) ts_attempts_clear_counter(t, i);
        }
    }

    *cursor = i < t->fresh ? i : 0;

    ts_attempts_close(t);

    return n;
}


/* Attempts in flight stay charged: their outcome is still open. */

static int
ts_attempts_clear_counter(ts_attempts_t *t, uint32_t i)
{
    int                   locked;
    uint32_t              k;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    locked = b->kind == TS_ATTEMPTS_BLOCK_LOCKED && b->until > t->now;

    walk = ts_attempts_walk(b);

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);

        if (slot->state != TS_ATTEMPTS_SLOT_IN_FLIGHT) {
            slot->state = TS_ATTEMPTS_SLOT_GONE;
        }
    }

    ts_attempts_compact(t, i);

    b->until = 0;
    b->level = 0;
    b->lasts = 0;

    if (b->n == 0) {
        ts_attempts_release(t, i);

    } else {
        ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_OPEN);
    }

    t->cleared++;

    return locked;
}
