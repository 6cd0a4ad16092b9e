/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/ts_owner.h"


static const char *ts_owner_path(ts_owner_rules_t *rules, ts_slice_t text,
    uint8_t *buf, uint8_t *found);
static const char *ts_owner_compile(ts_owner_path_t *path, ts_slice_t text,
    uint8_t *buf);
static int ts_owner_same_path(const ts_owner_path_t *a,
    const ts_owner_path_t *b);
static int32_t ts_owner_element(ts_slice_t name);
static int ts_owner_may_apply(const ts_owner_rules_t *rules, ts_slice_t text);
static int ts_owner_occurs(ts_slice_t key, ts_slice_t text);


const char *
ts_owner_add(ts_owner_rules_t *rules, ts_owner_kind_e kind, ts_slice_t text,
    uint8_t *buf)
{
    const char       *mistake;
    ts_slice_t        pointer;
    const uint8_t    *colon;
    ts_owner_term_t  *term;

    if (rules->n_terms == TS_OWNER_TERMS) {
        return "is one too many, 32 fit";
    }

    term = &rules->terms[rules->n_terms];
    memset(term, 0, sizeof(ts_owner_term_t));

    colon = text.len ? memchr(text.data, ':', text.len) : NULL;
    pointer = text;

    if (colon != NULL) {
        pointer.len = (size_t) (colon - text.data);
        term->pattern = ts_slice(colon + 1, text.len - pointer.len - 1);
    }

    if (kind != TS_OWNER_RULE && term->pattern.len == 0) {
        return "has no pattern behind the pointer, such as \":ticks.*\"";
    }

    if (kind == TS_OWNER_RULE && colon != NULL) {

        if (!ts_pattern_capture(&term->capture, term->pattern)) {
            return "needs exactly one \"(*)\" in its pattern, for the owner";
        }

        term->captures = 1;
    }

    mistake = ts_owner_path(rules, pointer, buf, &term->path);
    if (mistake != NULL) {
        return mistake;
    }

    term->kind = (uint8_t) kind;

    if (kind == TS_OWNER_WHEN) {
        rules->when = (rules->when_open ? rules->when : 0)
                      | 1u << rules->n_terms;
    }

    if (kind == TS_OWNER_RULE) {
        term->when = rules->when;
        rules->owners |= 1u << rules->n_terms;
    }

    if (kind == TS_OWNER_SHOWN) {
        rules->shown |= 1u << rules->n_terms;
    }

    rules->when_open = (kind == TS_OWNER_WHEN);
    rules->paths[term->path].terms |= 1u << rules->n_terms++;

    return NULL;
}


uint32_t
ts_owner_conditions(ts_owner_rules_t *rules)
{
    rules->when_open = 0;

    return rules->when;
}


/* Finds the path of that pointer, or adds it. */

static const char *
ts_owner_path(ts_owner_rules_t *rules, ts_slice_t text, uint8_t *buf,
    uint8_t *found)
{
    uint32_t          i, bit;
    const char       *mistake;
    ts_owner_path_t  *path, new_path;

    mistake = ts_owner_compile(&new_path, text, buf);
    if (mistake != NULL) {
        return mistake;
    }

    for (i = 0; i < rules->n_paths; i++) {
        if (ts_owner_same_path(&rules->paths[i], &new_path)) {
            *found = (uint8_t) i;
            return NULL;
        }
    }

    if (rules->n_paths == TS_OWNER_PATHS) {
        return "is one pointer too many, 16 fit";
    }

    *found = (uint8_t) rules->n_paths;

    bit = 1u << rules->n_paths;
    path = &rules->paths[rules->n_paths++];
    *path = new_path;

    rules->at[path->pointer.n - 1].end |= bit;
    rules->no_key |= (path->key.len == 0);
    rules->whole_arrays |= (path->elements[0] != TS_OWNER_NAME);

    for (i = 0; i < path->pointer.n; i++) {
        rules->at[i].lengths |= ts_owner_length_bit(path->pointer.names[i]);

        if (path->elements[i] == TS_OWNER_ANY) {
            rules->at[i].any |= bit;
        }
    }

    return NULL;
}


static const char *
ts_owner_compile(ts_owner_path_t *path, ts_slice_t text, uint8_t *buf)
{
    uint32_t    i, any;
    ts_slice_t  name;

    memset(path, 0, sizeof(ts_owner_path_t));

    if (text.len == 0
        || ts_json_pointer(&path->pointer, text, buf) != 0)
    {
        return "is no JSON pointer of at most 8 names, such as \"/user_id\"";
    }

    any = 0;

    for (i = 0; i < path->pointer.n; i++) {
        name = path->pointer.names[i];
        path->elements[i] = ts_owner_element(name);

        if (path->elements[i] == TS_OWNER_ANY) {
            any++;

        } else if (path->elements[i] == TS_OWNER_NAME
                   && name.len > path->key.len)
        {
            path->key = name;
        }
    }

    return (any > 1) ? "has more than one \"*\" in its pointer" : NULL;
}


static int
ts_owner_same_path(const ts_owner_path_t *a, const ts_owner_path_t *b)
{
    uint32_t  i;

    if (a->pointer.n != b->pointer.n) {
        return 0;
    }

    for (i = 0; i < a->pointer.n; i++) {
        if (!ts_slice_eq(a->pointer.names[i], b->pointer.names[i])) {
            return 0;
        }
    }

    return 1;
}


/* RFC 6901 section 4: an index is digits without a leading zero. */

static int32_t
ts_owner_element(ts_slice_t name)
{
    size_t   i;
    int32_t  index;

    if (name.len == 1 && name.data[0] == '*') {
        return TS_OWNER_ANY;
    }

    if (name.len == 0 || name.len > 9
        || (name.len > 1 && name.data[0] == '0'))
    {
        return TS_OWNER_NAME;
    }

    index = 0;

    for (i = 0; i < name.len; i++) {

        if (name.data[i] < '0' || name.data[i] > '9') {
            return TS_OWNER_NAME;
        }

        index = index * 10 + (name.data[i] - '0');
    }

    return index;
}


static int
ts_owner_compare(ts_slice_t a, ts_slice_t b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }

    return a.len ? memcmp(a.data, b.data, a.len) : 0;
}


void
ts_owner_set_sort(ts_owner_set_t *set)
{
    uint32_t    i, n;
    ts_slice_t  value;

    for (n = 1; n < set->n; n++) {
        value = set->values[n];

        for (i = n; i > 0; i--) {

            if (ts_owner_compare(set->values[i - 1], value) <= 0) {
                break;
            }

            set->values[i] = set->values[i - 1];
        }

        set->values[i] = value;
    }
}


int
ts_owner_set_has(const ts_owner_set_t *set, ts_slice_t value)
{
    int       rc;
    uint32_t  low, high, middle;

    if (set->n == 1) {
        return ts_slice_eq(set->values[0], value);
    }

    low = 0;
    high = set->n;

    while (low < high) {
        middle = low + (high - low) / 2;
        rc = ts_owner_compare(set->values[middle], value);

        if (rc == 0) {
            return 1;
        }

        if (rc < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return 0;
}


ts_owner_e
ts_owner_judge(const ts_owner_rules_t *rules, const ts_owner_set_t *set,
    ts_slice_t text)
{
    int  verdict;

    if (!ts_owner_may_apply(rules, text)) {
        return TS_OWNER_NONE;
    }

    verdict = ts_owner_quick(rules, set, text);

    return (verdict != TS_OWNER_DOUBT) ? (ts_owner_e) verdict
                                       : ts_owner_walk(rules, set, text);
}


/* Whether anything in the text could be a name of a rule. */

static int
ts_owner_may_apply(const ts_owner_rules_t *rules, ts_slice_t text)
{
    uint32_t  i;

    if (text.len == 0) {
        return 0;
    }

    if (rules->no_key || rules->strict) {
        return 1;
    }

    if (rules->n_paths == 0) {
        return 0;
    }

    for (i = 0; i < rules->n_paths; i++) {
        if (ts_owner_occurs(rules->paths[i].key, text)) {
            return 1;
        }
    }

    return memchr(text.data, '\\', text.len) != NULL;
}


#ifdef __SSE2__

/*
 * Sixteen places at a time where the key's first byte and its last one stand.
 * Moves *p on to the places that are left.
 */

static int
ts_owner_occurs_early(ts_slice_t key, const uint8_t **p, const uint8_t *last)
{
    int      both;
    size_t   tail;
    __m128i  first, final;

    tail = key.len - 1;
    first = _mm_set1_epi8((char) key.data[0]);
    final = _mm_set1_epi8((char) key.data[tail]);

#define ts_owner_at(data)  _mm_loadu_si128((const __m128i *) (data))

    for ( /* void */ ; last - *p >= 15; *p += 16) {
        both = _mm_movemask_epi8(
                   _mm_and_si128(_mm_cmpeq_epi8(ts_owner_at(*p), first),
                                 _mm_cmpeq_epi8(ts_owner_at(*p + tail),
                                                final)));

        for ( /* void */ ; both; both &= both - 1) {
            if (memcmp(*p + __builtin_ctz((unsigned) both), key.data, tail)
                == 0)
            {
                return 1;
            }
        }
    }

#undef ts_owner_at

    return 0;
}

#endif


static int
ts_owner_occurs(ts_slice_t key, ts_slice_t text)
{
    const uint8_t  *p, *last;

    if (text.len < key.len) {
        return 0;
    }

    p = text.data;
    last = text.data + (text.len - key.len);

#ifdef __SSE2__
    if (ts_owner_occurs_early(key, &p, last)) {
        return 1;
    }
#endif

    while (p <= last) {
        p = memchr(p, key.data[0], (size_t) (last - p) + 1);

        if (p == NULL) {
            return 0;
        }

        if (memcmp(p, key.data, key.len) == 0) {
            return 1;
        }

        p++;
    }

    return 0;
}
