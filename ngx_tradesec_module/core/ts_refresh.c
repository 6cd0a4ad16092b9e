/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_param.h"
#include "core/ts_refresh.h"


/* The text, once its escapes and what base64 skips are gone. */

typedef struct {
    uint8_t  *text;
    size_t    len;
    size_t    dots;
    size_t    last;         /* behind the last dot */
} ts_refresh_t;


static int ts_refresh_hex(uint8_t c);
static int ts_refresh_is_alnum(uint8_t c);
static int ts_refresh_add(ts_refresh_t *t, uint8_t c);
static int ts_refresh_is_signed(const ts_refresh_t *t);
static size_t ts_refresh_opaque(ts_refresh_t *t);


ts_refresh_result_e
ts_refresh_name(ts_slice_t token, int escaped, uint8_t *buf, ts_slice_t *name)
{
    int           high, low;
    size_t        i;
    uint8_t       c;
    ts_refresh_t  t;

    token = ts_param_trim(token);

    if (token.len > TS_REFRESH_TOKEN) {
        return TS_REFRESH_INVALID;
    }

    if (token.len == 0) {
        return TS_REFRESH_NONE;
    }

    t = (ts_refresh_t) { buf, 0, 0, 0 };

    for (i = 0; i < token.len; i++) {
        c = token.data[i];

        if (escaped && c == '%' && i + 2 < token.len) {
            high = ts_refresh_hex(token.data[i + 1]);
            low = ts_refresh_hex(token.data[i + 2]);

            if (high >= 0 && low >= 0) {
                c = (uint8_t) (high << 4 | low);
                i += 2;
            }
        }

        if (!ts_refresh_add(&t, c)) {
            return TS_REFRESH_INVALID;
        }
    }

    while (t.len && t.text[t.len - 1] == '.') {
        t.len--;
        t.dots--;
    }

    for (t.last = t.len; t.last && t.text[t.last - 1] != '.'; t.last--) {
        /* void */
    }

    *name = ts_slice(buf, ts_refresh_is_signed(&t) ? t.last - 1
                                                   : ts_refresh_opaque(&t));

    return name->len ? TS_REFRESH_OK : TS_REFRESH_INVALID;
}


static int
ts_refresh_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


static int
ts_refresh_is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}


/* Returns 0 for what no token has (RFC 6749, appendix A.17). */

static int
ts_refresh_add(ts_refresh_t *t, uint8_t c)
{
    if (c < 0x20 || c > 0x7e) {
        return 0;
    }

    switch (c) {

    case '+':
        c = '-';
        break;

    case '/':
        c = '_';
        break;

    case '.':
        t->dots++;
        break;

    case '-':
    case '_':
        break;

    default:
        if (!ts_refresh_is_alnum(c)) {
            return 1;
        }
    }

    t->text[t->len++] = c;

    return 1;
}


/* Three parts, of which the first begins as JSON does in base64. */

static int
ts_refresh_is_signed(const ts_refresh_t *t)
{
    const uint8_t  *dot;

    if (t->dots != 2 || t->len < 3 || memcmp(t->text, "eyJ", 3) != 0) {
        return 0;
    }

    dot = memchr(t->text, '.', t->len);

    return (size_t) (dot - t->text) + 2 < t->last;
}


static size_t
ts_refresh_opaque(ts_refresh_t *t)
{
    size_t   i, n, run;
    uint8_t  c;

    n = 0;
    run = 0;

    for (i = 0; i < t->len; i++) {
        c = t->text[i];

        if (!ts_refresh_is_alnum(c)) {
            continue;
        }

        run += i >= t->last;
        t->text[n++] = c >= 'A' && c <= 'Z' ? (uint8_t) (c | 0x20) : c;
    }

    return run >= TS_REFRESH_RUN ? n - 1 : n;
}
