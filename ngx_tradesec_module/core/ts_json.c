/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_json.h"
#include "core/ts_json_scan.h"


#define TS_JSON_NONE  UINT32_MAX


/*
 * While a container is being filled its next holds the container around it,
 * so that the tape is its own stack.
 *
 * What reads is inlined into ts_json_parse() and leaves the address of the
 * reader to nobody, so that the compiler keeps it in registers.
 */

typedef struct {
    ts_json_t        *json;
    const uint8_t    *p;
    const uint8_t    *end;
    ts_json_token_t  *tokens;
    uint32_t          n;
    uint32_t          open;
    uint32_t          depth;
} ts_json_reader_t;

#define ts_json_inline  static inline __attribute__((always_inline))


ts_json_inline ts_json_result_e ts_json_value(ts_json_reader_t *rd);
ts_json_inline ts_json_result_e ts_json_after(ts_json_reader_t *rd);
ts_json_inline ts_json_result_e ts_json_open(ts_json_reader_t *rd,
    ts_json_type_e type);
ts_json_inline void ts_json_close(ts_json_reader_t *rd);
ts_json_inline ts_json_result_e ts_json_name(ts_json_reader_t *rd);
ts_json_inline ts_json_result_e ts_json_read_string(ts_json_reader_t *rd);
ts_json_inline ts_json_result_e ts_json_read_number(ts_json_reader_t *rd);
ts_json_inline ts_json_result_e ts_json_literal(ts_json_reader_t *rd,
    ts_json_type_e type, ts_slice_t word);


ts_json_inline void
ts_json_skip_space(ts_json_reader_t *rd)
{
    /* compact JSON has none: one look at what is not above a space */

    while (rd->p < rd->end && *rd->p <= ' '
           && (*rd->p == ' ' || *rd->p == '\n' || *rd->p == '\r'
               || *rd->p == '\t'))
    {
        rd->p++;
    }
}


ts_json_inline uint32_t
ts_json_offset(const ts_json_reader_t *rd)
{
    return (uint32_t) (rd->p - rd->json->text);
}


ts_json_inline ts_json_token_t *
ts_json_push(ts_json_reader_t *rd, ts_json_type_e type)
{
    ts_json_token_t  *token;

    if (rd->n == rd->json->size) {
        return NULL;
    }

    token = &rd->tokens[rd->n++];

    token->start = ts_json_offset(rd);
    token->len = 0;
    token->next = rd->n;
    token->count = 0;
    token->type = (uint8_t) type;
    token->escaped = 0;

    return token;
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
    rd.tokens = json->tokens;
    rd.n = 0;
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

    json->n = rd.n;
    json->offset = ts_json_offset(&rd);

    return rc;
}


/* Reads a scalar, or opens a container as far as its first value. */

ts_json_inline ts_json_result_e
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

ts_json_inline ts_json_result_e
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
        open = &rd->tokens[rd->open];

        if (c == (open->type == TS_JSON_OBJECT ? '}' : ']')) {
            rd->p++;
            ts_json_close(rd);
            continue;
        }

        /* the container itself is the last token only while it is empty */

        if (rd->n != rd->open + 1) {

            if (c != ',') {
                return TS_JSON_SYNTAX;
            }

            rd->p++;
        }

        open->count++;

        return open->type == TS_JSON_OBJECT ? ts_json_name(rd) : TS_JSON_OK;
    }
}


ts_json_inline ts_json_result_e
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

    rd->open = rd->n - 1;
    rd->depth++;
    rd->p++;

    return TS_JSON_OK;
}


ts_json_inline void
ts_json_close(ts_json_reader_t *rd)
{
    uint32_t          outer;
    ts_json_token_t  *token;

    token = &rd->tokens[rd->open];
    outer = token->next;

    token->len = ts_json_offset(rd) - token->start;
    token->next = rd->n;

    rd->open = outer;
    rd->depth--;
}


ts_json_inline ts_json_result_e
ts_json_name(ts_json_reader_t *rd)
{
    uint32_t          i, name;
    ts_json_token_t  *tokens;
    ts_json_result_e  rc;

    tokens = rd->tokens;
    name = rd->n;

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


ts_json_inline ts_json_result_e
ts_json_read_string(ts_json_reader_t *rd)
{
    const uint8_t    *s;
    ts_json_token_t  *token;
    ts_json_result_e  rc;

    token = ts_json_push(rd, TS_JSON_STRING);
    if (token == NULL) {
        return TS_JSON_TOO_MANY;
    }

    token->start++;

    /* most strings are plain from quote to quote */

    s = ts_json_skip_plain(rd->p + 1, rd->end);

    if (s < rd->end && *s == '"') {
        token->len = (uint32_t) (s - rd->p) - 1;
        rd->p = s + 1;
        return TS_JSON_OK;
    }

    s = rd->p;
    rc = ts_json_scan_string(&s, rd->end, &token->escaped);
    rd->p = s;

    token->len = ts_json_offset(rd) - token->start - 1;

    return rc;
}


ts_json_inline ts_json_result_e
ts_json_read_number(ts_json_reader_t *rd)
{
    const uint8_t    *s;
    ts_json_token_t  *token;
    ts_json_result_e  rc;

    token = ts_json_push(rd, TS_JSON_NUMBER);
    if (token == NULL) {
        return TS_JSON_TOO_MANY;
    }

    s = rd->p;
    rc = ts_json_scan_number(&s, rd->end);
    rd->p = s;

    token->len = ts_json_offset(rd) - token->start;

    return rc;
}


ts_json_inline ts_json_result_e
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
