/*
 * Copyright (C) the ngx_tradesec authors
 *
 * An origin that parses, written out again from its parts, is the same origin;
 * and it is the origin of every URL that starts with it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "core/ts_origin.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           n;
    char          text[512];
    ts_origin_t   origin, again;

    (void) ts_origin_parse_url(ts_slice(data, size), &again);

    if (!ts_origin_parse(ts_slice(data, size), &origin)) {
        return 0;
    }

    n = snprintf(text, sizeof(text), "%.*s://%.*s:%u/path",
                 (int) origin.scheme.len, (const char *) origin.scheme.data,
                 (int) origin.host.len, (const char *) origin.host.data,
                 origin.port);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        abort();
    }

    if (!ts_origin_parse(ts_slice(text, (size_t) n - 5), &again)
        || !ts_origin_eq(&origin, &again)
        || !ts_origin_parse_url(ts_slice(text, (size_t) n), &again)
        || !ts_origin_eq(&origin, &again))
    {
        abort();
    }

    return 0;
}
