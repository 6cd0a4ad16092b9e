/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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


static uint64_t
ts_utf8_word(const uint8_t *data)
{
    uint64_t  word;

    memcpy(&word, data, sizeof(word));

    return word;
}


#ifdef __SSE2__

/* How many vectors at the front are ASCII, in bytes: four at a time first. */

static size_t
ts_utf8_ascii_vectors(const uint8_t *data, size_t len, const uint8_t *key)
{
    size_t   i;
    __m128i  mask;

    mask = _mm_loadu_si128((const __m128i *) key);

#define ts_utf8_vector(at)                                                   \
    _mm_xor_si128(_mm_loadu_si128((const __m128i *) (data + (at))), mask)

    for (i = 0; len - i >= 64; i += 64) {
        if (_mm_movemask_epi8(
                _mm_or_si128(_mm_or_si128(ts_utf8_vector(i),
                                          ts_utf8_vector(i + 16)),
                             _mm_or_si128(ts_utf8_vector(i + 32),
                                          ts_utf8_vector(i + 48)))))
        {
            break;
        }
    }

    for ( /* void */ ; len - i >= 16; i += 16) {
        if (_mm_movemask_epi8(ts_utf8_vector(i))) {
            break;
        }
    }

#undef ts_utf8_vector

    return i;
}

#else

#define ts_utf8_ascii_vectors(data, len, key)  0

#endif


/* The length of an ASCII prefix, in whole words. The key has 16 bytes. */

static size_t
ts_utf8_ascii(const uint8_t *data, size_t len, const uint8_t *key)
{
    size_t    i;
    uint64_t  word;

    i = ts_utf8_ascii_vectors(data, len, key);
    word = ts_utf8_word(key);

    for ( /* void */ ; len - i >= 8; i += 8) {
        if ((ts_utf8_word(data + i) ^ word) & TS_UTF8_HIGH_BITS) {
            break;
        }
    }

    return i;
}


int
ts_utf8_feed(ts_utf8_t *u, ts_slice_t piece, const uint8_t *mask,
    uint64_t offset)
{
    size_t          i;
    uint8_t         byte, keys[24];
    const uint8_t  *key;

    static const uint8_t  none[4];

    mask = mask ? mask : none;

    for (i = 0; i < sizeof(keys); i += 4) {
        memcpy(keys + i, mask, 4);
    }

    key = keys + offset % 4;
    i = 0;

    while (i < piece.len) {

        if (u->left == 0 && piece.len - i >= 8) {
            i += ts_utf8_ascii(piece.data + i, piece.len - i, key + i % 4);

            if (i == piece.len) {
                break;
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
