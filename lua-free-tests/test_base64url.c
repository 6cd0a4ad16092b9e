/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_base64url.h"


static ts_base64url_result_e
decode(const char *text, size_t len, const char *want, size_t want_len)
{
    uint8_t                *out;
    size_t                  size;
    ts_slice_t              copy, decoded;
    ts_base64url_result_e   rc;

    size = ts_base64url_decoded(len);
    out = malloc(size ? size : 1);
    copy = heap_copy(text, len);

    rc = ts_base64url_decode(copy, out, size, &decoded);

    if (rc == TS_BASE64URL_OK) {
        assert_true(ts_slice_eq(decoded, ts_slice(want, want_len)));
    }

    heap_free(copy);
    free(out);

    return rc;
}


#define DECODE(text, want)                                                   \
    decode(text, sizeof(text) - 1, want, sizeof(want) - 1)


static void
examples_of_rfc_4648(void **state)
{
    (void) state;

    assert_int_equal(DECODE("", ""), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zg", "f"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zm8", "fo"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zm9v", "foo"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zm9vYg", "foob"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zm9vYmE", "fooba"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zm9vYmFy", "foobar"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("-_8", "\xfb\xff"), TS_BASE64URL_OK);
}


static void
a_second_spelling_is_refused(void **state)
{
    (void) state;

    assert_int_equal(DECODE("Zg==", ""), TS_BASE64URL_CHARACTER);
    assert_int_equal(DECODE("Zm8=", ""), TS_BASE64URL_CHARACTER);
    assert_int_equal(DECODE("+/8", ""), TS_BASE64URL_CHARACTER);
    assert_int_equal(DECODE("Zm9v\n", ""), TS_BASE64URL_LENGTH);
    assert_int_equal(DECODE("Zm 9", ""), TS_BASE64URL_CHARACTER);
    assert_int_equal(DECODE("Zm.9", ""), TS_BASE64URL_CHARACTER);
    assert_int_equal(DECODE("Z", ""), TS_BASE64URL_LENGTH);
    assert_int_equal(DECODE("Zm9vZ", ""), TS_BASE64URL_LENGTH);

    assert_int_equal(DECODE("Zh", ""), TS_BASE64URL_TAIL);
    assert_int_equal(DECODE("Zm9", ""), TS_BASE64URL_TAIL);
    assert_int_equal(DECODE("Zm9vZw", "foog"), TS_BASE64URL_OK);
    assert_int_equal(DECODE("Zm9vZx", ""), TS_BASE64URL_TAIL);
}


static void
every_byte_at_every_place(void **state)
{
    int         c, i;
    char        text[5];
    static const char  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t     out[4];
    ts_slice_t  s;

    (void) state;

    for (i = 0; i < 4; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, "AAAA", 5);
            text[i] = (char) c;

            assert_int_equal(
                ts_base64url_decode(ts_slice(text, 4), out, 3, &s),
                c && strchr(alphabet, c) ? TS_BASE64URL_OK
                                         : TS_BASE64URL_CHARACTER);
        }
    }
}


static void
a_small_buffer_is_not_overrun(void **state)
{
    uint8_t     out[3];
    ts_slice_t  s;

    (void) state;

    assert_int_equal(ts_base64url_decode(TS_SLICE("Zm9v"), out, 2, &s),
                     TS_BASE64URL_TOO_LONG);
    assert_int_equal(ts_base64url_decode(TS_SLICE("Zm9v"), out, 3, &s),
                     TS_BASE64URL_OK);
    assert_int_equal(ts_base64url_decode(TS_SLICE("Zm9vZg"), out, 3, &s),
                     TS_BASE64URL_TOO_LONG);
}


static void
what_is_encoded_decodes_to_itself(void **state)
{
    uint8_t     bytes[40], *text, out[40];
    size_t      i, n;
    ts_slice_t  s;

    (void) state;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t) (i * 37 + 251);
    }

    for (n = 0; n <= sizeof(bytes); n++) {
        text = malloc(ts_base64url_encoded(n) + !n);

        ts_base64url_encode(ts_slice(bytes, n), text);
        assert_int_equal(ts_base64url_decode(
                             ts_slice(text, ts_base64url_encoded(n)), out, n,
                             &s), TS_BASE64URL_OK);
        assert_true(ts_slice_eq(s, ts_slice(bytes, n)));

        free(text);
    }
}


/* Whole groups, a vector and the rest: each byte at each place, each length. */

static void
the_check_gives_the_verdict_of_the_decoder(void **state)
{
    int         c;
    size_t      i, len;
    uint8_t     text[41], out[41];
    ts_slice_t  copy, s;

    (void) state;

    for (len = 0; len <= sizeof(text); len++) {
        for (i = 0; i < len || i == 0; i++) {
            for (c = 0; c < 256; c++) {

                memset(text, 'A', sizeof(text));
                text[i] = (uint8_t) c;
                copy = heap_copy(text, len);

                assert_int_equal(ts_base64url_check(copy),
                                 ts_base64url_decode(copy, out, sizeof(out),
                                                     &s));
                heap_free(copy);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(examples_of_rfc_4648),
        cmocka_unit_test(a_second_spelling_is_refused),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(a_small_buffer_is_not_overrun),
        cmocka_unit_test(what_is_encoded_decodes_to_itself),
        cmocka_unit_test(the_check_gives_the_verdict_of_the_decoder),
    };

    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
