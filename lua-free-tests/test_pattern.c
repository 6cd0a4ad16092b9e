/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_pattern.h"


static int
match(const char *pattern, const char *text)
{
    int         rc;
    ts_slice_t  p, t;

    p = heap_copy(pattern, strlen(pattern));
    t = heap_copy(text, strlen(text));

    rc = ts_pattern_match(p, t);

    heap_free(p);
    heap_free(t);

    return rc;
}


/* The part that is taken, "-" if the text does not fit, "!" for no pattern. */

static const char *
take(const char *pattern, const char *text)
{
    static char           buf[64];

    ts_slice_t            p, t, part;
    ts_pattern_capture_t  capture;

    p = heap_copy(pattern, strlen(pattern));
    t = heap_copy(text, strlen(text));

    strcpy(buf, "!");

    if (ts_pattern_capture(&capture, p)) {
        strcpy(buf, "-");

        if (ts_pattern_take(&capture, t, &part)) {
            memcpy(buf, part.data, part.len);
            buf[part.len] = '\0';
        }
    }

    heap_free(p);
    heap_free(t);

    return buf;
}


static void
literal_patterns(void **state)
{
    (void) state;

    assert_true(match("", ""));
    assert_true(match("ticks", "ticks"));
    assert_false(match("ticks", "tick"));
    assert_false(match("ticks", "tickss"));
    assert_false(match("ticks", ""));
    assert_false(match("", "x"));
    assert_false(match("ticks.", "ticksX"));
    assert_false(match("Ticks", "ticks"));
}


static void
stars(void **state)
{
    (void) state;

    assert_true(match("*", ""));
    assert_true(match("*", "anything"));
    assert_true(match("ticks.*", "ticks.EURUSD"));
    assert_true(match("ticks.*", "ticks."));
    assert_false(match("ticks.*", "ticks"));
    assert_false(match("ticks.*", "xticks.EURUSD"));
    assert_true(match("*.public", "ticks.public"));
    assert_false(match("*.public", "ticks.public.bob"));
    assert_true(match("a*b*c", "abc"));
    assert_true(match("a*b*c", "a b b c c"));
    assert_false(match("a*b*c", "a c b"));
    assert_true(match("**", ""));
    assert_true(match("*a", "aaa"));
    assert_false(match("*ab", "aba"));
    assert_true(match("a*", "a*"));
}


static void
captures(void **state)
{
    (void) state;

    assert_string_equal(take("eAccount.(*)", "eAccount.bob"), "bob");
    assert_string_equal(take("eAccount.(.*)", "eAccount.bob"), "bob");
    assert_string_equal(take("eAccount.(*)", "eAccount."), "");
    assert_string_equal(take("eAccount.(*)", "eAccount"), "-");
    assert_string_equal(take("eAccount.(*)", "xeAccount.bob"), "-");
    assert_string_equal(take("user/(*)/orders", "user/bob/orders"), "bob");
    assert_string_equal(take("user/(*)/orders", "user/bob/trades"), "-");
    assert_string_equal(take("aba(*)ba", "aba"), "-");
    assert_string_equal(take("aba(*)ba", "ababa"), "");
    assert_string_equal(take("(*)", "bob"), "bob");
    assert_string_equal(take("(.*)", "bob"), "bob");
    assert_string_equal(take("eAccount.(*).x", "eAccount.a.b.x"), "a.b");
}


static void
no_captures(void **state)
{
    (void) state;

    assert_string_equal(take("", "x"), "!");
    assert_string_equal(take("eAccount.", "x"), "!");
    assert_string_equal(take("eAccount.*", "x"), "!");
    assert_string_equal(take("*", "x"), "!");
    assert_string_equal(take("(*", "x"), "!");
    assert_string_equal(take("*)", "x"), "!");
    assert_string_equal(take(".*)", "x"), "!");
    assert_string_equal(take("(*)(*)", "x"), "!");
    assert_string_equal(take("(*).*", "x"), "!");
    assert_string_equal(take("*.(*)", "x"), "!");
    assert_string_equal(take("(..*)", "x"), "!");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(literal_patterns),
        cmocka_unit_test(stars),
        cmocka_unit_test(captures),
        cmocka_unit_test(no_captures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
