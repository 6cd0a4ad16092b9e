/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The input is header and payload of a token, split at the first newline; the
 * target signs it, so that fuzzing reaches the claims. What is found good
 * must be so for jansson, too, and no byte of it may be changed.
 */

#include <assert.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/ts_jwt.h"


#define SECRET  "0123456789abcdef0123456789abcdef"
#define NOW     1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_good(const ts_jwt_t *jwt)
{
    json_t            *claims;
    uint8_t            buf[256];
    ts_slice_t         text;
    ts_jwt_claim_e     rc;
    ts_json_pointer_t  sub = { 1, { TS_SLICE("sub") } };

    assert(jwt->expires > NOW && jwt->not_before <= NOW);

    claims = json_loadb((const char *) jwt->jws.payload.data,
                        jwt->jws.payload.len, JSON_REJECT_DUPLICATES, NULL);

    if (claims != NULL) {
        assert(json_number_value(json_object_get(claims, "exp")) > NOW);
        json_decref(claims);
    }

    rc = ts_jwt_claim(jwt, &sub, buf, sizeof(buf), &text);

    if (rc == TS_JWT_CLAIM_OK) {
        assert(text.len > 0 && text.len <= sizeof(buf));
        assert(memchr(text.data, '\n', text.len) == NULL);
        assert(text.data[0] != ' ' && text.data[text.len - 1] != ' ');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len;
    uint8_t         token[8192], mac[32];
    const uint8_t  *split;

    static ts_jwt_t               jwt;
    static ts_jwks_t              jwks;
    static const ts_jwt_policy_t  policy = { .algs = TS_JWS_ALG_ANY };

    if (jwks.n == 0) {
        assert(ts_jwks_read_secret(&jwks, TS_SLICE(SECRET), TS_JWS_ALG_ANY)
               == TS_JWKS_OK);
    }

    /* as it is, unsigned */

    assert(ts_jwt_check(&jwt, ts_slice(data, size), &policy, &jwks, NOW)
           != TS_REASON_NONE);

    split = size ? memchr(data, '\n', size) : NULL;

    if (split == NULL || size > 4096) {
        return 0;
    }

    len = ts_base64url_encoded((size_t) (split - data));
    ts_base64url_encode(ts_slice(data, split - data), token);
    token[len++] = '.';

    split++;
    size -= split - data;
    ts_base64url_encode(ts_slice(split, size), token + len);
    len += ts_base64url_encoded(size);

    HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1, token, len, mac, NULL);
    token[len++] = '.';
    ts_base64url_encode(ts_slice(mac, sizeof(mac)), token + len);
    len += ts_base64url_encoded(sizeof(mac));

    if (ts_jwt_check(&jwt, ts_slice(token, len), &policy, &jwks, NOW)
        == TS_REASON_NONE)
    {
        check_good(&jwt);

        token[size % len] ^= 1;
        assert(ts_jwt_check(&jwt, ts_slice(token, len), &policy, &jwks, NOW)
               != TS_REASON_NONE);
    }

    return 0;
}
