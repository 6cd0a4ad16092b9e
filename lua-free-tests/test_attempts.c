/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "attempts_guess.h"


/* One guess from start to end; returns what reserve said. */

static ts_attempts_verdict_t
guess(ts_attempts_t *t, uint32_t account, uint32_t address,
    ts_attempts_outcome_e outcome, uint32_t now)
{
    ts_attempt_t           a;
    ts_attempts_verdict_t  v;

    a = attempt(account, address);
    v = ts_attempts_reserve(t, &a, now);

    if (v.verdict == TS_ATTEMPTS_ADMITTED) {
        (void) ts_attempts_settle(t, &a, outcome, now);
    }

    check_table(t);

    return v;
}


static uint32_t
admitted(ts_attempts_t *t, uint32_t account, uint32_t address, uint32_t tries,
    uint32_t now)
{
    uint32_t  n;

    for (n = 0; tries; tries--) {
        n += guess(t, account, address, TS_ATTEMPTS_FAILED, now).verdict
             == TS_ATTEMPTS_ADMITTED;
    }

    return n;
}


static void
of_500_parallel_guesses_exactly_the_limit_is_admitted(void **state)
{
    uint32_t                i, n;
    ts_attempt_t            a;
    ts_attempts_t          *t;
    ts_attempts_verdict_t   v;

    (void) state;

    t = new_table(SIZE);

    for (i = 0, n = 0; i < 500; i++) {
        a = attempt(1, 1);
        v = ts_attempts_reserve(t, &a, 100);

        if (v.verdict == TS_ATTEMPTS_ADMITTED) {
            n++;
            continue;
        }

        assert_int_equal(v.verdict, TS_ATTEMPTS_BUSY);
        assert_int_equal(v.retry_after, 1);
    }

    assert_int_equal(n, 5);

    free(t);
}


static void
right_passwords_in_parallel_are_only_told_to_wait_a_second(void **state)
{
    uint32_t        i;
    ts_attempt_t    a[11];
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 10; i++) {
        a[i] = attempt(i + 1, 7);
        assert_int_equal(reserve(t, &a[i], 100), TS_ATTEMPTS_ADMITTED);
    }

    a[10] = attempt(11, 7);
    assert_int_equal(reserve(t, &a[10], 100), TS_ATTEMPTS_BUSY);

    for (i = 0; i < 10; i++) {
        assert_int_equal(settle(t, &a[i], TS_ATTEMPTS_SUCCEEDED, 100), 0);
    }

    assert_int_equal(reserve(t, &a[10], 101), TS_ATTEMPTS_ADMITTED);

    free(t);
}


static void
failures_lock_the_pair_and_the_lock_grows(void **state)
{
    int                    i;
    uint32_t               now, lasts;
    ts_attempts_t         *t;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);
    now = 1000;
    lasts = MINUTE;

    /* 1, 2, 4 .. 1024 minutes, a day, a day, a day */

    for (i = 0; i < 14; i++) {
        assert_int_equal(admitted(t, 1, 1, 6, now), 5);

        v = guess(t, 1, 1, TS_ATTEMPTS_FAILED, now);
        assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
        assert_int_equal(v.counter, 0);
        assert_int_equal(v.retry_after, lasts);

        v = guess(t, 1, 1, TS_ATTEMPTS_FAILED, now + lasts - 1);
        assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
        assert_int_equal(v.retry_after, 1);

        /* past the window, so that account and address do not interfere */

        now += lasts < WINDOW ? WINDOW : lasts;
        lasts = lasts * 2 < DAY ? lasts * 2 : DAY;
    }

    /* the lock has ended, its level goes down by one for each quiet day */

    now += 3 * DAY;

    assert_int_equal(admitted(t, 1, 1, 6, now), 5);
    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_FAILED, now).retry_after,
                     256 * MINUTE);

    now += 100 * DAY;

    assert_int_equal(admitted(t, 1, 1, 6, now), 5);
    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_FAILED, now).retry_after,
                     MINUTE);

    free(t);
}


static void
one_failure_below_the_limit_locks_nobody(void **state)
{
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(admitted(t, 1, 1, 4, 100), 4);
    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_SUCCEEDED, 100).verdict,
                     TS_ATTEMPTS_ADMITTED);
    assert_int_equal(admitted(t, 1, 1, 4, 100), 4);
    assert_int_equal(ts_attempts_stats(t).locked, 0);

    free(t);
}


static void
the_window_slides(void **state)
{
    uint32_t               i;
    ts_attempts_t         *t;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 20; i++) {
        assert_int_equal(admitted(t, 1, 100 + i, 1, 1000 + i), 1);
    }

    v = guess(t, 1, 500, TS_ATTEMPTS_FAILED, 1020);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LIMITED);
    assert_int_equal(v.counter, 1);
    assert_int_equal(v.retry_after, 1000 + WINDOW - 1020);

    assert_int_equal(admitted(t, 1, 500, 1, 1000 + WINDOW - 1), 0);
    assert_int_equal(admitted(t, 1, 500, 1, 1000 + WINDOW), 1);
    assert_int_equal(admitted(t, 1, 500, 1, 1000 + WINDOW), 0);
    assert_int_equal(admitted(t, 1, 500, 1, 1001 + WINDOW), 1);

    free(t);
}


static void
a_flood_from_a_blocked_address_leaves_the_victims_budget(void **state)
{
    uint32_t               i;
    ts_attempts_t         *t;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 50; i++) {
        assert_int_equal(admitted(t, 100 + i % 10, 66, 1, 1000 + i), 1);
    }

    for (i = 0; i < 300; i++) {
        v = guess(t, 1, 66, TS_ATTEMPTS_FAILED, 1050);
        assert_int_equal(v.verdict, TS_ATTEMPTS_LIMITED);
        assert_int_equal(v.counter, 2);
    }

    for (i = 0; i < 20; i++) {
        assert_int_equal(admitted(t, 1, 200 + i, 1, 1060), 1);
    }

    free(t);
}


static void
spraying_is_bounded_by_different_accounts(void **state)
{
    uint32_t               i;
    ts_attempts_t         *t;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 10; i++) {
        assert_int_equal(admitted(t, 1 + i, 66, 1, 1000 + i), 1);
    }

    /* the account that failed at 1000 fails again: 1001 is the oldest now */

    assert_int_equal(admitted(t, 1, 66, 1, 1020), 1);

    v = guess(t, 99, 66, TS_ATTEMPTS_FAILED, 1030);
    assert_int_equal(v.verdict, TS_ATTEMPTS_OTHERS);
    assert_int_equal(v.counter, 2);
    assert_int_equal(v.retry_after, 1001 + WINDOW - 1030);

    assert_int_equal(admitted(t, 99, 67, 1, 1030), 1);
    assert_int_equal(admitted(t, 99, 66, 1, 1001 + WINDOW - 1), 0);
    assert_int_equal(admitted(t, 99, 66, 1, 1001 + WINDOW), 1);

    free(t);
}


static void
success_clears_pair_and_account_but_not_the_address(void **state)
{
    uint32_t        i, n;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (n = 0, i = 0; i < 60; i++) {
        if (admitted(t, 1, 66, 1, 1000) == 0) {
            break;
        }

        n++;

        if (n % 4 == 0) {
            (void) guess(t, 1, 66, TS_ATTEMPTS_SUCCEEDED, 1000);
        }
    }

    assert_int_equal(n, 50);

    free(t);
}


static void
success_does_not_free_guesses_that_are_in_flight(void **state)
{
    uint32_t        i;
    ts_attempt_t    in_flight[4];
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 4; i++) {
        in_flight[i] = attempt(1, 1);
        assert_int_equal(reserve(t, &in_flight[i], 100), TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_SUCCEEDED, 100).verdict,
                     TS_ATTEMPTS_ADMITTED);
    assert_int_equal(admitted(t, 1, 1, 3, 100), 1);

    for (i = 0; i < 4; i++) {
        assert_int_equal(settle(t, &in_flight[i], TS_ATTEMPTS_FAILED, 100),
                         i == 3);
    }

    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_FAILED, 100).verdict,
                     TS_ATTEMPTS_LOCKED);

    free(t);
}


static void
what_is_withdrawn_leaves_no_trace_and_forgives_nothing(void **state)
{
    uint32_t        i;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(admitted(t, 1, 1, 4, 100), 4);

    for (i = 0; i < 200; i++) {
        assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_WITHDRAWN, 100).verdict,
                         TS_ATTEMPTS_ADMITTED);
        assert_int_equal(guess(t, 2, 2, TS_ATTEMPTS_WITHDRAWN, 100).verdict,
                         TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(ts_attempts_stats(t).used, 3);
    assert_int_equal(admitted(t, 1, 1, 5, 100), 1);

    free(t);
}


static void
success_keeps_the_level_of_locks(void **state)
{
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(admitted(t, 1, 1, 5, 1000), 5);
    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_SUCCEEDED, 1060).verdict,
                     TS_ATTEMPTS_ADMITTED);
    assert_int_equal(admitted(t, 1, 1, 5, 1060), 5);
    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_FAILED, 1060).retry_after,
                     2 * MINUTE);

    free(t);
}


static void
an_outcome_is_fixed_once(void **state)
{
    uint32_t              i;
    ts_attempt_t          a[5];
    ts_attempts_t        *t;
    ts_attempts_locked_t  locked;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 5; i++) {
        a[i] = attempt(1, 1);
        assert_int_equal(reserve(t, &a[i], 100), TS_ATTEMPTS_ADMITTED);
    }

    for (i = 0; i < 4; i++) {
        (void) settle(t, &a[i], TS_ATTEMPTS_FAILED, 100);
        (void) settle(t, &a[i], TS_ATTEMPTS_SUCCEEDED, 100);
        (void) settle(t, &a[i], TS_ATTEMPTS_NEUTRAL, 100);
        (void) settle(t, &a[i], TS_ATTEMPTS_FAILED, 100);
    }

    locked = ts_attempts_settle(t, &a[4], TS_ATTEMPTS_FAILED, 100);
    assert_int_equal(locked.n, 1);
    assert_int_equal(locked.until, 100 + MINUTE);
    assert_int_equal(settle(t, &a[4], TS_ATTEMPTS_FAILED, 100), 0);

    /* given back twice is given back once */

    a[0] = attempt(2, 2);
    a[1] = attempt(2, 2);
    (void) reserve(t, &a[0], 100);
    (void) reserve(t, &a[1], 100);
    (void) settle(t, &a[0], TS_ATTEMPTS_SUCCEEDED, 100);
    (void) settle(t, &a[0], TS_ATTEMPTS_SUCCEEDED, 100);
    (void) settle(t, &a[0], TS_ATTEMPTS_FAILED, 100);
    (void) settle(t, &a[1], TS_ATTEMPTS_FAILED, 100);

    assert_int_equal(admitted(t, 2, 2, 9, 100), 4);

    free(t);
}


static void
what_left_the_window_in_flight_is_not_brought_back(void **state)
{
    ts_attempt_t    a;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    a = attempt(1, 1);
    assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);

    assert_int_equal(admitted(t, 1, 1, 4, 100 + WINDOW), 4);
    assert_int_equal(settle(t, &a, TS_ATTEMPTS_FAILED, 100 + WINDOW), 0);
    assert_int_equal(admitted(t, 1, 1, 9, 100 + WINDOW), 1);

    free(t);
}


static void
an_attempt_without_an_answer_stays_charged(void **state)
{
    uint32_t        i;
    ts_attempt_t    a;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 5; i++) {
        a = attempt(1, 1);
        assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(admitted(t, 1, 1, 9, 99 + WINDOW), 0);
    assert_int_equal(admitted(t, 1, 1, 1, 100 + WINDOW), 1);

    free(t);
}


static void
neutral_answers_give_back_only_so_often(void **state)
{
    uint32_t        i;
    ts_attempts_t  *t;

    (void) state;

    t = new_table(SIZE);

    for (i = 0; i < 10; i++) {
        assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_NEUTRAL, 100).verdict,
                         TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_NEUTRAL, 100).verdict,
                     TS_ATTEMPTS_LOCKED);

    /* five a window for ever are fine */

    for (i = 0; i < 50; i++) {
        assert_int_equal(guess(t, 2, 2, TS_ATTEMPTS_NEUTRAL,
                               1000 + i * WINDOW / 5).verdict,
                         TS_ATTEMPTS_ADMITTED);
    }

    assert_int_equal(admitted(t, 2, 2, 4, 1000 + 50 * WINDOW / 5), 4);

    free(t);
}


static void
a_clock_that_steps_back_unlocks_nobody(void **state)
{
    ts_attempts_t         *t;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);

    assert_int_equal(admitted(t, 1, 1, 5, 5000), 5);

    v = guess(t, 1, 1, TS_ATTEMPTS_FAILED, 10);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
    assert_int_equal(v.retry_after, MINUTE);

    assert_int_equal(admitted(t, 2, 2, 1, 10), 1);
    assert_int_equal(admitted(t, 1, 1, 1, 5000 + MINUTE), 1);

    free(t);
}


static void
a_limit_lowered_by_a_reload_holds_at_once(void **state)
{
    ts_attempt_t           a;
    ts_attempts_t         *t;
    ts_attempts_rule_t     lower;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);
    lower = pair_rule;
    lower.limit = 2;

    assert_int_equal(admitted(t, 1, 1, 4, 100), 4);

    a = attempt(1, 1);
    a.counters[0].rule = &lower;

    v = ts_attempts_reserve(t, &a, 200);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LIMITED);
    assert_int_equal(v.retry_after, WINDOW - 100);

    free(t);
}


static void
many_attempts_of_one_key_are_kept_exactly(void **state)
{
    uint32_t            i;
    ts_attempt_t        a, all[TS_ATTEMPTS_LIMIT_MAX];
    ts_attempts_t      *t;
    ts_attempts_rule_t  rule;

    (void) state;

    t = new_table(SIZE);

    rule = address_rule;
    rule.others = 0;
    rule.limit = TS_ATTEMPTS_LIMIT_MAX;

    for (i = 0; i < TS_ATTEMPTS_LIMIT_MAX; i++) {
        all[i] = attempt(i, 1);
        all[i].n = 1;
        all[i].counters[0] = all[i].counters[2];
        all[i].counters[0].rule = &rule;

        assert_int_equal(ts_attempts_reserve(t, &all[i], 100).verdict,
                         TS_ATTEMPTS_ADMITTED);
    }

    a = attempt(0, 1);
    a.n = 1;
    a.counters[0] = all[0].counters[0];
    assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_BUSY);

    for (i = 0; i < TS_ATTEMPTS_LIMIT_MAX; i += 2) {
        (void) ts_attempts_settle(t, &all[i], TS_ATTEMPTS_SUCCEEDED, 100);
    }

    check_table(t);

    for (i = 0; i < TS_ATTEMPTS_LIMIT_MAX / 2; i++) {
        a.id = ++next_id;
        assert_int_equal(ts_attempts_reserve(t, &a, 100).verdict,
                         TS_ATTEMPTS_ADMITTED);
    }

    a.id = ++next_id;
    assert_int_equal(reserve(t, &a, 100), TS_ATTEMPTS_BUSY);

    free(t);
}


static void
the_oldest_open_counters_leave_and_locks_stay(void **state)
{
    uint32_t               i, n;
    ts_attempts_t         *t;
    ts_attempts_stats_t    stats;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);
    n = ts_attempts_stats(t).blocks;

    for (i = 1; i <= 20; i++) {
        assert_int_equal(admitted(t, i, i, 5, 1000), 5);
    }

    for (i = 0; i < 4 * n; i++) {
        assert_int_equal(admitted(t, 1000 + i, 1000 + i, 1, 1001), 1);
    }

    stats = ts_attempts_stats(t);
    assert_in_range(stats.used, n - 3, n);
    assert_true(stats.evicted > 3 * n);
    assert_int_equal(stats.locked, 20);

    for (i = 1; i <= 20; i++) {
        v = guess(t, i, i, TS_ATTEMPTS_FAILED, 1001);
        assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
    }

    /* the last ones are still counted, the first ones are forgotten */

    assert_int_equal(admitted(t, 999 + 4 * n, 999 + 4 * n, 6, 1001), 4);
    assert_int_equal(admitted(t, 1000, 1000, 6, 1001), 5);

    free(t);
}


/* What docs/directives.md promises. */

static void
a_megabyte_holds_8000_counters(void **state)
{
    ts_attempts_t  *t;

    (void) state;

    t = new_table(1024 * 1024);
    assert_in_range(ts_attempts_stats(t).blocks, 8000, 8192);
    free(t);
}


static void
a_table_full_of_locks_refuses_until_one_ends(void **state)
{
    uint32_t            i, n;
    ts_attempts_t      *t;
    ts_attempts_lock_t  lock;

    (void) state;

    t = new_table(TS_ATTEMPTS_SIZE_MIN);
    n = ts_attempts_stats(t).blocks;

    for (i = 0; i < n; i++) {
        lock.key = (ts_attempts_key_t) { { 1000 + i, 77 } };
        lock.until = 2000 + i;
        lock.level = 1;
        assert_true(ts_attempts_restore(t, &lock, 1000));
    }

    lock.key = (ts_attempts_key_t) { { 999, 77 } };
    assert_false(ts_attempts_restore(t, &lock, 1000));

    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_FAILED, 1999).verdict,
                     TS_ATTEMPTS_FULL);
    assert_int_equal(ts_attempts_stats(t).full, 1);

    assert_int_equal(guess(t, 1, 1, TS_ATTEMPTS_FAILED, 2010).verdict,
                     TS_ATTEMPTS_ADMITTED);

    free(t);
}


static void
counters_survive_a_change_of_size(void **state)
{
    uint32_t         i;
    ts_attempts_t   *t, *larger, *smaller;

    (void) state;

    t = new_table(SIZE);

    for (i = 1; i <= 30; i++) {
        assert_int_equal(admitted(t, i, i, 5, 1000), 5);
    }

    for (i = 31; i <= 90; i++) {
        assert_int_equal(admitted(t, i, i, 3, 1000), 3);
    }

    for (i = 0; i < 10; i++) {
        assert_int_equal(admitted(t, 500 + i, 400, 1, 1000), 1);
    }

    larger = new_table(4 * SIZE);
    assert_int_equal(ts_attempts_copy(larger, t), 0);
    check_table(larger);
    check_table(t);

    for (i = 1; i <= 90; i++) {
        assert_int_equal(admitted(larger, i, i, 9, 1000), i <= 30 ? 0 : 2);
    }

    assert_int_equal(guess(larger, 600, 400, TS_ATTEMPTS_FAILED, 1000).verdict,
                     TS_ATTEMPTS_OTHERS);

    smaller = new_table(TS_ATTEMPTS_SIZE_MIN);
    assert_int_equal(ts_attempts_copy(smaller, t), 0);
    check_table(smaller);

    for (i = 1; i <= 30; i++) {
        assert_int_equal(guess(smaller, i, i, TS_ATTEMPTS_FAILED, 1000).verdict,
                         TS_ATTEMPTS_LOCKED);
    }

    assert_int_equal(guess(smaller, 600, 400, TS_ATTEMPTS_FAILED,
                           1000).verdict,
                     TS_ATTEMPTS_OTHERS);

    free(smaller);
    free(larger);
    free(t);
}


static void
locks_are_read_out_and_put_back(void **state)
{
    uint32_t            i, n, cursor, rounds;
    ts_attempts_t      *t, *later;
    ts_attempts_lock_t  some[7];

    (void) state;

    t = new_table(SIZE);
    later = new_table(SIZE);

    for (i = 1; i <= 40; i++) {
        assert_int_equal(admitted(t, i, i, 5, i <= 20 ? 1000 : 1100), 5);
    }

    cursor = 0;
    n = 0;
    rounds = 0;

    do {
        i = ts_attempts_locks(t, &cursor, some, 7, 1100);
        n += i;

        while (i--) {
            assert_int_equal(some[i].until, 1100 + MINUTE);
            assert_int_equal(some[i].level, 1);

            some[i].until = 500;
            assert_true(ts_attempts_restore(later, &some[i], 450));
        }

        check_table(later);
        assert_true(++rounds < 100);

    } while (cursor);

    assert_int_equal(n, 20);

    for (i = 1; i <= 40; i++) {
        assert_int_equal(guess(later, i, i, TS_ATTEMPTS_FAILED, 450).verdict,
                         i <= 20 ? TS_ATTEMPTS_ADMITTED : TS_ATTEMPTS_LOCKED);
    }

    /* the level came along */

    assert_int_equal(admitted(later, 40, 40, 5, 500), 5);
    assert_int_equal(guess(later, 40, 40, TS_ATTEMPTS_FAILED, 500).retry_after,
                     2 * MINUTE);

    free(later);
    free(t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(of_500_parallel_guesses_exactly_the_limit_is_admitted),
        cmocka_unit_test(
            right_passwords_in_parallel_are_only_told_to_wait_a_second),
        cmocka_unit_test(failures_lock_the_pair_and_the_lock_grows),
        cmocka_unit_test(one_failure_below_the_limit_locks_nobody),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(
            a_flood_from_a_blocked_address_leaves_the_victims_budget),
        cmocka_unit_test(spraying_is_bounded_by_different_accounts),
        cmocka_unit_test(success_clears_pair_and_account_but_not_the_address),
        cmocka_unit_test(success_does_not_free_guesses_that_are_in_flight),
        cmocka_unit_test(
            what_is_withdrawn_leaves_no_trace_and_forgives_nothing),
        cmocka_unit_test(success_keeps_the_level_of_locks),
        cmocka_unit_test(an_outcome_is_fixed_once),
        cmocka_unit_test(what_left_the_window_in_flight_is_not_brought_back),
        cmocka_unit_test(an_attempt_without_an_answer_stays_charged),
        cmocka_unit_test(neutral_answers_give_back_only_so_often),
        cmocka_unit_test(a_clock_that_steps_back_unlocks_nobody),
        cmocka_unit_test(a_limit_lowered_by_a_reload_holds_at_once),
        cmocka_unit_test(many_attempts_of_one_key_are_kept_exactly),
        cmocka_unit_test(the_oldest_open_counters_leave_and_locks_stay),
        cmocka_unit_test(a_megabyte_holds_8000_counters),
        cmocka_unit_test(a_table_full_of_locks_refuses_until_one_ends),
        cmocka_unit_test(counters_survive_a_change_of_size),
        cmocka_unit_test(locks_are_read_out_and_put_back),
    };

    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
