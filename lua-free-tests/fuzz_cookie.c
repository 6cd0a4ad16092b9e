/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Our strict search against the tolerant look-up of $cookie_NAME: what we do
 * not refuse, both must see alike.
 */

#include <assert.h>
#include <strings.h>

#include "core/ts_cookie.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* The value of $cookie_NAME in nginx 1.22; data is NULL when not found. */

static ts_slice_t
tolerant(const uint8_t *p, const uint8_t *end, ts_slice_t name)
{
    const uint8_t  *value;

    while ((size_t) (end - p) > name.len) {

        if (strncasecmp((const char *) p, (const char *) name.data, name.len)
            == 0)
        {
            for (value = p + name.len; value < end && *value == ' ';
                 value++) { /* void */ }

            if (value < end && *value == '=') {

                for (value++; value < end && *value == ' '; value++) {
                    /* void */
                }

                for (p = value; p < end && *p != ';'; p++) { /* void */ }

                return ts_slice(value, p - value);
            }
        }

        while (p < end && *p != ';' && *p != ',') {
            p++;
        }

        for (p += (p < end); p < end && *p == ' '; p++) { /* void */ }
    }

    return ts_slice(NULL, 0);
}


/* No comma and no white space, as in every token that can be valid. */

static int
is_token(ts_slice_t value)
{
    size_t  i;

    for (i = 0; i < value.len; i++) {
        if (value.data[i] <= ' ' || value.data[i] == ',') {
            return 0;
        }
    }

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ts_slice_t   line, other, value;
    ts_cookie_t  cookie;

    static const ts_slice_t  name = { (const uint8_t *) "a_t", 3 };

    if (size == 0 || memchr(data, '\0', size) != NULL) {
        return 0;
    }

    line = ts_slice(data, size);

    memset(&cookie, 0, sizeof(cookie));
    ts_cookie_scan(&cookie, line, name);

    other = tolerant(data, data + size, name);

    switch (cookie.result) {

    case TS_COOKIE_NONE:
        assert(other.data == NULL);
        break;

    case TS_COOKIE_FOUND:
        value = cookie.value;
        assert(value.data - 4 == cookie.pair.data && value.data[-1] == '=');
        assert(memcmp(cookie.pair.data, name.data, name.len) == 0);
        assert(value.data + value.len <= data + size);
        assert(memchr(value.data, ';', value.len) == NULL);

        /* a value with a separator in it is refused by who reads it */

        if (is_token(value) && other.data != NULL) {
            assert(ts_slice_eq(other, value));
        }

        break;

    default:
        break;
    }

    /* a second look at the same line never makes it better */

    assert(ts_cookie_scan(&cookie, line, name) != TS_COOKIE_FOUND);

    return 0;
}
