/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_delay.h"
#include "ts_test.h"


static void
it_doubles_up_to_the_longest(void **state)
{
    uint32_t  i;

    static const ts_delay_rule_t  rule = { 1000, 5000, 2 };
    static const uint32_t         expected[] = {
        0, 0, 1000, 2000, 4000, 5000, 5000
    };

    (void) state;

    for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(ts_delay(&rule, i, 0), expected[i]);
    }

    assert_int_equal(ts_delay(&rule, 65535, 0), 5000);
}


/* However they come, the k-th is not passed on before its sum is over. */

static void
at_the_same_time_is_no_faster_than_one_after_the_other(void **state)
{
    uint32_t  failed, i, sum;

    static const ts_delay_rule_t  rule = { 300, 2000, 1 };

    (void) state;

    for (failed = 0; failed < 6; failed++) {
        sum = 0;

        for (i = 0; i < 6; i++) {
            sum += ts_delay(&rule, failed + i, 0);
            assert_int_equal(ts_delay(&rule, failed, i), sum);
        }
    }
}


static void
it_is_bounded(void **state)
{
    static const ts_delay_rule_t  rule = { 30000, 30000, 0 };
    static const ts_delay_rule_t  off = { 0, 0, 0 };
    static const ts_delay_rule_t  late = { 100, 100, TS_DELAY_AFTER };

    (void) state;

    assert_int_equal(ts_delay(&rule, 0, 1), 60000);
    assert_int_equal(ts_delay(&rule, 0, 2), TS_DELAY_MAX + 1);
    assert_int_equal(ts_delay(&rule, 65535, 65535), TS_DELAY_MAX + 1);
    assert_int_equal(ts_delay(&off, 65535, 65535), 0);
    assert_int_equal(ts_delay(&late, TS_DELAY_AFTER - 1, 0), 0);
    assert_int_equal(ts_delay(&late, TS_DELAY_AFTER, 0), 100);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(it_doubles_up_to_the_longest),
        cmocka_unit_test(
            at_the_same_time_is_no_faster_than_one_after_the_other),
        cmocka_unit_test(it_is_bounded),
    };

    return cmocka_run_group_tests_name("delay", tests, NULL, NULL);
}
