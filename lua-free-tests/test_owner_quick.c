/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The quick walk beside the one that knows all of JSON: of every text it says
 * the same, or that it cannot tell; and of what backends usually write, it can.
 */

#include "ts_test.h"

#include "core/ts_owner.h"
#include "core/ts_owner_marks.h"


static ts_owner_rules_t  rules;
static uint8_t           names[4][64];
static ts_slice_t        values[2];
static ts_owner_set_t    set = { values, 2, 0 };


static void
configure(const char *const *pointers, size_t n)
{
    size_t  i;

    memset(&rules, 0, sizeof(rules));

    for (i = 0; i < n; i++) {
        assert_null(ts_owner_add(&rules, pointers[i][0] == 'o' ? TS_OWNER_RULE
                                         : pointers[i][0] == 'w'
                                         ? TS_OWNER_WHEN : TS_OWNER_SHOWN,
                                 ts_slice(pointers[i] + 1,
                                          strlen(pointers[i] + 1)),
                                 names[i]));
    }

    values[0] = TS_SLICE("42");
    values[1] = TS_SLICE("alice");
    ts_owner_set_sort(&set);
}


static void
one_pointer(void)
{
    static const char *const  pointers[] = { "o/user_id", "p/topic:ticks.*" };

    configure(pointers, 2);
}


/* What both say, from a block of the text's size. */

static int
quick(const char *text, size_t len)
{
    int         verdict;
    ts_slice_t  copy;
    ts_owner_e  strict;

    copy = heap_copy(text, len);

    verdict = ts_owner_quick(&rules, &set, copy);
    strict = ts_owner_walk(&rules, &set, copy);

    if (verdict != TS_OWNER_DOUBT && verdict != (int) strict) {
        fail_msg("%.*s: quick %d, walk %d", (int) len, text, verdict, strict);
    }

    heap_free(copy);

    return verdict;
}


static void
decides(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        ts_owner_e   verdict;
    } rows[] = {
        { "{\"user_id\":\"alice\"}", TS_OWNER_OWN },
        { "{\"user_id\":42}", TS_OWNER_OWN },
        { "{\"user_id\":\"alice\",\"n\":[1,-2.5,0,0.1,[],{},true,false,null]}",
          TS_OWNER_OWN },
        { "{\"a\": 1, \"user_id\": \"alice\", \"b\": [1, 2]}", TS_OWNER_OWN },
        { "{\"user_id\":\"alice\"}\n", TS_OWNER_OWN },
        { "{\"x\":\"K\xc3\xb6nig\",\"user_id\":\"alice\"}", TS_OWNER_OWN },
        { "{\"user_id\":\"bob\"}", TS_OWNER_FOREIGN },
        { "{\"user_id\":42.0}", TS_OWNER_FOREIGN },
        { "{\"user_id\":{\"user_id\":\"alice\"}}", TS_OWNER_FOREIGN },
        { "{\"data\":{\"user_id\":\"alice\"}}", TS_OWNER_NONE },
        { "{\"user_id\":null}", TS_OWNER_NONE },
        { "{\"topic\":\"ticks.EURUSD\",\"bid\":1.08425}", TS_OWNER_PUBLIC },
        { "{\"topic\":\"account\",\"user_id\":\"42\",\"order\":\"A-20458812\","
          "\"symbol\":\"EURUSD\",\"qty\":125000,\"price\":1.08425,"
          "\"status\":\"filled\",\"ts\":1732612345123}", TS_OWNER_OWN },
    };

    (void) state;

    one_pointer();

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (quick(rows[i].text, strlen(rows[i].text))
            != (int) rows[i].verdict)
        {
            fail_msg("%s", rows[i].text);
        }
    }
}


/* What it must not let pass, each in front of the right owner. */

static void
doubts(void **state)
{
    char    text[256];
    size_t  i;

    static const char *const  members[] = {
        "\"a\":\"\\n\"", "\"a\":\"\n\"", "\"a\":\"\t\"", "\"a\":\"\x1f\"",
        "\"a\":01", "\"a\":-", "\"a\":1.", "\"a\":.5", "\"a\":+1",
        "\"a\":1e5", "\"a\":--1", "\"a\":1.5.5", "\"a\":0x1", "\"a\":tru",
        "\"a\":truE", "\"a\":nul", "\"a\":True", "\"a\":", "\"a\"", "a:1",
        "\"a\":1 ", "\"a\" :1", "\"a\":  1", "\"a\":[1,]", "\"a\":[,1]",
        "\"a\":[1 2]", "\"a\":[1}", "\"a\":{\"b\":1]", "\"a\":{1}",
        "\"a\":{\"b\"}", "\"a\":\"b\"\"c\"", "\"a\":'b'", "\"a\":[", "\"a\":{",
        "\"a\":\"", "\"a\":\"\"\"", "", "\"user_id\":\"alice\"",
        "\"a\":1}\n{\"a\":1", "\"a\":1},{\"a\":1", "\"a\":1}{\"a\":1",
    };

    (void) state;

    one_pointer();

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        sprintf(text, "{%s,\"user_id\":\"alice\"}", members[i]);

        if (quick(text, strlen(text)) != TS_OWNER_DOUBT) {
            fail_msg("%s", text);
        }

        sprintf(text, "{\"x\":[{%s}],\"user_id\":\"alice\"}", members[i]);

        if (strcmp(members[i], "") != 0
            && strcmp(members[i], "\"user_id\":\"alice\"") != 0
            && strcmp(members[i], "\"a\":1},{\"a\":1") != 0
            && quick(text, strlen(text)) != TS_OWNER_DOUBT)
        {
            fail_msg("%s", text);
        }
    }

    assert_int_equal(quick("", 0), TS_OWNER_DOUBT);
    assert_int_equal(quick("{}", 2), TS_OWNER_DOUBT);
    assert_int_equal(quick("{}}", 3), TS_OWNER_DOUBT);
    assert_int_equal(quick("}}}", 3), TS_OWNER_DOUBT);
    assert_int_equal(quick("\"user_id\"", 9), TS_OWNER_DOUBT);
    assert_int_equal(quick("[{\"user_id\":\"alice\"}]", 21), TS_OWNER_DOUBT);
}


/* One byte of a text of every length changed, at every place, into others. */

static void
every_byte(void **state)
{
    char    text[300], saved;
    size_t  len, i, k;

    static const char  others[] = "\\\"\n\x1f{}[]:, 0x\x80";

    (void) state;

    one_pointer();

    for (len = 40; len < 150; len++) {
        memset(text, 'x', len);
        memcpy(text, "{\"a\":[-1.5],\"", 13);
        memcpy(text + len - 21, "\":\"\",\"user_id\":\"42\"}}", 21);
        text[len - 1] = ' ';
        len--;

        assert_int_equal(quick(text, len), TS_OWNER_OWN);

        for (i = 0; i < len; i++) {
            saved = text[i];

            for (k = 0; k < sizeof(others); k++) {
                text[i] = others[k];
                (void) quick(text, len);
            }

            text[i] = saved;
        }

        for (i = 0; i < len; i++) {
            assert_int_equal(quick(text, i), TS_OWNER_DOUBT);
        }

        len++;
    }
}


/* A value, with everything inside, behind the text. */

static size_t
invent(char *text, int depth)
{
    int     i, n, array;
    size_t  len;

    static const char *const  scalars[] = {
        "\"alice\"", "\"bob\"", "42", "7", "\"ticks.X\"", "\"ticks.Y\"",
        "null", "true", "-0.5", "1e3", "\"\"",
        "\"a string that is as long as a block, or a little longer than it\"",
    };

    static const char *const  member_names[] = {
        "user_id", "user_id", "topic", "d", "l", "x", "", "userid_",
        "\\u0075ser_id", "a name that is longer than all names of any pointer",
    };

#define one_of(list)  list[(size_t) rand() % (sizeof(list) / sizeof(list[0]))]

    if (depth == 0 || (depth < 4 && rand() % 3)) {
        return (size_t) sprintf(text, "%s", one_of(scalars));
    }

    array = (rand() % 4 == 0);
    text[0] = array ? '[' : '{';
    len = 1;

    for (i = 0, n = rand() % 4 + (depth == 4); i < n; i++) {

        len += (size_t) sprintf(text + len, "%s", i == 0 ? ""
                                : rand() % 4 ? "," : ", ");

        if (!array) {
            len += (size_t) sprintf(text + len, "\"%s\":%s",
                                    one_of(member_names),
                                    rand() % 4 ? "" : " ");
        }

        len += invent(text + len, depth - 1);
    }

    text[len++] = array ? ']' : '}';

    return len;
}


static void
many_texts(void **state)
{
    int     i, verdict, seen[TS_OWNER_MALFORMED + 2];
    char    text[16384];
    size_t  k, len;

    static const char  others[] = "\\\"\n{}[]:,0 x";

    static const char *const  pointers[][4] = {
        { "o/user_id", "p/topic:ticks.*" },
        { "o/d/user_id", "o/user_id" },
        { "o/l/*/user_id", "o/user_id" },
        { "w/topic:ticks.*", "o/d/user_id", "o/user_id" },
        { "o/1/user_id", "o/0" },
        { "o/*/user_id", "o/user_id" },
    };

    (void) state;

    srand(1);
    memset(seen, 0, sizeof(seen));

    for (k = 0; k < sizeof(pointers) / sizeof(pointers[0]); k++) {
        configure(pointers[k], pointers[k][2] ? 3 : 2);
        rules.depth = (k == 1) ? 3 : 0;

        for (i = 0; i < 30000; i++) {
            len = invent(text, 4);

            if (i % 3 == 0) {
                text[(size_t) rand() % len] = one_of(others);
            }

            verdict = quick(text, len);
            seen[verdict + 1]++;
        }
    }

    for (i = TS_OWNER_OWN; i <= TS_OWNER_FOREIGN; i++) {
        assert_true(seen[i + 1] > 10);
    }

    assert_int_equal(seen[TS_OWNER_MALFORMED + 1], 0);
}


static void
blocks(void **state)
{
    int       i, k, plain, n;
    uint8_t   block[TS_OWNER_BLOCK];
    uint64_t  quotes, portable;

    (void) state;

    for (i = 0; i < TS_OWNER_BLOCK; i++) {
        for (k = 0; k < 256; k++) {
            memset(block, 'x', sizeof(block));
            block[i] = (uint8_t) k;

            plain = ts_owner_marks(block, &quotes);

            assert_int_equal(!plain, k < 0x20 || k == '\\');
            assert_true(quotes == (k == '"' ? UINT64_C(1) << i : 0));
            assert_int_equal(!ts_owner_marks_portable(block, &portable),
                             !plain);
            assert_true(portable == quotes);
        }
    }

    srand(1);

    for (n = 0; n < 100000; n++) {
        for (i = 0; i < TS_OWNER_BLOCK; i++) {
            block[i] = (rand() % 3) ? (uint8_t) (0x1f + rand() % 225) : '"';
        }

        plain = ts_owner_marks(block, &quotes);

        assert_int_equal(!ts_owner_marks_portable(block, &portable), !plain);
        assert_true(portable == quotes);
    }
}


static void
digits(void **state)
{
    int         i, k;
    char        text[64];
    ts_slice_t  copy;

    (void) state;

    for (i = 0; i < 40; i++) {
        for (k = 0; k < 256; k++) {
            if (k >= '0' && k <= '9') {
                continue;
            }

            memset(text, '0' + i % 10, sizeof(text));
            text[i] = (char) k;
            text[41] = '}';

            copy = heap_copy(text, 42);
            assert_ptr_equal(ts_owner_digits(copy.data, copy.data + 42),
                             copy.data + i);
            heap_free(copy);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(decides),
        cmocka_unit_test(doubts),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(many_texts),
        cmocka_unit_test(blocks),
        cmocka_unit_test(digits),
    };

    return cmocka_run_group_tests_name("owner_quick", tests, NULL, NULL);
}
