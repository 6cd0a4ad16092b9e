/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_bearer.h"
#include "core/ts_message_token.h"


#define TS_MESSAGE_TOKEN_DEPTH  16


static int ts_message_token_may_be(ts_slice_t name, ts_slice_t text);


ts_message_token_e
ts_message_token(const ts_json_pointer_t *pointer, ts_slice_t text,
    ts_json_token_t *tape, uint32_t size, ts_slice_t *token)
{
    ts_json_t               json;
    ts_slice_t              value;
    const ts_json_token_t  *found;

    if (!ts_message_token_may_be(pointer->names[pointer->n - 1], text)) {
        return TS_MESSAGE_NO_TOKEN;
    }

    json.tokens = tape;
    json.size = size;
    json.max_depth = TS_MESSAGE_TOKEN_DEPTH;

    if (ts_json_parse(&json, text) != TS_JSON_OK) {
        return TS_MESSAGE_DOUBT;
    }

    found = ts_json_get(&json, json.tokens, pointer);

    if (found == NULL || found->type == TS_JSON_NULL) {
        return TS_MESSAGE_NO_TOKEN;
    }

    /* no token needs an escape */

    if (found->type != TS_JSON_STRING || found->escaped || found->len == 0) {
        return TS_MESSAGE_DOUBT;
    }

    value = ts_json_raw(&json, found);

    if (!ts_bearer_authorization(value, token)) {
        *token = value;
    }

    return token->len ? TS_MESSAGE_TOKEN : TS_MESSAGE_DOUBT;
}


static int
ts_message_token_may_be(ts_slice_t name, ts_slice_t text)
{
    const uint8_t  *p, *end;

    if (memchr(text.data, '\\', text.len) != NULL || name.len == 0) {
        return 1;
    }

    if (text.len < name.len) {
        return 0;
    }

    end = text.data + (text.len - name.len) + 1;

    for (p = text.data; p < end; p++) {

        p = memchr(p, name.data[0], end - p);

        if (p == NULL) {
            return 0;
        }

        if (memcmp(p, name.data, name.len) == 0) {
            return 1;
        }
    }

    return 0;
}
