/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What rules may ask for beside the plain limit and lock.
 */

#include "attempts_guess.h"


static void
guessing_from_many_addresses_is_bounded(void **state)
{
    uint32_t               i;
    ts_attempt_t           a;
    ts_attempts_t         *t;
    ts_attempts_rule_t     rule;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);
    rule = account_rule;
    rule.others = 3;

    for (i = 0; i < 5; i++) {
        a = attempt(1, 10 + i);
        a.counters[1].rule = &rule;

        v = ts_attempts_reserve(t, &a, 1000);

        if (i < 3) {
            assert_int_equal(v.verdict, TS_ATTEMPTS_ADMITTED);
            (void) settle(t, &a, TS_ATTEMPTS_FAILED, 1000);

        } else {
            assert_int_equal(v.verdict, TS_ATTEMPTS_OTHERS);
            assert_int_equal(v.counter, 1);
        }
    }

    /* an address that is among them is no further one */

    a = attempt(1, 11);
    a.counters[1].rule = &rule;
    assert_int_equal(reserve(t, &a, 1001), TS_ATTEMPTS_ADMITTED);

    /* and another account is not concerned */

    a = attempt(2, 20);
    a.counters[1].rule = &rule;
    assert_int_equal(reserve(t, &a, 1001), TS_ATTEMPTS_ADMITTED);

    free(t);
}


/* Five failures, one after the other; the verdict of a sixth. */

static ts_attempts_verdict_t
lock_pair(ts_attempts_t *t, const ts_attempts_rule_t *rule, uint32_t now)
{
    uint32_t               i;
    ts_attempt_t           a;
    ts_attempts_verdict_t  v;

    for (i = 0; i < 6; i++) {
        a = attempt(1, 1);
        a.n = 1;
        a.counters[0].rule = rule;
        v = ts_attempts_reserve(t, &a, now);

        if (v.verdict == TS_ATTEMPTS_ADMITTED) {
            assert_int_equal(v.failed, i);
            (void) settle(t, &a, TS_ATTEMPTS_FAILED, now);
        }
    }

    check_table(t);

    return v;
}


static void
the_longest_lock_may_have_no_end(void **state)
{
    ts_attempts_t         *t, *copy;
    ts_attempts_rule_t     rule;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);

    rule = pair_rule;
    rule.lock_max = 3 * MINUTE;
    rule.permanent = 1;

    v = lock_pair(t, &rule, 1000);
    assert_int_equal(v.retry_after, MINUTE);

    v = lock_pair(t, &rule, 1000 + MINUTE);
    assert_int_equal(v.retry_after, 2 * MINUTE);

    v = lock_pair(t, &rule, 1000 + 3 * MINUTE);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
    assert_int_equal(v.retry_after, TS_ATTEMPTS_FOREVER - 1000 - 3 * MINUTE);

    rule.extend = 1;
    v = lock_pair(t, &rule, 1000 + 400 * DAY);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
    assert_int_equal(v.retry_after, TS_ATTEMPTS_FOREVER - 1000 - 400 * DAY);

    copy = new_table(SIZE);
    assert_int_equal(ts_attempts_copy(copy, t), 0);
    v = lock_pair(copy, &rule, 1000 + 500 * DAY);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);

    free(copy);
    free(t);
}


static void
a_lock_may_begin_anew_with_each_attempt(void **state)
{
    ts_attempts_t         *t;
    ts_attempts_rule_t     rule;
    ts_attempts_verdict_t  v;

    (void) state;

    t = new_table(SIZE);

    rule = pair_rule;
    rule.extend = 1;

    v = lock_pair(t, &rule, 1000);
    assert_int_equal(v.retry_after, MINUTE);

    v = lock_pair(t, &rule, 1030);
    assert_int_equal(v.verdict, TS_ATTEMPTS_LOCKED);
    assert_int_equal(v.retry_after, MINUTE);

    v = lock_pair(t, &rule, 1089);
    assert_int_equal(v.retry_after, MINUTE);

    /* the next one is longer, and so is what begins anew */

    v = lock_pair(t, &rule, 1149);
    assert_int_equal(v.retry_after, 2 * MINUTE);

    v = lock_pair(t, &rule, 1200);
    assert_int_equal(v.retry_after, 2 * MINUTE);

    free(t);
}


static void
operators_look_and_clear(void **state)
{
    ts_attempt_t        a, b;
    ts_attempts_t      *t;
    ts_attempts_view_t  view;

    (void) state;

    t = new_table(SIZE);

    (void) lock_pair(t, &pair_rule, 1000);

    a = attempt(1, 1);
    a.n = 1;

    assert_int_equal(ts_attempts_look(t, &a.counters[0].key, WINDOW, 1010,
                                      &view), 1);
    assert_int_equal(view.locked, MINUTE - 10);
    assert_int_equal(view.level, 1);
    assert_int_equal(view.failed, 0);

    assert_int_equal(ts_attempts_clear(t, &a.counters[0].key, 1010), 1);
    check_table(t);
    assert_int_equal(ts_attempts_look(t, &a.counters[0].key, WINDOW, 1010,
                                      &view), 0);
    assert_int_equal(ts_attempts_clear(t, &a.counters[0].key, 1010), 0);

    /* failures go, what is in flight stays charged and is settled */

    assert_int_equal(reserve(t, &a, 1010), TS_ATTEMPTS_ADMITTED);
    b = attempt(1, 1);
    b.n = 1;
    assert_int_equal(reserve(t, &b, 1011), TS_ATTEMPTS_ADMITTED);
    (void) settle(t, &b, TS_ATTEMPTS_FAILED, 1011);

    (void) ts_attempts_look(t, &a.counters[0].key, WINDOW, 1012, &view);
    assert_int_equal(view.failed, 1);
    assert_int_equal(view.in_flight, 1);

    assert_int_equal(ts_attempts_clear(t, &a.counters[0].key, 1012), 0);
    check_table(t);
    (void) ts_attempts_look(t, &a.counters[0].key, WINDOW, 1012, &view);
    assert_int_equal(view.failed, 0);
    assert_int_equal(view.in_flight, 1);
    (void) settle(t, &a, TS_ATTEMPTS_FAILED, 1013);

    (void) ts_attempts_look(t, &a.counters[0].key, WINDOW, 1013, &view);
    assert_int_equal(view.failed, 1);
    (void) ts_attempts_look(t, &a.counters[0].key, WINDOW, 1010 + WINDOW,
                            &view);
    assert_int_equal(view.failed, 0);

    free(t);
}


static void
operators_clear_all_of_an_account_or_an_address(void **state)
{
    uint32_t            i, cursor;
    ts_attempt_t        a;
    ts_attempts_t      *t;
    ts_attempts_key_t   account, address;
    ts_attempts_part_t  part;
    ts_attempts_lock_t  some;

    (void) state;

    t = new_table(65536);

    /* pairs of an account or of an address, whatever else is in the table */

    account = (ts_attempts_key_t) { { 70, 0xaa00000001 } };

    for (i = 0; i < 3; i++) {
        address = (ts_attempts_key_t) { { 80 + i, (0xbbu + i) * 0x100000000 } };

        a = attempt(1, 1);
        a.n = 1;
        a.counters[0].key = ts_attempts_pair(i < 2 ? &account : &address,
                                             &address);

        while (reserve(t, &a, 2000) == TS_ATTEMPTS_ADMITTED) {
            (void) settle(t, &a, TS_ATTEMPTS_FAILED, 2000);
            a.id = ++next_id;
        }
    }

    assert_int_equal(ts_attempts_stats(t).locked, 3);

    cursor = 0;
    part = ts_attempts_pairs_of(&account, NULL);
    assert_int_equal(ts_attempts_clear_part(t, &cursor, &part, 2001), 2);
    assert_int_equal(cursor, 0);
    check_table(t);
    assert_int_equal(ts_attempts_stats(t).locked, 1);

    part = ts_attempts_pairs_of(&account, &address);
    assert_int_equal(ts_attempts_clear_part(t, &cursor, &part, 2001), 0);

    part = ts_attempts_pairs_of(NULL, &address);
    assert_int_equal(ts_attempts_clear_part(t, &cursor, &part, 2001), 1);
    assert_int_equal(ts_attempts_stats(t).locked, 0);

    /* from anywhere */

    for (i = 0; i < 8; i++) {
        cursor = i < 6 ? i : UINT32_MAX - i;
        (void) ts_attempts_locks(t, &cursor, &some, 1, 2001);
        assert_true(cursor <= ts_attempts_stats(t).blocks);
        cursor = i < 6 ? i : UINT32_MAX - i;
        (void) ts_attempts_clear_part(t, &cursor, &part, 2001);
        assert_int_equal(cursor, 0);
    }

    free(t);
}


/*
 * A hundred thousand addresses, each at another account, in 16 megabytes: the
 * last ones that have room are counted, the ones before have left, and of a
 * thousand locks none has.
 */

static void
a_flood_from_everywhere_is_bounded(void **state)
{
    uint32_t             i, kept;
    ts_attempt_t         a;
    ts_attempts_t       *t;
    ts_attempts_stats_t  stats;

    (void) state;

    t = new_table(16 * 1024 * 1024);

    for (i = 0; i < 1000 * 5; i++) {
        a = attempt(i / 5, i / 5);
        assert_int_equal(ts_attempts_reserve(t, &a, 1000).verdict,
                         TS_ATTEMPTS_ADMITTED);
        (void) ts_attempts_settle(t, &a, TS_ATTEMPTS_FAILED, 1000);
    }

    for (i = 1000; i < 101000; i++) {
        a = attempt(i, i);
        assert_int_equal(ts_attempts_reserve(t, &a, 1001).verdict,
                         TS_ATTEMPTS_ADMITTED);
        (void) ts_attempts_settle(t, &a, TS_ATTEMPTS_FAILED, 1001);
    }

    check_table(t);

    stats = ts_attempts_stats(t);
    assert_int_equal(stats.used, stats.blocks);
    assert_int_equal(stats.locked, 1000);
    assert_int_equal(stats.full, 0);

    kept = (stats.blocks - 1000) / 3;
    assert_in_range(kept, 42000, 43000);

    for (i = 1000; i < 101000; i++) {
        a = attempt(i, i);
        assert_int_equal(ts_attempts_find(t, &a.counters[0].key) != 0,
                         i >= 101000 - kept);
    }

    for (i = 0; i < 1000; i++) {
        a = attempt(i, i);
        assert_int_equal(ts_attempts_reserve(t, &a, 1002).verdict,
                         TS_ATTEMPTS_LOCKED);
    }

    free(t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_flood_from_everywhere_is_bounded),
        cmocka_unit_test(guessing_from_many_addresses_is_bounded),
        cmocka_unit_test(the_longest_lock_may_have_no_end),
        cmocka_unit_test(a_lock_may_begin_anew_with_each_attempt),
        cmocka_unit_test(operators_look_and_clear),
        cmocka_unit_test(operators_clear_all_of_an_account_or_an_address),
    };

    return cmocka_run_group_tests_name("attempts_shapes", tests, NULL, NULL);
}
