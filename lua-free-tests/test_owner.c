/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_owner.h"


typedef struct {
    const char  *text;
    ts_owner_e   verdict;
} row_t;


static ts_owner_rules_t  rules;
static uint8_t           names[16][128];
static ts_slice_t        values[TS_OWNER_VALUES];
static ts_owner_set_t    set = { values, 0, 0 };


/* "owner=... when=... public=..." and the receiver's values. */

static const char *
configure(const char *terms, const char *owners)
{
    char             word[128];
    int              n, i;
    const char      *p, *mistake;
    ts_owner_kind_e  kind;

    static char      texts[16][128];
    static char      mine[256];

    memset(&rules, 0, sizeof(rules));
    set.n = 0;

    strcpy(mine, owners);

    for (p = strtok(mine, " "); p; p = strtok(NULL, " ")) {
        values[set.n++] = ts_slice(p, strlen(p));
    }

    ts_owner_set_sort(&set);

    for (p = terms, i = 0; sscanf(p, " %127s%n", word, &n) == 1; p += n, i++) {
        kind = word[0] == 'o' ? TS_OWNER_RULE
               : word[0] == 'w' ? TS_OWNER_WHEN : TS_OWNER_SHOWN;

        strcpy(texts[i], strchr(word, '=') + 1);

        mistake = ts_owner_add(&rules, kind,
                               ts_slice(texts[i], strlen(texts[i])),
                               names[i]);
        if (mistake != NULL) {
            return mistake;
        }
    }

    return NULL;
}


static ts_owner_e
judge(ts_slice_t text)
{
    ts_slice_t  copy;
    ts_owner_e  fast, strict;

    copy = heap_copy(text.data, text.len);

    strict = ts_owner_walk(&rules, &set, copy);
    fast = ts_owner_judge(&rules, &set, copy);

    heap_free(copy);

    /* what the search spares belongs to nobody, or is no JSON */

    if (fast != strict) {
        assert_int_equal(fast, TS_OWNER_NONE);
        assert_int_equal(strict, TS_OWNER_MALFORMED);
    }

    return fast;
}


static void
check(const row_t *rows)
{
    ts_owner_e    verdict;
    const row_t  *row;

    for (row = rows; row->text; row++) {
        verdict = judge(ts_slice(row->text, strlen(row->text)));

        if (verdict != row->verdict) {
            fail_msg("%s: %d, not %d", row->text, verdict, row->verdict);
        }
    }
}


static void
one_pointer(void **state)
{
    static const row_t  rows[] = {
        { "{\"user_id\":\"alice\"}", TS_OWNER_OWN },
        { " { \"a\" : [ 1, {} ] , \"user_id\" : \"alice\" } ", TS_OWNER_OWN },
        { "{\"user_id\":\"bob\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"alic\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"alicee\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"Alice\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"alice \"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":true}", TS_OWNER_FOREIGN },
        { "{\"user_id\":{\"user_id\":\"alice\"}}", TS_OWNER_FOREIGN },
        { "{\"user_id\":[\"alice\"]}", TS_OWNER_FOREIGN },
        { "{\"user_id\":null}", TS_OWNER_NONE },
        { "{\"User_id\":\"alice\"}", TS_OWNER_NONE },
        { "{\"data\":{\"user_id\":\"alice\"}}", TS_OWNER_NONE },
        { "{\"data\":\"user_id\",\"x\":\"alice\"}", TS_OWNER_NONE },
        { "{\"x\":\"{\\\"user_id\\\":\\\"alice\\\"}\"}", TS_OWNER_NONE },
        { "\"user_id\"", TS_OWNER_NONE },
        { "{\"balance\":1}", TS_OWNER_NONE },
        { "", TS_OWNER_NONE },
        { " \n", TS_OWNER_NONE },
        { "pong", TS_OWNER_NONE },
        { "{\"balance\":", TS_OWNER_NONE },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/user_id", "alice"));
    check(rows);
}


static void
escapes(void **state)
{
    static const row_t  rows[] = {
        { "{\"\\u0075ser_id\":\"alice\"}", TS_OWNER_OWN },
        { "{\"\\u0075ser_id\":\"bob\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"\\u0061lice\"}", TS_OWNER_OWN },
        { "{\"user_id\":\"\\u0062ob\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"alice\\u0020\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"alice\\u0000\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"\\ud800\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"ali\\ce\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"n\":\"\\\\\"}", TS_OWNER_OWN },
        { "{\"user_id\":\"alice\",\"n\":\"\\\\\",\"user_id\":\"bob\"}",
          TS_OWNER_MALFORMED },
        { "{\"n\":\"\\\"\",\"user_id\":\"bob\"}", TS_OWNER_FOREIGN },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/user_id", "alice"));
    check(rows);
}


static void
duplicates(void **state)
{
    static const row_t  rows[] = {
        { "{\"user_id\":\"alice\",\"user_id\":\"alice\"}",
          TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"user_id\":\"bob\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"bob\",\"user_id\":\"alice\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":\"alice\",\"\\u0075ser_id\":\"bob\"}",
          TS_OWNER_MALFORMED },
        { "{\"user_id\":null,\"user_id\":\"bob\"}", TS_OWNER_MALFORMED },
        { "{\"d\":{\"o\":\"alice\"},\"d\":{}}", TS_OWNER_MALFORMED },
        { "{\"d\":{\"o\":\"alice\"},\"d\":{\"o\":\"bob\"}}",
          TS_OWNER_MALFORMED },
        { "{\"d\":1,\"d\":{\"o\":\"alice\"}}", TS_OWNER_MALFORMED },
        { "{\"d\":{\"o\":\"alice\",\"x\":1,\"x\":2}}", TS_OWNER_OWN },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/user_id owner=/d/o", "alice"));
    check(rows);
}


static void
not_json(void **state)
{
    static const row_t  rows[] = {
        { "\xef\xbb\xbf{\"user_id\":\"alice\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\"", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",}", TS_OWNER_MALFORMED },
        { "{,\"user_id\":\"alice\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\"}}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\"]", TS_OWNER_MALFORMED },
        { "{\"user_id\" \"alice\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\"} x", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\" /* */}", TS_OWNER_MALFORMED },
        { "{'user_id':'alice'}", TS_OWNER_MALFORMED },
        { "{user_id:\"alice\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":01}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":NaN}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":tru}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":[1,]}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":[,1]}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":\"\t\"}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":}", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\"}\x0b", TS_OWNER_MALFORMED },
        { "{\"user_id\":\"alice\",\"x\":\"12345678901234567\x1f\"}",
          TS_OWNER_MALFORMED },
        { "user_id", TS_OWNER_MALFORMED },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/user_id", "alice"));
    check(rows);

    assert_int_equal(judge(ts_slice("{\"user_id\":\"alice\"}\0", 20)),
                     TS_OWNER_MALFORMED);
}


static void
numbers(void **state)
{
    static const row_t  rows[] = {
        { "{\"id\":42}", TS_OWNER_OWN },
        { "{\"id\":\"42\"}", TS_OWNER_OWN },
        { "{\"id\":-7}", TS_OWNER_OWN },
        { "{\"id\":43}", TS_OWNER_FOREIGN },
        { "{\"id\":42.0}", TS_OWNER_FOREIGN },
        { "{\"id\":4.2e1}", TS_OWNER_FOREIGN },
        { "{\"id\":42E0}", TS_OWNER_FOREIGN },
        { "{\"id\":-0}", TS_OWNER_FOREIGN },
        { "{\"id\":042}", TS_OWNER_MALFORMED },
        { "{\"id\":9223372036854775807}", TS_OWNER_OWN },
        { "{\"id\":9223372036854775808}", TS_OWNER_FOREIGN },
        { "{\"id\":123456789012345678901234567890}", TS_OWNER_FOREIGN },
        { "{\"id\":\"9223372036854775808\"}", TS_OWNER_OWN },
        { NULL, 0 }
    };

    static const row_t  strings[] = {
        { "{\"id\":42}", TS_OWNER_FOREIGN },
        { "{\"id\":\"42\"}", TS_OWNER_OWN },
        { NULL, 0 }
    };

    static const row_t  only_numbers[] = {
        { "{\"id\":42}", TS_OWNER_OWN },
        { "{\"id\":\"42\"}", TS_OWNER_FOREIGN },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/id", "42 -7 -0 42.0 9223372036854775807 "
                          "9223372036854775808"));
    check(rows);

    rules.types = TS_OWNER_STRINGS;
    check(strings);

    rules.types = TS_OWNER_NUMBERS;
    check(only_numbers);
}


static void
several_pointers(void **state)
{
    static const row_t  rows[] = {
        { "{\"a\":\"alice\"}", TS_OWNER_OWN },
        { "{\"b\":{\"c\":\"a2\"}}", TS_OWNER_OWN },
        { "{\"a\":\"alice\",\"b\":{\"c\":\"a2\"}}", TS_OWNER_OWN },
        { "{\"a\":\"alice\",\"b\":{\"c\":\"bob\"}}", TS_OWNER_FOREIGN },
        { "{\"a\":\"bob\",\"b\":{\"c\":\"alice\"}}", TS_OWNER_FOREIGN },
        { "{\"b\":{\"d\":\"alice\"}}", TS_OWNER_NONE },
        { "{\"b\":[{\"c\":\"bob\"}]}", TS_OWNER_NONE },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/a owner=/b/c", "alice a2 a1"));
    check(rows);
}


static void
wildcards(void **state)
{
    static const row_t  rows[] = {
        { "{\"l\":[{\"o\":\"alice\"}]}", TS_OWNER_OWN },
        { "{\"l\":[{\"o\":\"alice\"},{\"x\":1,\"o\":\"alice\"}]}",
          TS_OWNER_OWN },
        { "{\"l\":[{\"o\":\"alice\"},{\"o\":\"bob\"}]}", TS_OWNER_FOREIGN },
        { "{\"l\":[{\"o\":\"alice\"},{}]}", TS_OWNER_MISSING },
        { "{\"l\":[{\"o\":\"alice\"},{\"o\":null}]}", TS_OWNER_MISSING },
        { "{\"l\":[{\"o\":\"alice\"},3]}", TS_OWNER_MISSING },
        { "{\"l\":[{\"o\":\"alice\"},[\"o\"]]}", TS_OWNER_MISSING },
        { "{\"l\":{\"x\":{\"o\":\"alice\"}}}", TS_OWNER_OWN },
        { "{\"l\":{\"x\":{\"o\":\"alice\"},\"x\":{\"o\":\"bob\"}}}",
          TS_OWNER_FOREIGN },
        { "{\"l\":[]}", TS_OWNER_NONE },
        { "{\"l\":1}", TS_OWNER_NONE },
        { NULL, 0 }
    };

    static const row_t  last[] = {
        { "{\"l\":[\"alice\",\"alice\"]}", TS_OWNER_OWN },
        { "{\"l\":[\"alice\",\"bob\"]}", TS_OWNER_FOREIGN },
        { "{\"l\":[\"alice\",null]}", TS_OWNER_MISSING },
        { "{\"l\":[[\"alice\"]]}", TS_OWNER_FOREIGN },
        { NULL, 0 }
    };

    static const row_t  tuple[] = {
        { "[\"acct\",{\"o\":\"alice\"}]", TS_OWNER_OWN },
        { "[\"acct\",{\"o\":\"bob\"}]", TS_OWNER_FOREIGN },
        { "[{\"o\":\"alice\"},1]", TS_OWNER_NONE },
        { "{\"1\":{\"o\":\"alice\"}}", TS_OWNER_OWN },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/l/*/o", "alice"));
    check(rows);
    assert_null(configure("owner=/l/*", "alice"));
    check(last);
    assert_null(configure("owner=/1/o", "alice"));
    check(tuple);
}


static void
topics(void **state)
{
    static const row_t  rows[] = {
        { "{\"topic\":\"acct.x\",\"d\":{\"id\":\"alice\"}}", TS_OWNER_OWN },
        { "{\"d\":{\"id\":\"alice\"},\"topic\":\"acct.x\"}", TS_OWNER_OWN },
        { "{\"d\":{\"id\":\"bob\"},\"topic\":\"acct.x\"}", TS_OWNER_FOREIGN },
        { "{\"d\":{\"id\":\"bob\"},\"topic\":\"order\"}", TS_OWNER_FOREIGN },
        { "{\"d\":{\"id\":\"bob\"},\"topic\":\"\\u006frder\"}",
          TS_OWNER_FOREIGN },
        { "{\"topic\":\"acct.x\"}", TS_OWNER_MISSING },
        { "{\"topic\":\"acct.x\",\"d\":null}", TS_OWNER_MISSING },
        { "{\"topic\":\"ticks.EUR\",\"d\":{\"id\":\"bob\"}}",
          TS_OWNER_PUBLIC },
        { "{\"topic\":\"ticks.EUR\"}", TS_OWNER_PUBLIC },
        { "{\"topic\":\"ticks\"}", TS_OWNER_NONE },
        { "{\"topic\":[\"ticks.EUR\"]}", TS_OWNER_NONE },
        { "{\"x\":{\"topic\":\"ticks.EUR\"}}", TS_OWNER_NONE },
        { "{\"topic\":\"pos.bob\",\"p\":{\"o\":\"alice\"}}", TS_OWNER_OWN },
        { "{\"topic\":\"pos.bob\",\"d\":{\"id\":\"alice\"}}",
          TS_OWNER_MISSING },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("public=/topic:ticks.* when=/topic:acct.* "
                          "when=/topic:order owner=/d/id when=/topic:pos.* "
                          "owner=/p/o", "alice"));
    check(rows);
}


static void
public_is_only_without_owner(void **state)
{
    static const row_t  rows[] = {
        { "{\"topic\":\"ticks.EUR\"}", TS_OWNER_PUBLIC },
        { "{\"topic\":\"ticks.EUR\",\"user_id\":\"alice\"}", TS_OWNER_OWN },
        { "{\"topic\":\"ticks.EUR\",\"user_id\":\"bob\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"ticks.EUR\",\"topic\":\"x\"}", TS_OWNER_MALFORMED },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/user_id public=/topic:ticks.*", "alice"));
    check(rows);
}


static void
owner_within_a_string(void **state)
{
    static const row_t  rows[] = {
        { "{\"topic\":\"acct.alice\"}", TS_OWNER_OWN },
        { "{\"topic\":\"acct.bob\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"acct.\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"acct.alice.bob\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"acct.\\u0062ob\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"acct.\\u0061lice\"}", TS_OWNER_OWN },
        { "{\"topic\":\"other.alice\"}", TS_OWNER_NONE },
        { "{\"topic\":7}", TS_OWNER_NONE },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/topic:acct.(*)", "alice"));
    check(rows);
}


static void
several_messages(void **state)
{
    static const row_t  rows[] = {
        { "{\"u\":\"alice\"}\n{\"u\":\"alice\"}\n", TS_OWNER_OWN },
        { "{\"u\":\"alice\"}\r\n{\"u\":\"bob\"}", TS_OWNER_FOREIGN },
        { "{\"u\":\"alice\"}{\"u\":\"alice\"}", TS_OWNER_MALFORMED },
        { "{\"u\":\"alice\"} {\"u\":\"alice\"}", TS_OWNER_MALFORMED },
        { "{\"u\":\"alice\"}\n{}", TS_OWNER_NONE },
        { "[{\"u\":\"alice\"},{\"u\":\"alice\"}]", TS_OWNER_OWN },
        { "[{\"u\":\"alice\"},{\"u\":\"bob\"}]", TS_OWNER_FOREIGN },
        { "[{\"u\":\"bob\"},{\"u\":\"alice\"}]", TS_OWNER_FOREIGN },
        { "[{\"u\":\"alice\"},{}]", TS_OWNER_NONE },
        { "[{\"u\":\"alice\"},[{\"u\":\"alice\"}]]", TS_OWNER_NONE },
        { "[{\"u\":\"alice\"},]", TS_OWNER_MALFORMED },
        { "[{\"u\":\"alice\"}", TS_OWNER_MALFORMED },
        { "[ ]", TS_OWNER_NONE },
        { "[{\"u\":\"alice\"}]\n[{\"u\":\"bob\"}]", TS_OWNER_FOREIGN },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("owner=/u", "alice"));
    check(rows);
}


static void
depth(void **state)
{
    char     text[512];
    int      n, i;
    char    *p;

    (void) state;

    assert_null(configure("owner=/u", "alice"));

    for (n = TS_OWNER_DEPTH - 1; n <= TS_OWNER_DEPTH; n++) {
        p = text + sprintf(text, "{\"u\":\"alice\",\"x\":");

        for (i = 0; i < n; i++) {
            *p++ = '[';
        }

        for (i = 0; i < n; i++) {
            *p++ = ']';
        }

        *p++ = '}';

        assert_int_equal(judge(ts_slice(text, (size_t) (p - text))),
                         n < TS_OWNER_DEPTH ? TS_OWNER_OWN
                                            : TS_OWNER_MALFORMED);
    }
}


/* Every prefix of an own message is no message of anybody. */

static void
every_cut(void **state)
{
    size_t      n;
    ts_owner_e  verdict;

    static const char  text[] =
        "{\"t\":-1.5e3,\"n\":null,\"l\":[true,false,\"\\n\\u00e9\",{}],"
        "\"user_id\":\"alice\",\"z\":\"\xc3\xa9 a long string with a tail\"}";

    (void) state;

    assert_null(configure("owner=/user_id", "alice"));

    for (n = 0; n < sizeof(text) - 1; n++) {
        verdict = judge(ts_slice(text, n));

        assert_true(verdict == TS_OWNER_MALFORMED
                    || (verdict == TS_OWNER_NONE && n < 60));
    }

    assert_int_equal(judge(ts_slice(text, n)), TS_OWNER_OWN);
}


static void
long_strings_with_escapes(void **state)
{
    int     n;
    char    text[2 * TS_OWNER_TEXT];
    size_t  len;

    (void) state;

    assert_null(configure("owner=/u public=/t:a*", "alice"));

    for (n = TS_OWNER_TEXT; n <= TS_OWNER_TEXT + 1; n++) {
        len = (size_t) sprintf(text, "{\"t\":\"\\u0061%0*d\"}", n - 1, 0);

        assert_int_equal(judge(ts_slice(text, len)),
                         n == TS_OWNER_TEXT ? TS_OWNER_PUBLIC
                                            : TS_OWNER_MALFORMED);
    }
}


/* What only some may send: a condition that is denied to this client. */

static void
denied_conditions(void **state)
{
    uint32_t  when;

    static const row_t  rows[] = {
        { "{\"topic\":\"admin.x\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"admin.x\",\"u\":\"alice\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"\\u0061dmin.x\"}", TS_OWNER_FOREIGN },
        { "{\"topic\":\"order\"}", TS_OWNER_MISSING },
        { "{\"topic\":\"order\",\"u\":\"alice\"}", TS_OWNER_OWN },
        { "{\"topic\":\"ping\"}", TS_OWNER_NONE },
        { NULL, 0 }
    };

    static const row_t  allowed[] = {
        { "{\"topic\":\"admin.x\"}", TS_OWNER_NONE },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("when=/topic:admin.*", "alice"));

    when = ts_owner_conditions(&rules);
    assert_int_equal(when, 1);

    assert_null(ts_owner_add(&rules, TS_OWNER_WHEN, TS_SLICE("/topic:order"),
                             names[1]));
    assert_null(ts_owner_add(&rules, TS_OWNER_RULE, TS_SLICE("/u"),
                             names[2]));

    set.denied = when;
    check(rows);
    set.denied = 0;
    check(allowed);
}


/* Every text is walked, or, without any rule, none is. */

static void
without_owners(void **state)
{
    static const row_t  strict[] = {
        { "{\"a\":[1]}", TS_OWNER_NONE },
        { "{\"a\":[[1]]}", TS_OWNER_MALFORMED },
        { "pong", TS_OWNER_MALFORMED },
        { NULL, 0 }
    };

    (void) state;

    assert_null(configure("", ""));

    assert_int_equal(ts_owner_judge(&rules, &set, TS_SLICE("\\ pong")),
                     TS_OWNER_NONE);

    rules.strict = 1;
    rules.depth = 2;
    check(strict);
}


static void
mistakes(void **state)
{
    char  many[2048];
    int   i;

    (void) state;

    assert_string_equal(configure("owner=user_id", ""),
                        "is no JSON pointer of at most 8 names, such as "
                        "\"/user_id\"");
    assert_non_null(configure("owner=", ""));
    assert_non_null(configure("owner=/a~2", ""));
    assert_non_null(configure("owner=/1/2/3/4/5/6/7/8/9", ""));
    assert_null(configure("owner=/1/2/3/4/5/6/7/8", ""));
    assert_string_equal(configure("owner=/a/*/b/*", ""),
                        "has more than one \"*\" in its pointer");
    assert_non_null(configure("public=/topic", ""));
    assert_non_null(configure("when=/topic:", ""));
    assert_string_equal(configure("owner=/topic:acct.*", ""),
                        "needs exactly one \"(*)\" in its pattern, for the "
                        "owner");
    assert_non_null(configure("owner=/topic:", ""));

    for (many[0] = '\0', i = 0; i < 16; i++) {
        sprintf(many + strlen(many), "owner=/p%d ", i);
    }

    assert_null(configure(many, ""));
    assert_non_null(ts_owner_add(&rules, TS_OWNER_RULE, TS_SLICE("/q"),
                                 names[0]));

    for (i = 0; i < 16; i++) {
        assert_null(ts_owner_add(&rules, TS_OWNER_RULE, TS_SLICE("/p1"),
                                 names[0]));
    }

    assert_non_null(ts_owner_add(&rules, TS_OWNER_RULE, TS_SLICE("/p1"),
                                 names[0]));
}


static void
all_paths_in_use(void **state)
{
    int   i;
    char  many[2048];

    static const row_t  rows[] = {
        { "{\"p0\":\"alice\",\"p15\":\"alice\"}", TS_OWNER_OWN },
        { "{\"p0\":\"alice\",\"p15\":\"bob\"}", TS_OWNER_FOREIGN },
        { NULL, 0 }
    };

    (void) state;

    for (many[0] = '\0', i = 0; i < 16; i++) {
        sprintf(many + strlen(many), "owner=/p%d ", i);
    }

    assert_null(configure(many, "alice"));
    check(rows);
}


static void
sets(void **state)
{
    int   i;
    char  text[32];

    static char  names_of[TS_OWNER_VALUES][8];

    (void) state;

    for (i = 0; i < TS_OWNER_VALUES; i++) {
        sprintf(names_of[i], "u%d", (i * 7) % TS_OWNER_VALUES);
        values[i] = ts_slice(names_of[i], strlen(names_of[i]));
    }

    set.n = TS_OWNER_VALUES;
    ts_owner_set_sort(&set);

    for (i = 0; i < TS_OWNER_VALUES; i++) {
        sprintf(text, "u%d", i);
        assert_true(ts_owner_set_has(&set, ts_slice(text, strlen(text))));
        sprintf(text, "v%d", i);
        assert_false(ts_owner_set_has(&set, ts_slice(text, strlen(text))));
    }

    assert_false(ts_owner_set_has(&set, TS_SLICE("")));
    set.n = 0;
    assert_false(ts_owner_set_has(&set, TS_SLICE("u1")));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(one_pointer),
        cmocka_unit_test(escapes),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(not_json),
        cmocka_unit_test(numbers),
        cmocka_unit_test(several_pointers),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(topics),
        cmocka_unit_test(public_is_only_without_owner),
        cmocka_unit_test(owner_within_a_string),
        cmocka_unit_test(several_messages),
        cmocka_unit_test(depth),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(long_strings_with_escapes),
        cmocka_unit_test(denied_conditions),
        cmocka_unit_test(without_owners),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(all_paths_in_use),
        cmocka_unit_test(sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
