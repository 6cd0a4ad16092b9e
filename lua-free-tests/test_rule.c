/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "ts_test.h"

#include "core/ts_rule.h"


#define NOW         1700000000
#define CONDITIONS  8


/* A rule as an operator writes it; the one claim it may read is "c". */

typedef struct {
    ts_condition_t   conditions[CONDITIONS];
    ts_rule_value_t  values[CONDITIONS][TS_RULE_VALUES];
    uint32_t         n;
} rule_t;


static void
read_rule(rule_t *rule, const char *const *words)
{
    int              alternative;
    ts_slice_t       claim, source;
    ts_condition_t  *c;

    alternative = 0;

    for (rule->n = 0; *words; words++) {

        if (strcmp(*words, "or") == 0) {
            alternative = 1;
            continue;
        }

        c = &rule->conditions[rule->n];

        assert_int_equal(ts_condition_read(c, ts_slice(*words, strlen(*words)),
                                           &claim, &source,
                                           rule->values[rule->n]),
                         TS_CONDITION_OK);

        c->claim = claim.data[0];
        c->step_up = claim.data[0] == 'm';
        c->alternative = (uint8_t) alternative;
        alternative = 0;
        rule->n++;
    }
}


/* Claims "a": ..., "c": ..., packed each under its first letter. */

static ts_slice_t
pack(const char *text)
{
    uint32_t                i;
    ts_json_t               json;
    ts_slice_t              copy;
    ts_claims_t             claims;
    ts_json_token_t         tokens[64];
    const ts_json_token_t  *name;

    copy = heap_copy(text, strlen(text));

    memset(&json, 0, sizeof(json));
    json.tokens = tokens;
    json.size = 64;
    json.max_depth = 8;
    assert_int_equal(ts_json_parse(&json, copy), TS_JSON_OK);

    claims.data = malloc(512);
    claims.size = 512;
    claims.len = 0;

    for (i = 0, name = tokens + 1; i < tokens[0].count; i++) {
        assert_true(ts_claims_add(&claims, ts_json_raw(&json, name).data[0],
                                  &json, name + 1));
        name = tokens + name[1].next;
    }

    heap_free(copy);

    return ts_slice(claims.data, claims.len);
}


static ts_rule_e
judge_words(const char *const *words, const char *claims,
    const ts_rule_part_t *parts)
{
    rule_t           rule;
    uint32_t         part;
    ts_rule_e        rc;
    ts_slice_t       packed, exact;
    ts_rule_facts_t  facts;

    read_rule(&rule, words);

    packed = pack(claims);
    exact = heap_copy(packed.data, packed.len);

    facts.claims = exact;
    facts.now = NOW;
    facts.parts = parts;

    rc = ts_rule(rule.conditions, rule.n, &facts, &part);

    heap_free(exact);
    heap_free(packed);

    return rc;
}


#define judge(claims, ...)                                                   \
    judge_words((const char *const[]) { __VA_ARGS__, NULL }, claims, NULL)

#define holds(claims, ...)  (judge(claims, __VA_ARGS__) == TS_RULE_HOLDS)


static void
equality_is_exact(void **state)
{
    (void) state;

    assert_true(holds("{\"c\":\"admin\"}", "c=admin"));
    assert_true(holds("{\"c\":\"admin\"}", "c=\"admin\""));
    assert_true(holds("{\"c\":\"\\u0061dmin\"}", "c=admin"));
    assert_false(holds("{\"c\":\"Admin\"}", "c=admin"));
    assert_false(holds("{\"c\":\"admin \"}", "c=admin"));
    assert_false(holds("{\"c\":\"adminx\"}", "c=admin"));
    assert_false(holds("{\"c\":\"admi\"}", "c=admin"));
    assert_false(holds("{\"c\":\"ⓐdmin\"}", "c=admin"));
    assert_false(holds("{\"c\":\"\"}", "c=admin"));
    assert_true(holds("{\"c\":\"\"}", "c=\"\""));
    assert_true(holds("{\"c\":\"a|b\"}", "c=\"a|b\""));
    assert_true(holds("{\"c\":\"equity derivatives\"}",
                      "c=\"equity derivatives\""));
}


static void
sets(void **state)
{
    (void) state;

    assert_true(holds("{\"c\":\"admin\"}", "c=admin|trader"));
    assert_true(holds("{\"c\":\"trader\"}", "c=admin|trader"));
    assert_false(holds("{\"c\":\"admin|trader\"}", "c=admin|trader"));
    assert_false(holds("{\"c\":\"user\"}", "c=admin|trader"));
    assert_true(holds("{\"c\":\"true\"}", "c=true|\"true\""));
}


static void
types_are_never_mixed(void **state)
{
    size_t  i;

    static const char *const  claims[] = {
        "{\"c\":\"true\"}", "{\"c\":1}", "{\"c\":[]}", "{\"c\":{\"c\":true}}",
        "{\"c\":null}", "{}", "{\"c\":[[true]]}", "{\"c\":[\"true\"]}",
        "{\"x\":true}", "{\"c\":false}", "{\"c\":\"1\"}",
    };

    (void) state;

    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        if (holds(claims[i], "c=true")) {
            fail_msg("%s is true", claims[i]);
        }
    }

    assert_true(holds("{\"c\":true}", "c=true"));
    assert_true(holds("{\"c\":false}", "c=false"));
    assert_false(holds("{\"c\":0}", "c=false"));

    assert_true(holds("{\"c\":2}", "c=2"));
    assert_true(holds("{\"c\":2.0}", "c=2"));
    assert_false(holds("{\"c\":\"2\"}", "c=2"));
    assert_false(holds("{\"c\":2.5}", "c=2"));
    assert_true(holds("{\"c\":\"2\"}", "c=\"2\""));
    assert_false(holds("{\"c\":2}", "c=\"2\""));
}


static void
arrays_contain(void **state)
{
    (void) state;

    assert_true(holds("{\"c\":[\"user\",\"admin\"]}", "c=admin"));
    assert_true(holds("{\"c\":[1,2]}", "c=2"));
    assert_false(holds("{\"c\":[\"user\"]}", "c=admin"));
    assert_false(holds("{\"c\":[[\"admin\"]]}", "c=admin"));
    assert_false(holds("{\"c\":[{\"c\":\"admin\"}]}", "c=admin"));
    assert_false(holds("{\"c\":\"user,admin\"}", "c=admin"));
    assert_false(holds("{\"c\":\"[\\\"admin\\\"]\"}", "c=admin"));
}


static void
unequal_never_turns_a_failure_into_a_yes(void **state)
{
    size_t  i;

    static const char *const  claims[] = {
        "{}", "{\"c\":null}", "{\"c\":1}", "{\"c\":true}",
        "{\"c\":{\"a\":1}}", "{\"c\":[\"user\",{}]}", "{\"c\":[\"user\",null]}",
        "{\"c\":[\"user\",[\"x\"]]}", "{\"c\":[\"user\",1]}",
        "{\"c\":\"guest\"}", "{\"c\":[\"user\",\"guest\"]}",
    };

    (void) state;

    for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        if (holds(claims[i], "c!=guest")) {
            fail_msg("%s is not a guest", claims[i]);
        }
    }

    assert_true(holds("{\"c\":\"user\"}", "c!=guest"));
    assert_true(holds("{\"c\":\"user\"}", "c!=guest|banned"));
    assert_false(holds("{\"c\":\"banned\"}", "c!=guest|banned"));
    assert_true(holds("{\"c\":[]}", "c!=guest"));
    assert_true(holds("{\"c\":[\"a\",\"b\"]}", "c!=guest"));

    assert_true(holds("{\"c\":3}", "c!=2"));
    assert_true(holds("{\"c\":2.5}", "c!=2"));
    assert_false(holds("{\"c\":2}", "c!=2"));
    assert_false(holds("{\"c\":9223372036854775808}", "c!=2"));
    assert_true(holds("{\"c\":false}", "c!=true"));
    assert_false(holds("{\"c\":\"false\"}", "c!=true"));
}


static void
presence(void **state)
{
    (void) state;

    assert_true(holds("{\"c\":\"\"}", "c=*"));
    assert_true(holds("{\"c\":{}}", "c=*"));
    assert_true(holds("{\"c\":false}", "c=*"));
    assert_false(holds("{\"c\":null}", "c=*"));
    assert_false(holds("{}", "c=*"));

    assert_true(holds("{}", "c!=*"));
    assert_true(holds("{\"c\":null}", "c!=*"));
    assert_false(holds("{\"c\":0}", "c!=*"));
    assert_false(holds("{\"c\":{}}", "c!=*"));
}


static void
numbers(void **state)
{
    (void) state;

    assert_true(holds("{\"c\":2}", "c>=2"));
    assert_true(holds("{\"c\":2.5}", "c>=2"));
    assert_false(holds("{\"c\":1.9}", "c>=2"));
    assert_false(holds("{\"c\":2}", "c>2"));
    assert_true(holds("{\"c\":2.5}", "c>2"));
    assert_true(holds("{\"c\":2}", "c<=2"));
    assert_false(holds("{\"c\":2.5}", "c<=2"));
    assert_true(holds("{\"c\":2.5}", "c<3"));
    assert_false(holds("{\"c\":3}", "c<3"));
    assert_true(holds("{\"c\":-3}", "c<=-3"));
    assert_false(holds("{\"c\":-2.5}", "c<=-3"));
    assert_true(holds("{\"c\":-2.5}", "c>-3"));

    assert_false(holds("{\"c\":\"3\"}", "c>=2"));
    assert_false(holds("{\"c\":[3]}", "c>=2"));
    assert_false(holds("{\"c\":true}", "c>=0"));
    assert_false(holds("{\"c\":null}", "c<=0"));
    assert_false(holds("{}", "c<=0"));

    /* beyond int64_t nothing can be told, upwards and downwards */

    assert_true(holds("{\"c\":9223372036854775807}",
                      "c>=9223372036854775807"));
    assert_false(holds("{\"c\":9223372036854775808}", "c>=2"));
    assert_false(holds("{\"c\":1e400}", "c>=2"));
    assert_false(holds("{\"c\":-1e400}", "c<=2"));
    assert_true(holds("{\"c\":-9223372036854775808}",
                      "c<=-9223372036854775808"));
}


static void
times(void **state)
{
    (void) state;

    assert_true(holds("{\"c\":1700000001}", "c>now"));
    assert_false(holds("{\"c\":1700000000}", "c>now"));
    assert_true(holds("{\"c\":1699999940}", "c>=now-60s"));
    assert_false(holds("{\"c\":1699999939}", "c>=now-60s"));
    assert_true(holds("{\"c\":1699999939}", "c<now-1m"));
    assert_true(holds("{\"c\":1700086400}", "c<=now+1d"));
    assert_false(holds("{\"c\":1700086401}", "c<=now+1d"));
    assert_false(holds("{\"c\":\"1700086401\"}", "c>now"));
}


static void
maximum_age(void **state)
{
    ts_slice_t       packed;
    uint32_t         part;
    ts_condition_t   c;
    ts_rule_facts_t  facts;
    size_t           i;

    static const struct {
        const char  *claims;
        ts_rule_e    rc;
    } cases[] = {
        { "{\"a\":1700000000}", TS_RULE_HOLDS },
        { "{\"a\":1699999100}", TS_RULE_HOLDS },
        { "{\"a\":1699999099}", TS_RULE_STEP_UP },
        { "{\"a\":1699999099.9}", TS_RULE_STEP_UP },
        { "{\"a\":1700000060}", TS_RULE_HOLDS },
        { "{\"a\":1700000061}", TS_RULE_STEP_UP },
        { "{\"a\":9223372036854775807}", TS_RULE_STEP_UP },
        { "{\"a\":-9223372036854775808}", TS_RULE_STEP_UP },
        { "{\"a\":1e30}", TS_RULE_STEP_UP },
        { "{\"a\":\"1700000000\"}", TS_RULE_STEP_UP },
        { "{\"a\":[1700000000]}", TS_RULE_STEP_UP },
        { "{\"i\":1700000000}", TS_RULE_STEP_UP },
        { "{}", TS_RULE_STEP_UP },
    };

    (void) state;

    memset(&c, 0, sizeof(c));
    c.op = TS_RULE_MAX_AGE;
    c.claim = 'a';
    c.number = 900;
    c.step_up = 1;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        packed = pack(cases[i].claims);

        facts.claims = packed;
        facts.now = NOW;
        facts.parts = NULL;

        if (ts_rule(&c, 1, &facts, &part) != cases[i].rc) {
            fail_msg("%s", cases[i].claims);
        }

        heap_free(packed);
    }
}


static void
alternatives(void **state)
{
    (void) state;

    assert_true(holds("{\"a\":1,\"b\":2}", "a=1", "b=2"));
    assert_false(holds("{\"a\":1,\"b\":3}", "a=1", "b=2"));
    assert_false(holds("{\"b\":2}", "a=1", "b=2"));

    assert_true(holds("{\"a\":1}", "a=1", "or", "b=2"));
    assert_true(holds("{\"b\":2}", "a=1", "or", "b=2"));
    assert_false(holds("{}", "a=1", "or", "b=2"));

    assert_true(holds("{\"a\":1,\"d\":4}", "a=1", "or", "b=2", "c=3", "or",
                      "d=4"));
    assert_false(holds("{\"b\":2}", "a=1", "or", "b=2", "c=3", "or", "d=4"));
    assert_true(holds("{\"b\":2,\"c\":3}", "a=1", "or", "b=2", "c=3", "or",
                      "d=4"));
    assert_true(holds("{\"d\":4}", "a=1", "x=0", "or", "b=2", "c=3", "or",
                      "d=4"));
}


static void
step_up_only_where_it_helps(void **state)
{
    (void) state;

    assert_int_equal(judge("{\"c\":\"admin\",\"m\":[\"pwd\",\"otp\"]}",
                           "c=admin", "m=otp"), TS_RULE_HOLDS);
    assert_int_equal(judge("{\"c\":\"admin\",\"m\":[\"pwd\"]}", "c=admin",
                           "m=otp"), TS_RULE_STEP_UP);
    assert_int_equal(judge("{\"c\":\"admin\"}", "c=admin", "m=otp"),
                     TS_RULE_STEP_UP);
    assert_int_equal(judge("{\"c\":\"user\"}", "c=admin", "m=otp"),
                     TS_RULE_FAILS);
    assert_int_equal(judge("{\"c\":\"user\",\"m\":\"otp\"}", "c=admin",
                           "m=otp"), TS_RULE_FAILS);
    assert_int_equal(judge("{\"c\":\"user\"}", "c=admin", "or", "c=user",
                           "m=otp"), TS_RULE_STEP_UP);
}


static void
nobody_satisfies_nothing(void **state)
{
    rule_t           rule;
    uint32_t         part;
    ts_rule_facts_t  facts;

    (void) state;

    facts.claims = ts_slice(NULL, 0);
    facts.now = NOW;
    facts.parts = NULL;

    read_rule(&rule, (const char *const[]) { "c!=*", NULL });
    assert_int_equal(ts_rule(rule.conditions, rule.n, &facts, &part),
                     TS_RULE_FAILS);
    assert_int_equal(ts_rule(rule.conditions, 0, &facts, &part),
                     TS_RULE_FAILS);
}


static ts_rule_e
with_part(const char *claims, const char *word, const char *text)
{
    ts_rule_part_t  part;

    part.known = 1;
    part.text = text ? ts_slice(text, strlen(text)) : ts_slice(NULL, 0);

    return judge_words((const char *const[]) { word, NULL }, claims, &part);
}


static void
parts_of_the_request(void **state)
{
    size_t  i;

    static const struct {
        const char  *claims;
        const char  *text;
        int          equal;
        int          unequal;
    } cases[] = {
        { "{\"c\":\"alice\"}", "alice", 1, 0 },
        { "{\"c\":\"alice\"}", "bob", 0, 1 },
        { "{\"c\":\"alice\"}", "Alice", 0, 1 },
        { "{\"c\":\"alice\"}", "", 0, 0 },
        { "{\"c\":\"alice\"}", NULL, 0, 0 },
        { "{\"c\":\"\"}", "", 0, 0 },
        { "{\"c\":\"\"}", NULL, 0, 0 },
        { "{\"c\":7}", "7", 1, 0 },
        { "{\"c\":7}", "07", 0, 1 },
        { "{\"c\":7}", "7.0", 0, 1 },
        { "{\"c\":0}", "0", 1, 0 },
        { "{\"c\":-7}", "-7", 1, 0 },
        { "{\"c\":-9223372036854775808}", "-9223372036854775808", 1, 0 },
        { "{\"c\":7.5}", "7", 0, 0 },
        { "{\"c\":true}", "true", 0, 0 },
        { "{\"c\":[\"alice\",\"joint-1\"]}", "joint-1", 1, 0 },
        { "{\"c\":[\"alice\",\"joint-1\"]}", "bob", 0, 1 },
        { "{\"c\":[\"alice\",{}]}", "bob", 0, 0 },
        { "{\"c\":{}}", "{}", 0, 0 },
        { "{}", "alice", 0, 0 },
        { "{}", NULL, 0, 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (with_part(cases[i].claims, "c=$x", cases[i].text)
            != (cases[i].equal ? TS_RULE_HOLDS : TS_RULE_FAILS)
            || with_part(cases[i].claims, "c!=$x", cases[i].text)
               != (cases[i].unequal ? TS_RULE_HOLDS : TS_RULE_FAILS))
        {
            fail_msg("%s against %s", cases[i].claims,
                     cases[i].text ? cases[i].text : "nothing");
        }
    }
}


static void
parts_are_asked_for_when_they_matter(void **state)
{
    rule_t           rule;
    uint32_t         part;
    ts_slice_t       packed;
    ts_rule_part_t   parts[2];
    ts_rule_facts_t  facts;

    (void) state;

    memset(parts, 0, sizeof(parts));

    read_rule(&rule, (const char *const[]) { "a=1", "or", "b=2", "c=$x",
                                             "d=$y", NULL });
    rule.conditions[3].part = 1;

    facts.now = NOW;
    facts.parts = parts;

    packed = pack("{\"a\":1}");
    facts.claims = packed;
    assert_int_equal(ts_rule(rule.conditions, rule.n, &facts, &part),
                     TS_RULE_HOLDS);
    heap_free(packed);

    packed = pack("{\"a\":2,\"b\":1}");
    facts.claims = packed;
    assert_int_equal(ts_rule(rule.conditions, rule.n, &facts, &part),
                     TS_RULE_FAILS);
    heap_free(packed);

    packed = pack("{\"b\":2,\"c\":\"x\",\"d\":\"y\"}");
    facts.claims = packed;
    assert_int_equal(ts_rule(rule.conditions, rule.n, &facts, &part),
                     TS_RULE_NEEDS_PART);
    assert_int_equal(part, 0);

    parts[0].known = 1;
    parts[0].text = TS_SLICE("x");
    assert_int_equal(ts_rule(rule.conditions, rule.n, &facts, &part),
                     TS_RULE_NEEDS_PART);
    assert_int_equal(part, 1);

    parts[1].known = 1;
    parts[1].text = TS_SLICE("y");
    assert_int_equal(ts_rule(rule.conditions, rule.n, &facts, &part),
                     TS_RULE_HOLDS);
    heap_free(packed);
}


static ts_condition_e
read_of(const char *text)
{
    ts_slice_t       copy, claim, source;
    ts_condition_e   rc;
    ts_condition_t   condition;
    ts_rule_value_t  values[TS_RULE_VALUES];

    copy = heap_copy(text, strlen(text));
    rc = ts_condition_read(&condition, copy, &claim, &source, values);
    heap_free(copy);

    return rc;
}


static void
mistakes_of_operators(void **state)
{
    size_t  i;
    char    many[3 * TS_RULE_VALUES + 4];

    static const struct {
        const char      *text;
        ts_condition_e   rc;
    } cases[] = {
        { "", TS_CONDITION_OPERATOR },
        { "admin", TS_CONDITION_OPERATOR },
        { "=admin", TS_CONDITION_OPERATOR },
        { "!=admin", TS_CONDITION_OPERATOR },
        { "role!admin", TS_CONDITION_OPERATOR },
        { "role=", TS_CONDITION_VALUE },
        { "role=a|", TS_CONDITION_VALUE },
        { "role=|a", TS_CONDITION_VALUE },
        { "role=a||b", TS_CONDITION_VALUE },
        { "role=\"a", TS_CONDITION_QUOTES },
        { "role=a\"b\"", TS_CONDITION_QUOTES },
        { "role=\"a\"b", TS_CONDITION_QUOTES },
        { "role=\"", TS_CONDITION_QUOTES },
        { "level=1.5", TS_CONDITION_NUMBER },
        { "level=007", TS_CONDITION_NUMBER },
        { "level=1e3", TS_CONDITION_NUMBER },
        { "level=-0", TS_CONDITION_NUMBER },
        { "level=9223372036854775808", TS_CONDITION_NUMBER },
        { "x=null", TS_CONDITION_NULL },
        { "x=a|null", TS_CONDITION_NULL },
        { "level>=high", TS_CONDITION_COMPARE },
        { "level>=\"2\"", TS_CONDITION_COMPARE },
        { "level>=$arg", TS_CONDITION_COMPARE },
        { "level>=", TS_CONDITION_VALUE },
        { "t>now-", TS_CONDITION_COMPARE },
        { "t>now-5", TS_CONDITION_COMPARE },
        { "t>now-5x", TS_CONDITION_COMPARE },
        { "t>now5m", TS_CONDITION_COMPARE },
        { "t>nowadays", TS_CONDITION_COMPARE },
        { "t>now-9223372036854775807w", TS_CONDITION_COMPARE },
        { "x=a|*", TS_CONDITION_SET },
        { "x=a|$x", TS_CONDITION_SET },
        { "x=a|query:x", TS_CONDITION_SET },
        { "x=\"*\"", TS_CONDITION_OK },
        { "x=\"$x\"", TS_CONDITION_OK },
        { "level=-9223372036854775808", TS_CONDITION_OK },
        { "https://example.com/roles=admin", TS_CONDITION_OK },
        { "/realm_access/roles=admin", TS_CONDITION_OK },
        { "x=e", TS_CONDITION_OK },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_of(cases[i].text) != cases[i].rc) {
            fail_msg("%s", cases[i].text);
        }

        assert_non_null(ts_condition_text(cases[i].rc));
    }

    strcpy(many, "c=");

    for (i = 0; i < TS_RULE_VALUES; i++) {
        strcat(many, i ? "|a" : "a");
    }

    assert_int_equal(read_of(many), TS_CONDITION_OK);
    strcat(many, "|a");
    assert_int_equal(read_of(many), TS_CONDITION_MANY);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(equality_is_exact),
        cmocka_unit_test(sets),
        cmocka_unit_test(types_are_never_mixed),
        cmocka_unit_test(arrays_contain),
        cmocka_unit_test(unequal_never_turns_a_failure_into_a_yes),
        cmocka_unit_test(presence),
        cmocka_unit_test(numbers),
        cmocka_unit_test(times),
        cmocka_unit_test(maximum_age),
        cmocka_unit_test(alternatives),
        cmocka_unit_test(step_up_only_where_it_helps),
        cmocka_unit_test(nobody_satisfies_nothing),
        cmocka_unit_test(parts_of_the_request),
        cmocka_unit_test(parts_are_asked_for_when_they_matter),
        cmocka_unit_test(mistakes_of_operators),
    };

    return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
