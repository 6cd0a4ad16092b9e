/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "core/ts_jwk_strength.h"


#define TS_JWK_RSA_ALGS                                                      \
    (ts_jws_alg_bit(TS_JWS_ALG_RS256) | ts_jws_alg_bit(TS_JWS_ALG_RS384)     \
     | ts_jws_alg_bit(TS_JWS_ALG_RS512) | ts_jws_alg_bit(TS_JWS_ALG_PS256)   \
     | ts_jws_alg_bit(TS_JWS_ALG_PS384) | ts_jws_alg_bit(TS_JWS_ALG_PS512))

#define TS_JWK_ED25519_ALGS                                                  \
    (ts_jws_alg_bit(TS_JWS_ALG_EDDSA) | ts_jws_alg_bit(TS_JWS_ALG_ED25519))


static ts_jwks_result_e ts_jwk_rsa(EVP_PKEY *pkey, uint32_t *algs);
static ts_jwks_result_e ts_jwk_ec(EVP_PKEY *pkey, uint32_t *algs);
static ts_jwks_result_e ts_jwk_ed25519(EVP_PKEY *pkey, uint32_t *algs);
static int ts_jwk_is_roca(const BIGNUM *n);
static int ts_jwk_is_sound(EVP_PKEY *pkey);


ts_jwks_result_e
ts_jwk_strength(EVP_PKEY *pkey, uint32_t *algs)
{
    if (EVP_PKEY_is_a(pkey, "RSA")) {
        return ts_jwk_rsa(pkey, algs);
    }

    if (EVP_PKEY_is_a(pkey, "EC")) {
        return ts_jwk_ec(pkey, algs);
    }

    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        return ts_jwk_ed25519(pkey, algs);
    }

    return TS_JWKS_KEY_TYPE;
}


static ts_jwks_result_e
ts_jwk_rsa(EVP_PKEY *pkey, uint32_t *algs)
{
    int                bits;
    BIGNUM            *n, *e;
    ts_jwks_result_e   rc;

    n = NULL;
    e = NULL;
    bits = EVP_PKEY_get_bits(pkey);

    if (bits < TS_JWK_RSA_BITS || bits > OPENSSL_RSA_MAX_MODULUS_BITS) {
        return TS_JWKS_RSA_BITS;
    }

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1
        || EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
    {
        rc = TS_JWKS_CRYPTO;

    } else if (!BN_is_odd(e) || BN_is_one(e)
               || BN_num_bits(e) > OPENSSL_RSA_MAX_PUBEXP_BITS)
    {
        rc = TS_JWKS_RSA_EXPONENT;

    } else if (ts_jwk_is_roca(n)) {
        rc = TS_JWKS_RSA_WEAK;

    } else {
        rc = ts_jwk_is_sound(pkey) ? TS_JWKS_OK : TS_JWKS_CRYPTO;
    }

    BN_free(n);
    BN_free(e);

    *algs = TS_JWK_RSA_ALGS;

    return rc;
}


/*
 * Primes of that generator are powers of 65537 modulo many small primes, so
 * their product is, too. By chance all of these hold once in 2^27 keys.
 */

static int
ts_jwk_is_roca(const BIGNUM *n)
{
    size_t    i;
    BN_ULONG  p, residue, power;

    static const uint8_t  primes[] = {
        11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151,
        157
    };

    for (i = 0; i < sizeof(primes); i++) {
        p = primes[i];
        residue = BN_mod_word(n, p);

        for (power = 1; power != residue; /* void */ ) {
            power = power * 65537 % p;

            if (power == 1) {
                return 0;
            }
        }
    }

    return 1;
}


static ts_jwks_result_e
ts_jwk_ec(EVP_PKEY *pkey, uint32_t *algs)
{
    char    group[32];
    size_t  i;

    static const struct {
        const char    *group;
        ts_jws_alg_e   alg;
    } curves[] = {
        { "prime256v1", TS_JWS_ALG_ES256 },
        { "secp384r1", TS_JWS_ALG_ES384 },
        { "secp521r1", TS_JWS_ALG_ES512 },
    };

    /* a curve with explicit parameters has no name */

    if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1) {
        return TS_JWKS_KEY_TYPE;
    }

    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(group, curves[i].group) == 0) {
            *algs = ts_jws_alg_bit(curves[i].alg);
            return ts_jwk_is_sound(pkey) ? TS_JWKS_OK : TS_JWKS_POINT;
        }
    }

    return TS_JWKS_KEY_TYPE;
}


static ts_jwks_result_e
ts_jwk_ed25519(EVP_PKEY *pkey, uint32_t *algs)
{
    size_t   len;
    uint8_t  point[crypto_core_ed25519_BYTES];

    len = sizeof(point);

    if (EVP_PKEY_get_raw_public_key(pkey, point, &len) != 1
        || len != sizeof(point))
    {
        return TS_JWKS_CRYPTO;
    }

    *algs = TS_JWK_ED25519_ALGS;

    return crypto_core_ed25519_is_valid_point(point) ? TS_JWKS_OK
                                                     : TS_JWKS_POINT;
}


/* OpenSSL's own opinion: RSA as SP 800-56B sees it, a point on its curve. */

static int
ts_jwk_is_sound(EVP_PKEY *pkey)
{
    int            rc;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    rc = (ctx != NULL && EVP_PKEY_public_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);

    return rc;
}
