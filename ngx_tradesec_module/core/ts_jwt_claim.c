/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Claims as text that is passed on to backends.
 */

#include "core/ts_jwt.h"


static ts_jwt_claim_e ts_jwt_scalar(const ts_jwt_t *jwt,
    const ts_json_token_t *token, uint8_t *buf, size_t size,
    ts_slice_t *text);


ts_jwt_claim_e
ts_jwt_claim(const ts_jwt_t *jwt, const ts_json_pointer_t *pointer,
    uint8_t *buf, size_t size, ts_slice_t *text)
{
    size_t                  len;
    uint32_t                i;
    ts_slice_t              s;
    ts_jwt_claim_e          rc;
    const ts_json_token_t  *token, *one;

    token = ts_json_get(&jwt->claims, jwt->values, pointer);

    if (token == NULL || token->type == TS_JSON_NULL) {
        return TS_JWT_CLAIM_NONE;
    }

    if (token->type != TS_JSON_ARRAY) {
        return ts_jwt_scalar(jwt, token, buf, size, text);
    }

    if (token->count == 0) {
        return TS_JWT_CLAIM_NONE;
    }

    len = 0;

    for (i = 0, one = token + 1; i < token->count; i++) {

        if (i > 0) {

            if (len == size) {
                return TS_JWT_CLAIM_UNFIT;
            }

            buf[len++] = ',';
        }

        rc = ts_jwt_scalar(jwt, one, buf + len, size - len, &s);

        if (rc != TS_JWT_CLAIM_OK || memchr(s.data, ',', s.len) != NULL) {
            return TS_JWT_CLAIM_UNFIT;
        }

        len += s.len;
        one = jwt->claims.tokens + one->next;
    }

    *text = ts_slice(buf, len);

    return TS_JWT_CLAIM_OK;
}


ts_jwt_claim_e
ts_jwt_claim_value(const ts_jwt_t *jwt, const ts_json_pointer_t *pointer,
    uint32_t n, uint8_t *buf, size_t size, ts_slice_t *text)
{
    const ts_json_token_t  *token;

    token = ts_json_get(&jwt->claims, jwt->values, pointer);

    if (token == NULL || token->type == TS_JSON_NULL) {
        return TS_JWT_CLAIM_NONE;
    }

    if (token->type != TS_JSON_ARRAY) {
        return n ? TS_JWT_CLAIM_NONE
                 : ts_jwt_scalar(jwt, token, buf, size, text);
    }

    if (n >= token->count) {
        return TS_JWT_CLAIM_NONE;
    }

    for (token++; n > 0; n--) {
        token = jwt->claims.tokens + token->next;
    }

    return ts_jwt_scalar(jwt, token, buf, size, text);
}


ts_jwt_claim_e
ts_jwt_user(const ts_jwt_t *jwt, const ts_json_pointer_t *pointer,
    uint8_t *buf, size_t size, ts_slice_t *text)
{
    const ts_json_token_t  *token;

    token = ts_json_get(&jwt->claims, jwt->values, pointer);

    if (token == NULL) {
        return TS_JWT_CLAIM_NONE;
    }

    if (token->type != TS_JSON_STRING && token->type != TS_JSON_NUMBER) {
        return TS_JWT_CLAIM_UNFIT;
    }

    return ts_jwt_scalar(jwt, token, buf, size, text);
}


static int
ts_jwt_is_fit(ts_slice_t s)
{
    size_t  i;

    if (s.len == 0 || s.data[0] == ' ' || s.data[s.len - 1] == ' ') {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* Copies the text of one value to buf. */

static ts_jwt_claim_e
ts_jwt_scalar(const ts_jwt_t *jwt, const ts_json_token_t *token, uint8_t *buf,
    size_t size, ts_slice_t *text)
{
    int64_t     value;
    ts_slice_t  s;

    switch (token->type) {

    case TS_JSON_STRING:
        s = ts_json_string(&jwt->claims, token, buf, size);
        break;

    case TS_JSON_TRUE:
    case TS_JSON_FALSE:
        s = ts_json_raw(&jwt->claims, token);
        break;

    case TS_JSON_NUMBER:
        s = ts_json_raw(&jwt->claims, token);

        /* 7, 7.0 and 7e0 are one number: only the first is one text */

        if (ts_json_number(&jwt->claims, token, &value)
            != TS_JSON_NUMBER_INTEGER
            || memchr(s.data, '.', s.len) != NULL
            || memchr(s.data, 'e', s.len) != NULL
            || memchr(s.data, 'E', s.len) != NULL
            || (value == 0 && s.len != 1))
        {
            return TS_JWT_CLAIM_UNFIT;
        }

        break;

    default:
        return TS_JWT_CLAIM_UNFIT;
    }

    if (s.data == NULL || s.len > size || !ts_jwt_is_fit(s)) {
        return TS_JWT_CLAIM_UNFIT;
    }

    if (s.data != buf) {
        memcpy(buf, s.data, s.len);
    }

    *text = ts_slice(buf, s.len);

    return TS_JWT_CLAIM_OK;
}
