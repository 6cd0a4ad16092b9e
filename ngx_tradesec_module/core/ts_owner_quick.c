/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The walk over what most backends write: one object, compact or with single
 * spaces, without an escape. Strings are not read: they reach from one quote
 * to the next. It follows the pointers as ts_owner_walk.c does and is as
 * strict, but never says that a text is malformed: whatever it does not know,
 * it leaves to that one.
 *
 * The last byte is a bracket. So every other byte has one behind it, and only
 * behind a bracket has the end to be looked for.
 */

#include "core/ts_owner_marks.h"
#include "core/ts_owner_state.h"


/* The quotes of a text that are still to come. */

typedef struct {
    const uint8_t  *start;
    const uint8_t  *end;
    const uint8_t  *block;
    uint64_t        quotes;     /* of the block, as bits */
} ts_owner_quick_t;


/* Of bytes behind the end there are none. 0: the block is not plain. */

static ts_noinline int
ts_owner_quick_marks(const uint8_t *start, const uint8_t *end,
    const uint8_t *block, uint64_t *quotes)
{
    int      plain;
    size_t   left;
    uint8_t  copy[TS_OWNER_BLOCK];

    left = (size_t) (end - block);

    if (left >= TS_OWNER_BLOCK) {
        return ts_owner_marks(block, quotes);
    }

    /* the last block again begins with what has been seen */

    if (end - start >= TS_OWNER_BLOCK) {
        plain = ts_owner_marks(end - TS_OWNER_BLOCK, quotes);
        *quotes >>= TS_OWNER_BLOCK - left;
        return plain;
    }

    memset(copy, ' ', sizeof(copy));
    memcpy(copy, block, left);

    return ts_owner_marks(copy, quotes);
}


/* The next block that has some. */

static ts_inline int
ts_owner_quick_refill(ts_owner_quick_t *q)
{
    uint64_t  quotes;

    do {
        q->block += TS_OWNER_BLOCK;

        if (q->block >= q->end
            || !ts_owner_quick_marks(q->start, q->end, q->block, &quotes))
        {
            return 0;
        }

    } while (quotes == 0);

    q->quotes = quotes;

    return 1;
}


/* From the opening quote to behind the closing one, or NULL. */

static ts_inline const uint8_t *
ts_owner_quick_string(ts_owner_quick_t *q)
{
    uint64_t  quotes;

    if (q->quotes == 0 && !ts_owner_quick_refill(q)) {
        return NULL;
    }

    q->quotes &= q->quotes - 1;

    if (q->quotes == 0 && !ts_owner_quick_refill(q)) {
        return NULL;
    }

    quotes = q->quotes;
    q->quotes &= quotes - 1;

    return q->block + (uint32_t) __builtin_ctzll(quotes) + 1;
}


/* An exponent, and a digit behind a zero, is for the other walk. */

static ts_inline const uint8_t *
ts_owner_quick_number(const uint8_t *p, const uint8_t *end)
{
    const uint8_t  *first, *behind;

    first = p + (*p == '-');
    behind = ts_owner_digits(first, end);

    if (behind == first || (*first == '0' && behind != first + 1)) {
        return NULL;
    }

    if (*behind == '.') {
        first = behind + 1;
        behind = ts_owner_digits(first, end);

        if (behind == first) {
            return NULL;
        }
    }

    return ((*behind | 0x20) != 'e') ? behind : NULL;
}


static ts_inline const uint8_t *
ts_owner_quick_scalar(ts_owner_quick_t *q, const uint8_t *p)
{
    ts_owner_scalar_t  s;

    if (*p == '"') {
        return ts_owner_quick_string(q);
    }

    return (*p >= 'a') ? ts_owner_literal(p, q->end, &s)
                       : ts_owner_quick_number(p, q->end);
}


/* What stands at the end of these paths: a bracket, or a scalar. */

static void
ts_owner_quick_find(ts_owner_walk_t *w, uint32_t ends, const uint8_t *value,
    const uint8_t *behind)
{
    ts_owner_scalar_t  s;

    s.escaped = 0;
    s.raw = ts_slice(value, (size_t) (behind - value));

    switch (*value) {

    case '"':
        s.type = TS_JSON_STRING;
        s.raw.data++;
        s.raw.len -= 2;
        break;

    case '{':
    case '[':
        s.type = TS_JSON_OBJECT;
        s.raw.data = NULL;
        break;

    case 't':
        s.type = TS_JSON_TRUE;
        break;

    case 'f':
        s.type = TS_JSON_FALSE;
        break;

    case 'n':
        s.type = TS_JSON_NULL;
        break;

    default:
        s.type = TS_JSON_NUMBER;
    }

    ts_owner_find(w, ends, &s);
}


/*
 * At the name of a member, or at an element: the value is next, or NULL. The
 * paths that lead to it are in w->lead.
 */

static ts_inline const uint8_t *
ts_owner_quick_item(ts_owner_walk_t *w, ts_owner_quick_t *q,
    ts_owner_level_t *level, const uint8_t *p)
{
    ts_slice_t  name;

    w->lead = 0;

    if (level->close == ']') {

        if (level->active) {
            ts_owner_next_element(w, level);
        }

        return p;
    }

    if (*p != '"') {
        return NULL;
    }

    name.data = p + 1;
    p = ts_owner_quick_string(q);

    if (p == NULL || *p != ':') {
        return NULL;
    }

    if (level->active) {
        name.len = (size_t) (p - name.data) - 1;

        if (ts_owner_may_follow(w, level, name)
            && !ts_owner_follow(w, level, name))
        {
            return NULL;
        }
    }

    return (p[1] != ' ') ? p + 1 : p + 2;
}


static ts_inline ts_owner_level_t *
ts_owner_quick_open(ts_owner_walk_t *w, uint32_t active, uint8_t close)
{
    ts_owner_level_t  *level;

    level = &w->levels[w->depth++];

    level->active = active;
    level->seen = 0;
    level->element = 0;
    level->close = close;

    return level;
}


/* Inside of the outermost bracket. */

static int
ts_owner_quick_walk(ts_owner_walk_t *w, ts_owner_quick_t *q, const uint8_t *p)
{
    uint8_t            opened;
    uint32_t           ends;
    const uint8_t     *value;
    ts_owner_level_t  *level;

    level = &w->levels[0];

    for ( ;; ) {
        value = ts_owner_quick_item(w, q, level, p);

        if (value == NULL) {
            return TS_OWNER_DOUBT;
        }

        opened = (*value == '{' || *value == '[');
        p = opened ? value + 1 : ts_owner_quick_scalar(q, value);

        if (p == NULL) {
            return TS_OWNER_DOUBT;
        }

        ends = w->lead ? w->lead & w->rules->at[w->depth - 1].end : 0;

        if (ends) {
            ts_owner_quick_find(w, ends, value, p);

            if (w->denied) {
                return TS_OWNER_FOREIGN;
            }
        }

        if (opened) {

            if (w->depth == w->max_depth) {
                return TS_OWNER_DOUBT;
            }

            /* of "[" and "{" two further on */

            level = ts_owner_quick_open(w, w->lead & ~ends, *value + 2);

            if (*p != level->close) {
                continue;
            }
        }

        for ( /* void */ ; *p == level->close; level--) {
            p++;
            w->depth--;

            if (w->depth == 0 || p == q->end) {
                return (w->depth == 0 && p == q->end)
                       ? (int) ts_owner_verdict(w) : TS_OWNER_DOUBT;
            }
        }

        if (*p != ',') {
            return TS_OWNER_DOUBT;
        }

        p += (p[1] != ' ') ? 1 : 2;
    }
}


int
ts_owner_quick(const ts_owner_rules_t *rules, const ts_owner_set_t *set,
    ts_slice_t text)
{
    uint8_t           close;
    ts_owner_walk_t   w;
    ts_owner_quick_t  q;

    while (text.len && text.data[text.len - 1] == '\n') {
        text.len--;
    }

    if (text.len < sizeof("{}")) {
        return TS_OWNER_DOUBT;
    }

    close = (text.data[0] == '{') ? '}' : ']';

    if (text.data[text.len - 1] != close
        || (close == ']' && (text.data[0] != '[' || !rules->whole_arrays))
        || text.data[1] == close)
    {
        return TS_OWNER_DOUBT;
    }

    q.start = text.data;
    q.end = text.data + text.len;
    q.block = text.data - TS_OWNER_BLOCK;
    q.quotes = 0;

    ts_owner_start(&w, rules, set, text);
    ts_owner_begin(&w);

    (void) ts_owner_quick_open(&w, w.lead, close);

    return ts_owner_quick_walk(&w, &q, text.data + 1);
}
