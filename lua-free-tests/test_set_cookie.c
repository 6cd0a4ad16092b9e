/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"
#include "core/ts_set_cookie.h"


#define NOW   1700000000
#define DAY   86400
#define CAP   (400 * (int64_t) DAY)


static const ts_set_cookie_policy_t  https = { 1, 1, TS_SAME_SITE_LAX, CAP };
static const ts_set_cookie_policy_t  http = { 0, 1, TS_SAME_SITE_LAX, CAP };
static const ts_set_cookie_policy_t  nothing = { 0, 0, TS_SAME_SITE_UNSET, 0 };

static char  result[8192];


static const char *
harden(const char *text, const ts_set_cookie_policy_t *policy)
{
    size_t           len;
    uint8_t         *out;
    ts_slice_t       line;
    ts_set_cookie_e  rc;

    line = heap_copy(text, strlen(text));
    out = malloc(line.len + TS_SET_COOKIE_ADDED);
    assert_non_null(out);

    rc = ts_set_cookie_harden(line, policy, NOW, out, &len);

    switch (rc) {

    case TS_SET_COOKIE_KEEP:
        strcpy(result, text);
        break;

    case TS_SET_COOKIE_CHANGE:
        assert_true(len <= line.len + TS_SET_COOKIE_ADDED);
        memcpy(result, out, len);
        result[len] = '\0';
        assert_string_not_equal(result, text);

        line = (heap_free(line), heap_copy(out, len));
        free(out);
        out = malloc(line.len + TS_SET_COOKIE_ADDED);

        assert_int_equal(ts_set_cookie_harden(line, policy, NOW, out, &len),
                         TS_SET_COOKIE_KEEP);
        break;

    default:
        strcpy(result, "dropped");
    }

    heap_free(line);
    free(out);

    return result;
}


typedef struct {
    const char  *line;
    const char  *hardened;
} case_t;


static void
check(const case_t *cases, size_t n, const ts_set_cookie_policy_t *policy)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        assert_string_equal(harden(cases[i].line, policy),
                            cases[i].hardened ? cases[i].hardened
                                              : cases[i].line);
    }
}

#define CHECK(cases, policy)                                                 \
    check(cases, sizeof(cases) / sizeof(cases[0]), policy)


static void
what_is_missing_is_added(void **state)
{
    static const case_t  cases[] = {
        { "a=1", "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Path=/", "a=1; Path=/; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Secure", "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1;HttpOnly", "a=1;HttpOnly; Secure; SameSite=Lax" },
        { "a=1; SECURE;httponly ; sAmEsItE = sTrIcT", NULL },
        { "a=1; Secure; HttpOnly; SameSite=Lax", NULL },
        { "a=1; Secure=0; HttpOnly=false; SameSite=Lax", NULL },
        { "a=1;", "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; ;; Path=/ ;",
          "a=1; Path=/ ; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Partitioned; Path=/",
          "a=1; Partitioned; Path=/; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Priority=High; x=y;z",
          "a=1; Priority=High; x=y;z; Secure; HttpOnly; SameSite=Lax" },
        { "a=\"Secure; HttpOnly\"",
          "a=\"Secure; HttpOnly\"; Secure; HttpOnly; SameSite=Lax" },
        { "a=Secure, HttpOnly",
          "a=Secure, HttpOnly; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; x=Secure; Secure2; Not Secure",
          "a=1; x=Secure; Secure2; Not Secure; Secure; HttpOnly"
          "; SameSite=Lax" },
        { "a=1; Path=/; Domain=.example.com",
          "a=1; Path=/; Domain=.example.com; Secure; HttpOnly"
          "; SameSite=Lax" },
        { "a=1\t; \tSecure\t;\tHttpOnly;SameSite\t=\tLax", NULL },
        { "", "; Secure; HttpOnly; SameSite=Lax" },
        { "a", "a; Secure; HttpOnly; SameSite=Lax" },
        { "=a", "=a; Secure; HttpOnly; SameSite=Lax" },
        { "Secure", "Secure; Secure; HttpOnly; SameSite=Lax" },
        { "a=\xc3\xa9", "a=\xc3\xa9; Secure; HttpOnly; SameSite=Lax" },
    };

    (void) state;

    CHECK(cases, &https);
}


static void
same_site_is_never_weaker(void **state)
{
    static const case_t  lax[] = {
        { "a=1; Secure; HttpOnly; SameSite=None",
          "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Secure; HttpOnly; SameSite=Strict", NULL },
        { "a=1; Secure; HttpOnly; SameSite",
          "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Secure; HttpOnly; SameSite=No",
          "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Secure; HttpOnly; SameSite=\"Strict\"",
          "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Secure; HttpOnly; SameSite=Lax; SameSite=None",
          "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; Secure; HttpOnly; SameSite=None; SameSite=Strict",
          "a=1; Secure; HttpOnly; SameSite=Strict" },
        { "a=1; Secure; HttpOnly; SameSite=Strict; SameSite=Lax", NULL },
    };

    static const case_t  strict[] = {
        { "a=1", "a=1; SameSite=Strict" },
        { "a=1; SameSite=Lax", "a=1; SameSite=Strict" },
        { "a=1; SameSite=Strict", NULL },
    };

    static const case_t  none[] = {
        { "a=1", NULL },
        { "a=1; Secure", "a=1; Secure; SameSite=None" },
        { "a=1; Secure; SameSite=None", NULL },
        { "a=1; Secure; SameSite=x", "a=1; Secure; SameSite=None" },
        { "a=1; Secure; SameSite=Lax", NULL },
        { "__Secure-a=1", "__Secure-a=1; Secure; SameSite=None" },
    };

    ts_set_cookie_policy_t  policy;

    (void) state;

    CHECK(lax, &https);

    policy = nothing;
    policy.same_site = TS_SAME_SITE_STRICT;
    CHECK(strict, &policy);

    policy.same_site = TS_SAME_SITE_NONE;
    CHECK(none, &policy);
}


static void
lifetimes_are_capped(void **state)
{
    static const case_t  cases[] = {
        { "a=1", NULL },
        { "a=1; Max-Age=86400", NULL },
        { "a=1; Max-Age=86401", "a=1; Max-Age=86400" },
        { "a=1; max-age = 99999999999999999999999", "a=1; Max-Age=86400" },
        { "a=1; Max-Age=0", NULL },
        { "a=1; Max-Age=-1", NULL },
        { "a=1; Max-Age=-99999999999999999999999", NULL },
        { "a=1; Max-Age=", NULL },
        { "a=1; Max-Age", NULL },
        { "a=1; Max-Age=1d", NULL },
        { "a=1; Max-Age=+86401", NULL },
        { "a=1; Max-Age=86401; Path=/", "a=1; Path=/; Max-Age=86400" },
        { "a=1; Max-Age=1; Max-Age=86401", "a=1; Max-Age=86400" },
        { "a=1; Max-Age=86401; Max-Age=1", NULL },
        { "a=1; Max-Age=86401; Max-Age=x", "a=1; Max-Age=86400" },
        { "a=1; Expires=Tue, 14 Nov 2023 22:13:20 GMT", NULL },
        { "a=1; Expires=Wed, 15 Nov 2023 22:13:20 GMT", NULL },
        { "a=1; Expires=Wed, 15 Nov 2023 22:13:21 GMT",
          "a=1; Max-Age=86400" },
        { "a=1; expires=Fri, 31-Dec-9999 23:59:59 GMT; Path=/",
          "a=1; Path=/; Max-Age=86400" },
        { "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NULL },
        { "a=1; Expires=0", NULL },
        { "a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=60", NULL },
        { "a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=x",
          "a=1; Max-Age=86400" },
        { "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=90000",
          "a=1; Max-Age=86400" },
    };

    ts_set_cookie_policy_t  policy;

    (void) state;

    policy = nothing;
    policy.max_age = DAY;
    CHECK(cases, &policy);

    policy.max_age = INT64_MAX;
    assert_string_equal(harden("a=1; Max-Age=99999999999999999999", &policy),
                        "a=1; Max-Age=99999999999999999999");

    assert_string_equal(harden("a=1; Max-Age=99999999999", &nothing),
                        "a=1; Max-Age=99999999999");
}


static void
prefixes_are_kept(void **state)
{
    static const case_t  cases[] = {
        { "__Secure-a=1", "__Secure-a=1; Secure" },
        { "__Secure-a=1; Domain=x.test; Path=/a; Secure", NULL },
        { "__Host-a=1", "__Host-a=1; Path=/; Secure" },
        { "__Host-a=1; Path=/; Secure", NULL },
        { "__Host-a=1; Path=/; Secure; Domain=x.test",
          "__Host-a=1; Path=/; Secure" },
        { "__Host-a=1; Path=/; Secure; domain",
          "__Host-a=1; Path=/; Secure" },
        { "__Host-a=1; Path=/app; Secure", "__Host-a=1; Secure; Path=/" },
        { "__Host-a=1; Path=/; Path=/app; Secure",
          "__Host-a=1; Secure; Path=/" },
        { "__HOST-a=1; Path; Secure", "__HOST-a=1; Secure; Path=/" },
        { " __host-a =1", " __host-a =1; Path=/; Secure" },
        { "__Host=1", NULL },
        { "a__Host-=1", NULL },
        { "a=__Host-", NULL },
        { "=__Host-a=1", "dropped" },
        { "__Host-a", "dropped" },
        { " = __SECURE-a", "dropped" },
        { "__secure-a;=1", "dropped" },
        { "=a__Host-", NULL },
    };

    (void) state;

    CHECK(cases, &nothing);
}


static void
control_characters_drop_the_line(void **state)
{
    int             c;
    char            text[16];
    const char     *got;

    (void) state;

    for (c = 1; c < 256; c++) {
        snprintf(text, sizeof(text), "a=1; b%c2", c);
        got = harden(text, &nothing);

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            assert_string_equal(got, "dropped");

        } else {
            assert_string_equal(got, text);
        }
    }

    assert_int_equal(ts_set_cookie_harden(ts_slice("a=\0; Secure", 11),
                                          &nothing, NOW, NULL, NULL),
                     TS_SET_COOKIE_DROP);
}


static void
long_attributes_count_for_nothing(void **state)
{
    size_t                  n;
    char                    text[4096], *p;
    ts_set_cookie_policy_t  policy;

    (void) state;

    policy = https;

    for (n = 1024; n <= 1025; n++) {
        p = text + sprintf(text, "a=1; Secure=");
        memset(p, 'x', n);
        p += n;
        p += sprintf(p, "; HttpOnly=");
        memset(p, 'x', n);
        p += n;
        strcpy(p, "; SameSite=Lax");

        assert_string_equal(harden(text, &policy),
                            n == 1024 ? text : "a=1; SameSite=Lax; Secure"
                                               "; HttpOnly");
    }

    p = text + sprintf(text, "a=1; Secure; HttpOnly; SameSite=Lax; Max-Age=");
    memset(p, '0', 1025);
    p[1024] = '9';
    p[1025] = '\0';

    assert_string_equal(harden(text, &policy), text);
}


static void
over_http_nothing_is_secure(void **state)
{
    static const case_t  cases[] = {
        { "a=1", "a=1; HttpOnly; SameSite=Lax" },
        { "a=1; Secure", "a=1; Secure; HttpOnly; SameSite=Lax" },
        { "a=1; SameSite=None", "a=1; HttpOnly; SameSite=Lax" },
    };

    (void) state;

    CHECK(cases, &http);
}


static void
names(void **state)
{
    size_t      i;
    ts_slice_t  name, line;

    static const case_t  cases[] = {
        { "a=1", "a" }, { " a b = 1", "a b" }, { "a", "" }, { "=a", "" },
        { "a;b=1", "" }, { "a=b=c", "a" }, { "", "" }, { ";a=1", "" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        line = heap_copy(cases[i].line, strlen(cases[i].line));
        name = ts_set_cookie_name(line);

        assert_int_equal(name.len, strlen(cases[i].hardened));
        assert_memory_equal(name.data, cases[i].hardened, name.len);
        heap_free(line);
    }
}


static void
values(void **state)
{
    size_t      i;
    ts_slice_t  line, value;

    static const case_t  cases[] = {
        { "a=1", "1" }, { "a= 1 ; Path=/", "1" }, { "a=b=c", "b=c" },
        { "a=\"x\"", "\"x\"" }, { "a=1; Max-Age=1", "1" },
        { "a=1; Max-Age=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "1" },
        { "a=1; Expires=Tue, 14 Nov 2023 22:13:21 GMT", "1" },
        { "a=1; Expires=never", "1" },
        { "a=", NULL }, { "a", NULL }, { "", NULL }, { "a=\"\"", NULL },
        { "a=1; Max-Age=0", NULL }, { "a=1; max-age=-1", NULL },
        { "a=1; Expires=Tue, 14 Nov 2023 22:13:20 GMT", NULL },
        { "a=1; expires=Thu, 01-Jan-70 00:00:01 GMT", NULL },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        line = heap_copy(cases[i].line, strlen(cases[i].line));

        if (cases[i].hardened == NULL) {
            assert_false(ts_set_cookie_value(line, NOW, &value));

        } else {
            assert_true(ts_set_cookie_value(line, NOW, &value));
            assert_int_equal(value.len, strlen(cases[i].hardened));
            assert_memory_equal(value.data, cases[i].hardened, value.len);
        }

        heap_free(line);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_is_missing_is_added),
        cmocka_unit_test(same_site_is_never_weaker),
        cmocka_unit_test(lifetimes_are_capped),
        cmocka_unit_test(prefixes_are_kept),
        cmocka_unit_test(control_characters_drop_the_line),
        cmocka_unit_test(long_attributes_count_for_nothing),
        cmocka_unit_test(over_http_nothing_is_secure),
        cmocka_unit_test(names),
        cmocka_unit_test(values),
    };

    return cmocka_run_group_tests_name("set_cookie", tests, NULL, NULL);
}
