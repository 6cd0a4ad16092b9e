/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_media_type.h"
#include "core/ts_param.h"


static ts_media_type_e
kind(ts_slice_t value, char *boundary)
{
    ts_slice_t       copy, b;
    ts_media_type_e  rc;

    copy = heap_copy(value.data, value.len);
    rc = ts_media_type(copy, &b);

    if (rc == TS_MEDIA_TYPE_MULTIPART) {
        memcpy(boundary, b.data, b.len);
        boundary[b.len] = '\0';
    }

    heap_free(copy);

    return rc;
}


#define assert_kind(text, expected)                                          \
    assert_int_equal(kind(TS_SLICE(text), boundary), expected)


static void
the_kinds_that_can_be_read(void **state)
{
    char  boundary[TS_MEDIA_TYPE_BOUNDARY + 1];

    (void) state;

    assert_kind("application/x-www-form-urlencoded", TS_MEDIA_TYPE_FORM);
    assert_kind("Application/X-WWW-Form-Urlencoded", TS_MEDIA_TYPE_FORM);
    assert_kind("application/x-www-form-urlencoded; charset=UTF-8",
                TS_MEDIA_TYPE_FORM);
    assert_kind(" application/json ; charset=\"utf-8\"\t", TS_MEDIA_TYPE_JSON);
    assert_kind("application/json;v=1;w=2", TS_MEDIA_TYPE_JSON);
    assert_kind("application/vnd.api+json", TS_MEDIA_TYPE_JSON);
    assert_kind("application/vnd.API+JSON", TS_MEDIA_TYPE_JSON);

    assert_kind("multipart/form-data; boundary=----WebKitFormBoundaryx",
                TS_MEDIA_TYPE_MULTIPART);
    assert_string_equal(boundary, "----WebKitFormBoundaryx");

    assert_kind("multipart/form-data; BOUNDARY=\"==a:c==\"; charset=utf8",
                TS_MEDIA_TYPE_MULTIPART);
    assert_string_equal(boundary, "==a:c==");
}


static void
what_cannot_be_read_for_sure_is_other(void **state)
{
    char  boundary[TS_MEDIA_TYPE_BOUNDARY + 1];

    (void) state;

    assert_kind("", TS_MEDIA_TYPE_OTHER);
    assert_kind("text/plain", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/jsonp", TS_MEDIA_TYPE_OTHER);
    assert_kind("text/json", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/+json", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/x/y+json", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/mixed; boundary=x", TS_MEDIA_TYPE_OTHER);

    assert_kind("application/json, text/plain", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json text/plain", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json;", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset=", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset =utf-8", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset=\"utf-8", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset=\"utf-8\"x", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; x=\"\\", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; x=\"\1\"", TS_MEDIA_TYPE_OTHER);

    assert_kind("application/json; charset=utf-16", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset=utf-7", TS_MEDIA_TYPE_OTHER);
    assert_kind("application/x-www-form-urlencoded; charset=ibm500",
                TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset=utf-8; charset=utf-8",
                TS_MEDIA_TYPE_OTHER);
}


static void
boundaries(void **state)
{
    char    boundary[TS_MEDIA_TYPE_BOUNDARY + 1], text[128];
    size_t  n;

    (void) state;

    assert_kind("multipart/form-data", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=\"\"", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=\"a \"", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=\"a\\b\"", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=a!b", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=a; boundary=a",
                TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=a; Boundary=b",
                TS_MEDIA_TYPE_OTHER);

    /* Django decodes the second, PHP looks for the word in the first */

    assert_kind("multipart/form-data; boundary=a; boundary*=utf-8''b",
                TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; xboundary=b; boundary=a",
                TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; x=\"boundary=b\"; boundary=a",
                TS_MEDIA_TYPE_OTHER);
    assert_kind("application/json; charset*=us-ascii''utf-16",
                TS_MEDIA_TYPE_OTHER);

    /* who splits or trims in quotes has another one */

    assert_kind("multipart/form-data; boundary=\"a b\"", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=\" a\"", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary=\"a,b\"", TS_MEDIA_TYPE_OTHER);
    assert_kind("multipart/form-data; boundary='a'", TS_MEDIA_TYPE_OTHER);

    n = (size_t) snprintf(text, sizeof(text), "multipart/form-data;boundary=");
    memset(text + n, 'x', TS_MEDIA_TYPE_BOUNDARY + 1);

    assert_int_equal(kind(ts_slice(text, n + TS_MEDIA_TYPE_BOUNDARY),
                          boundary),
                     TS_MEDIA_TYPE_MULTIPART);
    assert_int_equal(kind(ts_slice(text, n + TS_MEDIA_TYPE_BOUNDARY + 1),
                          boundary),
                     TS_MEDIA_TYPE_OTHER);
}


static void
all_256_bytes_of_a_token(void **state)
{
    int                c;
    static const char  tchar[] = "!#$%&'*+-.^_`|~0123456789"
                                 "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void) state;

    for (c = 0; c < 256; c++) {
        assert_int_equal(ts_param_token_char((uint8_t) c),
                         memchr(tchar, c, sizeof(tchar) - 1) != NULL);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_kinds_that_can_be_read),
        cmocka_unit_test(what_cannot_be_read_for_sure_is_other),
        cmocka_unit_test(boundaries),
        cmocka_unit_test(all_256_bytes_of_a_token),
    };

    return cmocka_run_group_tests_name("media type", tests, NULL, NULL);
}
