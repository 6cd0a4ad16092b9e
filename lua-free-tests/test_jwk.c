/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_signer.h"

#include <openssl/pem.h>

#include "core/ts_jwk_strength.h"


#define ANY  TS_JWS_ALG_ANY

/* The keys of RFC 7515, appendix A, and RFC 8037, appendix A. */

#define EC   "\"kty\":\"EC\",\"crv\":\"P-256\","                             \
             "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","        \
             "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define OCT  "\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-"   \
             "EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\""
#define ED   "\"kty\":\"OKP\",\"crv\":\"Ed25519\","                          \
             "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""


static ts_jwks_result_e
read_set(const char *text, uint32_t algs)
{
    ts_jwks_t          jwks;
    ts_jwks_result_e   rc;

    rc = signer_read(&jwks, text, algs);
    ts_jwks_free(&jwks);

    return rc;
}


static ts_jwks_result_e
read_key(const char *members)
{
    char  text[4096];

    (void) snprintf(text, sizeof(text), "{\"keys\":[{%s}]}", members);

    return read_set(text, ANY);
}


static void
a_key_decides_its_algorithms(void **state)
{
    ts_jwks_t  jwks;

    (void) state;

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{\"kid\":\"a\"," EC "},"
                                 "{" ED ",\"kid\":\"b\"}]}", ANY),
                     TS_JWKS_OK);
    assert_int_equal(jwks.n, 2);
    assert_int_equal(jwks.keys[0].algs, ts_jws_alg_bit(TS_JWS_ALG_ES256));
    assert_int_equal(jwks.keys[0].kid_len, 1);
    assert_int_equal(jwks.keys[1].algs, ts_jws_alg_bit(TS_JWS_ALG_EDDSA)
                                        | ts_jws_alg_bit(TS_JWS_ALG_ED25519));
    ts_jwks_free(&jwks);

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{" OCT
                                 ",\"alg\":\"HS384\"}]}", ANY), TS_JWKS_OK);
    assert_int_equal(jwks.keys[0].algs, ts_jws_alg_bit(TS_JWS_ALG_HS384));
    ts_jwks_free(&jwks);

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{" OCT "}]}",
                                 ts_jws_alg_bit(TS_JWS_ALG_HS256)
                                 | ts_jws_alg_bit(TS_JWS_ALG_RS256)),
                     TS_JWKS_OK);
    assert_int_equal(jwks.keys[0].algs, ts_jws_alg_bit(TS_JWS_ALG_HS256));
    ts_jwks_free(&jwks);

    /* a key that fits none of the configured algorithms is none */

    assert_int_equal(read_set("{\"keys\":[{" EC "}]}",
                              ts_jws_alg_bit(TS_JWS_ALG_RS256)),
                     TS_JWKS_EMPTY);
}


static void
keys_for_others_are_skipped(void **state)
{
    (void) state;

    assert_int_equal(read_key(EC ",\"use\":\"sig\""), TS_JWKS_OK);
    assert_int_equal(read_key(EC ",\"use\":\"enc\""), TS_JWKS_EMPTY);
    assert_int_equal(read_key(EC ",\"key_ops\":[\"verify\"]"), TS_JWKS_OK);
    assert_int_equal(read_key(EC ",\"key_ops\":[\"deriveKey\"]"),
                     TS_JWKS_EMPTY);
    assert_int_equal(read_key(EC ",\"key_ops\":[]"), TS_JWKS_EMPTY);
    assert_int_equal(read_key(EC ",\"alg\":\"ECDH-ES\""), TS_JWKS_EMPTY);
    assert_int_equal(read_key("\"kty\":\"AKP\",\"pub\":\"x\""),
                     TS_JWKS_EMPTY);
    assert_int_equal(read_key("\"kty\":\"OKP\",\"crv\":\"X25519\","
                              "\"x\":\"AA\""), TS_JWKS_EMPTY);
    assert_int_equal(read_key("\"kty\":\"EC\",\"crv\":\"secp256k1\""),
                     TS_JWKS_EMPTY);

    /* the others of the set go on */

    assert_int_equal(read_set("{\"keys\":[{\"kty\":\"new\"},{" EC "}]}", ANY),
                     TS_JWKS_OK);
}


static void
malformed_sets_are_refused(void **state)
{
    (void) state;

    assert_int_equal(read_set("", ANY), TS_JWKS_NOT_JSON);
    assert_int_equal(read_set("{\"keys\":[],\"keys\":[]}", ANY),
                     TS_JWKS_NOT_JSON);
    assert_int_equal(read_set("[]", ANY), TS_JWKS_NOT_A_SET);
    assert_int_equal(read_set("{" EC "}", ANY), TS_JWKS_NOT_A_SET);
    assert_int_equal(read_set("{\"keys\":{}}", ANY), TS_JWKS_NOT_A_SET);
    assert_int_equal(read_set("{\"keys\":[]}", ANY), TS_JWKS_EMPTY);
    assert_int_equal(read_set("{\"keys\":[1]}", ANY), TS_JWKS_MALFORMED);
    assert_int_equal(read_key("\"kid\":\"a\""), TS_JWKS_MALFORMED);
    assert_int_equal(read_key("\"kty\":1"), TS_JWKS_MALFORMED);
    assert_int_equal(read_key(EC ",\"kid\":1"), TS_JWKS_MALFORMED);
    assert_int_equal(read_key(EC ",\"kid\":\"\""), TS_JWKS_KID);
    assert_int_equal(read_key(EC ",\"use\":[\"sig\"]"), TS_JWKS_MALFORMED);
    assert_int_equal(read_key(EC ",\"key_ops\":\"verify\""),
                     TS_JWKS_MALFORMED);
    assert_int_equal(read_key(EC ",\"alg\":256"), TS_JWKS_MALFORMED);
    assert_int_equal(read_key("\"kty\":\"RSA\",\"n\":\"AQAB\""),
                     TS_JWKS_MALFORMED);
    assert_int_equal(read_key("\"kty\":\"oct\",\"k\":\"AyM1=\""),
                     TS_JWKS_MALFORMED);
    assert_int_equal(read_key("\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                              "\"x\":\"11qYAYKxCrfVS_7TyWQHOg\""),
                     TS_JWKS_MALFORMED);
    assert_int_equal(read_set("{\"keys\":[{\"kid\":\"a\"," EC "},"
                              "{\"kid\":\"\\u0061\"," ED "}]}", ANY),
                     TS_JWKS_DUPLICATE_KID);
    assert_int_equal(read_set("{\"keys\":[{" EC "},{" OCT "}]}", ANY),
                     TS_JWKS_MIXED);
}


static void
the_wrong_key_is_named(void **state)
{
    ts_jwks_t  jwks;

    (void) state;

    assert_int_equal(signer_read(&jwks, "{\"keys\":[{" EC "},{\"kty\":\"X\"},"
                                 "{\"kty\":\"EC\"}]}", ANY),
                     TS_JWKS_MALFORMED);
    assert_int_equal(jwks.failed, 3);
    assert_string_equal(ts_jwks_result_text(TS_JWKS_MALFORMED),
                        "a member is missing or malformed");
    ts_jwks_free(&jwks);
}


static void
alg_must_fit_the_key(void **state)
{
    (void) state;

    assert_int_equal(read_key(EC ",\"alg\":\"ES256\""), TS_JWKS_OK);
    assert_int_equal(read_key(EC ",\"alg\":\"ES384\""), TS_JWKS_ALG);
    assert_int_equal(read_key(EC ",\"alg\":\"HS256\""), TS_JWKS_ALG);
    assert_int_equal(read_key(OCT ",\"alg\":\"RS256\""), TS_JWKS_ALG);
    assert_int_equal(read_key(ED ",\"alg\":\"ES256\""), TS_JWKS_ALG);
}


static void
weak_secrets_are_refused(void **state)
{
    char       text[256], k[128];
    uint8_t    bytes[64];
    size_t     i, len;

    static const struct {
        const char  *alg;
        size_t       least;
    } rows[] = { { "HS256", 32 }, { "HS384", 48 }, { "HS512", 64 } };

    (void) state;

    memset(bytes, 'k', sizeof(bytes));

    for (i = 0; i < 3; i++) {
        for (len = rows[i].least - 1; len <= rows[i].least; len++) {
            k[0] = '\0';
            signer_append(k, bytes, len);

            (void) snprintf(text, sizeof(text),
                            "\"kty\":\"oct\",\"alg\":\"%s\",\"k\":\"%s\"",
                            rows[i].alg, k);

            assert_int_equal(read_key(text), len == rows[i].least
                                             ? TS_JWKS_OK : TS_JWKS_SECRET);
        }
    }

    assert_int_equal(read_key("\"kty\":\"oct\",\"k\":\"\""), TS_JWKS_SECRET);
}


static void
a_secret_file_is_judged_alike(void **state)
{
    ts_jwks_t  jwks;

    (void) state;

    memset(&jwks, 0, sizeof(jwks));
    assert_int_equal(ts_jwks_read_secret(&jwks, TS_SLICE("secret"), ANY),
                     TS_JWKS_SECRET);
    ts_jwks_free(&jwks);

    assert_int_equal(ts_jwks_read_secret(&jwks, TS_SLICE(""), ANY),
                     TS_JWKS_SECRET);
    ts_jwks_free(&jwks);

    assert_int_equal(ts_jwks_read_secret(&jwks, TS_SLICE(
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0D"), ANY),
                     TS_JWKS_SECRET_PEM);
    ts_jwks_free(&jwks);

    assert_int_equal(ts_jwks_read_secret(&jwks, TS_SLICE(
        "0123456789abcdef0123456789abcdef"), ANY), TS_JWKS_OK);
    assert_int_equal(jwks.keys[0].algs, ts_jws_alg_bit(TS_JWS_ALG_HS256));
    ts_jwks_free(&jwks);
}


static EVP_PKEY *
rsa_key(unsigned bits, BN_ULONG exponent)
{
    BIGNUM        *e;
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    e = BN_new();
    BN_set_word(e, exponent);

    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int) bits);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e);
    assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);

    EVP_PKEY_CTX_free(ctx);
    BN_free(e);

    return pkey;
}


static void
weak_rsa_keys_are_refused(void **state)
{
    char      *p, text[2048];
    EVP_PKEY  *strong, *weak;

    (void) state;

    strong = rsa_key(2048, 65537);
    signer_rsa_set(text, strong, "");
    assert_int_equal(read_set(text, ANY), TS_JWKS_OK);

    signer_rsa_set(text, strong, "\"d\":\"AQAB\",");
    assert_int_equal(read_set(text, ANY), TS_JWKS_PRIVATE);

    signer_rsa_set(text, strong, "\"alg\":\"PS512\",");
    assert_int_equal(read_set(text, ANY), TS_JWKS_OK);

    signer_rsa_set(text, strong, "\"alg\":\"ES256\",");
    assert_int_equal(read_set(text, ANY), TS_JWKS_ALG);

    /* exponents 1, an even one, and one longer than 64 bits */

    signer_rsa_set(text, strong, "");
    p = strstr(text, "AQAB");
    memcpy(p, "AAAB", 4);
    assert_int_equal(read_set(text, ANY), TS_JWKS_RSA_EXPONENT);
    memcpy(p, "AQAC", 4);
    assert_int_equal(read_set(text, ANY), TS_JWKS_RSA_EXPONENT);
    strcpy(p, "AQAAAAAAAAAAAAAB\"}]}");
    assert_int_equal(read_set(text, ANY), TS_JWKS_RSA_EXPONENT);

    EVP_PKEY_free(strong);

    weak = rsa_key(2040, 65537);
    signer_rsa_set(text, weak, "");
    assert_int_equal(read_set(text, ANY), TS_JWKS_RSA_BITS);
    EVP_PKEY_free(weak);
}


/* The key of a test vector that a broken generator made (CVE-2017-15361). */

#define ROCA                                                                 \
    "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""                                \
    "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKI"           \
    "gArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW79V8sYIwHdzC"           \
    "aWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp"           \
    "7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7NaFka8Dx9"           \
    "U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0"           \
    "hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE"                            \
    "\""


static void
rsa_keys_of_a_broken_generator_are_refused(void **state)
{
    (void) state;

    assert_int_equal(read_key(ROCA), TS_JWKS_RSA_WEAK);
}


static void
points_off_the_curve_are_refused(void **state)
{
    (void) state;

    assert_int_equal(read_key("\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\""),
        TS_JWKS_MALFORMED);     /* not canonical */
    assert_int_equal(read_key("\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\""),
        TS_JWKS_POINT);
    assert_int_equal(read_key("\"kty\":\"EC\",\"crv\":\"P-256\","
        "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
        TS_JWKS_POINT);
    assert_int_equal(read_key("\"kty\":\"EC\",\"crv\":\"P-384\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""),
        TS_JWKS_MALFORMED);

    /* Ed25519: the neutral element verifies anything */

    assert_int_equal(read_key("\"kty\":\"OKP\",\"crv\":\"Ed25519\","
        "\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
        TS_JWKS_POINT);
}


static void
strength_names_the_algorithms(void **state)
{
    size_t     i;
    uint32_t   algs;
    EVP_PKEY  *pkey;

    static const struct {
        const char        *type;
        const char        *curve;
        ts_jwks_result_e   rc;
        ts_jws_alg_e       alg;
    } rows[] = {
        { "EC", "P-256", TS_JWKS_OK, TS_JWS_ALG_ES256 },
        { "EC", "P-384", TS_JWKS_OK, TS_JWS_ALG_ES384 },
        { "EC", "P-521", TS_JWKS_OK, TS_JWS_ALG_ES512 },
        { "EC", "P-224", TS_JWKS_KEY_TYPE, 0 },
        { "EC", "secp256k1", TS_JWKS_KEY_TYPE, 0 },
        { "ED25519", NULL, TS_JWKS_OK, TS_JWS_ALG_EDDSA },
        { "ED448", NULL, TS_JWKS_KEY_TYPE, 0 },
        { "X25519", NULL, TS_JWKS_KEY_TYPE, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, rows[i].type, rows[i].curve);
        assert_non_null(pkey);

        assert_int_equal(ts_jwk_strength(pkey, &algs), rows[i].rc);

        if (rows[i].rc == TS_JWKS_OK) {
            assert_true(algs & ts_jws_alg_bit(rows[i].alg));
        }

        EVP_PKEY_free(pkey);
    }
}


static ts_jwks_result_e
read_pem(const char *text, uint32_t *n)
{
    ts_jwks_t          jwks;
    ts_slice_t         copy;
    ts_jwks_result_e   rc;

    memset(&jwks, 0, sizeof(jwks));
    copy = heap_copy(text, strlen(text));

    rc = ts_jwks_read_pem(&jwks, copy, ANY);
    *n = jwks.n;

    heap_free(copy);
    ts_jwks_free(&jwks);

    return rc;
}


static void
pem_to(char *out, size_t size, EVP_PKEY *pkey, int private)
{
    int   n;
    BIO  *bio;

    bio = BIO_new(BIO_s_mem());

    if (private) {
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);

    } else {
        PEM_write_bio_PUBKEY(bio, pkey);
    }

    n = BIO_read(bio, out, (int) size - 1);
    assert_true(n > 0);
    out[n] = '\0';

    BIO_free(bio);
}


static void
pkcs1_to(char *out, size_t size, EVP_PKEY *pkey)
{
    int       n, len;
    BIO      *bio;
    uint8_t   der[1024], *p;

    p = der;
    len = i2d_PublicKey(pkey, &p);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, len);

    n = BIO_read(bio, out, (int) size - 1);
    assert_true(n > 0);
    out[n] = '\0';

    BIO_free(bio);
}


static void
pem_keys_are_read(void **state)
{
    char       two[8192], one[4096];
    uint32_t   n;
    EVP_PKEY  *rsa, *ec, *weak, *other;

    (void) state;

    rsa = rsa_key(2048, 65537);
    ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    weak = rsa_key(1024, 65537);

    pem_to(two, sizeof(two), rsa, 0);
    pem_to(one, sizeof(one), ec, 0);
    strcat(two, "a remark between the blocks\n");
    strcat(two, one);
    assert_int_equal(read_pem(two, &n), TS_JWKS_OK);
    assert_int_equal(n, 2);

    pkcs1_to(one, sizeof(one), rsa);
    assert_int_equal(read_pem(one, &n), TS_JWKS_OK);

    two[strlen(two) - 40] = '!';
    assert_int_equal(read_pem(two, &n), TS_JWKS_PEM);

    pem_to(one, sizeof(one), ec, 1);
    assert_int_equal(read_pem(one, &n), TS_JWKS_PRIVATE);

    pem_to(one, sizeof(one), weak, 0);
    assert_int_equal(read_pem(one, &n), TS_JWKS_RSA_BITS);

    pem_to(one, sizeof(one), other, 0);
    assert_int_equal(read_pem(one, &n), TS_JWKS_KEY_TYPE);

    assert_int_equal(read_pem("", &n), TS_JWKS_PEM);
    assert_int_equal(read_pem("{}", &n), TS_JWKS_PEM);

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(other);
    EVP_PKEY_free(weak);
}


static void
more_keys_than_fit_are_refused(void **state)
{
    char    *text;
    size_t   i;

    (void) state;

    text = malloc((TS_JWKS_KEYS + 1) * 200);
    strcpy(text, "{\"keys\":[");

    for (i = 0; i < TS_JWKS_KEYS; i++) {
        strcat(text, i ? ",{" ED "}" : "{" ED "}");
    }

    strcat(text, "]}");
    assert_int_equal(read_set(text, ANY), TS_JWKS_OK);

    text[strlen(text) - 2] = '\0';
    strcat(text, ",{" ED "}]}");
    assert_int_equal(read_set(text, ANY), TS_JWKS_TOO_MANY);

    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(a_key_decides_its_algorithms),
        cmocka_unit_test(keys_for_others_are_skipped),
        cmocka_unit_test(malformed_sets_are_refused),
        cmocka_unit_test(the_wrong_key_is_named),
        cmocka_unit_test(alg_must_fit_the_key),
        cmocka_unit_test(weak_secrets_are_refused),
        cmocka_unit_test(a_secret_file_is_judged_alike),
        cmocka_unit_test(weak_rsa_keys_are_refused),
        cmocka_unit_test(rsa_keys_of_a_broken_generator_are_refused),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(strength_names_the_algorithms),
        cmocka_unit_test(pem_keys_are_read),
        cmocka_unit_test(more_keys_than_fit_are_refused),
    };

    return cmocka_run_group_tests_name("jwk", tests, NULL, NULL);
}
