/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whether one counter has room for a further attempt.
 */

#include "core/ts_attempts_table.h"


/* An account that is charged to an address, and its last failure there. */

typedef struct {
    uint32_t  account;
    uint32_t  failed;       /* 0: only attempts in flight */
} ts_attempts_account_t;


static ts_attempts_verdict_t ts_attempts_judge_accounts(ts_attempts_t *t,
    uint32_t i, const ts_attempts_rule_t *rule, uint32_t account,
    uint32_t now);
static uint32_t ts_attempts_accounts(ts_attempts_t *t, uint32_t i,
    ts_attempts_account_t *accounts, uint32_t max);
static uint32_t ts_attempts_oldest_failure(ts_attempts_t *t, uint32_t i);


ts_attempts_verdict_t
ts_attempts_judge(ts_attempts_t *t, uint32_t i,
    const ts_attempts_rule_t *rule, uint32_t account, uint32_t now)
{
    uint32_t              charged;
    ts_attempts_block_t  *b;

    b = ts_attempts_block(t, i);

    if (b->until > now) {
        ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_LOCKED);
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LOCKED, 0, b->until - now
        };
    }

    ts_attempts_touch(t, i, TS_ATTEMPTS_BLOCK_OPEN);
    ts_attempts_prune(t, i, rule, now);

    charged = b->n - b->neutral;

    if (b->failed >= rule->limit) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LIMITED, 0,
            ts_attempts_oldest_failure(t, i) + rule->window - now
        };
    }

    if (charged >= rule->limit) {
        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_BUSY, 0, TS_ATTEMPTS_BUSY_RETRY
        };
    }

    if (rule->accounts && charged >= rule->accounts) {
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
