/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_spelling.h"


#define TS_SPELLING_ROUNDS     8    /* of decoding what was encoded again */
#define TS_SPELLING_EXTENSION  8    /* longest, without its dot */


static size_t ts_spelling_pass(uint8_t *path, size_t len, int *changed);
static size_t ts_spelling_decode(uint8_t *path, size_t len, int *changed);
static size_t ts_spelling_segments(uint8_t *path, size_t len);
static size_t ts_spelling_segment(uint8_t *out, size_t end, const uint8_t *p,
    size_t len);
static int ts_spelling_hex(uint8_t c);


void
ts_spelling_fold(ts_slice_t path, uint8_t *out, ts_slice_t *folded)
{
    int         changed;
    size_t      i, len;
    uint8_t     buf[TS_FOLD_OUT];
    uint32_t    round;
    ts_slice_t  text;

    len = path.len == 0 || path.data[0] != '/';

    out[0] = '/';

    if (path.len) {
        memcpy(out + len, path.data, path.len);
    }

    len += path.len;

    for (round = 0; round < TS_SPELLING_ROUNDS; round++) {

        changed = 0;
        len = ts_spelling_pass(out, len, &changed);

        for (i = 0; i < len && out[i] < 0x80; i++) { /* void */ }

        /* letters that fold to ASCII, and slashes and dots that do */

        if (i < len
            && ts_fold(ts_slice(out, len), buf, &text) == TS_FOLD_OK
            && !ts_slice_eq(text, ts_slice(out, len)))
        {
            memcpy(out, text.data, text.len);
            len = text.len;
            changed = 1;
        }

        if (!changed) {
            break;
        }
    }

    *folded = ts_slice(out, len);
}


ts_slice_t
ts_spelling_stem(ts_slice_t folded)
{
    size_t   i;
    uint8_t  c;

    for (i = 1; i <= TS_SPELLING_EXTENSION + 1 && i < folded.len; i++) {
        c = folded.data[folded.len - i];

        if (c == '.') {
            return i > 1 && folded.data[folded.len - i - 1] != '/'
                   ? ts_slice(folded.data, folded.len - i) : folded;
        }

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            break;
        }
    }

    return folded;
}


/* Sets *changed when something was decoded: it may be encoded once more. */

static size_t
ts_spelling_pass(uint8_t *path, size_t len, int *changed)
{
    size_t   i;
    uint8_t  c;

    len = ts_spelling_decode(path, len, changed);

    for (i = 0; i < len; i++) {
        c = path[i];

        if (c == '?' || c == '#' || c == '\0') {
            len = i;

        } else if (c == '\\') {
            path[i] = '/';

        } else if (c >= 'A' && c <= 'Z') {
            path[i] = c | 0x20;
        }
    }

    return ts_spelling_segments(path, len);
}


static size_t
ts_spelling_decode(uint8_t *path, size_t len, int *changed)
{
    int       hi, lo;
    size_t    i;
    uint8_t  *out;

    out = path;

    for (i = 0; i < len; i++) {

        if (path[i] == '%' && len - i > 2) {
            hi = ts_spelling_hex(path[i + 1]);
            lo = ts_spelling_hex(path[i + 2]);

            if (hi >= 0 && lo >= 0) {
                *out++ = (uint8_t) (hi << 4 | lo);
                *changed = 1;
                i += 2;
                continue;
            }
        }

        *out++ = path[i];
    }

    return (size_t) (out - path);
}


/* Leaves out what is empty, and resolves "." and ".."; "/" is first. */

static size_t
ts_spelling_segments(uint8_t *path, size_t len)
{
    size_t  i, out, start;

    out = 0;

    for (start = 0; start < len; start = i + 1) {

        for (i = start; i < len && path[i] != '/'; i++) { /* void */ }

        out = ts_spelling_segment(path, out, path + start, i - start);
    }

    return out ? out : 1;
}


/* Appends a segment that lies behind what was written; returns the new end. */

static size_t
ts_spelling_segment(uint8_t *out, size_t end, const uint8_t *p, size_t len)
{
    size_t         dots;
    const uint8_t *parameters;

    parameters = len ? memchr(p, ';', len) : NULL;

    if (parameters != NULL) {
        len = (size_t) (parameters - p);
    }

    while (len && *p <= ' ') {
        p++;
        len--;
    }

    while (len && p[len - 1] <= ' ') {
        len--;
    }

    for (dots = 0; dots < len && p[dots] == '.'; dots++) { /* void */ }

    if (dots == 2 && len == 2) {

        while (end && out[--end] != '/') { /* void */ }

        return end;
    }

    /* dots and spaces at the end, in any order */

    while (len && (p[len - 1] == '.' || p[len - 1] <= ' ')) {
        len--;
    }

    if (len == 0) {
        return end;
    }

    out[end++] = '/';
    memmove(out + end, p, len);

    return end + len;
}


static int
ts_spelling_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
