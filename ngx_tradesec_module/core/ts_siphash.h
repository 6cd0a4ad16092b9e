/*
 * Copyright (C) the ngx_tradesec authors
 *
 * SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012) of a word and some
 * bytes: the same as crypto_shorthash_siphashx24() of libsodium over both,
 * the word in little-endian order. Here, because a call to a general one
 * costs as much again for messages as short as names and addresses.
 */

#ifndef TS_SIPHASH_H
#define TS_SIPHASH_H

#include <endian.h>

#include "core/ts_types.h"


#define TS_SIPHASH_KEY  16


typedef struct {
    uint64_t  v[4];
} ts_siphash_t;


static inline uint64_t
ts_siphash_word(const uint8_t *p)
{
    uint64_t  word;

    memcpy(&word, p, sizeof(word));

    return le64toh(word);
}


/* What is left at the end: less than a word, and the length of all. */

static inline uint64_t
ts_siphash_tail(const uint8_t *p, size_t len)
{
    uint64_t  word;
    uint32_t  four;
    uint16_t  two;

    word = 0;

    if (len & 1) {
        word = p[len & 6];
    }

    if (len & 2) {
        memcpy(&two, p + (len & 4), sizeof(two));
        word = word << 16 | le16toh(two);
    }

    if (len & 4) {
        memcpy(&four, p, sizeof(four));
        word = word << 32 | le32toh(four);
    }

    return word;
}


static inline uint64_t
ts_siphash_rotate(uint64_t word, int n)
{
    return word << n | word >> (64 - n);
}


static inline ts_siphash_t
ts_siphash_round(ts_siphash_t s)
{
    s.v[0] += s.v[1];
    s.v[2] += s.v[3];
    s.v[1] = ts_siphash_rotate(s.v[1], 13) ^ s.v[0];
    s.v[3] = ts_siphash_rotate(s.v[3], 16) ^ s.v[2];
    s.v[0] = ts_siphash_rotate(s.v[0], 32);

    s.v[2] += s.v[1];
    s.v[0] += s.v[3];
    s.v[1] = ts_siphash_rotate(s.v[1], 17) ^ s.v[2];
    s.v[3] = ts_siphash_rotate(s.v[3], 21) ^ s.v[0];
    s.v[2] = ts_siphash_rotate(s.v[2], 32);

    return s;
}


static inline ts_siphash_t
ts_siphash_absorb(ts_siphash_t s, uint64_t word)
{
    s.v[3] ^= word;
    s = ts_siphash_round(s);
    s = ts_siphash_round(s);
    s.v[0] ^= word;

    return s;
}


static inline ts_siphash_t
ts_siphash_finish(ts_siphash_t s)
{
    s = ts_siphash_round(s);
    s = ts_siphash_round(s);
    s = ts_siphash_round(s);

    return ts_siphash_round(s);
}


static inline void
ts_siphash(const uint8_t *key, uint64_t first, ts_slice_t rest,
    uint64_t hash[2])
{
    uint64_t        k0, k1;
    ts_siphash_t    s;
    const uint8_t  *p, *end;

    k0 = ts_siphash_word(key);
    k1 = ts_siphash_word(key + 8);

    s.v[0] = k0 ^ 0x736f6d6570736575;
    s.v[1] = k1 ^ 0x646f72616e646f6d ^ 0xee;
    s.v[2] = k0 ^ 0x6c7967656e657261;
    s.v[3] = k1 ^ 0x7465646279746573;

    s = ts_siphash_absorb(s, first);

    p = rest.data;
    end = p + (rest.len & ~(size_t) 7);

    for ( /* void */ ; p < end; p += 8) {
        s = ts_siphash_absorb(s, ts_siphash_word(p));
    }

    s = ts_siphash_absorb(s, ts_siphash_tail(p, rest.len & 7)
                             | (uint64_t) (sizeof(first) + rest.len) << 56);

    s.v[2] ^= 0xee;
    s = ts_siphash_finish(s);
    hash[0] = s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];

    s.v[1] ^= 0xdd;
    s = ts_siphash_finish(s);
    hash[1] = s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}


#endif /* TS_SIPHASH_H */
