/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_part.h"


#define FORM       "application/x-www-form-urlencoded"
#define JSON       "application/json"
#define MULTIPART  "multipart/form-data; boundary=b"
#define FIELD(name, value)                                                   \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"       \
    value "\r\n--b--\r\n"


typedef struct {
    const char  *type;
    const char  *query;
    const char  *body;
    ts_part_e    rc;
    const char  *value;
} case_t;


static void
check(ts_part_place_e place, const char *name, const case_t *cases, size_t n)
{
    size_t              i;
    uint8_t            *buf, names[64];
    ts_part_t           part;
    ts_part_e           rc;
    ts_slice_t          query, body, value;
    ts_part_request_t   request;

    assert_true(ts_part_init(&part, place, ts_slice(name, strlen(name)),
                             names));

    for (i = 0; i < n; i++) {
        query = heap_copy(cases[i].query, strlen(cases[i].query));
        body = heap_copy(cases[i].body, strlen(cases[i].body));
        buf = malloc(TS_PART_VALUE);

        request.content_type = ts_slice(cases[i].type, strlen(cases[i].type));
        request.query = query;
        request.body = body;
        request.tokens = malloc(TS_PART_JSON_TOKENS * sizeof(ts_json_token_t));

        rc = ts_part_read(&part, &request, buf, &value);

        if (rc != cases[i].rc) {
            fail_msg("\"%s\" and \"%s\": %d", cases[i].query, cases[i].body,
                     rc);
        }

        if (rc == TS_PART_OK) {
            assert_int_equal(value.len, strlen(cases[i].value));
            assert_memory_equal(value.data, cases[i].value, value.len);
        }

        free(request.tokens);
        free(buf);
        heap_free(query);
        heap_free(body);
    }
}


static void
query_arguments(void **state)
{
    static const case_t  cases[] = {
        { "", "account=alice", "", TS_PART_OK, "alice" },
        { "", "x=1&account=al%69ce", "", TS_PART_OK, "alice" },
        { "", "acc%6funt=alice", "", TS_PART_OK, "alice" },
        { "", "account=a+b", "", TS_PART_OK, "a b" },
        { "", "account=", "", TS_PART_OK, "" },
        { "", "", "", TS_PART_MISSING, NULL },
        { "", "accounts=alice", "", TS_PART_MISSING, NULL },
        { "", "account=alice&account=bob", "", TS_PART_AMBIGUOUS, NULL },
        { "", "account=alice&account=alice", "", TS_PART_AMBIGUOUS, NULL },
        { "", "account=alice&ACCOUNT=bob", "", TS_PART_AMBIGUOUS, NULL },
        { "", "account=alice&account[]=bob", "", TS_PART_AMBIGUOUS, NULL },
        { "", "account=alice&acco%75nt=bob", "", TS_PART_AMBIGUOUS, NULL },
        { "", "account=alice;account=bob", "", TS_PART_AMBIGUOUS, NULL },
        { "", "Account=bob", "", TS_PART_AMBIGUOUS, NULL },
        { "", "account=%zz", "", TS_PART_MALFORMED, NULL },

        { FORM, "account=alice", "x=1", TS_PART_OK, "alice" },
        { FORM, "account=alice", "account=bob", TS_PART_AMBIGUOUS, NULL },
        { FORM, "account=alice", "ACCOUNT=bob", TS_PART_AMBIGUOUS, NULL },
        { FORM, "account=alice", "%zz=1", TS_PART_MALFORMED, NULL },
        { MULTIPART, "account=alice", FIELD("x", "1"), TS_PART_OK, "alice" },
        { MULTIPART, "account=alice", FIELD("account", "bob"),
          TS_PART_AMBIGUOUS, NULL },
        { MULTIPART, "account=alice", "junk", TS_PART_MALFORMED, NULL },
        { JSON, "account=alice", "{\"x\":1}", TS_PART_OK, "alice" },
        { JSON, "account=alice", "[1]", TS_PART_OK, "alice" },
        { JSON, "account=alice", "{\"account\":\"bob\"}", TS_PART_AMBIGUOUS,
          NULL },
        { JSON, "account=alice", "{\"Account\":\"bob\"}", TS_PART_AMBIGUOUS,
          NULL },
        { JSON, "account=alice", "{\"x\":1,\"x\":2}", TS_PART_AMBIGUOUS,
          NULL },
        { JSON, "account=alice", "{", TS_PART_MALFORMED, NULL },
        { "image/png", "account=alice", "png", TS_PART_OK, "alice" },
    };

    (void) state;

    check(TS_PART_QUERY, "account", cases, sizeof(cases) / sizeof(cases[0]));
}


static void
form_fields(void **state)
{
    static const case_t  cases[] = {
        { FORM, "", "account=alice&x=1", TS_PART_OK, "alice" },
        { FORM, "x=1", "account=alice", TS_PART_OK, "alice" },
        { MULTIPART, "", FIELD("account", "alice"), TS_PART_OK, "alice" },
        { FORM, "", "x=1", TS_PART_MISSING, NULL },
        { FORM, "account=bob", "x=1", TS_PART_MISSING, NULL },
        { FORM, "account=bob", "account=alice", TS_PART_AMBIGUOUS, NULL },
        { FORM, "Account=bob", "account=alice", TS_PART_AMBIGUOUS, NULL },
        { FORM, "", "account=alice&account=bob", TS_PART_AMBIGUOUS, NULL },
        { JSON, "", "{\"account\":\"alice\"}", TS_PART_TYPE, NULL },
        { "text/plain", "", "account=alice", TS_PART_TYPE, NULL },
        { "", "", "account=alice", TS_PART_TYPE, NULL },
        { FORM "; charset=utf-7", "", "account=alice", TS_PART_TYPE, NULL },
    };

    (void) state;

    check(TS_PART_FORM, "account", cases, sizeof(cases) / sizeof(cases[0]));
}


static void
json_pointers(void **state)
{
    static const case_t  cases[] = {
        { JSON, "", "{\"order\":{\"account\":\"alice\"}}", TS_PART_OK,
          "alice" },
        { JSON, "", "{\"order\":{\"account\":\"\\u0061lice\"}}", TS_PART_OK,
          "alice" },
        { JSON, "", "{\"order\":{\"account\":7}}", TS_PART_OK, "7" },
        { JSON, "", "{\"order\":{\"account\":-7}}", TS_PART_OK, "-7" },
        { JSON, "", "{\"order\":{}}", TS_PART_MISSING, NULL },
        { JSON, "", "{}", TS_PART_MISSING, NULL },
        { JSON, "", "[]", TS_PART_MISSING, NULL },
        { JSON, "", "{\"order\":[{\"account\":\"alice\"}]}", TS_PART_MISSING,
          NULL },
        { JSON, "", "{\"order\":{\"account\":7.0}}", TS_PART_MALFORMED,
          NULL },
        { JSON, "", "{\"order\":{\"account\":-0}}", TS_PART_MALFORMED, NULL },
        { JSON, "", "{\"order\":{\"account\":true}}", TS_PART_MALFORMED,
          NULL },
        { JSON, "", "{\"order\":{\"account\":[\"alice\"]}}",
          TS_PART_MALFORMED, NULL },
        { JSON, "", "{\"order\":{\"account\":null}}", TS_PART_MALFORMED,
          NULL },
        { JSON, "", "{\"order\":{\"account\":\"alice\",\"account\":\"bob\"}}",
          TS_PART_AMBIGUOUS, NULL },
        { JSON, "", "{\"order\":{\"account\":\"alice\",\"ACCOUNT\":\"bob\"}}",
          TS_PART_AMBIGUOUS, NULL },
        { JSON, "",
          "{\"order\":{\"account\":\"alice\",\"acc\\u006funt\":\"bob\"}}",
          TS_PART_AMBIGUOUS, NULL },
        { JSON, "",
          "{\"order\":{\"account\":\"alice\"},\"Order\":{\"account\":\"bob\"}}",
          TS_PART_AMBIGUOUS, NULL },
        { JSON, "order[account]=bob", "{\"order\":{\"account\":\"alice\"}}",
          TS_PART_AMBIGUOUS, NULL },
        { JSON, "", "{\"order\":{\"account\":\"alice\"}} x",
          TS_PART_MALFORMED, NULL },
        { FORM, "", "{\"order\":{\"account\":\"alice\"}}", TS_PART_TYPE,
          NULL },
        { "text/plain", "", "{\"order\":{\"account\":\"alice\"}}",
          TS_PART_TYPE, NULL },
        { "", "", "{\"order\":{\"account\":\"alice\"}}", TS_PART_TYPE, NULL },
    };

    (void) state;

    check(TS_PART_JSON, "/order/account", cases,
          sizeof(cases) / sizeof(cases[0]));
}


static void
long_values(void **state)
{
    char    text[TS_PART_VALUE + 16], value[TS_PART_VALUE + 1];
    case_t  c;

    (void) state;

    memset(value, 'a', TS_PART_VALUE);
    value[TS_PART_VALUE] = '\0';

    c.type = "";
    c.body = "";
    c.query = text;
    c.value = value;

    snprintf(text, sizeof(text), "account=%s", value);
    c.rc = TS_PART_OK;
    check(TS_PART_QUERY, "account", &c, 1);

    snprintf(text, sizeof(text), "account=%sa", value);
    c.rc = TS_PART_MALFORMED;
    check(TS_PART_QUERY, "account", &c, 1);
}


static void
names_that_are_none(void **state)
{
    uint8_t    buf[64];
    ts_part_t  part;

    (void) state;

    assert_false(ts_part_init(&part, TS_PART_QUERY, TS_SLICE(""), buf));
    assert_false(ts_part_init(&part, TS_PART_FORM, TS_SLICE("\xff"), buf));
    assert_false(ts_part_init(&part, TS_PART_JSON, TS_SLICE(""), buf));
    assert_false(ts_part_init(&part, TS_PART_JSON, TS_SLICE("a"), buf));
    assert_false(ts_part_init(&part, TS_PART_JSON, TS_SLICE("/a//b"), buf));
    assert_false(ts_part_init(&part, TS_PART_JSON, TS_SLICE("/a~2"), buf));
    assert_true(ts_part_init(&part, TS_PART_JSON, TS_SLICE("/a~1b/0"), buf));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(query_arguments),
        cmocka_unit_test(form_fields),
        cmocka_unit_test(json_pointers),
        cmocka_unit_test(long_values),
        cmocka_unit_test(names_that_are_none),
    };

    return cmocka_run_group_tests_name("part", tests, NULL, NULL);
}
