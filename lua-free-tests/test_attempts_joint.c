/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The one block that an attempt takes of whose three keys nothing is known:
 * nobody may see a difference to three counters but in the memory.
 */

#include "attempts_guess.h"


static uint32_t
blocks_taken(const ts_attempts_t *t)
{
    uint32_t  i, n;

    for (i = TS_ATTEMPTS_FIRST, n = 0; i < t->fresh; i++) {
        n += ts_attempts_block(t, i)->kind != TS_ATTEMPTS_BLOCK_FREE;
    }

    return n;
}


/* What an operator sees of each key. */

static void
assert_seen(ts_attempts_t *t, const ts_attempt_t *a, uint32_t in_flight,
    uint32_t failed)
{
    uint32_t            k;
    ts_attempts_view_t  view;

    for (k = 0; k < a->n; k++) {
        assert_int_equal(ts_attempts_look(t, &a->counters[k].key, WINDOW, 100,
                                          &view),
                         in_flight + failed != 0);
        assert_int_equal(view.in_flight, in_flight);
        assert_int_equal(view.failed, failed);
        check_table(t);
    }
}


static void
three_keys_take_one_block(void **state)
{
    uint32_t        i;
    ts_attempt_t    a;
    ts_attempts_t  *t;

    static const ts_attempts_outcome_e  back[] = {
        TS_ATTEMPTS_SUCCEEDED, TS_ATTEMPTS_WITHDRAWN
    };

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 2; i++) {
        a = attempt(1, 1);

        assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);
        assert_int_equal(blocks_taken(t), 1);
        assert_int_equal(ts_attempts_stats(t).used, 3);

        assert_int_equal(settle(t, &a, back[i], 100), 0);
        assert_int_equal(blocks_taken(t), 0);
        assert_int_equal(ts_attempts_stats(t).used, 0);
    }

    free(t);
}


static void
other_numbers_of_keys_take_as_many(void **state)
{
    uint32_t        n;
    ts_attempt_t    a;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (n = 1; n <= 5; n++) {
        a = attempt(n, n);
        a.n = n;
        a.counters[3] = a.counters[2];
        a.counters[3].key.word[0] += 1000;
        a.counters[4] = a.counters[2];
        a.counters[4].key.word[0] += 2000;

        assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);
        assert_int_equal(blocks_taken(t), n == 3 ? 1 : n);
        assert_seen(t, &a, 1, 0);

        (void) settle(t, &a, TS_ATTEMPTS_SUCCEEDED, 100);
        assert_int_equal(blocks_taken(t), 0);
    }

    free(t);
}


/* Whoever asks for one of the keys finds what three counters would say. */

static void
all_that_is_known_survives_a_split(void **state)
{
    uint32_t               k, same;
    ts_attempt_t           a, b;
    ts_attempts_t         *t;
    ts_attempts_rule_t     rule;
    ts_attempts_verdict_e  verdict;

    (void) state;

    rule = address_rule;
    rule.others = 1;

    for (k = 0; k < 3; k++) {
        for (same = 0; same < 2; same++) {

            t = new_table(SIZE);
            a = attempt(1, 1);
            a.counters[0].other = 11;
            a.counters[1].other = 22;
            a.counters[2].other = 33;

            assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);

            b = attempt(2, 2);
            b.n = 1;
            b.counters[0] = a.counters[k];
            b.counters[0].rule = &rule;
            b.counters[0].other += same ? 0 : 1;

            verdict = reserve(t, &b, 100);
            assert_int_equal(verdict, same ? TS_ATTEMPTS_ADMITTED
                                           : TS_ATTEMPTS_BUSY);

            if (!same) {
                assert_seen(t, &a, 1, 0);
                (void) settle(t, &a, TS_ATTEMPTS_FAILED, 100);
                assert_seen(t, &a, 0, 1);
            }

            free(t);
        }
    }
}


static void
a_change_of_size_keeps_it(void **state)
{
    uint32_t        i;
    ts_attempt_t    a[20];
    ts_attempts_t  *from, *to;

    (void) state;

    from = new_table(SIZE);
    to = new_table(2 * SIZE);

    for (i = 0; i < 20; i++) {
        a[i] = attempt(i, i);
        assert_int_equal(reserve(from, &a[i], 100), TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(ts_attempts_copy(to, from), 0);
    check_table(from);
    check_table(to);

    for (i = 0; i < 20; i++) {
        assert_seen(to, &a[i], 1, 0);
        (void) settle(to, &a[i], TS_ATTEMPTS_SUCCEEDED, 100);
        assert_seen(to, &a[i], 0, 0);
    }

    free(from);
    free(to);
}


/* One that is never settled: charged for the window, as any other. */

static void
it_expires_with_its_window(void **state)
{
    uint32_t        i;
    ts_attempt_t    a;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    a = attempt(1, 1);
    assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);

    for (i = 0; i < 4; i++) {
        a = attempt(1, 1);
        assert_int_equal(reserve(t, &a, 101), TS_ATTEMPTS_ADMITTED);
    }

    a = attempt(1, 1);
    assert_int_equal(reserve(t, &a, 100 + WINDOW - 1), TS_ATTEMPTS_BUSY);
    assert_int_equal(reserve(t, &a, 100 + WINDOW), TS_ATTEMPTS_ADMITTED);

    free(t);
}


static void
short_memory_evicts_all_three(void **state)
{
    uint32_t             i;
    ts_attempt_t         a, first;
    ts_attempts_t       *t;
    ts_attempts_stats_t  stats;

    (void) state;

    t = new_table(TS_ATTEMPTS_SIZE_MIN);

    first = attempt(0, 0);
    assert_int_equal(reserve(t, &first, 100), TS_ATTEMPTS_ADMITTED);

    stats = ts_attempts_stats(t);

    for (i = 1; i <= stats.blocks / 3; i++) {
        a = attempt(i, i);
        assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(ts_attempts_stats(t).evicted, 3);
    assert_seen(t, &first, 0, 0);
    assert_seen(t, &a, 1, 0);

    /* its return finds nothing, and is no other's */

    (void) settle(t, &first, TS_ATTEMPTS_SUCCEEDED, 100);
    (void) settle(t, &first, TS_ATTEMPTS_FAILED, 100);
    assert_int_equal(ts_attempts_stats(t).evicted, 3);
    assert_seen(t, &first, 0, 0);

    free(t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(three_keys_take_one_block),
        cmocka_unit_test(other_numbers_of_keys_take_as_many),
        cmocka_unit_test(all_that_is_known_survives_a_split),
        cmocka_unit_test(a_change_of_size_keeps_it),
        cmocka_unit_test(it_expires_with_its_window),
        cmocka_unit_test(short_memory_evicts_all_three)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
