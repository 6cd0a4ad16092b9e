/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_outcome.h"


static ts_outcome_criteria_t  criteria;


static int
setup(void **state)
{
    (void) state;

    memset(&criteria, 0, sizeof(criteria));

    assert_true(ts_outcome_statuses(&criteria.statuses,
                                    TS_OUTCOME_FAILURE, TS_SLICE("401,403")));
    assert_true(ts_outcome_statuses(&criteria.statuses,
                                    TS_OUTCOME_NEUTRAL, TS_SLICE("400,5xx")));

    return 0;
}


static void
want_cookie(const char *name)
{
    criteria.fields[criteria.nfields].name = ts_slice(name, strlen(name));
    criteria.fields[criteria.nfields].cookie = 1;
    criteria.nfields++;
}


static void
want_field(const char *name, const char *value)
{
    criteria.fields[criteria.nfields].name = ts_slice(name, strlen(name));

    if (value != NULL) {
        criteria.fields[criteria.nfields].value = ts_slice(value,
                                                           strlen(value));
    }

    criteria.nfields++;
}


/* Name and value in turn, up to NULL. */

static ts_outcome_e
outcome(uint32_t status, const char *const *lines)
{
    ts_slice_t    name, value;
    ts_outcome_t  o;

    memset(&o, 0, sizeof(o));
    o.criteria = &criteria;

    for ( /* void */ ; *lines; lines += 2) {
        name = heap_copy(lines[0], strlen(lines[0]));
        value = heap_copy(lines[1], strlen(lines[1]));
        ts_outcome_line(&o, (ts_outcome_line_t) { name, value });
        heap_free(name);
        heap_free(value);
    }

    return ts_outcome(&o, status);
}


#define LINES(...)  (const char *const []) { __VA_ARGS__, NULL }
#define NONE        (const char *const []) { NULL }


static void
success_needs_a_criterion(void **state)
{
    (void) state;

    assert_int_equal(outcome(200, NONE), TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(200, LINES("set-cookie", "sid=1")),
                     TS_OUTCOME_FAILURE);
}


static void
statuses_decide_first(void **state)
{
    (void) state;

    want_cookie("sid");

    assert_int_equal(outcome(200, LINES("set-cookie", "sid=1")),
                     TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome(401, LINES("set-cookie", "sid=1")),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(400, LINES("set-cookie", "sid=1")),
                     TS_OUTCOME_NEUTRAL);
    assert_int_equal(outcome(503, NONE), TS_OUTCOME_NEUTRAL);
    assert_int_equal(outcome(404, NONE), TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(302, LINES("set-cookie", "sid=1; Path=/")),
                     TS_OUTCOME_SUCCESS);
}


static void
all_criteria_of_success_hold(void **state)
{
    (void) state;

    assert_true(ts_outcome_statuses(&criteria.statuses,
                                    TS_OUTCOME_SUCCESS, TS_SLICE("200,303")));
    want_cookie("sid");
    want_field("x-auth", NULL);
    want_field("location", "/home");

    assert_int_equal(outcome(303, LINES("x-auth", "", "location", " /home ",
                                        "set-cookie", "a=b",
                                        "set-cookie", "sid=1")),
                     TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome(302, LINES("x-auth", "", "location", "/home",
                                        "set-cookie", "sid=1")),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(303, LINES("location", "/home",
                                        "set-cookie", "sid=1")),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(303, LINES("x-auth", "1", "location", "/home?x",
                                        "set-cookie", "sid=1")),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(303, LINES("x-auth", "1", "location", "/home")),
                     TS_OUTCOME_FAILURE);
}


static void
a_status_alone_may_be_success(void **state)
{
    (void) state;

    assert_true(ts_outcome_statuses(&criteria.statuses,
                                    TS_OUTCOME_SUCCESS, TS_SLICE("302")));

    assert_int_equal(outcome(302, NONE), TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome(200, NONE), TS_OUTCOME_FAILURE);
}


static void
a_cookie_that_is_deleted_is_not_set(void **state)
{
    size_t  i;

    static const char *const  deleted[] = {
        "sid=", "sid", "sid=;", "sid=\"\"", "sid= ; Path=/",
        "sid=x; Max-Age=0", "sid=x;max-age=-1", "sid=x; MAX-AGE = 00",
        "sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0",
        "sid=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/",
        "SID=x", "sid2=x", "xsid=x", "a=b; sid=x",
    };

    static const char *const  set[] = {
        "sid=x", " sid = x ", "sid=x; Max-Age=3600", "sid=x; Max-Age=",
        "sid=x; Max-Age=01", "sid==", "sid=x; Expires=Thu, 01 Jan 2037",
    };

    (void) state;

    want_cookie("sid");

    for (i = 0; i < sizeof(deleted) / sizeof(deleted[0]); i++) {
        assert_int_equal(outcome(200, LINES("set-cookie", deleted[i])),
                         TS_OUTCOME_FAILURE);
    }

    for (i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        assert_int_equal(outcome(200, LINES("set-cookie", set[i])),
                         TS_OUTCOME_SUCCESS);
    }

    /* the last one counts */

    assert_int_equal(outcome(200, LINES("set-cookie", "sid=x",
                                        "set-cookie", "sid=; Max-Age=0")),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome(200, LINES("set-cookie", "sid=; Max-Age=0",
                                        "set-cookie", "sid=x")),
                     TS_OUTCOME_SUCCESS);
}


static void
want_value(ts_outcome_e means, const char *pointer, const char *value)
{
    static uint8_t      buf[TS_OUTCOME_BODIES][64];
    ts_outcome_body_t  *b;

    b = &criteria.bodies[criteria.nbodies];
    b->means = means;
    b->json = 1;

    if (value != NULL) {
        b->value = ts_slice(value, strlen(value));
    }

    assert_int_equal(ts_json_pointer(&b->pointer,
                                     ts_slice(pointer, strlen(pointer)),
                                     buf[criteria.nbodies]), 0);
    criteria.nbodies++;
}


static ts_outcome_e
outcome_of(uint32_t status, const char *body)
{
    ts_slice_t        copy;
    ts_outcome_t      o;
    ts_json_token_t  *tokens;

    tokens = malloc(TS_OUTCOME_JSON_TOKENS * sizeof(ts_json_token_t));
    assert_non_null(tokens);

    memset(&o, 0, sizeof(o));
    o.criteria = &criteria;

    copy = heap_copy(body, strlen(body));
    o.seen = (uint32_t) ts_outcome_json(&o, copy, tokens);
    heap_free(copy);
    free(tokens);

    return ts_outcome(&o, status);
}


static void
values_of_json_decide(void **state)
{
    (void) state;

    want_value(TS_OUTCOME_SUCCESS, "/user/id", NULL);
    want_value(TS_OUTCOME_SUCCESS, "/ok", "true");
    want_value(TS_OUTCOME_FAILURE, "/error", NULL);
    want_value(TS_OUTCOME_NEUTRAL, "/code", "7");

    assert_int_equal(outcome_of(200, "{\"ok\":true,\"user\":{\"id\":0}}"),
                     TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome_of(302, "{\"ok\":\"true\",\"user\":{\"id\":[]}}"),
                     TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome_of(200, "{\"ok\":[\"true\"],\"user\":{\"id\":1}}"),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome_of(200, "{\"ok\":true,\"user\":{\"id\":null}}"),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome_of(200, "{\"ok\":true}"), TS_OUTCOME_FAILURE);
    assert_int_equal(outcome_of(200, "{\"ok\":true,\"user\":{\"id\":1},"
                                     "\"error\":\"\"}"), TS_OUTCOME_FAILURE);
    assert_int_equal(outcome_of(200, "{\"ok\":true,\"user\":{\"id\":1},"
                                     "\"error\":null}"), TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome_of(200, "{\"code\":7,\"ok\":true,"
                                     "\"user\":{\"id\":1}}"),
                     TS_OUTCOME_NEUTRAL);
    assert_int_equal(outcome_of(200, "{\"code\":7,\"error\":1}"),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome_of(200, "{\"code\":7.0}"), TS_OUTCOME_FAILURE);

    /* statuses come first, or beside */

    assert_int_equal(outcome_of(401, "{\"ok\":true,\"user\":{\"id\":0}}"),
                     TS_OUTCOME_FAILURE);
    assert_int_equal(outcome_of(400, "{\"ok\":true,\"user\":{\"id\":0}}"),
                     TS_OUTCOME_NEUTRAL);
    assert_int_equal(outcome_of(400, "{\"error\":1}"), TS_OUTCOME_FAILURE);
}


static void
a_body_that_is_not_seen_is_a_failure(void **state)
{
    size_t        i;
    ts_outcome_t  o;

    static const char *const  unreadable[] = {
        "{\"ok\":true", "{\"ok\":true}x", "{\"ok\":true,\"ok\":true}",
        "<p>", " ", "{\"ok\":true,\"x\":\"\xff\"}", "\xef\xbb\xbf{\"ok\":true}",
        "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
    };

    (void) state;

    want_value(TS_OUTCOME_SUCCESS, "/ok", NULL);

    for (i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        assert_int_equal(outcome_of(200, unreadable[i]), TS_OUTCOME_FAILURE);
    }

    criteria.bodies[0].means = TS_OUTCOME_FAILURE;
    assert_true(ts_outcome_statuses(&criteria.statuses,
                                    TS_OUTCOME_SUCCESS, TS_SLICE("200")));

    for (i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        assert_int_equal(outcome_of(200, unreadable[i]), TS_OUTCOME_FAILURE);
    }

    assert_int_equal(outcome_of(200, "{}"), TS_OUTCOME_SUCCESS);
    assert_int_equal(outcome_of(200, ""), TS_OUTCOME_SUCCESS);

    /* neither is one whose status is neutral */

    memset(&o, 0, sizeof(o));
    o.criteria = &criteria;
    assert_int_equal(ts_outcome(&o, 400), TS_OUTCOME_FAILURE);
    assert_int_equal(ts_outcome(&o, 200), TS_OUTCOME_FAILURE);
}


static void
success_may_be_in_the_body_alone(void **state)
{
    (void) state;

    assert_false(ts_outcome_has_success(&criteria));

    want_value(TS_OUTCOME_FAILURE, "/error", NULL);
    assert_false(ts_outcome_has_success(&criteria));
    assert_int_equal(outcome_of(200, "{}"), TS_OUTCOME_FAILURE);

    want_value(TS_OUTCOME_SUCCESS, "/ok", NULL);
    assert_true(ts_outcome_has_success(&criteria));
    assert_int_equal(outcome_of(200, "{\"ok\":1}"), TS_OUTCOME_SUCCESS);

    want_cookie("sid");
    assert_int_equal(outcome_of(200, "{\"ok\":1}"), TS_OUTCOME_FAILURE);
}


static int
has(const ts_outcome_statuses_t *statuses, uint32_t status)
{
    assert_false(ts_outcome_has_status(statuses, TS_OUTCOME_SUCCESS, status));

    return ts_outcome_has_status(statuses, TS_OUTCOME_NEUTRAL, status);
}


static void
lists_of_statuses(void **state)
{
    size_t                 i;
    ts_outcome_statuses_t  s;

    static const char *const  wrong[] = {
        "", ",", "200,", ",200", "200,,201", "20", "2000", "099", "600",
        "6xx", "0xx", "2x", "2xx-3xx", "300-200", "200-", "200 ", "2o0",
        "200-29x",
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        memset(&s, 0, sizeof(s));
        assert_false(ts_outcome_statuses(&s, TS_OUTCOME_NEUTRAL,
                                         ts_slice(wrong[i],
                                                  strlen(wrong[i]))));
    }

    memset(&s, 0, sizeof(s));
    assert_true(ts_outcome_statuses(&s, TS_OUTCOME_NEUTRAL,
                                    TS_SLICE("100,3xx,410-412")));
    assert_true(has(&s, 100));
    assert_false(has(&s, 101));
    assert_false(has(&s, 299));
    assert_true(has(&s, 300));
    assert_true(has(&s, 399));
    assert_false(has(&s, 409));
    assert_true(has(&s, 412));
    assert_false(has(&s, 413));

    assert_true(ts_outcome_statuses(&s, TS_OUTCOME_NEUTRAL,
                                    TS_SLICE("100-599")));
    assert_true(has(&s, 100));
    assert_true(has(&s, 599));
    assert_false(has(&s, 0));
    assert_false(has(&s, 99));
    assert_false(has(&s, 600));
    assert_false(has(&s, 611));
    assert_false(has(&s, 612));
    assert_false(has(&s, UINT32_MAX));
}


/* What a body says, for who wants to know: once, and as text. */

static const char *
text_at(const char *path, const char *body)
{
    int                ok;
    uint8_t           *buf;
    uint8_t            names[64];
    ts_slice_t         copy, value;
    ts_json_pointer_t  pointer;

    static char             text[64];
    static ts_json_token_t  tokens[TS_OUTCOME_JSON_TOKENS];

    assert_int_equal(ts_json_pointer(&pointer, ts_slice(path, strlen(path)),
                                     names), 0);

    copy = heap_copy(body, strlen(body));
    buf = malloc(copy.len);
    assert_non_null(buf);

    ok = ts_outcome_text(copy, &pointer, tokens, buf, &value);

    if (ok) {
        assert_true(value.len < sizeof(text));
        memcpy(text, value.data, value.len);
        text[value.len] = '\0';
    }

    free(buf);
    heap_free(copy);

    return ok ? text : "(none)";
}


static void
the_text_of_a_body(void **state)
{
    size_t  i;

    static const char *const  none[] = {
        "", "x", "{}", "[]", "{\"user\":{}}", "{\"user\":{\"id\":\"\"}}",
        "{\"user\":{\"id\":null}}", "{\"user\":{\"id\":true}}",
        "{\"user\":{\"id\":{}}}", "{\"user\":{\"id\":[1]}}",
        "{\"user\":{\"id\":1.0}}", "{\"user\":{\"id\":1e0}}",
        "{\"user\":{\"id\":1E2}}", "{\"user\":{\"id\":1.5}}",
        "{\"user\":{\"id\":1,\"id\":2}}", "{\"user\":{\"ID\":1}}",
        "{\"user\":{\"id\":1}}{}", "{\"user\":{\"id\":\"\\u0000\"}}",
        "{\"user\":{\"id\":123456789012345678901}}"
    };

    (void) state;

    assert_string_equal(text_at("/user/id", "{\"user\":{\"id\":\"bob\"}}"),
                        "bob");
    assert_string_equal(text_at("/user/id",
                                "{\"user\":{\"id\":\"b\\u006fb\"}}"), "bob");
    assert_string_equal(text_at("/user/id", "{\"user\":{\"id\":42}}"), "42");
    assert_string_equal(text_at("/user/id", "{\"user\":{\"id\":-7}}"), "-7");
    assert_string_equal(text_at("/0", "[\"a\"]"), "a");

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_string_equal(text_at("/user/id", none[i]), "(none)");
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(success_needs_a_criterion, setup),
        cmocka_unit_test_setup(statuses_decide_first, setup),
        cmocka_unit_test_setup(all_criteria_of_success_hold, setup),
        cmocka_unit_test_setup(a_status_alone_may_be_success, setup),
        cmocka_unit_test_setup(a_cookie_that_is_deleted_is_not_set, setup),
        cmocka_unit_test_setup(values_of_json_decide, setup),
        cmocka_unit_test_setup(a_body_that_is_not_seen_is_a_failure, setup),
        cmocka_unit_test_setup(success_may_be_in_the_body_alone, setup),
        cmocka_unit_test(lists_of_statuses),
        cmocka_unit_test(the_text_of_a_body),
    };

    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
