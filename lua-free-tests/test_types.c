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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(slices_compare_by_length_and_bytes),
    };

    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
