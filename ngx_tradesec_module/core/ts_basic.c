/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_basic.h"
#include "core/ts_param.h"


static int ts_basic_decode(ts_slice_t text, uint8_t *buf, size_t size,
    size_t *n);
static int ts_basic_digit(uint8_t c);


ts_basic_result_e
ts_basic_user(ts_slice_t authorization, uint8_t *buf, size_t size,
    ts_slice_t *user)
{
    size_t          n;
    ts_slice_t      text;
    const uint8_t  *colon;

    text = ts_param_trim(authorization);

    /* more is white space to some readers than to nginx: "\vBasic" */

    if (text.len && !ts_param_token_char(text.data[0])) {
        return TS_BASIC_MALFORMED;
    }

    if (text.len < sizeof("basic") - 1
        || !ts_slice_eq_nocase(ts_slice(text.data, 5), TS_SLICE("basic"))
        || (text.len > 5 && ts_param_token_char(text.data[5])))
    {
        return TS_BASIC_OTHER;
    }

    /* readers differ in what may separate: one space, as everybody writes */

    if (text.len < 7 || text.data[5] != ' '
        || !ts_basic_decode(ts_slice(text.data + 6, text.len - 6), buf, size,
                            &n))
    {
        return TS_BASIC_MALFORMED;
    }

    colon = n ? memchr(buf, ':', n) : NULL;

    if (colon == NULL) {
        return TS_BASIC_MALFORMED;
    }

    *user = ts_slice(buf, (size_t) (colon - buf));

    return TS_BASIC_OK;
}


static int
ts_basic_decode(ts_slice_t text, uint8_t *buf, size_t size, size_t *n)
{
    int       digit;
    size_t    i, digits;
    uint32_t  bits;

    if (text.len % 4 != 0 || text.len / 4 * 3 > size) {
        return 0;
    }

    digits = text.len;

    for (i = 0; i < 2 && digits && text.data[digits - 1] == '='; i++) {
        digits--;
    }

    bits = 0;
    *n = 0;

    for (i = 0; i < digits; i++) {
        digit = ts_basic_digit(text.data[i]);

        if (digit < 0) {
            return 0;
        }

        bits = bits << 6 | (uint32_t) digit;

        if (i % 4 != 0) {
            buf[(*n)++] = (uint8_t) (bits >> (6 - 2 * (i % 4)));
        }
    }

    /* the bits that are left over must be zero */

    switch (digits % 4) {

    case 2:
        return (bits & 0x0f) == 0;

    case 3:
        return (bits & 0x03) == 0;

    default:
        return 1;
    }
}


static int
ts_basic_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '+' ? 62 : c == '/' ? 63 : -1;
}
