/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_rule.h"


/* The longest spelling of an int64_t. */

#define TS_RULE_DIGITS  20


static ts_rule_e ts_rule_alternatives(const ts_condition_t *conditions,
    uint32_t n, const ts_rule_facts_t *facts, int logged_in, uint32_t *part);
static int ts_condition_holds(const ts_condition_t *condition,
    const ts_rule_facts_t *facts);
static int ts_condition_equals(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim);
static int ts_condition_equals_one(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim);
static int ts_condition_differs(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim);
static int ts_condition_differs_one(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim);
static int ts_condition_compares(const ts_condition_t *condition, int64_t now,
    const ts_claim_t *claim);
static int ts_claim_is(const ts_claim_t *claim, const ts_rule_value_t *value);
static int ts_claim_is_text(const ts_claim_t *claim, ts_slice_t text);


ts_rule_e
ts_rule(const ts_condition_t *conditions, uint32_t n,
    const ts_rule_facts_t *facts, uint32_t *part)
{
    ts_rule_e  rc;

    rc = ts_rule_alternatives(conditions, n, facts, 0, part);

    if (rc != TS_RULE_FAILS) {
        return rc;
    }

    rc = ts_rule_alternatives(conditions, n, facts, 1, part);

    return rc == TS_RULE_HOLDS ? TS_RULE_STEP_UP : rc;
}


/* With logged_in, as if the user had just logged in with every factor. */

static ts_rule_e
ts_rule_alternatives(const ts_condition_t *conditions, uint32_t n,
    const ts_rule_facts_t *facts, int logged_in, uint32_t *part)
{
    int                    holds;
    uint32_t               i;
    const ts_condition_t  *c;

    holds = 0;

    for (i = 0; i < n; i++) {
        c = &conditions[i];

        if (i == 0) {
            holds = 1;

        } else if (c->alternative) {

            if (holds) {
                return TS_RULE_HOLDS;
            }

            holds = 1;
        }

        if (!holds || (logged_in && c->step_up)) {
            continue;
        }

        if (c->from_part && !facts->parts[c->part].known) {
            *part = c->part;
            return TS_RULE_NEEDS_PART;
        }

        holds = ts_condition_holds(c, facts);
    }

    return holds ? TS_RULE_HOLDS : TS_RULE_FAILS;
}


static int
ts_condition_holds(const ts_condition_t *condition,
    const ts_rule_facts_t *facts)
{
    ts_claim_t  claim;

    if (facts->claims.data == NULL) {
        return 0;
    }

    if (!ts_claims_find(facts->claims, condition->claim, &claim)) {
        return condition->op == TS_RULE_ABSENT;
    }

    switch (condition->op) {

    case TS_RULE_EQUAL:
        return ts_condition_equals(condition, facts, &claim);

    case TS_RULE_UNEQUAL:
        return ts_condition_differs(condition, facts, &claim);

    case TS_RULE_PRESENT:
        return 1;

    case TS_RULE_ABSENT:
        return 0;

    default:
        return ts_condition_compares(condition, facts->now, &claim);
    }
}


/* Of an array, one element does; arrays within it are no values. */

static int
ts_condition_equals(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim)
{
    ts_claim_t  one;
    ts_slice_t  elements;

    if (claim->type != TS_CLAIM_ARRAY) {
        return ts_condition_equals_one(condition, facts, claim);
    }

    elements = claim->bytes;

    while (ts_claim_element(&elements, &one)) {
        if (one.type != TS_CLAIM_ARRAY
            && ts_condition_equals_one(condition, facts, &one))
        {
            return 1;
        }
    }

    return 0;
}


static int
ts_condition_equals_one(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim)
{
    uint32_t  i;

    if (condition->from_part) {
        return ts_claim_is_text(claim, facts->parts[condition->part].text);
    }

    for (i = 0; i < condition->n; i++) {
        if (ts_claim_is(claim, &condition->values[i])) {
            return 1;
        }
    }

    return 0;
}


/* Whether two types can be compared at all: then "different" means something */

static int
ts_claim_comparable(ts_claim_type_e a, ts_claim_type_e b)
{
    switch (b) {

    case TS_CLAIM_INTEGER:
        return a == TS_CLAIM_INTEGER || a == TS_CLAIM_FRACTION;

    case TS_CLAIM_TRUE:
    case TS_CLAIM_FALSE:
        return a == TS_CLAIM_TRUE || a == TS_CLAIM_FALSE;

    default:
        return a == b;
    }
}


/* Of an array, all elements do; arrays within it are no values. */

static int
ts_condition_differs(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim)
{
    ts_claim_t  one;
    ts_slice_t  elements;

    if (claim->type != TS_CLAIM_ARRAY) {
        return ts_condition_differs_one(condition, facts, claim);
    }

    elements = claim->bytes;

    while (ts_claim_element(&elements, &one)) {
        if (one.type == TS_CLAIM_ARRAY
            || !ts_condition_differs_one(condition, facts, &one))
        {
            return 0;
        }
    }

    return elements.len == 0;
}


static int
ts_condition_differs_one(const ts_condition_t *condition,
    const ts_rule_facts_t *facts, const ts_claim_t *claim)
{
    int       comparable;
    uint32_t  i;

    if (condition->from_part) {
        return facts->parts[condition->part].text.len != 0
               && (claim->type == TS_CLAIM_STRING
                   || claim->type == TS_CLAIM_INTEGER)
               && !ts_claim_is_text(claim, facts->parts[condition->part].text);
    }

    comparable = 0;

    for (i = 0; i < condition->n; i++) {

        if (ts_claim_is(claim, &condition->values[i])) {
            return 0;
        }

        comparable |= ts_claim_comparable(claim->type,
                                          condition->values[i].type);
    }

    return comparable;
}


/*
 * A fraction stands for itself: its number is the integer below, so it is more
 * than that and less than the next.
 */

static int
ts_condition_compares(const ts_condition_t *condition, int64_t now,
    const ts_claim_t *claim)
{
    int      fraction;
    int64_t  bound, age;

    if (claim->type != TS_CLAIM_INTEGER && claim->type != TS_CLAIM_FRACTION) {
        return 0;
    }

    fraction = claim->type == TS_CLAIM_FRACTION;
    bound = condition->number;

    if (condition->op == TS_RULE_MAX_AGE) {
        return !__builtin_sub_overflow(now, claim->number, &age)
               && age <= bound && age >= -TS_RULE_SKEW;
    }

    if (condition->relative && __builtin_add_overflow(now, bound, &bound)) {
        return 0;
    }

    switch (condition->op) {

    case TS_RULE_LESS:
        return claim->number < bound;

    case TS_RULE_AT_MOST:
        return claim->number < bound || (claim->number == bound && !fraction);

    case TS_RULE_MORE:
        return claim->number > bound || (claim->number == bound && fraction);

    case TS_RULE_AT_LEAST:
        return claim->number >= bound;

    default:
        return 0;
    }
}


static int
ts_claim_is(const ts_claim_t *claim, const ts_rule_value_t *value)
{
    if (claim->type != value->type) {
        return 0;
    }

    switch (claim->type) {

    case TS_CLAIM_STRING:
        return ts_slice_eq(claim->bytes, value->text);

    case TS_CLAIM_INTEGER:
        return claim->number == value->number;

    case TS_CLAIM_TRUE:
    case TS_CLAIM_FALSE:
        return 1;

    default:
        return 0;
    }
}


/* A request has text only: an integer is compared with its one spelling. */

static int
ts_claim_is_text(const ts_claim_t *claim, ts_slice_t text)
{
    uint8_t   digits[TS_RULE_DIGITS], *p;
    uint64_t  rest;

    if (text.len == 0) {
        return 0;
    }

    if (claim->type == TS_CLAIM_STRING) {
        return ts_slice_eq(claim->bytes, text);
    }

    if (claim->type != TS_CLAIM_INTEGER) {
        return 0;
    }

    rest = claim->number < 0 ? 0 - (uint64_t) claim->number
                             : (uint64_t) claim->number;
    p = digits + sizeof(digits);

    do {
        *--p = (uint8_t) ('0' + rest % 10);
        rest /= 10;
    } while (rest);

    if (claim->number < 0) {
        *--p = '-';
    }

    return ts_slice_eq(ts_slice(p, (size_t) (digits + sizeof(digits) - p)),
                       text);
}
