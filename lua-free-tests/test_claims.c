/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_claims.h"


#define SIZE  512


/* A document with one value, packed as claim 7 into exactly size bytes. */

static ts_slice_t
pack_in(const char *text, size_t size, int *added)
{
    ts_json_t        json;
    ts_slice_t       copy;
    ts_claims_t      claims;
    ts_json_token_t  tokens[64];

    copy = heap_copy(text, strlen(text));

    memset(&json, 0, sizeof(json));
    json.tokens = tokens;
    json.size = 64;
    json.max_depth = 8;
    assert_int_equal(ts_json_parse(&json, copy), TS_JSON_OK);

    claims.data = malloc(size ? size : 1);
    claims.size = size;
    claims.len = 0;

    *added = ts_claims_add(&claims, 7, &json, json.tokens);
    assert_true(claims.len <= size);

    heap_free(copy);

    return ts_slice(claims.data, claims.len);
}


static ts_slice_t
pack(const char *text)
{
    int  added;

    ts_slice_t  packed;

    packed = pack_in(text, SIZE, &added);
    assert_true(added);

    return packed;
}


static void
assert_type(const char *text, ts_claim_type_e type, int64_t number,
    const char *bytes)
{
    ts_claim_t  claim;
    ts_slice_t  packed, exact;

    packed = pack(text);
    exact = heap_copy(packed.data, packed.len);

    assert_true(ts_claims_find(exact, 7, &claim));
    assert_false(ts_claims_find(exact, 6, &claim)
                 && claim.type == TS_CLAIM_ARRAY);
    assert_true(ts_claims_find(exact, 7, &claim));
    assert_int_equal(claim.type, type);
    assert_int_equal(claim.number, number);

    if (bytes != NULL) {
        assert_int_equal(claim.bytes.len, strlen(bytes));
        assert_memory_equal(claim.bytes.data, bytes, strlen(bytes));
    }

    heap_free(exact);
    heap_free(packed);
}


static void
types_are_kept(void **state)
{
    (void) state;

    assert_type("true", TS_CLAIM_TRUE, 0, "");
    assert_type("false", TS_CLAIM_FALSE, 0, "");
    assert_type("\"true\"", TS_CLAIM_STRING, 0, "true");
    assert_type("\"\"", TS_CLAIM_STRING, 0, "");
    assert_type("\"\\u0061dmin\"", TS_CLAIM_STRING, 0, "admin");
    assert_type("\"2\"", TS_CLAIM_STRING, 0, "2");
    assert_type("2", TS_CLAIM_INTEGER, 2, NULL);
    assert_type("2.0", TS_CLAIM_INTEGER, 2, NULL);
    assert_type("2.5", TS_CLAIM_FRACTION, 2, NULL);
    assert_type("-2.5", TS_CLAIM_FRACTION, -3, NULL);
    assert_type("9223372036854775807", TS_CLAIM_INTEGER, INT64_MAX, NULL);
    assert_type("9223372036854775808", TS_CLAIM_OTHER, 0, "");
    assert_type("1e400", TS_CLAIM_OTHER, 0, "");
    assert_type("{\"a\":1}", TS_CLAIM_OTHER, 0, "");
}


static void
nothing_and_null_are_not_there(void **state)
{
    ts_claim_t   claim;
    ts_slice_t   packed;
    ts_claims_t  claims;

    (void) state;

    packed = pack("null");
    assert_int_equal(packed.len, 0);
    assert_false(ts_claims_find(packed, 7, &claim));
    heap_free(packed);

    claims.len = 0;
    claims.size = 0;
    assert_true(ts_claims_add(&claims, 7, NULL, NULL));
    assert_int_equal(claims.len, 0);
}


static void
arrays_keep_their_elements(void **state)
{
    size_t      i;
    ts_claim_t  claim, one;
    ts_slice_t  packed;

    static const ts_claim_type_e  types[] = {
        TS_CLAIM_STRING, TS_CLAIM_INTEGER, TS_CLAIM_TRUE, TS_CLAIM_OTHER,
        TS_CLAIM_OTHER, TS_CLAIM_OTHER, TS_CLAIM_STRING
    };

    (void) state;

    packed = pack("[\"a\", 1, true, [\"x\"], {\"x\": \"y\"}, null, \"b\"]");
    assert_true(ts_claims_find(packed, 7, &claim));
    assert_int_equal(claim.type, TS_CLAIM_ARRAY);

    for (i = 0; ts_claim_element(&claim.bytes, &one); i++) {
        assert_int_equal(one.type, types[i]);
    }

    assert_int_equal(i, sizeof(types) / sizeof(types[0]));
    heap_free(packed);

    packed = pack("[]");
    assert_true(ts_claims_find(packed, 7, &claim));
    assert_int_equal(claim.type, TS_CLAIM_ARRAY);
    assert_false(ts_claim_element(&claim.bytes, &one));
    heap_free(packed);
}


/* Too little room never makes a claim look missing, and never another one. */

static void
every_size(void **state)
{
    int         added;
    size_t      size;
    ts_claim_t  claim;
    ts_slice_t  packed;

    static const char *const  texts[] = {
        "\"administrator\"", "[\"one\",2,[3],\"f\\u006fur\"]", "12345", "true"
    };

    (void) state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        ts_slice_t  whole = pack(texts[i]);

        for (size = 0; size <= whole.len; size++) {
            packed = pack_in(texts[i], size, &added);

            assert_int_equal(added, size >= 4);
            assert_int_equal(ts_claims_find(packed, 7, &claim), added);

            if (size == whole.len) {
                assert_int_equal(packed.len, whole.len);
                assert_memory_equal(packed.data, whole.data, whole.len);

            } else if (added) {
                assert_int_equal(claim.type, TS_CLAIM_OTHER);
            }

            heap_free(packed);
        }

        heap_free(whole);
    }
}


/* Bytes cut off anywhere are no claim. */

static void
every_cut(void **state)
{
    size_t      len;
    ts_claim_t  claim, one;
    ts_slice_t  packed, cut;

    (void) state;

    packed = pack("[\"one\", 2, \"three\"]");

    for (len = 0; len < packed.len; len++) {
        cut = heap_copy(packed.data, len);
        assert_false(ts_claims_find(cut, 7, &claim));
        heap_free(cut);
    }

    assert_true(ts_claims_find(packed, 7, &claim));

    for (len = 0; len < claim.bytes.len; len++) {
        cut = heap_copy(claim.bytes.data, len);

        ts_slice_t  rest = cut;

        while (ts_claim_element(&rest, &one)) { /* void */ }

        assert_true(rest.len <= len);
        heap_free(cut);
    }

    heap_free(packed);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(types_are_kept),
        cmocka_unit_test(nothing_and_null_are_not_there),
        cmocka_unit_test(arrays_keep_their_elements),
        cmocka_unit_test(every_size),
        cmocka_unit_test(every_cut),
    };

    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
