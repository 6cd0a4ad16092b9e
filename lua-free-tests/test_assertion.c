/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/ts_assertion.h"
#include "core/ts_jwt.h"


static EVP_PKEY *
generate(const char *type)
{
    EVP_PKEY  *pkey;

    pkey = strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
                                                        (size_t) 2048)
           : strncmp(type, "P-", 2) == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC",
                                                             type)
           : EVP_PKEY_Q_keygen(NULL, NULL, type);

    assert_non_null(pkey);

    return pkey;
}


/* The key's PEM text, in an exact-size buffer. */

static ts_slice_t
pem(EVP_PKEY *pkey, int private, const char *passphrase)
{
    BIO     *bio;
    char    *data;
    size_t   len;
    void    *copy;

    bio = BIO_new(BIO_s_mem());

    if (private) {
        assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey,
                             passphrase ? EVP_aes_256_cbc() : NULL,
                             (const unsigned char *) passphrase,
                             passphrase ? (int) strlen(passphrase) : 0,
                             NULL, NULL), 1);
    } else {
        assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    }

    len = (size_t) BIO_get_mem_data(bio, &data);
    copy = malloc(len);
    memcpy(copy, data, len);
    BIO_free(bio);

    return ts_slice(copy, len);
}


static void
read_key(ts_assertion_key_t *key, EVP_PKEY *pkey, int private,
    const char *passphrase, int signs, ts_jwks_result_e expected)
{
    ts_slice_t  text;

    memset(key, 0, sizeof(*key));
    text = pem(pkey, private, passphrase);

    assert_int_equal(ts_assertion_key_read(key, text, signs), expected);

    free((void *) text.data);
}


static ts_assertion_t
alice(void)
{
    ts_assertion_t  a;

    memset(&a, 0, sizeof(a));

    a.issuer = TS_SLICE("https://gateway.test");
    a.audience = TS_SLICE("app");
    a.subject = TS_SLICE("a\"b\\c");
    a.provider = TS_SLICE("portal");
    a.id = TS_SLICE("id");
    a.issued = 1000;
    a.expires = 1060;
    a.n = 2;
    a.claims[0].name = TS_SLICE("role");
    a.claims[0].json = TS_SLICE("[\"x\"]");
    a.claims[1].name = TS_SLICE("missing");

    return a;
}


/* What is signed is good for the verifier, with the published key. */

static void
verified(const char *type, const char *alg)
{
    EVP_PKEY           *pkey;
    ts_jwt_t           *jwt;
    ts_jwks_t          *jwks;
    ts_slice_t          text;
    ts_assertion_t      a;
    ts_jwt_policy_t     policy;
    ts_json_t           tape;
    ts_json_token_t    *tokens;
    ts_assertion_key_t  key;
    size_t              len, n;
    uint8_t             jwk[TS_ASSERTION_JWK_LEN];
    uint8_t             set[TS_ASSERTION_JWK_LEN + 16];
    uint8_t             token[TS_ASSERTION_LEN], buf[64];

    static const ts_json_pointer_t  sub = {
        1, { { (const uint8_t *) "sub", 3 } }
    };

    pkey = generate(type);
    read_key(&key, pkey, 1, NULL, 1, TS_JWKS_OK);
    assert_string_equal(key.alg, alg);

    a = alice();
    len = ts_assertion_sign(&key, &a, token, sizeof(token));
    assert_true(len > 0);

    /* in exactly that room, and in no less */

    for (n = 0; n <= len; n += n + 1 < len ? 97 : 1) {
        if (strcmp(type, "P-256") != 0) {
            assert_int_equal(ts_assertion_sign(&key, &a, token, n) != 0,
                             n == len);
        }
    }

    n = ts_assertion_jwk(&key, jwk, sizeof(jwk));
    assert_true(n > 0);
    assert_int_equal(ts_assertion_jwk(&key, jwk, n), 0);
    assert_int_equal(ts_assertion_jwk(&key, jwk, sizeof(jwk)), n);

    memcpy(set, "{\"keys\":[", 9);
    memcpy(set + 9, jwk, n);
    memcpy(set + 9 + n, "]}", 2);

    tokens = calloc(512, sizeof(ts_json_token_t));
    memset(&tape, 0, sizeof(tape));
    tape.tokens = tokens;
    tape.size = 512;
    tape.max_depth = 4;

    jwks = calloc(1, sizeof(ts_jwks_t));
    assert_int_equal(ts_jwks_read(jwks, ts_slice(set, n + 11), TS_JWS_ALG_ANY
                                  & ~(ts_jws_alg_bit(TS_JWS_ALG_HS256) * 7),
                                  &tape), TS_JWKS_OK);
    assert_int_equal(jwks->keys[0].kid_len, TS_ASSERTION_KID);
    assert_memory_equal(jwks->keys[0].kid, key.kid, TS_ASSERTION_KID);

    memset(&policy, 0, sizeof(policy));
    policy.algs = jwks->keys[0].algs;
    jwt = calloc(1, sizeof(ts_jwt_t));

    len = ts_assertion_sign(&key, &a, token, sizeof(token));
    text = ts_slice(token, len);
    assert_int_equal(ts_jwt_check(jwt, text, &policy, jwks, 1030),
                     TS_REASON_NONE);
    assert_int_equal(ts_jwt_user(jwt, &sub, buf, sizeof(buf), &text),
                     TS_JWT_CLAIM_OK);
    assert_true(ts_slice_eq(text, a.subject));

    token[len - 4] ^= 2;
    assert_int_not_equal(ts_jwt_check(jwt, ts_slice(token, len), &policy, jwks,
                                      1030), TS_REASON_NONE);

    free(jwt);
    ts_jwks_free(jwks);
    free(jwks);
    free(tokens);
    ts_assertion_key_free(&key);
    EVP_PKEY_free(pkey);
}


static void
rsa_is_verified(void **state)
{
    (void) state;

    verified("RSA", "RS256");
}


static void
p256_is_verified(void **state)
{
    int  i;

    (void) state;

    /* r or s with zeros in front now and then */

    for (i = 0; i < 20; i++) {
        verified("P-256", "ES256");
    }
}


static void
ed25519_is_verified(void **state)
{
    (void) state;

    verified("ED25519", "EdDSA");
}


static void
only_a_private_key_signs(void **state)
{
    EVP_PKEY            *pkey;
    uint8_t              kid[TS_ASSERTION_KID];
    ts_assertion_key_t   key;

    (void) state;

    pkey = generate("P-256");

    read_key(&key, pkey, 0, NULL, 1, TS_JWKS_PEM);
    read_key(&key, pkey, 1, "secret", 1, TS_JWKS_PEM);

    read_key(&key, pkey, 1, NULL, 1, TS_JWKS_OK);
    memcpy(kid, key.kid, sizeof(kid));
    ts_assertion_key_free(&key);

    /* both halves are the same key to those who verify */

    read_key(&key, pkey, 0, NULL, 0, TS_JWKS_OK);
    assert_memory_equal(kid, key.kid, sizeof(kid));
    ts_assertion_key_free(&key);

    EVP_PKEY_free(pkey);

    memset(&key, 0, sizeof(key));
    assert_int_equal(ts_assertion_key_read(&key, TS_SLICE("no key"), 0),
                     TS_JWKS_PEM);
}


static void
other_curves_do_not(void **state)
{
    EVP_PKEY            *pkey;
    ts_assertion_key_t   key;

    (void) state;

    pkey = generate("P-384");
    read_key(&key, pkey, 1, NULL, 1, TS_JWKS_KEY_TYPE);
    ts_assertion_key_free(&key);
    EVP_PKEY_free(pkey);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(rsa_is_verified),
        cmocka_unit_test(p256_is_verified),
        cmocka_unit_test(ed25519_is_verified),
        cmocka_unit_test(only_a_private_key_signs),
        cmocka_unit_test(other_curves_do_not),
    };

    return cmocka_run_group_tests_name("assertion", tests, NULL, NULL);
}
