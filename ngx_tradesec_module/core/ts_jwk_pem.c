/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Reads PEM public keys and certificates, and a shared secret.
 */

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/ts_jwk.h"


static EVP_PKEY *ts_jwk_pem_next(BIO *bio, ts_jwks_result_e *rc);


ts_jwks_result_e
ts_jwks_read_pem(ts_jwks_t *jwks, ts_slice_t text, uint32_t algs)
{
    BIO               *bio;
    EVP_PKEY          *pkey;
    ts_jwks_result_e   rc;

    bio = BIO_new_mem_buf(text.data, (int) text.len);
    if (bio == NULL) {
        return TS_JWKS_CRYPTO;
    }

    rc = TS_JWKS_OK;

    while (rc == TS_JWKS_OK) {

        pkey = ts_jwk_pem_next(bio, &rc);
        if (pkey == NULL) {
            break;
        }

        jwks->failed++;
        rc = ts_jwks_add_pkey(jwks, pkey, ts_slice(NULL, 0), algs,
                              TS_JWS_ALG_ANY);
    }

    BIO_free(bio);

    if (rc != TS_JWKS_OK) {
        return rc;
    }

    jwks->failed = 0;

    return jwks->n ? ts_jwks_finish(jwks) : TS_JWKS_PEM;
}


/* The key of the next block; NULL at the end, or *rc says what is wrong. */

static EVP_PKEY *
ts_jwk_pem_next(BIO *bio, ts_jwks_result_e *rc)
{
    X509                 *cert;
    long                  len;
    char                 *name, *header;
    uint8_t              *der;
    EVP_PKEY             *pkey;
    const unsigned char  *p;

    if (PEM_read_bio(bio, &name, &header, &der, &len) != 1) {

        if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
            *rc = TS_JWKS_PEM;
        }

        ERR_clear_error();
        return NULL;
    }

    p = der;
    pkey = NULL;

    if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
        pkey = d2i_PUBKEY(NULL, &p, len);

    } else if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0) {
        pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, len);

    } else if (strcmp(name, PEM_STRING_X509) == 0) {
        cert = d2i_X509(NULL, &p, len);
        pkey = cert ? X509_get_pubkey(cert) : NULL;
        X509_free(cert);
    }

    if (pkey == NULL) {
        *rc = strstr(name, "PRIVATE KEY") ? TS_JWKS_PRIVATE : TS_JWKS_PEM;
    }

    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, len);

    return pkey;
}


ts_jwks_result_e
ts_jwks_read_secret(ts_jwks_t *jwks, ts_slice_t secret, uint32_t algs)
{
    ts_jwks_result_e  rc;

    rc = ts_jwks_add_secret(jwks, secret, ts_slice(NULL, 0), algs,
                            TS_JWS_ALG_ANY);

    return rc == TS_JWKS_OK ? ts_jwks_finish(jwks) : rc;
}
