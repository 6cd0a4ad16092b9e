/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_field.h"


static int ts_field_fold(ts_slice_t name, uint8_t *buf, ts_slice_t *folded);
static int ts_field_alike(const ts_field_t *field, ts_slice_t name);
static int ts_field_bracketed(const ts_field_t *field, ts_slice_t name);
static ts_slice_t ts_field_part(ts_slice_t *rest);
static int ts_field_differs(const ts_field_t *field, ts_slice_t name);


int
ts_field_init(ts_field_t *field, ts_slice_t name)
{
    if (name.len == 0 || name.len > TS_FIELD_NAME || name.data[0] == ' ') {
        return 0;
    }

    field->name = name;
    field->plain = ts_field_is_plain(name);

    return ts_field_fold(name, field->buf, &field->folded)
           && field->folded.len != 0;
}


ts_field_match_e
ts_field_match(const ts_field_t *field, ts_slice_t name)
{
    if (ts_slice_eq(field->name, name)) {
        return TS_FIELD_SAME;
    }

    if (ts_field_differs(field, name)) {
        return TS_FIELD_OTHER;
    }

    return ts_field_alike(field, name) || ts_field_bracketed(field, name)
           ? TS_FIELD_ALIKE : TS_FIELD_OTHER;
}


static int
ts_field_alike(const ts_field_t *field, ts_slice_t name)
{
    uint8_t     buf[TS_FOLD_OUT];
    ts_slice_t  folded;

    return !ts_field_fold(name, buf, &folded)
           || ts_slice_eq(field->folded, folded);
}


/*
 * Whether the parts between brackets begin as those of the field do: the same
 * value is "user[email]", "user[email]x", "[user][email]" and "user][email]"
 * to somebody, and "user[email][0]" takes its place. But "user[email]" and
 * "user[password]" are different.
 */

static int
ts_field_bracketed(const ts_field_t *field, ts_slice_t name)
{
    uint8_t     a[TS_FOLD_OUT], b[TS_FOLD_OUT];
    ts_slice_t  rest, part, other, folded, other_folded;

    rest = field->name;
    part = ts_field_part(&rest);

    if (part.len == 0) {
        return 0;
    }

    for ( /* void */ ; part.len; part = ts_field_part(&rest)) {
        other = ts_field_part(&name);

        if (!ts_field_fold(part, a, &folded)
            || !ts_field_fold(other, b, &other_folded)
            || !ts_slice_eq(folded, other_folded))
        {
            return 0;
        }
    }

    return 1;
}


/* Takes the next part off rest, with its brackets; empty at the end. */

static ts_slice_t
ts_field_part(ts_slice_t *rest)
{
    size_t      i, start;
    ts_slice_t  part;

    for (start = 0; start < rest->len
                    && (rest->data[start] == '[' || rest->data[start] == ']');
         start++)
    {
        /* void */
    }

    for (i = start; i < rest->len
                    && rest->data[i] != '[' && rest->data[i] != ']'; i++)
    {
        /* void */
    }

    part = ts_slice(rest->data + start, i - start);
    *rest = ts_slice(rest->data + i, rest->len - i);

    return part;
}


int
ts_field_is_plain(ts_slice_t name)
{
    const uint8_t  *p, *end;

    static const uint8_t  plain[256] = {
        ['-'] = 1, ['_'] = 1,
        ['0'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        ['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
    };

    end = name.data + name.len;

    for (p = name.data; p < end && plain[*p]; p++) { /* void */ }

    return p == end;
}


/* The common case without folding: just case can hide a plain name. */

static int
ts_field_differs(const ts_field_t *field, ts_slice_t name)
{
    size_t   i;
    uint8_t  c;

    if (!ts_field_is_plain(name)) {
        return 0;
    }

    if (name.len != field->folded.len) {
        return 1;
    }

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != field->folded.data[i]) {
            return 1;
        }
    }

    return 0;
}


static int
ts_field_fold(ts_slice_t name, uint8_t *buf, ts_slice_t *folded)
{
    size_t          i, start;
    uint8_t        *p;
    const uint8_t  *nul;

    nul = name.len ? memchr(name.data, '\0', name.len) : NULL;

    if (nul != NULL) {
        name.len = (size_t) (nul - name.data);
    }

    if (ts_fold(name, buf, folded) != TS_FOLD_OK) {
        return 0;
    }

    p = buf;

    for (start = 0; start < folded->len && p[start] <= ' '; start++) {
        /* void */
    }

    for (i = start; i < folded->len; i++) {
        if (p[i] == ' ' || p[i] == '.' || p[i] == '[') {
            p[i] = '_';
        }
    }

    *folded = ts_slice(p + start, folded->len - start);

    return 1;
}
