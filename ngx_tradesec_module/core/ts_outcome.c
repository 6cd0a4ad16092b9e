/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_outcome.h"
#include "core/ts_param.h"


static int ts_outcome_value(const ts_json_t *json,
    const ts_json_token_t *token, ts_slice_t value);
static ts_outcome_e ts_outcome_of_body(const ts_outcome_t *outcome,
    uint32_t status);
static int ts_outcome_succeeded(const ts_outcome_t *outcome, uint32_t status);
static int ts_outcome_status(ts_slice_t text, uint16_t *from, uint16_t *to);
static int ts_outcome_number(ts_slice_t text, uint16_t *number);
static int ts_outcome_cookie(ts_slice_t line, ts_slice_t name, int *set);
static int ts_outcome_deletes(ts_slice_t attribute);
static ts_slice_t ts_outcome_cut(ts_slice_t *rest, uint8_t separator);


int
ts_outcome_statuses(ts_outcome_statuses_t *statuses, ts_outcome_e means,
    ts_slice_t text)
{
    uint8_t     bit;
    uint16_t    from, to;
    ts_slice_t  item;

    bit = (uint8_t) (1 << means);

    if (text.len == 0 || text.data[text.len - 1] == ',') {
        return 0;
    }

    while (text.len) {
        item = ts_outcome_cut(&text, ',');

        if (!ts_outcome_status(item, &from, &to)) {
            return 0;
        }

        for ( /* void */ ; from <= to; from++) {
            statuses->means[from - TS_OUTCOME_STATUS] |= bit;
        }

        statuses->any |= bit;
    }

    return 1;
}


int
ts_outcome_has_success(const ts_outcome_criteria_t *criteria)
{
    uint32_t  i;

    for (i = 0; i < criteria->nbodies; i++) {
        if (criteria->bodies[i].means == TS_OUTCOME_SUCCESS) {
            return 1;
        }
    }

    return criteria->statuses.any >> TS_OUTCOME_SUCCESS & 1
           || criteria->nfields;
}


void
ts_outcome_line(ts_outcome_t *outcome, ts_outcome_line_t line)
{
    int                        set;
    uint32_t                   i;
    const ts_outcome_field_t  *f;

    for (i = 0; i < outcome->criteria->nfields; i++) {
        f = &outcome->criteria->fields[i];

        if (f->cookie) {

            if (ts_slice_eq_nocase(line.name, TS_SLICE("set-cookie"))
                && ts_outcome_cookie(line.value, f->name, &set))
            {
                outcome->met &= ~((uint32_t) 1 << i);
                outcome->met |= (uint32_t) set << i;
            }

        } else if (ts_slice_eq_nocase(line.name, f->name)
                   && (f->value.data == NULL
                       || ts_slice_eq(ts_param_trim(line.value), f->value)))
        {
            outcome->met |= (uint32_t) 1 << i;
        }
    }
}


int
ts_outcome_json(ts_outcome_t *outcome, ts_slice_t body,
    ts_json_token_t tokens[TS_OUTCOME_JSON_TOKENS])
{
    uint32_t                  i;
    ts_json_t                 json;
    const ts_json_token_t    *token;
    const ts_outcome_body_t  *b;

    if (body.len == 0) {
        return 1;
    }

    json.tokens = tokens;
    json.size = TS_OUTCOME_JSON_TOKENS;
    json.max_depth = TS_OUTCOME_JSON_DEPTH;

    if (ts_json_parse(&json, body) != TS_JSON_OK) {
        return 0;
    }

    for (i = 0; i < outcome->criteria->nbodies; i++) {
        b = &outcome->criteria->bodies[i];

        if (!b->json) {
            continue;
        }

        token = ts_json_get(&json, json.tokens, &b->pointer);

        if (token != NULL && ts_outcome_value(&json, token, b->value)) {
            outcome->shown |= (uint32_t) 1 << i;
        }
    }

    return 1;
}


static int
ts_outcome_value(const ts_json_t *json, const ts_json_token_t *token,
    ts_slice_t value)
{
    if (value.data == NULL) {
        return token->type != TS_JSON_NULL && token->type != TS_JSON_FALSE;
    }

    switch (token->type) {

    case TS_JSON_STRING:
        return ts_json_string_eq(json, token, value);

    case TS_JSON_ARRAY:
    case TS_JSON_OBJECT:
        return 0;

    default:
        return ts_slice_eq(ts_json_raw(json, token), value);
    }
}


ts_outcome_e
ts_outcome(const ts_outcome_t *outcome, uint32_t status)
{
    const ts_outcome_criteria_t  *c;

    c = outcome->criteria;

    if (ts_outcome_is_by_status(c)) {
        return ts_outcome_by_status(c, status);
    }

    if (ts_outcome_has_status(&c->statuses, TS_OUTCOME_FAILURE, status)) {
        return TS_OUTCOME_FAILURE;
    }

    if (c->nbodies) {
        return ts_outcome_of_body(outcome, status);
    }

    if (ts_outcome_has_status(&c->statuses, TS_OUTCOME_NEUTRAL, status)) {
        return TS_OUTCOME_NEUTRAL;
    }

    return ts_outcome_succeeded(outcome, status)
           ? TS_OUTCOME_SUCCESS : TS_OUTCOME_FAILURE;
}


static ts_outcome_e
ts_outcome_of_body(const ts_outcome_t *outcome, uint32_t status)
{
    int                           neutral, success;
    uint32_t                      i, shown;
    const ts_outcome_criteria_t  *c;

    if (!outcome->seen) {
        return TS_OUTCOME_FAILURE;
    }

    c = outcome->criteria;
    neutral = ts_outcome_has_status(&c->statuses, TS_OUTCOME_NEUTRAL, status);
    success = ts_outcome_succeeded(outcome, status);

    for (i = 0; i < c->nbodies; i++) {
        shown = outcome->shown >> i & 1;

        switch (c->bodies[i].means) {

        case TS_OUTCOME_SUCCESS:
            success &= shown;
            break;

        case TS_OUTCOME_NEUTRAL:
            neutral |= shown;
            break;

        default:
            if (shown) {
                return TS_OUTCOME_FAILURE;
            }
        }
    }

    return neutral ? TS_OUTCOME_NEUTRAL
           : success ? TS_OUTCOME_SUCCESS : TS_OUTCOME_FAILURE;
}


int
ts_outcome_text(ts_slice_t body, const ts_json_pointer_t *pointer,
    ts_json_token_t tokens[TS_OUTCOME_JSON_TOKENS], uint8_t *buf,
    ts_slice_t *value)
{
    int64_t                 number;
    ts_json_t               json;
    const ts_json_token_t  *token;

    json.tokens = tokens;
    json.size = TS_OUTCOME_JSON_TOKENS;
    json.max_depth = TS_OUTCOME_JSON_DEPTH;

    if (ts_json_parse(&json, body) != TS_JSON_OK) {
        return 0;
    }

    token = ts_json_get(&json, json.tokens, pointer);

    if (token == NULL) {
        return 0;
    }

    if (token->type == TS_JSON_STRING) {
        *value = ts_json_string(&json, token, buf, body.len);
        return value->len != 0;
    }

    *value = ts_json_raw(&json, token);

    /* 7.0 and 7e0 are integers too, but not as who reads them writes them */

    return ts_json_number(&json, token, &number) == TS_JSON_NUMBER_INTEGER
           && memchr(value->data, '.', value->len) == NULL
           && memchr(value->data, 'e', value->len) == NULL
           && memchr(value->data, 'E', value->len) == NULL;
}


/* By status and fields; there has to be some criterion. */

static int
ts_outcome_succeeded(const ts_outcome_t *outcome, uint32_t status)
{
    const ts_outcome_criteria_t  *c;

    c = outcome->criteria;

    if (!ts_outcome_has_success(c)) {
        return 0;
    }

    if (c->statuses.any >> TS_OUTCOME_SUCCESS & 1
        && !ts_outcome_has_status(&c->statuses, TS_OUTCOME_SUCCESS, status))
    {
        return 0;
    }

    return outcome->met == ((uint32_t) 1 << c->nfields) - 1;
}


static int
ts_outcome_status(ts_slice_t text, uint16_t *from, uint16_t *to)
{
    if (text.len == 3 && text.data[1] == 'x' && text.data[2] == 'x') {
        *from = (uint16_t) ((text.data[0] - '0') * 100);
        *to = *from + 99;

        return text.data[0] >= '1' && text.data[0] <= '5';
    }

    if (text.len == 7 && text.data[3] == '-') {
        return ts_outcome_number(ts_slice(text.data, 3), from)
               && ts_outcome_number(ts_slice(text.data + 4, 3), to)
               && *from <= *to;
    }

    return ts_outcome_number(text, from) && ts_outcome_number(text, to);
}


static int
ts_outcome_number(ts_slice_t text, uint16_t *number)
{
    size_t  i;

    if (text.len != 3) {
        return 0;
    }

    for (i = 0, *number = 0; i < 3; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        *number = (uint16_t) (*number * 10 + (text.data[i] - '0'));
    }

    return *number >= 100 && *number <= 599;
}


/*
 * Whether the line is about the cookie; then, whether it sets it: to a value
 * that is not empty, and not with an end in the past (RFC 6265, section 4.1).
 */

static int
ts_outcome_cookie(ts_slice_t line, ts_slice_t name, int *set)
{
    ts_slice_t  pair, cookie;

    pair = ts_outcome_cut(&line, ';');
    cookie = ts_param_trim(ts_outcome_cut(&pair, '='));

    if (!ts_slice_eq(cookie, name)) {
        return 0;
    }

    pair = ts_param_trim(pair);
    *set = pair.len != 0 && !ts_slice_eq(pair, TS_SLICE("\"\""));

    while (line.len) {
        if (ts_outcome_deletes(ts_outcome_cut(&line, ';'))) {
            *set = 0;
        }
    }

    return 1;
}


/* "Max-Age" of zero or less, "Expires" in 1970, as frameworks write it. */

static int
ts_outcome_deletes(ts_slice_t attribute)
{
    size_t      i;
    ts_slice_t  name;

    name = ts_param_trim(ts_outcome_cut(&attribute, '='));
    attribute = ts_param_trim(attribute);

    if (ts_slice_eq_nocase(name, TS_SLICE("max-age"))) {

        for (i = 0; i < attribute.len && attribute.data[i] == '0'; i++) {
            /* void */
        }

        return attribute.len
               && (i == attribute.len || attribute.data[0] == '-');
    }

    if (ts_slice_eq_nocase(name, TS_SLICE("expires"))) {
        for (i = 0; i + 4 <= attribute.len; i++) {
            if (memcmp(attribute.data + i, "1970", 4) == 0) {
                return 1;
            }
        }
    }

    return 0;
}


/* Returns what stands before the separator, and takes both off rest. */

static ts_slice_t
ts_outcome_cut(ts_slice_t *rest, uint8_t separator)
{
    ts_slice_t      item;
    const uint8_t  *p;

    p = rest->len ? memchr(rest->data, separator, rest->len) : NULL;

    if (p == NULL) {
        item = *rest;
        *rest = ts_slice(rest->data + rest->len, 0);
        return item;
    }

    item = ts_slice(rest->data, (size_t) (p - rest->data));
    *rest = ts_slice(p + 1, rest->len - item.len - 1);

    return item;
}
