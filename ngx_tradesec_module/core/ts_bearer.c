/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_bearer.h"


int
ts_bearer_authorization(ts_slice_t value, ts_slice_t *token)
{
    size_t  i;

    static const uint8_t  scheme[] = "bearer";

    if (value.len < sizeof(scheme) - 1) {
        return 0;
    }

    for (i = 0; i < sizeof(scheme) - 1; i++) {
        if ((value.data[i] | 0x20) != scheme[i]) {
            return 0;
        }
    }

    if (i < value.len && value.data[i] != ' ') {
        return 0;
    }

    while (i < value.len && value.data[i] == ' ') {
        i++;
    }

    *token = ts_slice(value.data + i, value.len - i);

    return 1;
}


/* The next item of the list without white space around it; moves *p. */

static ts_slice_t
ts_bearer_item(const uint8_t **p, const uint8_t *end)
{
    const uint8_t  *start, *stop;

    start = *p;
    stop = memchr(start, ',', end - start);

    if (stop == NULL) {
        stop = end;
        *p = end;

    } else {
        *p = stop + 1;
    }

    while (start < stop && (*start == ' ' || *start == '\t')) {
        start++;
    }

    while (start < stop && (stop[-1] == ' ' || stop[-1] == '\t')) {
        stop--;
    }

    return ts_slice(start, stop - start);
}


ts_bearer_result_e
ts_bearer_subprotocol(ts_slice_t value, uint8_t *out, ts_slice_t *rest,
    ts_slice_t *token)
{
    int             offers, take;
    size_t          len;
    ts_slice_t      item;
    const uint8_t  *p, *end;

    static const ts_slice_t  bearer = { (const uint8_t *) "bearer", 6 };

    offers = 0;
    take = 0;
    len = 0;
    end = value.data + value.len;

    *token = ts_slice(NULL, 0);

    for (p = value.data; p < end; /* void */ ) {

        item = ts_bearer_item(&p, end);

        if (item.len == 0) {
            continue;
        }

        if (take) {
            take = 0;

            if (token->data == NULL) {
                *token = item;
            }

            continue;
        }

        if (ts_slice_eq(item, bearer)) {
            take = 1;
            offers++;
            continue;
        }

        /* what was written before came with a separator of its own */

        if (len != 0) {
            out[len++] = ',';
        }

        memcpy(out + len, item.data, item.len);
        len += item.len;
    }

    if (offers) {

        if (len != 0) {
            out[len++] = ',';
        }

        memcpy(out + len, bearer.data, bearer.len);
        len += bearer.len;
    }

    *rest = ts_slice(out, len);

    if (offers > 1) {
        return TS_BEARER_AMBIGUOUS;
    }

    return token->data != NULL ? TS_BEARER_FOUND : TS_BEARER_NONE;
}
