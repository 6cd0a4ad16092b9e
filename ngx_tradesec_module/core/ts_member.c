/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_member.h"


int
ts_member_alike(const ts_json_t *json, const ts_json_token_t *object,
    const ts_field_t *field)
{
    uint8_t                 buf[TS_FOLD_IN];
    uint32_t                i;
    ts_slice_t              name;
    const ts_json_token_t  *token;

    if (object->type != TS_JSON_OBJECT) {
        return 0;
    }

    token = object + 1;

    for (i = 0; i < object->count; i++) {
        name = ts_json_string(json, token, buf, sizeof(buf));

        if (name.data == NULL
            || ts_field_match(field, name) == TS_FIELD_ALIKE)
        {
            return 1;
        }

        token = &json->tokens[token[1].next];
    }

    return 0;
}


ts_member_e
ts_member_find(const ts_json_t *json, const ts_json_pointer_t *pointer,
    const ts_field_t *names, const ts_json_token_t **token)
{
    uint32_t           i;
    ts_json_pointer_t  parent;

    parent = *pointer;

    for (i = 0; i < pointer->n; i++) {
        parent.n = i;
        *token = ts_json_get(json, json->tokens, &parent);

        if (*token == NULL) {
            return TS_MEMBER_MISSING;
        }

        if (ts_member_alike(json, *token, &names[i])) {
            return TS_MEMBER_AMBIGUOUS;
        }
    }

    *token = ts_json_get(json, json->tokens, pointer);

    return *token != NULL ? TS_MEMBER_OK : TS_MEMBER_MISSING;
}


ts_slice_t
ts_member_text(const ts_json_t *json, const ts_json_token_t *token,
    uint8_t *buf, size_t size)
{
    size_t      i, first;
    ts_slice_t  text;

    static const ts_slice_t  none = { NULL, 0 };

    if (token->type != TS_JSON_NUMBER) {
        return ts_json_string(json, token, buf, size);
    }

    text = ts_json_raw(json, token);
    first = text.data[0] == '-';

    for (i = first; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return none;
        }
    }

    return first && text.data[first] == '0' ? none : text;
}
