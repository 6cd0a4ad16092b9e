/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_cookie.h"


static void ts_cookie_pair(ts_cookie_t *cookie, const uint8_t *start,
    const uint8_t *end, ts_slice_t name);
static int ts_cookie_resembles(const uint8_t *p, const uint8_t *end,
    ts_slice_t name);


ts_cookie_result_e
ts_cookie_scan(ts_cookie_t *cookie, ts_slice_t line, ts_slice_t name)
{
    const uint8_t  *p, *end, *stop, *comma;

    p = line.data;
    end = p + line.len;

    for ( /* void */ ; p < end; p = stop + 1) {

        stop = memchr(p, ';', end - p);
        if (stop == NULL) {
            stop = end;
        }

        ts_cookie_pair(cookie, p, stop, name);

        /* for some readers another pair starts behind each comma */

        for (comma = memchr(p, ',', stop - p);
             comma != NULL;
             comma = memchr(comma, ',', stop - comma))
        {
            comma++;

            if (ts_cookie_resembles(comma, stop, name)) {
                cookie->result = TS_COOKIE_AMBIGUOUS;
                break;
            }
        }
    }

    return cookie->result;
}


/* One pair as the standard sees it, from separator to separator. */

static void
ts_cookie_pair(ts_cookie_t *cookie, const uint8_t *start, const uint8_t *end,
    ts_slice_t name)
{
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }

    if ((size_t) (end - start) <= name.len
        || start[name.len] != '='
        || memcmp(start, name.data, name.len) != 0)
    {
        if (ts_cookie_resembles(start, end, name)) {
            cookie->result = TS_COOKIE_AMBIGUOUS;
        }

        return;
    }

    if (cookie->result == TS_COOKIE_NONE) {
        cookie->result = TS_COOKIE_FOUND;
        cookie->pair = ts_slice(start, end - start);
        cookie->value = ts_slice(start + name.len + 1,
                                 end - start - name.len - 1);

    } else if (cookie->result == TS_COOKIE_FOUND) {
        cookie->result = TS_COOKIE_DUPLICATE;
    }
}


static int
ts_cookie_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* What the most tolerant readers make of a byte of a name. */

static uint8_t
ts_cookie_fold(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    return (c == '.' || c == ' ' || c == '[') ? '_' : c;
}


/* The byte at *p, percent decoded, or -1 at the end. */

static int
ts_cookie_next(const uint8_t **p, const uint8_t *end)
{
    int  c, high, low;

    if (*p == end) {
        return -1;
    }

    c = *(*p)++;

    if (c == '%' && end - *p >= 2) {
        high = ts_cookie_hex((*p)[0]);
        low = ts_cookie_hex((*p)[1]);

        if (high >= 0 && low >= 0) {
            c = high << 4 | low;
            *p += 2;
        }
    }

    return c;
}


/* Some reader strips these from a name. */

static int
ts_cookie_is_stripped(int c)
{
    return (c >= 0 && c <= 0x20) || c >= 0x7f || c == '"' || c == '+';
}


/* Whether a tolerant reader could read the name at p, up to a "=" or end. */

static int
ts_cookie_resembles(const uint8_t *p, const uint8_t *end, ts_slice_t name)
{
    int     c;
    size_t  i;

    do {
        c = ts_cookie_next(&p, end);
    } while (ts_cookie_is_stripped(c));

    for (i = 0; i < name.len; i++) {

        if (c == -1
            || ts_cookie_fold((uint8_t) c) != ts_cookie_fold(name.data[i]))
        {
            return 0;
        }

        c = ts_cookie_next(&p, end);
    }

    while (ts_cookie_is_stripped(c)) {
        c = ts_cookie_next(&p, end);
    }

    return c == -1 || c == '=' || c == '[' || c == ',';
}


int
ts_cookie_is_name(ts_slice_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] <= 0x20 || name.data[i] >= 0x7f
            || strchr("()<>@,;:\\\"/[]?={}", name.data[i]) != NULL)
        {
            return 0;
        }
    }

    return name.len > 0;
}
