/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_jws_alg.h"


const ts_jws_alg_t  ts_jws_algs[TS_JWS_ALG_N] = {
#define X(id, name, family, hash)                                            \
    { { (const uint8_t *) name, sizeof(name) - 1 }, TS_JWS_##family,         \
      TS_JWS_HASH_##hash },
    TS_JWS_ALG_MAP(X)
#undef X
};

const size_t  ts_jws_hash_len[TS_JWS_HASH_N] = { 32, 48, 64 };

const char *const  ts_jws_hash_name[TS_JWS_HASH_N] = {
    "SHA256", "SHA384", "SHA512"
};


ts_jws_alg_e
ts_jws_alg(ts_slice_t name)
{
    ts_jws_alg_e  alg;

    for (alg = 0; alg < TS_JWS_ALG_N; alg++) {
        if (ts_slice_eq(ts_jws_algs[alg].name, name)) {
            break;
        }
    }

    return alg;
}
