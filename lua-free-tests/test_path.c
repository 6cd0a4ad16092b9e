/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_path.h"


static int
plain(const char *text)
{
    int         rc;
    ts_slice_t  copy;

    copy = heap_copy(text, strlen(text));
    rc = ts_path_is_plain(copy);
    heap_free(copy);

    return rc;
}


static void
plain_paths(void **state)
{
    size_t  i;

    static const char *const  paths[] = {
        "/", "/a", "/a/", "/accounts/alice/orders", "/a?x=//../;",
        "/a%20b/%C3%A9", "/.well-known/jwks.json", "/a/...", "/..a/b..",
        "/a.b/c", "/a#/../", "/%2561", "/a:b@c!$&'()*+,=~",
    };

    (void) state;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (!plain(paths[i])) {
            fail_msg("%s is plain", paths[i]);
        }
    }
}


static void
paths_with_two_readings(void **state)
{
    size_t  i;

    static const char *const  paths[] = {
        "", "a", "//a", "/a//b", "/a//", "/.", "/..", "/a/.", "/a/..",
        "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/.%2e/b", "/a/%2E/b",
        "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a;x=1", "/a%3Bx", "/a%00",
        "/a%", "/a%2", "/a%zz", "/a%2", "/..?x", "/a/%2e", "http://h/a", "*",
    };

    (void) state;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (plain(paths[i])) {
            fail_msg("%s is not plain", paths[i]);
        }
    }
}


static void
a_nul_byte(void **state)
{
    (void) state;

    assert_false(ts_path_is_plain(ts_slice("/a\0b", 4)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(plain_paths),
        cmocka_unit_test(paths_with_two_readings),
        cmocka_unit_test(a_nul_byte),
    };

    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
