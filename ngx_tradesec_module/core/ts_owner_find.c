/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_owner_state.h"


static void ts_owner_apply_rule(ts_owner_walk_t *w, uint32_t i,
    const ts_owner_scalar_t *s);
static int ts_owner_is_ours(const ts_owner_walk_t *w,
    const ts_owner_scalar_t *s, ts_slice_t text);


void
ts_owner_find(ts_owner_walk_t *w, uint32_t ends, const ts_owner_scalar_t *s)
{
    uint32_t                i, t, bits, terms;
    const ts_owner_term_t  *term;

    ts_owner_each(i, bits, ends) {

        if (s->type != TS_JSON_NULL) {
            w->owned[i]++;
        }

        ts_owner_each(t, terms, w->rules->paths[i].terms) {
            term = &w->rules->terms[t];

            if (term->kind == TS_OWNER_RULE) {
                ts_owner_apply_rule(w, t, s);

            } else if (s->raw.data != NULL
                       && s->type != TS_JSON_NULL
                       && ts_pattern_match(term->pattern, s->raw))
            {
                w->matched |= 1u << t;
            }
        }
    }
}


static void
ts_owner_apply_rule(ts_owner_walk_t *w, uint32_t i, const ts_owner_scalar_t *s)
{
    ts_slice_t              text;
    const ts_owner_term_t  *term;

    term = &w->rules->terms[i];
    text = s->raw;

    if (s->type == TS_JSON_NULL) {
        return;
    }

    if (term->captures
        && (s->type != TS_JSON_STRING
            || !ts_pattern_take(&term->capture, s->raw, &text)))
    {
        return;
    }

    w->found |= 1u << i;

    if (!ts_owner_is_ours(w, s, text)) {
        w->foreign |= 1u << i;
        w->denied |= (term->when == 0);
    }
}


static int
ts_owner_is_ours(const ts_owner_walk_t *w, const ts_owner_scalar_t *s,
    ts_slice_t text)
{
    int64_t          value;
    uint8_t          types;
    ts_json_t        json;
    ts_json_token_t  token;

    types = w->rules->types ? w->rules->types
                            : TS_OWNER_STRINGS | TS_OWNER_NUMBERS;

    if (s->type == TS_JSON_STRING) {
        return (types & TS_OWNER_STRINGS) && ts_owner_set_has(w->set, text);
    }

    /* 7, 7.0 and 7e0 are one number: only the first is compared, as text */

    if (s->type != TS_JSON_NUMBER || !(types & TS_OWNER_NUMBERS)
        || text.data == NULL
        || text.len > sizeof("-9223372036854775808") - 1
        || memchr(text.data, '.', text.len) != NULL
        || memchr(text.data, 'e', text.len) != NULL
        || memchr(text.data, 'E', text.len) != NULL
        || (text.len == 2 && memcmp(text.data, "-0", 2) == 0)
        || !ts_owner_set_has(w->set, text))
    {
        return 0;
    }

    json.text = text.data;

    token.start = 0;
    token.len = (uint32_t) text.len;
    token.type = TS_JSON_NUMBER;

    return ts_json_number(&json, &token, &value) == TS_JSON_NUMBER_INTEGER;
}


ts_owner_e
ts_owner_verdict(const ts_owner_walk_t *w)
{
    int                     found, missing;
    uint32_t                i, bits, satisfied;
    const ts_owner_term_t  *term;

    if (w->matched & w->set->denied) {
        return TS_OWNER_FOREIGN;
    }

    found = 0;
    missing = 0;
    satisfied = 0;

    ts_owner_each(i, bits, w->rules->owners) {
        term = &w->rules->terms[i];

        if (term->when && !(term->when & w->matched)) {
            continue;
        }

        if (w->foreign & 1u << i) {
            return TS_OWNER_FOREIGN;
        }

        /* each element that "*" stands for has to have one */

        if (!term->captures
            && w->owned[term->path] < w->expected[term->path])
        {
            missing = 1;
        }

        if (w->found & 1u << i) {
            found = 1;
            satisfied |= term->when;
        }
    }

    /* below a condition that holds, some rule has to have found one */

    ts_owner_each(i, bits, w->matched ? w->rules->owners : 0) {
        term = &w->rules->terms[i];

        if ((term->when & w->matched) && !(term->when & satisfied)) {
            missing = 1;
        }
    }

    return missing ? TS_OWNER_MISSING
           : found ? TS_OWNER_OWN
           : (w->matched & w->rules->shown) ? TS_OWNER_PUBLIC : TS_OWNER_NONE;
}
