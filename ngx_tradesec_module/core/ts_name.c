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


/* The code of n hexadecimal digits, -1 when they are not there. */

static int
ts_name_code(const uint8_t *p, const uint8_t *end, int n)
{
    int  code, digit;

    if (end - p < n) {
        return -1;
    }

    for (code = 0; n > 0; n--) {
        digit = ts_name_hex(*p++);

        if (digit < 0) {
            return -1;
        }

        code = code << 4 | digit;
    }

    return code;
}


int
ts_name_next(const uint8_t **p, const uint8_t *end)
{
    int  c, code;

    if (*p == end) {
        return -1;
    }

    c = *(*p)++;

    if (c != '%') {
        return c;
    }

    code = ts_name_code(*p, end, 2);

    if (code >= 0) {
        *p += 2;
        return code;
    }

    /* "%u0061", as ASP.NET reads it */

    if (end - *p >= 5 && ((*p)[0] | 0x20) == 'u') {
        code = ts_name_code(*p + 1, end, 4);

        if (code >= 0 && code <= 0xff) {
            *p += 5;
            return code;
        }
    }

    return c;
}


static inline uint8_t
ts_name_fold(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    return (c == '.' || c == ' ' || c == '+' || c == '[') ? '_' : c;
}


static inline int
ts_name_is_letter(uint8_t c)
{
    c |= 0x20;

    return c >= 'a' && c <= 'z';
}


/* Some reader strips these from the ends of a name. */

static int
ts_name_is_stripped(int c)
{
    return (c >= 0 && c <= 0x20) || c >= 0x7f || c == '"' || c == '+'
           || c == ']';
}


/* The same for a name that starts at p exactly. */

static int
ts_name_starts(const uint8_t *p, const uint8_t *end, ts_slice_t name)
{
    int     c;
    size_t  i;

    c = ts_name_next(&p, end);

    for (i = 0; i < name.len; i++) {

        if (c == -1
            || ts_name_fold((uint8_t) c) != ts_name_fold(name.data[i]))
        {
            return 0;
        }

        c = ts_name_next(&p, end);
    }

    /* a NUL ends the name for those who read C strings */

    while (c != '\0' && ts_name_is_stripped(c)) {
        c = ts_name_next(&p, end);
    }

    return c == -1 || c == '\0' || c == '=' || c == '[' || c == ',';
}


int
ts_name_resembles(ts_slice_t text, ts_slice_t name)
{
    int             c;
    const uint8_t  *p, *end, *start;

    p = text.data;
    end = p + text.len;

    /* most names begin with another letter */

    if (text.len != 0 && ts_name_is_letter(*p)
        && ts_name_fold(*p) != ts_name_fold(name.data[0]))
    {
        return 0;
    }

    do {
        start = p;
        c = ts_name_next(&p, end);
    } while (ts_name_is_stripped(c));

    if (ts_name_starts(start, end, name)) {
        return 1;
    }

    if (c != '[') {
        return 0;
    }

    while (c == '[') {
        start = p;
        c = ts_name_next(&p, end);
    }

    return ts_name_starts(start, end, name);
}
