/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_base64url.h"
#include "core/ts_json.h"
#include "core/ts_param.h"
#include "core/ts_refresh.h"


#define TS_REFRESH_HEADER  1024     /* longest header of a JWS or JWE, bytes */


/* The text, once its escapes and what base64 skips are gone. */

typedef struct {
    uint8_t  *text;
    size_t    len;
    size_t    dots;
    size_t    last;         /* behind the last dot */
} ts_refresh_t;


typedef enum {
    TS_REFRESH_OPAQUE = 0,
    TS_REFRESH_SIGNED,
    TS_REFRESH_ENCRYPTED
} ts_refresh_form_e;


static int ts_refresh_hex(uint8_t c);
static int ts_refresh_is_alnum(uint8_t c);
static int ts_refresh_add(ts_refresh_t *t, uint8_t c);
static ts_refresh_form_e ts_refresh_form(const ts_refresh_t *t);
static size_t ts_refresh_encrypted(ts_refresh_t *t);
static size_t ts_refresh_opaque(ts_refresh_t *t);
static int ts_refresh_is_counter(const ts_refresh_t *t);


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

    switch (ts_refresh_form(&t)) {

    case TS_REFRESH_SIGNED:
        *name = ts_slice(buf, t.last - 1);
        break;

    case TS_REFRESH_ENCRYPTED:
        *name = ts_slice(buf, ts_refresh_encrypted(&t));
        break;

    default:
        *name = ts_slice(buf, ts_refresh_opaque(&t));
    }

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


/*
 * A JWS (RFC 7515) has three parts, a JWE (RFC 7516) five, and the first is a
 * whole JSON object. That begins like one does the base64 of any other JSON, in
 * which somebody may have put dots: its readers may skip them.
 */

static ts_refresh_form_e
ts_refresh_form(const ts_refresh_t *t)
{
    uint8_t          header[TS_REFRESH_HEADER];
    ts_json_t        json;
    ts_slice_t       decoded;
    ts_json_token_t  tokens[64];
    const uint8_t   *dot;

    if (t->dots != 2 && t->dots != 4) {
        return TS_REFRESH_OPAQUE;
    }

    dot = memchr(t->text, '.', t->len);

    if (dot == NULL
        || ts_base64url_decode(ts_slice(t->text, (size_t) (dot - t->text)),
                               header, sizeof(header), &decoded)
           != TS_BASE64URL_OK)
    {
        return TS_REFRESH_OPAQUE;
    }

    json.tokens = tokens;
    json.size = sizeof(tokens) / sizeof(tokens[0]);
    json.max_depth = 8;

    if (ts_json_parse(&json, decoded) != TS_JSON_OK
        || ts_json_member(&json, tokens, TS_SLICE("alg")) == NULL)
    {
        return TS_REFRESH_OPAQUE;
    }

    if (t->dots == 2) {
        return (size_t) (dot - t->text) + 2 < t->last ? TS_REFRESH_SIGNED
                                                      : TS_REFRESH_OPAQUE;
    }

    return ts_json_member(&json, tokens, TS_SLICE("enc")) != NULL
           ? TS_REFRESH_ENCRYPTED : TS_REFRESH_OPAQUE;
}


/*
 * Of a JWE the header is protected as text, of the other parts only what they
 * decode to: of their last characters some bits may not be used.
 */

static size_t
ts_refresh_encrypted(ts_refresh_t *t)
{
    size_t  i, n, parts;

    n = 0;
    parts = 0;

    for (i = 0; i < t->len; i++) {

        if (t->text[i] == '.') {
            parts++;
        }

        if (parts > 0 && t->text[i] != '.'
            && (i + 1 == t->len || t->text[i + 1] == '.'))
        {
            continue;
        }

        t->text[n++] = t->text[i];
    }

    return n;
}


static size_t
ts_refresh_opaque(ts_refresh_t *t)
{
    int      counter;
    size_t   i, n;
    uint8_t  c;

    n = 0;
    counter = ts_refresh_is_counter(t);

    for (i = 0; i < t->len; i++) {
        c = t->text[i];

        if (ts_refresh_is_alnum(c)) {
            t->text[n++] = ts_lower(c);
        }
    }

    return n >= TS_REFRESH_RUN && !counter ? n - 1 : n;
}


/* Whether what follows the last dot is a number, which counts or dates. */

static int
ts_refresh_is_counter(const ts_refresh_t *t)
{
    size_t  i;

    if (t->dots == 0 || t->len - t->last >= TS_REFRESH_RUN
        || (t->len >= 3 && memcmp(t->text, "eyJ", 3) == 0))
    {
        return 0;
    }

    for (i = t->last; i < t->len; i++) {
        if (t->text[i] < '0' || t->text[i] > '9') {
            return 0;
        }
    }

    return 1;
}
