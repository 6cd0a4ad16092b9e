/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_pattern.h"


int
ts_pattern_match(ts_slice_t pattern, ts_slice_t text)
{
    size_t  p, t, star, from;

    p = 0;
    t = 0;

    /* the last "*", and where what it stands for ends at the moment */

    star = pattern.len;
    from = 0;

    while (t < text.len) {

        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            from = t;
            continue;
        }

        if (p < pattern.len && pattern.data[p] == text.data[t]) {
            p++;
            t++;
            continue;
        }

        if (star == pattern.len) {
            return 0;
        }

        p = star + 1;
        t = ++from;
    }

    while (p < pattern.len && pattern.data[p] == '*') {
        p++;
    }

    return p == pattern.len;
}


int
ts_pattern_capture(ts_pattern_capture_t *capture, ts_slice_t pattern)
{
    size_t          len;
    const uint8_t  *star, *open;

    star = pattern.len ? memchr(pattern.data, '*', pattern.len) : NULL;

    if (star == NULL || star == pattern.data) {
        return 0;
    }

    open = star - 1;

    if (*open == '.' && open > pattern.data) {
        open--;
    }

    len = (size_t) (pattern.data + pattern.len - (star + 1));

    if (*open != '(' || len == 0 || star[1] != ')') {
        return 0;
    }

    capture->before = ts_slice(pattern.data, (size_t) (open - pattern.data));
    capture->behind = ts_slice(star + 2, len - 1);

    return capture->behind.len == 0
           || memchr(capture->behind.data, '*', capture->behind.len) == NULL;
}


int
ts_pattern_take(const ts_pattern_capture_t *capture, ts_slice_t text,
    ts_slice_t *part)
{
    ts_slice_t  before, behind;

    before = capture->before;
    behind = capture->behind;

    if (text.len < before.len + behind.len) {
        return 0;
    }

    *part = ts_slice(text.data + before.len,
                     text.len - before.len - behind.len);

    return ts_slice_eq(ts_slice(text.data, before.len), before)
           && ts_slice_eq(ts_slice(part->data + part->len, behind.len),
                          behind);
}
