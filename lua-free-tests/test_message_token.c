/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_message_token.h"


#define TAPE  16


static ts_message_token_e
look(const char *pointer, const char *text, size_t len, char *found)
{
    uint8_t             names[64];
    ts_slice_t          copy, token = { NULL, 0 };
    ts_json_token_t     tape[TAPE];
    ts_json_pointer_t   p;
    ts_message_token_e  rc;

    assert_int_equal(ts_json_pointer(&p, ts_slice(pointer, strlen(pointer)),
                                     names), 0);

    copy = heap_copy(text, len);

    rc = ts_message_token(&p, copy, tape, TAPE, &token);

    if (rc == TS_MESSAGE_TOKEN) {
        assert_true(token.data >= copy.data
                    && token.data + token.len <= copy.data + copy.len);
        assert_true(token.len < 32);
        memcpy(found, token.data, token.len);
        found[token.len] = '\0';
    }

    free((void *) copy.data);

    return rc;
}


static void
tokens(void **state)
{
    size_t  i;
    char    found[32];

    static const struct {
        const char          *pointer;
        const char          *text;
        ts_message_token_e   rc;
        const char          *token;
    } cases[] = {
        { "/token", "{\"token\":\"a.b.c\"}", TS_MESSAGE_TOKEN, "a.b.c" },
        { "/token", "{\"op\":1,\"token\":\"Bearer a.b\"}", TS_MESSAGE_TOKEN,
          "a.b" },
        { "/p/token", "{\"p\":{\"token\":\"x\"}}", TS_MESSAGE_TOKEN, "x" },
        { "/1/t", "[\"auth\",{\"t\":\"x\"}]", TS_MESSAGE_TOKEN, "x" },
        { "/token", "{\"\\u0074oken\":\"x\"}", TS_MESSAGE_TOKEN, "x" },
        { "/token", " {\"token\":\"x\"}\n", TS_MESSAGE_TOKEN, "x" },

        { "/token", "", TS_MESSAGE_NO_TOKEN, NULL },
        { "/token", "toke", TS_MESSAGE_NO_TOKEN, NULL },
        { "/token", "not JSON at all, tok", TS_MESSAGE_NO_TOKEN, NULL },
        { "/token", "{\"a\":{\"token\":\"x\"}}", TS_MESSAGE_NO_TOKEN, NULL },
        { "/token", "{\"token\":null}", TS_MESSAGE_NO_TOKEN, NULL },
        { "/token", "{\"a\":\"\\n\"}", TS_MESSAGE_NO_TOKEN, NULL },
        { "/token", "[\"token\"]", TS_MESSAGE_NO_TOKEN, NULL },

        { "/token", "token", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"x\",\"token\":\"y\"}", TS_MESSAGE_DOUBT,
          NULL },
        { "/token", "{\"token\":\"x\",\"\\u0074oken\":\"y\"}",
          TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"x\"} {}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"x\"", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":'x'}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "\xef\xbb\xbf{\"token\":\"x\"}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"\\u0078\"}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"\"}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"Bearer \"}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":7}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":[\"x\"]}", TS_MESSAGE_DOUBT, NULL },
        { "/token", "\\", TS_MESSAGE_DOUBT, NULL },
        { "/token", "{\"token\":\"x\",\"a\":[1,2,3,4,5,6,7,8,9,0,1,2,3]}",
          TS_MESSAGE_DOUBT, NULL },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        assert_int_equal(look(cases[i].pointer, cases[i].text,
                              strlen(cases[i].text), found), cases[i].rc);

        if (cases[i].token != NULL) {
            assert_string_equal(found, cases[i].token);
        }
    }
}


/* Cut anywhere, or with any byte changed, it is never another token. */

static void
damaged_messages(void **state)
{
    size_t         i;
    unsigned       byte;
    char           found[32], text[64];

    static const char  good[] = "{\"a\":[1,{}],\"token\":\"abc\"}";

    (void) state;

    for (i = 0; i < sizeof(good) - 1; i++) {
        assert_int_not_equal(look("/token", good, i, found),
                             TS_MESSAGE_TOKEN);
    }

    for (i = 0; i < sizeof(good) - 1; i++) {
        for (byte = 0; byte < 256; byte++) {
            memcpy(text, good, sizeof(good));
            text[i] = (char) byte;

            if (look("/token", text, sizeof(good) - 1, found)
                == TS_MESSAGE_TOKEN && (i < 21 || i > 23))
            {
                assert_string_equal(found, "abc");
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(damaged_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
