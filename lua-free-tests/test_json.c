/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include <jansson.h>
#include <stdio.h>

#include "core/ts_json.h"
#include "core/ts_json_scan.h"


#define TOKENS  64
#define DEPTH   4


static ts_json_token_t  tokens[TOKENS];


static ts_json_result_e
parse(ts_json_t *json, ts_slice_t text)
{
    json->tokens = tokens;
    json->size = TOKENS;
    json->max_depth = DEPTH;

    return ts_json_parse(json, text);
}


static ts_json_result_e
parse_bytes(const char *data, size_t len)
{
    ts_json_t         json;
    ts_slice_t        text;
    ts_json_result_e  rc;

    text = heap_copy(data, len);
    rc = parse(&json, text);
    heap_free(text);

    return rc;
}


#define PARSE(literal)  parse_bytes(literal, sizeof(literal) - 1)


static void
accepts_every_kind_of_value(void **state)
{
    (void) state;

    assert_int_equal(PARSE("null"), TS_JSON_OK);
    assert_int_equal(PARSE(" \t\r\ntrue\n"), TS_JSON_OK);
    assert_int_equal(PARSE("false"), TS_JSON_OK);
    assert_int_equal(PARSE("\"\""), TS_JSON_OK);
    assert_int_equal(PARSE("[]"), TS_JSON_OK);
    assert_int_equal(PARSE("{}"), TS_JSON_OK);
    assert_int_equal(PARSE("[ 1 , [ ] , { \"a\" : { } , \"b\" : [ 2 ] } ]"),
                     TS_JSON_OK);
}


static void
numbers_follow_the_grammar(void **state)
{
    (void) state;

    assert_int_equal(PARSE("0"), TS_JSON_OK);
    assert_int_equal(PARSE("-0"), TS_JSON_OK);
    assert_int_equal(PARSE("10.250E-7"), TS_JSON_OK);
    assert_int_equal(PARSE("1e+9"), TS_JSON_OK);

    assert_int_equal(PARSE("01"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("-01"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("+1"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE(".5"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("-"), TS_JSON_TRUNCATED);
    assert_int_equal(PARSE("1."), TS_JSON_TRUNCATED);
    assert_int_equal(PARSE("[1.]"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("1e"), TS_JSON_TRUNCATED);
    assert_int_equal(PARSE("0x10"), TS_JSON_TRAILING);
    assert_int_equal(PARSE("1 2"), TS_JSON_TRAILING);
    assert_int_equal(PARSE("NaN"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("-Infinity"), TS_JSON_SYNTAX);
}


static void
refuses_what_tolerant_readers_take(void **state)
{
    (void) state;

    assert_int_equal(PARSE(""), TS_JSON_TRUNCATED);
    assert_int_equal(PARSE(" "), TS_JSON_TRUNCATED);
    assert_int_equal(PARSE("{\"a\":1,}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("[1,]"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("[,1]"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("[1 2]"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("{\"a\" 1}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("{\"a\":}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("{a:1}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("{'a':1}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("{1:1}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("[1}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("{]"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("]"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("// c\n1"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("[1]/**/"), TS_JSON_TRAILING);
    assert_int_equal(PARSE("{}{}"), TS_JSON_TRAILING);
    assert_int_equal(PARSE("{}\0"), TS_JSON_TRAILING);
    assert_int_equal(PARSE("nul"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("True"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\xef\xbb\xbf{}"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\"a\tb\""), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\"a\0b\""), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\"\\x41\""), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\"\\u12g4\""), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\"\\\0\""), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\v1"), TS_JSON_SYNTAX);
    assert_int_equal(PARSE("\xc2\xa0" "1"), TS_JSON_SYNTAX);
}


static void
every_prefix_of_an_object_is_refused(void **state)
{
    size_t             n;
    static const char  text[] =
        "{\"sub\":\"a\\u00e9\\ud83d\\ude00\xc3\xa9\",\"n\":[-1.5e3,true],"
        "\"o\":{}}";

    (void) state;

    for (n = 0; n < sizeof(text) - 1; n++) {
        assert_int_not_equal(parse_bytes(text, n), TS_JSON_OK);
    }

    assert_int_equal(parse_bytes(text, n), TS_JSON_OK);
}


static void
duplicate_names_are_refused(void **state)
{
    (void) state;

    assert_int_equal(PARSE("{\"sub\":1,\"sub\":1}"), TS_JSON_DUPLICATE);
    assert_int_equal(PARSE("{\"sub\":1,\"s\\u0075b\":2}"), TS_JSON_DUPLICATE);
    assert_int_equal(PARSE("{\"s\\u0075b\":1,\"\\u0073ub\":2}"),
                     TS_JSON_DUPLICATE);
    assert_int_equal(PARSE("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
                     TS_JSON_DUPLICATE);
    assert_int_equal(PARSE("{\"a/b\":1,\"a\\/b\":2}"), TS_JSON_DUPLICATE);
    assert_int_equal(PARSE("{\"\":1,\"x\":[{\"a\":1}],\"\":2}"),
                     TS_JSON_DUPLICATE);
    assert_int_equal(PARSE("[{\"a\":{\"b\":1,\"c\":2,\"b\":3}}]"),
                     TS_JSON_DUPLICATE);

    assert_int_equal(PARSE("{\"sub\":1,\"Sub\":2,\"su\":3,\"subs\":4}"),
                     TS_JSON_OK);
    assert_int_equal(PARSE("{\"a\":{\"a\":{\"a\":1}},\"b\":\"a\"}"),
                     TS_JSON_OK);
    assert_int_equal(PARSE("{\"\\u00e9\":1,\"\\u00e8\":2,\"\\u00e9x\":3}"),
                     TS_JSON_OK);
}


static void
strings_are_utf8_without_nul(void **state)
{
    (void) state;

    assert_int_equal(PARSE("\"\xc2\x80 \xdf\xbf\""), TS_JSON_OK);
    assert_int_equal(PARSE("\"\xe0\xa0\x80 \xed\x9f\xbf \xef\xbf\xbf\""),
                     TS_JSON_OK);
    assert_int_equal(PARSE("\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\""),
                     TS_JSON_OK);

    assert_int_equal(PARSE("\"\x80\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xc0\xaf\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xc1\xbf\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xc3\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xe0\x9f\xbf\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xed\xa0\x80\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xe2\x82\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xe2\x82"), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xf0\x8f\xbf\xbf\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xf4\x90\x80\x80\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("\"\xf5\x80\x80\x80\""), TS_JSON_ENCODING);
    assert_int_equal(PARSE("{\"\xff\":1}"), TS_JSON_ENCODING);

    assert_int_equal(PARSE("\"\\u0000\""), TS_JSON_NUL);
    assert_int_equal(PARSE("{\"a\\u0000\":1}"), TS_JSON_NUL);

    assert_int_equal(PARSE("\"\\ud83d\\ude00\""), TS_JSON_OK);
    assert_int_equal(PARSE("\"\\ud83d\""), TS_JSON_SURROGATE);
    assert_int_equal(PARSE("\"\\ud83dx\\ude00\""), TS_JSON_SURROGATE);
    assert_int_equal(PARSE("\"\\ud83d\\u0041\""), TS_JSON_SURROGATE);
    assert_int_equal(PARSE("\"\\ud83d\\ud83d\""), TS_JSON_SURROGATE);
    assert_int_equal(PARSE("\"\\ude00\""), TS_JSON_SURROGATE);
}


static void
scanning_stops_where_it_is_wrong(void **state)
{
    uint8_t         escaped;
    ts_slice_t      text;
    const uint8_t  *p;

    (void) state;

    text = heap_copy("\"a\\nb\"x", 7);
    p = text.data;
    escaped = 0;
    assert_int_equal(ts_json_scan_string(&p, text.data + 7, &escaped),
                     TS_JSON_OK);
    assert_ptr_equal(p, text.data + 6);
    assert_int_equal(escaped, 1);

    p = text.data;
    assert_int_equal(ts_json_scan_string(&p, text.data + 5, &escaped),
                     TS_JSON_TRUNCATED);
    heap_free(text);

    text = heap_copy("-1.5e+3,", 8);
    p = text.data;
    assert_int_equal(ts_json_scan_number(&p, text.data + 8), TS_JSON_OK);
    assert_ptr_equal(p, text.data + 7);

    p = text.data;
    assert_int_equal(ts_json_scan_number(&p, text.data + 6),
                     TS_JSON_TRUNCATED);
    heap_free(text);
}


static void
every_byte_inside_a_string(void **state)
{
    int                c;
    char               text[3];
    ts_json_result_e   want;

    (void) state;

    for (c = 0; c < 256; c++) {
        text[0] = '"';
        text[1] = (char) c;
        text[2] = '"';

        want = (c == '"') ? TS_JSON_TRAILING
               : (c == '\\') ? TS_JSON_TRUNCATED
               : (c < 0x20) ? TS_JSON_SYNTAX
               : (c > 0x7f) ? TS_JSON_ENCODING : TS_JSON_OK;

        assert_int_equal(parse_bytes(text, 3), want);
    }
}


static void
depth_and_tokens_are_bounded(void **state)
{
    char    text[2 * TOKENS];
    size_t  i;

    (void) state;

    assert_int_equal(PARSE("[[[[1]]]]"), TS_JSON_OK);
    assert_int_equal(PARSE("[[[[[1]]]]]"), TS_JSON_TOO_DEEP);
    assert_int_equal(PARSE("{\"a\":{\"a\":{\"a\":{\"a\":1}}}}"), TS_JSON_OK);
    assert_int_equal(PARSE("{\"a\":{\"a\":{\"a\":{\"a\":[]}}}}"),
                     TS_JSON_TOO_DEEP);
    assert_int_equal(PARSE("[[[[1]]],[[[2]]]]"), TS_JSON_OK);

    /* the array itself is a token: TOKENS - 1 elements fit */

    for (i = 0; i < TOKENS; i++) {
        text[2 * i] = '1';
        text[2 * i + 1] = ',';
    }

    text[0] = '[';
    text[1] = '1';
    text[2] = ',';
    memmove(text + 3, text + 4, sizeof(text) - 4);

    text[2 * (TOKENS - 1)] = ']';
    assert_int_equal(parse_bytes(text, 2 * (TOKENS - 1) + 1), TS_JSON_OK);

    text[2 * (TOKENS - 1)] = ',';
    text[2 * (TOKENS - 1) + 1] = '1';
    assert_int_equal(parse_bytes(text, 2 * TOKENS), TS_JSON_TOO_MANY);
}


static void
strings_are_decoded(void **state)
{
    uint8_t                 buf[64];
    ts_json_t               json;
    ts_slice_t              s;
    const ts_json_token_t  *t;

    (void) state;

    assert_int_equal(parse(&json, TS_SLICE(
        "[\"plain\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
        "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00!\",1]")), TS_JSON_OK);

    t = json.tokens + 1;
    s = ts_json_string(&json, t, buf, 0);
    assert_true(ts_slice_eq(s, TS_SLICE("plain")));
    assert_ptr_equal(s.data, json.text + 2);

    t++;
    s = ts_json_string(&json, t, buf, sizeof(buf));
    assert_true(ts_slice_eq(s, TS_SLICE("\"\\/\b\f\n\r\t")));
    assert_null(ts_json_string(&json, t, buf, s.len - 1).data);
    assert_non_null(ts_json_string(&json, t, buf, s.len).data);

    t++;
    s = ts_json_string(&json, t, buf, t->len);
    assert_true(ts_slice_eq(s, TS_SLICE("A\xc3\xa9\xe2\x82\xac"
                                        "\xf0\x9f\x98\x80!")));
    assert_true(ts_json_string_eq(&json, t, s));
    s.len--;
    assert_false(ts_json_string_eq(&json, t, s));

    t++;
    assert_null(ts_json_string(&json, t, buf, sizeof(buf)).data);
    assert_false(ts_json_string_eq(&json, t, TS_SLICE("1")));
}


static void
numbers_are_exact(void **state)
{
    size_t     i;
    int64_t    value;
    ts_json_t  json;

    static const struct {
        const char        *text;
        ts_json_number_e   rc;
        int64_t            value;
    } rows[] = {
        { "0", TS_JSON_NUMBER_INTEGER, 0 },
        { "-0", TS_JSON_NUMBER_INTEGER, 0 },
        { "1700000000", TS_JSON_NUMBER_INTEGER, 1700000000 },
        { "1.7e9", TS_JSON_NUMBER_INTEGER, 1700000000 },
        { "17E+8", TS_JSON_NUMBER_INTEGER, 1700000000 },
        { "1700000000.0", TS_JSON_NUMBER_INTEGER, 1700000000 },
        { "17000000000e-1", TS_JSON_NUMBER_INTEGER, 1700000000 },
        { "1700000000.999", TS_JSON_NUMBER_FRACTION, 1700000000 },
        { "-1.5", TS_JSON_NUMBER_FRACTION, -2 },
        { "-0.1", TS_JSON_NUMBER_FRACTION, -1 },
        { "15e-1", TS_JSON_NUMBER_FRACTION, 1 },
        { "1e-400", TS_JSON_NUMBER_FRACTION, 0 },
        { "0e999999999999999999999", TS_JSON_NUMBER_INTEGER, 0 },
        { "0.00000000000000000000017e31", TS_JSON_NUMBER_INTEGER,
          1700000000 },
        { "9223372036854775807", TS_JSON_NUMBER_INTEGER, INT64_MAX },
        { "-9223372036854775808", TS_JSON_NUMBER_INTEGER, INT64_MIN },
        { "9223372036854775808", TS_JSON_NUMBER_RANGE, 0 },
        { "-9223372036854775809", TS_JSON_NUMBER_RANGE, 0 },
        { "-9223372036854775808.5", TS_JSON_NUMBER_RANGE, 0 },
        { "18446744073709551617", TS_JSON_NUMBER_RANGE, 0 },
        { "1e19", TS_JSON_NUMBER_RANGE, 0 },
        { "1e999999999999999999999", TS_JSON_NUMBER_RANGE, 0 },
        { "\"1\"", TS_JSON_NUMBER_NONE, 0 },
        { "true", TS_JSON_NUMBER_NONE, 0 },
        { "[1]", TS_JSON_NUMBER_NONE, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        value = 0;
        assert_int_equal(parse(&json, ts_slice(rows[i].text,
                                               strlen(rows[i].text))),
                         TS_JSON_OK);
        assert_int_equal(ts_json_number(&json, json.tokens, &value),
                         rows[i].rc);
        assert_int_equal(value, rows[i].value);
    }
}


/* The integer that a pointer names, 0 for nothing, -1 for no pointer. */

static int64_t
at(const ts_json_t *json, const char *text)
{
    int64_t                 value;
    uint8_t                 buf[64];
    ts_json_pointer_t       pointer;
    const ts_json_token_t  *token;

    if (ts_json_pointer(&pointer, ts_slice(text, strlen(text)), buf) != 0) {
        return -1;
    }

    token = ts_json_get(json, json->tokens, &pointer);

    if (token == NULL) {
        return 0;
    }

    assert_int_equal(ts_json_number(json, token, &value),
                     TS_JSON_NUMBER_INTEGER);
    return value;
}


static void
pointers_name_members_and_elements(void **state)
{
    ts_json_t  json;

    (void) state;

    /* the examples of RFC 6901, section 5, and an own array */

    assert_int_equal(parse(&json, TS_SLICE(
        "{\"foo\":[\"bar\",[21,22],23],\"\":1,\"a/b\":2,\"c%d\":3,"
        "\"e^f\":4,\"g|h\":5,\"i\\\\j\":6,\"k\\\"l\":7,\" \":8,\"m~n\":9,"
        "\"s\\u0075b\":{\"id\":10,\"0\":11}}")), TS_JSON_OK);

    assert_int_equal(at(&json, "/"), 1);
    assert_int_equal(at(&json, "/a~1b"), 2);
    assert_int_equal(at(&json, "/c%d"), 3);
    assert_int_equal(at(&json, "/e^f"), 4);
    assert_int_equal(at(&json, "/g|h"), 5);
    assert_int_equal(at(&json, "/i\\j"), 6);
    assert_int_equal(at(&json, "/k\"l"), 7);
    assert_int_equal(at(&json, "/ "), 8);
    assert_int_equal(at(&json, "/m~0n"), 9);
    assert_int_equal(at(&json, "/sub/id"), 10);
    assert_int_equal(at(&json, "/sub/0"), 11);
    assert_int_equal(at(&json, "/foo/1/1"), 22);
    assert_int_equal(at(&json, "/foo/2"), 23);

    assert_int_equal(at(&json, "/foo/3"), 0);
    assert_int_equal(at(&json, "/foo/02"), 0);
    assert_int_equal(at(&json, "/foo/-"), 0);
    assert_int_equal(at(&json, "/foo/"), 0);
    assert_int_equal(at(&json, "/foo/4294967298"), 0);
    assert_int_equal(at(&json, "/foo/0/x"), 0);
    assert_int_equal(at(&json, "/none"), 0);
    assert_int_equal(at(&json, "/sub/id/x"), 0);

    assert_int_equal(at(&json, "sub"), -1);
    assert_int_equal(at(&json, "/a~"), -1);
    assert_int_equal(at(&json, "/a~2"), -1);
    assert_int_equal(at(&json, "/1/2/3/4/5/6/7/8"), 0);
    assert_int_equal(at(&json, "/1/2/3/4/5/6/7/8/9"), -1);
}


static void
the_empty_pointer_is_the_document(void **state)
{
    uint8_t            buf[1];
    ts_json_t          json;
    ts_json_pointer_t  pointer;

    (void) state;

    assert_int_equal(parse(&json, TS_SLICE("{}")), TS_JSON_OK);
    assert_int_equal(ts_json_pointer(&pointer, TS_SLICE(""), buf), 0);
    assert_ptr_equal(ts_json_get(&json, json.tokens, &pointer), json.tokens);
}


/* A string is read eight bytes at a time: each byte at each place of it. */

static void
every_byte_at_every_place_of_a_string(void **state)
{
    int               c;
    char              text[24];
    size_t            i, len;
    ts_json_t         json;
    ts_slice_t        copy;
    ts_json_result_e  rc;

    (void) state;

    for (len = 1; len < sizeof(text) - 2; len++) {
        for (i = 1; i <= len; i++) {
            for (c = 0; c < 256; c++) {

                memset(text, 'x', sizeof(text));
                text[0] = text[len + 1] = '"';
                text[i] = (char) c;

                copy = heap_copy(text, len + 2);
                rc = parse(&json, copy);
                heap_free(copy);

                if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
                    assert_int_equal(rc, TS_JSON_OK);
                    assert_int_equal(json.tokens[0].len, len);

                } else {
                    assert_int_not_equal(rc, TS_JSON_OK);
                    assert_in_range(json.offset, i, len + 2);
                }
            }
        }
    }
}


/* Jansson is the second opinion on the texts above and some more. */

static void
agrees_with_jansson(void **state)
{
    size_t             i;
    json_t            *other;
    ts_json_result_e   rc;

    static const char  *texts[] = {
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\"}", "[[],[[]],{}]",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\xed\xa0\x80\"",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[1,]", "{,}",
        "\"\\u0000\"", "-", "1.e1", "1e1", "00", "[1}", "\"\x7f\"", "nulll",
        "\"\\/\"", "\"\\'\"", "{\"a\":1 \"b\":2}", "[\"a\" \"b\"]", "1 1",
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        rc = parse_bytes(texts[i], strlen(texts[i]));
        other = json_loadb(texts[i], strlen(texts[i]),
                           JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, NULL);

        if ((rc == TS_JSON_OK) != (other != NULL)) {
            fail_msg("jansson disagrees about %s", texts[i]);
        }

        json_decref(other);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(accepts_every_kind_of_value),
        cmocka_unit_test(numbers_follow_the_grammar),
        cmocka_unit_test(refuses_what_tolerant_readers_take),
        cmocka_unit_test(every_prefix_of_an_object_is_refused),
        cmocka_unit_test(duplicate_names_are_refused),
        cmocka_unit_test(strings_are_utf8_without_nul),
        cmocka_unit_test(scanning_stops_where_it_is_wrong),
        cmocka_unit_test(every_byte_inside_a_string),
        cmocka_unit_test(depth_and_tokens_are_bounded),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(pointers_name_members_and_elements),
        cmocka_unit_test(the_empty_pointer_is_the_document),
        cmocka_unit_test(every_byte_at_every_place_of_a_string),
        cmocka_unit_test(agrees_with_jansson),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
