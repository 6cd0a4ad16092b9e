/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The keys that tokens are verified with: a JWK set (RFC 7517, 7518, 8037),
 * PEM public keys or certificates, or one shared secret. They are read once,
 * at configuration; a request finds everything prepared.
 *
 * The key decides which algorithms it is good for, never the token. A key
 * that is meant for signatures and is weak, malformed or ambiguous refuses the
 * whole set, so that the operator hears of it. A key that is for something
 * else (use "enc", key_ops without "verify", an unknown kty, crv or alg) is
 * skipped, as RFC 7517, section 5 asks.
 */

#ifndef TS_JWK_H
#define TS_JWK_H

#include <openssl/evp.h>

#include "core/ts_json.h"
#include "core/ts_jws_alg.h"


#define TS_JWKS_KEYS        64
#define TS_JWK_KID_LEN      256

#define TS_JWK_RSA_BITS     2048    /* the least; RFC 7518, section 3.3 */


/* One row for each way a file of keys can be wrong: for operators. */

#define TS_JWKS_RESULT_MAP(X)                                                \
    X(OK, "valid")                                                           \
    X(NOT_JSON, "it is not valid JSON")                                      \
    X(NOT_A_SET, "it is no JSON object with an array \"keys\"")              \
    X(TOO_MANY, "there are more than 64 keys")                               \
    X(EMPTY, "there is no key for any of the algorithms")                     \
    X(MALFORMED, "a member is missing or malformed")                         \
    X(KID, "\"kid\" is empty or longer than 256 bytes")                      \
    X(DUPLICATE_KID, "the same \"kid\" stands twice")                        \
    X(PRIVATE, "it is a private key: give the gateway the public one")       \
    X(ALG, "\"alg\" does not fit the type of the key")                       \
    X(MIXED, "a shared secret stands beside public keys")                    \
    X(RSA_BITS, "the RSA modulus has fewer than 2048 or more than 16384 "    \
      "bits")                                                                \
    X(RSA_EXPONENT, "the RSA exponent is even, 1, or longer than 64 bits")   \
    X(RSA_WEAK, "the RSA key comes from a broken generator (ROCA, "          \
      "CVE-2017-15361)")                                                     \
    X(POINT, "the point is not on the curve, or has a small order")          \
    X(SECRET, "the shared secret is shorter than the hash of its "           \
      "algorithm (at least 32 bytes)")                                       \
    X(SECRET_PEM, "the shared secret is a PEM file: who has the public key "  \
      "could sign")                                                          \
    X(PEM, "there is no PEM public key or certificate in it")                \
    X(KEY_TYPE, "keys of this type or curve verify none of the algorithms")  \
    X(CRYPTO, "OpenSSL refuses the key")

typedef enum {
#define X(id, text)  TS_JWKS_##id,
    TS_JWKS_RESULT_MAP(X)
#undef X
} ts_jwks_result_e;


/*
 * What an algorithm works with, prepared: only EVP_PKEY_verify() and its like
 * remain for the request. The objects are scratch space for one thread.
 */

typedef union {
    EVP_MAC_CTX       *hmac;
    EVP_PKEY_CTX      *pkey;        /* RSA and ECDSA, verifying a hash */
    EVP_MD_CTX        *message;     /* Ed25519, verifying the message */
} ts_jwk_verifier_t;

typedef struct {
    uint32_t           algs;        /* ts_jws_alg_bit() of each */
    uint32_t           kid_len;     /* 0: it has none */
    uint8_t            kid[TS_JWK_KID_LEN];

    EVP_PKEY          *pkey;        /* NULL: a shared secret */
    ts_jwk_verifier_t  verifier[TS_JWS_ALG_N];
} ts_jwk_t;

typedef struct {
    uint32_t           n;
    ts_jwk_t           keys[TS_JWKS_KEYS];

    EVP_MD            *md[TS_JWS_HASH_N];
    EVP_MD_CTX        *hash;

    uint32_t           failed;      /* number of the wrong key, from 1; 0 when
                                       the set itself is wrong */
} ts_jwks_t;


/*
 * Each fills a zeroed set, for the algorithms in algs only. On every result
 * ts_jwks_free() must follow in the end; but for TS_JWKS_OK the set must not
 * be used. A JWK set is read with the caller's tape.
 */

ts_jwks_result_e ts_jwks_read(ts_jwks_t *jwks, ts_slice_t text,
    uint32_t algs, ts_json_t *tape);
ts_jwks_result_e ts_jwks_read_pem(ts_jwks_t *jwks, ts_slice_t text,
    uint32_t algs);
ts_jwks_result_e ts_jwks_read_secret(ts_jwks_t *jwks, ts_slice_t secret,
    uint32_t algs);

void ts_jwks_free(ts_jwks_t *jwks);

const char *ts_jwks_result_text(ts_jwks_result_e result);


/*
 * For the readers above: adds a key to the set, checks its strength, and
 * prepares its verifiers for the algorithms that both sets hold: those of the
 * caller, and those that the key's own "alg" allows. Takes the reference to
 * pkey in any case.
 */

#define TS_JWS_ALG_ANY  UINT32_MAX

ts_jwks_result_e ts_jwks_add_pkey(ts_jwks_t *jwks, EVP_PKEY *pkey,
    ts_slice_t kid, uint32_t algs, uint32_t own);
ts_jwks_result_e ts_jwks_add_secret(ts_jwks_t *jwks, ts_slice_t secret,
    ts_slice_t kid, uint32_t algs, uint32_t own);

/* The last word on a set whose keys are all in. */

ts_jwks_result_e ts_jwks_finish(const ts_jwks_t *jwks);


#endif /* TS_JWK_H */
