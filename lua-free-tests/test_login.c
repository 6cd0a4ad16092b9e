/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_basic.h"
#include "core/ts_login.h"


static ts_field_t          form_name, json_names[2];
static ts_json_pointer_t   pointer;
static uint8_t             pointer_buf[64];
static ts_login_sources_t  all;


static int
setup(void **state)
{
    (void) state;

    assert_true(ts_field_init(&form_name, TS_SLICE("username")));
    assert_true(ts_field_init(&json_names[0], TS_SLICE("user")));
    assert_true(ts_field_init(&json_names[1], TS_SLICE("name")));
    assert_int_equal(ts_json_pointer(&pointer, TS_SLICE("/user/name"),
                                     pointer_buf), 0);

    all.form = &form_name;
    all.multipart = &form_name;
    all.json = &pointer;
    all.json_names = json_names;

    return 0;
}


static ts_login_result_e
account_from(const ts_login_sources_t *sources, const char *type,
    const char *query, const char *body, char *out)
{
    uint8_t             *buf;
    ts_slice_t           copy, account;
    ts_login_result_e    rc;
    ts_login_request_t   request;

    copy = heap_copy(body, strlen(body));
    buf = malloc(TS_FOLD_OUT);
    assert_non_null(buf);

    request.content_type = ts_slice(type, strlen(type));
    request.query = ts_slice(query, strlen(query));
    request.body = copy;
    request.tokens = malloc(TS_LOGIN_JSON_TOKENS * sizeof(ts_json_token_t));
    assert_non_null(request.tokens);

    rc = ts_login_account(sources, &request, buf, &account);

    if (rc == TS_LOGIN_OK) {
        memcpy(out, account.data, account.len);
        out[account.len] = '\0';
    }

    free(request.tokens);
    free(buf);
    heap_free(copy);

    return rc;
}


#define JSON  "application/json"
#define FORM  "application/x-www-form-urlencoded"
#define MULTIPART  "multipart/form-data; boundary=B"

#define assert_login(type, query, body, expected)                            \
    assert_int_equal(account_from(&all, type, query, body, out), expected)

#define assert_account(type, query, body, expected)                          \
    do {                                                                     \
        assert_login(type, query, body, TS_LOGIN_OK);                        \
        assert_string_equal(out, expected);                                  \
    } while (0)


static void
every_source_gives_the_same_account(void **state)
{
    char  out[TS_FOLD_OUT + 1];

    (void) state;

    assert_account(FORM, "", "username=+Bob", "bob");
    assert_account(JSON, "", "{\"user\": {\"name\": \" Bob\"}}", "bob");
    assert_account(JSON, "", "{\"user\":{\"name\":\"\\u0042ob\",\"x\":[1]}}",
                   "bob");
    assert_account(MULTIPART, "",
                   "--B\r\nContent-Disposition: form-data; name=\"username\""
                   "\r\n\r\nBob\r\n--B--", "bob");
}


static void
only_the_sources_that_are_named(void **state)
{
    char                out[TS_FOLD_OUT + 1];
    ts_login_sources_t  none;

    (void) state;

    memset(&none, 0, sizeof(none));

    assert_int_equal(account_from(&none, FORM, "", "username=bob", out),
                     TS_LOGIN_TYPE);
    assert_int_equal(account_from(&none, MULTIPART, "", "--B--", out),
                     TS_LOGIN_TYPE);
    assert_int_equal(account_from(&none, JSON, "", "{}", out), TS_LOGIN_TYPE);
    assert_login("text/plain", "", "{\"user\":{\"name\":\"bob\"}}",
                 TS_LOGIN_TYPE);
    assert_login("", "", "username=bob", TS_LOGIN_TYPE);
}


static void
json_that_names_two_accounts_is_ambiguous(void **state)
{
    char  out[TS_FOLD_OUT + 1];

    (void) state;

    assert_login(JSON, "", "{\"user\":{\"name\":\"a\",\"name\":\"b\"}}",
                 TS_LOGIN_AMBIGUOUS);
    assert_login(JSON, "", "{\"user\":{\"name\":\"a\",\"n\\u0061me\":\"b\"}}",
                 TS_LOGIN_AMBIGUOUS);
    assert_login(JSON, "", "{\"user\":{\"name\":\"a\",\"Name\":\"b\"}}",
                 TS_LOGIN_AMBIGUOUS);
    assert_login(JSON, "", "{\"user\":{\"name\":\"a\"},\"USER\":{}}",
                 TS_LOGIN_AMBIGUOUS);
    assert_login(JSON, "", "{\"u\xc5\xbf""er\":1,\"user\":{\"name\":\"a\"}}",
                 TS_LOGIN_AMBIGUOUS);
    assert_account(JSON, "", "{\"x\":{\"Name\":\"b\"},\"user\":{\"name\":\"a\","
                   "\"y\":{\"name\":\"c\"}}}", "a");
}


static void
json_without_an_account(void **state)
{
    char  out[TS_FOLD_OUT + 1];

    (void) state;

    assert_login(JSON, "", "{}", TS_LOGIN_MISSING);
    assert_login(JSON, "", "{\"user\":{}}", TS_LOGIN_MISSING);
    assert_login(JSON, "", "{\"user\":\"bob\"}", TS_LOGIN_MISSING);
    assert_login(JSON, "", "[]", TS_LOGIN_MISSING);
    assert_login(JSON, "", "", TS_LOGIN_MALFORMED);
    assert_login(JSON, "", "{\"user\":{\"name\":\"bob\"}} x",
                 TS_LOGIN_MALFORMED);
    assert_login(JSON, "", "\xef\xbb\xbf{\"user\":{\"name\":\"bob\"}}",
                 TS_LOGIN_MALFORMED);
    assert_login(JSON, "", "{\"user\":{\"name\":null}}", TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":true}}", TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":[\"bob\"]}}",
                 TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":{\"$ne\":1}}}",
                 TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":\"\"}}", TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":\"a\\u0001b\"}}",
                 TS_LOGIN_ACCOUNT);
}


static void
a_number_has_one_spelling(void **state)
{
    char  out[TS_FOLD_OUT + 1];

    (void) state;

    assert_account(JSON, "", "{\"user\":{\"name\":4711}}", "4711");
    assert_account(JSON, "", "{\"user\":{\"name\":-7}}", "-7");
    assert_account(JSON, "", "{\"user\":{\"name\":0}}", "0");
    assert_login(JSON, "", "{\"user\":{\"name\":4711.0}}", TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":4711e0}}", TS_LOGIN_ACCOUNT);
    assert_login(JSON, "", "{\"user\":{\"name\":-0}}", TS_LOGIN_ACCOUNT);
}


static void
a_query_must_not_name_the_account_too(void **state)
{
    char  out[TS_FOLD_OUT + 1];

    (void) state;

    assert_account(FORM, "next=%2Fhome&x=100%", "username=bob", "bob");
    assert_login(FORM, "username=alice", "username=bob", TS_LOGIN_AMBIGUOUS);
    assert_login(FORM, "USER%6eAME", "username=bob", TS_LOGIN_AMBIGUOUS);
    assert_login(FORM, "a=1;username=alice", "username=bob",
                 TS_LOGIN_AMBIGUOUS);
    assert_login(FORM, "user%zz", "username=bob", TS_LOGIN_AMBIGUOUS);
    assert_login(JSON, "user[name]=alice", "{\"user\":{\"name\":\"bob\"}}",
                 TS_LOGIN_AMBIGUOUS);
    assert_account(JSON, "name=alice", "{\"user\":{\"name\":\"bob\"}}", "bob");
}


static void
json_is_bounded(void **state)
{
    int     i;
    char    body[4096], out[TS_FOLD_OUT + 1];
    size_t  n;

    (void) state;

    /* object, "user", object, "name", "bob", "a", array: 7 tokens */

    for (i = TS_LOGIN_JSON_TOKENS - 7; i <= TS_LOGIN_JSON_TOKENS - 6; i++) {
        int  k;

        n = (size_t) snprintf(body, sizeof(body),
                              "{\"user\":{\"name\":\"bob\"},\"a\":[0");

        for (k = 1; k < i; k++) {
            n += (size_t) snprintf(body + n, sizeof(body) - n, ",0");
        }

        (void) snprintf(body + n, sizeof(body) - n, "]}");

        assert_login(JSON, "", body, i == TS_LOGIN_JSON_TOKENS - 7
                                     ? TS_LOGIN_OK : TS_LOGIN_MALFORMED);
    }
}


static ts_basic_result_e
basic(const char *text, char *out)
{
    uint8_t            *buf;
    ts_slice_t          copy, user;
    ts_basic_result_e   rc;

    copy = heap_copy(text, strlen(text));
    buf = malloc(12);
    assert_non_null(buf);

    rc = ts_basic_user(copy, buf, 12, &user);

    if (rc == TS_BASIC_OK) {
        memcpy(out, user.data, user.len);
        out[user.len] = '\0';
    }

    free(buf);
    heap_free(copy);

    return rc;
}


static void
basic_credentials(void **state)
{
    char  out[16];

    (void) state;

    assert_int_equal(basic("Basic Ym9iOng=", out), TS_BASIC_OK);
    assert_string_equal(out, "bob");
    assert_int_equal(basic(" bAsIc Ym9iOng6eQ== ", out), TS_BASIC_OK);
    assert_string_equal(out, "bob");
    assert_int_equal(basic("Basic Og==", out), TS_BASIC_OK);
    assert_string_equal(out, "");
    assert_int_equal(basic("Basic Ym9iOjEyMzQ1Njc4", out), TS_BASIC_OK);

    assert_int_equal(basic("", out), TS_BASIC_OTHER);
    assert_int_equal(basic("Bearer x", out), TS_BASIC_OTHER);
    assert_int_equal(basic("Basically x", out), TS_BASIC_OTHER);
}


static void
basic_credentials_that_readers_decode_differently(void **state)
{
    char  out[16];

    (void) state;

    /* white space to Python and others, which nginx leaves in the value */

    assert_int_equal(basic("\x0b""Basic Ym9iOng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("\x0c Basic Ym9iOng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("\xa0""Basic Ym9iOng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic(",Basic Ym9iOng=", out), TS_BASIC_MALFORMED);

    assert_int_equal(basic("Basic", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic ", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic\tYm9iOng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic  Ym9iOng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9iOng", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9iOng= x", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9iOnh=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9iOh==", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym=iOng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9i_ng=", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic O===", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic ====", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9i", out), TS_BASIC_MALFORMED);
    assert_int_equal(basic("Basic Ym9iOjEyMzQ1Njc4OQ==", out),
                     TS_BASIC_MALFORMED);
}


/* What is not in the body may be in the query, under any name of it. */

static void
what_passes_for_the_field_in_a_query(void **state)
{
    size_t              i;
    ts_login_sources_t  one;

    static const char *const  queries[] = {
        "username=a", "x=1&USERNAME=b", "username[]=c", "user%6eame",
        "username=%zz", "user=d"
    };

    (void) state;

    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        assert_true(ts_login_in_query(&all, ts_slice(queries[i],
                                                     strlen(queries[i]))));
    }

    assert_false(ts_login_in_query(&all, TS_SLICE("")));
    assert_false(ts_login_in_query(&all, TS_SLICE("page=1&name=x")));

    memset(&one, 0, sizeof(one));
    assert_false(ts_login_in_query(&one, TS_SLICE("username=a")));

    one.multipart = &form_name;
    assert_true(ts_login_in_query(&one, TS_SLICE("username=a")));
    assert_false(ts_login_in_query(&one, TS_SLICE("user=a")));
}


/* A value that is longer than an account, where the caller has the room. */

static void
a_longer_value_where_there_is_room(void **state)
{
    char                body[1100];
    uint8_t             buf[1024];
    ts_slice_t          value;
    ts_json_token_t     tokens[TS_LOGIN_JSON_TOKENS];
    ts_login_request_t  request;

    (void) state;

    memset(body, 'a', sizeof(body));
    memcpy(body, "username=%41", 12);

    request.content_type = TS_SLICE(FORM);
    request.query = TS_SLICE("");
    request.body = ts_slice(body, 12 + 1023);
    request.tokens = tokens;

    assert_int_equal(ts_login_value(&all, &request, buf, sizeof(buf), &value),
                     TS_LOGIN_OK);
    assert_int_equal(value.len, 1024);
    assert_int_equal(value.data[0], 'A');

    request.body.len++;
    assert_int_equal(ts_login_value(&all, &request, buf, sizeof(buf), &value),
                     TS_LOGIN_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_source_gives_the_same_account),
        cmocka_unit_test(only_the_sources_that_are_named),
        cmocka_unit_test(json_that_names_two_accounts_is_ambiguous),
        cmocka_unit_test(json_without_an_account),
        cmocka_unit_test(a_number_has_one_spelling),
        cmocka_unit_test(a_query_must_not_name_the_account_too),
        cmocka_unit_test(json_is_bounded),
        cmocka_unit_test(basic_credentials),
        cmocka_unit_test(basic_credentials_that_readers_decode_differently),
        cmocka_unit_test(what_passes_for_the_field_in_a_query),
        cmocka_unit_test(a_longer_value_where_there_is_room)
    };

    return cmocka_run_group_tests_name("login", tests, setup, NULL);
}
