/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The signature algorithms that are known here (RFC 7518, section 3.1, and
 * RFC 8037 with the second name of RFC 9864). "none" is not among them.
 */

#ifndef TS_JWS_ALG_H
#define TS_JWS_ALG_H

#include "core/ts_types.h"


typedef enum {
    TS_JWS_HASH_SHA256 = 0,
    TS_JWS_HASH_SHA384,
    TS_JWS_HASH_SHA512,
    TS_JWS_HASH_N
} ts_jws_hash_e;


typedef enum {
    TS_JWS_HMAC,
    TS_JWS_RSA_PKCS1,
    TS_JWS_RSA_PSS,
    TS_JWS_ECDSA,
    TS_JWS_ED25519          /* hashes by itself */
} ts_jws_family_e;


#define TS_JWS_ALG_MAP(X)                                                    \
    X(HS256, "HS256", HMAC,      SHA256)                                     \
    X(HS384, "HS384", HMAC,      SHA384)                                     \
    X(HS512, "HS512", HMAC,      SHA512)                                     \
    X(RS256, "RS256", RSA_PKCS1, SHA256)                                     \
    X(RS384, "RS384", RSA_PKCS1, SHA384)                                     \
    X(RS512, "RS512", RSA_PKCS1, SHA512)                                     \
    X(PS256, "PS256", RSA_PSS,   SHA256)                                     \
    X(PS384, "PS384", RSA_PSS,   SHA384)                                     \
    X(PS512, "PS512", RSA_PSS,   SHA512)                                     \
    X(ES256, "ES256", ECDSA,     SHA256)                                     \
    X(ES384, "ES384", ECDSA,     SHA384)                                     \
    X(ES512, "ES512", ECDSA,     SHA512)                                     \
    X(EDDSA, "EdDSA", ED25519,   SHA512)                                     \
    X(ED25519, "Ed25519", ED25519, SHA512)

typedef enum {
#define X(id, name, family, hash)  TS_JWS_ALG_##id,
    TS_JWS_ALG_MAP(X)
#undef X
    TS_JWS_ALG_N            /* also: no algorithm */
} ts_jws_alg_e;

typedef struct {
    ts_slice_t       name;
    ts_jws_family_e  family;
    ts_jws_hash_e    hash;
} ts_jws_alg_t;

/* Indexed by ts_jws_alg_e. */

extern const ts_jws_alg_t  ts_jws_algs[TS_JWS_ALG_N];

/* Indexed by ts_jws_hash_e: the length of the hash, and OpenSSL's name. */

extern const size_t        ts_jws_hash_len[TS_JWS_HASH_N];
extern const char *const   ts_jws_hash_name[TS_JWS_HASH_N];


/* A set of algorithms has one bit for each. */

#define ts_jws_alg_bit(alg)  ((uint32_t) 1 << (alg))

#define TS_JWS_ALG_SECRET                                                    \
    (ts_jws_alg_bit(TS_JWS_ALG_HS256) | ts_jws_alg_bit(TS_JWS_ALG_HS384)     \
     | ts_jws_alg_bit(TS_JWS_ALG_HS512))

/* The algorithm of exactly that name, or TS_JWS_ALG_N. */

ts_jws_alg_e ts_jws_alg(ts_slice_t name);


#endif /* TS_JWS_ALG_H */
