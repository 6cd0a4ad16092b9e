/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_signer.h"

#include "core/ts_jwt.h"


#define SECRET  "0123456789abcdef0123456789abcdef"
#define NOW     1700000000


static ts_jwks_t         jwks;
static EVP_PKEY         *secret;
static ts_jwt_t          jwt;
static char              token[16384];
static ts_jwt_policy_t   any = { .algs = TS_JWS_ALG_ANY };


static int
setup(void **state)
{
    (void) state;

    assert_int_equal(ts_jwks_read_secret(&jwks, TS_SLICE(SECRET),
                                         TS_JWS_ALG_ANY), TS_JWKS_OK);

    secret = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL,
                                  (const uint8_t *) SECRET,
                                  sizeof(SECRET) - 1);
    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    ts_jwks_free(&jwks);
    EVP_PKEY_free(secret);

    return 0;
}


static ts_reason_e
check_token(const ts_jwt_policy_t *policy)
{
    ts_slice_t   copy;
    ts_reason_e  rc;

    copy = heap_copy(token, strlen(token));
    rc = ts_jwt_check(&jwt, copy, policy, &jwks, NOW);
    heap_free(copy);

    return rc;
}


static ts_reason_e
claims(const ts_jwt_policy_t *policy, const char *text)
{
    signer_sign(token, secret, "SHA256", -1, "{\"alg\":\"HS256\"}", text);

    return check_token(policy);
}


static void
the_payload_is_a_strict_object(void **state)
{
    (void) state;

    assert_int_equal(claims(&any, "{\"exp\":1700000001}"), TS_REASON_NONE);
    assert_int_equal(claims(&any, "[{\"exp\":1700000001}]"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "\"exp\""), TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, ""), TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":1700000001}{}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":1,\"exp\":1700000001}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":1700000001,\"sub\":\"a\","
                            "\"s\\u0075b\":\"b\"}"), TS_REASON_JWT_CLAIMS);
}


static void
exp_is_required_and_exact(void **state)
{
    ts_jwt_policy_t  leeway = any;

    (void) state;

    leeway.leeway = 10;

    assert_int_equal(claims(&any, "{}"), TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":null}"), TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":\"1800000000\"}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":[1800000000]}"),
                     TS_REASON_JWT_CLAIMS);

    assert_int_equal(claims(&any, "{\"exp\":1700000000}"),
                     TS_REASON_JWT_EXPIRED);
    assert_int_equal(claims(&any, "{\"exp\":1700000001}"), TS_REASON_NONE);
    assert_int_equal(jwt.expires, NOW + 1);
    assert_int_equal(claims(&any, "{\"exp\":1700000000.9}"),
                     TS_REASON_JWT_EXPIRED);
    assert_int_equal(claims(&any, "{\"exp\":1.8e9}"), TS_REASON_NONE);
    assert_int_equal(claims(&any, "{\"exp\":0}"), TS_REASON_JWT_EXPIRED);
    assert_int_equal(claims(&any, "{\"exp\":-1}"), TS_REASON_JWT_EXPIRED);
    assert_int_equal(claims(&any, "{\"exp\":9223372036854775807}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&any, "{\"exp\":9223372036854775808}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, "{\"exp\":1e400}"), TS_REASON_JWT_CLAIMS);

    assert_int_equal(claims(&leeway, "{\"exp\":1699999990}"),
                     TS_REASON_JWT_EXPIRED);
    assert_int_equal(claims(&leeway, "{\"exp\":1699999991}"),
                     TS_REASON_NONE);
    assert_int_equal(jwt.expires, NOW + 1);
    assert_int_equal(claims(&leeway, "{\"exp\":9223372036854775807}"),
                     TS_REASON_JWT_CLAIMS);
}


static void
nbf_and_iat_hold_a_token_back(void **state)
{
    ts_jwt_policy_t  leeway = any;

    (void) state;

    leeway.leeway = 10;

#define EXP  "{\"exp\":1700001000,"

    assert_int_equal(claims(&any, EXP "\"nbf\":1700000000}"),
                     TS_REASON_NONE);
    assert_int_equal(jwt.not_before, NOW);
    assert_int_equal(claims(&any, EXP "\"nbf\":1700000001}"),
                     TS_REASON_JWT_NOT_YET_VALID);
    assert_int_equal(claims(&any, EXP "\"nbf\":1700000000.1}"),
                     TS_REASON_JWT_NOT_YET_VALID);
    assert_int_equal(claims(&any, EXP "\"nbf\":\"0\"}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, EXP "\"nbf\":null}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&leeway, EXP "\"nbf\":1700000010}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&leeway, EXP "\"nbf\":1700000011}"),
                     TS_REASON_JWT_NOT_YET_VALID);
    assert_int_equal(claims(&leeway, EXP "\"nbf\":-9223372036854775808}"),
                     TS_REASON_JWT_CLAIMS);

    assert_int_equal(claims(&any, EXP "\"iat\":1700000060}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&any, EXP "\"iat\":1700000061}"),
                     TS_REASON_JWT_NOT_YET_VALID);
    assert_int_equal(claims(&any, EXP "\"iat\":9223372036854775807}"),
                     TS_REASON_JWT_NOT_YET_VALID);
    assert_int_equal(claims(&any, EXP "\"iat\":-9223372036854775808}"),
                     TS_REASON_JWT_CLAIMS);
    assert_int_equal(claims(&any, EXP "\"iat\":\"now\"}"),
                     TS_REASON_JWT_CLAIMS);
}


static void
max_lifetime_bounds_exp_minus_iat(void **state)
{
    ts_jwt_policy_t  hour = any;

    (void) state;

    hour.max_lifetime = 3600;

    assert_int_equal(claims(&hour, "{\"exp\":1700003600,"
                            "\"iat\":1700000000}"), TS_REASON_NONE);
    assert_int_equal(claims(&hour, "{\"exp\":1700003601,"
                            "\"iat\":1700000000}"), TS_REASON_JWT_LIFETIME);
    assert_int_equal(claims(&hour, "{\"exp\":1700003600}"),
                     TS_REASON_JWT_LIFETIME);
    assert_int_equal(claims(&hour, "{\"exp\":1700007200,"
                            "\"iat\":1700003600}"),
                     TS_REASON_JWT_NOT_YET_VALID);
}


/* It stands in for iat, so nothing may live longer: it would be "issued" in
   the future, and no revocation would cover it. */

static void
lifetime_tells_when_a_token_was_issued(void **state)
{
    ts_jwt_policy_t  hour = any;

    (void) state;

    hour.lifetime = 3600;

    assert_int_equal(claims(&hour, "{\"exp\":1700003600}"), TS_REASON_NONE);
    assert_int_equal(claims(&hour, "{\"exp\":1700003660}"), TS_REASON_NONE);
    assert_int_equal(claims(&hour, "{\"exp\":1700003661}"),
                     TS_REASON_JWT_LIFETIME);
    assert_int_equal(claims(&hour, "{\"exp\":9223372036854775807}"),
                     TS_REASON_JWT_LIFETIME);
    assert_int_equal(claims(&hour, "{\"exp\":1700003600,"
                            "\"iat\":1700000000}"), TS_REASON_NONE);
    assert_int_equal(claims(&hour, "{\"exp\":1700003600,"
                            "\"iat\":1699999999}"), TS_REASON_JWT_LIFETIME);

    hour.max_lifetime = 60;
    assert_int_equal(claims(&hour, "{\"exp\":1700003600,"
                            "\"iat\":1700000000}"), TS_REASON_JWT_LIFETIME);
}


static void
issuer_is_compared_exactly(void **state)
{
    ts_jwt_policy_t  policy = any;

    (void) state;

    policy.issuer = TS_SLICE("https://idp.test");

    assert_int_equal(claims(&policy, EXP "\"iss\":\"https://idp.test\"}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&policy, EXP "\"iss\":\"https:\\/\\/idp.test\"}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&policy, EXP "\"iss\":\"https://idp.test/\"}"),
                     TS_REASON_JWT_ISSUER);
    assert_int_equal(claims(&policy, EXP "\"iss\":\"HTTPS://idp.test\"}"),
                     TS_REASON_JWT_ISSUER);
    assert_int_equal(claims(&policy, EXP "\"iss\":[\"https://idp.test\"]}"),
                     TS_REASON_JWT_ISSUER);
    assert_int_equal(claims(&policy, EXP "\"iss\":null}"),
                     TS_REASON_JWT_ISSUER);
    assert_int_equal(claims(&policy, "{\"exp\":1700001000}"),
                     TS_REASON_JWT_ISSUER);
}


static void
audience_is_a_string_or_one_of_an_array(void **state)
{
    ts_jwt_policy_t  policy = any;

    (void) state;

    policy.n_audiences = 2;
    policy.audiences[0] = TS_SLICE("portal");
    policy.audiences[1] = TS_SLICE("mobile");

    assert_int_equal(claims(&policy, EXP "\"aud\":\"portal\"}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&policy, EXP "\"aud\":\"mobile\"}"),
                     TS_REASON_NONE);
    assert_int_equal(claims(&policy, EXP "\"aud\":[\"x\",{\"y\":[1]},"
                            "\"mobile\"]}"), TS_REASON_NONE);
    assert_int_equal(claims(&policy, EXP "\"aud\":\"portal mobile\"}"),
                     TS_REASON_JWT_AUDIENCE);
    assert_int_equal(claims(&policy, EXP "\"aud\":[]}"),
                     TS_REASON_JWT_AUDIENCE);
    assert_int_equal(claims(&policy, EXP "\"aud\":[[\"portal\"]]}"),
                     TS_REASON_JWT_AUDIENCE);
    assert_int_equal(claims(&policy, EXP "\"aud\":{\"portal\":\"portal\"}}"),
                     TS_REASON_JWT_AUDIENCE);
    assert_int_equal(claims(&policy, "{\"exp\":1700001000}"),
                     TS_REASON_JWT_AUDIENCE);
}


static ts_reason_e
typed(const ts_jwt_policy_t *policy, const char *typ, const char *more)
{
    char  header[256], payload[256];

    (void) snprintf(header, sizeof(header), "{\"alg\":\"HS256\"%s}", typ);
    (void) snprintf(payload, sizeof(payload), "{\"exp\":1700001000%s}", more);

    signer_sign(token, secret, "SHA256", -1, header, payload);

    return check_token(policy);
}


static void
a_refresh_token_is_no_access_token(void **state)
{
    size_t  i;

    static const char  *refresh[] = {
        ",\"type\":\"refresh\"", ",\"token_type\":\"refresh\"",
        ",\"token_use\":\"refresh\"", ",\"typ\":\"Refresh\"",
        ",\"typ\":\"Offline\"", ",\"type\":\"refresh_token\"",
        ",\"type\":\"r\\u0065fresh\"",
    };

    (void) state;

    for (i = 0; i < sizeof(refresh) / sizeof(refresh[0]); i++) {
        assert_int_equal(typed(&any, "", refresh[i]), TS_REASON_JWT_TYPE);
    }

    assert_int_equal(typed(&any, "", ",\"type\":\"access\""),
                     TS_REASON_NONE);
    assert_int_equal(typed(&any, "", ",\"typ\":\"Bearer\",\"type\":1"),
                     TS_REASON_NONE);

    assert_int_equal(typed(&any, ",\"typ\":\"JWT\"", ""), TS_REASON_NONE);
    assert_int_equal(typed(&any, ",\"typ\":\"jwt\"", ""), TS_REASON_NONE);
    assert_int_equal(typed(&any, ",\"typ\":\"at+jwt\"", ""), TS_REASON_NONE);
    assert_int_equal(typed(&any, ",\"typ\":\"application/at+JWT\"", ""),
                     TS_REASON_NONE);
    assert_int_equal(typed(&any, ",\"typ\":\"logout+jwt\"", ""),
                     TS_REASON_JWT_TYPE);
    assert_int_equal(typed(&any, ",\"typ\":\"dpop+jwt\"", ""),
                     TS_REASON_JWT_TYPE);
    assert_int_equal(typed(&any, ",\"typ\":\"\"", ""), TS_REASON_JWT_TYPE);
    assert_int_equal(typed(&any, ",\"typ\":\"application/\"", ""),
                     TS_REASON_JWT_TYPE);
}


static void
the_configured_type_is_asked_for(void **state)
{
    uint8_t          buf[16];
    ts_jwt_policy_t  header = any, claim = any;

    (void) state;

    header.type = TS_SLICE("at+jwt");
    claim.type = TS_SLICE("access");
    assert_int_equal(ts_json_pointer(&claim.type_claim,
                                     TS_SLICE("/token_use"), buf), 0);

    assert_int_equal(typed(&header, ",\"typ\":\"AT+jwt\"", ""),
                     TS_REASON_NONE);
    assert_int_equal(typed(&header, ",\"typ\":\"JWT\"", ""),
                     TS_REASON_JWT_TYPE);
    assert_int_equal(typed(&header, "", ""), TS_REASON_JWT_TYPE);

    assert_int_equal(typed(&claim, "", ",\"token_use\":\"access\""),
                     TS_REASON_NONE);
    assert_int_equal(typed(&claim, "", ",\"token_use\":\"id\""),
                     TS_REASON_JWT_TYPE);
    assert_int_equal(typed(&claim, "", ",\"token_use\":[\"access\"]"),
                     TS_REASON_JWT_TYPE);
    assert_int_equal(typed(&claim, "", ""), TS_REASON_JWT_TYPE);
}


static void
the_signature_comes_last_and_decides(void **state)
{
    (void) state;

    assert_int_equal(claims(&any, EXP "\"sub\":\"alice\"}"), TS_REASON_NONE);

    token[strlen(token) - 5] ^= 1;
    assert_int_equal(check_token(&any), TS_REASON_JWT_SIGNATURE);

    assert_int_equal(claims(&any, "{\"exp\":1}"), TS_REASON_JWT_EXPIRED);
    token[strlen(token) - 5] ^= 1;
    assert_int_equal(check_token(&any), TS_REASON_JWT_EXPIRED);
}


static void
the_length_is_bounded(void **state)
{
    int          n;
    char         text[8000];
    ts_reason_e  rc;

    (void) state;

    /* 20 header, 43 signature, 2 dots: 8127 are left for the payload */

    for (n = 6060; n <= 6120; n++) {
        (void) snprintf(text, sizeof(text), EXP "\"x\":\"%0*d\"}", n - 27, 0);
        rc = claims(&any, text);
        assert_int_equal(rc, strlen(token) <= TS_JWS_LEN
                             ? TS_REASON_NONE : TS_REASON_JWT_TOO_LONG);
    }

    assert_true(strlen(token) > TS_JWS_LEN);
}


static ts_jwt_claim_e
claim(const char *payload, const char *path, size_t size, const char *want)
{
    uint8_t            *buf, names[64];
    ts_slice_t          text;
    ts_jwt_claim_e      rc;
    ts_json_pointer_t   pointer;

    assert_int_equal(claims(&any, payload), TS_REASON_NONE);
    assert_int_equal(ts_json_pointer(&pointer, ts_slice(path, strlen(path)),
                                     names), 0);
    buf = malloc(size + !size);
    rc = ts_jwt_claim(&jwt, &pointer, buf, size, &text);

    if (rc == TS_JWT_CLAIM_OK) {
        assert_true(ts_slice_eq(text, ts_slice(want, strlen(want))));
    }

    free(buf);

    return rc;
}


static void
claims_become_text(void **state)
{
    (void) state;

#define CLAIM(value, size, want)                                             \
    claim(EXP "\"c\":" value "}", "/c", size, want)

    assert_int_equal(CLAIM("\"alice\"", 5, "alice"), TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("\"alice\"", 4, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"\\u00e9 x\"", 64, "\xc3\xa9 x"),
                     TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("{\"id\":\"a\"}", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(claim(EXP "\"c\":{\"id\":\"a\"}}", "/c/id", 64, "a"),
                     TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("1042", 64, "1042"), TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("-7", 64, "-7"), TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("0", 64, "0"), TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("-0", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("1.0", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("1e3", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("1E3", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("1.5", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("99999999999999999999", 64, ""),
                     TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("true", 64, "true"), TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("null", 64, ""), TS_JWT_CLAIM_NONE);
    assert_int_equal(CLAIM("[]", 64, ""), TS_JWT_CLAIM_NONE);
    assert_int_equal(claim(EXP "\"c\":1}", "/d", 64, ""), TS_JWT_CLAIM_NONE);

    assert_int_equal(CLAIM("[\"admin\",7,false]", 64, "admin,7,false"),
                     TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("[\"admin\",7,false]", 13, "admin,7,false"),
                     TS_JWT_CLAIM_OK);
    assert_int_equal(CLAIM("[\"admin\",7,false]", 12, ""),
                     TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("[\"a\",[\"b\"]]", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("[\"a,admin\"]", 64, ""), TS_JWT_CLAIM_UNFIT);
}


static ts_jwt_claim_e
user(const char *payload)
{
    uint8_t            buf[16], names[8];
    ts_slice_t         text;
    ts_json_pointer_t  pointer;

    assert_int_equal(claims(&any, payload), TS_REASON_NONE);
    assert_int_equal(ts_json_pointer(&pointer, TS_SLICE("/sub"), names), 0);

    return ts_jwt_user(&jwt, &pointer, buf, sizeof(buf), &text);
}


static void
a_user_is_one_string_or_integer(void **state)
{
    (void) state;

    assert_int_equal(user(EXP "\"sub\":\"alice\"}"), TS_JWT_CLAIM_OK);
    assert_int_equal(user(EXP "\"sub\":1042}"), TS_JWT_CLAIM_OK);
    assert_int_equal(user(EXP "\"x\":1}"), TS_JWT_CLAIM_NONE);
    assert_int_equal(user(EXP "\"sub\":null}"), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(user(EXP "\"sub\":true}"), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(user(EXP "\"sub\":[\"alice\"]}"), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(user(EXP "\"sub\":\"\"}"), TS_JWT_CLAIM_UNFIT);
}


static void
text_that_a_backend_could_mistake_is_unfit(void **state)
{
    (void) state;

    assert_int_equal(CLAIM("\"\"", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\" alice\"", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"alice \"", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"alice\\t\"", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"a\\r\\nX-Role: admin\"", 64, ""),
                     TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"a\\u001fb\"", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"a\\u007f\"", 64, ""), TS_JWT_CLAIM_UNFIT);
    assert_int_equal(CLAIM("\"a\\u0020b\"", 64, "a b"), TS_JWT_CLAIM_OK);
}


static void
a_good_token_can_be_read_again(void **state)
{
    uint8_t            buf[64], names[8];
    ts_slice_t         text;
    ts_json_pointer_t  pointer;

    (void) state;

    assert_int_equal(claims(&any, EXP "\"sub\":\"alice\"}"), TS_REASON_NONE);
    memset(&jwt, 0, sizeof(jwt));

    assert_true(ts_jwt_reread(&jwt, ts_slice(token, strlen(token))));
    assert_int_equal(ts_json_pointer(&pointer, TS_SLICE("/sub"), names), 0);
    assert_int_equal(ts_jwt_claim(&jwt, &pointer, buf, sizeof(buf), &text),
                     TS_JWT_CLAIM_OK);
    assert_true(ts_slice_eq(text, TS_SLICE("alice")));

    assert_false(ts_jwt_reread(&jwt, TS_SLICE("a.b.c")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_payload_is_a_strict_object),
        cmocka_unit_test(exp_is_required_and_exact),
        cmocka_unit_test(nbf_and_iat_hold_a_token_back),
        cmocka_unit_test(max_lifetime_bounds_exp_minus_iat),
        cmocka_unit_test(lifetime_tells_when_a_token_was_issued),
        cmocka_unit_test(issuer_is_compared_exactly),
        cmocka_unit_test(audience_is_a_string_or_one_of_an_array),
        cmocka_unit_test(a_refresh_token_is_no_access_token),
        cmocka_unit_test(the_configured_type_is_asked_for),
        cmocka_unit_test(the_signature_comes_last_and_decides),
        cmocka_unit_test(the_length_is_bounded),
        cmocka_unit_test(claims_become_text),
        cmocka_unit_test(a_user_is_one_string_or_integer),
        cmocka_unit_test(text_that_a_backend_could_mistake_is_unfit),
        cmocka_unit_test(a_good_token_can_be_read_again),
    };

    return cmocka_run_group_tests_name("jwt", tests, setup, teardown);
}
