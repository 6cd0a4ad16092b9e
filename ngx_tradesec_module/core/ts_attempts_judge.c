/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whether one counter has room for a further attempt.
 */

#include "core/ts_attempts_table.h"


/* Another that is charged to a counter, and its last failure there. */

typedef struct {
    uint32_t  other;
    uint32_t  failed;       /* 0: only attempts in flight */
} ts_attempts_other_t;


static ts_attempts_verdict_t ts_attempts_judge_others(ts_attempts_t *t,
    uint32_t i, const ts_attempts_counter_t *counter, uint32_t now);
static uint32_t ts_attempts_others(ts_attempts_t *t, uint32_t i,
    ts_attempts_other_t *others, uint32_t max);
static inline ts_attempts_verdict_t ts_attempts_admitted(
    const ts_attempts_block_t *b);
static void ts_attempts_extend(ts_attempts_block_t *b,
    const ts_attempts_rule_t *rule, uint32_t now);
static uint32_t ts_attempts_oldest_failure(ts_attempts_t *t, uint32_t i);


ts_attempts_verdict_t
ts_attempts_judge(ts_attempts_t *t, uint32_t i,
    const ts_attempts_counter_t *counter, uint32_t now)
{
    uint32_t                   charged;
    ts_attempts_block_t       *b;
    const ts_attempts_rule_t  *rule;

    rule = counter->rule;
    b = ts_attempts_block(t, i);

    if (b->until > now) {

        if (rule->extend) {
            ts_attempts_extend(b, rule, now);
        }

        ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_LOCKED);

        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LOCKED, 0, b->until - now, 0, 0
        };
    }

    ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_OPEN);
    ts_attempts_prune(t, i, rule, now);

    charged = b->n - b->neutral;

    if (b->failed >= rule->limit) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LIMITED, 0,
            ts_attempts_oldest_failure(t, i) + rule->window - now, 0, 0
        };
    }

    if (charged >= rule->limit) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_BUSY, 0, TS_ATTEMPTS_BUSY_RETRY, 0, 0
        };
    }

    if (rule->others && charged >= rule->others) {
        return ts_attempts_judge_others(t, i, counter, now);
    }

    return ts_attempts_admitted(b);
}


static inline ts_attempts_verdict_t
ts_attempts_admitted(const ts_attempts_block_t *b)
{
    return (ts_attempts_verdict_t) {
        TS_ATTEMPTS_ADMITTED, 0, 0, b->failed,
        (uint16_t) (b->n - b->neutral - b->failed)
    };
}


/* Never shorter: what is restored does not know how long it was to last. */

static void
ts_attempts_extend(ts_attempts_block_t *b, const ts_attempts_rule_t *rule,
    uint32_t now)
{
    uint32_t  lasts;

    lasts = b->lasts > rule->lock_min ? b->lasts : rule->lock_min;

    if (b->until != TS_ATTEMPTS_FOREVER && b->until < now + lasts) {
        b->until = now + lasts;
    }
}


/* One that is charged here already is not a further one. */

static ts_attempts_verdict_t
ts_attempts_judge_others(ts_attempts_t *t, uint32_t i,
    const ts_attempts_counter_t *counter, uint32_t now)
{
    uint32_t                   k, n, failed, oldest;
    ts_attempts_other_t        others[TS_ATTEMPTS_OTHERS_MAX];
    const ts_attempts_rule_t  *rule;

    rule = counter->rule;
    n = ts_attempts_others(t, i, others, TS_ATTEMPTS_OTHERS_MAX);

    failed = 0;
    oldest = now;

    for (k = 0; k < n; k++) {

        if (others[k].other == (counter->other & 0x3fffffff)) {
            return ts_attempts_admitted(ts_attempts_block(t, i));
        }

        if (others[k].failed) {
            failed++;

            if (others[k].failed < oldest) {
                oldest = others[k].failed;
            }
        }
    }

    if (failed >= rule->others) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_OTHERS, 0, oldest + rule->window - now, 0, 0
        };
    }

    if (n >= rule->others) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_BUSY, 0, TS_ATTEMPTS_BUSY_RETRY, 0, 0
        };
    }

    return ts_attempts_admitted(ts_attempts_block(t, i));
}


static uint32_t
ts_attempts_others(ts_attempts_t *t, uint32_t i,
    ts_attempts_other_t *others, uint32_t max)
{
    uint32_t              j, k, n;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    walk = ts_attempts_walk(b);
    n = 0;

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);

        if (slot->state == TS_ATTEMPTS_SLOT_NEUTRAL) {
            continue;
        }

        for (j = 0; j < n && others[j].other != slot->other; j++) {
            /* void */
        }

        if (j == max) {
            break;
        }

        if (j == n) {
            others[n].other = slot->other;
            others[n].failed = 0;
            n++;
        }

        if (slot->state == TS_ATTEMPTS_SLOT_FAILED
            && slot->time > others[j].failed)
        {
            others[j].failed = slot->time;
        }
    }

    return n;
}


/* There is one. */

static uint32_t
ts_attempts_oldest_failure(ts_attempts_t *t, uint32_t i)
{
    ts_attempts_slot_t  *slot;
    ts_attempts_walk_t   walk;

    walk = ts_attempts_walk(ts_attempts_block(t, i));

    do {
        slot = ts_attempts_step(t, &walk);
    } while (slot->state != TS_ATTEMPTS_SLOT_FAILED);

    return slot->time;
}
