/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_header.h"
#include "core/ts_method_override.h"


static int ts_method_override_key(ts_slice_t key);
static uint8_t ts_method_override_char(ts_slice_t key, size_t *i);
static int ts_hex(uint8_t c);


int
ts_method_override_field(ts_slice_t name)
{
    if (name.len < sizeof("x-http-method") - 1
        || (name.data[0] | 0x20) != 'x')
    {
        return 0;
    }

    switch (name.len) {

    case sizeof("x-http-method") - 1:
        return ts_header_same_name(name, TS_SLICE("x-http-method"));

    case sizeof("x-method-override") - 1:
        return ts_header_same_name(name, TS_SLICE("x-method-override"));

    case sizeof("x-http-method-override") - 1:
        return ts_header_same_name(name, TS_SLICE("x-http-method-override"));

    default:
        return 0;
    }
}


int
ts_method_override_query(ts_slice_t query)
{
    size_t  i, start;

    start = 0;

    for (i = 0; i <= query.len; i++) {

        if (i < query.len && query.data[i] != '&' && query.data[i] != ';') {
            continue;
        }

        if (ts_method_override_key(ts_slice(query.data + start, i - start))) {
            return 1;
        }

        start = i + 1;
    }

    return 0;
}


/*
 * "_method", then "=" or the end. PHP ignores spaces in front, takes "." for
 * "_", and lets NUL end the name.
 */

static int
ts_method_override_key(ts_slice_t key)
{
    size_t              i, n;
    uint8_t             c;
    static const char   name[] = "_method";

    n = 0;

    for (i = 0; i < key.len && key.data[i] != '='; /* void */) {

        c = ts_method_override_char(key, &i);

        if (c == '\0') {
            break;
        }

        if (n == 0) {

            if (c == ' ') {
                continue;
            }

            if (c == '.') {
                c = '_';
            }
        }

        if (n == sizeof(name) - 1 || c != (uint8_t) name[n]) {
            return 0;
        }

        n++;
    }

    return n == sizeof(name) - 1;
}


/* The next character of a query, "+" and %XX decoded, in lower case. */

static uint8_t
ts_method_override_char(ts_slice_t key, size_t *i)
{
    int      hi, lo;
    uint8_t  c;

    c = key.data[*i];

    if (c == '+') {
        c = ' ';

    } else if (c == '%' && *i + 2 < key.len) {
        hi = ts_hex(key.data[*i + 1]);
        lo = ts_hex(key.data[*i + 2]);

        if (hi >= 0 && lo >= 0) {
            c = (uint8_t) (hi << 4 | lo);
            *i += 2;
        }
    }

    *i += 1;

    return ts_lower(c);
}


static int
ts_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
