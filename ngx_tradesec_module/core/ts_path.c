/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_path.h"


static int ts_path_next(const uint8_t **p, const uint8_t *end, int *encoded);
static int ts_path_hex(uint8_t c);


int
ts_path_is_plain(ts_slice_t target)
{
    int             c, encoded;
    size_t          len, dots;
    const uint8_t  *p, *end;

    p = target.data;
    end = p + target.len;

    if (target.len == 0 || *p++ != '/') {
        return 0;
    }

    /* bytes of the segment, and how many of them are dots */

    len = 0;
    dots = 0;

    while (p < end && *p != '?' && *p != '#') {
        c = ts_path_next(&p, end, &encoded);

        if (c == -1 || c == '\0' || c == '\\' || c == ';'
            || (c == '/' && (encoded || len == 0)))
        {
            return 0;
        }

        if (c == '/') {

            if (len == dots && len <= 2) {
                return 0;
            }

            len = 0;
            dots = 0;
            continue;
        }

        len++;
        dots += c == '.';
    }

    return len == 0 || len != dots || len > 2;
}


/* The next byte, decoded; -1 for half an escape. */

static int
ts_path_next(const uint8_t **p, const uint8_t *end, int *encoded)
{
    int  c, high, low;

    c = *(*p)++;
    *encoded = c == '%';

    if (!*encoded) {
        return c;
    }

    if (end - *p < 2) {
        return -1;
    }

    high = ts_path_hex((*p)[0]);
    low = ts_path_hex((*p)[1]);
    *p += 2;

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}


static int
ts_path_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
