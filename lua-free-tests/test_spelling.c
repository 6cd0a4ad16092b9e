/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_spelling.h"


static void
fold(const char *path, size_t len, char *folded)
{
    uint8_t     *out;
    ts_slice_t   copy, result;

    copy = heap_copy(path, len);
    out = malloc(len + TS_SPELLING_ROOM);
    assert_non_null(out);

    ts_spelling_fold(copy, out, &result);

    assert_true(result.data >= out);
    assert_true(result.data + result.len <= out + len + TS_SPELLING_ROOM);

    memcpy(folded, result.data, result.len);
    folded[result.len] = '\0';

    free(out);
    heap_free(copy);
}


static void
spellings_of_one_path_are_one(void **state)
{
    size_t  i;
    char    folded[2 * TS_SPELLING_ROOM];

    static const char *const  login[] = {
        "/api/login", "/api/login/", "/api/login//", "/API/LOGIN",
        "//api//login", "/api/./login", "/x/../api/login", "/../api/login",
        "/api/login;x=1", "/api;v=1/login", "/;/api/login", "/x/..;a/api/login",
        "/api/login ", "/api/ login", "/api /login", "/api/login\t",
        "/api/login.", "/api./login", "/api/login. .", "/api/.../login",
        "\\api\\login", "/api\\login", "/api/login?x", "/api/login#x/y",
        "/api/%6cogin", "/api/%256cogin", "/api/%25256Cogin",
        "/api%2flogin", "/x/%2e%2e/api/login", "/x/.%2e;/api/login",
        "/api/login%00x", "/api/log\xef\xbd\x89n", "/\xef\xbd\x81pi/login",
        "/api\xef\xbc\x8flogin", "/api/log\xe2\x80\x8bin", "/api/l\xc3\xb6gin",
        "/x/\xef\xbc\x8e\xef\xbc\x8e/api/login", "api/login",
    };

    (void) state;

    for (i = 0; i < sizeof(login) / sizeof(login[0]); i++) {
        fold(login[i], strlen(login[i]), folded);
        assert_string_equal(folded, "/api/login");
    }
}


static void
other_paths_are_others(void **state)
{
    size_t  i;
    char    folded[2 * TS_SPELLING_ROOM];

    static const struct {
        const char  *path;
        const char  *folded;
    } cases[] = {
        { "/", "/" }, { "", "/" }, { "//", "/" }, { "/..", "/" },
        { "/../..", "/" }, { "/;x", "/" }, { "/ ", "/" }, { "?", "/" },
        { "/a/../..", "/" }, { "/a/..", "/" }, { "/a/b/..", "/a" },
        { "/a.b", "/a.b" }, { "/a%", "/a%" }, { "/a%2", "/a%2" },
        { "/a%g1", "/a%g1" }, { "/a b", "/a b" }, { "/..a", "/..a" },
        { "/a\xff", "/a\xff" }, { "/a\xff/%62\xff", "/a\xff/b\xff" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fold(cases[i].path, strlen(cases[i].path), folded);
        assert_string_equal(folded, cases[i].folded);
    }

    /* an embedded NUL ends it */

    fold("/a\0b", 4, folded);
    assert_string_equal(folded, "/a");
}


static void
stems_have_no_extension(void **state)
{
    size_t      i;
    ts_slice_t  path, stem;

    static const struct {
        const char  *path;
        const char  *stem;
    } cases[] = {
        { "/login.json", "/login" }, { "/login.a.b", "/login.a" },
        { "/login", "/login" }, { "/a.b/login", "/a.b/login" },
        { "/login.abcdefgh", "/login" },
        { "/login.abcdefghi", "/login.abcdefghi" },
        { "/.json", "/.json" }, { "/a/.json", "/a/.json" },
        { "/login.js-n", "/login.js-n" }, { "/", "/" }, { ".x", ".x" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        path = heap_copy(cases[i].path, strlen(cases[i].path));
        stem = ts_spelling_stem(path);
        assert_int_equal(stem.len, strlen(cases[i].stem));
        assert_memory_equal(stem.data, cases[i].stem, stem.len);
        heap_free(path);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(spellings_of_one_path_are_one),
        cmocka_unit_test(other_paths_are_others),
        cmocka_unit_test(stems_have_no_extension),
    };

    return cmocka_run_group_tests_name("spelling", tests, NULL, NULL);
}
