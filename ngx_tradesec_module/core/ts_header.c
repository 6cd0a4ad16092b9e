/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_header.h"


static uint8_t ts_header_fold(uint8_t c);


int
ts_header_same_name(ts_slice_t a, ts_slice_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return 0;
    }

    for (i = 0; i < a.len; i++) {
        if (ts_header_fold(a.data[i]) != ts_header_fold(b.data[i])) {
            return 0;
        }
    }

    return 1;
}


static uint8_t
ts_header_fold(uint8_t c)
{
    if (c == '_' || c == '.') {
        return '-';
    }

    return ts_lower(c);
}


/*
 * Whether one of eight bytes may be a control character: sure when it says no.
 * A byte below 0x20 borrows when 0x20 is taken away, 0x7f becomes 0x80 when 1
 * is added; what has the high bit by itself is none.
 */

static inline int
ts_header_may_have_control(const uint8_t *p)
{
    uint64_t  bytes;

    static const uint64_t  ones = 0x0101010101010101;

    memcpy(&bytes, p, sizeof(bytes));

    return (((bytes - 0x20 * ones) | (bytes + ones)) & ~bytes & 0x80 * ones)
           != 0;
}


int
ts_header_value_valid(ts_slice_t value)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; value.len - i >= 8; i += 8) {
        if (ts_header_may_have_control(value.data + i)) {
            break;
        }
    }

    /* the last word, which begins in the one before it */

    if (i != 0 && value.len - i < 8
        && !ts_header_may_have_control(value.data + value.len - 8))
    {
        return 1;
    }

    for ( /* void */ ; i < value.len; i++) {
        c = value.data[i];

        if ((c < 0x20 || c == 0x7f) && c != '\t') {
            return 0;
        }
    }

    return 1;
}
