/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_signer.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/pem.h>


#define ANY  TS_JWS_ALG_ANY


static ts_reason_e
verify(const ts_jwks_t *jwks, const char *token, uint32_t algs)
{
    ts_jws_t     *jws;
    ts_slice_t    copy;
    ts_reason_e   rc;

    jws = malloc(sizeof(ts_jws_t));
    copy = heap_copy(token, strlen(token));

    rc = ts_jws_read(jws, copy, algs);

    if (rc == TS_REASON_NONE) {

        /* what was not decoded was not looked at: no yes */
        assert_int_equal(ts_jws_verify(jws, jwks), TS_REASON_INTERNAL_ERROR);

        rc = ts_jws_decode_payload(jws);
    }

    if (rc == TS_REASON_NONE) {
        assert_int_equal(ts_jws_verify(jws, jwks), TS_REASON_INTERNAL_ERROR);

        rc = ts_jws_decode_signature(jws);
    }

    if (rc == TS_REASON_NONE) {
        rc = ts_jws_verify(jws, jwks);
    }

    heap_free(copy);
    free(jws);

    return rc;
}


static ts_reason_e
verify_with(const char *set, const char *token)
{
    ts_jwks_t    jwks;
    ts_reason_e  rc;

    assert_int_equal(signer_read(&jwks, set, ANY), TS_JWKS_OK);
    rc = verify(&jwks, token, ANY);
    ts_jwks_free(&jwks);

    return rc;
}


/* The payload of RFC 7515, appendices A.1 to A.3 */

#define PAYLOAD                                                              \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"   \
    "LmNvbS9pc19yb290Ijp0cnVlfQ"


static void
examples_of_rfc_7515_and_8037(void **state)
{
    (void) state;

    /* A.1 */

    assert_int_equal(verify_with(
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMko"
        "qQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}]}",
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), TS_REASON_NONE);

    /* A.2 */

    assert_int_equal(verify_with(
        "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw"
        "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690"
        "r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-U"
        "To7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyx"
        "XFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
        "\"}]}",
        "eyJhbGciOiJSUzI1NiJ9." PAYLOAD ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0"
        "XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9"
        "CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvk"
        "SjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZES"
        "c6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWyw"
        "lVmtVrBp0igcN_IoypGlUPQGe77Rw"), TS_REASON_NONE);

    /* A.3 */

    assert_int_equal(verify_with(
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
        "eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4Ga"
        "wxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"), TS_REASON_NONE);

    /* A.4 */

    assert_int_equal(verify_with(
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\","
        "\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6"
        "OvLFV1jSfS9tsz4qUxcWceqwQGk\","
        "\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79aj"
        "L4Kkd0AZMaZmh9ubmf63e3kyMj2\"}]}",
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_U"
        "xMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD"
        "2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_J"
        "n"), TS_REASON_NONE);

    /* RFC 8037, A.4 */

    assert_int_equal(verify_with(
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
        "9g7sVvpAr_MuM0KAg"), TS_REASON_NONE);
}


/* One shared secret, and tokens under it with any header. */

#define SECRET  "0123456789abcdef0123456789abcdef"
#define K       "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"

static ts_reason_e
header(const char *text)
{
    char       *token;
    EVP_PKEY   *secret;
    ts_reason_e rc;

    token = malloc(8192);
    secret = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL,
                                  (const uint8_t *) SECRET,
                                  sizeof(SECRET) - 1);
    signer_sign(token, secret, "SHA256", -1, text, "{}");

    rc = verify_with("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"" K
                     "\"}]}", token);

    EVP_PKEY_free(secret);
    free(token);

    return rc;
}


static void
the_header_is_judged_strictly(void **state)
{
    char  text[3000];

    (void) state;

    assert_int_equal(header("{\"alg\":\"HS256\"}"), TS_REASON_NONE);
    assert_int_equal(header(" {\"typ\":\"JWT\",\"kid\":\"\\u006b\",\n"
                            "\"alg\":\"HS256\",\"x5t\":\"AA\"}"),
                     TS_REASON_NONE);

    assert_int_equal(header("{}"), TS_REASON_JWT_HEADER);
    assert_int_equal(header("[]"), TS_REASON_JWT_HEADER);
    assert_int_equal(header("null"), TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\"}x"), TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\",\"alg\":\"none\"}"),
                     TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":[\"HS256\"]}"), TS_REASON_JWT_HEADER);

    assert_int_equal(header("{\"alg\":\"none\"}"), TS_REASON_JWT_ALGORITHM);
    assert_int_equal(header("{\"alg\":\"None\"}"), TS_REASON_JWT_ALGORITHM);
    assert_int_equal(header("{\"alg\":\"\"}"), TS_REASON_JWT_ALGORITHM);
    assert_int_equal(header("{\"alg\":\"hs256\"}"), TS_REASON_JWT_ALGORITHM);
    assert_int_equal(header("{\"alg\":\"HS256 \"}"),
                     TS_REASON_JWT_ALGORITHM);
    assert_int_equal(header("{\"alg\":\"HS1\"}"), TS_REASON_JWT_ALGORITHM);

    assert_int_equal(header("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}"),
                     TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\",\"crit\":[]}"),
                     TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\",\"b64\":true}"),
                     TS_REASON_JWT_HEADER);

    assert_int_equal(header("{\"alg\":\"HS256\",\"kid\":1}"),
                     TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\",\"kid\":null}"),
                     TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\",\"typ\":{}}"),
                     TS_REASON_JWT_HEADER);
    assert_int_equal(header("{\"alg\":\"HS256\",\"kid\":\"other\"}"),
                     TS_REASON_JWT_UNKNOWN_KEY);
    assert_int_equal(header("{\"alg\":\"HS256\",\"kid\":\"../../k\"}"),
                     TS_REASON_JWT_UNKNOWN_KEY);
    assert_int_equal(header("{\"alg\":\"HS384\"}"),
                     TS_REASON_JWT_UNKNOWN_KEY);

    /* a key that comes with the token is not looked at */

    assert_int_equal(header("{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\","
                            "\"k\":\"AAAA\"},\"jku\":\"https://evil.test\"}"),
                     TS_REASON_NONE);

    (void) snprintf(text, sizeof(text),
                    "{\"alg\":\"HS256\",\"kid\":\"%0257d\"}", 0);
    assert_int_equal(header(text), TS_REASON_JWT_HEADER);
    (void) snprintf(text, sizeof(text),
                    "{\"alg\":\"HS256\",\"x\":\"%02100d\"}", 0);
    assert_int_equal(header(text), TS_REASON_JWT_MALFORMED);
}


static void
only_the_compact_form_is_a_token(void **state)
{
    size_t             i;
    ts_jwks_t          jwks;
    static const char  good[] =
        "eyJhbGciOiJIUzI1NiJ9.e30.TE-cg0XcMACrfwBJBnGyzgzP2Wy5d6kUkPXY5lbvxVc";

    static const char  *bad[] = {
        "", ".", "..", "...", "a.b", "a.b.c.d", "eyJhbGciOiJIUzI1NiJ9.e30.",
        "eyJhbGciOiJIUzI1NiJ9.e30", ".e30.c2ln", "eyJhbGciOiJIUzI1NiJ9..",
        "eyJhbGciOiJIUzI1NiJ9=.e30.c2ln", "e yJhbGciOiJIUzI1NiJ9.e30.c2ln",
        "eyJhbGciOiJIUzI1NiJ9.e30.c2l+", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnA",
        "{\"payload\":\"e30\",\"signatures\":[]}",
    };

    (void) state;

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{\"kty\":\"oct\",\"k\":\""
                                 K "\"}]}", ANY), TS_JWKS_OK);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(verify(&jwks, bad[i], ANY), TS_REASON_JWT_MALFORMED);
    }

    assert_int_equal(verify(&jwks, good, ANY), TS_REASON_JWT_SIGNATURE);

    ts_jwks_free(&jwks);
}


static void
every_byte_of_a_token_counts(void **state)
{
    char        token[512], saved;
    size_t      i, len;
    EVP_PKEY   *secret;
    ts_jwks_t   jwks;

    (void) state;

    secret = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL,
                                  (const uint8_t *) SECRET,
                                  sizeof(SECRET) - 1);
    signer_sign(token, secret, "SHA256", -1, "{\"alg\":\"HS256\"}",
                "{\"sub\":\"alice\"}");
    EVP_PKEY_free(secret);

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{\"kty\":\"oct\",\"k\":\""
                                 K "\"}]}", ANY), TS_JWKS_OK);
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);

    len = strlen(token);

    for (i = 0; i < len; i++) {
        saved = token[i];
        token[i] = (saved == 'A') ? 'B' : 'A';
        assert_int_not_equal(verify(&jwks, token, ANY), TS_REASON_NONE);
        token[i] = saved;
    }

    /* a cut signature */

    token[len - 3] = '\0';
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_SIGNATURE);

    ts_jwks_free(&jwks);
}


static void
every_algorithm_verifies_its_own(void **state)
{
    char        text[2048], token[4096];
    size_t      i;
    EVP_PKEY   *rsa;
    ts_jwks_t   jwks;

    static const struct {
        const char  *header;
        const char  *md;
        int          salt;
        ts_reason_e  rc;
    } rows[] = {
        { "{\"alg\":\"RS256\"}", "SHA256", -1, TS_REASON_NONE },
        { "{\"alg\":\"RS384\"}", "SHA384", -1, TS_REASON_NONE },
        { "{\"alg\":\"RS512\"}", "SHA512", -1, TS_REASON_NONE },
        { "{\"alg\":\"PS256\"}", "SHA256", 32, TS_REASON_NONE },
        { "{\"alg\":\"PS384\"}", "SHA384", 48, TS_REASON_NONE },
        { "{\"alg\":\"PS512\"}", "SHA512", 64, TS_REASON_NONE },
        { "{\"alg\":\"PS256\"}", "SHA256", 20, TS_REASON_JWT_SIGNATURE },
        { "{\"alg\":\"PS256\"}", "SHA256", -1, TS_REASON_JWT_SIGNATURE },
        { "{\"alg\":\"RS256\"}", "SHA256", 32, TS_REASON_JWT_SIGNATURE },
        { "{\"alg\":\"RS256\"}", "SHA384", -1, TS_REASON_JWT_SIGNATURE },
        { "{\"alg\":\"ES256\"}", "SHA256", -1, TS_REASON_JWT_UNKNOWN_KEY },
        { "{\"alg\":\"HS256\"}", "SHA256", -1, TS_REASON_JWT_UNKNOWN_KEY },
    };

    (void) state;

    rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
    signer_rsa_set(text, rsa, "");
    assert_int_equal(signer_read(&jwks, text, ANY), TS_JWKS_OK);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        signer_sign(token, rsa, rows[i].md, rows[i].salt, rows[i].header,
                    "{}");
        assert_int_equal(verify(&jwks, token, ANY), rows[i].rc);

        if (rows[i].rc == TS_REASON_NONE) {
            assert_int_equal(verify(&jwks, token,
                                    ANY ^ ts_jws_alg_bit(ts_jws_alg(ts_slice(
                                        rows[i].header + 8, 5)))),
                             TS_REASON_JWT_ALGORITHM);
        }
    }

    ts_jwks_free(&jwks);
    EVP_PKEY_free(rsa);
}


/* {"keys":[...]} of the public half of an EC key */

static void
ec_set(char *out, EVP_PKEY *pkey, const char *crv)
{
    size_t   len, half;
    uint8_t  point[133];

    assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, "pub", point,
                                                     sizeof(point), &len), 1);
    half = (len - 1) / 2;

    (void) sprintf(out, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"%s\","
                   "\"x\":\"", crv);
    signer_append(out, point + 1, half);
    strcat(out, "\",\"y\":\"");
    signer_append(out, point + 1 + half, half);
    strcat(out, "\"}]}");
}


static void
every_curve_verifies_its_own(void **state)
{
    char        text[1024], token[4096], header_text[32];
    size_t      i, n, len;
    uint8_t     der[256];
    EVP_PKEY   *ec;
    ts_jwks_t   jwks;
    EVP_MD_CTX *ctx;

    static const struct {
        const char  *crv;
        const char  *alg;
        const char  *md;
    } rows[] = {
        { "P-256", "ES256", "SHA256" },
        { "P-384", "ES384", "SHA384" },
        { "P-521", "ES512", "SHA512" },
    };

    (void) state;

    for (i = 0; i < 3; i++) {
        ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", rows[i].crv);
        ec_set(text, ec, rows[i].crv);
        assert_int_equal(signer_read(&jwks, text, ANY), TS_JWKS_OK);

        (void) sprintf(header_text, "{\"alg\":\"%s\"}", rows[i].alg);

        /* short r or s need zeros in front, long ones a zero in DER */

        for (n = 0; n < 16; n++) {
            signer_sign(token, ec, rows[i].md, -1, header_text, "{}");
            assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);
        }

        /* DER, as X.509 has it, is not the form of a token */

        *strrchr(token, '.') = '\0';
        len = sizeof(der);
        ctx = EVP_MD_CTX_new();
        EVP_DigestSignInit(ctx, NULL, EVP_get_digestbyname(rows[i].md), NULL,
                           ec);
        assert_int_equal(EVP_DigestSign(ctx, der, &len, (uint8_t *) token,
                                        strlen(token)), 1);
        strcat(token, ".");
        signer_append(token, der, len);
        assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_SIGNATURE);

        /* r and s all zero */

        *strrchr(token, '.') = '\0';
        strcat(token, ".");
        memset(der, 0, sizeof(der));
        signer_append(token, der,
                      2 * (((size_t) EVP_PKEY_get_bits(ec) + 7) / 8));
        assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_SIGNATURE);

        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(ec);
        ts_jwks_free(&jwks);
    }
}


static void
ed25519_verifies_under_both_names(void **state)
{
    int         i;
    char        text[512], token[1024];
    size_t      len;
    uint8_t     point[32];
    EVP_PKEY   *ed;
    ts_jwks_t   jwks;

    (void) state;

    ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    len = sizeof(point);
    EVP_PKEY_get_raw_public_key(ed, point, &len);

    strcpy(text, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
           "\"x\":\"");
    signer_append(text, point, len);
    strcat(text, "\"}]}");
    assert_int_equal(signer_read(&jwks, text, ANY), TS_JWKS_OK);

    for (i = 0; i < 3; i++) {
        signer_sign(token, ed, NULL, -1, "{\"alg\":\"EdDSA\"}", "{}");
        assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);

        signer_sign(token, ed, NULL, -1, "{\"alg\":\"Ed25519\"}", "{}");
        assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);

        token[strlen(token) - 20] ^= 1;
        assert_int_not_equal(verify(&jwks, token, ANY), TS_REASON_NONE);
    }

    ts_jwks_free(&jwks);
    EVP_PKEY_free(ed);
}


static void
same_family_downgrade_is_refused(void **state)
{
    char        text[2048], token[4096];
    EVP_PKEY   *rsa;
    ts_jwks_t   jwks;

    (void) state;

    rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
    signer_rsa_set(text, rsa, "\"alg\":\"RS512\",");
    assert_int_equal(signer_read(&jwks, text, ANY), TS_JWKS_OK);

    signer_sign(token, rsa, "SHA512", -1, "{\"alg\":\"RS512\"}", "{}");
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);

    signer_sign(token, rsa, "SHA256", -1, "{\"alg\":\"RS256\"}", "{}");
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_UNKNOWN_KEY);

    signer_sign(token, rsa, "SHA512", 64, "{\"alg\":\"PS512\"}", "{}");
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_UNKNOWN_KEY);

    ts_jwks_free(&jwks);
    EVP_PKEY_free(rsa);
}


/* The public key's text taken as a secret: libjwt falls for it, we do not. */

static void
algorithm_confusion_is_refused(void **state)
{
    int         n;
    BIO        *bio;
    char        pem[1024], text[2048], token[4096];
    jwt_t      *other;
    EVP_PKEY   *rsa, *secret;
    ts_jwks_t   jwks;

    (void) state;

    rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048);
    signer_rsa_set(text, rsa, "");

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, rsa);
    n = BIO_read(bio, pem, sizeof(pem));
    BIO_free(bio);

    secret = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL, (uint8_t *) pem, n);
    signer_sign(token, secret, "SHA256", -1,
                "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "{\"sub\":\"root\"}");

    assert_int_equal(jwt_decode(&other, token, (uint8_t *) pem, n), 0);
    jwt_free(other);

    assert_int_equal(signer_read(&jwks, text, ANY), TS_JWKS_OK);
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_UNKNOWN_KEY);
    ts_jwks_free(&jwks);

    memset(&jwks, 0, sizeof(jwks));
    assert_int_equal(ts_jwks_read_pem(&jwks, ts_slice(pem, n), ANY),
                     TS_JWKS_OK);
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_JWT_UNKNOWN_KEY);
    ts_jwks_free(&jwks);

    EVP_PKEY_free(secret);
    EVP_PKEY_free(rsa);
}


/* What libjwt signs we verify. */

static void
agrees_with_libjwt(void **state)
{
    char       *token;
    jwt_t      *jwt;
    ts_jwks_t   jwks;

    (void) state;

    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grant(jwt, "sub", "alice"), 0);
    assert_int_equal(jwt_set_alg(jwt, JWT_ALG_HS256, (uint8_t *) SECRET,
                                 sizeof(SECRET) - 1), 0);
    token = jwt_encode_str(jwt);
    assert_non_null(token);

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{\"kty\":\"oct\",\"k\":\""
                                 K "\"}]}", ANY), TS_JWKS_OK);
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);

    ts_jwks_free(&jwks);
    free(token);
    jwt_free(jwt);
}


static void
keys_are_found_by_kid(void **state)
{
    int         i;
    char        token[4096], header_text[64], set[1024];
    EVP_PKEY   *secret;
    ts_jwks_t   jwks;

    (void) state;

    secret = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL,
                                  (const uint8_t *) SECRET,
                                  sizeof(SECRET) - 1);

    /* the right key stands among n others that fit the algorithm */

    for (i = 0; i <= TS_JWS_TRIES; i++) {
        int  j;

        strcpy(set, "{\"keys\":[");

        for (j = 0; j < i; j++) {
            (void) sprintf(set + strlen(set), "{\"kty\":\"oct\",\"kid\":\"%d\""
                           ",\"k\":\"AAAA%s\"},", j, &K[4]);
        }

        strcat(set, "{\"kty\":\"oct\",\"kid\":\"r\",\"k\":\"" K "\"}]}");
        assert_int_equal(signer_read(&jwks, set, ANY), TS_JWKS_OK);

        signer_sign(token, secret, "SHA256", -1, "{\"alg\":\"HS256\"}", "{}");
        assert_int_equal(verify(&jwks, token, ANY), i < TS_JWS_TRIES
                         ? TS_REASON_NONE : TS_REASON_JWT_SIGNATURE);

        signer_sign(token, secret, "SHA256", -1,
                    "{\"alg\":\"HS256\",\"kid\":\"r\"}", "{}");
        assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);

        if (i > 0) {
            (void) sprintf(header_text, "{\"alg\":\"HS256\",\"kid\":\"%d\"}",
                           i - 1);
            signer_sign(token, secret, "SHA256", -1, header_text, "{}");
            assert_int_equal(verify(&jwks, token, ANY),
                             TS_REASON_JWT_SIGNATURE);
        }

        ts_jwks_free(&jwks);
    }

    /* keys without a kid, as from PEM, serve every kid */

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{\"kty\":\"oct\",\"k\":\""
                                 K "\"}]}", ANY), TS_JWKS_OK);
    signer_sign(token, secret, "SHA256", -1,
                "{\"alg\":\"HS256\",\"kid\":\"any\"}", "{}");
    assert_int_equal(verify(&jwks, token, ANY), TS_REASON_NONE);
    ts_jwks_free(&jwks);

    EVP_PKEY_free(secret);
}


/*
 * Project Wycheproof's vectors as one flat list: id, jwks, algs, jws, policy.
 * Four published rows contradict themselves; they are listed here, with what
 * we ask instead of their policy.
 */

typedef enum {
    AS_PUBLISHED,

    /*
     * Meant to have padding that got lost: byte for byte the valid row
     * jws-21-357. Ours get it back and must be refused.
     */
    PAD_SIGNATURE,
    PAD_PAYLOAD,

    /*
     * The key says PS256, the token of RFC 7520, figure 20, PS384: the key is
     * pinned, so refused; accepted when the key says nothing, as in the RFC.
     */
    UNPIN
} wycheproof_repair_e;


static wycheproof_repair_e
wycheproof_repair(const char *id)
{
    size_t  i;

    static const struct {
        const char           *id;
        wycheproof_repair_e   repair;
    } rows[] = {
        { "jws-21-367", PAD_SIGNATURE },
        { "jws-21-370", PAD_PAYLOAD },
        { "jws-10-346", UNPIN },
        { "jws-14-350", UNPIN },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(id, rows[i].id) == 0) {
            return rows[i].repair;
        }
    }

    return AS_PUBLISHED;
}


static int
wycheproof_verifies(json_t *row, const char *token, uint32_t algs)
{
    int          good;
    char        *set;
    ts_jwks_t    jwks;

    set = json_dumps(json_object_get(row, "jwks"), 0);

    good = signer_read(&jwks, set, algs) == TS_JWKS_OK
           && verify(&jwks, token, algs) == TS_REASON_NONE;

    ts_jwks_free(&jwks);
    free(set);

    return good;
}


static uint32_t
wycheproof_algs(json_t *row)
{
    size_t    i;
    json_t   *alg;
    uint32_t  algs;

    algs = 0;

    json_array_foreach(json_object_get(row, "algs"), i, alg) {
        algs |= ts_jws_alg_bit(ts_jws_alg(ts_slice(json_string_value(alg),
                                                   json_string_length(alg))));
    }

    return algs;
}


/* Whether the row behaves; repaired rows show both sides. */

static int
wycheproof_behaves(json_t *row)
{
    int          want;
    char         buf[4096];
    json_t      *key;
    uint32_t     algs;
    const char  *token, *dot, *policy;

    token = json_string_value(json_object_get(row, "jws"));
    policy = json_string_value(json_object_get(row, "policy"));
    algs = wycheproof_algs(row);
    dot = strrchr(token, '.');

    switch (wycheproof_repair(json_string_value(json_object_get(row, "id")))) {

    case PAD_SIGNATURE:
        (void) sprintf(buf, "%s=", token);
        return wycheproof_verifies(row, token, algs)
               && !wycheproof_verifies(row, buf, algs);

    case PAD_PAYLOAD:
        (void) sprintf(buf, "%.*s==%s", (int) (dot - token), token, dot);
        return wycheproof_verifies(row, token, algs)
               && !wycheproof_verifies(row, buf, algs);

    case UNPIN:
        if (wycheproof_verifies(row, token, ANY)) {
            return 0;
        }

        key = json_array_get(json_object_get(json_object_get(row, "jwks"),
                                             "keys"), 0);
        (void) json_object_del(key, "alg");
        return wycheproof_verifies(row, token, ANY);

    default:
        want = (strcmp(policy, "accept") == 0);
        return strcmp(policy, "either") == 0
               || wycheproof_verifies(row, token, algs) == want;
    }
}


static void
wycheproof_vectors_behave_as_their_policy(void **state)
{
    char         path[1024];
    size_t       i, n;
    json_t      *all, *row;
    const char  *dir;

    (void) state;

    dir = getenv("TRADESEC_VECTORS");
    (void) snprintf(path, sizeof(path), "%s/wycheproof/jws_flat.json",
                    dir ? dir : "../shared/vectors");

    all = json_load_file(path, 0, NULL);

    if (all == NULL) {
        print_message("skipped: no vectors at %s (set TRADESEC_VECTORS)\n",
                      path);
        skip();
    }

    n = 0;

    json_array_foreach(json_object_get(all, "vectors"), i, row) {

        if (!wycheproof_behaves(row)) {
            fail_msg("%s (%s): policy is %s",
                     json_string_value(json_object_get(row, "id")),
                     json_string_value(json_object_get(row, "comment")),
                     json_string_value(json_object_get(row, "policy")));
        }

        n++;
    }

    json_decref(all);

    print_message("%zu vectors\n", n);
    assert_true(n >= 476);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(examples_of_rfc_7515_and_8037),
        cmocka_unit_test(the_header_is_judged_strictly),
        cmocka_unit_test(only_the_compact_form_is_a_token),
        cmocka_unit_test(every_byte_of_a_token_counts),
        cmocka_unit_test(every_algorithm_verifies_its_own),
        cmocka_unit_test(every_curve_verifies_its_own),
        cmocka_unit_test(ed25519_verifies_under_both_names),
        cmocka_unit_test(same_family_downgrade_is_refused),
        cmocka_unit_test(algorithm_confusion_is_refused),
        cmocka_unit_test(agrees_with_libjwt),
        cmocka_unit_test(keys_are_found_by_kid),
        cmocka_unit_test(wycheproof_vectors_behave_as_their_policy),
    };

    return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
