/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_field.h"
#include "core/ts_form.h"


static ts_form_result_e
field(const char *name, ts_slice_t text, char *out, size_t size)
{
    uint8_t           *buf;
    ts_field_t         f;
    ts_slice_t         copy, value;
    ts_form_result_e   rc;

    assert_true(ts_field_init(&f, ts_slice(name, strlen(name))));

    copy = heap_copy(text.data, text.len);
    buf = malloc(size);
    assert_non_null(buf);

    rc = ts_form_field(copy, &f, buf, size, &value);

    if (rc == TS_FORM_OK) {
        memcpy(out, value.data, value.len);
        out[value.len] = '\0';
    }

    free(buf);
    heap_free(copy);

    return rc;
}


#define username(text, out)                                                  \
    field("username", TS_SLICE(text), out, TS_FOLD_IN)


static void
finds_and_decodes_the_one_field(void **state)
{
    char  out[TS_FOLD_IN + 1];

    (void) state;

    assert_int_equal(username("username=bob&password=x", out), TS_FORM_OK);
    assert_string_equal(out, "bob");

    assert_int_equal(username("password=x&username=bob", out), TS_FORM_OK);
    assert_string_equal(out, "bob");

    assert_int_equal(username("a=1&&username=b%6Fb+%26%3d&", out), TS_FORM_OK);
    assert_string_equal(out, "bob &=");

    assert_int_equal(username("user%6eame=a=b", out), TS_FORM_OK);
    assert_string_equal(out, "a=b");

    assert_int_equal(username("username=", out), TS_FORM_OK);
    assert_string_equal(out, "");

    assert_int_equal(username("username", out), TS_FORM_OK);
    assert_string_equal(out, "");
}


static void
not_there(void **state)
{
    char  out[TS_FOLD_IN + 1];

    (void) state;

    assert_int_equal(username("", out), TS_FORM_MISSING);
    assert_int_equal(username("&", out), TS_FORM_MISSING);
    assert_int_equal(username("=bob", out), TS_FORM_MISSING);
    assert_int_equal(username("usernam=bob&usernames=x", out),
                     TS_FORM_MISSING);
    assert_int_equal(username("x=username=bob", out), TS_FORM_MISSING);
    assert_int_equal(username("user-name=bob", out), TS_FORM_MISSING);
}


/* Each of them is another account to some backend. */

static void
what_names_two_accounts_is_ambiguous(void **state)
{
    size_t  i;
    char    out[TS_FOLD_IN + 1];

    static const char *const  others[] = {
        "username", "user%6eame", "USERNAME", "UserName", "user%4eame",
        "+username", "%20username", "username[]", "username[0]",
        "username%5b%5d", "username%00", "username%00x",
        "u%C5%BFername",                    /* long s, as Go folds */
        "user%EF%BD%8Eame",                 /* fullwidth n */
        "user%E2%80%8Bname",                /* zero width space */
        "%FF",                              /* who knows */
        "%5Busername", "[username]", "username]", "[]username]]",  /* Rack */
        "username]x",
    };

    (void) state;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char  text[256];

        (void) snprintf(text, sizeof(text), "username=bob&%s=alice",
                        others[i]);
        assert_int_equal(field("username", ts_slice(text, strlen(text)), out,
                               TS_FOLD_IN),
                         TS_FORM_AMBIGUOUS);

        (void) snprintf(text, sizeof(text), "%s=alice&username=bob",
                        others[i]);
        assert_int_equal(field("username", ts_slice(text, strlen(text)), out,
                               TS_FOLD_IN),
                         TS_FORM_AMBIGUOUS);
    }

    assert_int_equal(username("username=bob&username=bob", out),
                     TS_FORM_AMBIGUOUS);
    assert_int_equal(username("username&username=bob", out),
                     TS_FORM_AMBIGUOUS);

    /* alike alone is no better: PHP would read it, another would not */

    assert_int_equal(username("Username=bob", out), TS_FORM_AMBIGUOUS);
}


static void
php_spellings_of_a_name_with_an_underscore(void **state)
{
    char  out[TS_FOLD_IN + 1];

    (void) state;

    assert_int_equal(field("user_name", TS_SLICE("user.name=a&user_name=b"),
                           out, TS_FOLD_IN),
                     TS_FORM_AMBIGUOUS);
    assert_int_equal(field("user_name", TS_SLICE("user+name=a&user_name=b"),
                           out, TS_FOLD_IN),
                     TS_FORM_AMBIGUOUS);
    assert_int_equal(field("user_name", TS_SLICE("user[name=a&user_name=b"),
                           out, TS_FOLD_IN),
                     TS_FORM_AMBIGUOUS);
    assert_int_equal(field("user[email]",
                           TS_SLICE("user[email]=a&user[password]=b"),
                           out, TS_FOLD_IN),
                     TS_FORM_OK);
    assert_string_equal(out, "a");
    assert_int_equal(field("user[email]",
                           TS_SLICE("user[email]=a&User[Email]=b"),
                           out, TS_FOLD_IN),
                     TS_FORM_AMBIGUOUS);
}


/* PHP ignores what follows "]", Rack counts no brackets. */

static void
spellings_of_a_name_with_brackets(void **state)
{
    size_t  i;
    char    text[256], out[TS_FOLD_IN + 1];

    static const char *const  others[] = {
        "user[email]x", "user[email][", "user[email][0]", "user[email]]",
        "user[[email]", "user][email]", "[user][email]", "user[EMAIL]x",
    };

    (void) state;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void) snprintf(text, sizeof(text), "user[email]=bob&%s=alice",
                        others[i]);
        assert_int_equal(field("user[email]", ts_slice(text, strlen(text)),
                               out, TS_FOLD_IN),
                         TS_FORM_AMBIGUOUS);
    }

    assert_int_equal(field("user[email]",
                           TS_SLICE("user[email]=a&user[emails]=b&user=c"
                                    "&other[email]=d&email[user]=e&[]=f"),
                           out, TS_FOLD_IN),
                     TS_FORM_OK);
}


static void
semicolons_separate_for_some(void **state)
{
    char  out[TS_FOLD_IN + 1];

    (void) state;

    assert_int_equal(username("x=1;username=alice&username=bob", out),
                     TS_FORM_AMBIGUOUS);
    assert_int_equal(username("username=bob&x=1;username=alice", out),
                     TS_FORM_AMBIGUOUS);
    assert_int_equal(username("x=1;username=alice", out), TS_FORM_AMBIGUOUS);
    assert_int_equal(username("username=bob;x=1", out), TS_FORM_AMBIGUOUS);
    assert_int_equal(username("username=bob;", out), TS_FORM_AMBIGUOUS);

    /* a password by hand, not encoded */

    assert_int_equal(username("username=bob&password=a;b%;=", out),
                     TS_FORM_OK);
    assert_string_equal(out, "bob");
    assert_int_equal(username("username=b%3bob", out), TS_FORM_OK);
    assert_string_equal(out, "b;ob");
}


static void
percent_signs_must_be_right_where_it_matters(void **state)
{
    char  out[TS_FOLD_IN + 1];

    (void) state;

    assert_int_equal(username("username=b%6", out), TS_FORM_MALFORMED);
    assert_int_equal(username("username=b%", out), TS_FORM_MALFORMED);
    assert_int_equal(username("username=b%zzb", out), TS_FORM_MALFORMED);
    assert_int_equal(username("username=b%u006fb", out), TS_FORM_MALFORMED);
    assert_int_equal(username("user%name=x&username=bob", out),
                     TS_FORM_MALFORMED);
    assert_int_equal(username("username=bob&password=100%", out), TS_FORM_OK);
}


static void
limits_on_both_sides(void **state)
{
    char     text[16384], out[TS_FOLD_IN + 1];
    size_t   n, i;

    (void) state;

    /* the longest value */

    n = (size_t) snprintf(text, sizeof(text), "username=");
    memset(text + n, 'x', TS_FOLD_IN + 1);

    assert_int_equal(field("username", ts_slice(text, n + TS_FOLD_IN), out,
                           TS_FOLD_IN),
                     TS_FORM_OK);
    assert_int_equal(field("username", ts_slice(text, n + TS_FOLD_IN + 1), out,
                           TS_FOLD_IN),
                     TS_FORM_MALFORMED);

    /* the longest name that is looked at */

    memset(text, 'x', sizeof(text));
    memcpy(text + TS_FOLD_IN, "=&username=b", 12);
    assert_int_equal(field("username", ts_slice(text, TS_FOLD_IN + 12), out,
                           TS_FOLD_IN),
                     TS_FORM_OK);
    text[TS_FOLD_IN] = 'x';
    memcpy(text + TS_FOLD_IN + 1, "=&username=b", 12);
    assert_int_equal(field("username", ts_slice(text, TS_FOLD_IN + 13), out,
                           TS_FOLD_IN),
                     TS_FORM_MALFORMED);

    /* the number of fields */

    n = (size_t) snprintf(text, sizeof(text), "username=b");

    for (i = 1; i < TS_FORM_FIELDS; i++) {
        memcpy(text + n, "&a=1", 4);
        n += 4;
    }

    assert_int_equal(field("username", ts_slice(text, n), out, TS_FOLD_IN),
                     TS_FORM_OK);
    memcpy(text + n, "&a=1", 4);
    assert_int_equal(field("username", ts_slice(text, n + 4), out, TS_FOLD_IN),
                     TS_FORM_MALFORMED);
}


static void
names_of_configuration(void **state)
{
    char        name[TS_FIELD_NAME + 1];
    ts_field_t  f;

    (void) state;

    memset(name, 'x', sizeof(name));

    assert_true(ts_field_init(&f, ts_slice(name, TS_FIELD_NAME)));
    assert_false(ts_field_init(&f, ts_slice(name, TS_FIELD_NAME + 1)));
    assert_false(ts_field_init(&f, TS_SLICE("")));
    assert_false(ts_field_init(&f, TS_SLICE(" x")));
    assert_false(ts_field_init(&f, TS_SLICE("\xff")));
    assert_true(ts_field_init(&f, TS_SLICE("Benutzer Nr.")));
    assert_int_equal(ts_field_match(&f, TS_SLICE("Benutzer Nr.")),
                     TS_FIELD_SAME);
    assert_int_equal(ts_field_match(&f, TS_SLICE("benutzer_nr_")),
                     TS_FIELD_ALIKE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(finds_and_decodes_the_one_field),
        cmocka_unit_test(not_there),
        cmocka_unit_test(what_names_two_accounts_is_ambiguous),
        cmocka_unit_test(php_spellings_of_a_name_with_an_underscore),
        cmocka_unit_test(spellings_of_a_name_with_brackets),
        cmocka_unit_test(semicolons_separate_for_some),
        cmocka_unit_test(percent_signs_must_be_right_where_it_matters),
        cmocka_unit_test(limits_on_both_sides),
        cmocka_unit_test(names_of_configuration),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
