/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A set of keys and what each algorithm needs of them.
 */

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "core/ts_jwk.h"
#include "core/ts_jwk_strength.h"


static ts_jwks_result_e ts_jwks_new(ts_jwks_t *jwks, ts_slice_t kid,
    ts_jwk_t **key);
static ts_jwks_result_e ts_jwk_prepare_pkey(ts_jwks_t *jwks, ts_jwk_t *key,
    ts_jws_alg_e alg);
static int ts_jwk_prepare_hmac(ts_jwk_t *key, ts_jws_alg_e alg,
    ts_slice_t secret);


ts_jwks_result_e
ts_jwks_add_pkey(ts_jwks_t *jwks, EVP_PKEY *pkey, ts_slice_t kid,
    uint32_t algs, uint32_t own)
{
    uint32_t           able;
    ts_jwk_t          *key;
    ts_jws_alg_e       alg;
    ts_jwks_result_e   rc;

    rc = ts_jwks_new(jwks, kid, &key);

    if (rc != TS_JWKS_OK) {
        EVP_PKEY_free(pkey);
        return rc;
    }

    key->pkey = pkey;

    rc = ts_jwk_strength(pkey, &able);
    if (rc != TS_JWKS_OK) {
        return rc;
    }

    if (!(able & own)) {
        return TS_JWKS_ALG;
    }

    key->algs = able & own & algs;

    for (alg = 0; alg < TS_JWS_ALG_N; alg++) {

        if (!(key->algs & ts_jws_alg_bit(alg))) {
            continue;
        }

        rc = ts_jwk_prepare_pkey(jwks, key, alg);
        if (rc != TS_JWKS_OK) {
            return rc;
        }
    }

    return TS_JWKS_OK;
}


ts_jwks_result_e
ts_jwks_add_secret(ts_jwks_t *jwks, ts_slice_t secret, ts_slice_t kid,
    uint32_t algs, uint32_t own)
{
    uint32_t           able;
    ts_jwk_t          *key;
    ts_jws_alg_e       alg;
    ts_jwks_result_e   rc;

    static const ts_slice_t  pem = { (const uint8_t *) "-----BEGIN ", 11 };

    if (secret.len > pem.len
        && memcmp(secret.data, pem.data, pem.len) == 0)
    {
        return TS_JWKS_SECRET_PEM;
    }

    rc = ts_jwks_new(jwks, kid, &key);
    if (rc != TS_JWKS_OK) {
        return rc;
    }

    able = 0;

    for (alg = TS_JWS_ALG_HS256; alg <= TS_JWS_ALG_HS512; alg++) {

        if (!(own & ts_jws_alg_bit(alg))) {
            continue;
        }

        able |= ts_jws_alg_bit(alg);

        /* RFC 7518, section 3.2 */

        if (secret.len < ts_jws_hash_len[ts_jws_algs[alg].hash]
            || !(algs & ts_jws_alg_bit(alg)))
        {
            continue;
        }

        key->algs |= ts_jws_alg_bit(alg);

        if (ts_jwk_prepare_hmac(key, alg, secret) != 0) {
            return TS_JWKS_CRYPTO;
        }
    }

    if (able == 0) {
        return TS_JWKS_ALG;
    }

    if (key->algs == 0 && (able & algs)) {
        return TS_JWKS_SECRET;
    }

    return TS_JWKS_OK;
}


/* Adds a key without any algorithm; the first one brings the hashes. */

static ts_jwks_result_e
ts_jwks_new(ts_jwks_t *jwks, ts_slice_t kid, ts_jwk_t **key)
{
    uint32_t       i;
    ts_jws_hash_e  hash;

    if (jwks->n == TS_JWKS_KEYS) {
        return TS_JWKS_TOO_MANY;
    }

    if (kid.len > TS_JWK_KID_LEN) {
        return TS_JWKS_KID;
    }

    for (i = 0; i < jwks->n && kid.len != 0; i++) {
        if (ts_slice_eq(kid, ts_slice(jwks->keys[i].kid,
                                      jwks->keys[i].kid_len)))
        {
            return TS_JWKS_DUPLICATE_KID;
        }
    }

    if (jwks->n == 0) {
        jwks->hash = EVP_MD_CTX_new();

        if (jwks->hash == NULL) {
            return TS_JWKS_CRYPTO;
        }

        for (hash = 0; hash < TS_JWS_HASH_N; hash++) {
            jwks->md[hash] = EVP_MD_fetch(NULL, ts_jws_hash_name[hash], NULL);

            if (jwks->md[hash] == NULL) {
                return TS_JWKS_CRYPTO;
            }
        }
    }

    *key = &jwks->keys[jwks->n++];

    (*key)->kid_len = (uint32_t) kid.len;

    if (kid.len) {
        memcpy((*key)->kid, kid.data, kid.len);
    }

    return TS_JWKS_OK;
}


static ts_jwks_result_e
ts_jwk_prepare_pkey(ts_jwks_t *jwks, ts_jwk_t *key, ts_jws_alg_e alg)
{
    EVP_MD             *md;
    EVP_PKEY_CTX       *ctx;
    ts_jwk_verifier_t  *verifier;

    verifier = &key->verifier[alg];

    if (ts_jws_algs[alg].family == TS_JWS_ED25519) {
        verifier->message = EVP_MD_CTX_new();

        return verifier->message ? TS_JWKS_OK : TS_JWKS_CRYPTO;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    md = jwks->md[ts_jws_algs[alg].hash];
    verifier->pkey = ctx;

    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1) {
        return TS_JWKS_CRYPTO;
    }

    switch (ts_jws_algs[alg].family) {

    case TS_JWS_RSA_PKCS1:
        if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1) {
            return TS_JWKS_CRYPTO;
        }

        break;

    case TS_JWS_RSA_PSS:
        /* RFC 7518, section 3.5: salt and mask use the same hash */

        if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1
            || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST)
               != 1)
        {
            return TS_JWKS_CRYPTO;
        }

        break;

    default:
        break;
    }

    if (EVP_PKEY_CTX_set_signature_md(ctx, md) != 1) {
        return TS_JWKS_CRYPTO;
    }

    return TS_JWKS_OK;
}


static int
ts_jwk_prepare_hmac(ts_jwk_t *key, ts_jws_alg_e alg, ts_slice_t secret)
{
    EVP_MAC     *mac;
    OSSL_PARAM   params[2];
    EVP_MAC_CTX *ctx;

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL) {
        return -1;
    }

    ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    key->verifier[alg].hmac = ctx;

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                    (char *) ts_jws_hash_name[ts_jws_algs[alg].hash], 0);
    params[1] = OSSL_PARAM_construct_end();

    if (ctx == NULL
        || EVP_MAC_init(ctx, secret.data, secret.len, params) != 1)
    {
        return -1;
    }

    return 0;
}


ts_jwks_result_e
ts_jwks_finish(const ts_jwks_t *jwks)
{
    uint32_t  i, secrets, publics;

    secrets = 0;
    publics = 0;

    for (i = 0; i < jwks->n; i++) {
        if (jwks->keys[i].pkey != NULL) {
            publics++;

        } else {
            secrets++;
        }
    }

    /* a set with public keys is meant to be published */

    if (secrets != 0 && publics != 0) {
        return TS_JWKS_MIXED;
    }

    for (i = 0; i < jwks->n; i++) {
        if (jwks->keys[i].algs != 0) {
            return TS_JWKS_OK;
        }
    }

    return TS_JWKS_EMPTY;
}


void
ts_jwks_free(ts_jwks_t *jwks)
{
    uint32_t       i;
    ts_jwk_t      *key;
    ts_jws_alg_e   alg;
    ts_jws_hash_e  hash;

    for (i = 0; i < jwks->n; i++) {
        key = &jwks->keys[i];

        for (alg = 0; alg < TS_JWS_ALG_N; alg++) {

            switch (ts_jws_algs[alg].family) {
            case TS_JWS_HMAC:
                EVP_MAC_CTX_free(key->verifier[alg].hmac);
                break;
            case TS_JWS_ED25519:
                EVP_MD_CTX_free(key->verifier[alg].message);
                break;
            default:
                EVP_PKEY_CTX_free(key->verifier[alg].pkey);
            }
        }

        EVP_PKEY_free(key->pkey);
    }

    for (hash = 0; hash < TS_JWS_HASH_N; hash++) {
        EVP_MD_free(jwks->md[hash]);
    }

    EVP_MD_CTX_free(jwks->hash);

    memset(jwks, 0, sizeof(ts_jwks_t));

    /* nginx would report what OpenSSL remembers with the next connection */

    ERR_clear_error();
}


const char *
ts_jwks_result_text(ts_jwks_result_e result)
{
    static const char *const  texts[] = {
#define X(id, text)  text,
        TS_JWKS_RESULT_MAP(X)
#undef X
    };

    return texts[result];
}
