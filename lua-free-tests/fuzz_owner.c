/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whose is a message: the search, the quick walk, the walk, and jansson with
 * the rules read the slow way have to say the same. The first byte chooses the
 * rules, and with its high bit each of the others is a piece of JSON.
 */

#include <assert.h>
#include <jansson.h>
#include <stdio.h>

#include "core/ts_owner.h"
#include "core/ts_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* What the rules of one configuration found in one jansson value. */

typedef struct {
    uint32_t  matched;
    uint32_t  found;
    uint32_t  foreign;
    uint32_t  missing;
} finding_t;


/* o: owner, w: when, p: public */

static const char  *configurations[][8] = {
    { "o/u" },
    { "o/u", "p/t:ticks.*" },
    { "o/d/u", "o/u" },
    { "o/l/*/u" },
    { "o/l/*" },
    { "o/t:acct.(*)", "p/t:ticks.*" },
    { "w/t:acct.*", "w/t:order", "o/d/u", "w/t:pos.*", "o/p/u" },
    { "o/1/u" },
    { "w/t:*", "o/l/*/u", "p/p:a*b" },
};

#define CONFIGURATIONS  (sizeof(configurations) / sizeof(configurations[0]))


static ts_owner_rules_t  rules[CONFIGURATIONS];
static ts_slice_t        values[2];
static ts_owner_set_t    set = { values, 2, 0 };


static void
configure(void)
{
    size_t       i, n;
    ts_slice_t   text;
    const char  *word;

    static uint8_t  names[CONFIGURATIONS][8][32];

    values[0] = TS_SLICE("alice");
    values[1] = TS_SLICE("42");
    ts_owner_set_sort(&set);

    for (i = 0; i < CONFIGURATIONS; i++) {
        for (n = 0; (word = configurations[i][n]) != NULL; n++) {
            text = ts_slice(word + 1, strlen(word + 1));

            assert(ts_owner_add(&rules[i],
                                word[0] == 'o' ? TS_OWNER_RULE
                                : word[0] == 'w' ? TS_OWNER_WHEN
                                : TS_OWNER_SHOWN, text, names[i][n]) == NULL);
        }
    }
}


static void
apply(const ts_owner_rules_t *r, uint32_t i, int below_any, json_t *value,
    finding_t *f)
{
    int                     mine;
    char                    number[32];
    ts_slice_t              text;
    const ts_owner_term_t  *term = &r->terms[i];

    text = ts_slice(NULL, 0);

    if (json_is_string(value)) {
        text = ts_slice(json_string_value(value), json_string_length(value));

    } else if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%lld",
                 (long long) json_integer_value(value));
        text = ts_slice(number, strlen(number));

    } else if (term->kind != TS_OWNER_RULE && value != NULL
               && (json_is_boolean(value) || json_is_real(value)))
    {
        /* how it was spelt: what fits such a spelling fits this one */
        text = json_is_true(value) ? TS_SLICE("true")
               : json_is_false(value) ? TS_SLICE("false") : TS_SLICE("1.5");
    }

    if (term->kind != TS_OWNER_RULE) {
        if (text.data != NULL && ts_pattern_match(term->pattern, text)) {
            f->matched |= 1u << i;
        }

        return;
    }

    if (term->captures) {
        if (!json_is_string(value)
            || !ts_pattern_take(&term->capture, text, &text))
        {
            return;
        }

    } else if (value == NULL || json_is_null(value)) {
        f->missing |= below_any ? 1u << i : 0;
        return;
    }

    mine = text.data != NULL && (ts_slice_eq(text, values[0])
                                 || ts_slice_eq(text, values[1]));

    f->found |= 1u << i;
    f->foreign |= mine ? 0 : 1u << i;
}


/* All values that the rest of the pointer names; NULL where there is none. */

static void
follow(const ts_owner_rules_t *r, uint32_t i, uint32_t depth, int below_any,
    json_t *value, finding_t *f)
{
    char                    name[32];
    size_t                  n;
    json_t                 *member;
    ts_slice_t              segment;
    const char             *key;
    const ts_owner_path_t  *path = &r->paths[r->terms[i].path];

    if (depth == path->pointer.n) {
        if (value != NULL || below_any) {
            apply(r, i, below_any, value, f);
        }

        return;
    }

    segment = path->pointer.names[depth];

    if (segment.len == 1 && segment.data[0] == '*') {

        json_object_foreach(value, key, member) {
            follow(r, i, depth + 1, 1, member, f);
        }

        json_array_foreach(value, n, member) {
            follow(r, i, depth + 1, 1, member, f);
        }

        return;
    }

    memcpy(name, segment.data, segment.len);
    name[segment.len] = '\0';

    member = json_is_array(value)
             ? (name[0] == '1' ? json_array_get(value, 1) : NULL)
             : json_object_get(value, name);

    follow(r, i, depth + 1, below_any, member, f);
}


static ts_owner_e
slow_message(const ts_owner_rules_t *r, json_t *value)
{
    uint32_t    i, k, found, any;
    finding_t   f;
    ts_owner_e  verdict;

    memset(&f, 0, sizeof(f));

    for (i = 0; i < r->n_terms; i++) {
        follow(r, i, 0, 0, value, &f);
    }

    verdict = (f.matched & r->shown) ? TS_OWNER_PUBLIC : TS_OWNER_NONE;
    any = 0;

    for (i = 0; i < r->n_terms; i++) {

        if (r->terms[i].kind != TS_OWNER_RULE
            || (r->terms[i].when && !(r->terms[i].when & f.matched)))
        {
            continue;
        }

        if (f.foreign & 1u << i) {
            return TS_OWNER_FOREIGN;
        }

        found = 0;

        for (k = 0; k < r->n_terms; k++) {
            if (r->terms[k].kind == TS_OWNER_RULE
                && r->terms[k].when == r->terms[i].when)
            {
                found |= f.found & 1u << k;
            }
        }

        any |= found ? 1 : 0;

        if ((f.missing & 1u << i) || (r->terms[i].when && !found)) {
            verdict = TS_OWNER_MISSING;
        }
    }

    return verdict == TS_OWNER_MISSING ? verdict
           : any ? TS_OWNER_OWN : verdict;
}


static ts_owner_e
slow_value(const ts_owner_rules_t *r, json_t *value)
{
    size_t       i;
    json_t      *element;
    ts_owner_e   verdict, worst;

    if (!json_is_array(value) || r == &rules[7]) {
        return slow_message(r, value);
    }

    worst = json_array_size(value) ? TS_OWNER_OWN : TS_OWNER_NONE;

    json_array_foreach(value, i, element) {
        verdict = slow_message(r, element);
        worst = verdict > worst ? verdict : worst;
    }

    return worst;
}


/* -1: jansson cannot tell. */

static int
slow(const ts_owner_rules_t *r, const char *p, size_t size, int *duplicates)
{
    int           line_feed, first;
    json_t       *value;
    const char   *end;
    ts_owner_e    verdict, worst;
    json_error_t  error;

    end = p + size;
    worst = TS_OWNER_OWN;

    for (first = 1; ; first = 0) {

        for (line_feed = 0; p < end && strchr(" \t\r\n", *p); p++) {
            line_feed |= (*p == '\n');
        }

        if (p == end) {
            return first ? TS_OWNER_NONE : (int) worst;
        }

        if (!first && !line_feed) {
            return TS_OWNER_MALFORMED;
        }

        value = json_loadb(p, (size_t) (end - p), JSON_REJECT_DUPLICATES
                           |JSON_DECODE_ANY|JSON_DISABLE_EOF_CHECK, &error);

        if (value == NULL
            && json_error_code(&error) == json_error_duplicate_key)
        {
            *duplicates = 1;
            value = json_loadb(p, (size_t) (end - p), JSON_DECODE_ANY
                               |JSON_DISABLE_EOF_CHECK, &error);
        }

        if (value == NULL) {
            return json_error_code(&error) == json_error_numeric_overflow
                   ? -1 : TS_OWNER_MALFORMED;
        }

        p += error.position;

        verdict = slow_value(r, value);
        worst = verdict > worst ? verdict : worst;

        json_decref(value);
    }
}


static const char  *pieces[] = {
    "{", "}", "[", "]", ",", ":", "\"", " ", "\n", "\\", "\t", ", ", ": ", "},",
    "],", "\":\"", "\",\"", "{\"", "\"}", "0", "1", "-", "42", ".", "e", "1.5",
    "-0", "1e5", "42.0", "01", "true", "false", "null", "\"u\"", "\"u\":",
    "\"d\"", "\"d\":{", "\"l\"", "\"l\":[", "\"p\"", "\"p\":{", "\"t\"",
    "\"t\":", "\"v\":", "\"\":", "\"\"", "\"alice\"", "\"bob\"",
    "\"acct.x\"",
    "\"acct.alice\"", "\"ticks.X\"", "\"order\"", "\"pos.1\"", "\"axb\"",
    "\"u\":\"alice\"", "\"u\":\"bob\"", "\"u\":42", "\\u0075", "\\\"", "{}",
    "[]",
    "[[", "{\"a\":", "\xc3\xb6", "xxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "\"a string that is as long as a block, or a little longer than one\"",
};

#define PIECES  (sizeof(pieces) / sizeof(pieces[0]))


static ts_slice_t
pieced(const uint8_t *data, size_t size, uint8_t *buf, size_t limit)
{
    size_t       i, len, n;
    const char  *piece;

    for (i = 0, len = 0; i < size; i++, len += n) {
        piece = pieces[data[i] % PIECES];
        n = strlen(piece);

        if (len + n > limit) {
            break;
        }

        memcpy(buf + len, piece, n);
    }

    return ts_slice(buf, len);
}


/* From a block of its size, so that the sanitizer sees who reads too far. */

static ts_owner_e
judge(const ts_owner_rules_t *r, ts_slice_t text)
{
    int         quick;
    uint8_t    *copy;
    ts_owner_e  fast, strict;

    copy = malloc(text.len ? text.len : 1);
    assert(copy != NULL);

    if (text.len) {
        memcpy(copy, text.data, text.len);
    }

    text.data = copy;

    strict = ts_owner_walk(r, &set, text);
    quick = ts_owner_quick(r, &set, text);
    fast = ts_owner_judge(r, &set, text);

    assert(quick == TS_OWNER_DOUBT || quick == (int) strict);
    assert(fast == strict
           || (fast == TS_OWNER_NONE && strict == TS_OWNER_MALFORMED));

    free(copy);

    return strict;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                      slow_verdict, duplicates;
    size_t                   i, brackets;
    ts_utf8_t                utf8;
    ts_slice_t               text;
    ts_owner_e               strict;
    const ts_owner_rules_t  *r;
    uint8_t                  buf[1000];

    if (rules[0].n_terms == 0) {
        configure();
    }

    if (size == 0 || size > 1000 || memchr(data, '\0', size) != NULL) {
        return 0;
    }

    r = &rules[(data[0] & 0x7f) % CONFIGURATIONS];
    text = (data[0] & 0x80) ? pieced(data + 1, size - 1, buf, sizeof(buf))
                            : ts_slice(data + 1, size - 1);

    utf8 = (ts_utf8_t) { 0, 0, 0 };

    if (!ts_utf8_feed(&utf8, text, NULL, 0) || !ts_utf8_complete(&utf8)) {
        return 0;
    }

    strict = judge(r, text);

    duplicates = 0;
    slow_verdict = slow(r, (const char *) text.data, text.len, &duplicates);

    for (i = 0, brackets = 0; i < text.len; i++) {
        brackets += (text.data[i] == '[' || text.data[i] == '{');
    }

    if (slow_verdict == -1) {
        return 0;
    }

    if (duplicates) {
        assert(strict != TS_OWNER_OWN || slow_verdict == TS_OWNER_OWN);
        assert(strict != TS_OWNER_PUBLIC || slow_verdict == TS_OWNER_PUBLIC);
        return 0;
    }

    /* the walk stops at a foreign owner, and at too much depth */

    if (slow_verdict == TS_OWNER_MALFORMED) {
        assert(strict >= TS_OWNER_FOREIGN);

    } else if (strict != TS_OWNER_MALFORMED || brackets <= TS_OWNER_DEPTH) {
        assert((int) strict == slow_verdict);
    }

    return 0;
}
