/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/ts_member.h"


static ts_json_token_t  tokens[64];
static uint8_t          buf[16];


/* Looks for /user/id; its text where it is found and has one. */

static ts_member_e
find(const char *body, ts_slice_t *text)
{
    ts_json_t               json;
    ts_field_t              names[2];
    ts_member_e             rc;
    ts_json_pointer_t       pointer;
    const ts_json_token_t  *token;

    pointer.n = 2;
    pointer.names[0] = TS_SLICE("user");
    pointer.names[1] = TS_SLICE("id");

    assert_true(ts_field_init(&names[0], pointer.names[0]));
    assert_true(ts_field_init(&names[1], pointer.names[1]));

    json.tokens = tokens;
    json.size = 64;
    json.max_depth = 16;

    assert_int_equal(ts_json_parse(&json, ts_slice(body, strlen(body))),
                     TS_JSON_OK);

    rc = ts_member_find(&json, &pointer, names, &token);

    if (rc == TS_MEMBER_OK) {
        *text = ts_member_text(&json, token, buf, sizeof(buf));
    }

    return rc;
}


static void
assert_text(const char *body, ts_slice_t expected)
{
    ts_slice_t  text;

    assert_int_equal(find(body, &text), TS_MEMBER_OK);
    assert_true((text.data == NULL) == (expected.data == NULL));
    assert_true(ts_slice_eq(text, expected));
}


static void
strings_and_integers_are_text(void **state)
{
    (void) state;

    assert_text("{\"user\":{\"id\":\"al\"}}", TS_SLICE("al"));
    assert_text("{\"user\":{\"id\":\"\\u0061l\"}}", TS_SLICE("al"));
    assert_text("{\"user\":{\"id\":\"\"},\"x\":1}", TS_SLICE(""));
    assert_text("{\"user\":{\"id\":7}}", TS_SLICE("7"));
    assert_text("{\"user\":{\"id\":-70}}", TS_SLICE("-70"));
    assert_text("{\"user\":{\"id\":0}}", TS_SLICE("0"));
}


static void
what_has_two_spellings_is_no_text(void **state)
{
    size_t  i;

    static const char *const  bodies[] = {
        "{\"user\":{\"id\":7.0}}", "{\"user\":{\"id\":7e0}}",
        "{\"user\":{\"id\":-0}}", "{\"user\":{\"id\":true}}",
        "{\"user\":{\"id\":null}}", "{\"user\":{\"id\":[\"al\"]}}",
        "{\"user\":{\"id\":{}}}",
        "{\"user\":{\"id\":\"\\u0061 text that is longer\"}}",
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_text(bodies[i], ts_slice(NULL, 0));
    }
}


static void
a_member_that_passes_for_it_is_told(void **state)
{
    size_t      i;
    ts_slice_t  text;

    static const char *const  bodies[] = {
        "{\"user\":{\"id\":\"al\"},\"USER\":{\"id\":\"bo\"}}",
        "{\"user\":{\"id\":\"al\",\"Id\":\"bo\"}}",
        "{\"user\":{\"ID\":\"bo\"}}",
        "{\"user[\":{},\"user\":{\"id\":\"al\"}}",
        "{\"\\u0055ser\":{},\"user\":{\"id\":\"al\"}}",
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(find(bodies[i], &text), TS_MEMBER_AMBIGUOUS);
    }
}


static void
what_is_not_there_is_missing(void **state)
{
    size_t      i;
    ts_slice_t  text;

    static const char *const  bodies[] = {
        "{}", "[]", "7", "{\"user\":7}", "{\"user\":[]}", "{\"id\":\"al\"}",
        "{\"user\":{\"name\":\"al\"}}", "{\"user\":[{\"id\":\"al\"}]}",
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(find(bodies[i], &text), TS_MEMBER_MISSING);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(strings_and_integers_are_text),
        cmocka_unit_test(what_has_two_spellings_is_no_text),
        cmocka_unit_test(a_member_that_passes_for_it_is_told),
        cmocka_unit_test(what_is_not_there_is_missing),
    };

    return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
