/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_name.h"
#include "core/ts_query.h"


/* Where the value starts when the argument is called name, else NULL. */

static const uint8_t *
ts_query_is(const uint8_t *p, const uint8_t *end, ts_slice_t name)
{
    size_t  i;

    for (i = 0; i < name.len; i++) {
        if (ts_name_next(&p, end) != name.data[i]) {
            return NULL;
        }
    }

    if (p == end) {
        return p;
    }

    return *p == '=' ? p + 1 : NULL;
}


/* Whether the argument, or a part of it behind a ";", is like the name. */

static int
ts_query_resembles(const uint8_t *p, const uint8_t *end, ts_slice_t name)
{
    const uint8_t  *part;

    for (part = p; part != NULL; /* void */ ) {

        if (ts_name_resembles(ts_slice(part, end - part), name)) {
            return 1;
        }

        part = memchr(part, ';', end - part);
        part = part ? part + 1 : NULL;
    }

    return 0;
}


ts_query_result_e
ts_query_take(ts_slice_t args, ts_slice_t name, uint8_t *out,
    ts_slice_t *rest, ts_slice_t *value)
{
    int             taken, odd, first;
    size_t          len;
    const uint8_t  *p, *end, *stop, *start;

    *rest = args;
    *value = ts_slice(NULL, 0);

    taken = 0;
    odd = 0;
    first = 1;
    len = 0;
    end = args.data + args.len;

    for (p = args.data; args.len != 0; p = stop + 1) {

        stop = memchr(p, '&', end - p);
        if (stop == NULL) {
            stop = end;
        }

        start = ts_query_is(p, stop, name);

        if (start != NULL) {

            if (taken++ == 0) {
                *value = ts_slice(start, stop - start);
            }

        } else {
            odd |= ts_query_resembles(p, stop, name);

            if (!first) {
                out[len++] = '&';
            }

            memcpy(out + len, p, stop - p);
            len += stop - p;
            first = 0;
        }

        if (stop == end) {
            break;
        }
    }

    if (taken == 0) {
        return odd ? TS_QUERY_AMBIGUOUS : TS_QUERY_NONE;
    }

    *rest = ts_slice(out, len);

    return (taken > 1 || odd) ? TS_QUERY_AMBIGUOUS : TS_QUERY_FOUND;
}
