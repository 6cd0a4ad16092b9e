/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_cookie.h"
#include "core/ts_name.h"


static int ts_cookie_pair(ts_cookie_t *cookie, const uint8_t *start,
    const uint8_t *end, ts_slice_t name);
static int ts_cookie_hides(const uint8_t *p, const uint8_t *end,
    ts_slice_t name);


ts_cookie_result_e
ts_cookie_scan(ts_cookie_t *cookie, ts_slice_t line, ts_slice_t name)
{
    const uint8_t  *p, *end, *stop;

    p = line.data;
    end = p + line.len;

    for ( /* void */ ; p < end; p = stop + 1) {

        stop = memchr(p, ';', end - p);
        if (stop == NULL) {
            stop = end;
        }

        if (!ts_cookie_pair(cookie, p, stop, name)
            && ts_cookie_hides(p, stop, name))
        {
            cookie->result = TS_COOKIE_AMBIGUOUS;
        }
    }

    return cookie->result;
}


/*
 * One pair as the standard sees it, from separator to separator. Returns
 * whether it has the name, byte for byte.
 */

static int
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

        return 0;
    }

    if (cookie->result == TS_COOKIE_NONE) {
        cookie->result = TS_COOKIE_FOUND;
        cookie->pair = ts_slice(start, end - start);
        cookie->value = ts_slice(start + name.len + 1,
                                 end - start - name.len - 1);

    } else if (cookie->result == TS_COOKIE_FOUND) {
        cookie->result = TS_COOKIE_DUPLICATE;
    }

    return 1;
}


/*
 * Whether some reader finds another pair of that name within a pair: behind a
 * comma, or behind white space (Python's SimpleCookie), there with a "=" only.
 */

static int
ts_cookie_hides(const uint8_t *p, const uint8_t *end, ts_slice_t name)
{
    const uint8_t  *valued;

    while (p < end && *p <= 0x20) {
        p++;
    }

    /* neither in most pairs */

    while (p < end && *p > ',') {
        p++;
    }

    for (valued = end; valued > p && valued[-1] != '='; valued--) {
        /* void */
    }

    for ( /* void */ ; p < end; p++) {

        if (*p == ',') {

            if (ts_name_resembles(ts_slice(p + 1, end - p - 1), name)) {
                return 1;
            }

            continue;
        }

        /* of a run of white space only the last looks further */

        if (*p <= 0x20 && p + 1 < valued && p[1] > 0x20
            && ts_name_resembles(ts_slice(p + 1, valued - p - 1), name))
        {
            return 1;
        }
    }

    return 0;
}


int
ts_cookie_value_hides(ts_slice_t value, ts_slice_t name)
{
    return ts_cookie_hides(value.data, value.data + value.len, name);
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
