/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Makes keys and tokens for tests, good and bad ones, on OpenSSL alone.
 */

#ifndef TS_SIGNER_H
#define TS_SIGNER_H

#include "ts_test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "core/ts_base64url.h"
#include "core/ts_jwk.h"
#include "core/ts_jws.h"


static ts_json_token_t  signer_tape[1024];


/* Reads a JWK set; the caller frees *jwks. */

static inline ts_jwks_result_e
signer_read(ts_jwks_t *jwks, const char *text, uint32_t algs)
{
    ts_json_t          tape;
    ts_slice_t         copy;
    ts_jwks_result_e   rc;

    tape.tokens = signer_tape;
    tape.size = sizeof(signer_tape) / sizeof(signer_tape[0]);
    tape.max_depth = 8;

    memset(jwks, 0, sizeof(ts_jwks_t));

    copy = heap_copy(text, strlen(text));
    rc = ts_jwks_read(jwks, copy, algs, &tape);
    heap_free(copy);

    return rc;
}


/* Appends the base64url of bytes to a string. */

static inline void
signer_append(char *out, const void *bytes, size_t len)
{
    size_t  end;

    end = strlen(out);

    ts_base64url_encode(ts_slice(bytes, len), (uint8_t *) out + end);
    out[end + ts_base64url_encoded(len)] = '\0';
}


/* {"keys":[{...}]} of a public RSA key. members ends with a comma, or is "". */

static inline void
signer_rsa_set(char *out, EVP_PKEY *pkey, const char *members)
{
    int       len;
    BIGNUM   *n, *e;
    uint8_t   buf[1024];

    n = NULL;
    e = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, "n", &n), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, "e", &e), 1);

    (void) sprintf(out, "{\"keys\":[{\"kty\":\"RSA\",%s\"n\":\"", members);
    len = BN_bn2bin(n, buf);
    signer_append(out, buf, len);

    strcat(out, "\",\"e\":\"");
    len = BN_bn2bin(e, buf);
    signer_append(out, buf, len);
    strcat(out, "\"}]}");

    BN_free(n);
    BN_free(e);
}


/* The ECDSA signature of DER as r and s of full length. */

static inline size_t
signer_raw(uint8_t *sig, size_t len, int coordinate)
{
    ECDSA_SIG      *parsed;
    const uint8_t  *p;

    p = sig;
    parsed = d2i_ECDSA_SIG(NULL, &p, (long) len);
    assert_non_null(parsed);

    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, coordinate);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + coordinate, coordinate);
    ECDSA_SIG_free(parsed);

    return 2 * coordinate;
}


/*
 * Writes header.payload.signature to out. pkey may be an HMAC key made by
 * EVP_PKEY_new_mac_key(). pss: the salt's length, or -1 for PKCS #1.
 */

static inline void
signer_sign(char *out, EVP_PKEY *pkey, const char *md, int pss,
    const char *header, const char *payload)
{
    size_t         len;
    uint8_t        sig[1024];
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    out[0] = '\0';
    signer_append(out, header, strlen(header));
    strcat(out, ".");
    signer_append(out, payload, strlen(payload));

    len = sizeof(sig);
    ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, &pctx,
                                        md ? EVP_get_digestbyname(md) : NULL,
                                        NULL, pkey), 1);

    if (pss >= 0) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, pss);
    }

    assert_int_equal(EVP_DigestSign(ctx, sig, &len, (uint8_t *) out,
                                    strlen(out)), 1);
    EVP_MD_CTX_free(ctx);

    if (EVP_PKEY_is_a(pkey, "EC")) {
        len = signer_raw(sig, len, (EVP_PKEY_get_bits(pkey) + 7) / 8);
    }

    strcat(out, ".");
    signer_append(out, sig, len);
}


#endif /* TS_SIGNER_H */
