/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The keys of assertions.
 */

#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/ts_assertion.h"
#include "core/ts_base64url.h"
#include "core/ts_jwk_strength.h"


#define TS_ASSERTION_RSA_BYTES  2048    /* the strength check has 16384 bits */


static EVP_PKEY *ts_assertion_pem(ts_slice_t pem, int kind);
static int ts_assertion_no_passphrase(char *buf, int size, int rwflag,
    void *u);
static size_t ts_assertion_canonical(const ts_assertion_key_t *key,
    uint8_t *out, size_t size);
static int ts_assertion_number(const EVP_PKEY *pkey, const char *name,
    int bytes, uint8_t *text, size_t *len);


enum {
    TS_ASSERTION_PRIVATE,
    TS_ASSERTION_PUBLIC,
    TS_ASSERTION_CERTIFICATE,
    TS_ASSERTION_KINDS
};


ts_jwks_result_e
ts_assertion_key_read(ts_assertion_key_t *key, ts_slice_t pem, int signs)
{
    int               kind;
    size_t            len;
    uint32_t          algs;
    uint8_t           json[TS_ASSERTION_JWK_LEN], hash[EVP_MAX_MD_SIZE];
    ts_jwks_result_e  rc;

    for (kind = 0; kind < (signs ? 1 : TS_ASSERTION_KINDS); kind++) {

        key->pkey = ts_assertion_pem(pem, kind);
        if (key->pkey != NULL) {
            break;
        }
    }

    if (key->pkey == NULL) {
        return TS_JWKS_PEM;
    }

    algs = TS_JWS_ALG_ANY;
    rc = ts_jwk_strength(key->pkey, &algs);

    if (rc != TS_JWKS_OK) {
        return rc;
    }

    if (EVP_PKEY_is_a(key->pkey, "RSA")) {
        key->alg = "RS256";

    } else if (EVP_PKEY_is_a(key->pkey, "ED25519")) {
        key->alg = "EdDSA";

    } else if (EVP_PKEY_is_a(key->pkey, "EC")
               && EVP_PKEY_get_bits(key->pkey) == 256)
    {
        key->alg = "ES256";

    } else {
        return TS_JWKS_KEY_TYPE;
    }

    len = ts_assertion_canonical(key, json, sizeof(json));

    if (len == 0
        || EVP_Digest(json, len, hash, NULL, EVP_sha256(), NULL) != 1)
    {
        return TS_JWKS_CRYPTO;
    }

    ts_base64url_encode(ts_slice(hash, 32), key->kid);

    return TS_JWKS_OK;
}


void
ts_assertion_key_free(ts_assertion_key_t *key)
{
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}


static EVP_PKEY *
ts_assertion_pem(ts_slice_t pem, int kind)
{
    BIO       *bio;
    X509      *x509;
    EVP_PKEY  *pkey;

    bio = BIO_new_mem_buf(pem.data, (int) pem.len);
    if (bio == NULL) {
        return NULL;
    }

    switch (kind) {

    case TS_ASSERTION_PRIVATE:
        pkey = PEM_read_bio_PrivateKey(bio, NULL, ts_assertion_no_passphrase,
                                       NULL);
        break;

    case TS_ASSERTION_PUBLIC:
        pkey = PEM_read_bio_PUBKEY(bio, NULL, ts_assertion_no_passphrase,
                                   NULL);
        break;

    default:
        x509 = PEM_read_bio_X509(bio, NULL, ts_assertion_no_passphrase, NULL);
        pkey = x509 ? X509_get_pubkey(x509) : NULL;
        X509_free(x509);
    }

    BIO_free(bio);

    return pkey;
}


/* Nobody is there to type it. */

static int
ts_assertion_no_passphrase(char *buf, int size, int rwflag, void *u)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) u;

    return -1;
}


/*
 * A number of the key in base64url, of that many bytes; 0: as many as it has.
 * text has room for the longest.
 */

static int
ts_assertion_number(const EVP_PKEY *pkey, const char *name, int bytes,
    uint8_t *text, size_t *len)
{
    int      done;
    BIGNUM  *n;
    uint8_t  buf[TS_ASSERTION_RSA_BYTES];

    n = NULL;
    done = 0;

    if (EVP_PKEY_get_bn_param(pkey, name, &n) == 1) {

        bytes = bytes ? bytes : BN_num_bytes(n);

        if (bytes <= (int) sizeof(buf) && BN_bn2binpad(n, buf, bytes) == bytes)
        {
            ts_base64url_encode(ts_slice(buf, (size_t) bytes), text);
            *len = ts_base64url_encoded((size_t) bytes);
            done = 1;
        }
    }

    BN_free(n);

    return done;
}


/* What RFC 7638 hashes: the members that are the key, in their order. */

static size_t
ts_assertion_canonical(const ts_assertion_key_t *key, uint8_t *out,
    size_t size)
{
    int      n;
    size_t   a_len, b_len, raw_len;
    uint8_t  a[ts_base64url_encoded(TS_ASSERTION_RSA_BYTES)];
    uint8_t  b[ts_base64url_encoded(TS_ASSERTION_RSA_BYTES)];
    uint8_t  raw[32];

    a_len = 0;
    b_len = 0;

    if (key->alg[0] == 'R') {

        if (!ts_assertion_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0, a,
                                 &a_len)
            || !ts_assertion_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0, b,
                                    &b_len))
        {
            return 0;
        }

        n = snprintf((char *) out, size,
                     "{\"e\":\"%.*s\",\"kty\":\"RSA\",\"n\":\"%.*s\"}",
                     (int) a_len, a, (int) b_len, b);

    } else if (key->alg[1] == 'S') {

        if (!ts_assertion_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32, a,
                                 &a_len)
            || !ts_assertion_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32, b,
                                    &b_len))
        {
            return 0;
        }

        n = snprintf((char *) out, size,
                     "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%.*s\","
                     "\"y\":\"%.*s\"}", (int) a_len, a, (int) b_len, b);

    } else {
        raw_len = sizeof(raw);

        if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_len) != 1) {
            return 0;
        }

        ts_base64url_encode(ts_slice(raw, raw_len), a);

        n = snprintf((char *) out, size,
                     "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%.*s\"}",
                     (int) ts_base64url_encoded(raw_len), a);
    }

    return n < 0 || (size_t) n >= size ? 0 : (size_t) n;
}


size_t
ts_assertion_jwk(const ts_assertion_key_t *key, uint8_t *out, size_t size)
{
    int     n;
    size_t  len;

    len = ts_assertion_canonical(key, out, size);

    if (len == 0) {
        return 0;
    }

    /* the others go in behind it, instead of its brace */

    len--;

    n = snprintf((char *) out + len, size - len,
                 ",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"%.*s\"}",
                 key->alg, TS_ASSERTION_KID, (const char *) key->kid);

    return n < 0 || (size_t) n >= size - len ? 0 : len + (size_t) n;
}
