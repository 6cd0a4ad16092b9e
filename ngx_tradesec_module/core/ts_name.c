/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_name.h"


static int
ts_name_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


int
ts_name_next(const uint8_t **p, const uint8_t *end)
{
    int  c, high, low;

    if (*p == end) {
        return -1;
    }

    c = *(*p)++;

    if (c == '%' && end - *p >= 2) {
        high = ts_name_hex((*p)[0]);
        low = ts_name_hex((*p)[1]);

        if (high >= 0 && low >= 0) {
            c = high << 4 | low;
            *p += 2;
        }
    }

    return c;
}


static uint8_t
ts_name_fold(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    return (c == '.' || c == ' ' || c == '[') ? '_' : c;
}


/* Some reader strips these from the ends of a name. */

static int
ts_name_is_stripped(int c)
{
    return (c >= 0 && c <= 0x20) || c >= 0x7f || c == '"' || c == '+';
}


int
ts_name_resembles(ts_slice_t text, ts_slice_t name)
{
    int             c;
    size_t          i;
    const uint8_t  *p, *end;

    p = text.data;
    end = p + text.len;

    do {
        c = ts_name_next(&p, end);
    } while (ts_name_is_stripped(c));

    for (i = 0; i < name.len; i++) {

        if (c == -1
            || ts_name_fold((uint8_t) c) != ts_name_fold(name.data[i]))
        {
            return 0;
        }

        c = ts_name_next(&p, end);
    }

    while (ts_name_is_stripped(c)) {
        c = ts_name_next(&p, end);
    }

    return c == -1 || c == '=' || c == '[' || c == ',';
}
