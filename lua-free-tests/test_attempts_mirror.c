/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Counting along with another home: what is charged here, whatever the limits,
 * is judged here when that home is away.
 */

#include "attempts_guess.h"


static void
what_another_home_admits_counts_here(void **state)
{
    uint32_t        i;
    ts_attempt_t    a[6], more;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 6; i++) {
        a[i] = attempt(1, 1);
        assert_int_equal(ts_attempts_mirror(t, &a[i], 1000), 1);
        check_table(t);
    }

    /* six are in flight, of five that this home would have admitted */

    more = attempt(1, 1);
    assert_int_equal(reserve(t, &more, 1000), TS_ATTEMPTS_BUSY);

    assert_int_equal(settle(t, &a[0], TS_ATTEMPTS_WITHDRAWN, 1000), 0);
    assert_int_equal(reserve(t, &more, 1000), TS_ATTEMPTS_BUSY);

    for (i = 1; i < 6; i++) {
        assert_int_equal(settle(t, &a[i], TS_ATTEMPTS_FAILED, 1000), i == 5);
    }

    assert_int_equal(reserve(t, &more, 1000), TS_ATTEMPTS_LOCKED);

    /* even while it is locked here */

    assert_int_equal(ts_attempts_mirror(t, &more, 1000), 1);
    check_table(t);
    assert_int_equal(settle(t, &more, TS_ATTEMPTS_SUCCEEDED, 1000), 0);

    free(t);
}


static void
a_counter_stays_bounded(void **state)
{
    uint32_t        i, n;
    ts_attempt_t    a;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(1024 * 1024);
    n = 0;

    for (i = 0; i < 5000; i++) {
        a = attempt(1, 1);
        n += (uint32_t) ts_attempts_mirror(t, &a, 1000);
    }

    assert_int_equal(n, 4 * TS_ATTEMPTS_LIMIT_MAX);
    check_table(t);

    /* what has left the window makes room */

    assert_int_equal(ts_attempts_mirror(t, &a, 1000 + WINDOW), 1);
    check_table(t);

    free(t);
}


static void
short_memory_evicts_but_never_a_lock(void **state)
{
    uint32_t        i, k;
    ts_attempt_t    a;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(TS_ATTEMPTS_SIZE_MIN);

    for (i = 0; i < 20; i++) {
        for (k = 0; k < 5; k++) {
            a = attempt(7, i);
            a.n = 1;
            (void) ts_attempts_mirror(t, &a, 1000);
            (void) settle(t, &a, TS_ATTEMPTS_FAILED, 1000);
        }
    }

    assert_int_equal(ts_attempts_stats(t).locked, 20);

    for (i = 0; i < 2000; i++) {
        a = attempt(1 + i % 700, 1 + i % 3);
        assert_int_equal(ts_attempts_mirror(t, &a, 1000 + i / 100), 1);
        check_table(t);
    }

    assert_int_equal(ts_attempts_stats(t).locked, 20);
    assert_true(ts_attempts_stats(t).evicted > 100);

    free(t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_another_home_admits_counts_here),
        cmocka_unit_test(a_counter_stays_bounded),
        cmocka_unit_test(short_memory_evicts_but_never_a_lock),
    };

    return cmocka_run_group_tests_name("attempts_mirror", tests, NULL, NULL);
}
