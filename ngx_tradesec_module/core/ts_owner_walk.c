/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The walk over a text: once from front to end, with the pointers of the rules
 * followed on the way.
 */

#include "core/ts_owner_state.h"


static ts_owner_e ts_owner_batch(ts_owner_walk_t *w, const uint8_t **p);
static ts_owner_e ts_owner_message(ts_owner_walk_t *w, const uint8_t **at);
static int ts_owner_member(ts_owner_walk_t *w, ts_owner_level_t *level,
    ts_owner_scalar_t *name);
static int ts_owner_scalar(ts_owner_walk_t *w, ts_owner_scalar_t *s);
static int ts_owner_decode(ts_owner_scalar_t *s, uint8_t *buf);


ts_owner_e
ts_owner_walk(const ts_owner_rules_t *rules, const ts_owner_set_t *set,
    ts_slice_t text)
{
    ts_owner_e       verdict, worst;
    const uint8_t   *p, *behind;
    ts_owner_walk_t  w;

    ts_owner_start(&w, rules, set, text);

    worst = TS_OWNER_OWN;

    p = ts_owner_space(text.data, w.end);

    if (p == w.end) {
        return TS_OWNER_NONE;
    }

    for ( ;; ) {
        verdict = (*p == '[' && !rules->whole_arrays)
                  ? ts_owner_batch(&w, &p) : ts_owner_message(&w, &p);

        if (verdict > worst) {
            worst = verdict;
        }

        if (worst >= TS_OWNER_FOREIGN) {
            return worst;
        }

        behind = p;
        p = ts_owner_space(p, w.end);

        if (p == w.end) {
            return worst;
        }

        if (p == behind
            || memchr(behind, '\n', (size_t) (p - behind)) == NULL)
        {
            return TS_OWNER_MALFORMED;
        }
    }
}


/* At the bracket. */

static ts_owner_e
ts_owner_batch(ts_owner_walk_t *w, const uint8_t **p)
{
    ts_owner_e  verdict, worst;

    *p = ts_owner_space(*p + 1, w->end);

    if (*p < w->end && **p == ']') {
        (*p)++;
        return TS_OWNER_NONE;
    }

    worst = TS_OWNER_OWN;

    for ( ;; ) {
        verdict = ts_owner_message(w, p);

        if (verdict > worst) {
            worst = verdict;
        }

        if (worst >= TS_OWNER_FOREIGN) {
            return worst;
        }

        *p = ts_owner_space(*p, w->end);

        if (*p == w->end || (**p != ',' && **p != ']')) {
            return TS_OWNER_MALFORMED;
        }

        if (*(*p)++ == ']') {
            return worst;
        }

        *p = ts_owner_space(*p, w->end);
    }
}


/* In an object the name of the next member, which chooses the paths. */

static inline const uint8_t *
ts_owner_name(ts_owner_walk_t *w, ts_owner_level_t *level, const uint8_t *p)
{
    ts_owner_scalar_t  s;

    if (p == w->end || *p != '"') {
        return NULL;
    }

    p = ts_owner_string(p, w->end, &s);

    w->lead = 0;

    if (p == NULL || (level->active && !ts_owner_member(w, level, &s))) {
        return NULL;
    }

    p = ts_owner_space(p, w->end);

    if (p == w->end || *p != ':') {
        return NULL;
    }

    return ts_owner_space(p + 1, w->end);
}


/* To the next value of the innermost container. */

static inline const uint8_t *
ts_owner_next(ts_owner_walk_t *w, ts_owner_level_t *level, const uint8_t *p)
{
    p = ts_owner_space(p, w->end);

    if (level->close == '}') {
        return ts_owner_name(w, level, p);
    }

    ts_owner_next_element(w, level);

    return p;
}


/* At a bracket: to the first value inside, or behind an empty container. */

static const uint8_t *
ts_owner_open(ts_owner_walk_t *w, const uint8_t *p)
{
    uint8_t            close;
    uint32_t           ends;
    ts_owner_scalar_t  none;
    ts_owner_level_t  *level;

    ends = (w->lead && w->depth) ? w->lead & w->rules->at[w->depth - 1].end
                                 : 0;

    if (ends) {
        none.type = TS_JSON_OBJECT;
        none.escaped = 0;
        none.raw = ts_slice(NULL, 0);
        ts_owner_find(w, ends, &none);
    }

    if (w->depth == w->max_depth) {
        return NULL;
    }

    close = (*p == '{') ? '}' : ']';
    p = ts_owner_space(p + 1, w->end);

    if (p < w->end && *p == close) {
        return p + 1;
    }

    level = &w->levels[w->depth++];

    level->active = w->lead & ~ends;
    level->seen = 0;
    level->element = 0;
    level->close = close;

    w->opened = 1;

    return ts_owner_next(w, level, p);
}


/* Behind a value: to the next one, or behind the message. */

static inline const uint8_t *
ts_owner_after(ts_owner_walk_t *w, const uint8_t *p)
{
    ts_owner_level_t  *level;

    while (w->depth) {
        p = ts_owner_space(p, w->end);

        if (p == w->end) {
            return NULL;
        }

        level = &w->levels[w->depth - 1];

        if (*p == ',') {
            return ts_owner_next(w, level, p + 1);
        }

        if (*p != level->close) {
            return NULL;
        }

        p++;
        w->depth--;
    }

    return p;
}


static inline const uint8_t *
ts_owner_value(ts_owner_walk_t *w, const uint8_t *p)
{
    ts_owner_scalar_t  s;

    w->opened = 0;

    if (*p == '{' || *p == '[') {
        return ts_owner_open(w, p);
    }

    if (*p == '"') {
        p = ts_owner_string(p, w->end, &s);

    } else if (*p == 't' || *p == 'f' || *p == 'n') {
        p = ts_owner_literal(p, w->end, &s);

    } else {
        p = ts_owner_number(p, w->end, &s);
    }

    return (p != NULL && (!w->lead || ts_owner_scalar(w, &s))) ? p : NULL;
}


/* A value, with everything inside. */

static ts_owner_e
ts_owner_message(ts_owner_walk_t *w, const uint8_t **at)
{
    const uint8_t  *p;

    ts_owner_begin(w);

    p = *at;

    do {
        if (p == w->end) {
            return TS_OWNER_MALFORMED;
        }

        p = ts_owner_value(w, p);

        if (w->denied) {
            return TS_OWNER_FOREIGN;
        }

        if (p != NULL && !w->opened) {
            p = ts_owner_after(w, p);
        }

        if (p == NULL) {
            return TS_OWNER_MALFORMED;
        }

    } while (w->depth);

    *at = p;

    return ts_owner_verdict(w);
}


/* Below active paths a name is looked at. 0: it cannot be told what it says. */

static int
ts_owner_member(ts_owner_walk_t *w, ts_owner_level_t *level,
    ts_owner_scalar_t *name)
{
    uint8_t  buf[TS_OWNER_TEXT];

    if (name->escaped && !ts_owner_decode(name, buf)) {
        return 0;
    }

    return ts_owner_follow(w, level, name->raw);
}


int
ts_owner_follow(ts_owner_walk_t *w, ts_owner_level_t *level, ts_slice_t name)
{
    uint32_t    i, bits, any, depth;
    ts_slice_t  wanted;

    depth = w->depth - 1;
    any = level->active & w->rules->at[depth].any;

    ts_owner_each(i, bits, any) {
        w->expected[i]++;
    }

    w->lead = any;

    ts_owner_each(i, bits, level->active & ~any) {
        wanted = w->rules->paths[i].pointer.names[depth];

        if (wanted.len != name.len
            || (name.len && (wanted.data[0] != name.data[0]
                             || memcmp(wanted.data, name.data, name.len)
                                != 0)))
        {
            continue;
        }

        if (level->seen & 1u << i) {
            return 0;
        }

        level->seen |= 1u << i;
        w->lead |= 1u << i;
    }

    return 1;
}


void
ts_owner_next_element(ts_owner_walk_t *w, ts_owner_level_t *level)
{
    uint32_t  i, bits, any, depth;

    w->lead = 0;

    if (level->active == 0) {
        return;
    }

    depth = w->depth - 1;
    any = level->active & w->rules->at[depth].any;

    ts_owner_each(i, bits, any) {
        w->expected[i]++;
    }

    w->lead = any;

    ts_owner_each(i, bits, level->active & ~any) {
        if (w->rules->paths[i].elements[depth] == level->element) {
            w->lead |= 1u << i;
        }
    }

    /* no number of a pointer has more than nine digits */

    if (level->element < INT32_MAX) {
        level->element++;
    }
}


/* 0: it cannot be told what it says. */

static int
ts_owner_scalar(ts_owner_walk_t *w, ts_owner_scalar_t *s)
{
    uint8_t   buf[TS_OWNER_TEXT];
    uint32_t  ends;

    if (w->depth == 0) {
        return 1;
    }

    ends = w->lead & w->rules->at[w->depth - 1].end;

    if (ends == 0) {
        return 1;
    }

    if (s->escaped && !ts_owner_decode(s, buf)) {
        return 0;
    }

    ts_owner_find(w, ends, s);

    return 1;
}


static int
ts_owner_decode(ts_owner_scalar_t *s, uint8_t *buf)
{
    ts_json_t        json;
    ts_json_token_t  token;

    if (s->raw.len > UINT32_MAX) {
        return 0;
    }

    json.text = s->raw.data;

    token.start = 0;
    token.len = (uint32_t) s->raw.len;
    token.type = TS_JSON_STRING;
    token.escaped = 1;

    s->raw = ts_json_string(&json, &token, buf, TS_OWNER_TEXT);

    return s->raw.data != NULL;
}
