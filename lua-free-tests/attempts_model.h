/*
 * Copyright (C) the ngx_tradesec authors
 *
 * For tests of ts_attempts: counters so plain that they can be checked by
 * reading them, without any memory that could run out.
 */

#ifndef ATTEMPTS_MODEL_H
#define ATTEMPTS_MODEL_H

#include "attempts_table.h"


#define KEYS  40

#ifndef ATTEMPTS
#define ATTEMPTS  4000      /* of a counter */
#endif


typedef struct {
    uint64_t  id;
    uint32_t  time;
    uint32_t  other;
    int       state;
} model_attempt_t;

typedef struct {
    model_attempt_t  set[ATTEMPTS];
    uint32_t         n;
    uint32_t         until;
    uint32_t         lasts;
    uint32_t         level;
} model_counter_t;


static uint64_t         seed;
static model_counter_t  model[KEYS];


static inline uint32_t
pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) (seed >> 33) % n;
}


static inline uint32_t
model_count(const model_counter_t *c, int state)
{
    uint32_t  i, n;

    for (i = 0, n = 0; i < c->n; i++) {
        n += c->set[i].state == state;
    }

    return n;
}


static inline void
model_drop(model_counter_t *c, uint32_t i)
{
    memmove(&c->set[i], &c->set[i + 1],
            (c->n - i - 1) * sizeof(model_attempt_t));
    c->n--;
}


static inline void
model_prune(model_counter_t *c, const ts_attempts_rule_t *rule, uint32_t now)
{
    uint32_t  i;

    for (i = 0; i < c->n; /* void */ ) {
        if (c->set[i].time + rule->window <= now) {
            model_drop(c, i);

        } else {
            i++;
        }
    }
}


/* The number of different others with an attempt of one of the states. */

static inline uint32_t
model_others(const model_counter_t *c, int in_flight, uint32_t *oldest)
{
    uint32_t  other, i, n, last, any;

    *oldest = UINT32_MAX;

    for (other = 0, n = 0; other < 64; other++) {
        last = any = 0;

        for (i = 0; i < c->n; i++) {
            if (c->set[i].other != other) {
                continue;
            }

            if (c->set[i].state == TS_ATTEMPTS_SLOT_FAILED) {
                any = 1;
                last = c->set[i].time > last ? c->set[i].time : last;

            } else if (c->set[i].state == TS_ATTEMPTS_SLOT_IN_FLIGHT) {
                any |= in_flight;
            }
        }

        n += any;

        if (last && last < *oldest) {
            *oldest = last;
        }
    }

    return n;
}


static inline int
model_has_other(const model_counter_t *c, uint32_t other)
{
    uint32_t  i;

    for (i = 0; i < c->n; i++) {
        if (c->set[i].other == other
            && c->set[i].state != TS_ATTEMPTS_SLOT_NEUTRAL)
        {
            return 1;
        }
    }

    return 0;
}


static inline ts_attempts_verdict_t
model_judge(model_counter_t *c, const ts_attempts_rule_t *rule,
    uint32_t other, uint32_t now)
{
    uint32_t  i, failed, charged, oldest;

    if (c->until > now) {

        if (rule->extend && c->until != UINT32_MAX) {
            c->until = now + c->lasts;
        }

        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LOCKED, 0, c->until - now, 0, 0
        };
    }

    model_prune(c, rule, now);

    failed = model_count(c, TS_ATTEMPTS_SLOT_FAILED);
    charged = failed + model_count(c, TS_ATTEMPTS_SLOT_IN_FLIGHT);

    if (failed >= rule->limit) {
        for (i = 0, oldest = now; i < c->n; i++) {
            if (c->set[i].state == TS_ATTEMPTS_SLOT_FAILED
                && c->set[i].time < oldest)
            {
                oldest = c->set[i].time;
            }
        }

        return (ts_attempts_verdict_t) {
            TS_ATTEMPTS_LIMITED, 0, oldest + rule->window - now, 0, 0
        };
    }

    if (charged >= rule->limit) {
        return (ts_attempts_verdict_t) { TS_ATTEMPTS_BUSY, 0, 1, 0, 0 };
    }

    if (rule->others && !model_has_other(c, other)) {

        if (model_others(c, 0, &oldest) >= rule->others) {
            return (ts_attempts_verdict_t) {
                TS_ATTEMPTS_OTHERS, 0, oldest + rule->window - now, 0, 0
            };
        }

        if (model_others(c, 1, &oldest) >= rule->others) {
            return (ts_attempts_verdict_t) { TS_ATTEMPTS_BUSY, 0, 1, 0, 0 };
        }
    }

    return (ts_attempts_verdict_t) {
        TS_ATTEMPTS_ADMITTED, 0, 0, (uint16_t) failed,
        (uint16_t) (charged - failed)
    };
}


static inline ts_attempts_verdict_t
model_reserve(const ts_attempt_t *a, const uint32_t *keys, uint32_t now)
{
    uint32_t               k;
    model_counter_t       *c;
    ts_attempts_verdict_t  v, worst;

    worst = (ts_attempts_verdict_t) { TS_ATTEMPTS_ADMITTED, 0, 0, 0, 0 };

    for (k = 0; k < a->n; k++) {
        v = model_judge(&model[keys[k]], a->counters[k].rule,
                        a->counters[k].other, now);

        if (k == 0 && v.verdict == TS_ATTEMPTS_ADMITTED) {
            worst.failed = v.failed;
            worst.in_flight = v.in_flight;

        } else if (v.retry_after > worst.retry_after) {
            worst = v;
            worst.counter = k;
        }
    }

    for (k = 0; worst.verdict == TS_ATTEMPTS_ADMITTED && k < a->n; k++) {
        c = &model[keys[k]];
        assert_true(c->n < ATTEMPTS);
        c->set[c->n++] = (model_attempt_t) {
            a->id, now, a->counters[k].other, TS_ATTEMPTS_SLOT_IN_FLIGHT
        };
    }

    return worst;
}


static inline void
model_lock(model_counter_t *c, const ts_attempts_rule_t *rule, uint32_t now)
{
    uint32_t  i, steps, lasts;

    steps = c->until ? (now - c->until) / rule->decay : 0;
    c->level = c->level > steps ? c->level - steps : 0;

    for (i = 0, lasts = rule->lock_min; i < c->level; i++) {
        lasts *= 2;
    }

    if (lasts >= rule->lock_max) {
        lasts = rule->lock_max;

    } else {
        c->level++;
    }

    c->lasts = lasts;
    c->until = rule->permanent && lasts == rule->lock_max ? UINT32_MAX
                                                          : now + lasts;

    for (i = 0; i < c->n; /* void */ ) {
        if (c->set[i].state == TS_ATTEMPTS_SLOT_FAILED) {
            model_drop(c, i);

        } else {
            i++;
        }
    }
}


static inline uint32_t
model_settle(const ts_attempt_t *a, const uint32_t *keys,
    ts_attempts_outcome_e outcome, uint32_t now)
{
    uint32_t                   i, k, n;
    model_counter_t           *c;
    const ts_attempts_rule_t  *rule;

    for (k = 0, n = 0; k < a->n; k++) {
        c = &model[keys[k]];
        rule = a->counters[k].rule;

        model_prune(c, rule, now);

        for (i = 0; i < c->n && c->set[i].id != a->id; i++) { /* void */ }

        if (i == c->n || c->set[i].state != TS_ATTEMPTS_SLOT_IN_FLIGHT) {
            continue;
        }

        if (outcome == TS_ATTEMPTS_WITHDRAWN) {
            model_drop(c, i);
            continue;
        }

        if (outcome == TS_ATTEMPTS_SUCCEEDED) {
            model_drop(c, i);

            for (i = 0; rule->forgive && i < c->n; /* void */ ) {
                if (c->set[i].state == TS_ATTEMPTS_SLOT_FAILED) {
                    model_drop(c, i);

                } else {
                    i++;
                }
            }

            continue;
        }

        if (outcome == TS_ATTEMPTS_NEUTRAL
            && model_count(c, TS_ATTEMPTS_SLOT_NEUTRAL) < rule->neutral)
        {
            c->set[i].state = TS_ATTEMPTS_SLOT_NEUTRAL;
            continue;
        }

        c->set[i].state = TS_ATTEMPTS_SLOT_FAILED;

        if (rule->lock_min && c->until <= now
            && model_count(c, TS_ATTEMPTS_SLOT_FAILED) >= rule->limit)
        {
            model_lock(c, rule, now);
            n++;
        }
    }

    return n;
}


#endif /* ATTEMPTS_MODEL_H */
