/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_name.h"


static void
spellings_of_an_argument_name(void **state)
{
    (void) state;

    assert_true(ts_name_resembles(TS_SLICE("a_t=1"), TS_SLICE("a_t")));
    assert_true(ts_name_resembles(TS_SLICE("%41.T"), TS_SLICE("a_t")));
    assert_true(ts_name_resembles(TS_SLICE(" \"a_t\" =1"), TS_SLICE("a_t")));
    assert_true(ts_name_resembles(TS_SLICE("a_t[0]=1"), TS_SLICE("a_t")));
    assert_true(ts_name_resembles(TS_SLICE("[t=1"), TS_SLICE("_t")));
    assert_true(ts_name_resembles(TS_SLICE("[%5B_t]=1"), TS_SLICE("_t")));
    assert_true(ts_name_resembles(TS_SLICE("%u0061_t"), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("%u0161_t"), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("%u006"), TS_SLICE("a")));
    assert_false(ts_name_resembles(TS_SLICE("[x]=1"), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("["), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("a_tt=1"), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("a_t-=1"), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("a_"), TS_SLICE("a_t")));
    assert_false(ts_name_resembles(TS_SLICE("%4"), TS_SLICE("a")));
    assert_false(ts_name_resembles(TS_SLICE(""), TS_SLICE("a")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(spellings_of_an_argument_name),
    };

    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
