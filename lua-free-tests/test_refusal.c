/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "core/ts_reason.h"
#include "core/ts_refusal.h"


/* A refusal without words of the operator. */

static size_t
body_of(char *buf, unsigned status, ts_slice_t id, int html)
{
    ts_refusal_t  refusal;

    refusal.status = status;
    refusal.request_id = id;
    refusal.title = ts_slice(NULL, 0);
    refusal.code = ts_slice(NULL, 0);

    return ts_refusal_body(buf, &refusal, html);
}


static void
problem_details_are_json(void **state)
{
    char           buf[TS_REFUSAL_MAX];
    size_t         len;
    json_t        *doc;
    json_error_t   error;

    (void) state;

    len = body_of(buf, 403, TS_SLICE("abc-123"), 0);
    doc = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &error);

    assert_non_null(doc);
    assert_int_equal(json_integer_value(json_object_get(doc, "status")), 403);
    assert_string_equal(json_string_value(json_object_get(doc, "title")),
                        "Forbidden");
    assert_string_equal(json_string_value(json_object_get(doc, "type")),
                        "about:blank");
    assert_string_equal(json_string_value(json_object_get(doc, "request_id")),
                        "abc-123");
    json_decref(doc);
}


static void
page_shows_status_and_id(void **state)
{
    char    buf[TS_REFUSAL_MAX];
    size_t  len;

    (void) state;

    len = body_of(buf, 429, TS_SLICE("0123abc"), 1);
    assert_true(len > 0 && len < TS_REFUSAL_MAX);
    buf[len] = '\0';

    assert_non_null(strstr(buf, "429 Too Many Requests"));
    assert_non_null(strstr(buf, "<code>0123abc</code>"));
}


static void
request_id_cannot_carry_markup(void **state)
{
    char    buf[TS_REFUSAL_MAX], id[300];
    size_t  len;

    (void) state;

    len = body_of(buf, 400, TS_SLICE("a<b>\"\\\n&c"), 1);
    buf[len] = '\0';
    assert_non_null(strstr(buf, "<code>abc</code>"));

    memset(id, 'x', sizeof(id));
    len = body_of(buf, 400, ts_slice(id, sizeof(id)), 0);
    assert_true(len > 0 && len < TS_REFUSAL_MAX);
}


static void
operator_s_title_and_code(void **state)
{
    char           buf[TS_REFUSAL_MAX], title[TS_REFUSAL_TITLE];
    char           code[TS_REFUSAL_CODE], id[64];
    size_t         len;
    json_t        *doc;
    json_error_t   error;
    ts_refusal_t   refusal;

    (void) state;

    refusal.status = 403;
    refusal.request_id = TS_SLICE("abc");
    refusal.title = TS_SLICE("Verify your e-mail first");
    refusal.code = TS_SLICE("email_unverified");

    len = ts_refusal_body(buf, &refusal, 0);
    doc = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(doc);
    assert_string_equal(json_string_value(json_object_get(doc, "title")),
                        "Verify your e-mail first");
    assert_string_equal(json_string_value(json_object_get(doc, "code")),
                        "email_unverified");
    assert_int_equal(json_integer_value(json_object_get(doc, "status")), 403);
    json_decref(doc);

    len = ts_refusal_body(buf, &refusal, 1);
    buf[len] = '\0';
    assert_non_null(strstr(buf, "<h1>Verify your e-mail first</h1>"));

    /* the longest of all fit */

    memset(title, 't', sizeof(title));
    memset(code, 'c', sizeof(code));
    memset(id, 'i', sizeof(id));
    refusal.title = ts_slice(title, sizeof(title));
    refusal.code = ts_slice(code, sizeof(code));
    refusal.request_id = ts_slice(id, sizeof(id));

    assert_true(ts_refusal_body(buf, &refusal, 0) < TS_REFUSAL_MAX);
    assert_true(ts_refusal_body(buf, &refusal, 1) < TS_REFUSAL_MAX);
}


static void
words_that_would_be_markup(void **state)
{
    char  longest[TS_REFUSAL_TITLE + 1];

    (void) state;

    memset(longest, 'x', sizeof(longest));

    assert_true(ts_refusal_is_title(TS_SLICE("Bitte zuerst bestätigen!")));
    assert_true(ts_refusal_is_title(ts_slice(longest, TS_REFUSAL_TITLE)));
    assert_false(ts_refusal_is_title(ts_slice(longest, TS_REFUSAL_TITLE + 1)));
    assert_false(ts_refusal_is_title(ts_slice(NULL, 0)));
    assert_false(ts_refusal_is_title(TS_SLICE("<b>")));
    assert_false(ts_refusal_is_title(TS_SLICE("a\"b")));
    assert_false(ts_refusal_is_title(TS_SLICE("a\\b")));
    assert_false(ts_refusal_is_title(TS_SLICE("a&b")));
    assert_false(ts_refusal_is_title(TS_SLICE("a\nb")));
    assert_false(ts_refusal_is_title(TS_SLICE("a\177b")));
    assert_false(ts_refusal_is_title(TS_SLICE("a\xff")));
    assert_false(ts_refusal_is_title(TS_SLICE("a\xc3")));

    assert_true(ts_refusal_is_code(TS_SLICE("kyc.level-2_x")));
    assert_true(ts_refusal_is_code(ts_slice(longest, TS_REFUSAL_CODE)));
    assert_false(ts_refusal_is_code(ts_slice(longest, TS_REFUSAL_CODE + 1)));
    assert_false(ts_refusal_is_code(ts_slice(NULL, 0)));
    assert_false(ts_refusal_is_code(TS_SLICE("a b")));
}


static void
every_reason_has_a_phrase(void **state)
{
    size_t  i;

    (void) state;

    for (i = 1; i < TS_REASON_N; i++) {

        if (ts_reasons[i].status >= 1000) {
            continue;                       /* the close code of a socket */
        }

        if (ts_slice_eq(ts_status_phrase(ts_reasons[i].status),
                        TS_SLICE("Error")))
        {
            fail_msg("no phrase for %u of %s", ts_reasons[i].status,
                     ts_reasons[i].word);
        }
    }
}


static void
html_only_when_named(void **state)
{
    (void) state;

    assert_true(ts_refusal_wants_html(TS_SLICE("text/html,*/*;q=0.8")));
    assert_true(ts_refusal_wants_html(TS_SLICE("image/png, TEXT/HTML")));
    assert_false(ts_refusal_wants_html(TS_SLICE("*/*")));
    assert_false(ts_refusal_wants_html(TS_SLICE("application/json")));
    assert_false(ts_refusal_wants_html(TS_SLICE("text/htm")));
    assert_false(ts_refusal_wants_html(ts_slice(NULL, 0)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(problem_details_are_json),
        cmocka_unit_test(page_shows_status_and_id),
        cmocka_unit_test(request_id_cannot_carry_markup),
        cmocka_unit_test(operator_s_title_and_code),
        cmocka_unit_test(words_that_would_be_markup),
        cmocka_unit_test(every_reason_has_a_phrase),
        cmocka_unit_test(html_only_when_named),
    };

    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
