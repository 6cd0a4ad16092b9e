/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Conditions as an operator writes them.
 */

#include "core/ts_rule.h"


static int ts_condition_operator(ts_slice_t text, size_t *at, size_t *len,
    ts_rule_op_e *op);
static int ts_condition_is_source(ts_slice_t text);
static ts_condition_e ts_condition_set(ts_condition_t *condition,
    ts_slice_t text, ts_rule_value_t *values);
static ts_condition_e ts_condition_value(ts_rule_value_t *value,
    ts_slice_t text);
static ts_condition_e ts_condition_bound(ts_condition_t *condition,
    ts_slice_t text);
static int ts_condition_is_numeric(ts_slice_t text);
static int ts_condition_integer(ts_slice_t text, int64_t *number);
static int ts_condition_seconds(ts_slice_t text, int64_t *seconds);


ts_condition_e
ts_condition_read(ts_condition_t *condition, ts_slice_t text,
    ts_slice_t *claim, ts_slice_t *source, ts_rule_value_t *values)
{
    size_t      at, len;
    ts_slice_t  right;

    memset(condition, 0, sizeof(ts_condition_t));
    *source = ts_slice(text.data, 0);

    if (!ts_condition_operator(text, &at, &len, &condition->op) || at == 0) {
        return TS_CONDITION_OPERATOR;
    }

    *claim = ts_slice(text.data, at);
    right = ts_slice(text.data + at + len, text.len - at - len);

    if (right.len == 0) {
        return TS_CONDITION_VALUE;
    }

    if (condition->op != TS_RULE_EQUAL && condition->op != TS_RULE_UNEQUAL) {
        return ts_condition_bound(condition, right);
    }

    if (ts_slice_eq(right, TS_SLICE("*"))) {
        condition->op = condition->op == TS_RULE_EQUAL ? TS_RULE_PRESENT
                                                       : TS_RULE_ABSENT;
        return TS_CONDITION_OK;
    }

    if (ts_condition_is_source(right)) {
        condition->from_part = 1;
        *source = right;
        return TS_CONDITION_OK;
    }

    return ts_condition_set(condition, right, values);
}


const char *
ts_condition_text(ts_condition_e result)
{
    switch (result) {
    case TS_CONDITION_OK:
        return "is fine";
    case TS_CONDITION_OPERATOR:
        return "is no condition such as role=admin";
    case TS_CONDITION_VALUE:
        return "lacks a value; the empty text is written \"\"";
    case TS_CONDITION_QUOTES:
        return "has quotes that do not enclose a whole value";
    case TS_CONDITION_NUMBER:
        return "has a number that is no integer; a text is written in quotes";
    case TS_CONDITION_NULL:
        return "asks for null, which is no value; write claim!=* for one that "
               "is not there";
    case TS_CONDITION_COMPARE:
        return "compares with something else than an integer or a time such "
               "as now-30d";
    case TS_CONDITION_SET:
        return "has \"*\" or a part of the request among other values";
    case TS_CONDITION_MANY:
    default:
        return "has too many values";
    }
}


static int
ts_condition_operator(ts_slice_t text, size_t *at, size_t *len,
    ts_rule_op_e *op)
{
    size_t   i;
    uint8_t  c;
    int      equals;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];
        equals = i + 1 < text.len && text.data[i + 1] == '=';

        *at = i;
        *len = equals && c != '=' ? 2 : 1;

        switch (c) {

        case '=':
            *op = TS_RULE_EQUAL;
            return 1;

        case '!':

            if (!equals) {
                continue;
            }

            *op = TS_RULE_UNEQUAL;
            return 1;

        case '<':
            *op = equals ? TS_RULE_AT_MOST : TS_RULE_LESS;
            return 1;

        case '>':
            *op = equals ? TS_RULE_AT_LEAST : TS_RULE_MORE;
            return 1;
        }
    }

    return 0;
}


static int
ts_condition_is_source(ts_slice_t text)
{
    size_t  i;

    static const ts_slice_t  prefixes[] = {
        { (const uint8_t *) "$", 1 },
        { (const uint8_t *) "query:", 6 },
        { (const uint8_t *) "form:", 5 },
        { (const uint8_t *) "json:", 5 },
        { (const uint8_t *) "header:", 7 },
    };

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (text.len >= prefixes[i].len
            && memcmp(text.data, prefixes[i].data, prefixes[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ts_condition_e
ts_condition_set(ts_condition_t *condition, ts_slice_t text,
    ts_rule_value_t *values)
{
    int             quoted;
    size_t          i, start;
    ts_slice_t      item;
    ts_condition_e  rc;

    condition->values = values;
    quoted = 0;

    for (start = 0, i = 0; i <= text.len; i++) {

        if (i < text.len) {

            if (text.data[i] == '"') {
                quoted = !quoted;
            }

            if (quoted || text.data[i] != '|') {
                continue;
            }
        }

        if (condition->n == TS_RULE_VALUES) {
            return TS_CONDITION_MANY;
        }

        item = ts_slice(text.data + start, i - start);
        rc = ts_condition_value(&values[condition->n], item);

        if (rc != TS_CONDITION_OK) {
            return rc;
        }

        condition->n++;
        start = i + 1;
    }

    return quoted ? TS_CONDITION_QUOTES : TS_CONDITION_OK;
}


static ts_condition_e
ts_condition_value(ts_rule_value_t *value, ts_slice_t text)
{
    memset(value, 0, sizeof(ts_rule_value_t));

    if (text.len == 0) {
        return TS_CONDITION_VALUE;
    }

    if (memchr(text.data, '"', text.len) != NULL) {

        if (text.len < 2 || text.data[0] != '"'
            || memchr(text.data + 1, '"', text.len - 1)
               != text.data + text.len - 1)
        {
            return TS_CONDITION_QUOTES;
        }

        value->type = TS_CLAIM_STRING;
        value->text = ts_slice(text.data + 1, text.len - 2);

        return TS_CONDITION_OK;
    }

    if (ts_slice_eq(text, TS_SLICE("*")) || ts_condition_is_source(text)) {
        return TS_CONDITION_SET;
    }

    if (ts_slice_eq(text, TS_SLICE("null"))) {
        return TS_CONDITION_NULL;
    }

    if (ts_slice_eq(text, TS_SLICE("true"))) {
        value->type = TS_CLAIM_TRUE;
        return TS_CONDITION_OK;
    }

    if (ts_slice_eq(text, TS_SLICE("false"))) {
        value->type = TS_CLAIM_FALSE;
        return TS_CONDITION_OK;
    }

    if (ts_condition_integer(text, &value->number)) {
        value->type = TS_CLAIM_INTEGER;
        return TS_CONDITION_OK;
    }

    /* "1.5", "007" and "1e3" may be meant as numbers, and would be texts */

    if (ts_condition_is_numeric(text)) {
        return TS_CONDITION_NUMBER;
    }

    value->type = TS_CLAIM_STRING;
    value->text = text;

    return TS_CONDITION_OK;
}


static int
ts_condition_is_numeric(ts_slice_t text)
{
    int      digit;
    size_t   i;

    static const uint8_t  other[] = { '+', '-', '.', 'e', 'E' };

    for (digit = 0, i = 0; i < text.len; i++) {

        if (text.data[i] >= '0' && text.data[i] <= '9') {
            digit = 1;

        } else if (memchr(other, text.data[i], sizeof(other)) == NULL) {
            return 0;
        }
    }

    return digit;
}


/* "2", "now", "now-30d", "now+5m" */

static ts_condition_e
ts_condition_bound(ts_condition_t *condition, ts_slice_t text)
{
    ts_slice_t  rest;

    if (ts_condition_integer(text, &condition->number)) {
        return TS_CONDITION_OK;
    }

    if (text.len < 3 || memcmp(text.data, "now", 3) != 0) {
        return TS_CONDITION_COMPARE;
    }

    condition->relative = 1;
    rest = ts_slice(text.data + 3, text.len - 3);

    if (rest.len == 0) {
        return TS_CONDITION_OK;
    }

    if ((rest.data[0] != '-' && rest.data[0] != '+')
        || !ts_condition_seconds(ts_slice(rest.data + 1, rest.len - 1),
                                 &condition->number))
    {
        return TS_CONDITION_COMPARE;
    }

    if (rest.data[0] == '-') {
        condition->number = -condition->number;
    }

    return TS_CONDITION_OK;
}


/* The one spelling of each: no sign but "-", no leading zeros. */

static int
ts_condition_integer(ts_slice_t text, int64_t *number)
{
    int     negative;
    size_t  i;

    negative = text.len > 1 && text.data[0] == '-';
    i = (size_t) negative;

    if (i == text.len
        || (text.data[i] == '0' && (negative || text.len > 1)))
    {
        return 0;
    }

    for (*number = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9'
            || __builtin_mul_overflow(*number, 10, number)
            || __builtin_sub_overflow(*number, text.data[i] - '0', number))
        {
            return 0;
        }
    }

    return negative || !__builtin_sub_overflow((int64_t) 0, *number, number);
}


static int
ts_condition_seconds(ts_slice_t text, int64_t *seconds)
{
    size_t   i;
    int64_t  unit;

    if (text.len < 2) {
        return 0;
    }

    static const struct {
        uint8_t  letter;
        int32_t  seconds;
    } units[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
        { 'w', 604800 }, { 'y', 31536000 },
    };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].letter == text.data[text.len - 1]) {
            break;
        }
    }

    if (i == sizeof(units) / sizeof(units[0])) {
        return 0;
    }

    unit = units[i].seconds;

    return ts_condition_integer(ts_slice(text.data, text.len - 1), seconds)
           && *seconds >= 0
           && !__builtin_mul_overflow(*seconds, unit, seconds);
}
