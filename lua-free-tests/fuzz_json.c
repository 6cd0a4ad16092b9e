/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Our reader against jansson: the same texts are accepted, and the same value
 * is read from them.
 */

#include <assert.h>
#include <jansson.h>

#include "core/ts_json.h"


#define TOKENS  4096
#define DEPTH   64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
compare(const ts_json_t *json, const ts_json_token_t *token, json_t *other)
{
    int64_t                 value;
    uint32_t                i;
    uint8_t                 buf[4096];
    json_t                 *member;
    ts_slice_t              s;
    const ts_json_token_t  *t;

    switch (token->type) {

    case TS_JSON_STRING:
        s = ts_json_string(json, token, buf, sizeof(buf));
        assert(s.data != NULL && s.len <= token->len);
        assert(ts_slice_eq(s, ts_slice(json_string_value(other),
                                       json_string_length(other))));
        assert(ts_json_string_eq(json, token, s));
        break;

    case TS_JSON_NUMBER:
        if (json_is_integer(other)) {
            assert(ts_json_number(json, token, &value)
                   == TS_JSON_NUMBER_INTEGER);
            assert(value == json_integer_value(other));

        } else {
            (void) ts_json_number(json, token, &value);
        }

        break;

    case TS_JSON_ARRAY:
        assert(token->count == json_array_size(other));

        t = token + 1;

        for (i = 0; i < token->count; i++) {
            compare(json, t, json_array_get(other, i));
            t = json->tokens + t->next;
        }

        assert(t == json->tokens + token->next);
        break;

    case TS_JSON_OBJECT:
        assert(token->count == json_object_size(other));

        t = token + 1;

        for (i = 0; i < token->count; i++) {
            s = ts_json_string(json, t, buf, sizeof(buf) - 1);
            memmove(buf, s.data, s.len);
            buf[s.len] = '\0';

            member = json_object_get(other, (char *) buf);
            assert(member != NULL);
            assert(ts_json_member(json, token, ts_slice(buf, s.len)) == t + 1);

            compare(json, t + 1, member);
            t = json->tokens + t[1].next;
        }

        break;

    default:
        assert(token->type == (json_is_null(other) ? TS_JSON_NULL
                               : json_is_true(other) ? TS_JSON_TRUE
                               : TS_JSON_FALSE));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t            *other;
    ts_json_t          json;
    json_error_t       error;
    ts_json_result_e   rc;

    static ts_json_token_t  tokens[TOKENS];

    if (size > 4095) {
        return 0;
    }

    json.tokens = tokens;
    json.size = TOKENS;
    json.max_depth = DEPTH;

    rc = ts_json_parse(&json, ts_slice(data, size));
    assert(json.offset <= size);

    if (rc == TS_JSON_TOO_DEEP) {
        return 0;
    }

    /* jansson takes a NUL behind the value as its end */

    if (memchr(data, '\0', size) != NULL) {
        assert(rc != TS_JSON_OK);
        return 0;
    }

    assert(rc != TS_JSON_TOO_MANY && rc != TS_JSON_TOO_LONG);

    other = json_loadb((const char *) data, size,
                       JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, &error);

    if (rc != TS_JSON_OK) {
        assert(other == NULL);
        return 0;
    }

    /* jansson refuses numbers that fit neither its integers nor a double */

    if (other == NULL) {
        assert(json_error_code(&error) == json_error_numeric_overflow);
        return 0;
    }

    compare(&json, json.tokens, other);
    json_decref(other);

    return 0;
}
