/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_cookie.h"
#include "core/ts_name.h"


static void ts_cookie_pair(ts_cookie_t *cookie, const uint8_t *start,
    const uint8_t *end, ts_slice_t name);


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

            if (ts_name_resembles(ts_slice(comma, stop - comma), name)) {
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
        if (ts_name_resembles(ts_slice(start, end - start), name)) {
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
