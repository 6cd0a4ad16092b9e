/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_query.h"


static void
take(const char *args, ts_query_result_e want, const char *rest,
    const char *value)
{
    uint8_t            *out;
    ts_slice_t          copy, r, v;
    ts_query_result_e   rc;

    copy = heap_copy(args, strlen(args));
    out = malloc(copy.len + !copy.len);

    rc = ts_query_take(copy, TS_SLICE("access_token"), out, &r, &v);

    if (rc != want || !ts_slice_eq(r, ts_slice(rest, strlen(rest)))) {
        fail_msg("%s: %d, rest \"%.*s\"", args, rc, (int) r.len, r.data);
    }

    assert_int_equal(v.data == NULL, value == NULL);

    if (value != NULL) {
        assert_true(ts_slice_eq(v, ts_slice(value, strlen(value))));
    }

    free(out);
    heap_free(copy);
}


static void
the_argument_is_taken_out(void **state)
{
    (void) state;

    take("access_token=A", TS_QUERY_FOUND, "", "A");
    take("access_token=", TS_QUERY_FOUND, "", "");
    take("access_token", TS_QUERY_FOUND, "", "");
    take("access_token=A&b=1", TS_QUERY_FOUND, "b=1", "A");
    take("a=1&access_token=A.b-c_d&b=2", TS_QUERY_FOUND, "a=1&b=2",
         "A.b-c_d");
    take("a=1&access_token=A", TS_QUERY_FOUND, "a=1", "A");
    take("acc%65ss%5Ftoken=A&b", TS_QUERY_FOUND, "b", "A");
    take("acc%u0065ss%U005Ftoken=A&b", TS_QUERY_FOUND, "b", "A");
    take("access_token=A=B", TS_QUERY_FOUND, "", "A=B");
}


static void
every_other_byte_stays(void **state)
{
    (void) state;

    take("", TS_QUERY_NONE, "", NULL);
    take("&&a=%20+&=&", TS_QUERY_NONE, "&&a=%20+&=&", NULL);
    take("&&access_token=A&&%zz=%", TS_QUERY_FOUND, "&&&%zz=%", "A");
    take("x_access_token=1&access_tokens=2&t=access_token=3",
         TS_QUERY_NONE, "x_access_token=1&access_tokens=2&t=access_token=3",
         NULL);
    take("b=%26access_token=A", TS_QUERY_NONE, "b=%26access_token=A", NULL);
}


static void
the_argument_twice_is_ambiguous_and_gone(void **state)
{
    (void) state;

    take("access_token=A&access_token=B", TS_QUERY_AMBIGUOUS, "", "A");
    take("access_token=A&x=1&%61ccess_token=B", TS_QUERY_AMBIGUOUS, "x=1",
         "A");
}


static void
other_spellings_are_ambiguous_and_stay(void **state)
{
    size_t  i;
    char    both[128];

    static const char  *odd[] = {
        "ACCESS_TOKEN=B", "access.token=B", "access_token[]=B",
        "+access_token=B", "access_token%20=B", "x=1;access_token=B",
        "x=1;y=2;Access%5ftoken=B", "%00access_token=B",
        "access+token=B", "access_token%00x=B",     /* PHP */
        "[access_token]=B", "access_token]=B",      /* Rack, qs */
    };

    (void) state;

    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        take(odd[i], TS_QUERY_AMBIGUOUS, odd[i], NULL);

        (void) snprintf(both, sizeof(both), "access_token=A&%s", odd[i]);
        take(both, TS_QUERY_AMBIGUOUS, odd[i], "A");
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_argument_is_taken_out),
        cmocka_unit_test(every_other_byte_stays),
        cmocka_unit_test(the_argument_twice_is_ambiguous_and_gone),
        cmocka_unit_test(other_spellings_are_ambiguous_and_stay),
    };

    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
