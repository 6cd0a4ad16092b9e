/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Strings and numbers of JSON: for ts_json.c only.
 */

#ifndef TS_JSON_SCAN_H
#define TS_JSON_SCAN_H

#include "core/ts_json.h"


/*
 * Behind the bytes that need no look: up to the first ", \, control character
 * or byte above 0x7f. Eight of them at once: in the sum of each byte the high
 * bit says so, and a borrow can only spoil what stands above the first.
 */

static inline const uint8_t *
ts_json_skip_plain(const uint8_t *s, const uint8_t *end)
{
    uint64_t  word, odd;

#define TS_JSON_EACH(byte)  (UINT64_C(0x0101010101010101) * (byte))

    while (end - s >= 8) {
        word = (uint64_t) s[0] | (uint64_t) s[1] << 8
               | (uint64_t) s[2] << 16 | (uint64_t) s[3] << 24
               | (uint64_t) s[4] << 32 | (uint64_t) s[5] << 40
               | (uint64_t) s[6] << 48 | (uint64_t) s[7] << 56;

        odd = (word
               | (word - TS_JSON_EACH(0x20))
               | ((word ^ TS_JSON_EACH('"')) - TS_JSON_EACH(1))
               | ((word ^ TS_JSON_EACH('\\')) - TS_JSON_EACH(1)))
              & TS_JSON_EACH(0x80);

        if (odd != 0) {
            return s + __builtin_ctzll(odd) / 8;
        }

        s += 8;
    }

#undef TS_JSON_EACH

    while (s < end && *s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\') {
        s++;
    }

    return s;
}


/*
 * Both move *p behind what they have read, or to where it is wrong. *p is
 * within the text: at the opening quote; at the first byte of what is to be a
 * number.
 */

ts_json_result_e ts_json_scan_string(const uint8_t **p, const uint8_t *end,
    uint8_t *escaped);
ts_json_result_e ts_json_scan_number(const uint8_t **p, const uint8_t *end);


#endif /* TS_JSON_SCAN_H */
