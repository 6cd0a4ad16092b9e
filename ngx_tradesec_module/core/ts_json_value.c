/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Reads values from a tape that ts_json_parse() filled: here every string is
 * known to be well-formed and every number to follow the grammar.
 */

#include "core/ts_json.h"


/* The decoded bytes of a string, one after the other. */

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    uint8_t         out[4];         /* what the last escape stands for, */
    uint32_t        next;           /* bytes of it given out so far */
    uint32_t        n;
} ts_json_bytes_t;


static void ts_json_unescape(ts_json_bytes_t *b);


static void
ts_json_bytes(ts_json_bytes_t *b, const ts_json_t *json,
    const ts_json_token_t *token)
{
    b->p = json->text + token->start;
    b->end = b->p + token->len;
    b->next = 0;
    b->n = 0;
}


/* The next byte, or -1 at the end. */

static int
ts_json_next_byte(ts_json_bytes_t *b)
{
    if (b->next < b->n) {
        return b->out[b->next++];
    }

    if (b->p == b->end) {
        return -1;
    }

    if (*b->p != '\\') {
        return *b->p++;
    }

    ts_json_unescape(b);

    return b->out[b->next++];
}


static uint32_t
ts_json_hex4(const uint8_t *p)
{
    uint32_t  value;
    int       i;

    value = 0;

    for (i = 0; i < 4; i++) {
        value = value << 4 | ((p[i] & 0x0f) + (p[i] > '9' ? 9 : 0));
    }

    return value;
}


static void
ts_json_unescape(ts_json_bytes_t *b)
{
    uint32_t        code;
    const uint8_t  *at;

    static const uint8_t  from[] = "bfnrt";
    static const uint8_t  to[] = "\b\f\n\r\t";

    b->next = 0;
    b->n = 1;

    if (b->p[1] != 'u') {
        at = memchr(from, b->p[1], sizeof(from) - 1);
        b->out[0] = at ? to[at - from] : b->p[1];
        b->p += 2;
        return;
    }

    code = ts_json_hex4(b->p + 2);
    b->p += 6;

    if (code >= 0xd800 && code <= 0xdbff) {
        code = 0x10000 + ((code - 0xd800) << 10)
               + (ts_json_hex4(b->p + 2) - 0xdc00);
        b->p += 6;
    }

    if (code < 0x80) {
        b->out[0] = (uint8_t) code;
        return;
    }

    if (code < 0x800) {
        b->out[0] = (uint8_t) (0xc0 | code >> 6);

    } else if (code < 0x10000) {
        b->out[0] = (uint8_t) (0xe0 | code >> 12);
        b->out[b->n++] = (uint8_t) (0x80 | (code >> 6 & 0x3f));

    } else {
        b->out[0] = (uint8_t) (0xf0 | code >> 18);
        b->out[b->n++] = (uint8_t) (0x80 | (code >> 12 & 0x3f));
        b->out[b->n++] = (uint8_t) (0x80 | (code >> 6 & 0x3f));
    }

    b->out[b->n++] = (uint8_t) (0x80 | (code & 0x3f));
}


ts_slice_t
ts_json_string(const ts_json_t *json, const ts_json_token_t *token,
    uint8_t *buf, size_t size)
{
    int              c;
    size_t           n;
    ts_json_bytes_t  b;

    if (token->type != TS_JSON_STRING) {
        return ts_slice(NULL, 0);
    }

    if (!token->escaped) {
        return ts_json_raw(json, token);
    }

    ts_json_bytes(&b, json, token);

    n = 0;

    while ((c = ts_json_next_byte(&b)) != -1) {

        if (n == size) {
            return ts_slice(NULL, 0);
        }

        buf[n++] = (uint8_t) c;
    }

    return ts_slice(buf, n);
}


int
ts_json_string_eq(const ts_json_t *json, const ts_json_token_t *token,
    ts_slice_t s)
{
    int              c;
    size_t           i;
    ts_json_bytes_t  b;

    if (token->type != TS_JSON_STRING) {
        return 0;
    }

    if (!token->escaped) {
        return ts_slice_eq(ts_json_raw(json, token), s);
    }

    ts_json_bytes(&b, json, token);

    for (i = 0; (c = ts_json_next_byte(&b)) != -1; i++) {
        if (i == s.len || c != s.data[i]) {
            return 0;
        }
    }

    return i == s.len;
}


int
ts_json_same_decoded(const ts_json_t *json, const ts_json_token_t *a,
    const ts_json_token_t *b)
{
    int              c;
    ts_json_bytes_t  ba, bb;

    ts_json_bytes(&ba, json, a);
    ts_json_bytes(&bb, json, b);

    do {
        c = ts_json_next_byte(&ba);

        if (c != ts_json_next_byte(&bb)) {
            return 0;
        }

    } while (c != -1);

    return 1;
}


const ts_json_token_t *
ts_json_member(const ts_json_t *json, const ts_json_token_t *object,
    ts_slice_t name)
{
    uint32_t                i;
    const ts_json_token_t  *token;

    if (object->type != TS_JSON_OBJECT) {
        return NULL;
    }

    token = object + 1;

    for (i = 0; i < object->count; i++) {

        /* most names differ in their length or their first byte */

        if (token->escaped) {

            if (ts_json_string_eq(json, token, name)) {
                return token + 1;
            }

        } else if (token->len == name.len
                   && (name.len == 0
                       || (json->text[token->start] == name.data[0]
                           && memcmp(json->text + token->start, name.data,
                                     name.len) == 0)))
        {
            return token + 1;
        }

        token = json->tokens + token[1].next;
    }

    return NULL;
}


/* The exponent of a number, far beyond any use but safe to add to a length. */

static int64_t
ts_json_exponent(const uint8_t *p, const uint8_t *end)
{
    int      negative;
    int64_t  value;

    if (p == end) {
        return 0;
    }

    p++;
    negative = (*p == '-');

    if (*p == '-' || *p == '+') {
        p++;
    }

    for (value = 0; p < end; p++) {
        if (value < INT32_MAX) {
            value = value * 10 + (*p - '0');
        }
    }

    return negative ? -value : value;
}


/* A few digits and nothing else, as nearly all numbers are. */

static int
ts_json_plain_number(const uint8_t *p, size_t len, int64_t *value)
{
    size_t   i;
    uint8_t  digit;
    int64_t  v;

    if (len > 18) {
        return 0;
    }

    v = 0;

    for (i = 0; i < len; i++) {
        digit = (uint8_t) (p[i] - '0');

        if (digit > 9) {
            return 0;
        }

        v = v * 10 + digit;
    }

    *value = v;

    return 1;
}


ts_json_number_e
ts_json_number(const ts_json_t *json, const ts_json_token_t *token,
    int64_t *value)
{
    int             negative, fraction;
    int64_t         point, place, v;
    const uint8_t  *p, *end, *digits, *mantissa, *dot;

    if (token->type != TS_JSON_NUMBER) {
        return TS_JSON_NUMBER_NONE;
    }

    p = json->text + token->start;

    if (ts_json_plain_number(p, token->len, value)) {
        return TS_JSON_NUMBER_INTEGER;
    }

    end = p + token->len;

    negative = (*p == '-');
    digits = p + negative;

    for (mantissa = digits; mantissa < end; mantissa++) {
        if ((*mantissa | 0x20) == 'e') {
            break;
        }
    }

    dot = memchr(digits, '.', mantissa - digits);

    /* the value has that many digits before its decimal point */

    point = (dot ? dot : mantissa) - digits + ts_json_exponent(mantissa, end);

    fraction = 0;
    place = 0;
    v = 0;

    /* counted downwards, because INT64_MIN has no positive twin */

    for (p = digits; p < mantissa; p++) {

        if (p == dot) {
            continue;
        }

        if (place++ >= point) {
            fraction |= (*p != '0');
            continue;
        }

        if (__builtin_mul_overflow(v, 10, &v)
            || __builtin_sub_overflow(v, *p - '0', &v))
        {
            return TS_JSON_NUMBER_RANGE;
        }
    }

    for ( /* void */ ; v != 0 && place < point; place++) {
        if (__builtin_mul_overflow(v, 10, &v)) {
            return TS_JSON_NUMBER_RANGE;
        }
    }

    if (!negative && __builtin_sub_overflow((int64_t) 0, v, &v)) {
        return TS_JSON_NUMBER_RANGE;
    }

    if (fraction && negative && __builtin_sub_overflow(v, 1, &v)) {
        return TS_JSON_NUMBER_RANGE;
    }

    *value = v;

    return fraction ? TS_JSON_NUMBER_FRACTION : TS_JSON_NUMBER_INTEGER;
}


int
ts_json_pointer(ts_json_pointer_t *pointer, ts_slice_t text, uint8_t *buf)
{
    size_t       i;
    ts_slice_t  *name;

    pointer->n = 0;
    name = NULL;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] == '/') {

            if (pointer->n == TS_JSON_POINTER_DEPTH) {
                return -1;
            }

            name = &pointer->names[pointer->n++];
            *name = ts_slice(buf, 0);
            continue;
        }

        if (name == NULL) {
            return -1;
        }

        if (text.data[i] == '~') {

            if (++i == text.len
                || (text.data[i] != '0' && text.data[i] != '1'))
            {
                return -1;
            }

            *buf = (text.data[i] == '0') ? '~' : '/';

        } else {
            *buf = text.data[i];
        }

        buf++;
        name->len++;
    }

    return 0;
}


/* The element that name counts to: "0", or digits without a leading zero. */

static const ts_json_token_t *
ts_json_element(const ts_json_t *json, const ts_json_token_t *array,
    ts_slice_t name)
{
    size_t                  i;
    uint32_t                index;
    const ts_json_token_t  *token;

    if (name.len == 0 || name.len > 9
        || (name.len > 1 && name.data[0] == '0'))
    {
        return NULL;
    }

    index = 0;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] < '0' || name.data[i] > '9') {
            return NULL;
        }

        index = index * 10 + (name.data[i] - '0');
    }

    if (index >= array->count) {
        return NULL;
    }

    for (token = array + 1; index > 0; index--) {
        token = json->tokens + token->next;
    }

    return token;
}


const ts_json_token_t *
ts_json_get(const ts_json_t *json, const ts_json_token_t *root,
    const ts_json_pointer_t *pointer)
{
    uint32_t  i;

    for (i = 0; i < pointer->n && root != NULL; i++) {

        if (root->type == TS_JSON_ARRAY) {
            root = ts_json_element(json, root, pointer->names[i]);

        } else {
            root = ts_json_member(json, root, pointer->names[i]);
        }
    }

    return root;
}
