/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What every pure core shares: a view of bytes that somebody else owns.
 */

#ifndef TS_TYPES_H
#define TS_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>


/* For what is rare, so that it costs nothing where it is not. */

#define ts_noinline  __attribute__((noinline))

/* For what has its cost in being called. */

#define ts_inline    inline __attribute__((always_inline))


typedef struct {
    const uint8_t  *data;
    size_t          len;
} ts_slice_t;


#define TS_SLICE(literal)                                                    \
    ((ts_slice_t) { (const uint8_t *) (literal), sizeof(literal) - 1 })


static inline ts_slice_t
ts_slice(const void *data, size_t len)
{
    ts_slice_t  s;

    s.data = data;
    s.len = len;

    return s;
}


/* Not for secrets: the time taken depends on where the bytes differ. */

static inline int
ts_slice_eq(ts_slice_t a, ts_slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline uint8_t
ts_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}


/* The same but for the case of ASCII letters. */

static inline int
ts_slice_eq_nocase(ts_slice_t a, ts_slice_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return 0;
    }

    for (i = 0; i < a.len; i++) {
        if (a.data[i] != b.data[i]
            && ts_lower(a.data[i]) != ts_lower(b.data[i]))
        {
            return 0;
        }
    }

    return 1;
}


/* A number in decimal digits, which end where the buffer ends. */

#define TS_DIGITS  20

static inline ts_slice_t
ts_decimal(uint64_t number, uint8_t digits[TS_DIGITS])
{
    size_t  i;

    i = TS_DIGITS;

    do {
        digits[--i] = (uint8_t) ('0' + number % 10);
        number /= 10;
    } while (number);

    return ts_slice(digits + i, TS_DIGITS - i);
}


#endif /* TS_TYPES_H */
