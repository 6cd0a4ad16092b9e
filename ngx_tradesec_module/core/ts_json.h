/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A strict JSON reader (RFC 8259) for bytes that an attacker wrote: token
 * claims, login bodies, WebSocket messages, and the key files of operators.
 *
 * One pass over the text fills a flat array of tokens (a tape) that the caller
 * provides; nothing is allocated or copied, there is no recursion, and the
 * text must stay in place as long as the tape is used. Work is linear in the
 * text, apart from the search for duplicate names, which is quadratic in the
 * members of one object; the size of the array bounds both.
 *
 * What other readers disagree about is refused, because two readers that
 * disagree are a bypass: duplicate member names (compared after decoding the
 * escapes), invalid UTF-8, lone surrogates, an escaped or a raw NUL, a byte
 * order mark, comments, trailing commas, numbers outside the grammar, and
 * anything but white space behind the value.
 */

#ifndef TS_JSON_H
#define TS_JSON_H

#include "core/ts_types.h"


/* A pointer of configuration may go this deep. */

#define TS_JSON_POINTER_DEPTH  8


typedef enum {
    TS_JSON_OK = 0,
    TS_JSON_SYNTAX,         /* outside the grammar of RFC 8259 */
    TS_JSON_TRUNCATED,      /* ends within the value; empty text included */
    TS_JSON_TRAILING,       /* something stands behind the value */
    TS_JSON_ENCODING,       /* not UTF-8 (RFC 3629) */
    TS_JSON_SURROGATE,      /* half of a \u pair */
    TS_JSON_NUL,            /* \u0000: strings end there in too many backends */
    TS_JSON_DUPLICATE,      /* a member name twice in one object */
    TS_JSON_TOO_DEEP,       /* more than max_depth containers in each other */
    TS_JSON_TOO_MANY,       /* more values and names than the array holds */
    TS_JSON_TOO_LONG        /* offsets would not fit 32 bits */
} ts_json_result_e;


typedef enum {
    TS_JSON_NULL,
    TS_JSON_FALSE,
    TS_JSON_TRUE,
    TS_JSON_NUMBER,
    TS_JSON_STRING,
    TS_JSON_ARRAY,
    TS_JSON_OBJECT
} ts_json_type_e;


/*
 * The children of a container follow it: element after element, or name,
 * value, name, value. A name is a string token whose value is the token
 * behind it. next skips a token with everything inside.
 */

typedef struct {
    uint32_t  start;        /* offset; of a string: behind the quote */
    uint32_t  len;          /* of a string: without the quotes, escapes raw */
    uint32_t  next;         /* index of the token behind this one's subtree */
    uint32_t  count;        /* elements of an array, members of an object */
    uint8_t   type;         /* ts_json_type_e */
    uint8_t   escaped;      /* a string that holds a backslash */
} ts_json_token_t;


/* tokens, size and max_depth are the caller's; the rest ts_json_parse() sets */

typedef struct {
    ts_json_token_t  *tokens;
    uint32_t          size;
    uint32_t          max_depth;    /* 1: one array or object of scalars */

    const uint8_t    *text;
    uint32_t          n;            /* tokens used; the value is token 0 */
    uint32_t          offset;       /* where reading stopped */
} ts_json_t;


/* On any result but TS_JSON_OK the tape must not be used. */

ts_json_result_e ts_json_parse(ts_json_t *json, ts_slice_t text);

/* For messages to operators: "a member name stands twice in one object". */

const char *ts_json_result_text(ts_json_result_e result);


/* The bytes of a token as they stand in the text. */

static inline ts_slice_t
ts_json_raw(const ts_json_t *json, const ts_json_token_t *token)
{
    return ts_slice(json->text + token->start, token->len);
}


/*
 * The decoded string: a view of the text itself when it holds no escape, else
 * written to buf. A decoded string is never longer than token->len, so a
 * buffer of that size always does. No string or too small a buffer: data is
 * NULL.
 */

ts_slice_t ts_json_string(const ts_json_t *json, const ts_json_token_t *token,
    uint8_t *buf, size_t size);

/* Whether token is a string that decodes to exactly these bytes. */

int ts_json_string_eq(const ts_json_t *json, const ts_json_token_t *token,
    ts_slice_t s);

/* Whether two strings decode to the same bytes. */

int ts_json_same_decoded(const ts_json_t *json, const ts_json_token_t *a,
    const ts_json_token_t *b);

static inline int
ts_json_same(const ts_json_t *json, const ts_json_token_t *a,
    const ts_json_token_t *b)
{
    if (a->escaped || b->escaped) {
        return ts_json_same_decoded(json, a, b);
    }

    /* most names differ in their length or their first byte */

    return a->len == b->len
           && (a->len == 0
               || (json->text[a->start] == json->text[b->start]
                   && memcmp(json->text + a->start, json->text + b->start,
                             a->len) == 0));
}


/* The value of a member; NULL when there is none or object is no object. */

const ts_json_token_t *ts_json_member(const ts_json_t *json,
    const ts_json_token_t *object, ts_slice_t name);


typedef enum {
    TS_JSON_NUMBER_INTEGER = 0,
    TS_JSON_NUMBER_FRACTION,        /* value is the next integer below */
    TS_JSON_NUMBER_RANGE,           /* no int64_t; value is not set */
    TS_JSON_NUMBER_NONE             /* the token is no number */
} ts_json_number_e;

/* Exact for every spelling: 1.5e1 is the integer 15. */

ts_json_number_e ts_json_number(const ts_json_t *json,
    const ts_json_token_t *token, int64_t *value);


/*
 * A JSON pointer (RFC 6901), compiled once at configuration. The decoded
 * reference tokens live in buf (at least text.len bytes), which must outlive
 * the pointer. Returns -1 when text is no pointer (does not start with "/", a
 * "~" that is neither "~0" nor "~1") or is deeper than TS_JSON_POINTER_DEPTH.
 * The empty pointer names the whole document.
 */

typedef struct {
    uint32_t    n;
    ts_slice_t  names[TS_JSON_POINTER_DEPTH];
} ts_json_pointer_t;

int ts_json_pointer(ts_json_pointer_t *pointer, ts_slice_t text, uint8_t *buf);

/* The value it names below root, or NULL. "-" never names an element. */

const ts_json_token_t *ts_json_get(const ts_json_t *json,
    const ts_json_token_t *root, const ts_json_pointer_t *pointer);


#endif /* TS_JSON_H */
