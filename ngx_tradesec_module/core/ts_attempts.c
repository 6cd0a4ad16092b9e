/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_attempts_joint.h"


#define TS_ATTEMPTS_REAP  2     /* locks looked at in passing */


static ts_attempts_verdict_t ts_attempts_reserve_known(ts_attempts_t *t,
    const ts_attempt_t *attempt, uint32_t now);
static ts_attempts_locked_t ts_attempts_settle_known(ts_attempts_t *t,
    const ts_attempt_t *attempt, ts_attempts_outcome_e outcome, uint32_t now);
static inline ts_attempts_slot_t *ts_attempts_in_flight(ts_attempts_t *t,
    uint32_t i, uint64_t id);
static ts_attempts_slot_t *ts_attempts_search(ts_attempts_t *t,
    ts_attempts_block_t *b, uint64_t id);
static uint32_t ts_attempts_charge(ts_attempts_t *t, uint32_t i, uint64_t id,
    const ts_attempts_rule_t *rule, ts_attempts_outcome_e outcome,
    uint32_t now);
static inline void ts_attempts_refund(ts_attempts_t *t, uint32_t i,
    ts_attempts_slot_t *slot, int forgive);
static void ts_attempts_take_out(ts_attempts_t *t, uint32_t i,
    ts_attempts_slot_t *slot, int forgive);
static void ts_attempts_forgive(ts_attempts_t *t, uint32_t i);
static void ts_attempts_lock(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now);


ts_attempts_verdict_t
ts_attempts_reserve(ts_attempts_t *t, const ts_attempt_t *attempt,
    uint32_t now)
{
    ts_attempts_verdict_t  v;

    now = ts_attempts_open(t, now);

    if (t->listed[TS_ATTEMPTS_BLOCK_LOCKED]) {
        ts_attempts_expire_locks(t, TS_ATTEMPTS_REAP, now);
    }

    if (ts_attempts_add_joint(t, attempt, now)) {
        ts_attempts_close(t);
        return (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0, 0, 0 };
    }

    v = ts_attempts_reserve_known(t, attempt, now);
    ts_attempts_close(t);

    return v;
}


static ts_noinline ts_attempts_verdict_t
ts_attempts_reserve_known(ts_attempts_t *t, const ts_attempt_t *attempt,
    uint32_t now)
{
    uint32_t               i, k, need, found[TS_ATTEMPTS_KEYS];
    ts_attempts_slot_t     slot;
    ts_attempts_verdict_t  v, worst;

    worst = (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0, 0, 0 };
    need = 0;

    for (k = 0; k < attempt->n; k++) {
        i = ts_attempts_find(t, &attempt->counters[k].key);
        found[k] = i;

        if (i == 0) {
            need++;
            continue;
        }

        v = ts_attempts_judge(t, i, &attempt->counters[k], now);

        if (v.verdict == TS_ATTEMPTS_ADMITTED) {
            worst.failed = k == 0 ? v.failed : worst.failed;
            worst.in_flight = k == 0 ? v.in_flight : worst.in_flight;

        } else if (v.retry_after > worst.retry_after) {
            worst = v;
            worst.counter = k;
        }

        need += ts_attempts_full(ts_attempts_block(t, i));
    }

    if (worst.verdict != TS_ATTEMPTS_ADMITTED) {
        return worst;
    }

    if (!ts_attempts_make_room(t, need, found, attempt->n, now)) {
        t->full++;
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_FULL, 0, TS_ATTEMPTS_BUSY_RETRY, 0, 0
        };
    }

    for (k = 0; k < attempt->n; k++) {
        i = found[k] ? found[k]
                     : ts_attempts_add_counter(t, &attempt->counters[k].key);

        slot = ts_attempts_slot(attempt->id, now, attempt->counters[k].other);
        ts_attempts_add_slot(t, i, &slot);
    }

    return worst;
}


ts_attempts_locked_t
ts_attempts_settle(ts_attempts_t *t, const ts_attempt_t *attempt,
    ts_attempts_outcome_e outcome, uint32_t now)
{
    ts_attempts_locked_t  locked;

    now = ts_attempts_open(t, now);

    if ((outcome == TS_ATTEMPTS_SUCCEEDED || outcome == TS_ATTEMPTS_WITHDRAWN)
        && ts_attempts_take_joint(t, attempt))
    {
        ts_attempts_close(t);
        return (ts_attempts_locked_t) { 0, 0 };
    }

    locked = ts_attempts_settle_known(t, attempt, outcome, now);
    ts_attempts_close(t);

    return locked;
}


static ts_noinline ts_attempts_locked_t
ts_attempts_settle_known(ts_attempts_t *t, const ts_attempt_t *attempt,
    ts_attempts_outcome_e outcome, uint32_t now)
{
    uint32_t                      i, until;
    ts_attempts_slot_t           *slot;
    ts_attempts_locked_t          locked;
    const ts_attempts_counter_t  *c, *end;

    locked = (ts_attempts_locked_t) { 0, 0 };

    end = attempt->counters + attempt->n;

    for (c = attempt->counters; c < end; c++) {
        i = ts_attempts_find(t, &c->key);

        if (i == 0) {
            continue;
        }

        slot = ts_attempts_in_flight(t, i, attempt->id);

        if (slot == NULL || now - slot->time >= c->rule->window) {
            continue;
        }

        if (outcome == TS_ATTEMPTS_FAILED || outcome == TS_ATTEMPTS_NEUTRAL) {
            until = ts_attempts_charge(t, i, attempt->id, c->rule, outcome,
                                       now);

            locked.n += until != 0;
            locked.until = until > locked.until ? until : locked.until;

        } else {
            ts_attempts_refund(t, i, slot, c->rule->forgive
                                           && outcome == TS_ATTEMPTS_SUCCEEDED);
        }
    }

    return locked;
}


/* Returns the end of the lock if that has locked the counter, else 0. */

static ts_noinline uint32_t
ts_attempts_charge(ts_attempts_t *t, uint32_t i, uint64_t id,
    const ts_attempts_rule_t *rule, ts_attempts_outcome_e outcome,
    uint32_t now)
{
    ts_attempts_slot_t   *slot;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    ts_attempts_prune(t, i, rule, now);
    slot = ts_attempts_in_flight(t, i, id);

    if (slot == NULL) {
        /* only one that has left the window is pruned, and it is within */
        return 0;
    }

    if (outcome == TS_ATTEMPTS_NEUTRAL && b->neutral < rule->neutral) {
        slot->state = TS_ATTEMPTS_SLOT_NEUTRAL;
        b->neutral++;
        return 0;
    }

    slot->state = TS_ATTEMPTS_SLOT_FAILED;
    b->failed++;

    if (rule->lock_min == 0 || b->failed < rule->limit || b->until > now) {
        return 0;
    }

    ts_attempts_lock(t, i, rule, now);

    return b->until;
}


/* Most often there is no other. */

static inline ts_attempts_slot_t *
ts_attempts_in_flight(ts_attempts_t *t, uint32_t i, uint64_t id)
{
    ts_attempts_slot_t   *slot;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    slot = b->slots;

    if (b->n != 0 && slot->id == id
        && slot->state == TS_ATTEMPTS_SLOT_IN_FLIGHT)
    {
        return slot;
    }

    return ts_attempts_search(t, b, id);
}


static ts_noinline ts_attempts_slot_t *
ts_attempts_search(ts_attempts_t *t, ts_attempts_block_t *b, uint64_t id)
{
    uint32_t             k;
    ts_attempts_slot_t  *slot;
    ts_attempts_walk_t   walk;

    walk = ts_attempts_walk(b);

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);

        if (slot->id == id && slot->state == TS_ATTEMPTS_SLOT_IN_FLIGHT) {
            return slot;
        }
    }

    return NULL;
}


/* Nothing is kept of a counter that is empty and was never locked. */

static inline void
ts_attempts_refund(ts_attempts_t *t, uint32_t i, ts_attempts_slot_t *slot,
    int forgive)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->n > 1) {
        ts_attempts_take_out(t, i, slot, forgive);

    } else {
        b->n = 0;
    }

    if (b->n == 0 && b->until == 0) {
        ts_attempts_release(t, i);
    }
}


static ts_noinline void
ts_attempts_take_out(ts_attempts_t *t, uint32_t i, ts_attempts_slot_t *slot,
    int forgive)
{
    slot->state = TS_ATTEMPTS_SLOT_GONE;

    if (forgive) {
        ts_attempts_forgive(t, i);
    }

    ts_attempts_compact(t, i);
}


/* Others in flight stay charged: their outcome is still open. */

static void
ts_attempts_forgive(ts_attempts_t *t, uint32_t i)
{
    uint32_t              k;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    walk = ts_attempts_walk(b);

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);

        if (slot->state == TS_ATTEMPTS_SLOT_FAILED) {
            slot->state = TS_ATTEMPTS_SLOT_GONE;
        }
    }
}


/* The failures that have earned the lock are used up by it. */

static void
ts_attempts_lock(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now)
{
    uint32_t              k, level, lasts;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    level = b->level;
    k = b->until ? (now - b->until) / rule->decay : 0;
    level = k < level ? level - k : 0;

    lasts = rule->lock_min;

    for (k = 0; k < level && lasts < rule->lock_max; k++) {
        lasts *= 2;
    }

    if (lasts < rule->lock_max) {
        b->level = (uint8_t) (k + 1);

    } else {
        b->level = (uint8_t) k;
        lasts = rule->lock_max;
    }

    b->lasts = lasts;
    b->until = rule->permanent && lasts == rule->lock_max
               ? TS_ATTEMPTS_FOREVER : now + lasts;
    t->locks++;

    ts_attempts_forgive(t, i);
    ts_attempts_compact(t, i);
    ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_LOCKED);
}
