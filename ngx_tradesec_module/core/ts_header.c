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

    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}


int
ts_header_value_valid(ts_slice_t value)
{
    size_t  i;

    for (i = 0; i < value.len; i++) {
        if ((value.data[i] < 0x20 && value.data[i] != '\t')
            || value.data[i] == 0x7f)
        {
            return 0;
        }
    }

    return 1;
}
