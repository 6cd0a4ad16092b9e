/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_param.h"


static const uint8_t *ts_param_quoted(const uint8_t *p, const uint8_t *end,
    ts_param_t *param);


int
ts_param_token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
        || (c >= 'a' && c <= 'z'))
    {
        return 1;
    }

    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}


ts_slice_t
ts_param_trim(ts_slice_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


ts_param_result_e
ts_param_next(ts_slice_t *rest, ts_param_t *param)
{
    const uint8_t  *p, *end, *start;

    *rest = ts_param_trim(*rest);

    if (rest->len == 0) {
        return TS_PARAM_END;
    }

    p = rest->data;
    end = p + rest->len;

    if (*p++ != ';') {
        return TS_PARAM_MALFORMED;
    }

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    for (start = p; p < end && ts_param_token_char(*p); p++) { /* void */ }

    param->name = ts_slice(start, (size_t) (p - start));

    if (param->name.len == 0 || p == end || *p++ != '=') {
        return TS_PARAM_MALFORMED;
    }

    param->escaped = 0;
    param->quoted = p < end && *p == '"';

    if (param->quoted) {
        p = ts_param_quoted(p + 1, end, param);

    } else {
        for (start = p; p < end && ts_param_token_char(*p); p++) { /* void */ }

        param->value = ts_slice(start, (size_t) (p - start));

        if (param->value.len == 0) {
            return TS_PARAM_MALFORMED;
        }
    }

    if (p == NULL) {
        return TS_PARAM_MALFORMED;
    }

    *rest = ts_param_trim(ts_slice(p, (size_t) (end - p)));

    if (rest->len && rest->data[0] != ';') {
        return TS_PARAM_MALFORMED;
    }

    return TS_PARAM_OK;
}


/* Returns what follows the closing quote, NULL when there is none. */

static const uint8_t *
ts_param_quoted(const uint8_t *p, const uint8_t *end, ts_param_t *param)
{
    const uint8_t  *start;

    for (start = p; p < end && *p != '"'; p++) {

        if (*p == '\\') {
            param->escaped = 1;

            if (++p == end) {
                return NULL;
            }
        }

        if ((*p < 0x20 && *p != '\t') || *p == 0x7f) {
            return NULL;
        }
    }

    if (p == end) {
        return NULL;
    }

    param->value = ts_slice(start, (size_t) (p - start));

    return p + 1;
}
