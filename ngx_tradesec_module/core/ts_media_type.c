/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_media_type.h"
#include "core/ts_param.h"


static ts_media_type_e ts_media_type_kind(ts_slice_t type);
static int ts_media_type_boundary(ts_slice_t boundary);


ts_media_type_e
ts_media_type(ts_slice_t value, ts_slice_t *boundary)
{
    size_t             i;
    ts_slice_t         rest, charset;
    ts_param_t         param;
    ts_media_type_e    kind;
    ts_param_result_e  rc;

    *boundary = ts_slice(NULL, 0);

    /* as nearly everybody writes it */

    if (ts_slice_eq(value, TS_SLICE("application/json"))) {
        return TS_MEDIA_TYPE_JSON;
    }

    if (ts_slice_eq(value, TS_SLICE("application/x-www-form-urlencoded"))) {
        return TS_MEDIA_TYPE_FORM;
    }

    value = ts_param_trim(value);

    for (i = 0; i < value.len
                && (ts_param_token_char(value.data[i])
                    || value.data[i] == '/'); i++)
    {
        /* void */
    }

    kind = ts_media_type_kind(ts_slice(value.data, i));

    if (kind == TS_MEDIA_TYPE_OTHER) {
        return TS_MEDIA_TYPE_OTHER;
    }

    rest = ts_slice(value.data + i, value.len - i);
    charset = ts_slice(NULL, 0);

    while ((rc = ts_param_next(&rest, &param)) == TS_PARAM_OK) {

        if (ts_slice_eq_nocase(param.name, TS_SLICE("charset"))) {

            if (charset.data != NULL
                || !(ts_slice_eq_nocase(param.value, TS_SLICE("utf-8"))
                     || ts_slice_eq_nocase(param.value, TS_SLICE("utf8"))))
            {
                return TS_MEDIA_TYPE_OTHER;
            }

            charset = param.value;

        } else if (ts_slice_eq_nocase(param.name, TS_SLICE("boundary"))) {

            if (boundary->data != NULL || param.escaped) {
                return TS_MEDIA_TYPE_OTHER;
            }

            *boundary = param.value;

        } else if (kind == TS_MEDIA_TYPE_MULTIPART
                   || ts_param_is_extended(&param))
        {
            /* PHP reads from the first "boundary" on, also in "xboundary" */
            return TS_MEDIA_TYPE_OTHER;
        }
    }

    if (rc != TS_PARAM_END
        || (kind == TS_MEDIA_TYPE_MULTIPART
            && !ts_media_type_boundary(*boundary)))
    {
        return TS_MEDIA_TYPE_OTHER;
    }

    return kind;
}


static ts_media_type_e
ts_media_type_kind(ts_slice_t type)
{
    size_t      i, slashes;
    ts_slice_t  suffix;

    if (ts_slice_eq_nocase(type, TS_SLICE("application/json"))) {
        return TS_MEDIA_TYPE_JSON;
    }

    if (ts_slice_eq_nocase(type,
                           TS_SLICE("application/x-www-form-urlencoded")))
    {
        return TS_MEDIA_TYPE_FORM;
    }

    if (ts_slice_eq_nocase(type, TS_SLICE("multipart/form-data"))) {
        return TS_MEDIA_TYPE_MULTIPART;
    }

    for (i = 0, slashes = 0; i < type.len; i++) {
        slashes += type.data[i] == '/';
    }

    if (slashes != 1 || type.len < sizeof("application/x+json") - 1) {
        return TS_MEDIA_TYPE_OTHER;
    }

    suffix = ts_slice(type.data + type.len - 5, 5);
    type.len = sizeof("application/") - 1;

    return ts_slice_eq_nocase(type, TS_SLICE("application/"))
           && ts_slice_eq_nocase(suffix, TS_SLICE("+json"))
           ? TS_MEDIA_TYPE_JSON : TS_MEDIA_TYPE_OTHER;
}


/*
 * 1 to 70 characters of RFC 2046, without those at which readers split or
 * which they trim although they are quoted: space, comma and apostrophe.
 */

static int
ts_media_type_boundary(ts_slice_t boundary)
{
    size_t   i;
    uint8_t  c;

    if (boundary.len == 0 || boundary.len > TS_MEDIA_TYPE_BOUNDARY) {
        return 0;
    }

    for (i = 0; i < boundary.len; i++) {
        c = boundary.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z')
              || (c != '\0' && strchr("()+_-./:=?", c) != NULL)))
        {
            return 0;
        }
    }

    return 1;
}
