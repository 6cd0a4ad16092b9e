/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_cookie.h"


#define NAME  TS_SLICE("access_token")


static ts_cookie_result_e
scan(const char *line)
{
    ts_slice_t   copy;
    ts_cookie_t  cookie;

    memset(&cookie, 0, sizeof(cookie));

    copy = heap_copy(line, strlen(line));
    ts_cookie_scan(&cookie, copy, NAME);
    heap_free(copy);

    return cookie.result;
}


static ts_cookie_result_e
scan_two(const char *first, const char *second)
{
    ts_cookie_t  cookie;

    memset(&cookie, 0, sizeof(cookie));

    (void) ts_cookie_scan(&cookie, ts_slice(first, strlen(first)), NAME);

    return ts_cookie_scan(&cookie, ts_slice(second, strlen(second)), NAME);
}


static void
check_value(const char *line, const char *value)
{
    ts_slice_t   copy;
    ts_cookie_t  cookie;

    memset(&cookie, 0, sizeof(cookie));

    copy = heap_copy(line, strlen(line));

    assert_int_equal(ts_cookie_scan(&cookie, copy, NAME), TS_COOKIE_FOUND);
    assert_true(ts_slice_eq(cookie.value, ts_slice(value, strlen(value))));
    assert_true(cookie.pair.data >= copy.data);
    assert_ptr_equal(cookie.pair.data + NAME.len + 1, cookie.value.data);
    assert_ptr_equal(cookie.pair.data + cookie.pair.len,
                     cookie.value.data + cookie.value.len);

    heap_free(copy);
}


static void
the_value_is_found(void **state)
{
    (void) state;

    check_value("access_token=A", "A");
    check_value("access_token=", "");
    check_value("a=1; access_token=A.b-c_d; z=2", "A.b-c_d");
    check_value("a=1;access_token=A;z=2", "A");
    check_value("  access_token=A=B==", "A=B==");
    check_value("access_token=A ; b=1", "A ");
    check_value("access_token=\"A\"", "\"A\"");
    check_value("; ;access_token=A;;", "A");
    check_value("xaccess_token=1; access_token=A; access_tokens=2;"
                " access_token_=3; access-token=4", "A");
    check_value("t={\"x\":1,\"access_token\":2}; access_token=A", "A");
    check_value("a=access_token=B; access_token=A", "A");
}


static void
other_names_are_none(void **state)
{
    (void) state;

    assert_int_equal(scan(""), TS_COOKIE_NONE);
    assert_int_equal(scan(";"), TS_COOKIE_NONE);
    assert_int_equal(scan(" "), TS_COOKIE_NONE);
    assert_int_equal(scan("="), TS_COOKIE_NONE);
    assert_int_equal(scan("access_toke=1"), TS_COOKIE_NONE);
    assert_int_equal(scan("x_access_token=1; access_token2=1"),
                     TS_COOKIE_NONE);
    assert_int_equal(scan("a=access_token; b=access_token=1"),
                     TS_COOKIE_NONE);
    assert_int_equal(scan("a=%2caccess_token=1"), TS_COOKIE_NONE);
    assert_int_equal(scan("title=my access_token; a=x access_token"),
                     TS_COOKIE_NONE);
    assert_int_equal(scan("a=access_token b=1; c=no access_token2=1"),
                     TS_COOKIE_NONE);
}


static void
the_name_twice_is_a_duplicate(void **state)
{
    (void) state;

    assert_int_equal(scan("access_token=A; access_token=B"),
                     TS_COOKIE_DUPLICATE);
    assert_int_equal(scan("access_token=A; access_token=A"),
                     TS_COOKIE_DUPLICATE);
    assert_int_equal(scan("access_token=A;access_token="),
                     TS_COOKIE_DUPLICATE);
    assert_int_equal(scan_two("access_token=A", "access_token=B"),
                     TS_COOKIE_DUPLICATE);
    assert_int_equal(scan_two("access_token=A; access_token=B", "c=1"),
                     TS_COOKIE_DUPLICATE);

    assert_int_equal(scan_two("b=1", "access_token=A"), TS_COOKIE_FOUND);
    assert_int_equal(scan_two("access_token=A", "b=1"), TS_COOKIE_FOUND);
    assert_int_equal(scan_two("a=1", "b=1"), TS_COOKIE_NONE);
}


static void
what_only_tolerant_readers_take_is_ambiguous(void **state)
{
    size_t  i;
    char    line[128];

    static const char  *odd[] = {
        "ACCESS_TOKEN=B", "Access_token=B",         /* nginx, ignoring case */
        "access_token =B", "access_token\t=B",      /* nginx, Node */
        "\x0b" "access_token=B", "\xa0" "access_token=B",
        "\xc2\x85" "access_token=B",                /* Python's strip() */
        "x=1, access_token=B", "x=1,access_token=B",
        "x=1,y,z,ACCESS_TOKEN = B",                 /* comma separates */
        "x=1 access_token=B", "x=1\t\x0b  access_token = B",
        "x=\"1\" access_token=B", "x access_token=B y=2",
        "x= ACCESS_TOKEN=B",                        /* Python's SimpleCookie */
        "access.token=B", "access token=B", "access[token=B",
        "access_token[]=B", "access_token[0]=B",    /* PHP */
        "access%5Ftoken=B", "%61ccess_token=B", "%20access_token=B",
        "access_token%5b0]=B", "access_token%00=B", "+access_token=B",
        "\"access_token\"=B", "access_token",       /* no value at all */
    };

    (void) state;

    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(scan(odd[i]), TS_COOKIE_AMBIGUOUS);

        (void) snprintf(line, sizeof(line), "access_token=A; %s", odd[i]);
        assert_int_equal(scan(line), TS_COOKIE_AMBIGUOUS);

        (void) snprintf(line, sizeof(line), "%s; access_token=A", odd[i]);
        assert_int_equal(scan(line), TS_COOKIE_AMBIGUOUS);

        assert_int_equal(scan_two(odd[i], "access_token=A"),
                         TS_COOKIE_AMBIGUOUS);
        assert_int_equal(scan_two("access_token=A", odd[i]),
                         TS_COOKIE_AMBIGUOUS);
    }

    /* within the value it is for the reader of the value to refuse */

    check_value("access_token=A,access_token=B", "A,access_token=B");
    check_value("access_token=A access_token=B", "A access_token=B");
}


static void
names_that_can_be_guarded(void **state)
{
    (void) state;

    assert_true(ts_cookie_is_name(TS_SLICE("__Host-access.token")));
    assert_true(ts_cookie_is_name(TS_SLICE("a")));
    assert_false(ts_cookie_is_name(TS_SLICE("")));
    assert_false(ts_cookie_is_name(TS_SLICE("a b")));
    assert_false(ts_cookie_is_name(TS_SLICE("a=b")));
    assert_false(ts_cookie_is_name(TS_SLICE("a;")));
    assert_false(ts_cookie_is_name(TS_SLICE("a,b")));
    assert_false(ts_cookie_is_name(TS_SLICE("a[0]")));
    assert_false(ts_cookie_is_name(TS_SLICE("caf\xc3\xa9")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_value_is_found),
        cmocka_unit_test(other_names_are_none),
        cmocka_unit_test(the_name_twice_is_a_duplicate),
        cmocka_unit_test(what_only_tolerant_readers_take_is_ambiguous),
        cmocka_unit_test(names_that_can_be_guarded),
    };

    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
