/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_csp.h"


#define OWN  "base-uri 'self'; object-src 'none'; frame-ancestors 'self'"


/* merges into a buffer of exactly the promised size and compares */

static void
merges_to(const char *own, const char *first, const char *second,
    const char *expected)
{
    size_t       i, n, len, sum;
    uint8_t     *buf;
    ts_slice_t   backend[2];

    n = 0;
    sum = 0;

    if (first) {
        backend[n++] = ts_slice(first, strlen(first));
    }

    if (second) {
        backend[n++] = ts_slice(second, strlen(second));
    }

    for (i = 0; i < n; i++) {
        sum += backend[i].len;
    }

    buf = malloc(ts_csp_merge_max(strlen(own), n, sum));
    assert_non_null(buf);

    len = ts_csp_merge(buf, ts_slice(own, strlen(own)), backend, n);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(buf, expected, len);
    free(buf);
}


static void
own_policy_alone(void **state)
{
    (void) state;

    merges_to(OWN, NULL, NULL, OWN);
    merges_to(OWN, "", NULL, OWN);
    merges_to(OWN, " \t ", "", OWN);
    merges_to("a;b;c", NULL, NULL, "a; b; c");
}


static void
backend_directives_stay(void **state)
{
    (void) state;

    merges_to(OWN, "default-src 'self'; frame-ancestors 'none'", NULL,
              "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; "
              "object-src 'none'");
    merges_to(OWN, "Base-URI 'none';OBJECT-SRC x;frame-ancestors y;", NULL,
              "Base-URI 'none';OBJECT-SRC x;frame-ancestors y;");
}


static void
missing_directives_are_added(void **state)
{
    (void) state;

    merges_to(OWN, "script-src 'self';", NULL, "script-src 'self'; " OWN);
    merges_to("base-uri 'self'", "a b", "c d", "a b, c d; base-uri 'self'");
    merges_to("base-uri 'self'", "a b, base-uri x", NULL, "a b, base-uri x");
}


static void
names_are_compared_whole(void **state)
{
    (void) state;

    merges_to("base-uri 'self'", "base-uris x", NULL,
              "base-uris x; base-uri 'self'");
    merges_to("base-uri 'self'", "report-uri /base-uri", NULL,
              "report-uri /base-uri; base-uri 'self'");
}


static void
every_length_fits(void **state)
{
    uint8_t      buf[ts_csp_merge_max(2, 2, 2)];
    ts_slice_t   backend[2];

    (void) state;

    backend[0] = TS_SLICE("x");
    backend[1] = TS_SLICE("y");

    assert_true(ts_csp_merge(buf, TS_SLICE("zz"), backend, 2) <= sizeof(buf));
    assert_memory_equal(buf, "x, y; zz", 8);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(own_policy_alone),
        cmocka_unit_test(backend_directives_stay),
        cmocka_unit_test(missing_directives_are_added),
        cmocka_unit_test(names_are_compared_whole),
        cmocka_unit_test(every_length_fits),
    };

    return cmocka_run_group_tests_name("csp", tests, NULL, NULL);
}
