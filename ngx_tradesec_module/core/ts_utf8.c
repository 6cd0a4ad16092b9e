/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_utf8.h"


#define TS_UTF8_HIGH_BITS  0x8080808080808080ULL


/* RFC 3629 section 4: the lead byte decides the range of the second byte. */

static int
ts_utf8_lead(ts_utf8_t *u, uint8_t byte)
{
    u->low = 0x80;
    u->high = 0xbf;

    if (byte < 0xc2) {
        return 0;
    }

    if (byte < 0xe0) {
        u->left = 1;
        return 1;
    }

    if (byte < 0xf0) {
        u->left = 2;

        if (byte == 0xe0) {
            u->low = 0xa0;

        } else if (byte == 0xed) {
            u->high = 0x9f;
        }

        return 1;
    }

    if (byte < 0xf5) {
        u->left = 3;

        if (byte == 0xf0) {
            u->low = 0x90;

        } else if (byte == 0xf4) {
            u->high = 0x8f;
        }

        return 1;
    }

    return 0;
}


int
ts_utf8_feed(ts_utf8_t *u, ts_slice_t piece, const uint8_t *mask,
    uint64_t offset)
{
    size_t    i;
    uint8_t   byte, key[8];
    uint64_t  word, key_word;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = mask ? mask[(offset + i) % 4] : 0;
    }

    memcpy(&key_word, key, sizeof(key_word));

    i = 0;

    while (i < piece.len) {

        /* eight ASCII bytes at once: the key repeats every four */

        if (u->left == 0 && i % 4 == 0 && piece.len - i >= sizeof(word)) {
            memcpy(&word, piece.data + i, sizeof(word));

            if (((word ^ key_word) & TS_UTF8_HIGH_BITS) == 0) {
                i += sizeof(word);
                continue;
            }
        }

        byte = piece.data[i] ^ key[i % 4];
        i++;

        if (u->left) {

            if (byte < u->low || byte > u->high) {
                return 0;
            }

            u->left--;
            u->low = 0x80;
            u->high = 0xbf;
            continue;
        }

        if (byte >= 0x80 && !ts_utf8_lead(u, byte)) {
            return 0;
        }
    }

    return 1;
}
