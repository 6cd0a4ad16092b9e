/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_json_scan.h"


static ts_json_result_e ts_json_scan_escape(const uint8_t **p,
    const uint8_t *end);
static ts_json_result_e ts_json_scan_utf8(const uint8_t **p,
    const uint8_t *end);


static inline int
ts_json_is_digit(uint8_t c)
{
    return (uint8_t) (c - '0') <= 9;
}


ts_json_result_e
ts_json_scan_string(const uint8_t **p, const uint8_t *end, uint8_t *escaped)
{
    const uint8_t    *s;
    ts_json_result_e  rc;

    s = *p + 1;

    for ( ;; ) {

        s = ts_json_skip_plain(s, end);
        *p = s;

        if (s == end) {
            return TS_JSON_TRUNCATED;
        }

        if (*s == '"') {
            *p = s + 1;
            return TS_JSON_OK;
        }

        if (*s == '\\') {
            *escaped = 1;
            rc = ts_json_scan_escape(p, end);

        } else if (*s >= 0x80) {
            rc = ts_json_scan_utf8(p, end);

        } else {
            rc = TS_JSON_SYNTAX;
        }

        if (rc != TS_JSON_OK) {
            return rc;
        }

        s = *p;
    }
}


/* The four hexadecimal digits at p, or -1. */

static int32_t
ts_json_hex4(const uint8_t *p, const uint8_t *end)
{
    int32_t  value;
    uint8_t  c;
    int      i;

    if (end - p < 4) {
        return -1;
    }

    value = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (ts_json_is_digit(c)) {
            c = c - '0';

        } else {
            c |= 0x20;

            if (c < 'a' || c > 'f') {
                return -1;
            }

            c = c - 'a' + 10;
        }

        value = value << 4 | c;
    }

    return value;
}


static ts_json_result_e
ts_json_scan_escape(const uint8_t **p, const uint8_t *end)
{
    int32_t  high, low;

    if (end - *p < 2) {
        return TS_JSON_TRUNCATED;
    }

    if ((*p)[1] != 'u') {

        if ((*p)[1] == '\0' || strchr("\"\\/bfnrt", (*p)[1]) == NULL) {
            return TS_JSON_SYNTAX;
        }

        *p += 2;
        return TS_JSON_OK;
    }

    high = ts_json_hex4(*p + 2, end);

    if (high == -1) {
        return TS_JSON_SYNTAX;
    }

    if (high == 0) {
        return TS_JSON_NUL;
    }

    *p += 6;

    if (high < 0xd800 || high > 0xdfff) {
        return TS_JSON_OK;
    }

    if (high > 0xdbff || end - *p < 6
        || (*p)[0] != '\\' || (*p)[1] != 'u')
    {
        return TS_JSON_SURROGATE;
    }

    low = ts_json_hex4(*p + 2, end);

    if (low < 0xdc00 || low > 0xdfff) {
        return TS_JSON_SURROGATE;
    }

    *p += 6;

    return TS_JSON_OK;
}


/* The well-formed sequences of RFC 3629, section 4. */

static ts_json_result_e
ts_json_scan_utf8(const uint8_t **p, const uint8_t *end)
{
    uint8_t  c, low, high;
    size_t   i, tail;

    c = (*p)[0];
    low = 0x80;
    high = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        tail = 1;

    } else if (c >= 0xe0 && c <= 0xef) {
        tail = 2;

        if (c == 0xe0) {
            low = 0xa0;

        } else if (c == 0xed) {
            high = 0x9f;
        }

    } else if (c >= 0xf0 && c <= 0xf4) {
        tail = 3;

        if (c == 0xf0) {
            low = 0x90;

        } else if (c == 0xf4) {
            high = 0x8f;
        }

    } else {
        return TS_JSON_ENCODING;
    }

    if ((size_t) (end - *p) <= tail
        || (*p)[1] < low || (*p)[1] > high)
    {
        return TS_JSON_ENCODING;
    }

    for (i = 2; i <= tail; i++) {
        if (((*p)[i] & 0xc0) != 0x80) {
            return TS_JSON_ENCODING;
        }
    }

    *p += tail + 1;

    return TS_JSON_OK;
}


/* At least one digit must stand at p. */

static ts_json_result_e
ts_json_scan_digits(const uint8_t **p, const uint8_t *end)
{
    const uint8_t  *s;

    s = *p;

    if (s == end) {
        return TS_JSON_TRUNCATED;
    }

    if (!ts_json_is_digit(*s)) {
        return TS_JSON_SYNTAX;
    }

    do {
        s++;
    } while (s < end && ts_json_is_digit(*s));

    *p = s;

    return TS_JSON_OK;
}


ts_json_result_e
ts_json_scan_number(const uint8_t **p, const uint8_t *end)
{
    const uint8_t    *start;
    ts_json_result_e  rc;

    if (**p == '-') {
        (*p)++;
    }

    start = *p;

    rc = ts_json_scan_digits(p, end);
    if (rc != TS_JSON_OK) {
        return rc;
    }

    if (*start == '0' && *p - start > 1) {
        return TS_JSON_SYNTAX;
    }

    if (*p < end && **p == '.') {
        (*p)++;

        rc = ts_json_scan_digits(p, end);
        if (rc != TS_JSON_OK) {
            return rc;
        }
    }

    if (*p < end && (**p == 'e' || **p == 'E')) {
        (*p)++;

        if (*p < end && (**p == '+' || **p == '-')) {
            (*p)++;
        }

        return ts_json_scan_digits(p, end);
    }

    return TS_JSON_OK;
}
