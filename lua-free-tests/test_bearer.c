/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_bearer.h"


static void
authorization(const char *value, const char *want)
{
    int         found;
    ts_slice_t  copy, token;

    copy = heap_copy(value, strlen(value));
    found = ts_bearer_authorization(copy, &token);

    assert_int_equal(found, want != NULL);

    if (found) {
        assert_true(ts_slice_eq(token, ts_slice(want, strlen(want))));
    }

    heap_free(copy);
}


static void
the_scheme_is_bearer(void **state)
{
    (void) state;

    authorization("Bearer A.b-c", "A.b-c");
    authorization("bearer A", "A");
    authorization("BEARER  A", "A");
    authorization("Bearer A B", "A B");
    authorization("Bearer ", "");
    authorization("Bearer", "");

    authorization("", NULL);
    authorization("Beare", NULL);
    authorization("Bearer\tA", NULL);
    authorization("BearerA", NULL);
    authorization("Basic YTpi", NULL);
    authorization("Token A", NULL);
}


static void
subprotocol(const char *value, ts_bearer_result_e want, const char *rest,
    const char *want_token)
{
    uint8_t             *out;
    ts_slice_t           copy, r, token;
    ts_bearer_result_e   rc;

    copy = heap_copy(value, strlen(value));
    out = malloc(copy.len + !copy.len);

    rc = ts_bearer_subprotocol(copy, out, &r, &token);

    assert_int_equal(rc, want);
    assert_true(ts_slice_eq(r, ts_slice(rest, strlen(rest))));
    assert_int_equal(token.data == NULL, want_token == NULL);

    if (want_token) {
        assert_true(ts_slice_eq(token, ts_slice(want_token,
                                                strlen(want_token))));
    }

    free(out);
    heap_free(copy);
}


static void
the_item_behind_bearer_is_the_token(void **state)
{
    (void) state;

    subprotocol("bearer, A.b-c", TS_BEARER_FOUND, "bearer", "A.b-c");
    subprotocol("bearer,A", TS_BEARER_FOUND, "bearer", "A");
    subprotocol("graphql-ws , bearer ,\tA , mqtt", TS_BEARER_FOUND,
                "graphql-ws,mqtt,bearer", "A");
    subprotocol("bearer, ,A", TS_BEARER_FOUND, "bearer", "A");
}


static void
nothing_is_left_behind_bearer(void **state)
{
    (void) state;

    subprotocol("bearer, A, B", TS_BEARER_FOUND, "B,bearer", "A");
    subprotocol("bearer, A, B, bearer", TS_BEARER_AMBIGUOUS, "B,bearer", "A");
}


static void
without_bearer_there_is_no_token(void **state)
{
    (void) state;

    subprotocol("", TS_BEARER_NONE, "", NULL);
    subprotocol("mqtt", TS_BEARER_NONE, "mqtt", NULL);
    subprotocol("mqtt, A", TS_BEARER_NONE, "mqtt,A", NULL);
    subprotocol("mqtt, bearer", TS_BEARER_NONE, "mqtt,bearer", NULL);
    subprotocol("bearer,", TS_BEARER_NONE, "bearer", NULL);
    subprotocol("Bearer, A", TS_BEARER_NONE, "Bearer,A", NULL);
}


static void
bearer_twice_is_ambiguous(void **state)
{
    (void) state;

    subprotocol("bearer, A, bearer, B", TS_BEARER_AMBIGUOUS,
                "bearer", "A");

    /* here the second one is the token, and none */
    subprotocol("bearer, bearer", TS_BEARER_FOUND, "bearer", "bearer");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_scheme_is_bearer),
        cmocka_unit_test(the_item_behind_bearer_is_the_token),
        cmocka_unit_test(nothing_is_left_behind_bearer),
        cmocka_unit_test(without_bearer_there_is_no_token),
        cmocka_unit_test(bearer_twice_is_ambiguous),
    };

    return cmocka_run_group_tests_name("bearer", tests, NULL, NULL);
}
