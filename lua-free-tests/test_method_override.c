/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_method_override.h"


/* on an exact-size copy, so that one byte too far is seen */

static int
call(int (*fn)(ts_slice_t), const char *text)
{
    int      rc;
    char    *copy;
    size_t   len;

    len = strlen(text);
    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);

    rc = fn(ts_slice(copy, len));
    free(copy);

    return rc;
}


static void
override_fields_in_every_spelling(void **state)
{
    size_t              i;
    static const char  *names[] = {
        "X-HTTP-Method-Override", "x-http-method-override",
        "X_HTTP_METHOD_OVERRIDE", "x.http.method.override",
        "X-HTTP-Method", "X-Method-Override", "X_Method-Override",
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(call(ts_method_override_field, names[i]));
    }
}


static void
other_fields_are_left_alone(void **state)
{
    size_t              i;
    static const char  *names[] = {
        "", "X", "X-HTTP-Method-Overrid", "X-HTTP-Method-Override2",
        "X-HTTP-Methods", "Y-HTTP-Method", "X-Forwarded-For",
        "XXHTTP-Method",
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(call(ts_method_override_field, names[i]));
    }
}


static void
override_argument_in_every_spelling(void **state)
{
    size_t              i;
    static const char  *queries[] = {
        "_method=DELETE", "a=1&_method=PUT", "a=1;_method=PUT", "_method",
        "_METHOD=x", "%5fmethod=x", "%5F%6d%65thod=x", "a&b&_method=&c",
    };

    (void) state;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_true(call(ts_method_override_query, queries[i]));
    }
}


/* leading spaces go, space and "." become "_", NUL ends the name */

static void
override_argument_as_php_reads_it(void **state)
{
    size_t              i;
    static const char  *queries[] = {
        "+_method=PUT", "%20_method=PUT", "%20+%20_method", ".method=PUT",
        "%2emethod=PUT", "a=1&+.method=PUT", "_method%00=PUT",
        "_method%00x=PUT",
    };

    (void) state;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_true(call(ts_method_override_query, queries[i]));
    }
}


static void
other_arguments_are_left_alone(void **state)
{
    size_t              i;
    static const char  *queries[] = {
        "", "method=GET", "a=_method", "_methods=1", "x_method=1",
        "%5fmetho", "%5fmethod%", "_metho%", "_metho%6", "&&;;", "_method%20",
        "+", "%20", "+method", "..method", "_.method", "_method.", "%00_method",
        "_meth%00od", "_method[=1",
    };

    (void) state;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_false(call(ts_method_override_query, queries[i]));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(override_fields_in_every_spelling),
        cmocka_unit_test(other_fields_are_left_alone),
        cmocka_unit_test(override_argument_in_every_spelling),
        cmocka_unit_test(override_argument_as_php_reads_it),
        cmocka_unit_test(other_arguments_are_left_alone),
    };

    return cmocka_run_group_tests_name("method_override", tests, NULL, NULL);
}
