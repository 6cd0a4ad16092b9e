/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/ts_finding.h"


static void
each_finding_is_found_by_its_name(void **state)
{
    int  i;

    (void) state;

    for (i = 0; i < TS_FINDING_N; i++) {
        assert_int_equal(ts_finding_find(ts_finding_names[i]), i);
        assert_int_equal(ts_finding_names[i].len, strlen(ts_findings[i].name));
    }
}


static void
nothing_else_is_found(void **state)
{
    (void) state;

    assert_int_equal(ts_finding_find(TS_SLICE("")), TS_FINDING_N);
    assert_int_equal(ts_finding_find(TS_SLICE("no_tl")), TS_FINDING_N);
    assert_int_equal(ts_finding_find(TS_SLICE("no_tlss")), TS_FINDING_N);
    assert_int_equal(ts_finding_find(TS_SLICE("NO_TLS")), TS_FINDING_N);
}


/* A place has one bit for each; a line of the log has to hold it all. */

static void
a_finding_has_room(void **state)
{
    int  i;

    (void) state;

    assert_true(TS_FINDING_N <= 64);

    for (i = 0; i < TS_FINDING_N; i++) {
        assert_in_range(strlen(ts_findings[i].problem), 20, 300);
        assert_in_range(strlen(ts_findings[i].advice), 10, 300);
        assert_non_null(strstr("high medium low", ts_findings[i].severity));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(each_finding_is_found_by_its_name),
        cmocka_unit_test(nothing_else_is_found),
        cmocka_unit_test(a_finding_has_room),
    };

    return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
