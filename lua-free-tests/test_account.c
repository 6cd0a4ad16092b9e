/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_account.h"
#include "core/ts_fold.h"


static ts_account_result_e
normalise(const char *text, size_t len, char *out)
{
    uint8_t              *buf;
    ts_slice_t            copy, account;
    ts_account_result_e   rc;

    copy = heap_copy(text, len);
    buf = malloc(TS_FOLD_OUT);
    assert_non_null(buf);

    rc = ts_account_normalise(copy, buf, &account);

    if (rc == TS_ACCOUNT_OK) {
        assert_true(account.len > 0 && account.len <= TS_FOLD_OUT);
        memcpy(out, account.data, account.len);
        out[account.len] = '\0';
    }

    free(buf);
    heap_free(copy);

    return rc;
}


static void
one_account_in_many_spellings_is_one(void **state)
{
    size_t       i;
    char         out[TS_FOLD_OUT + 1];

    static const char *const  bob[] = {
        "bob", "Bob", "BOB", "  bob", "bob  ", "B\xc3\x96""B", "b\xc3\xb6""b",
        "\xef\xbc\xa2\xef\xbd\x8f\xef\xbd\x82",        /* fullwidth */
        "\xf0\x9d\x90\x81ob",                          /* bold B */
        "bo\xe2\x80\x8b""b",                           /* zero width space */
        "b\xc2\xad""ob",                               /* soft hyphen */
        "bo\xcc\x81""b",                               /* combining acute */
        "\xc2\xa0""bob\xe3\x80\x80",                   /* no-break, wide */
        "\xe2\x80\xa8""bob\xe1\x9a\x80",            /* line separator, ogham */
        "b\xe2\x93\x9e""b",                            /* circled o */
    };

    (void) state;

    for (i = 0; i < sizeof(bob) / sizeof(bob[0]); i++) {
        assert_int_equal(normalise(bob[i], strlen(bob[i]), out),
                         TS_ACCOUNT_OK);
        assert_string_equal(out, "bob");
    }
}


/* A zero width space is folded away, but not on the fast path of ASCII. */

static void
ascii_is_folded_as_everything_is(void **state)
{
    int   c, d;
    char  text[] = "\xe2\x80\x8b""xx", fast[TS_FOLD_OUT + 1];
    char  strict[TS_FOLD_OUT + 1];

    (void) state;

    for (c = 0; c < 0x80; c++) {
        for (d = 0; d < 0x80; d++) {
            text[3] = (char) c;
            text[4] = (char) d;

            fast[0] = strict[0] = '\0';

            assert_int_equal(normalise(text + 3, 2, fast),
                             normalise(text, 5, strict));
            assert_string_equal(fast, strict);
        }
    }
}


static void
different_accounts_stay_different(void **state)
{
    size_t  i, j, n;
    char    out[6][TS_FOLD_OUT + 1];

    static const char *const  accounts[] = {
        "alice", "alice2", "a lice", "alice@example.com", "alic",
        "\xd0\xb0lice",                                /* Cyrillic a */
    };

    (void) state;

    n = sizeof(accounts) / sizeof(accounts[0]);

    for (i = 0; i < n; i++) {
        assert_int_equal(normalise(accounts[i], strlen(accounts[i]), out[i]),
                         TS_ACCOUNT_OK);

        for (j = 0; j < i; j++) {
            assert_string_not_equal(out[i], out[j]);
        }
    }
}


static void
full_case_folding(void **state)
{
    char  a[TS_FOLD_OUT + 1], b[TS_FOLD_OUT + 1];

    (void) state;

    assert_int_equal(normalise("stra\xc3\x9f""e", 7, a), TS_ACCOUNT_OK);
    assert_int_equal(normalise("STRASSE", 7, b), TS_ACCOUNT_OK);
    assert_string_equal(a, b);

    /* Kelvin sign, long s: Go's encoding takes them for k and s */

    assert_int_equal(normalise("\xe2\x84\xaa\xc5\xbf", 5, a), TS_ACCOUNT_OK);
    assert_string_equal(a, "ks");
}


/* Pairs of which MySQL finds one for the other (utf8mb4_0900_ai_ci). */

static void
what_collations_ignore_is_ignored(void **state)
{
    size_t  i;
    char    a[TS_FOLD_OUT + 1], b[TS_FOLD_OUT + 1];

    static const char *const  pairs[][2] = {
        { "b\xc3\xb8""b", "bob" },                     /* o with stroke */
        { "B\xc3\x98""B", "bob" },
        { "\xc5\x82ukasz", "lukasz" },                /* l with stroke */
        { "\xc4\x90or\xc4\x91""e", "dorde" },         /* d with stroke */
        { "\xc3\x86sop", "aesop" },                   /* ae */
        { "\xc5\x93uvre", "oeuvre" },                 /* oe */
        { "\xca\xa6""a", "tsa" },                     /* ts digraph */
        { "bob\xd9\xa1\xdb\xb2", "bob12" },           /* Arabic digits */
        { "bob\xe0\xa5\xa7\xe0\xb9\x92", "bob12" },   /* Nagari, Thai */
        { "bo\xcd\xa3", "boa" },                      /* a as a mark */
        { "\xf0\x9f\x85\xb1ob", "bob" },              /* squared B */
        { "\xc4\xb1van", "ivan" },                    /* dotless i */
        { "\xe3\x82\xa2", "\xe3\x81\x82" },           /* kana */
        { "\xe3\x82\xab\xe3\x82\xac", "\xe3\x81\x8b\xe3\x81\x8b" },
        { "\xd2\x91", "\xd0\xb3" },                   /* ghe */
        { "\xc3\xa6\xc3\xa6\xc3\xa6x\xc5\x93", "aeaeaexoe" },
    };

    (void) state;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_int_equal(normalise(pairs[i][0], strlen(pairs[i][0]), a),
                         TS_ACCOUNT_OK);
        assert_int_equal(normalise(pairs[i][1], strlen(pairs[i][1]), b),
                         TS_ACCOUNT_OK);
        assert_string_equal(a, b);
    }
}


static void
an_empty_account_would_lock_everybody(void **state)
{
    char  out[TS_FOLD_OUT + 1];

    (void) state;

    assert_int_equal(normalise("", 0, out), TS_ACCOUNT_EMPTY);
    assert_int_equal(normalise("   ", 3, out), TS_ACCOUNT_EMPTY);
    assert_int_equal(normalise("\xe2\x80\x8b", 3, out), TS_ACCOUNT_EMPTY);
    assert_int_equal(normalise("\xe3\x80\x80", 3, out), TS_ACCOUNT_EMPTY);
    assert_int_equal(normalise("x", 1, out), TS_ACCOUNT_OK);
}


static void
control_characters_and_bad_utf8_are_refused(void **state)
{
    int   c;
    char  text[] = "bob?", out[TS_FOLD_OUT + 1];

    (void) state;

    for (c = 0; c < 256; c++) {
        text[3] = (char) c;

        assert_int_equal(normalise(text, 4, out),
                         c < 0x20 || c == 0x7f ? TS_ACCOUNT_CONTROL
                         : c >= 0x80 ? TS_ACCOUNT_ENCODING
                         : TS_ACCOUNT_OK);
    }

    for (c = 0x80; c < 0xc0; c++) {
        text[2] = (char) 0xc2;
        text[3] = (char) c;

        assert_int_equal(normalise(text, 4, out),
                         c < 0xa0 ? TS_ACCOUNT_CONTROL : TS_ACCOUNT_OK);
    }

    /* overlong, surrogate, beyond the last, cut off */

    assert_int_equal(normalise("b\xc1\xaf""b", 4, out), TS_ACCOUNT_ENCODING);
    assert_int_equal(normalise("\xed\xa0\x80", 3, out), TS_ACCOUNT_ENCODING);
    assert_int_equal(normalise("\xf4\x90\x80\x80", 4, out),
                     TS_ACCOUNT_ENCODING);
    assert_int_equal(normalise("\xe2\x80", 2, out), TS_ACCOUNT_ENCODING);
}


static void
length_is_bounded_on_both_sides(void **state)
{
    size_t  i;
    char    text[TS_FOLD_IN + 1], out[TS_FOLD_OUT + 1];

    (void) state;

    memset(text, 'x', sizeof(text));

    assert_int_equal(normalise(text, TS_FOLD_IN, out), TS_ACCOUNT_OK);
    assert_int_equal(strlen(out), TS_FOLD_IN);
    assert_int_equal(normalise(text, TS_FOLD_IN + 1, out),
                     TS_ACCOUNT_TOO_LONG);

    /* U+FDFA becomes 33 bytes */

    for (i = 0; i + 3 <= TS_FOLD_IN; i += 3) {
        memcpy(text + i, "\xef\xb7\xba", 3);
    }

    assert_int_equal(normalise(text, 31 * 3, out), TS_ACCOUNT_OK);
    assert_int_equal(strlen(out), 31 * 33);
    assert_int_equal(normalise(text, 32 * 3, out), TS_ACCOUNT_TOO_LONG);
    assert_int_equal(normalise(text, i, out), TS_ACCOUNT_TOO_LONG);
}


static void
addresses_of_one_mailbox_are_one(void **state)
{
    size_t    i, len;
    uint8_t  *copy;

    static const struct {
        const char  *text;
        uint32_t     rules;
        const char  *expected;
    } cases[] = {
        { "bob+x@example.com", 1, "bob@example.com" },
        { "bob+x+y@example.com", 1, "bob@example.com" },
        { "bob+@example.com", 1, "bob@example.com" },
        { "b.o.b+x@example.com", 1, "b.o.b@example.com" },
        { "b.o.b+x@example.com", 2, "bob+x@example.com" },
        { "b.o.b+x.y@example.com", 3, "bob@example.com" },
        { ".bob.@example.com", 2, "bob@example.com" },
        { "bob@ex.ample+x.com", 3, "bob@ex.ample+x.com" },
        { "b.b@c.d+e@example.com", 3, "bb@cd@example.com" },
        { "+x@example.com", 3, "+x@example.com" },
        { "..@example.com", 3, "..@example.com" },
        { ".+x@example.com", 3, ".+x@example.com" },
        { "@example.com", 3, "@example.com" },
        { "b.ob+x", 3, "b.ob+x" },
        { "bob+x@", 3, "bob@" },
        { "b.o+b@x", 0, "b.o+b@x" },
        { "", 3, "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i].text);
        copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].text, len);

        len = ts_account_email(copy, len, cases[i].rules);

        assert_int_equal(len, strlen(cases[i].expected));
        assert_memory_equal(copy, cases[i].expected, len);
        assert_int_equal(ts_account_email(copy, len, cases[i].rules), len);

        free(copy);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(one_account_in_many_spellings_is_one),
        cmocka_unit_test(ascii_is_folded_as_everything_is),
        cmocka_unit_test(different_accounts_stay_different),
        cmocka_unit_test(full_case_folding),
        cmocka_unit_test(what_collations_ignore_is_ignored),
        cmocka_unit_test(an_empty_account_would_lock_everybody),
        cmocka_unit_test(control_characters_and_bad_utf8_are_refused),
        cmocka_unit_test(length_is_bounded_on_both_sides),
        cmocka_unit_test(addresses_of_one_mailbox_are_one),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
