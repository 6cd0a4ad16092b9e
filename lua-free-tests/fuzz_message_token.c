/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A token that is found in a message is the one that another JSON reader finds,
 * and where none is found that reader finds none either.
 */

#include <assert.h>
#include <jansson.h>

#include "core/ts_bearer.h"
#include "core/ts_message_token.h"


#define TAPE  64


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t             *root, *value;
    ts_slice_t          token, text;
    json_error_t        error;
    ts_json_token_t     tape[TAPE];
    ts_message_token_e  rc;

    static const ts_json_pointer_t  pointer = {
        1, { { (const uint8_t *) "token", 5 } }
    };

    token = ts_slice(NULL, 0);
    rc = ts_message_token(&pointer, ts_slice(data, size), tape, TAPE, &token);

    root = json_loadb((const char *) data, size,
                      JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    value = json_is_object(root) ? json_object_get(root, "token") : NULL;

    switch (rc) {

    case TS_MESSAGE_TOKEN:
        assert(token.len > 0);
        assert(token.data >= data && token.data + token.len <= data + size);
        assert(json_is_string(value));

        text = ts_slice(json_string_value(value), json_string_length(value));

        assert(ts_slice_eq(text, token)
               || (text.len > token.len
                   && memcmp(text.data + (text.len - token.len), token.data,
                             token.len) == 0));
        break;

    case TS_MESSAGE_NO_TOKEN:
        assert(value == NULL || json_is_null(value));
        break;

    default:
        break;
    }

    json_decref(root);

    return 0;
}
