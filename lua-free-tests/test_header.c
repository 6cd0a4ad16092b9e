/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_header.h"


#define same(a, b)  ts_header_same_name(TS_SLICE(a), TS_SLICE(b))


static void
twins_are_the_same(void **state)
{
    (void) state;

    assert_true(same("X-User-Id", "x-user-id"));
    assert_true(same("X-User-Id", "X_USER_ID"));
    assert_true(same("X-User-Id", "x.user.id"));
    assert_true(same("X-User-Id", "X-user_Id"));
    assert_true(same("", ""));
}


static void
each_letter_is_the_same_in_both_cases(void **state)
{
    (void) state;

    assert_true(same("ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                     "abcdefghijklmnopqrstuvwxyz"));
}


static void
others_are_not(void **state)
{
    (void) state;

    assert_false(same("X-User-Id", "X-User-I"));
    assert_false(same("X-User-Id", "X-User-Idx"));
    assert_false(same("X-User-Id", "XUserId--"));
    assert_false(same("X-User-Id", "X-User+Id"));
    assert_false(same("a[", "a{"));
    assert_false(same("a@", "a`"));
}


static void
every_control_character_is_refused(void **state)
{
    int      c;
    uint8_t  value[3];

    (void) state;

    for (c = 0; c < 256; c++) {
        value[0] = 'a';
        value[1] = (uint8_t) c;
        value[2] = 'b';

        assert_int_equal(ts_header_value_valid(ts_slice(value, 3)),
                         c == '\t' || (c >= 0x20 && c != 0x7f));
    }

    assert_true(ts_header_value_valid(ts_slice(NULL, 0)));
}


/* Eight bytes are looked at together: each place, beside any neighbour. */

static void
a_control_character_is_found_anywhere(void **state)
{
    int             c;
    size_t          i, n, len;
    uint8_t        *value;

    static const uint8_t  around[] = { 'a', 0xff, 0x7e, 0x20, 0x80, '\t' };

    (void) state;

    for (n = 0; n < sizeof(around); n++) {
        for (len = 1; len <= 19; len++) {
            value = malloc(len);

            for (i = 0; i < len; i++) {
                for (c = 0; c < 256; c++) {
                    memset(value, around[n], len);
                    value[i] = (uint8_t) c;

                    assert_int_equal(
                        ts_header_value_valid(ts_slice(value, len)),
                        c == '\t' || (c >= 0x20 && c != 0x7f));
                }
            }

            free(value);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(twins_are_the_same),
        cmocka_unit_test(each_letter_is_the_same_in_both_cases),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(every_control_character_is_refused),
        cmocka_unit_test(a_control_character_is_found_anywhere),
    };

    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
