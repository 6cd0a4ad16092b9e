/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_claims.h"


/* A value is its type, the length of its bytes in two, and these bytes. */

#define TS_CLAIMS_HEAD  3
#define TS_CLAIMS_LEN   0xffff


static int ts_claims_value(ts_claims_t *claims, const ts_json_t *json,
    const ts_json_token_t *token);
static int ts_claims_scalar(ts_claims_t *claims, const ts_json_t *json,
    const ts_json_token_t *token);
static int ts_claims_array(ts_claims_t *claims, const ts_json_t *json,
    const ts_json_token_t *token);
static int ts_claims_put(ts_claims_t *claims, ts_claim_type_e type,
    const void *bytes, size_t len);
static int ts_claims_take(ts_slice_t *rest, ts_claim_t *claim);


int
ts_claims_add(ts_claims_t *claims, uint8_t id, const ts_json_t *json,
    const ts_json_token_t *token)
{
    size_t  start;

    if (token == NULL || token->type == TS_JSON_NULL) {
        return 1;
    }

    start = claims->len;

    if (start < claims->size) {
        claims->data[claims->len++] = id;

        if (ts_claims_value(claims, json, token)) {
            return 1;
        }

        claims->len = start + 1;

        if (ts_claims_put(claims, TS_CLAIM_OTHER, NULL, 0)) {
            return 1;
        }
    }

    claims->len = start;

    return 0;
}


int
ts_claims_find(ts_slice_t packed, uint8_t id, ts_claim_t *claim)
{
    uint8_t  found;

    while (packed.len) {
        found = packed.data[0];
        packed = ts_slice(packed.data + 1, packed.len - 1);

        if (!ts_claims_take(&packed, claim)) {
            return 0;
        }

        if (found == id) {
            return 1;
        }
    }

    return 0;
}


int
ts_claim_element(ts_slice_t *elements, ts_claim_t *claim)
{
    return ts_claims_take(elements, claim);
}


static int
ts_claims_value(ts_claims_t *claims, const ts_json_t *json,
    const ts_json_token_t *token)
{
    return token->type == TS_JSON_ARRAY
           ? ts_claims_array(claims, json, token)
           : ts_claims_scalar(claims, json, token);
}


static int
ts_claims_scalar(ts_claims_t *claims, const ts_json_t *json,
    const ts_json_token_t *token)
{
    int64_t      number;
    uint8_t     *bytes;
    ts_slice_t   s;

    switch (token->type) {

    case TS_JSON_TRUE:
        return ts_claims_put(claims, TS_CLAIM_TRUE, NULL, 0);

    case TS_JSON_FALSE:
        return ts_claims_put(claims, TS_CLAIM_FALSE, NULL, 0);

    case TS_JSON_NUMBER:

        switch (ts_json_number(json, token, &number)) {

        case TS_JSON_NUMBER_INTEGER:
            return ts_claims_put(claims, TS_CLAIM_INTEGER, &number,
                                 sizeof(number));

        case TS_JSON_NUMBER_FRACTION:
            return ts_claims_put(claims, TS_CLAIM_FRACTION, &number,
                                 sizeof(number));

        case TS_JSON_NUMBER_RANGE:
        case TS_JSON_NUMBER_NONE:
        default:
            return ts_claims_put(claims, TS_CLAIM_OTHER, NULL, 0);
        }

    case TS_JSON_STRING:

        if (claims->size - claims->len < TS_CLAIMS_HEAD) {
            return 0;
        }

        /* decoded right where it belongs */

        bytes = claims->data + claims->len + TS_CLAIMS_HEAD;
        s = ts_json_string(json, token, bytes,
                           claims->size - claims->len - TS_CLAIMS_HEAD);

        return s.data != NULL
               && ts_claims_put(claims, TS_CLAIM_STRING, s.data, s.len);

    default:
        return ts_claims_put(claims, TS_CLAIM_OTHER, NULL, 0);
    }
}


static int
ts_claims_array(ts_claims_t *claims, const ts_json_t *json,
    const ts_json_token_t *token)
{
    size_t                  start, len;
    uint32_t                i;
    const ts_json_token_t  *one;

    start = claims->len;

    if (!ts_claims_put(claims, TS_CLAIM_ARRAY, NULL, 0)) {
        return 0;
    }

    for (i = 0, one = token + 1; i < token->count; i++) {

        if (!(one->type == TS_JSON_ARRAY
              ? ts_claims_put(claims, TS_CLAIM_OTHER, NULL, 0)
              : ts_claims_scalar(claims, json, one)))
        {
            return 0;
        }

        one = json->tokens + one->next;
    }

    len = claims->len - start - TS_CLAIMS_HEAD;

    if (len > TS_CLAIMS_LEN) {
        return 0;
    }

    claims->data[start + 1] = (uint8_t) (len >> 8);
    claims->data[start + 2] = (uint8_t) len;

    return 1;
}


static int
ts_claims_put(ts_claims_t *claims, ts_claim_type_e type, const void *bytes,
    size_t len)
{
    uint8_t  *p;

    if (len > TS_CLAIMS_LEN
        || claims->size - claims->len < TS_CLAIMS_HEAD + len)
    {
        return 0;
    }

    p = claims->data + claims->len;

    if (len && bytes != p + TS_CLAIMS_HEAD) {
        memcpy(p + TS_CLAIMS_HEAD, bytes, len);
    }

    p[0] = (uint8_t) type;
    p[1] = (uint8_t) (len >> 8);
    p[2] = (uint8_t) len;

    claims->len += TS_CLAIMS_HEAD + len;

    return 1;
}


static int
ts_claims_take(ts_slice_t *rest, ts_claim_t *claim)
{
    size_t  len;

    if (rest->len < TS_CLAIMS_HEAD) {
        return 0;
    }

    len = (size_t) rest->data[1] << 8 | rest->data[2];

    if (len > rest->len - TS_CLAIMS_HEAD) {
        return 0;
    }

    claim->type = (ts_claim_type_e) rest->data[0];
    claim->number = 0;
    claim->bytes = ts_slice(rest->data + TS_CLAIMS_HEAD, len);

    if (claim->type == TS_CLAIM_INTEGER || claim->type == TS_CLAIM_FRACTION) {

        if (len != sizeof(claim->number)) {
            return 0;
        }

        memcpy(&claim->number, claim->bytes.data, sizeof(claim->number));
    }

    *rest = ts_slice(claim->bytes.data + len,
                     rest->len - TS_CLAIMS_HEAD - len);

    return 1;
}
