/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A file of keys. What is read is strong and has its verifiers.
 */

#include <assert.h>

#include "core/ts_jwk.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(ts_jwks_t *jwks, ts_jwks_result_e rc)
{
    uint32_t       i;
    ts_jwk_t      *key;
    ts_jws_alg_e   alg;

    for (i = 0; rc == TS_JWKS_OK && i < jwks->n; i++) {
        key = &jwks->keys[i];

        for (alg = 0; alg < TS_JWS_ALG_N; alg++) {

            if (!(key->algs & ts_jws_alg_bit(alg))) {
                continue;
            }

            assert(key->verifier[alg].pkey != NULL);
            assert((key->pkey == NULL)
                   == (ts_jws_algs[alg].family == TS_JWS_HMAC));
        }

        if (key->pkey != NULL && EVP_PKEY_is_a(key->pkey, "RSA")) {
            assert(EVP_PKEY_get_bits(key->pkey) >= TS_JWK_RSA_BITS);
        }
    }

    assert(ts_jwks_result_text(rc) != NULL);
    ts_jwks_free(jwks);
    assert(jwks->n == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ts_json_t  tape;

    static ts_jwks_t        jwks;
    static ts_json_token_t  tokens[1024];

    tape.tokens = tokens;
    tape.size = sizeof(tokens) / sizeof(tokens[0]);
    tape.max_depth = 8;

    check(&jwks, ts_jwks_read(&jwks, ts_slice(data, size), TS_JWS_ALG_ANY,
                              &tape));

    if (size != 0) {
        check(&jwks, ts_jwks_read_pem(&jwks, ts_slice(data, size),
                                      TS_JWS_ALG_ANY));
    }

    return 0;
}
