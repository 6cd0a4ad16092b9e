/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What the gateway tells a backend about who the caller is, as a signed token
 * (RFC 7519), and the keys that sign it, as a JWK set (RFC 7517).
 */

#ifndef TS_ASSERTION_H
#define TS_ASSERTION_H

#include "core/ts_jwk.h"


#define TS_ASSERTION_CLAIMS   16        /* beside the registered ones */
#define TS_ASSERTION_LEN      6144      /* the longest token */
#define TS_ASSERTION_KID      43        /* SHA-256 in base64url */
#define TS_ASSERTION_JWK_LEN  6144      /* the longest public key */


/* A key: RSA signs with RS256, P-256 with ES256, Ed25519 with EdDSA. */

typedef struct {
    EVP_PKEY    *pkey;
    const char  *alg;
    uint8_t      kid[TS_ASSERTION_KID];     /* RFC 7638 */
} ts_assertion_key_t;


/*
 * Reads a zeroed key from PEM text: a private one that signs, without a
 * passphrase; or, for publishing, also a public one or a certificate.
 * ts_assertion_key_free() must follow in any case.
 */

ts_jwks_result_e ts_assertion_key_read(ts_assertion_key_t *key,
    ts_slice_t pem, int signs);
void ts_assertion_key_free(ts_assertion_key_t *key);

/* Its public half as a JWK; returns the length, 0 when size is too small. */

size_t ts_assertion_jwk(const ts_assertion_key_t *key, uint8_t *out,
    size_t size);


typedef struct {
    ts_slice_t   issuer;
    ts_slice_t   audience;
    ts_slice_t   subject;
    ts_slice_t   provider;
    ts_slice_t   id;
    int64_t      issued;
    int64_t      expires;

    uint32_t     n;
    struct {
        ts_slice_t  name;
        ts_slice_t  json;       /* a whole value; data is NULL: left out */
    } claims[TS_ASSERTION_CLAIMS];
} ts_assertion_t;


/*
 * Writes the compact token. The texts are UTF-8 without control characters.
 * Returns its length, 0 when it does not fit size bytes or cannot be signed.
 */

size_t ts_assertion_sign(const ts_assertion_key_t *key,
    const ts_assertion_t *assertion, uint8_t *out, size_t size);


#endif /* TS_ASSERTION_H */
