/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For tests of ts_attempts: attempts as the login guard makes them.
 */

#ifndef ATTEMPTS_GUESS_H
#define ATTEMPTS_GUESS_H

#include "attempts_table.h"


#define SIZE     65536
#define WINDOW   900
#define MINUTE   60
#define DAY      86400


static const ts_attempts_rule_t  pair_rule = {
    .window = WINDOW, .limit = 5, .neutral = 5,
    .lock_min = MINUTE, .lock_max = DAY, .decay = DAY, .forgive = 1
};

static const ts_attempts_rule_t  account_rule = {
    .window = WINDOW, .limit = 20, .neutral = 20, .forgive = 1
};

static const ts_attempts_rule_t  address_rule = {
    .window = WINDOW, .limit = 50, .neutral = 50, .others = 10
};


static uint64_t  next_id;


/* An attempt at an account from an address, as the login guard builds it. */

static ts_attempt_t
attempt(uint32_t account, uint32_t address)
{
    ts_attempt_t  a;

    memset(&a, 0, sizeof(a));

    a.id = ++next_id;
    a.n = 3;

    a.counters[0].key = (ts_attempts_key_t) { { account, address } };
    a.counters[0].rule = &pair_rule;
    a.counters[1].key = (ts_attempts_key_t) { { account, 0xaa00000000 } };
    a.counters[1].rule = &account_rule;
    a.counters[2].key = (ts_attempts_key_t) { { address, 0xbb00000000 } };
    a.counters[2].rule = &address_rule;
    a.counters[1].other = address;
    a.counters[2].other = account;

    return a;
}


static ts_attempts_verdict_e
reserve(ts_attempts_t *t, const ts_attempt_t *a, uint32_t now)
{
    ts_attempts_verdict_t  v;

    v = ts_attempts_reserve(t, a, now);
    check_table(t);

    return v.verdict;
}


static uint32_t
settle(ts_attempts_t *t, const ts_attempt_t *a, ts_attempts_outcome_e outcome,
    uint32_t now)
{
    uint32_t  n;

    n = ts_attempts_settle(t, a, outcome, now).n;
    check_table(t);

    return n;
}


#endif /* ATTEMPTS_GUESS_H */
