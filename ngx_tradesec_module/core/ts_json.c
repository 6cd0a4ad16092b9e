/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_json.h"


#define TS_JSON_NONE  UINT32_MAX


/*
 * While a container is being filled its next holds the container around it,
 * so that the tape is its own stack.
 */

typedef struct {
    ts_json_t      *json;
    const uint8_t  *p;
    const uint8_t  *end;
    uint32_t        open;
    uint32_t        depth;
} ts_json_reader_t;


static ts_json_result_e ts_json_value(ts_json_reader_t *rd);
static ts_json_result_e ts_json_after(ts_json_reader_t *rd);
static ts_json_result_e ts_json_open(ts_json_reader_t *rd,
    ts_json_type_e type);
static void ts_json_close(ts_json_reader_t *rd);
static ts_json_result_e ts_json_name(ts_json_reader_t *rd);
static ts_json_result_e ts_json_read_string(ts_json_reader_t *rd);
static ts_json_result_e ts_json_escape(ts_json_reader_t *rd);
static ts_json_result_e ts_json_utf8(ts_json_reader_t *rd);
static ts_json_result_e ts_json_read_number(ts_json_reader_t *rd);
static ts_json_result_e ts_json_literal(ts_json_reader_t *rd,
    ts_json_type_e type, ts_slice_t word);
static ts_json_token_t *ts_json_push(ts_json_reader_t *rd,
    ts_json_type_e type);


/* The bytes of a string that need no look: not ", \, control or above 0x7f. */

static const uint8_t  ts_json_plain[256] = {
#define P1  1
#define P8  P1, P1, P1, P1, P1, P1, P1, P1
    [0x20] = P1, P1, 0, P1, P1, P1, P1, P1,
    [0x28] = P8, P8, P8, P8, P8, P8,
    [0x58] = P1, P1, P1, P1, 0, P1, P1, P1,
    [0x60] = P8, P8, P8, P8,
#undef P8
#undef P1
};


static inline void
ts_json_skip_space(ts_json_reader_t *rd)
{
    while (rd->p < rd->end
           && (*rd->p == ' ' || *rd->p == '\n' || *rd->p == '\r'
               || *rd->p == '\t'))
    {
        rd->p++;
    }
}


static inline int
ts_json_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}


ts_json_result_e
ts_json_parse(ts_json_t *json, ts_slice_t text)
{
    ts_json_result_e  rc;
    ts_json_reader_t  rd;

    json->text = text.data;
    json->n = 0;
    json->offset = 0;

    if (text.len == 0) {
        return TS_JSON_TRUNCATED;
    }

    if (text.len > INT32_MAX) {
        return TS_JSON_TOO_LONG;
    }

    rd.json = json;
    rd.p = text.data;
    rd.end = text.data + text.len;
    rd.open = TS_JSON_NONE;
    rd.depth = 0;

    do {
        ts_json_skip_space(&rd);

        rc = ts_json_value(&rd);

        if (rc == TS_JSON_OK) {
            rc = ts_json_after(&rd);
        }

    } while (rc == TS_JSON_OK && rd.open != TS_JSON_NONE);

    if (rc == TS_JSON_OK && rd.p != rd.end) {
        rc = TS_JSON_TRAILING;
    }

    json->offset = (uint32_t) (rd.p - text.data);

    return rc;
}


/* Reads a scalar, or opens a container as far as its first value. */

static ts_json_result_e
ts_json_value(ts_json_reader_t *rd)
{
    if (rd->p == rd->end) {
        return TS_JSON_TRUNCATED;
    }

    switch (*rd->p) {

    case '"':
        return ts_json_read_string(rd);

    case '{':
        return ts_json_open(rd, TS_JSON_OBJECT);

    case '[':
        return ts_json_open(rd, TS_JSON_ARRAY);

    case 't':
        return ts_json_literal(rd, TS_JSON_TRUE, TS_SLICE("true"));

    case 'f':
        return ts_json_literal(rd, TS_JSON_FALSE, TS_SLICE("false"));

    case 'n':
        return ts_json_literal(rd, TS_JSON_NULL, TS_SLICE("null"));

    default:
        return ts_json_read_number(rd);
    }
}


/*
 * Behind a value or an opening bracket: closes what ends here, and stops where
 * the next value starts.
 */

static ts_json_result_e
ts_json_after(ts_json_reader_t *rd)
{
    uint8_t           c;
    ts_json_token_t  *open;

    for ( ;; ) {
        ts_json_skip_space(rd);

        if (rd->open == TS_JSON_NONE) {
            return TS_JSON_OK;
        }

        if (rd->p == rd->end) {
            return TS_JSON_TRUNCATED;
        }

        c = *rd->p;
        open = &rd->json->tokens[rd->open];

        if (c == (open->type == TS_JSON_OBJECT ? '}' : ']')) {
            rd->p++;
            ts_json_close(rd);
            continue;
        }

        /* the container itself is the last token only while it is empty */

        if (rd->json->n != rd->open + 1) {

            if (c != ',') {
                return TS_JSON_SYNTAX;
            }

            rd->p++;
        }

        open->count++;

        return open->type == TS_JSON_OBJECT ? ts_json_name(rd) : TS_JSON_OK;
    }
}


static ts_json_result_e
ts_json_open(ts_json_reader_t *rd, ts_json_type_e type)
{
    ts_json_token_t  *token;

    if (rd->depth == rd->json->max_depth) {
        return TS_JSON_TOO_DEEP;
    }

    token = ts_json_push(rd, type);
    if (token == NULL) {
        return TS_JSON_TOO_MANY;
    }

    token->next = rd->open;

    rd->open = rd->json->n - 1;
    rd->depth++;
    rd->p++;

    return TS_JSON_OK;
}


static void
ts_json_close(ts_json_reader_t *rd)
{
    uint32_t          outer;
    ts_json_token_t  *token;

    token = &rd->json->tokens[rd->open];
    outer = token->next;

    token->len = (uint32_t) (rd->p - rd->json->text) - token->start;
    token->next = rd->json->n;

    rd->open = outer;
    rd->depth--;
}


static ts_json_result_e
ts_json_name(ts_json_reader_t *rd)
{
    uint32_t          i, name;
    ts_json_token_t  *tokens;
    ts_json_result_e  rc;

    tokens = rd->json->tokens;
    name = rd->json->n;

    ts_json_skip_space(rd);

    if (rd->p == rd->end) {
        return TS_JSON_TRUNCATED;
    }

    if (*rd->p != '"') {
        return TS_JSON_SYNTAX;
    }

    rc = ts_json_read_string(rd);
    if (rc != TS_JSON_OK) {
        return rc;
    }

    for (i = rd->open + 1; i < name; i = tokens[i + 1].next) {
        if (ts_json_same(rd->json, &tokens[i], &tokens[name])) {
            return TS_JSON_DUPLICATE;
        }
    }

    ts_json_skip_space(rd);

    if (rd->p == rd->end) {
        return TS_JSON_TRUNCATED;
    }

    if (*rd->p != ':') {
        return TS_JSON_SYNTAX;
    }

    rd->p++;

    return TS_JSON_OK;
}


static ts_json_result_e
ts_json_read_string(ts_json_reader_t *rd)
{
    ts_json_token_t  *token;
    ts_json_result_e  rc;

    token = ts_json_push(rd, TS_JSON_STRING);
    if (token == NULL) {
        return TS_JSON_TOO_MANY;
    }

    rd->p++;
    token->start++;

    for ( ;; ) {

        while (rd->p < rd->end && ts_json_plain[*rd->p]) {
            rd->p++;
        }

        if (rd->p == rd->end) {
            return TS_JSON_TRUNCATED;
        }

        if (*rd->p == '"') {
            break;
        }

        if (*rd->p == '\\') {
            token->escaped = 1;
            rc = ts_json_escape(rd);

        } else if (*rd->p >= 0x80) {
            rc = ts_json_utf8(rd);

        } else {
            rc = TS_JSON_SYNTAX;
        }

        if (rc != TS_JSON_OK) {
            return rc;
        }
    }

    token->len = (uint32_t) (rd->p - rd->json->text) - token->start;
    rd->p++;

    return TS_JSON_OK;
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
ts_json_escape(ts_json_reader_t *rd)
{
    int32_t  high, low;

    if (rd->end - rd->p < 2) {
        return TS_JSON_TRUNCATED;
    }

    if (rd->p[1] != 'u') {

        if (rd->p[1] == '\0' || strchr("\"\\/bfnrt", rd->p[1]) == NULL) {
            return TS_JSON_SYNTAX;
        }

        rd->p += 2;
        return TS_JSON_OK;
    }

    high = ts_json_hex4(rd->p + 2, rd->end);

    if (high == -1) {
        return TS_JSON_SYNTAX;
    }

    if (high == 0) {
        return TS_JSON_NUL;
    }

    rd->p += 6;

    if (high < 0xd800 || high > 0xdfff) {
        return TS_JSON_OK;
    }

    if (high > 0xdbff || rd->end - rd->p < 6
        || rd->p[0] != '\\' || rd->p[1] != 'u')
    {
        return TS_JSON_SURROGATE;
    }

    low = ts_json_hex4(rd->p + 2, rd->end);

    if (low < 0xdc00 || low > 0xdfff) {
        return TS_JSON_SURROGATE;
    }

    rd->p += 6;

    return TS_JSON_OK;
}


/* The well-formed sequences of RFC 3629, section 4. */

static ts_json_result_e
ts_json_utf8(ts_json_reader_t *rd)
{
    uint8_t  c, low, high;
    size_t   i, tail;

    c = rd->p[0];
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

    if ((size_t) (rd->end - rd->p) <= tail
        || rd->p[1] < low || rd->p[1] > high)
    {
        return TS_JSON_ENCODING;
    }

    for (i = 2; i <= tail; i++) {
        if ((rd->p[i] & 0xc0) != 0x80) {
            return TS_JSON_ENCODING;
        }
    }

    rd->p += tail + 1;

    return TS_JSON_OK;
}


/* At least one digit must stand at p. */

static ts_json_result_e
ts_json_digits(ts_json_reader_t *rd)
{
    if (rd->p == rd->end) {
        return TS_JSON_TRUNCATED;
    }

    if (!ts_json_is_digit(*rd->p)) {
        return TS_JSON_SYNTAX;
    }

    while (rd->p < rd->end && ts_json_is_digit(*rd->p)) {
        rd->p++;
    }

    return TS_JSON_OK;
}


static ts_json_result_e
ts_json_read_number(ts_json_reader_t *rd)
{
    const uint8_t    *start;
    ts_json_token_t  *token;
    ts_json_result_e  rc;

    token = ts_json_push(rd, TS_JSON_NUMBER);
    if (token == NULL) {
        return TS_JSON_TOO_MANY;
    }

    if (*rd->p == '-') {
        rd->p++;
    }

    start = rd->p;

    rc = ts_json_digits(rd);
    if (rc != TS_JSON_OK) {
        return rc;
    }

    if (*start == '0' && rd->p - start > 1) {
        return TS_JSON_SYNTAX;
    }

    if (rd->p < rd->end && *rd->p == '.') {
        rd->p++;

        rc = ts_json_digits(rd);
        if (rc != TS_JSON_OK) {
            return rc;
        }
    }

    if (rd->p < rd->end && (*rd->p == 'e' || *rd->p == 'E')) {
        rd->p++;

        if (rd->p < rd->end && (*rd->p == '+' || *rd->p == '-')) {
            rd->p++;
        }

        rc = ts_json_digits(rd);
        if (rc != TS_JSON_OK) {
            return rc;
        }
    }

    token->len = (uint32_t) (rd->p - rd->json->text) - token->start;

    return TS_JSON_OK;
}


static ts_json_result_e
ts_json_literal(ts_json_reader_t *rd, ts_json_type_e type, ts_slice_t word)
{
    ts_json_token_t  *token;

    if ((size_t) (rd->end - rd->p) < word.len
        || memcmp(rd->p, word.data, word.len) != 0)
    {
        return TS_JSON_SYNTAX;
    }

    token = ts_json_push(rd, type);
    if (token == NULL) {
        return TS_JSON_TOO_MANY;
    }

    token->len = (uint32_t) word.len;
    rd->p += word.len;

    return TS_JSON_OK;
}


static ts_json_token_t *
ts_json_push(ts_json_reader_t *rd, ts_json_type_e type)
{
    ts_json_t        *json;
    ts_json_token_t  *token;

    json = rd->json;

    if (json->n == json->size) {
        return NULL;
    }

    token = &json->tokens[json->n++];

    token->start = (uint32_t) (rd->p - json->text);
    token->len = 0;
    token->next = json->n;
    token->count = 0;
    token->type = (uint8_t) type;
    token->escaped = 0;

    return token;
}


const char *
ts_json_result_text(ts_json_result_e result)
{
    switch (result) {
    case TS_JSON_OK:
        return "valid JSON";
    case TS_JSON_TRUNCATED:
        return "the JSON text ends too early";
    case TS_JSON_TRAILING:
        return "something stands behind the JSON value";
    case TS_JSON_ENCODING:
        return "a string is not UTF-8";
    case TS_JSON_SURROGATE:
        return "a string holds half of a surrogate pair";
    case TS_JSON_NUL:
        return "a string holds a NUL";
    case TS_JSON_DUPLICATE:
        return "a member name stands twice in one object";
    case TS_JSON_TOO_DEEP:
        return "arrays and objects are nested too deep";
    case TS_JSON_TOO_MANY:
        return "there are too many values";
    case TS_JSON_TOO_LONG:
        return "the text is too long";
    default:
        return "not JSON";
    }
}
