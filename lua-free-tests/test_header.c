/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(twins_are_the_same),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(every_control_character_is_refused),
    };

    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
