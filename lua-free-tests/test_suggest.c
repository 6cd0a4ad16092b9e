/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/ts_suggest.h"


static const ts_slice_t  words[] = {
    { (const uint8_t *) "account", 7 },
    { (const uint8_t *) "success", 7 },
    { (const uint8_t *) "failure", 7 },
    { (const uint8_t *) "on", 2 },
    { (const uint8_t *) "a_word_that_is_longer_than_any_name_in_a_configuration"
                        "_could_ever_be", 68 },
};


static int
suggest(const char *word)
{
    return ts_suggest(ts_slice(word, strlen(word)), words, 5);
}


static void
nearest_word_is_suggested(void **state)
{
    (void) state;

    assert_int_equal(suggest("account"), 0);
    assert_int_equal(suggest("acount"), 0);
    assert_int_equal(suggest("accuont"), 0);
    assert_int_equal(suggest("sucess"), 1);
    assert_int_equal(suggest("failures"), 2);
}


static void
distant_word_is_not_suggested(void **state)
{
    (void) state;

    assert_int_equal(suggest(""), -1);
    assert_int_equal(suggest("x"), -1);
    assert_int_equal(suggest("to"), -1);
    assert_int_equal(suggest("password"), -1);
}


static void
overlong_words_are_left_out(void **state)
{
    char  word[65];

    (void) state;

    memset(word, 'a', 64);
    word[64] = '\0';

    assert_int_equal(suggest(word), -1);
    assert_int_equal(suggest(word + 1), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(nearest_word_is_suggested),
        cmocka_unit_test(distant_word_is_not_suggested),
        cmocka_unit_test(overlong_words_are_left_out),
    };

    return cmocka_run_group_tests_name("suggest", tests, NULL, NULL);
}
