/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <sodium.h>

#include "ts_test.h"
#include "core/ts_siphash.h"


/* Vectors of the authors (vectors_sip128): keys and messages count up. */

static void
agrees_with_the_vectors_of_its_authors(void **state)
{
    size_t    i;
    uint8_t   key[TS_SIPHASH_KEY], message[15];
    uint64_t  hash[2];

    static const struct {
        size_t   len;
        uint8_t  hash[16];
    } vectors[] = {
        {  8, { 0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61,
                0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14, 0x97, 0xb4 } },
        { 15, { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11,
                0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9 } }
    };

    (void) state;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t) i;
    }

    for (i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t) i;
    }

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        ts_siphash(key, ts_siphash_word(message),
                   ts_slice(message + 8, vectors[i].len - 8), hash);

        assert_int_equal(hash[0], ts_siphash_word(vectors[i].hash));
        assert_int_equal(hash[1], ts_siphash_word(vectors[i].hash + 8));
    }
}


/* Every length of an exact-size copy, so that no byte behind it is read. */

static void
agrees_with_libsodium_at_every_length(void **state)
{
    size_t        len, i;
    uint8_t       key[TS_SIPHASH_KEY], expected[16], *whole, *rest;
    uint64_t      hash[2];
    ts_siphash_t  begun;

    (void) state;

    for (len = 0; len <= 300; len++) {

        whole = malloc(8 + len);
        rest = malloc(len ? len : 1);
        assert_non_null(whole);
        assert_non_null(rest);

        for (i = 0; i < sizeof(key); i++) {
            key[i] = (uint8_t) (len * 7 + i * 31);
        }

        for (i = 0; i < 8 + len; i++) {
            whole[i] = (uint8_t) (len * 13 + i * 101 + 0x80);
        }

        memcpy(rest, whole + 8, len);

        assert_int_equal(crypto_shorthash_siphashx24(expected, whole, 8 + len,
                                                     key), 0);

        ts_siphash(key, ts_siphash_word(whole), ts_slice(rest, len), hash);

        assert_int_equal(hash[0], ts_siphash_word(expected));
        assert_int_equal(hash[1], ts_siphash_word(expected + 8));

        assert_int_equal(crypto_shorthash_siphash24(expected, whole, 8 + len,
                                                    key), 0);
        begun = ts_siphash64_begin(key, ts_siphash_word(whole));
        assert_int_equal(ts_siphash64(&begun, ts_slice(rest, len)),
                         ts_siphash_word(expected));

        free(rest);
        free(whole);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(agrees_with_the_vectors_of_its_authors),
        cmocka_unit_test(agrees_with_libsodium_at_every_length)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
