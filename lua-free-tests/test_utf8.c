/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_utf8.h"


/*
 * Feeds the text at every split into two, bytewise, and masked, each from a
 * block of its exact size. All must agree; the common verdict is returned.
 */

static int
valid(ts_slice_t text)
{
    int                   ok, first;
    size_t                split, i;
    uint8_t              *block, *masked;
    ts_utf8_t             u;
    static const uint8_t  mask[4] = { 0x80, 0xff, 0x00, 0x5a };

    first = -1;

    for (split = 0; split <= text.len; split++) {
        u = (ts_utf8_t) { 0, 0, 0 };

        block = malloc(split ? split : 1);
        masked = malloc(text.len - split ? text.len - split : 1);
        assert_non_null(block);
        assert_non_null(masked);

        memcpy(block, text.data, split);

        for (i = split; i < text.len; i++) {
            masked[i - split] = text.data[i] ^ mask[i % 4];
        }

        ok = ts_utf8_feed(&u, ts_slice(block, split), NULL, 0)
             && ts_utf8_feed(&u, ts_slice(masked, text.len - split), mask,
                             split)
             && ts_utf8_complete(&u);

        free(block);
        free(masked);

        if (first == -1) {
            first = ok;
        }

        assert_int_equal(ok, first);
    }

    u = (ts_utf8_t) { 0, 0, 0 };
    ok = 1;

    for (i = 0; i < text.len && ok; i++) {
        ok = ts_utf8_feed(&u, ts_slice(text.data + i, 1), NULL, 0);
    }

    assert_int_equal(ok && ts_utf8_complete(&u), first);

    return first;
}


/* The definition, the other way round: encode every scalar value. */

static size_t
encode(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = c;
        return 1;
    }

    if (c < 0x800) {
        out[0] = 0xc0 | c >> 6;
        out[1] = 0x80 | (c & 0x3f);
        return 2;
    }

    if (c < 0x10000) {
        out[0] = 0xe0 | c >> 12;
        out[1] = 0x80 | (c >> 6 & 0x3f);
        out[2] = 0x80 | (c & 0x3f);
        return 3;
    }

    out[0] = 0xf0 | c >> 18;
    out[1] = 0x80 | (c >> 12 & 0x3f);
    out[2] = 0x80 | (c >> 6 & 0x3f);
    out[3] = 0x80 | (c & 0x3f);
    return 4;
}


static void
every_scalar_value_is_valid_and_nothing_else(void **state)
{
    int        ok;
    size_t     len;
    uint8_t    out[4];
    uint32_t   c;
    ts_utf8_t  u;

    (void) state;

    for (c = 0; c < 0x200000; c++) {
        len = encode(c, out);
        u = (ts_utf8_t) { 0, 0, 0 };

        ok = ts_utf8_feed(&u, ts_slice(out, len), NULL, 0)
             && ts_utf8_complete(&u);

        assert_int_equal(ok, c <= 0x10ffff && (c < 0xd800 || c > 0xdfff));
    }
}


static void
text_is_judged_the_same_at_every_split(void **state)
{
    (void) state;

    assert_true(valid(TS_SLICE("")));
    assert_true(valid(TS_SLICE("plain text that is longer than eight bytes")));
    assert_true(valid(TS_SLICE("K\xc3\xb6nig \xe2\x82\xac 5, \xf0\x9f\x93\x88"
                               " and eight more bytes")));
    assert_true(valid(TS_SLICE("a NUL \0 is a character")));
}


static void
malformed_text_is_refused_at_every_split(void **state)
{
    (void) state;

    /* a lone continuation, a lead without its bytes, a lead after a lead */
    assert_false(valid(TS_SLICE("abc\x80")));
    assert_false(valid(TS_SLICE("abcdefgh\xe2\x82")));
    assert_false(valid(TS_SLICE("\xe2\xe2\x82\xac")));
    assert_false(valid(TS_SLICE("\xc3 x")));

    /* overlong slash, overlong NUL, surrogate, beyond U+10FFFF */
    assert_false(valid(TS_SLICE("\xc0\xaf")));
    assert_false(valid(TS_SLICE("\xe0\x80\xaf")));
    assert_false(valid(TS_SLICE("\xf0\x80\x80\xaf")));
    assert_false(valid(TS_SLICE("\xc0\x80")));
    assert_false(valid(TS_SLICE("\xed\xa0\x80")));
    assert_false(valid(TS_SLICE("\xf4\x90\x80\x80")));
    assert_false(valid(TS_SLICE("\xf5\x80\x80\x80")));
    assert_false(valid(TS_SLICE("\xff")));

    /* behind a run that is taken eight bytes at a time */
    assert_false(valid(TS_SLICE("0123456789abcdef\xfe")));
    assert_false(valid(TS_SLICE("0123456\x80" "01234567")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_scalar_value_is_valid_and_nothing_else),
        cmocka_unit_test(text_is_judged_the_same_at_every_split),
        cmocka_unit_test(malformed_text_is_refused_at_every_split),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
