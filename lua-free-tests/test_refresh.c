/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_refresh.h"


static ts_refresh_result_e
name_of(const char *token, int escaped, char out[TS_REFRESH_TOKEN + 1])
{
    uint8_t              *buf;
    ts_slice_t            copy, name;
    ts_refresh_result_e   rc;

    copy = heap_copy(token, strlen(token));
    buf = malloc(TS_REFRESH_TOKEN);
    assert_non_null(buf);

    rc = ts_refresh_name(copy, escaped, buf, &name);

    if (rc == TS_REFRESH_OK) {
        assert_true(name.len > 0 && name.data == buf);
        memcpy(out, name.data, name.len);
        out[name.len] = '\0';
    }

    free(buf);
    heap_free(copy);

    return rc;
}


static void
assert_name(const char *token, int escaped, const char *expected)
{
    char  name[TS_REFRESH_TOKEN + 1];

    assert_int_equal(name_of(token, escaped, name), TS_REFRESH_OK);
    assert_string_equal(name, expected);
}


static void
assert_same(const char *a, const char *b, int escaped, int same)
{
    char  first[TS_REFRESH_TOKEN + 1], second[TS_REFRESH_TOKEN + 1];

    assert_int_equal(name_of(a, escaped, first), TS_REFRESH_OK);
    assert_int_equal(name_of(b, escaped, second), TS_REFRESH_OK);
    assert_int_equal(strcmp(first, second) == 0, same);
}


#define LONG  "Zm9vYmFyYmF6cXV4LXRva2Vu"


static void
opaque_tokens_are_letters_and_digits(void **state)
{
    (void) state;

    assert_name("t1", 0, "t1");
    assert_name("  T-1_a+/=\t", 0, "t1a");
    assert_name("s:Ab.Cd", 0, "sabcd");
    assert_name("{\"t\":\"x\"}", 0, "tx");

    /* the last bits of base64, where they can be any */

    assert_same(LONG "Q", LONG "R", 0, 1);
    assert_same(LONG "Q", LONG "Q==", 0, 1);
    assert_same("a." LONG "Q", "a." LONG "R.", 0, 1);
    assert_same("0123456789abcdefghi", "0123456789abcdefghj", 0, 0);
    assert_same(LONG ".1", LONG ".2", 0, 0);
    assert_same(LONG "Qx", LONG "Rx", 0, 0);

    /* who skips what is no base64 skips dots, too */

    assert_same(LONG "Q", LONG ".R", 0, 1);
    assert_same(LONG "Q", "Zm.9vYmFyYmF6cXV4LXRva2V.uQ", 0, 1);
    assert_same("eyJpdiI6" LONG "1", "eyJpdiI6" LONG ".1", 0, 1);
    assert_same("eyJpdiI6" LONG "1", "eyJpd.iI6" LONG "=.1", 0, 1);
    assert_same("b" LONG, "c" LONG, 0, 0);
}


static void
an_escape_is_no_other_token(void **state)
{
    (void) state;

    assert_name("%41bc%2d%5F", 1, "abc");
    assert_name("%41bc", 0, "41bc");
    assert_name("a%4", 1, "a4");
    assert_name("a%", 1, "a");
    assert_name("a%zz", 1, "azz");
    assert_name("%2541", 1, "41");
    assert_same("stolen", "%73%74%6f%6C%65%6e", 1, 1);
}


#define HEADER  "eyJhbGciOiJIUzI1NiJ9"     /* {"alg":"HS256"} */


/* Of a signed token, what is signed; the case of it matters. */

static void
of_a_signed_token_what_is_signed(void **state)
{
    (void) state;

    assert_name(HEADER ".eyJzdWI.c2ln", 0, HEADER ".eyJzdWI");
    assert_name(HEADER ".eyJzdWI.c2lo", 0, HEADER ".eyJzdWI");
    assert_name("\"" HEADER ".eyJzdWI.c2ln=\"", 0, HEADER ".eyJzdWI");
    assert_name(HEADER ".eyJzdWI.!c2ln..", 0, HEADER ".eyJzdWI");
    assert_name("ey+hbGc.x.y", 0, "eyhbgcxy");
    assert_same(HEADER ".eyJzdWI.c2ln", HEADER ".eyJzdWi.c2ln", 0, 0);

    /* no three parts */

    assert_name(HEADER ".eyJzdWI", 0, "eyjhbgcioijiuzi1nij9eyjzdw");
    assert_name(HEADER "..c2ln", 0, "eyjhbgcioijiuzi1nij9c2l");
    assert_name("eyJa.b.c.d", 0, "eyjabcd");

    /* nor a whole header in front of them */

    assert_name("eyJhbGc.eyJzdWI.c2ln", 0, "eyjhbgceyjzdwic2ln");
    assert_name("eyJmb28iOjF9.b.c", 0, "eyjmb28iojf9bc");
    assert_same("eyJpdiI6" LONG "Q", "eyJpd.iI6" LONG ".Q", 0, 1);
    assert_same("eyJpdiI6" LONG "Q", "eyJp.diI6." LONG "R", 0, 1);
    assert_name("eyJa.b.", 0, "eyjab");
}


/* Of an encrypted one, what its parts decode to. */

#define JWE  "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ"


static void
of_an_encrypted_token_what_is_decoded(void **state)
{
    (void) state;

    assert_name(JWE ".a2V5MA.aXY.dGV4dA.dGFn", 0, JWE ".a2V5M.aX.dGV4d.dGF");
    assert_same(JWE ".a2V5MA.aXY.dGV4dA.dGFn", JWE ".a2V5MB.aXY.dGV4dQ.dGFn",
                0, 1);
    assert_same(JWE ".a2V5MA.aXY.dGV4dA.dGFn", JWE ".a2V5Ma.aXY.dGV4dA.dGFn",
                0, 1);
    assert_same(JWE ".a2V5MA.aXY.dGV4dA.dGFn", JWE ".a2v5MA.aXY.dGV4dA.dGFn",
                0, 0);
    assert_name(JWE "..aXY.dGV4dA.dGFn", 0, JWE "..aX.dGV4d.dGF");
    assert_name(HEADER ".a.b.c.d", 0, "eyjhbgcioijiuzi1nij9abc");
}


static void
what_is_no_token(void **state)
{
    char  name[TS_REFRESH_TOKEN + 1], text[TS_REFRESH_TOKEN + 2];

    (void) state;

    assert_int_equal(name_of("", 0, name), TS_REFRESH_NONE);
    assert_int_equal(name_of(" \t ", 1, name), TS_REFRESH_NONE);

    assert_int_equal(name_of("...", 0, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("\"\"", 0, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("-_", 0, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("a\nb", 0, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("a\x7f", 0, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("\xc5\xbf" "am", 0, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("%c5%bfam", 1, name), TS_REFRESH_INVALID);
    assert_int_equal(name_of("a%00", 1, name), TS_REFRESH_INVALID);

    memset(text, 'a', sizeof(text));
    text[TS_REFRESH_TOKEN] = '\0';
    assert_int_equal(name_of(text, 0, name), TS_REFRESH_OK);
    text[TS_REFRESH_TOKEN] = 'a';
    text[TS_REFRESH_TOKEN + 1] = '\0';
    assert_int_equal(name_of(text, 0, name), TS_REFRESH_INVALID);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(opaque_tokens_are_letters_and_digits),
        cmocka_unit_test(an_escape_is_no_other_token),
        cmocka_unit_test(of_a_signed_token_what_is_signed),
        cmocka_unit_test(of_an_encrypted_token_what_is_decoded),
        cmocka_unit_test(what_is_no_token)
    };

    return cmocka_run_group_tests_name("refresh", tests, NULL, NULL);
}
