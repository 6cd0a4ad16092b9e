/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_jwt.h"
#include "core/ts_session.h"


#define NOW  1700000000


static ts_jwks_t        jwks;
static ts_jwt_t         jwt;
static ts_jwt_policy_t  policy;
static uint8_t          out[TS_SESSION_TOKEN];

static const uint8_t  key[TS_SESSION_KEY] = { 1, 2, 3 };


static int
setup(void **state)
{
    (void) state;

    memset(&policy, 0, sizeof(policy));
    policy.algs = ts_jws_alg_bit(TS_JWS_ALG_HS256);
    policy.issuer = TS_SLICE("portal");
    policy.type = TS_SLICE(TS_SESSION_TYP);

    memset(&jwks, 0, sizeof(jwks));
    assert_int_equal(ts_jwks_read_secret(&jwks,
                         TS_SLICE("0123456789abcdef0123456789abcdef"),
                         policy.algs), TS_JWKS_OK);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    ts_jwks_free(&jwks);

    return 0;
}


static ts_session_t
session(ts_slice_t user)
{
    ts_session_t  s;

    memset(&s, 0, sizeof(s));

    s.issuer = TS_SLICE("portal");
    s.user = user;
    s.id = TS_SLICE("AAAAAAAAAAAAAAAAAAAAAA");
    s.issued = NOW - 100;
    s.expires = NOW + 1800;
    s.authenticated = NOW - 50;
    s.end = NOW + 3600;
    s.app = TS_SLICE("0123456789abcdefghijkl");

    return s;
}


static ts_slice_t
write_token(const ts_session_t *s)
{
    size_t  len;

    len = ts_session_write(s, jwks.keys[0].verifier[TS_JWS_ALG_HS256].hmac,
                           out);
    assert_true(len < TS_SESSION_TOKEN);

    return heap_copy(out, len);
}


static void
claim_is(const char *name, const char *expected)
{
    uint8_t            buf[1024];
    ts_slice_t         text;
    ts_jwt_claim_e     rc;
    ts_json_pointer_t  pointer;

    pointer.n = 1;
    pointer.names[0] = ts_slice(name, strlen(name));

    rc = ts_jwt_claim(&jwt, &pointer, buf, sizeof(buf), &text);

    if (expected == NULL) {
        assert_int_equal(rc, TS_JWT_CLAIM_NONE);
        return;
    }

    assert_int_equal(rc, TS_JWT_CLAIM_OK);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}


/* The user of the token, read back, is the user that was given. */

static int
comes_back(const char *user, size_t len)
{
    uint8_t            buf[1024];
    ts_slice_t         token, name, text;
    ts_session_t       s;
    ts_json_pointer_t  pointer;

    name = heap_copy(user, len);
    s = session(name);
    token = write_token(&s);

    if (token.len == 0) {
        heap_free(name);
        heap_free(token);
        return 0;
    }

    pointer.n = 1;
    pointer.names[0] = TS_SLICE("sub");

    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW),
                     TS_REASON_NONE);
    assert_int_equal(ts_jwt_user(&jwt, &pointer, buf, sizeof(buf), &text),
                     TS_JWT_CLAIM_OK);
    assert_int_equal(text.len, len);
    assert_memory_equal(text.data, user, len);

    heap_free(name);
    heap_free(token);

    return 1;
}


static void
the_reader_of_tokens_reads_it(void **state)
{
    ts_slice_t    token;
    ts_session_t  s;

    (void) state;

    s = session(TS_SLICE("alice"));
    token = write_token(&s);

    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW),
                     TS_REASON_NONE);
    assert_int_equal(jwt.expires, s.expires);

    claim_is("iss", "portal");
    claim_is("sub", "alice");
    claim_is("sid", "AAAAAAAAAAAAAAAAAAAAAA");
    claim_is("iat", "1699999900");
    claim_is("auth_time", "1699999950");
    claim_is("end", "1700003600");
    claim_is("app", "0123456789abcdefghijkl");
    claim_is("amr", NULL);
    claim_is("old", NULL);

    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW + 1800),
                     TS_REASON_JWT_EXPIRED);
    heap_free(token);

    s.amr = TS_SLICE("mfa");
    s.old = TS_SLICE("zyxwvutsrqponmlkjihgfe");
    s.old_until = NOW + 10;
    token = write_token(&s);

    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW),
                     TS_REASON_NONE);
    claim_is("amr", "mfa");
    claim_is("old", "zyxwvutsrqponmlkjihgfe");
    claim_is("old_until", "1700000010");
    heap_free(token);
}


static void
pending_is_another_kind(void **state)
{
    ts_slice_t    token;
    ts_session_t  s;

    (void) state;

    s = session(TS_SLICE("alice"));
    s.pending = 1;
    token = write_token(&s);

    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW),
                     TS_REASON_JWT_TYPE);

    policy.type = TS_SLICE(TS_SESSION_TYP_PENDING);
    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW),
                     TS_REASON_NONE);
    heap_free(token);

    s.pending = 0;
    token = write_token(&s);
    assert_int_equal(ts_jwt_check(&jwt, token, &policy, &jwks, NOW),
                     TS_REASON_JWT_TYPE);
    heap_free(token);
}


static void
users_come_back_byte_for_byte(void **state)
{
    size_t  i;
    char    name[TS_SESSION_USER_LEN + 1];

    static const char *const  users[] = {
        "a", "alice", "Alice", "a b", "\xe2\x93\x90" "dmin", "\xc5\xbf" "am",
        "\"", "\\", "a\",\"sub\":\"admin", "\\u0061dmin", "{}", "\xc2\xa0x",
        "\xf0\x9f\x98\x80", "e\xcc\x81", "\xc3\xa9", "a\xe2\x80\x8b",
    };

    static const char *const  none[] = {
        "", " a", "a ", " ", "a\tb", "a\nb", "a\x7f" "b", "\xff", "\xc3",
        "\xc0\x80", "\xed\xa0\x80",
    };

    (void) state;

    for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        assert_true(comes_back(users[i], strlen(users[i])));
    }

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(comes_back(none[i], strlen(none[i])));
    }

    assert_false(comes_back("a\0b", 3));

    memset(name, '"', sizeof(name));
    assert_true(comes_back(name, TS_SESSION_USER_LEN));
    assert_false(comes_back(name, TS_SESSION_USER_LEN + 1));
}


static void
bound_to_the_cookie_and_a_while_to_the_one_before(void **state)
{
    uint8_t     a[TS_SESSION_HASH], b[TS_SESSION_HASH], c[TS_SESSION_HASH];
    ts_slice_t  app, old, none;

    (void) state;

    ts_session_hash(key, TS_SLICE("one"), a);
    ts_session_hash(key, TS_SLICE("two"), b);
    ts_session_hash(key, TS_SLICE("three"), c);
    assert_memory_not_equal(a, b, TS_SESSION_HASH);

    app = heap_copy(a, TS_SESSION_HASH);
    old = heap_copy(b, TS_SESSION_HASH);
    none = ts_slice(NULL, 0);

    assert_true(ts_session_bound(app, none, 0, a, NOW));
    assert_false(ts_session_bound(app, none, 0, b, NOW));
    assert_false(ts_session_bound(app, none, NOW + 10, b, NOW));
    assert_true(ts_session_bound(app, old, NOW + 1, b, NOW));
    assert_false(ts_session_bound(app, old, NOW, b, NOW));
    assert_false(ts_session_bound(app, old, NOW + 1, c, NOW));
    assert_false(ts_session_bound(none, none, NOW + 1, a, NOW));
    assert_false(ts_session_bound(ts_slice(a, TS_SESSION_HASH - 1), none, 0, a,
                                  NOW));

    heap_free(app);
    heap_free(old);
}


static void
seconds(void **state)
{
    (void) state;

    assert_int_equal(ts_session_seconds(TS_SLICE("1700000000")), 1700000000);
    assert_int_equal(ts_session_seconds(TS_SLICE("0")), 0);
    assert_int_equal(ts_session_seconds(TS_SLICE("")), 0);
    assert_int_equal(ts_session_seconds(TS_SLICE("-1")), 0);
    assert_int_equal(ts_session_seconds(TS_SLICE("1.5")), 0);
    assert_int_equal(ts_session_seconds(TS_SLICE("999999999999999999")),
                     999999999999999999);
    assert_int_equal(ts_session_seconds(TS_SLICE("1000000000000000000")), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(the_reader_of_tokens_reads_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(pending_is_another_kind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(users_come_back_byte_for_byte, setup,
                                        teardown),
        cmocka_unit_test(bound_to_the_cookie_and_a_while_to_the_one_before),
        cmocka_unit_test(seconds),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
