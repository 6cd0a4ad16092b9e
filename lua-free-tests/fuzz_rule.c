/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The input is a condition, a line end, and the claim "c" in JSON. Packed
 * into any size, the claim is the same, or one that nothing can be compared
 * with, or there is no room at all; a condition and its opposite never both
 * hold; and of a claim that is not there only "c!=*" holds.
 */

#include <assert.h>
#include <stdlib.h>

#include "core/ts_rule.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ts_rule_e
judge(const ts_condition_t *condition, ts_slice_t claims)
{
    uint32_t         part;
    ts_rule_facts_t  facts;
    ts_rule_part_t   value;

    value.known = 1;
    value.text = TS_SLICE("alice");

    facts.claims = claims;
    facts.now = 1700000000;
    facts.parts = &value;

    return ts_rule(condition, 1, &facts, &part);
}


/* Claims are packed as 99, the number of the letter, into size bytes. */

static int
pack(ts_claims_t *claims, size_t size, const ts_json_t *json)
{
    claims->data = malloc(size ? size : 1);
    assert(claims->data != NULL);
    claims->size = size;
    claims->len = 0;

    return ts_claims_add(claims, 'c', json, json->tokens);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t           room;
    uint8_t         *text;
    ts_json_t        json;
    ts_claim_t       claim;
    ts_slice_t       name, source;
    ts_claims_t      whole, less;
    const uint8_t   *end;
    ts_condition_t   condition, opposite;
    ts_rule_value_t  values[TS_RULE_VALUES];
    ts_json_token_t  tokens[128];

    end = size ? memchr(data, '\n', size) : NULL;

    if (end == NULL) {
        return 0;
    }

    text = malloc((size_t) (end - data) + 1);
    assert(text != NULL);
    memcpy(text, data, (size_t) (end - data));

    memset(&json, 0, sizeof(json));
    json.tokens = tokens;
    json.size = 128;
    json.max_depth = 8;

    if (ts_condition_read(&condition, ts_slice(text, (size_t) (end - data)),
                          &name, &source, values)
        != TS_CONDITION_OK
        || ts_json_parse(&json, ts_slice(end + 1,
                                         size - (size_t) (end - data) - 1))
           != TS_JSON_OK)
    {
        free(text);
        return 0;
    }

    assert(name.len && name.data == text);
    assert(condition.n <= TS_RULE_VALUES);
    assert(condition.from_part == (source.len != 0));

    condition.claim = 'c';
    condition.step_up = 0;
    opposite = condition;

    switch (condition.op) {
    case TS_RULE_EQUAL:
        opposite.op = TS_RULE_UNEQUAL;
        break;
    case TS_RULE_LESS:
        opposite.op = TS_RULE_AT_LEAST;
        break;
    case TS_RULE_MORE:
        opposite.op = TS_RULE_AT_MOST;
        break;
    case TS_RULE_PRESENT:
        opposite.op = TS_RULE_ABSENT;
        break;
    default:
        break;
    }

    assert(pack(&whole, 65536, &json));

    if (opposite.op != condition.op) {
        assert(judge(&condition, ts_slice(whole.data, whole.len))
               != TS_RULE_HOLDS
               || judge(&opposite, ts_slice(whole.data, whole.len))
                  != TS_RULE_HOLDS);
    }

    if (whole.len == 0) {
        assert((judge(&condition, ts_slice(whole.data, 0)) == TS_RULE_HOLDS)
               == (condition.op == TS_RULE_ABSENT));
    }

    for (room = whole.len > 64 ? whole.len - 64 : 0; room < whole.len; room++)
    {
        if (pack(&less, room, &json)) {
            assert(ts_claims_find(ts_slice(less.data, less.len), 'c',
                                  &claim));
            assert(claim.type == TS_CLAIM_OTHER);
            assert(judge(&condition, ts_slice(less.data, less.len))
                   != TS_RULE_HOLDS || condition.op == TS_RULE_PRESENT);
        }

        free(less.data);
    }

    free(whole.data);
    free(text);

    return 0;
}
