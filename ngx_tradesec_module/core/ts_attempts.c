/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_attempts_table.h"


#define TS_ATTEMPTS_REAP  2     /* locks looked at in passing */

#define TS_ATTEMPTS_BUSY_RETRY  1


/* What the slots of a counter add up to, without those past the window. */

typedef struct {
    uint32_t  charged;      /* in flight and failed */
    uint32_t  failed;
    uint32_t  neutral;
    uint32_t  oldest;       /* time of the oldest failure */
} ts_attempts_tally_t;

/* An account that is charged to an address, and its last failure there. */

typedef struct {
    uint32_t  account;
    uint32_t  failed;       /* 0: only attempts in flight */
} ts_attempts_account_t;


static ts_attempts_verdict_t ts_attempts_judge(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t account, uint32_t now);
static ts_attempts_verdict_t ts_attempts_judge_accounts(ts_attempts_t *t,
    uint32_t i, const ts_attempts_rule_t *rule, uint32_t account,
    uint32_t now);
static uint32_t ts_attempts_accounts(ts_attempts_t *t, uint32_t i,
    ts_attempts_account_t *accounts, uint32_t max);
static ts_attempts_tally_t ts_attempts_tally(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now);
static ts_attempts_slot_t *ts_attempts_in_flight(ts_attempts_t *t, uint32_t i,
    uint64_t id);
static void ts_attempts_refund(ts_attempts_t *t, uint32_t i,
    ts_attempts_slot_t *slot, int forgive);
static void ts_attempts_forgive(ts_attempts_t *t, uint32_t i);
static void ts_attempts_lock(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now);


ts_attempts_verdict_t
ts_attempts_reserve(ts_attempts_t *t, const ts_attempt_t *attempt,
    uint32_t now)
{
    uint32_t               i, k, n, found[TS_ATTEMPTS_KEYS];
    uint32_t               pinned[TS_ATTEMPTS_KEYS];
    ts_attempts_slot_t     slot;
    ts_attempts_verdict_t  v, worst;

    worst = (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0 };
    n = 0;

    now = ts_attempts_open(t, now);
    ts_attempts_expire_locks(t, TS_ATTEMPTS_REAP, now);

    for (k = 0; k < attempt->n; k++) {
        i = ts_attempts_find(t, &attempt->counters[k].key);
        found[k] = i;

        if (i == 0) {
            continue;
        }

        pinned[n++] = i;

        v = ts_attempts_judge(t, i, attempt->counters[k].rule,
                              attempt->account & 0x3fffffff, now);

        if (v.verdict != TS_ATTEMPTS_ADMITTED
            && v.retry_after > worst.retry_after)
        {
            worst = v;
            worst.counter = k;
        }
    }

    if (worst.verdict != TS_ATTEMPTS_ADMITTED) {
        ts_attempts_close(t);
        return worst;
    }

    for (i = 0, k = 0; k < attempt->n; k++) {
        i += found[k] == 0 || ts_attempts_full(ts_attempts_block(t, found[k]));
    }

    if (!ts_attempts_make_room(t, i, pinned, n, now)) {
        t->full++;
        ts_attempts_close(t);
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_FULL, 0, TS_ATTEMPTS_BUSY_RETRY
        };
    }

    slot.id = attempt->id;
    slot.time = now;
    slot.account = attempt->account & 0x3fffffff;
    slot.state = TS_ATTEMPTS_SLOT_IN_FLIGHT;

    for (k = 0; k < attempt->n; k++) {
        i = found[k] ? found[k]
                     : ts_attempts_add_counter(t, &attempt->counters[k].key);

        ts_attempts_add_slot(t, i, slot);
    }

    ts_attempts_close(t);

    return worst;
}


uint32_t
ts_attempts_settle(ts_attempts_t *t, const ts_attempt_t *attempt,
    ts_attempts_outcome_e outcome, uint32_t now, ts_attempts_lock_t *locks)
{
    uint32_t                   i, k, n;
    ts_attempts_slot_t        *slot;
    ts_attempts_tally_t        tally;
    ts_attempts_block_t       *b;
    const ts_attempts_rule_t  *rule;

    n = 0;
    now = ts_attempts_open(t, now);

    for (k = 0; k < attempt->n; k++) {
        rule = attempt->counters[k].rule;
        i = ts_attempts_find(t, &attempt->counters[k].key);

        if (i == 0) {
            continue;
        }

        slot = ts_attempts_in_flight(t, i, attempt->id);

        if (slot == NULL || now - slot->time >= rule->window) {
            continue;
        }

        if (outcome == TS_ATTEMPTS_SUCCEEDED
            || outcome == TS_ATTEMPTS_WITHDRAWN)
        {
            ts_attempts_refund(t, i, slot, rule->forgive
                                   && outcome == TS_ATTEMPTS_SUCCEEDED);
            continue;
        }

        b = ts_attempts_block(t, i);
        tally = ts_attempts_tally(t, i, rule, now);

        /* compaction may have moved it */
        slot = ts_attempts_in_flight(t, i, attempt->id);

        if (outcome == TS_ATTEMPTS_NEUTRAL
                   && tally.neutral < rule->neutral)
        {
            slot->state = TS_ATTEMPTS_SLOT_NEUTRAL;

        } else {
            slot->state = TS_ATTEMPTS_SLOT_FAILED;

            if (rule->lock_min && tally.failed + 1 >= rule->limit
                && b->until <= now)
            {
                ts_attempts_lock(t, i, rule, now);

                locks[n].key = b->key;
                locks[n].until = b->until;
                locks[n].level = b->level;
                n++;
            }
        }
    }

    ts_attempts_close(t);

    return n;
}


static ts_attempts_verdict_t
ts_attempts_judge(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t account, uint32_t now)
{
    ts_attempts_block_t  *b;
    ts_attempts_tally_t   tally;

    b = ts_attempts_block(t, i);

    if (b->until > now) {
        ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_LOCKED);
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LOCKED, 0, b->until - now
        };
    }

    ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_OPEN);

    tally = ts_attempts_tally(t, i, rule, now);

    if (tally.failed >= rule->limit) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LIMITED, 0, tally.oldest + rule->window - now
        };
    }

    if (tally.charged >= rule->limit) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_BUSY, 0, TS_ATTEMPTS_BUSY_RETRY
        };
    }

    if (rule->accounts && tally.charged >= rule->accounts) {
        return ts_attempts_judge_accounts(t, i, rule, account, now);
    }

    return (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0 };
}


/* An account that is charged here already is not a further one. */

static ts_attempts_verdict_t
ts_attempts_judge_accounts(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t account, uint32_t now)
{
    uint32_t               k, n, failed, oldest;
    ts_attempts_account_t  accounts[TS_ATTEMPTS_ACCOUNTS_MAX];

    n = ts_attempts_accounts(t, i, accounts, TS_ATTEMPTS_ACCOUNTS_MAX);

    failed = 0;
    oldest = now;

    for (k = 0; k < n; k++) {

        if (accounts[k].account == account) {
            return (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0 };
        }

        if (accounts[k].failed) {
            failed++;

            if (accounts[k].failed < oldest) {
                oldest = accounts[k].failed;
            }
        }
    }

    if (failed >= rule->accounts) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_ACCOUNTS, 0, oldest + rule->window - now
        };
    }

    if (n >= rule->accounts) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_BUSY, 0, TS_ATTEMPTS_BUSY_RETRY
        };
    }

    return (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0 };
}


static uint32_t
ts_attempts_accounts(ts_attempts_t *t, uint32_t i,
    ts_attempts_account_t *accounts, uint32_t max)
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

        for (j = 0; j < n && accounts[j].account != slot->account; j++) {
            /* void */
        }

        if (j == max) {
            break;
        }

        if (j == n) {
            accounts[n].account = slot->account;
            accounts[n].failed = 0;
            n++;
        }

        if (slot->state == TS_ATTEMPTS_SLOT_FAILED
            && slot->time > accounts[j].failed)
        {
            accounts[j].failed = slot->time;
        }
    }

    return n;
}


/* Drops what has left the window. */

static ts_attempts_tally_t
ts_attempts_tally(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t now)
{
    int                   gone;
    uint32_t              k;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;
    ts_attempts_tally_t   tally;

    b = ts_attempts_block(t, i);
    walk = ts_attempts_walk(b);

    tally = (ts_attempts_tally_t) { 0, 0, 0, now };
    gone = 0;

    for (k = 0; k < b->n; k++) {
        slot = ts_attempts_step(t, &walk);

        if (now - slot->time >= rule->window) {
            slot->state = TS_ATTEMPTS_SLOT_GONE;
            gone = 1;

        } else if (slot->state == TS_ATTEMPTS_SLOT_NEUTRAL) {
            tally.neutral++;

        } else {
            tally.charged++;

            if (slot->state == TS_ATTEMPTS_SLOT_FAILED) {
                tally.failed++;

                if (slot->time < tally.oldest) {
                    tally.oldest = slot->time;
                }
            }
        }
    }

    if (gone) {
        ts_attempts_compact(t, i);
    }

    return tally;
}


static ts_attempts_slot_t *
ts_attempts_in_flight(ts_attempts_t *t, uint32_t i, uint64_t id)
{
    uint32_t              k;
    ts_attempts_slot_t   *slot;
    ts_attempts_walk_t    walk;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
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

static void
ts_attempts_refund(ts_attempts_t *t, uint32_t i, ts_attempts_slot_t *slot,
    int forgive)
{
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);
    slot->state = TS_ATTEMPTS_SLOT_GONE;

    if (b->n > 1) {

        if (forgive) {
            ts_attempts_forgive(t, i);
        }

        ts_attempts_compact(t, i);

    } else {
        b->n = 0;
    }

    if (b->n == 0 && b->until == 0) {
        ts_attempts_release(t, i);
    }
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

    b->until = now + lasts;
    t->locks++;

    ts_attempts_forgive(t, i);
    ts_attempts_compact(t, i);
    ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_LOCKED);
}
