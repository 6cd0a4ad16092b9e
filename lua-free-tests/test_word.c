/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/ts_word.h"


static const ts_slice_t  words[] = {
    { (const uint8_t *) "on", 2 },
    { (const uint8_t *) "name=", 5 },
    { (const uint8_t *) "name=none", 9 },
};


static size_t
find(const char *text)
{
    return ts_word_find(ts_slice(text, strlen(text)), words, 3);
}


static size_t
open_word(const char *text, ts_slice_t *rest)
{
    *rest = ts_slice("as before", 9);

    return ts_word_open(ts_slice(text, strlen(text)), words, 3, rest);
}


static void
a_word_is_found_as_a_whole(void **state)
{
    (void) state;

    assert_int_equal(find("on"), 0);
    assert_int_equal(find("name=none"), 2);
    assert_int_equal(find("o"), 3);
    assert_int_equal(find("one"), 3);
    assert_int_equal(find("ON"), 3);
    assert_int_equal(find(""), 3);
    assert_int_equal(ts_word_find(TS_SLICE("on"), words, 0), 0);
}


static void
the_first_word_opens_a_text(void **state)
{
    ts_slice_t  rest;

    (void) state;

    assert_int_equal(open_word("name=x", &rest), 1);
    assert_true(ts_slice_eq(rest, TS_SLICE("x")));

    assert_int_equal(open_word("name=none", &rest), 1);
    assert_true(ts_slice_eq(rest, TS_SLICE("none")));

    assert_int_equal(open_word("name=", &rest), 1);
    assert_int_equal(rest.len, 0);

    assert_int_equal(open_word("name", &rest), 3);
    assert_int_equal(open_word("", &rest), 3);
    assert_int_equal(open_word(" name=x", &rest), 3);
    assert_true(ts_slice_eq(rest, TS_SLICE("as before")));
}


static void
a_text_is_not_read_beyond_its_end(void **state)
{
    ts_slice_t  rest;

    (void) state;

    assert_int_equal(ts_word_open(ts_slice("name=", 4), words, 3, &rest), 3);
    assert_int_equal(ts_word_find(ts_slice("on", 1), words, 3), 3);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_word_is_found_as_a_whole),
        cmocka_unit_test(the_first_word_opens_a_text),
        cmocka_unit_test(a_text_is_not_read_beyond_its_end),
    };

    return cmocka_run_group_tests_name("word", tests, NULL, NULL);
}
