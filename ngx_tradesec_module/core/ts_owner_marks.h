/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Blocks of 64 bytes of a text for ts_owner_quick.c: where their quotes are,
 * one bit for each byte, and whether they are plain, without a backslash and
 * without a control character.
 */

#ifndef TS_OWNER_MARKS_H
#define TS_OWNER_MARKS_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/ts_types.h"


#define TS_OWNER_BLOCK  64


/* Eight bytes at a time: the same in C alone. */

static inline int
ts_owner_marks_portable(const uint8_t *block, uint64_t *quotes)
{
    size_t    i, k;
    uint64_t  word, other, odd;

#define TS_OWNER_EACH(byte)  (UINT64_C(0x0101010101010101) * (byte))

    *quotes = 0;
    odd = 0;

    for (i = 0; i < TS_OWNER_BLOCK; i += 8) {

        for (word = 0, k = 0; k < 8; k++) {
            word |= (uint64_t) block[i + k] << (8 * k);
        }

        /* below 0x20, or a backslash: a borrow can only follow a true one */

        odd |= (word - TS_OWNER_EACH(0x20)) & ~word;

        other = word ^ TS_OWNER_EACH('\\');
        odd |= (other - TS_OWNER_EACH(1)) & ~other;

        /* the high bit of each byte that is zero, exactly, and of no other */

        other = word ^ TS_OWNER_EACH('"');
        other = ~(((other & TS_OWNER_EACH(0x7f)) + TS_OWNER_EACH(0x7f)) | other)
                & TS_OWNER_EACH(0x80);

        *quotes |= ((other >> 7) * UINT64_C(0x0102040810204080) >> 56) << i;
    }

    return (odd & TS_OWNER_EACH(0x80)) == 0;

#undef TS_OWNER_EACH
}


#ifdef __SSE2__

static inline uint64_t
ts_owner_marks_of(const uint8_t *bytes, __m128i *odd)
{
    __m128i  b;

    b = _mm_loadu_si128((const __m128i *) bytes);

    *odd = _mm_or_si128(*odd,
                        _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('\\')),
                                     _mm_cmpeq_epi8(b, _mm_min_epu8(b,
                                                     _mm_set1_epi8(0x1f)))));

    return (uint64_t) _mm_movemask_epi8(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')));
}


static inline int
ts_owner_marks(const uint8_t *block, uint64_t *quotes)
{
    __m128i  odd;

    odd = _mm_setzero_si128();

    *quotes = ts_owner_marks_of(block, &odd)
              | ts_owner_marks_of(block + 16, &odd) << 16
              | ts_owner_marks_of(block + 32, &odd) << 32
              | ts_owner_marks_of(block + 48, &odd) << 48;

    return _mm_movemask_epi8(odd) == 0;
}

#else

#define ts_owner_marks  ts_owner_marks_portable

#endif


/* Behind the digits at p, which something else ends before the end. */

static inline const uint8_t *
ts_owner_digits(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
    int      others;
    __m128i  values;

    while (end - p >= (ptrdiff_t) sizeof(values)) {
        values = _mm_sub_epi8(_mm_loadu_si128((const __m128i *) p),
                              _mm_set1_epi8('0'));

        others = 0xffff ^ _mm_movemask_epi8(
                     _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)),
                                    values));

        if (others) {
            return p + __builtin_ctz((unsigned) others);
        }

        p += sizeof(values);
    }
#else
    (void) end;
#endif

    while ((uint8_t) (*p - '0') <= 9) {
        p++;
    }

    return p;
}


#endif /* TS_OWNER_MARKS_H */
