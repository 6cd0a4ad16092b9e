/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Random sequences against a model so plain that it can be checked by reading
 * it, and a process killed in the middle of calls.
 */

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts_table.h"


#define KEYS      12        /* four each of pair, account and address */
#define ATTEMPTS  4000
#define STEPS     20000
#define SEEDS     64
#define KILLS     150       /* at least, and until some struck within a call */
#define REPAIRED  20


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

/* how often each verdict was right, to know that all of them were tried */

static uint32_t         seen[TS_ATTEMPTS_FULL];


static uint32_t
pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) (seed >> 33) % n;
}


static uint32_t
model_count(const model_counter_t *c, int state)
{
    uint32_t  i, n;

    for (i = 0, n = 0; i < c->n; i++) {
        n += c->set[i].state == state;
    }

    return n;
}


static void
model_drop(model_counter_t *c, uint32_t i)
{
    memmove(&c->set[i], &c->set[i + 1],
            (c->n - i - 1) * sizeof(model_attempt_t));
    c->n--;
}


static void
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

static uint32_t
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


static int
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


static ts_attempts_verdict_t
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


static ts_attempts_verdict_t
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


static void
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


static uint32_t
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


static ts_attempt_t
random_attempt(const ts_attempts_rule_t *rules, uint64_t id, uint32_t *keys)
{
    uint32_t      account, address, k;
    ts_attempt_t  a;

    memset(&a, 0, sizeof(a));

    account = pick(2);
    address = pick(2);

    keys[0] = account * 2 + address;
    keys[1] = 4 + account;
    keys[2] = 8 + address;

    a.id = id;
    a.n = 3;

    a.counters[1].other = address;
    a.counters[2].other = account;

    /* now and then a further account or address that shares the counters */

    if (pick(4) == 0) {
        a.counters[1 + pick(2)].other = 2 + pick(5);
    }

    for (k = 0; k < a.n; k++) {
        a.counters[k].key = (ts_attempts_key_t) { { keys[k], 1 } };
        a.counters[k].rule = &rules[k];
    }

    return a;
}


static void
run_random(uint64_t number)
{
    uint32_t               i, now, n, keys[64][TS_ATTEMPTS_KEYS];
    ts_attempt_t           a[64];
    ts_attempts_t         *t;
    ts_attempts_lock_t     some;
    ts_attempts_rule_t     rules[3];
    ts_attempts_outcome_e  outcome;
    ts_attempts_verdict_t  expected, v;

    seed = number * 0x9e3779b97f4a7c15u + 1;

    memset(model, 0, sizeof(model));
    memset(rules, 0, sizeof(rules));
    memset(a, 0, sizeof(a));

    for (i = 0; i < 3; i++) {
        rules[i].window = 20 + pick(60);
        rules[i].limit = 1 + pick(i == 0 ? 6 : 20);
        rules[i].neutral = pick(8);
        rules[i].lock_min = i == 0 || pick(4) == 0 ? 1 + pick(20) : 0;
        rules[i].lock_max = rules[i].lock_min * (1 + pick(30));
        rules[i].decay = 1 + pick(200);
        rules[i].forgive = i < 2;
        rules[i].others = i == 2 || (i == 1 && pick(3) == 0) ? pick(6) : 0;
        rules[i].permanent = i == 0 && pick(8) == 0;
        rules[i].extend = i == 0 && pick(4) == 0;
    }

    t = new_table(TS_ATTEMPTS_SIZE_MIN);
    now = 1000;

    for (i = 0; i < STEPS; i++) {
        now += pick(4) ? 0 : pick(pick(50) ? 6 : 500);
        n = pick(64);

        /* tell the table the time; a call below that is late must not count */

        (void) ts_attempts_locks(t, &(uint32_t) { 0 }, &some, 1, now);

        if (pick(2)) {
            a[n] = random_attempt(rules, i + 1, keys[n]);

            expected = model_reserve(&a[n], keys[n], now);
            v = ts_attempts_reserve(t, &a[n], now - pick(3) % 2 * pick(50));

            seen[expected.verdict]++;
            assert_int_equal(v.verdict, expected.verdict);
            assert_int_equal(v.counter, expected.counter);
            assert_int_equal(v.retry_after, expected.retry_after);
            assert_int_equal(v.failed, expected.failed);
            assert_int_equal(v.in_flight, expected.in_flight);

        } else {
            outcome = (ts_attempts_outcome_e) (pick(8) > 2 ? 0 : pick(3));

            assert_int_equal(ts_attempts_settle(t, &a[n], outcome, now).n,
                             model_settle(&a[n], keys[n], outcome, now));
        }

        check_table(t);
    }

    assert_int_equal(ts_attempts_stats(t).evicted, 0);

    free(t);
}


static void
random_sequences_agree_with_a_naive_model(void **state)
{
    uint64_t  i;

    (void) state;

    for (i = 0; i < SEEDS; i++) {
        run_random(i);
    }

    for (i = 0; i < TS_ATTEMPTS_FULL; i++) {
        assert_true(seen[i] > 1000);
    }
}


static void
guess_until_killed(ts_attempts_t *t, uint64_t from)
{
    uint32_t               keys[TS_ATTEMPTS_KEYS], now, k;
    ts_attempt_t           a;

    static const ts_attempts_rule_t  rules[3] = {
        { .window = 900, .limit = 3, .lock_min = 5, .lock_max = 10,
          .decay = 10, .forgive = 1 },
        { .window = 50, .limit = 30, .neutral = 5, .forgive = 1 },
        { .window = 50, .limit = 90, .others = 60 }
    };

    seed = from;

    for (now = 1000; /* void */ ; now += pick(20) == 0) {
        a = random_attempt(rules, ++from, keys);

        for (k = 0; k < a.n; k++) {
            a.counters[k].key.word[0] += 100 * pick(60);
        }

        if (ts_attempts_reserve(t, &a, now).verdict == TS_ATTEMPTS_ADMITTED
            && pick(10))
        {
            (void) ts_attempts_settle(t, &a, pick(4), now);
        }
    }
}


/* Some of the kills find the process outside of a call; most do not. */

static void
a_process_killed_within_a_call_leaves_a_table_that_works(void **state)
{
    int             status;
    void           *memory;
    pid_t           pid;
    uint32_t        i, keys[TS_ATTEMPTS_KEYS];
    ts_attempt_t    a;
    ts_attempts_t  *t;

    static const ts_attempts_rule_t  rules[3] = {
        { .window = 9, .limit = 3, .forgive = 1 },
        { .window = 9, .limit = 30, .forgive = 1 },
        { .window = 9, .limit = 90 }
    };

    (void) state;

    memory = mmap(NULL, TS_ATTEMPTS_SIZE_MIN, PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);

    t = ts_attempts_init(memory, TS_ATTEMPTS_SIZE_MIN);

    for (i = 0;
         i < KILLS
         || (ts_attempts_stats(t).repaired < REPAIRED && i < 20 * KILLS);
         i++)
    {
        pid = fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            guess_until_killed(t, 1 + (uint64_t) i * 1000000);
        }

        (void) usleep(1000 + i % KILLS * 7);
        (void) kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);

        /* SIGKILL and nothing else: a sanitizer in the child would exit */

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        seed = i + 1;
        a = random_attempt(rules, UINT64_MAX - i, keys);
        (void) ts_attempts_reserve(t, &a, 1000);
        check_table(t);
    }

    assert_true(ts_attempts_stats(t).repaired >= REPAIRED);
    assert_true(ts_attempts_stats(t).evicted > 0);

    (void) munmap(memory, TS_ATTEMPTS_SIZE_MIN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(random_sequences_agree_with_a_naive_model),
        cmocka_unit_test(
            a_process_killed_within_a_call_leaves_a_table_that_works),
    };

    return cmocka_run_group_tests_name("attempts model", tests, NULL, NULL);
}
