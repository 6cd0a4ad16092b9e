/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_csp.h"


static int ts_csp_next(ts_slice_t *policy, ts_slice_t *directive);
static ts_slice_t ts_csp_name(ts_slice_t directive);
static int ts_csp_has(const ts_slice_t *policies, size_t n, ts_slice_t name);
static ts_slice_t ts_csp_trim(ts_slice_t s);
static int ts_csp_is_space(uint8_t c);
static uint8_t *ts_csp_append(uint8_t *p, ts_slice_t s);


size_t
ts_csp_merge(uint8_t *buf, ts_slice_t own, const ts_slice_t *backend, size_t n)
{
    int          open;
    size_t       i;
    uint8_t     *p;
    ts_slice_t   directive, policy;

    p = buf;
    open = 0;

    for (i = 0; i < n; i++) {
        policy = ts_csp_trim(backend[i]);

        if (policy.len == 0) {
            continue;
        }

        if (p > buf) {
            p = ts_csp_append(p, TS_SLICE(", "));
        }

        p = ts_csp_append(p, policy);

        /* an empty policy behind a comma is open for ours without ";" */
        open = policy.data[policy.len - 1] != ';'
               && policy.data[policy.len - 1] != ',';
    }

    while (ts_csp_next(&own, &directive)) {

        if (ts_csp_has(backend, n, ts_csp_name(directive))) {
            continue;
        }

        if (p > buf) {
            p = open ? ts_csp_append(p, TS_SLICE("; "))
                     : ts_csp_append(p, TS_SLICE(" "));
        }

        p = ts_csp_append(p, directive);
        open = 1;
    }

    return (size_t) (p - buf);
}


/* Cuts the next directive off; "," starts another policy of a list. */

static int
ts_csp_next(ts_slice_t *policy, ts_slice_t *directive)
{
    size_t  i;

    while (policy->len) {

        for (i = 0; i < policy->len; i++) {
            if (policy->data[i] == ';' || policy->data[i] == ',') {
                break;
            }
        }

        *directive = ts_csp_trim(ts_slice(policy->data, i));

        i += i < policy->len;
        policy->data += i;
        policy->len -= i;

        if (directive->len) {
            return 1;
        }
    }

    return 0;
}


static ts_slice_t
ts_csp_name(ts_slice_t directive)
{
    size_t  i;

    for (i = 0; i < directive.len; i++) {
        if (ts_csp_is_space(directive.data[i])) {
            break;
        }
    }

    return ts_slice(directive.data, i);
}


static int
ts_csp_has(const ts_slice_t *policies, size_t n, ts_slice_t name)
{
    size_t      i;
    ts_slice_t  policy, directive;

    for (i = 0; i < n; i++) {
        policy = policies[i];

        while (ts_csp_next(&policy, &directive)) {
            if (ts_slice_eq_nocase(ts_csp_name(directive), name)) {
                return 1;
            }
        }
    }

    return 0;
}


static ts_slice_t
ts_csp_trim(ts_slice_t s)
{
    while (s.len && ts_csp_is_space(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len && ts_csp_is_space(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static int
ts_csp_is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}


static uint8_t *
ts_csp_append(uint8_t *p, ts_slice_t s)
{
    if (s.len) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}
