/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/ts_origin_policy.h"


#define OWN    "https://app.example.com"
#define EVIL   "https://evil.example"


static int
parses(const char *text, int (*fn)(ts_slice_t, ts_origin_t *))
{
    int           rc;
    char         *copy;
    size_t        len;
    ts_origin_t   origin;

    len = strlen(text);
    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);

    rc = fn(ts_slice(copy, len), &origin);

    if (rc) {
        assert_true(origin.host.len > 0);
        assert_true(origin.port > 0);
        assert_true(origin.host.data >= (uint8_t *) copy);
        assert_true(origin.host.data + origin.host.len
                    <= (uint8_t *) copy + len);
    }

    free(copy);

    return rc;
}


static int
same(const char *a, const char *b)
{
    ts_origin_t  x, y;

    assert_true(ts_origin_parse(ts_slice(a, strlen(a)), &x));
    assert_true(ts_origin_parse(ts_slice(b, strlen(b)), &y));

    return ts_origin_eq(&x, &y);
}


static void
origins_are_read(void **state)
{
    (void) state;

    assert_true(parses("https://app.example.com", ts_origin_parse));
    assert_true(parses("http://localhost:8080", ts_origin_parse));
    assert_true(parses("HTTPS://APP.EXAMPLE.COM:443", ts_origin_parse));
    assert_true(parses("https://[::1]:8443", ts_origin_parse));
    assert_true(parses("https://a_b-c.example.", ts_origin_parse));
    assert_true(parses("https://x:65535", ts_origin_parse));
}


static void
malformed_origins_are_not(void **state)
{
    size_t              i;
    static const char  *texts[] = {
        "", "null", "https://", "https:///", "http:", "ftp://a", "//a",
        "https//a", "https://a/", "https://a?", "https://a#", "https://a b",
        "https://u@a", "https://a, https://b", "https://a https://b",
        "https://a:", "https://a:0", "https://a:080", "https://a:65536",
        "https://a:99999", "https://a:123456", "https://a:8x", "https://:443",
        "https://[", "https://[]", "https://[:]x", "https://[::1]8",
        "https://[::g]", "https://a%41", "https://a\t", " https://a",
        "https://\xc3\xa4.example", "wss://a", "https://a:443:443",
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (parses(texts[i], ts_origin_parse)) {
            fail_msg("parsed: %s", texts[i]);
        }
    }
}


static void
urls_give_their_origin(void **state)
{
    (void) state;

    assert_true(parses("https://app.example.com/", ts_origin_parse_url));
    assert_true(parses("https://a:8/x?y#z", ts_origin_parse_url));
    assert_true(parses("https://a?x/y", ts_origin_parse_url));
    assert_true(parses("https://a", ts_origin_parse_url));

    assert_false(parses("https://app.example.com@evil.example/",
                        ts_origin_parse_url));
    assert_false(parses("https://evil.example\\@app.example.com/",
                        ts_origin_parse_url));
    assert_false(parses("about:blank", ts_origin_parse_url));
    assert_false(parses("", ts_origin_parse_url));
}


static void
comparison_is_exact_after_normalisation(void **state)
{
    (void) state;

    assert_true(same(OWN, "HTTPS://App.Example.COM"));
    assert_true(same(OWN, "https://app.example.com:443"));
    assert_true(same("http://a", "http://a:80"));

    assert_false(same(OWN, "http://app.example.com"));
    assert_false(same(OWN, "https://app.example.com:8443"));
    assert_false(same(OWN, "https://app.example.com.evil.example"));
    assert_false(same(OWN, "https://evil-app.example.com"));
    assert_false(same(OWN, "https://xapp.example.com"));
    assert_false(same(OWN, "https://app.example.com."));
    assert_false(same("http://a_b", "http://a-b"));
}


/* NULL: the field is absent */

static ts_origin_verdict_e
check(const char *site, const char *origin, const char *referer,
    unsigned credential, unsigned handshake)
{
    ts_origin_t          allowed[2];
    ts_origin_request_t  request;

    memset(&request, 0, sizeof(request));

    if (site) {
        request.fetch_site.value = ts_slice(site, strlen(site));
        request.fetch_site.n = 1;
    }

    if (origin) {
        request.origin.value = ts_slice(origin, strlen(origin));
        request.origin.n = 1;
    }

    if (referer) {
        request.referer.value = ts_slice(referer, strlen(referer));
        request.referer.n = 1;
    }

    request.credential = credential;
    request.handshake = handshake;

    assert_true(ts_origin_parse(TS_SLICE(OWN), &allowed[0]));
    assert_true(ts_origin_parse(TS_SLICE("https://admin.example.com:8443"),
                                &allowed[1]));

    return ts_origin_check(&request, allowed, 2);
}


static void
listed_origins_pass(void **state)
{
    (void) state;

    assert_int_equal(check("same-origin", OWN, NULL, 1, 0), TS_ORIGIN_ALLOWED);
    assert_int_equal(check(NULL, OWN, NULL, 1, 0), TS_ORIGIN_ALLOWED);
    assert_int_equal(check("same-site", "https://admin.example.com:8443", NULL,
                           1, 0), TS_ORIGIN_ALLOWED);
    assert_int_equal(check(NULL, NULL, OWN "/page?x", 1, 0),
                     TS_ORIGIN_ALLOWED);
    assert_int_equal(check("same-origin", NULL, NULL, 1, 0),
                     TS_ORIGIN_ALLOWED);
    assert_int_equal(check("none", NULL, NULL, 1, 0), TS_ORIGIN_ALLOWED);
    assert_int_equal(check(NULL, NULL, NULL, 0, 0), TS_ORIGIN_ALLOWED);
}


static void
foreign_origins_do_not(void **state)
{
    (void) state;

    assert_int_equal(check("cross-site", EVIL, NULL, 1, 0),
                     TS_ORIGIN_MISMATCH);
    assert_int_equal(check(NULL, EVIL, NULL, 0, 0), TS_ORIGIN_MISMATCH);
    assert_int_equal(check("cross-site", NULL, OWN "/", 1, 0),
                     TS_ORIGIN_CROSS_SITE);
    assert_int_equal(check("same-site", NULL, OWN "/", 1, 0),
                     TS_ORIGIN_CROSS_SITE);
    assert_int_equal(check(NULL, NULL, EVIL "/?" OWN "/", 1, 0),
                     TS_ORIGIN_MISMATCH);
    assert_int_equal(check(NULL, "null", NULL, 0, 0), TS_ORIGIN_NULL);
    assert_int_equal(check("none", "null", NULL, 1, 0), TS_ORIGIN_NULL);
    assert_int_equal(check("same-site", "null", NULL, 1, 0), TS_ORIGIN_NULL);
    assert_int_equal(check("cross-site", "null", OWN "/", 1, 0),
                     TS_ORIGIN_NULL);
}


static void
null_of_a_form_that_sends_no_referrer_passes(void **state)
{
    (void) state;

    assert_int_equal(check("same-origin", "null", NULL, 1, 0),
                     TS_ORIGIN_ALLOWED);
    assert_int_equal(check("same-origin", "null", NULL, 1, 1),
                     TS_ORIGIN_NULL);
}


static void
rebound_name_is_caught_by_its_origin(void **state)
{
    (void) state;

    assert_int_equal(check("same-origin", EVIL, EVIL "/", 1, 0),
                     TS_ORIGIN_MISMATCH);
}


static void
nothing_said_with_a_credential_is_refused(void **state)
{
    (void) state;

    assert_int_equal(check(NULL, NULL, NULL, 1, 0), TS_ORIGIN_MISSING);
    assert_int_equal(check(NULL, NULL, "", 1, 0), TS_ORIGIN_MISSING);
}


static void
handshake_needs_origin_with_a_credential(void **state)
{
    (void) state;

    assert_int_equal(check(NULL, OWN, NULL, 1, 1), TS_ORIGIN_ALLOWED);
    assert_int_equal(check(NULL, NULL, OWN "/", 1, 1), TS_ORIGIN_MISSING);
    assert_int_equal(check("same-origin", NULL, NULL, 1, 1),
                     TS_ORIGIN_MISSING);
    assert_int_equal(check(NULL, NULL, NULL, 0, 1), TS_ORIGIN_ALLOWED);
    assert_int_equal(check(NULL, EVIL, NULL, 0, 1), TS_ORIGIN_MISMATCH);
}


static void
malformed_and_several_values_are_refused(void **state)
{
    ts_origin_request_t  request;

    (void) state;

    assert_int_equal(check("Same-Origin", NULL, NULL, 0, 0),
                     TS_ORIGIN_MALFORMED);
    assert_int_equal(check("", NULL, NULL, 0, 0), TS_ORIGIN_MALFORMED);
    assert_int_equal(check("same-origin, none", NULL, NULL, 0, 0),
                     TS_ORIGIN_MALFORMED);
    assert_int_equal(check(NULL, "", NULL, 0, 0), TS_ORIGIN_MALFORMED);
    assert_int_equal(check(NULL, OWN "/", NULL, 0, 0), TS_ORIGIN_MALFORMED);
    assert_int_equal(check(NULL, OWN ", " OWN, NULL, 0, 0),
                     TS_ORIGIN_MALFORMED);
    assert_int_equal(check(NULL, NULL, "about:blank", 1, 0),
                     TS_ORIGIN_MALFORMED);

    memset(&request, 0, sizeof(request));
    request.origin.n = 2;
    request.origin.value = TS_SLICE(OWN);
    assert_int_equal(ts_origin_check(&request, NULL, 0), TS_ORIGIN_MALFORMED);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(origins_are_read),
        cmocka_unit_test(malformed_origins_are_not),
        cmocka_unit_test(urls_give_their_origin),
        cmocka_unit_test(comparison_is_exact_after_normalisation),
        cmocka_unit_test(listed_origins_pass),
        cmocka_unit_test(foreign_origins_do_not),
        cmocka_unit_test(null_of_a_form_that_sends_no_referrer_passes),
        cmocka_unit_test(rebound_name_is_caught_by_its_origin),
        cmocka_unit_test(nothing_said_with_a_credential_is_refused),
        cmocka_unit_test(handshake_needs_origin_with_a_credential),
        cmocka_unit_test(malformed_and_several_values_are_refused),
    };

    return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
