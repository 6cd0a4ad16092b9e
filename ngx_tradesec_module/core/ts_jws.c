/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "core/ts_jws.h"


#define TS_JWS_COORDINATE     66    /* the longest: P-521 */


static ts_reason_e ts_jws_read_header(ts_jws_t *jws, ts_slice_t encoded,
    uint32_t algs);
static ts_reason_e ts_jws_verify_with(const ts_jws_t *jws,
    const ts_jwks_t *jwks, const ts_jwk_t *key);
static ts_reason_e ts_jws_verify_hmac(const ts_jws_t *jws,
    const ts_jwk_t *key);
static ts_reason_e ts_jws_verify_message(const ts_jws_t *jws,
    const ts_jwk_t *key);
static ts_reason_e ts_jws_verify_hash(const ts_jws_t *jws,
    const ts_jwks_t *jwks, const ts_jwk_t *key);
static size_t ts_jws_ecdsa_der(ts_slice_t signature, uint8_t *der);


ts_reason_e
ts_jws_read(ts_jws_t *jws, ts_slice_t token, uint32_t algs)
{
    ts_slice_t      header;
    const uint8_t  *first, *second, *end;

    if (token.len > TS_JWS_LEN) {
        return TS_REASON_JWT_TOO_LONG;
    }

    end = token.data + token.len;

    first = token.len ? memchr(token.data, '.', token.len) : NULL;
    if (first == NULL) {
        return TS_REASON_JWT_MALFORMED;
    }

    second = memchr(first + 1, '.', end - first - 1);
    if (second == NULL) {
        return TS_REASON_JWT_MALFORMED;
    }

    header = ts_slice(token.data, first - token.data);
    jws->input = ts_slice(token.data, second - token.data);
    jws->encoded_payload = ts_slice(first + 1, second - first - 1);
    jws->encoded_signature = ts_slice(second + 1, end - second - 1);

    jws->payload = ts_slice(NULL, 0);
    jws->signature = ts_slice(NULL, 0);

    /* the signature is decoded later; a third "." is not in its alphabet */

    if (header.len == 0 || jws->encoded_signature.len == 0
        || ts_base64url_check(jws->encoded_signature) != TS_BASE64URL_OK)
    {
        return TS_REASON_JWT_MALFORMED;
    }

    return ts_jws_read_header(jws, header, algs);
}


ts_reason_e
ts_jws_decode_payload(ts_jws_t *jws)
{
    if (ts_base64url_decode(jws->encoded_payload, jws->payload_buf,
                            sizeof(jws->payload_buf), &jws->payload)
        != TS_BASE64URL_OK)
    {
        return TS_REASON_JWT_MALFORMED;
    }

    return TS_REASON_NONE;
}


ts_reason_e
ts_jws_decode_signature(ts_jws_t *jws)
{
    if (ts_base64url_decode(jws->encoded_signature, jws->signature_buf,
                            sizeof(jws->signature_buf), &jws->signature)
        != TS_BASE64URL_OK)
    {
        return TS_REASON_JWT_MALFORMED;
    }

    return TS_REASON_NONE;
}


/* A string of the header; 0 when it is there but unfit. */

static int
ts_jws_header_string(const ts_jws_t *jws, ts_slice_t name, uint8_t *buf,
    size_t size, ts_slice_t *value)
{
    const ts_json_token_t  *token;

    *value = ts_slice(NULL, 0);

    token = ts_json_member(&jws->header, jws->values, name);
    if (token == NULL) {
        return 1;
    }

    *value = ts_json_string(&jws->header, token, buf, size);

    return value->data != NULL && value->len <= size;
}


static ts_reason_e
ts_jws_read_header(ts_jws_t *jws, ts_slice_t encoded, uint32_t algs)
{
    uint32_t    known;
    ts_slice_t  text, alg;

    if (ts_base64url_decode(encoded, jws->header_buf,
                            sizeof(jws->header_buf), &text)
        != TS_BASE64URL_OK)
    {
        return TS_REASON_JWT_MALFORMED;
    }

    jws->header.tokens = jws->values;
    jws->header.size = TS_JWS_HEADER_VALUES;
    jws->header.max_depth = TS_JWS_HEADER_DEPTH;

    if (ts_json_parse(&jws->header, text) != TS_JSON_OK
        || jws->values[0].type != TS_JSON_OBJECT)
    {
        return TS_REASON_JWT_HEADER;
    }

    if (!ts_jws_header_string(jws, TS_SLICE("alg"), jws->kid_buf,
                              sizeof(jws->kid_buf), &alg)
        || alg.data == NULL)
    {
        return TS_REASON_JWT_HEADER;
    }

    jws->alg = ts_jws_alg(alg);

    if (jws->alg == TS_JWS_ALG_N || !(algs & ts_jws_alg_bit(jws->alg))) {
        return TS_REASON_JWT_ALGORITHM;
    }

    if (!ts_jws_header_string(jws, TS_SLICE("kid"), jws->kid_buf,
                              sizeof(jws->kid_buf), &jws->kid)
        || !ts_jws_header_string(jws, TS_SLICE("typ"), jws->typ_buf,
                                 sizeof(jws->typ_buf), &jws->typ))
    {
        return TS_REASON_JWT_HEADER;
    }

    /* what is neither of these three may be an extension */

    known = 1 + (jws->kid.data != NULL) + (jws->typ.data != NULL);

    if (jws->values[0].count > known
        && (ts_json_member(&jws->header, jws->values, TS_SLICE("crit"))
            || ts_json_member(&jws->header, jws->values, TS_SLICE("b64"))))
    {
        return TS_REASON_JWT_HEADER;
    }

    return TS_REASON_NONE;
}


const ts_jwk_t *
ts_jws_key(const ts_jws_t *jws, const ts_jwks_t *jwks,
    const ts_jwk_t *previous)
{
    uint32_t         bit;
    const ts_jwk_t  *key, *end;

    bit = ts_jws_alg_bit(jws->alg);
    end = jwks->keys + jwks->n;
    key = jwks->keys;

    if (previous != NULL) {

        if (jws->kid.len != 0 && previous->kid_len != 0) {
            return NULL;
        }

        key = previous + 1;

    } else if (jws->kid.len != 0) {

        for ( /* void */ ; key < end; key++) {
            if (ts_slice_eq(jws->kid, ts_slice(key->kid, key->kid_len))) {
                return (key->algs & bit) ? key : NULL;
            }
        }

        key = jwks->keys;
    }

    for ( /* void */ ; key < end; key++) {
        if ((key->algs & bit) && (jws->kid.len == 0 || key->kid_len == 0)) {
            return key;
        }
    }

    return NULL;
}


ts_reason_e
ts_jws_verify(const ts_jws_t *jws, const ts_jwks_t *jwks)
{
    int              tries;
    ts_reason_e      rc;
    const ts_jwk_t  *key;

    if (jws->payload.data == NULL || jws->signature.data == NULL) {
        return TS_REASON_INTERNAL_ERROR;
    }

    key = ts_jws_key(jws, jwks, NULL);
    if (key == NULL) {
        return TS_REASON_JWT_UNKNOWN_KEY;
    }

    rc = TS_REASON_JWT_SIGNATURE;

    for (tries = 0; tries < TS_JWS_TRIES && key != NULL; tries++) {

        rc = ts_jws_verify_with(jws, jwks, key);

        if (rc != TS_REASON_JWT_SIGNATURE) {
            break;
        }

        key = ts_jws_key(jws, jwks, key);
    }

    if (rc != TS_REASON_NONE) {
        /* nginx would report it with the next connection */
        ERR_clear_error();
    }

    return rc;
}


static ts_reason_e
ts_jws_verify_with(const ts_jws_t *jws, const ts_jwks_t *jwks,
    const ts_jwk_t *key)
{
    switch (ts_jws_algs[jws->alg].family) {
    case TS_JWS_HMAC:
        return ts_jws_verify_hmac(jws, key);
    case TS_JWS_ED25519:
        return ts_jws_verify_message(jws, key);
    default:
        return ts_jws_verify_hash(jws, jwks, key);
    }
}


static ts_reason_e
ts_jws_verify_hmac(const ts_jws_t *jws, const ts_jwk_t *key)
{
    size_t        len;
    uint8_t       mac[EVP_MAX_MD_SIZE];
    EVP_MAC_CTX  *ctx;

    ctx = key->verifier[jws->alg].hmac;

    /* without a key: starts again from the keyed state */

    if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1
        || EVP_MAC_update(ctx, jws->input.data, jws->input.len) != 1
        || EVP_MAC_final(ctx, mac, &len, sizeof(mac)) != 1)
    {
        return TS_REASON_INTERNAL_ERROR;
    }

    if (jws->signature.len != len
        || CRYPTO_memcmp(jws->signature.data, mac, len) != 0)
    {
        return TS_REASON_JWT_SIGNATURE;
    }

    return TS_REASON_NONE;
}


static ts_reason_e
ts_jws_verify_message(const ts_jws_t *jws, const ts_jwk_t *key)
{
    EVP_MD_CTX  *ctx;

    ctx = key->verifier[jws->alg].message;

    if (EVP_MD_CTX_reset(ctx) != 1
        || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) != 1)
    {
        return TS_REASON_INTERNAL_ERROR;
    }

    return EVP_DigestVerify(ctx, jws->signature.data, jws->signature.len,
                            jws->input.data, jws->input.len) == 1
           ? TS_REASON_NONE : TS_REASON_JWT_SIGNATURE;
}


static ts_reason_e
ts_jws_verify_hash(const ts_jws_t *jws, const ts_jwks_t *jwks,
    const ts_jwk_t *key)
{
    size_t               len;
    uint8_t              der[2 * (TS_JWS_COORDINATE + 3) + 3];
    uint8_t              hash[EVP_MAX_MD_SIZE];
    ts_slice_t           signature;
    EVP_PKEY_CTX        *ctx;
    const ts_jws_alg_t  *alg;

    alg = &ts_jws_algs[jws->alg];
    ctx = key->verifier[jws->alg].pkey;
    signature = jws->signature;

    if (alg->family == TS_JWS_ECDSA) {
        len = 2 * (((size_t) EVP_PKEY_get_bits(key->pkey) + 7) / 8);

    } else {
        len = (size_t) EVP_PKEY_get_size(key->pkey);
    }

    if (signature.len != len) {
        return TS_REASON_JWT_SIGNATURE;
    }

    if (alg->family == TS_JWS_ECDSA) {
        signature = ts_slice(der, ts_jws_ecdsa_der(signature, der));
    }

    if (EVP_DigestInit_ex2(jwks->hash, jwks->md[alg->hash], NULL) != 1
        || EVP_DigestUpdate(jwks->hash, jws->input.data, jws->input.len) != 1
        || EVP_DigestFinal_ex(jwks->hash, hash, NULL) != 1)
    {
        return TS_REASON_INTERNAL_ERROR;
    }

    return EVP_PKEY_verify(ctx, signature.data, signature.len, hash,
                           ts_jws_hash_len[alg->hash]) == 1
           ? TS_REASON_NONE : TS_REASON_JWT_SIGNATURE;
}


/* An INTEGER of DER: the shortest form, never negative. */

static uint8_t *
ts_jws_der_integer(uint8_t *der, const uint8_t *p, size_t len)
{
    while (len > 1 && *p == 0) {
        p++;
        len--;
    }

    *der++ = 0x02;

    if (*p & 0x80) {
        *der++ = (uint8_t) (len + 1);
        *der++ = 0;

    } else {
        *der++ = (uint8_t) len;
    }

    memcpy(der, p, len);

    return der + len;
}


/*
 * r and s in full length (RFC 7518, section 3.4) as the SEQUENCE that OpenSSL
 * verifies. der must hold 2 * (coordinate + 3) + 3 bytes.
 */

static size_t
ts_jws_ecdsa_der(ts_slice_t signature, uint8_t *der)
{
    size_t    half, len;
    uint8_t   body[2 * (TS_JWS_COORDINATE + 3)], *p;

    half = signature.len / 2;

    p = ts_jws_der_integer(body, signature.data, half);
    p = ts_jws_der_integer(p, signature.data + half, half);
    len = p - body;

    p = der;
    *p++ = 0x30;

    if (len > 0x7f) {
        *p++ = 0x81;
    }

    *p++ = (uint8_t) len;
    memcpy(p, body, len);

    return p + len - der;
}
