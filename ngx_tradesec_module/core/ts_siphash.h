/*
 * Copyright (C) the ngx_tradesec authors
 *
 * SipHash-2-4 (Aumasson and Bernstein, 2012) with 128 bits or 64 of a word and
 * some bytes: the same as crypto_shorthash_siphashx24() and siphash24() of
 * libsodium over both, the word in little-endian order. Here, because a call
 * to a general one costs as much again for messages as short as names and
 * addresses.
 */

#ifndef TS_SIPHASH_H
#define TS_SIPHASH_H

#include <endian.h>

#include "core/ts_types.h"


#define TS_SIPHASH_KEY  16


typedef struct {
    uint64_t  v0;
    uint64_t  v1;
    uint64_t  v2;
    uint64_t  v3;
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
    s.v0 += s.v1;
    s.v2 += s.v3;
    s.v1 = ts_siphash_rotate(s.v1, 13) ^ s.v0;
    s.v3 = ts_siphash_rotate(s.v3, 16) ^ s.v2;
    s.v0 = ts_siphash_rotate(s.v0, 32);

    s.v2 += s.v1;
    s.v0 += s.v3;
    s.v1 = ts_siphash_rotate(s.v1, 17) ^ s.v2;
    s.v3 = ts_siphash_rotate(s.v3, 21) ^ s.v0;
    s.v2 = ts_siphash_rotate(s.v2, 32);

    return s;
}


static inline ts_siphash_t
ts_siphash_absorb(ts_siphash_t s, uint64_t word)
{
    s.v3 ^= word;
    s = ts_siphash_round(s);
    s = ts_siphash_round(s);
    s.v0 ^= word;

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


static inline ts_siphash_t
ts_siphash_begin(const uint8_t *key)
{
    uint64_t  k0, k1;

    k0 = ts_siphash_word(key);
    k1 = ts_siphash_word(key + 8);

    return (ts_siphash_t) {
        k0 ^ 0x736f6d6570736575,
        k1 ^ 0x646f72616e646f6d,
        k0 ^ 0x6c7967656e657261,
        k1 ^ 0x7465646279746573
    };
}


/* All of the rest behind the first word. */

static ts_inline ts_siphash_t
ts_siphash_absorb_rest(ts_siphash_t s, ts_slice_t rest)
{
    const uint8_t  *p, *end;

    p = rest.data;
    end = p + (rest.len & ~(size_t) 7);

    for ( /* void */ ; p < end; p += 8) {
        s = ts_siphash_absorb(s, ts_siphash_word(p));
    }

    return ts_siphash_absorb(s, ts_siphash_tail(p, rest.len & 7)
                             | (uint64_t) (sizeof(uint64_t) + rest.len) << 56);
}


static inline void
ts_siphash(const uint8_t *key, uint64_t first, ts_slice_t rest,
    uint64_t hash[2])
{
    ts_siphash_t  s;

    s = ts_siphash_begin(key);
    s.v1 ^= 0xee;

    s = ts_siphash_absorb_rest(ts_siphash_absorb(s, first), rest);

    s.v2 ^= 0xee;
    s = ts_siphash_finish(s);
    hash[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;

    s.v1 ^= 0xdd;
    s = ts_siphash_finish(s);
    hash[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}


/*
 * With 64 bits, as crypto_shorthash_siphash24(), in two steps, where the key
 * and the word stay the same: what all hashes that begin with them have in
 * common, and the hash itself.
 */

static inline ts_siphash_t
ts_siphash64_begin(const uint8_t *key, uint64_t first)
{
    return ts_siphash_absorb(ts_siphash_begin(key), first);
}


static ts_inline uint64_t
ts_siphash64(const ts_siphash_t *begun, ts_slice_t rest)
{
    ts_siphash_t  s;

    s = ts_siphash_absorb_rest(*begun, rest);

    s.v2 ^= 0xff;
    s = ts_siphash_finish(s);

    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}


#endif /* TS_SIPHASH_H */
