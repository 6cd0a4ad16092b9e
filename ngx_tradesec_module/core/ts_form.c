/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_form.h"


static size_t ts_form_segment(ts_slice_t text, size_t start, int semicolons);
static int ts_form_name(ts_slice_t *segment, const ts_field_t *field,
    uint8_t before, ts_field_match_e *match);
static int ts_form_decode(ts_slice_t text, uint8_t *buf, size_t size,
    ts_slice_t *decoded);
static int ts_form_hex(uint8_t c);


ts_form_result_e
ts_form_field(ts_slice_t text, const ts_field_t *field, uint8_t *buf,
    size_t size, ts_slice_t *value)
{
    int               found, last, semicolons;
    size_t            i, start;
    uint8_t           before;
    uint32_t          n;
    ts_slice_t        segment;
    ts_field_match_e  match;

    *value = ts_slice(NULL, 0);

    if (text.len == 0) {
        return TS_FORM_MISSING;
    }

    semicolons = memchr(text.data, ';', text.len) != NULL;
    before = '&';
    found = 0;
    n = 0;

    for (start = 0; start < text.len; start = i + 1) {

        i = ts_form_segment(text, start, semicolons);
        last = i == text.len;
        segment = ts_slice(text.data + start, i - start);

        if (segment.len) {

            if (++n > TS_FORM_FIELDS
                || !ts_form_name(&segment, field, before, &match))
            {
                return TS_FORM_MALFORMED;
            }

            if (match != TS_FIELD_OTHER) {

                if (match == TS_FIELD_ALIKE || found || before == ';'
                    || (!last && text.data[i] == ';'))
                {
                    return TS_FORM_AMBIGUOUS;
                }

                if (!ts_form_decode(segment, buf, size, value)) {
                    return TS_FORM_MALFORMED;
                }

                found = 1;
            }
        }

        before = last ? '&' : text.data[i];
    }

    return found ? TS_FORM_OK : TS_FORM_MISSING;
}


/* Where the segment ends that begins at start. */

static size_t
ts_form_segment(ts_slice_t text, size_t start, int semicolons)
{
    size_t          i;
    const uint8_t  *p;

    if (!semicolons) {
        p = memchr(text.data + start, '&', text.len - start);

        return p ? (size_t) (p - text.data) : text.len;
    }

    for (i = start; i < text.len && text.data[i] != '&'
                    && text.data[i] != ';'; i++)
    {
        /* void */
    }

    return i;
}


/*
 * Takes the name and its "=" off the segment: what stays is the value. Behind
 * a ";" it may be no name at all, but the rest of a value, and need not be
 * well-formed. Returns 0 when it must, and is not.
 */

static int
ts_form_name(ts_slice_t *segment, const ts_field_t *field, uint8_t before,
    ts_field_match_e *match)
{
    size_t          n;
    uint8_t         buf[TS_FOLD_IN];
    ts_slice_t      name;
    const uint8_t  *eq;

    name = *segment;

    /* the field itself, as all browsers write it */

    n = field->name.len;

    if (name.len > n && name.data[n] == '=' && field->plain
        && memcmp(name.data, field->name.data, n) == 0)
    {
        *segment = ts_slice(name.data + n + 1, name.len - n - 1);
        *match = TS_FIELD_SAME;
        return 1;
    }

    eq = memchr(segment->data, '=', segment->len);

    if (eq != NULL) {
        name.len = (size_t) (eq - segment->data);
        *segment = ts_slice(eq + 1, segment->len - name.len - 1);

    } else {
        *segment = ts_slice(segment->data + segment->len, 0);
    }

    if (!ts_form_decode(name, buf, sizeof(buf), &name)) {
        *match = TS_FIELD_OTHER;
        return before == ';';
    }

    *match = ts_field_match(field, name);

    return 1;
}


static int
ts_form_decode(ts_slice_t text, uint8_t *buf, size_t size,
    ts_slice_t *decoded)
{
    int             hi, lo;
    uint8_t        *out;
    const uint8_t  *p, *end;

    if (ts_field_is_plain(text)) {
        *decoded = text;
        return text.len <= size;
    }

    p = text.data;
    end = p + text.len;

    for (out = buf; p < end; p++) {

        if (out == buf + size) {
            return 0;
        }

        if (*p == '+') {
            *out++ = ' ';
            continue;
        }

        if (*p != '%') {
            *out++ = *p;
            continue;
        }

        if (end - p < 3) {
            return 0;
        }

        hi = ts_form_hex(p[1]);
        lo = ts_form_hex(p[2]);

        if (hi < 0 || lo < 0) {
            return 0;
        }

        *out++ = (uint8_t) (hi << 4 | lo);
        p += 2;
    }

    *decoded = ts_slice(buf, (size_t) (out - buf));

    return 1;
}


static int
ts_form_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
