/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/ts_types.h"


static void
slices_compare_by_length_and_bytes(void **state)
{
    (void) state;

    assert_true(ts_slice_eq(TS_SLICE("abc"), TS_SLICE("abc")));
    assert_false(ts_slice_eq(TS_SLICE("abc"), TS_SLICE("ab")));
    assert_false(ts_slice_eq(TS_SLICE("abc"), TS_SLICE("abd")));
    assert_true(ts_slice_eq(ts_slice(NULL, 0), TS_SLICE("")));
}


static void
case_counts_only_where_it_is_asked_for(void **state)
{
    (void) state;

    assert_true(ts_slice_eq_nocase(TS_SLICE("aBz-1"), TS_SLICE("AbZ-1")));
    assert_false(ts_slice_eq_nocase(TS_SLICE("ab"), TS_SLICE("abc")));
    assert_false(ts_slice_eq_nocase(TS_SLICE("ab"), TS_SLICE("ac")));

    /* no letters, and one bit apart like letters */

    assert_false(ts_slice_eq_nocase(TS_SLICE("@"), TS_SLICE("`")));
    assert_false(ts_slice_eq_nocase(TS_SLICE("["), TS_SLICE("{")));
    assert_false(ts_slice_eq_nocase(TS_SLICE("\xc4"), TS_SLICE("\xe4")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(slices_compare_by_length_and_bytes),
        cmocka_unit_test(case_counts_only_where_it_is_asked_for),
    };

    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
