/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Reads a JWK set.
 */

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "core/ts_base64url.h"
#include "core/ts_jwk.h"


/* The longest member: a modulus of 16384 bits with some leading zeros. */

#define TS_JWK_MEMBER_LEN  (OPENSSL_RSA_MAX_MODULUS_BITS / 8 + 16)


/* One key of a set while it is being read. */

typedef struct {
    const ts_json_t        *json;
    const ts_json_token_t  *jwk;
    ts_slice_t              kid;
    uint32_t                own;        /* what its "alg" allows */
    uint8_t                 buf[TS_JWK_KID_LEN];
} ts_jwk_reader_t;


static ts_jwks_result_e ts_jwk_read(ts_jwks_t *jwks, ts_jwk_reader_t *rd,
    uint32_t algs);
static ts_jwks_result_e ts_jwk_read_purpose(ts_jwk_reader_t *rd);
static ts_jwks_result_e ts_jwk_read_kid(ts_jwk_reader_t *rd);
static ts_jwks_result_e ts_jwk_read_rsa(ts_jwk_reader_t *rd, EVP_PKEY **pkey);
static ts_jwks_result_e ts_jwk_read_ec(ts_jwk_reader_t *rd, EVP_PKEY **pkey);
static ts_jwks_result_e ts_jwk_read_okp(ts_jwk_reader_t *rd, EVP_PKEY **pkey);
static ts_jwks_result_e ts_jwk_read_secret(ts_jwks_t *jwks,
    ts_jwk_reader_t *rd, uint32_t algs);
static EVP_PKEY *ts_jwk_build(const char *type, OSSL_PARAM_BLD *bld);


ts_jwks_result_e
ts_jwks_read(ts_jwks_t *jwks, ts_slice_t text, uint32_t algs,
    ts_json_t *tape)
{
    uint32_t                i;
    ts_jwk_reader_t         rd;
    ts_jwks_result_e        rc;
    const ts_json_token_t  *keys;

    if (ts_json_parse(tape, text) != TS_JSON_OK) {
        return TS_JWKS_NOT_JSON;
    }

    keys = ts_json_member(tape, tape->tokens, TS_SLICE("keys"));

    if (keys == NULL || keys->type != TS_JSON_ARRAY) {
        return TS_JWKS_NOT_A_SET;
    }

    rd.json = tape;
    rd.jwk = keys + 1;

    for (i = 0; i < keys->count; i++) {

        rc = ts_jwk_read(jwks, &rd, algs);

        if (rc != TS_JWKS_OK && rc != TS_JWKS_KEY_TYPE) {
            jwks->failed = i + 1;
            return rc;
        }

        rd.jwk = tape->tokens + rd.jwk->next;
    }

    return ts_jwks_finish(jwks);
}


/* Adds a key to the set; TS_JWKS_KEY_TYPE: it is not for us. */

static ts_jwks_result_e
ts_jwk_read(ts_jwks_t *jwks, ts_jwk_reader_t *rd, uint32_t algs)
{
    EVP_PKEY               *pkey;
    ts_jwks_result_e        rc;
    const ts_json_token_t  *kty;

    kty = ts_json_member(rd->json, rd->jwk, TS_SLICE("kty"));

    if (kty == NULL || kty->type != TS_JSON_STRING) {
        return TS_JWKS_MALFORMED;
    }

    rc = ts_jwk_read_purpose(rd);
    if (rc != TS_JWKS_OK) {
        return rc;
    }

    rc = ts_jwk_read_kid(rd);
    if (rc != TS_JWKS_OK) {
        return rc;
    }

    if (ts_json_string_eq(rd->json, kty, TS_SLICE("oct"))) {
        return ts_jwk_read_secret(jwks, rd, algs);
    }

    if (ts_json_string_eq(rd->json, kty, TS_SLICE("RSA"))) {
        rc = ts_jwk_read_rsa(rd, &pkey);

    } else if (ts_json_string_eq(rd->json, kty, TS_SLICE("EC"))) {
        rc = ts_jwk_read_ec(rd, &pkey);

    } else if (ts_json_string_eq(rd->json, kty, TS_SLICE("OKP"))) {
        rc = ts_jwk_read_okp(rd, &pkey);

    } else {
        return TS_JWKS_KEY_TYPE;
    }

    if (rc != TS_JWKS_OK) {
        return rc;
    }

    if (ts_json_member(rd->json, rd->jwk, TS_SLICE("d")) != NULL) {
        EVP_PKEY_free(pkey);
        return TS_JWKS_PRIVATE;
    }

    return ts_jwks_add_pkey(jwks, pkey, rd->kid, algs, rd->own);
}


/* use, key_ops and alg: RFC 7517, sections 4.2 to 4.4 */

static ts_jwks_result_e
ts_jwk_read_purpose(ts_jwk_reader_t *rd)
{
    uint32_t                i;
    ts_slice_t              name;
    ts_jws_alg_e            alg;
    const ts_json_token_t  *use, *ops, *op, *pinned;

    use = ts_json_member(rd->json, rd->jwk, TS_SLICE("use"));

    if (use != NULL && !ts_json_string_eq(rd->json, use, TS_SLICE("sig"))) {
        return use->type == TS_JSON_STRING ? TS_JWKS_KEY_TYPE
                                           : TS_JWKS_MALFORMED;
    }

    ops = ts_json_member(rd->json, rd->jwk, TS_SLICE("key_ops"));

    if (ops != NULL) {

        if (ops->type != TS_JSON_ARRAY) {
            return TS_JWKS_MALFORMED;
        }

        for (i = 0, op = ops + 1; i < ops->count; i++) {

            if (ts_json_string_eq(rd->json, op, TS_SLICE("verify"))) {
                break;
            }

            op = rd->json->tokens + op->next;
        }

        if (i == ops->count) {
            return TS_JWKS_KEY_TYPE;
        }
    }

    rd->own = TS_JWS_ALG_ANY;
    pinned = ts_json_member(rd->json, rd->jwk, TS_SLICE("alg"));

    if (pinned != NULL) {

        name = ts_json_string(rd->json, pinned, rd->buf, sizeof(rd->buf));
        if (name.data == NULL) {
            return TS_JWKS_MALFORMED;
        }

        alg = ts_jws_alg(name);
        if (alg == TS_JWS_ALG_N) {
            return TS_JWKS_KEY_TYPE;
        }

        rd->own = ts_jws_alg_bit(alg);
    }

    return TS_JWKS_OK;
}


static ts_jwks_result_e
ts_jwk_read_kid(ts_jwk_reader_t *rd)
{
    const ts_json_token_t  *kid;

    rd->kid = ts_slice(NULL, 0);

    kid = ts_json_member(rd->json, rd->jwk, TS_SLICE("kid"));

    if (kid == NULL) {
        return TS_JWKS_OK;
    }

    if (kid->type != TS_JSON_STRING) {
        return TS_JWKS_MALFORMED;
    }

    rd->kid = ts_json_string(rd->json, kid, rd->buf, sizeof(rd->buf));

    return rd->kid.len != 0 ? TS_JWKS_OK : TS_JWKS_KID;
}


/* The bytes of a base64url member; data is NULL when it is not there. */

static ts_slice_t
ts_jwk_member(const ts_jwk_reader_t *rd, ts_slice_t name, uint8_t *buf,
    size_t size)
{
    ts_slice_t              bytes;
    const ts_json_token_t  *token;

    token = ts_json_member(rd->json, rd->jwk, name);

    if (token == NULL || token->type != TS_JSON_STRING || token->escaped
        || ts_base64url_decode(ts_json_raw(rd->json, token), buf, size,
                               &bytes) != TS_BASE64URL_OK)
    {
        return ts_slice(NULL, 0);
    }

    return bytes;
}


static ts_jwks_result_e
ts_jwk_read_rsa(ts_jwk_reader_t *rd, EVP_PKEY **pkey)
{
    BIGNUM          *n, *e;
    uint8_t          modulus[TS_JWK_MEMBER_LEN], exponent[TS_JWK_MEMBER_LEN];
    ts_slice_t       ns, es;
    OSSL_PARAM_BLD  *bld;

    ns = ts_jwk_member(rd, TS_SLICE("n"), modulus, sizeof(modulus));
    es = ts_jwk_member(rd, TS_SLICE("e"), exponent, sizeof(exponent));

    if (ns.len == 0 || es.len == 0) {
        return TS_JWKS_MALFORMED;
    }

    n = BN_bin2bn(ns.data, (int) ns.len, NULL);
    e = BN_bin2bn(es.data, (int) es.len, NULL);
    bld = OSSL_PARAM_BLD_new();
    *pkey = NULL;

    if (n != NULL && e != NULL && bld != NULL
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
    {
        *pkey = ts_jwk_build("RSA", bld);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);

    return *pkey ? TS_JWKS_OK : TS_JWKS_CRYPTO;
}


static ts_jwks_result_e
ts_jwk_read_ec(ts_jwk_reader_t *rd, EVP_PKEY **pkey)
{
    size_t                  i, len;
    uint8_t                 point[1 + 2 * 66];
    OSSL_PARAM_BLD         *bld;
    const ts_json_token_t  *crv;

    static const struct {
        ts_slice_t   crv;
        const char  *group;
        size_t       len;       /* of a coordinate */
    } curves[] = {
        { { (const uint8_t *) "P-256", 5 }, "prime256v1", 32 },
        { { (const uint8_t *) "P-384", 5 }, "secp384r1", 48 },
        { { (const uint8_t *) "P-521", 5 }, "secp521r1", 66 },
    };

    crv = ts_json_member(rd->json, rd->jwk, TS_SLICE("crv"));

    if (crv == NULL || crv->type != TS_JSON_STRING) {
        return TS_JWKS_MALFORMED;
    }

    for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (ts_json_string_eq(rd->json, crv, curves[i].crv)) {
            break;
        }
    }

    if (i == sizeof(curves) / sizeof(curves[0])) {
        return TS_JWKS_KEY_TYPE;
    }

    /* RFC 7518, section 6.2.1.2: a coordinate has its full length */

    len = curves[i].len;
    point[0] = 4;

    if (ts_jwk_member(rd, TS_SLICE("x"), point + 1, len).len != len
        || ts_jwk_member(rd, TS_SLICE("y"), point + 1 + len, len).len != len)
    {
        return TS_JWKS_MALFORMED;
    }

    bld = OSSL_PARAM_BLD_new();
    *pkey = NULL;

    if (bld != NULL
        && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           curves[i].group, 0)
        && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, 1 + 2 * len))
    {
        *pkey = ts_jwk_build("EC", bld);
    }

    OSSL_PARAM_BLD_free(bld);

    return *pkey ? TS_JWKS_OK : TS_JWKS_POINT;
}


static ts_jwks_result_e
ts_jwk_read_okp(ts_jwk_reader_t *rd, EVP_PKEY **pkey)
{
    uint8_t                 point[32];
    const ts_json_token_t  *crv;

    crv = ts_json_member(rd->json, rd->jwk, TS_SLICE("crv"));

    if (crv == NULL || crv->type != TS_JSON_STRING) {
        return TS_JWKS_MALFORMED;
    }

    if (!ts_json_string_eq(rd->json, crv, TS_SLICE("Ed25519"))) {
        return TS_JWKS_KEY_TYPE;
    }

    if (ts_jwk_member(rd, TS_SLICE("x"), point, sizeof(point)).len
        != sizeof(point))
    {
        return TS_JWKS_MALFORMED;
    }

    *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point,
                                        sizeof(point));

    return *pkey ? TS_JWKS_OK : TS_JWKS_CRYPTO;
}


static ts_jwks_result_e
ts_jwk_read_secret(ts_jwks_t *jwks, ts_jwk_reader_t *rd, uint32_t algs)
{
    uint8_t            buf[TS_JWK_MEMBER_LEN];
    ts_slice_t         k;
    ts_jwks_result_e   rc;

    k = ts_jwk_member(rd, TS_SLICE("k"), buf, sizeof(buf));

    rc = (k.data != NULL)
         ? ts_jwks_add_secret(jwks, k, rd->kid, algs, rd->own)
         : TS_JWKS_MALFORMED;

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static EVP_PKEY *
ts_jwk_build(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    params = OSSL_PARAM_BLD_to_param(bld);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
}
