/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_state.h"


#define KEY  "0123456789abcdeffedcba9876543210"


static const ts_state_lock_t  example = {
    { { 0x0123456789abcdef, 0xfedcba9876543210 } }, 1700000000, 60, 3
};


static int
read_lock(const char *line, size_t len, ts_state_lock_t *lock)
{
    int         rc;
    ts_slice_t  copy;

    copy = heap_copy(line, len);
    rc = ts_state_read_lock(copy, lock);
    heap_free(copy);

    return rc;
}


static void
what_is_written_is_read(void **state)
{
    char             buf[TS_STATE_LINE_MAX];
    size_t           n;
    uint8_t          key[TS_STATE_KEY];
    ts_slice_t       name;
    ts_state_lock_t  lock;

    (void) state;

    n = ts_state_write_lock(buf, &example);
    assert_int_equal(n, strlen("lock " KEY " 1700000000 60 3\n"));
    assert_memory_equal(buf, "lock " KEY " 1700000000 60 3\n", n);

    memset(&lock, 0xff, sizeof(lock));
    assert_true(read_lock(buf, n - 1, &lock));
    assert_memory_equal(&lock, &example, sizeof(lock));

    n = ts_state_write_key(buf, "login", (const uint8_t *) "0123456789abcdef");
    assert_true(ts_state_read_key(ts_slice(buf, n - 1), &name, key));
    assert_true(ts_slice_eq(name, TS_SLICE("login")));
    assert_memory_equal(key, "0123456789abcdef", TS_STATE_KEY);
}


static void
revocations_have_one_spelling(void **state)
{
    size_t           i, n;
    char             buf[TS_STATE_LINE_MAX];
    ts_slice_t       copy;
    ts_revocation_t  r;

    static const ts_revocation_t  longest = {
        0xffffffffffffffee, UINT32_MAX, UINT32_MAX
    };

    static const char *const  bad[] = {
        "revoke 0123456789abcdea 1 2 ", "revoke 0123456789abcdea 1 2 3",
        "revoke 0123456789abcdea 1", "revoke 0123456789abcdea 01 2",
        "revoke 0123456789abcdea 1 4294967296", "revoke 0123456789ABCDEA 1 2",
        "revoke 0123456789abcde 1 2", "revoke 00123456789abcdea 1 2",
        "Revoke 0123456789abcdea 1 2", "revoke  0123456789abcdea 1 2",
        /* kinds that there are not */
        "revoke 0123456789abcde0 1 2", "revoke 0123456789abcdef 1 2",
    };

    (void) state;

    n = ts_state_write_revocation(buf, &longest);
    assert_in_range(n, 1, TS_STATE_LINE_MAX);
    assert_memory_equal(buf, "revoke ffffffffffffffee 4294967295 4294967295\n",
                        n);

    memset(&r, 0, sizeof(r));
    copy = heap_copy(buf, n - 1);
    assert_true(ts_state_read_revocation(copy, &r));
    assert_memory_equal(&r, &longest, sizeof(r));
    heap_free(copy);

    for (i = 0; i < n - 1; i++) {
        copy = heap_copy(buf, i);
        assert_int_equal(ts_state_read_revocation(copy, &r), i > 35);
        heap_free(copy);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        copy = heap_copy(bad[i], strlen(bad[i]));
        assert_false(ts_state_read_revocation(copy, &r));
        heap_free(copy);
    }
}


static void
the_longest_line_fits(void **state)
{
    char             buf[TS_STATE_LINE_MAX];
    size_t           n;
    ts_state_lock_t  lock, again;

    (void) state;

    lock = example;
    lock.until = INT64_MAX;
    lock.left = UINT32_MAX;
    lock.level = UINT8_MAX;

    n = ts_state_write_lock(buf, &lock);
    assert_in_range(n, 1, TS_STATE_LINE_MAX);
    assert_true(read_lock(buf, n - 1, &again));
    assert_memory_equal(&lock, &again, sizeof(lock));
}


static void
anything_else_is_no_lock(void **state)
{
    char             buf[TS_STATE_LINE_MAX];
    size_t           i, n;
    ts_state_lock_t  lock;

    static const char *const  wrong[] = {
        "", " ", "lock", "key " KEY, "unlock " KEY " 1 1 1",
        "lock " KEY " 1 1", "lock " KEY " 1 1 1 1", "lock " KEY " 1 1 1 ",
        "lock  " KEY " 1 1 1", " lock " KEY " 1 1 1", "lock " KEY "  1 1 1",
        "lock " KEY "0 1 1 1", "lock 0" KEY " 1 1 1",
        "lock 0123456789ABCDEFfedcba9876543210 1 1 1",
        "lock g123456789abcdeffedcba9876543210 1 1 1",
        "lock " KEY " -1 1 1", "lock " KEY " +1 1 1", "lock " KEY " 01 1 1",
        "lock " KEY " 1.0 1 1", "lock " KEY " 1 1 256",
        "lock " KEY " 9223372036854775808 1 1",
        "lock " KEY " 99999999999999999999999 1 1",
        "lock " KEY " 1 4294967296 1", "lock " KEY " 1 1 1\r",
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(read_lock(wrong[i], strlen(wrong[i]), &lock));
    }

    n = ts_state_write_lock(buf, &example) - 1;

    for (i = 0; i < n - 1; i++) {
        /* torn within the last number it may be a shorter number */
        assert_false(read_lock(buf, i, &lock));
    }
}


static void
the_name_of_a_key(void **state)
{
    uint8_t     key[TS_STATE_KEY];
    ts_slice_t  name;

    (void) state;

    assert_true(ts_state_read_key(TS_SLICE("key a " KEY), &name, key));
    assert_true(ts_state_read_key(TS_SLICE("key 1234567890123456 " KEY),
                                  &name, key));
    assert_false(ts_state_read_key(TS_SLICE("key 12345678901234567 " KEY),
                                   &name, key));
    assert_false(ts_state_read_key(TS_SLICE("key  " KEY), &name, key));
    assert_false(ts_state_read_key(TS_SLICE("key a " KEY " "), &name, key));
    assert_false(ts_state_read_key(TS_SLICE("key a"), &name, key));
    assert_false(ts_state_read_key(TS_SLICE("lock a " KEY), &name, key));
}


static void
a_wall_clock_that_was_set_does_not_lock_the_world(void **state)
{
    (void) state;

    assert_int_equal(ts_state_lock_left(&example, 1700000000 - 60), 60);
    assert_int_equal(ts_state_lock_left(&example, 1700000000 - 1), 1);
    assert_int_equal(ts_state_lock_left(&example, 1700000000), 0);
    assert_int_equal(ts_state_lock_left(&example, 1800000000), 0);
    assert_int_equal(ts_state_lock_left(&example, 1700000000 - 61), 60);
    assert_int_equal(ts_state_lock_left(&example, 0), 60);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(revocations_have_one_spelling),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(anything_else_is_no_lock),
        cmocka_unit_test(the_name_of_a_key),
        cmocka_unit_test(a_wall_clock_that_was_set_does_not_lock_the_world),
    };

    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
