/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_ws_frame.h"


/* Of frames in a block as large as they are, and of any length. */

static void
text_of_frames(void **state)
{
    size_t   len, lengths[3];
    uint8_t  *frames, *text, *p, *expected;
    unsigned  i, j, k, masked;

    (void) state;

    srand(3);

    for (i = 0; i < 3000; i++) {
        masked = (unsigned) rand() % 2;

        for (len = 0, j = 0; j < 3; j++) {
            lengths[j] = (size_t) rand() % (rand() % 4 ? 40 : 300);

            if (i % 500 == 0 && j == 1) {
                lengths[j] += 65536;
            }

            len += lengths[j] + (lengths[j] < 126 ? 2
                                 : lengths[j] <= 65535 ? 4 : 10) + 4 * masked;
        }

        p = frames = malloc(len);
        text = malloc(len);
        expected = malloc(len);
        assert_true(frames != NULL && text != NULL && expected != NULL);

        for (k = 0, j = 0; j < 3; j++) {
            size_t   n, m = lengths[j];
            uint8_t  mask[4];

            *p++ = (uint8_t) ((j == 2 ? 0x80 : 0) | (j == 0 ? 1 : 0));
            *p++ = (uint8_t) ((masked ? 0x80 : 0)
                              | (m < 126 ? m : m <= 65535 ? 126 : 127));

            for (n = m < 126 ? 0 : m <= 65535 ? 2 : 8; n > 0; n--) {
                *p++ = (uint8_t) ((uint64_t) m >> (8 * (n - 1)));
            }

            for (n = 0; n < 4; n++) {
                mask[n] = (uint8_t) rand();

                if (masked) {
                    *p++ = mask[n];
                }
            }

            for (n = 0; n < m; n++) {
                expected[k] = (uint8_t) rand();
                *p++ = expected[k++] ^ (masked ? mask[n % 4] : 0);
            }
        }

        assert_ptr_equal(p, frames + len);
        assert_int_equal(ts_ws_text(frames, len, text), k);
        assert_memory_equal(text, expected, k);

        free(frames);
        free(text);
        free(expected);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(text_of_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
