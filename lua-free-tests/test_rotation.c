/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_rotation.h"


#define SETS  4
#define SIZE  (SETS * TS_ROTATION_WAYS * TS_ROTATION_ENTRY)

static void                *memory;
static ts_rotation_t        t;
static ts_rotation_times_t  times;


static int
setup(void **state)
{
    (void) state;

    assert_int_equal(sizeof(ts_rotation_entry_t), TS_ROTATION_ENTRY);

    memory = calloc(1, SIZE);
    assert_non_null(memory);

    ts_rotation_open(&t, memory, SIZE);
    assert_int_equal(t.sets, SETS);

    times = (ts_rotation_times_t) { 1000, 5, 3600 };

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    free(memory);

    return 0;
}


/* Tokens of the same number modulo SETS share a set. */

static ts_rotation_tag_t
tag(uint64_t n)
{
    return (ts_rotation_tag_t) { { n, ~n } };
}


static uint64_t  ended;     /* with the family, by the use before */


static ts_rotation_e
use(uint64_t n, uint64_t family)
{
    return ts_rotation_use(&t, tag(n), family, times, &ended);
}


static int
settle_with(uint64_t n, uint64_t next, uint64_t access)
{
    ts_rotation_tag_t  following;

    following = tag(next);

    return ts_rotation_settle(&t, tag(n), next ? &following : NULL, access,
                              times);
}


static void
settle(uint64_t n, uint64_t next)
{
    (void) settle_with(n, next, 0);
}


static void
what_was_handed_out_ends_too(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    assert_int_equal(ended, 0);
    assert_int_equal(settle_with(1, 2, 77), 0);
    assert_int_equal(use(2, 101), TS_ROTATION_FIRST);
    assert_int_equal(settle_with(2, 3, 0), 0);
    assert_int_equal(use(7, 200), TS_ROTATION_FIRST);
    assert_int_equal(settle_with(7, 8, 88), 0);

    times.now += 10;
    assert_int_equal(use(3, 102), TS_ROTATION_FIRST);
    assert_int_equal(use(2, 102), TS_ROTATION_REUSED);
    assert_int_equal(ended, 77);
    assert_int_equal(use(2, 102), TS_ROTATION_ENDED);
    assert_int_equal(ended, 0);

    /* what is answered only now is said to be over */

    assert_int_equal(settle_with(3, 4, 77), 1);
    assert_int_equal(use(4, 102), TS_ROTATION_ENDED);

    /* nothing of it is left where another family takes its place */

    times.now += times.lifetime + 1;
    assert_int_equal(use(3, 300), TS_ROTATION_FIRST);
    assert_int_equal(settle_with(3, 4, 0), 0);
    times.now += 10;
    assert_int_equal(use(3, 301), TS_ROTATION_REUSED);
    assert_int_equal(ended, 0);
}


static void
each_once(void **state)
{
    uint64_t  n;

    (void) state;

    for (n = 1; n < 6; n++) {
        assert_int_equal(use(n, 100 + n), TS_ROTATION_FIRST);
        settle(n, n + 1);
        times.now += 60;
    }
}


static void
a_second_use_in_the_grace_is_a_race(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    assert_int_equal(use(1, 101), TS_ROTATION_RACE);
    times.now += TS_ROTATION_FLIGHT - 1;
    assert_int_equal(use(1, 101), TS_ROTATION_RACE);
    settle(1, 2);
    times.now += 4;
    assert_int_equal(use(1, 102), TS_ROTATION_RACE);
    assert_int_equal(use(2, 103), TS_ROTATION_FIRST);
}


static void
a_second_use_later_ends_the_family(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    settle(1, 2);
    assert_int_equal(use(2, 101), TS_ROTATION_FIRST);
    settle(2, 3);
    assert_int_equal(use(7, 200), TS_ROTATION_FIRST);
    settle(7, 8);

    times.now += 5;
    assert_int_equal(use(1, 102), TS_ROTATION_REUSED);
    assert_int_equal(use(1, 102), TS_ROTATION_ENDED);
    assert_int_equal(use(2, 102), TS_ROTATION_ENDED);
    assert_int_equal(use(3, 102), TS_ROTATION_ENDED);
    assert_int_equal(use(8, 102), TS_ROTATION_FIRST);
}


static void
what_follows_an_ended_one_has_ended(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    settle(1, 2);
    times.now += 10;
    assert_int_equal(use(2, 101), TS_ROTATION_FIRST);
    assert_int_equal(use(1, 102), TS_ROTATION_REUSED);
    settle(2, 3);
    assert_int_equal(use(3, 103), TS_ROTATION_ENDED);
}


static void
what_the_backend_did_not_take_may_be_used_again(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    settle(1, 0);
    assert_int_equal(use(1, 101), TS_ROTATION_FIRST);
    settle(1, 1);
    assert_int_equal(use(1, 102), TS_ROTATION_FIRST);
    settle(1, 2);
    settle(1, 0);
    times.now += 10;
    assert_int_equal(use(1, 103), TS_ROTATION_REUSED);
    settle(1, 0);
    assert_int_equal(use(1, 104), TS_ROTATION_ENDED);
    assert_int_equal(use(2, 104), TS_ROTATION_ENDED);
    settle(9, 10);
    assert_int_equal(use(10, 105), TS_ROTATION_FIRST);
}


static void
an_answer_that_never_comes_locks_nobody_out(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    times.now += TS_ROTATION_FLIGHT;
    assert_int_equal(use(1, 101), TS_ROTATION_FIRST);
    settle(1, 2);
    times.now += 5;
    assert_int_equal(use(1, 101), TS_ROTATION_REUSED);
}


static void
forgotten_in_time(void **state)
{
    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    settle(1, 2);
    times.now += 3600;
    assert_int_equal(use(1, 101), TS_ROTATION_FIRST);
}


static void
a_full_set_forgets_the_oldest_and_ended_ones_last(void **state)
{
    uint64_t  i;

    (void) state;

    assert_int_equal(use(SETS, 100), TS_ROTATION_FIRST);
    settle(SETS, 2 * SETS);
    times.now += 10;
    assert_int_equal(use(SETS, 100), TS_ROTATION_REUSED);

    for (i = 3; i < 3 + 4 * TS_ROTATION_WAYS; i++) {
        times.now++;
        assert_int_equal(use(i * SETS, 100 + i), TS_ROTATION_FIRST);
    }

    assert_int_equal(use(SETS, 1), TS_ROTATION_ENDED);
    assert_int_equal(use(2 * SETS, 1), TS_ROTATION_ENDED);
    assert_int_equal(use((i - 1) * SETS, 1), TS_ROTATION_RACE);
    assert_int_equal(use(3 * SETS, 1), TS_ROTATION_FIRST);
}


static void
copied_to_another_size(void **state)
{
    void           *other;
    ts_rotation_t   old;

    (void) state;

    assert_int_equal(use(1, 100), TS_ROTATION_FIRST);
    settle(1, 2);
    times.lifetime = 10;
    assert_int_equal(use(3, 101), TS_ROTATION_FIRST);
    times.lifetime = 3600;
    times.now += 10;

    old = t;
    other = calloc(7, TS_ROTATION_WAYS * TS_ROTATION_ENTRY);
    assert_non_null(other);
    ts_rotation_open(&t, other, 7 * TS_ROTATION_WAYS * TS_ROTATION_ENTRY);
    ts_rotation_copy(&t, &old, times.now);

    assert_int_equal(use(3, 102), TS_ROTATION_FIRST);
    assert_int_equal(use(1, 102), TS_ROTATION_REUSED);
    assert_int_equal(use(2, 102), TS_ROTATION_ENDED);

    free(other);
    t = old;
}


/* What a second home says, and what it has to be told. */

static void
a_second_home(void **state)
{
    size_t               cursor;
    ts_rotation_entry_t  e, list[4];

    (void) state;

    assert_int_equal(use(1, 11), TS_ROTATION_FIRST);
    ts_rotation_adopt(&t, tag(1), 12, times.now);
    settle_with(1, 2, 77);

    assert_true(ts_rotation_get(&t, tag(1), times.now, &e));
    assert_int_equal(e.family, 12);
    assert_int_equal(e.state, TS_ROTATION_USED);
    assert_true(ts_rotation_get(&t, tag(2), times.now, &e));
    assert_int_equal(e.family, 12);
    assert_int_equal(e.next, 0);
    assert_false(ts_rotation_get(&t, tag(3), times.now, &e));

    /* nothing is untold until somebody says so; then it is told once */

    cursor = 0;
    assert_int_equal(ts_rotation_tell(&t, &cursor, times.now, list, 4), 0);

    ts_rotation_untold(&t, tag(1), times.now);
    ts_rotation_untold(&t, tag(2), times.now);
    ts_rotation_untold(&t, tag(3), times.now);

    cursor = 0;
    assert_int_equal(ts_rotation_tell(&t, &cursor, times.now, list, 1), 1);
    assert_int_equal(ts_rotation_tell(&t, &cursor, times.now, list + 1, 3),
                     1);
    assert_int_equal(list[0].tag.word[0] + list[1].tag.word[0], 3);

    cursor = 0;
    assert_int_equal(ts_rotation_tell(&t, &cursor, times.now, list, 4), 0);

    /* an entry that takes the place of an untold one is told */

    ts_rotation_untold(&t, tag(1), times.now);
    times.now += times.lifetime;
    cursor = 0;
    assert_int_equal(ts_rotation_tell(&t, &cursor, times.now, list, 4), 0);
    assert_int_equal(use(1, 13), TS_ROTATION_FIRST);
    cursor = 0;
    assert_int_equal(ts_rotation_tell(&t, &cursor, times.now, list, 4), 0);

    /* the family has ended elsewhere */

    settle_with(1, 2, 78);
    assert_int_equal(ts_rotation_finish(&t, tag(2), times), 78);
    assert_int_equal(ts_rotation_finish(&t, tag(3), times), 0);
    assert_int_equal(use(1, 14), TS_ROTATION_ENDED);
    assert_int_equal(use(2, 14), TS_ROTATION_ENDED);
}


/* Tokens that somebody makes up push out none that the backend handed out. */

static void
made_up_tokens_push_out_nothing(void **state)
{
    uint64_t             n;
    ts_rotation_entry_t  e;

    (void) state;

    assert_int_equal(use(0, 11), TS_ROTATION_FIRST);
    settle_with(0, SETS, 77);

    /* one after the other: each is forgotten with its answer */

    for (n = 2; n < 100; n++) {
        times.now++;
        assert_int_equal(use(n * SETS, 100 + n), TS_ROTATION_FIRST);
        settle_with(n * SETS, 0, 0);
        assert_false(ts_rotation_get(&t, tag(n * SETS), times.now, &e));
    }

    /* all at once: they push out each other */

    for (n = 2; n < 100; n++) {
        times.now++;
        assert_int_equal(use(n * SETS, 200 + n), TS_ROTATION_FIRST);
    }

    assert_true(ts_rotation_get(&t, tag(0), times.now, &e));
    assert_int_equal(e.state, TS_ROTATION_USED);
    assert_true(ts_rotation_get(&t, tag(SETS), times.now, &e));

    assert_int_equal(use(0, 12), TS_ROTATION_REUSED);
    assert_int_equal(ended, 77);
    assert_int_equal(use(SETS, 12), TS_ROTATION_ENDED);

    /* one that was handed out is not forgotten when it is not taken */

    assert_int_equal(use(1, 13), TS_ROTATION_FIRST);
    settle_with(1, 1 + SETS, 0);
    assert_int_equal(use(1 + SETS, 14), TS_ROTATION_FIRST);
    settle_with(1 + SETS, 0, 0);
    assert_true(ts_rotation_get(&t, tag(1 + SETS), times.now, &e));
    assert_int_equal(e.family, 13);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_use_in_the_grace_is_a_race,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_use_later_ends_the_family,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_handed_out_ends_too,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_follows_an_ended_one_has_ended,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_the_backend_did_not_take_may_be_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_answer_that_never_comes_locks_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(forgotten_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_full_set_forgets_the_oldest_and_ended_ones_last, setup,
            teardown),
        cmocka_unit_test_setup_teardown(copied_to_another_size, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_home, setup, teardown),
        cmocka_unit_test_setup_teardown(made_up_tokens_push_out_nothing,
                                        setup, teardown)
    };

    return cmocka_run_group_tests_name("rotation", tests, NULL, NULL);
}
