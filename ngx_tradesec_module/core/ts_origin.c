/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_origin.h"


#define TS_ORIGIN_HOST_MAX  255


static size_t ts_origin_host_len(ts_slice_t rest);
static int ts_origin_port(ts_slice_t text, uint16_t *port);


int
ts_origin_parse(ts_slice_t text, ts_origin_t *origin)
{
    size_t      n;
    ts_slice_t  rest;

    origin->text = text;

    if (text.len > 8 && ts_slice_eq_nocase(ts_slice(text.data, 8),
                                               TS_SLICE("https://")))
    {
        origin->scheme = ts_slice(text.data, 5);
        origin->port = 443;
        rest = ts_slice(text.data + 8, text.len - 8);

    } else if (text.len > 7 && ts_slice_eq_nocase(ts_slice(text.data, 7),
                                                      TS_SLICE("http://")))
    {
        origin->scheme = ts_slice(text.data, 4);
        origin->port = 80;
        rest = ts_slice(text.data + 7, text.len - 7);

    } else {
        return 0;
    }

    n = ts_origin_host_len(rest);

    if (n == 0 || n > TS_ORIGIN_HOST_MAX) {
        return 0;
    }

    origin->host = ts_slice(rest.data, n);

    if (n == rest.len) {
        return 1;
    }

    if (rest.data[n] != ':') {
        return 0;
    }

    return ts_origin_port(ts_slice(rest.data + n + 1, rest.len - n - 1),
                          &origin->port);
}


int
ts_origin_parse_url(ts_slice_t url, ts_origin_t *origin)
{
    size_t  i, slashes;

    slashes = 0;

    for (i = 0; i < url.len; i++) {

        if (url.data[i] == '/' && ++slashes == 3) {
            break;
        }

        if (slashes == 2 && (url.data[i] == '?' || url.data[i] == '#')) {
            break;
        }
    }

    return ts_origin_parse(ts_slice(url.data, i), origin);
}


int
ts_origin_eq(const ts_origin_t *a, const ts_origin_t *b)
{
    return a->port == b->port
           && ts_slice_eq_nocase(a->scheme, b->scheme)
           && ts_slice_eq_nocase(a->host, b->host);
}


/* A registered name or an IPv4 address, or an IPv6 address in brackets. */

static size_t
ts_origin_host_len(ts_slice_t rest)
{
    size_t   i;
    uint8_t  c;

    if (rest.len && rest.data[0] == '[') {

        for (i = 1; i < rest.len; i++) {
            c = rest.data[i];

            if (c == ']') {
                return i > 2 ? i + 1 : 0;
            }

            if (!((c >= '0' && c <= '9') || c == ':' || c == '.'
                  || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
            {
                return 0;
            }
        }

        return 0;
    }

    for (i = 0; i < rest.len; i++) {
        c = rest.data[i];

        if (!((c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
              || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
        {
            break;
        }
    }

    return i;
}


/* 1 to 65535 without leading zeros */

static int
ts_origin_port(ts_slice_t text, uint16_t *port)
{
    size_t    i;
    unsigned  n;

    if (text.len == 0 || text.len > 5 || text.data[0] == '0') {
        return 0;
    }

    n = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        n = n * 10 + (text.data[i] - '0');
    }

    if (n > 65535) {
        return 0;
    }

    *port = (uint16_t) n;

    return 1;
}
