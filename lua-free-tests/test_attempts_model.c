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

#include "attempts_model.h"


#define STEPS     20000
#define SEEDS     64
#define KILLS     150       /* at least, and until some struck within a call */
#define REPAIRED  20


/* how often each verdict was right, to know that all of them were tried */

static uint32_t  seen[TS_ATTEMPTS_FULL];


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
