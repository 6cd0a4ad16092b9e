/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How counters outlive their memory: copied to another table when a zone
 * changes its size, and their locks read out and put back over a restart.
 */

#include "core/ts_attempts_table.h"


static int ts_attempts_copy_counter(ts_attempts_t *to, ts_attempts_t *from,
    ts_attempts_block_t *b);


uint32_t
ts_attempts_copy(ts_attempts_t *to, ts_attempts_t *from)
{
    uint32_t              i, lost, now;
    ts_attempts_block_t  *b;

    now = ts_attempts_open(from, 0);
    now = ts_attempts_open(to, now);

    lost = 0;

    i = ts_attempts_block(from, TS_ATTEMPTS_BLOCK_LOCKED)->next;

    for ( /* void */ ; i != TS_ATTEMPTS_BLOCK_LOCKED; i = b->next) {
        b = ts_attempts_block(from, i);

        if (!ts_attempts_copy_counter(to, from, b)) {
            lost += b->until > now;
        }
    }

    i = ts_attempts_block(from, TS_ATTEMPTS_BLOCK_OPEN)->next;

    for ( /* void */ ; i != TS_ATTEMPTS_BLOCK_OPEN; i = b->next) {
        b = ts_attempts_block(from, i);

        if (b->kind == TS_ATTEMPTS_BLOCK_JOINT) {
            ts_attempts_split(from, i);
        }

        (void) ts_attempts_copy_counter(to, from, b);
    }

    ts_attempts_close(to);
    ts_attempts_close(from);

    return lost;
}


static int
ts_attempts_copy_counter(ts_attempts_t *to, ts_attempts_t *from,
    ts_attempts_block_t *b)
{
    uint32_t              i, k;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *copy;

    if (!ts_attempts_make_room(to, 1 + b->n / TS_ATTEMPTS_SLOTS, NULL, 0,
                               to->now))
    {
        return 0;
    }

    i = ts_attempts_add_counter(to, &b->key);

    copy = ts_attempts_block(to, i);
    copy->until = b->until;
    copy->level = b->level;
    copy->failed = b->failed;
    copy->neutral = b->neutral;
    copy->lasts = b->lasts;

    walk = ts_attempts_walk(b);

    for (k = 0; k < b->n; k++) {
        ts_attempts_add_slot(to, i, ts_attempts_step(from, &walk));
    }

    ts_attempts_touch(to, i, b->kind);

    return 1;
}


uint32_t
ts_attempts_locks(ts_attempts_t *t, uint32_t *cursor,
    ts_attempts_lock_t *locks, uint32_t n, uint32_t now)
{
    uint32_t                    i, end, filled;
    const ts_attempts_block_t  *b;

    now = ts_attempts_open(t, now);
    filled = 0;

    i = *cursor < TS_ATTEMPTS_FIRST ? TS_ATTEMPTS_FIRST
        : *cursor > t->fresh ? t->fresh : *cursor;

    end = t->fresh - i > TS_ATTEMPTS_SCAN ? i + TS_ATTEMPTS_SCAN : t->fresh;

    for ( /* void */ ; i < end && filled < n; i++) {
        b = ts_attempts_block(t, i);

        if (b->kind == TS_ATTEMPTS_BLOCK_LOCKED && b->until > now) {
            locks[filled].key = b->key;
            locks[filled].until = b->until;
            locks[filled].level = b->level;
            filled++;
        }
    }

    *cursor = i < t->fresh ? i : 0;

    ts_attempts_close(t);

    return filled;
}


int
ts_attempts_restore(ts_attempts_t *t, const ts_attempts_lock_t *lock,
    uint32_t now)
{
    uint32_t              i;
    ts_attempts_block_t  *b;

    now = ts_attempts_open(t, now);

    i = ts_attempts_find(t, &lock->key);

    if (i == 0 && ts_attempts_make_room(t, 1, NULL, 0, now)) {
        i = ts_attempts_add_counter(t, &lock->key);
    }

    if (i) {
        b = ts_attempts_block(t, i);
        b->until = lock->until;
        b->level = (uint8_t) (lock->level < UINT8_MAX ? lock->level
                                                      : UINT8_MAX);
        ts_attempts_touch(t, i, lock->until > now ? TS_ATTEMPTS_BLOCK_LOCKED
                                                  : TS_ATTEMPTS_BLOCK_OPEN);
    }

    ts_attempts_close(t);

    return i != 0;
}
