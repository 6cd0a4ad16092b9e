/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_multipart.h"


#define PART(headers, value)  "--B\r\n" headers "\r\n\r\n" value "\r\n"
#define FIELD(name, value)                                                   \
    PART("Content-Disposition: form-data; name=\"" name "\"", value)
#define END  "--B--\r\n"


static ts_form_result_e
username(ts_slice_t text, char *out)
{
    ts_field_t         f;
    ts_slice_t         copy, value;
    ts_form_result_e   rc;

    assert_true(ts_field_init(&f, TS_SLICE("username")));

    copy = heap_copy(text.data, text.len);
    rc = ts_multipart_field(copy, TS_SLICE("B"), &f, &value);

    if (rc == TS_FORM_OK) {
        assert_true(value.data > copy.data
                    && value.data + value.len < copy.data + copy.len);
        memcpy(out, value.data, value.len);
        out[value.len] = '\0';
    }

    heap_free(copy);

    return rc;
}


#define assert_result(text, expected)                                        \
    assert_int_equal(username(TS_SLICE(text), out), expected)


static void
finds_the_one_field(void **state)
{
    char  out[128];

    (void) state;

    assert_result(FIELD("username", "bob") FIELD("password", "x") END,
                  TS_FORM_OK);
    assert_string_equal(out, "bob");

    assert_result(FIELD("a", "") FIELD("username", "a\r\n-- -B\nb") "--B--",
                  TS_FORM_OK);
    assert_string_equal(out, "a\r\n-- -B\nb");

    assert_result(PART("content-type: text/plain; charset=UTF-8\r\n"
                       "CONTENT-DISPOSITION:Form-Data ;name=username\r\n"
                       "X-Other: \"what ever", "bob") END,
                  TS_FORM_OK);
    assert_string_equal(out, "bob");

    assert_result(PART("Content-Disposition: form-data; name=\"upload\"; "
                       "filename=\"C:\\x y.png\"\r\n"
                       "Content-Type: image/png\r\n"
                       "Content-Transfer-Encoding: binary", "\x89PNG\r\n\0")
                  FIELD("username", "") END,
                  TS_FORM_OK);
    assert_string_equal(out, "");
}


static void
not_there(void **state)
{
    char  out[128];

    (void) state;

    assert_result("--B--", TS_FORM_MISSING);
    assert_result(FIELD("user", "bob") END, TS_FORM_MISSING);
    assert_result(FIELD("", "bob") END, TS_FORM_MISSING);
}


static void
what_names_two_accounts_is_ambiguous(void **state)
{
    char  out[128];

    (void) state;

    assert_result(FIELD("username", "bob") FIELD("username", "bob") END,
                  TS_FORM_AMBIGUOUS);
    assert_result(FIELD("username", "bob") FIELD("Username", "alice") END,
                  TS_FORM_AMBIGUOUS);
    assert_result(FIELD("username[]", "bob") FIELD("username", "alice") END,
                  TS_FORM_AMBIGUOUS);
    assert_result(PART("Content-Disposition: form-data; name=\"username\"; "
                       "filename=\"x\"", "bob") END,
                  TS_FORM_AMBIGUOUS);
    assert_result(PART("Content-Disposition: form-data; name=\"username\"; "
                       "filename*=utf-8''x", "bob") END,
                  TS_FORM_AMBIGUOUS);
}


static void
boundaries_stand_only_where_they_delimit(void **state)
{
    char  out[128];

    (void) state;

    assert_result("", TS_FORM_MALFORMED);
    assert_result("--B", TS_FORM_MALFORMED);
    assert_result("--B-", TS_FORM_MALFORMED);
    assert_result("--B\r\n", TS_FORM_MALFORMED);
    assert_result("--B\r\n--B--", TS_FORM_MALFORMED);
    assert_result("--C\r\n" FIELD("username", "bob") END, TS_FORM_MALFORMED);

    /* preamble, epilogue, missing end */

    assert_result("\r\n" FIELD("username", "bob") END, TS_FORM_MALFORMED);
    assert_result("x\r\n" FIELD("username", "bob") END, TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob") END "x", TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob") END FIELD("username", "alice") END,
                  TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob"), TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob") "--B-", TS_FORM_MALFORMED);

    /* what only some take for a delimiter */

    assert_result(FIELD("username", "bob\n--B") END, TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob\r\n--Bx") END, TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob\r\n--B \r\nx") END,
                  TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob\r\n--B\nx") END, TS_FORM_MALFORMED);
    assert_result(FIELD("username", "bob\r--B") END, TS_FORM_MALFORMED);
}


static void
part_headers_are_strict(void **state)
{
    char  out[128];

    (void) state;

    assert_result("--B\r\n\r\nbob\r\n" END, TS_FORM_MALFORMED);
    assert_result("--B\r\nContent-Disposition: form-data; name=\"username\""
                  "\n\nbob\r\n" END, TS_FORM_MALFORMED);
    assert_result("--B\r\nContent-Disposition: form-data; name=\"username\""
                  "\r\n" END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data;\r\n name=\"username\"",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition : form-data; name=\"username\"",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART(" Content-Disposition: form-data; name=\"username\"",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"a\"\r\n"
                       "Content-Disposition: form-data; name=\"username\"",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"a\"; "
                       "name=\"username\"", "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"a\"; "
                       "name*=utf-8''username", "bob") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data", "bob") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data name=\"username\"",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: attachment; name=\"username\"",
                       "bob") END, TS_FORM_MALFORMED);
}


static void
names_that_readers_unquote_differently(void **state)
{
    char  out[128];

    (void) state;

    assert_result(FIELD("user\\name", "bob") END, TS_FORM_MALFORMED);
    assert_result(FIELD("user%6eame", "bob") END, TS_FORM_MALFORMED);
    assert_result(FIELD("=?utf-8?B?dXNlcm5hbWU=?=", "bob")
                  FIELD("username", "alice") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name='username'",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"username",
                       "bob") END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; "
                       "filename=\"a\\\"; name=\"username\"; x=\"\"", "bob")
                  END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"a\"; "
                       "filename=\"\\\"; name=username; x=\"", "bob")
                  END, TS_FORM_MALFORMED);
}


static void
parts_that_some_backend_would_decode(void **state)
{
    char  out[128];

    (void) state;

    assert_result(PART("Content-Disposition: form-data; name=\"username\"\r\n"
                       "Content-Transfer-Encoding: base64", "Ym9i") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"username\"\r\n"
                       "Content-Transfer-Encoding: quoted-printable", "b=6fb")
                  END, TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"username\"\r\n"
                       "Content-Transfer-Encoding: 7bit\r\n"
                       "Content-Transfer-Encoding: base64", "Ym9i") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"username\"\r\n"
                       "Content-Type: text/plain; charset=utf-16", "bob") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"username\"\r\n"
                       "Content-Type: text/plain; charset*=us-ascii''utf-16",
                       "bob") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"x\"\r\n"
                       "Content-Type: multipart/mixed; boundary=C", "bob") END,
                  TS_FORM_MALFORMED);
    assert_result(PART("Content-Disposition: form-data; name=\"x\"\r\n"
                       "Content-Type: text/plain\r\n"
                       "Content-Type: text/plain", "bob") END,
                  TS_FORM_MALFORMED);
}


static void
limits_on_both_sides(void **state)
{
    char    text[8192], out[128];
    size_t  n, i;

    (void) state;

    for (i = 0, n = 0; i < TS_MULTIPART_PARTS; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s",
                               i == 50 ? FIELD("username", "bob")
                                       : FIELD("a", ""));
    }

    memcpy(text + n, END, sizeof(END) - 1);
    assert_int_equal(username(ts_slice(text, n + sizeof(END) - 1), out),
                     TS_FORM_OK);

    n += (size_t) snprintf(text + n, sizeof(text) - n, FIELD("a", "") END);
    assert_int_equal(username(ts_slice(text, n), out), TS_FORM_MALFORMED);

    for (i = 15; i <= 16; i++) {
        size_t  k;

        n = (size_t) snprintf(text, sizeof(text), "--B\r\n"
                              "Content-Disposition: form-data; name=username");

        for (k = 0; k < i; k++) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "\r\nX: y");
        }

        n += (size_t) snprintf(text + n, sizeof(text) - n,
                               "\r\n\r\nbob\r\n" END);
        assert_int_equal(username(ts_slice(text, n), out),
                         i == 15 ? TS_FORM_OK : TS_FORM_MALFORMED);
    }
}


static void
every_shorter_text_is_refused(void **state)
{
    char    out[128];
    size_t  n;

    static const char  text[] = FIELD("x", "y") FIELD("username", "bob")
                                "--B--";

    (void) state;

    for (n = 0; n < sizeof(text) - 1; n++) {
        assert_int_equal(username(ts_slice(text, n), out), TS_FORM_MALFORMED);
    }

    assert_int_equal(username(ts_slice(text, n), out), TS_FORM_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(finds_the_one_field),
        cmocka_unit_test(not_there),
        cmocka_unit_test(what_names_two_accounts_is_ambiguous),
        cmocka_unit_test(boundaries_stand_only_where_they_delimit),
        cmocka_unit_test(part_headers_are_strict),
        cmocka_unit_test(names_that_readers_unquote_differently),
        cmocka_unit_test(parts_that_some_backend_would_decode),
        cmocka_unit_test(limits_on_both_sides),
        cmocka_unit_test(every_shorter_text_is_refused),
    };

    return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
