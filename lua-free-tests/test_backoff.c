/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_backoff.h"
#include "ts_test.h"


static void
it_doubles_up_to_the_longest(void **state)
{
    uint32_t  i, pause;

    static const uint32_t  expected[] = {
        50, 100, 200, 400, 800, 1600, 3200, 5000, 5000
    };

    (void) state;

    pause = 50;

    for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(pause, expected[i]);
        (void) ts_backoff(&pause, 5000, i);
    }
}


/* Every wait from half of the pause to all of it, each as often as another. */

static void
half_of_it_is_chance(void **state)
{
    uint32_t  pause, wait, random, seen[101];

    (void) state;

    memset(seen, 0, sizeof(seen));

    for (random = 0; random < 51 * 3; random++) {
        pause = 100;
        wait = ts_backoff(&pause, 5000, random);

        assert_in_range(wait, 50, 100);
        seen[wait]++;
    }

    for (wait = 50; wait <= 100; wait++) {
        assert_int_equal(seen[wait], 3);
    }
}


/* The chance does not add up: whatever it was, the next pause is the same. */

static void
the_next_pause_does_not_depend_on_it(void **state)
{
    uint32_t  least, most;

    (void) state;

    least = most = 400;

    assert_int_equal(ts_backoff(&least, 5000, 0), 200);
    assert_int_equal(ts_backoff(&most, 5000, 200), 400);
    assert_int_equal(least, most);
}


static void
the_borders_hold(void **state)
{
    uint32_t  i, pause, wait;

    static const uint64_t  randoms[] = { 0, 1, 0x7fffffff, UINT64_MAX };
    static const uint32_t  pauses[] = {
        0, 1, 2, 3, 4999, 5000, 5001, 0x80000000, UINT32_MAX
    };

    (void) state;

    for (i = 0; i < 36; i++) {
        pause = pauses[i / 4];
        wait = ts_backoff(&pause, 5000, randoms[i % 4]);

        assert_true(wait <= 5000 && pause <= 5000);
        assert_true(wait <= pauses[i / 4]);
        assert_true(wait >= (pauses[i / 4] < 5000 ? pauses[i / 4] : 5000) / 2);
    }

    pause = UINT32_MAX - 1;
    wait = ts_backoff(&pause, UINT32_MAX, UINT64_MAX);
    assert_true(wait >= UINT32_MAX / 2);
    assert_int_equal(pause, UINT32_MAX);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(it_doubles_up_to_the_longest),
        cmocka_unit_test(half_of_it_is_chance),
        cmocka_unit_test(the_next_pause_does_not_depend_on_it),
        cmocka_unit_test(the_borders_hold),
    };

    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
