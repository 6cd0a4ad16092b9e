/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The first byte chooses a policy, the rest is the line. Hardening twice is
 * hardening once; the name and value never change; and a simple reader of
 * attributes finds in the result what the policy promises.
 */

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "core/ts_set_cookie.h"


#define NOW  1700000000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* The last attribute of that name; data is NULL: there is none. */

static ts_slice_t
attribute(ts_slice_t line, const char *name)
{
    ts_slice_t      found;
    const uint8_t  *p, *end, *stop, *eq, *start;

    found = ts_slice(NULL, 0);
    end = line.data + line.len;

    for (p = line.data; p < end && *p != ';'; p++) { /* void */ }

    for ( /* void */ ; p < end; p = stop) {
        start = ++p;

        for (stop = p; stop < end && *stop != ';'; stop++) { /* void */ }
        for (eq = p; eq < stop && *eq != '='; eq++) { /* void */ }

        while (start < eq && (*start == ' ' || *start == '\t')) {
            start++;
        }

        for (p = eq; p > start && (p[-1] == ' ' || p[-1] == '\t'); p--) {
            /* void */
        }

        if ((size_t) (p - start) == strlen(name)
            && strncasecmp((const char *) start, name, strlen(name)) == 0
            && stop - eq <= 1024)
        {
            found = eq < stop ? ts_slice(eq + 1, (size_t) (stop - eq - 1))
                              : ts_slice(eq, 0);
        }
    }

    return found;
}


static size_t
pair_len(ts_slice_t line)
{
    const uint8_t  *p;

    p = line.len ? memchr(line.data, ';', line.len) : NULL;

    return p ? (size_t) (p - line.data) : line.len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  len, again;
    uint8_t                *out, *second;
    ts_slice_t              line, result;
    ts_set_cookie_e         rc;
    ts_set_cookie_policy_t  policy;

    if (size == 0) {
        return 0;
    }

    policy.secure = data[0] & 1;
    policy.http_only = data[0] >> 1 & 1;
    policy.same_site = data[0] >> 2 & 3;
    policy.max_age = data[0] & 0x10 ? 3600 : 0;

    line = ts_slice(data + 1, size - 1);

    out = malloc(line.len + TS_SET_COOKIE_ADDED);
    assert(out != NULL);

    rc = ts_set_cookie_harden(line, &policy, NOW, out, &len);

    if (rc == TS_SET_COOKIE_DROP) {
        free(out);
        return 0;
    }

    result = line;

    if (rc == TS_SET_COOKIE_CHANGE) {
        assert(len <= line.len + TS_SET_COOKIE_ADDED);
        result = ts_slice(out, len);

        second = malloc(len + TS_SET_COOKIE_ADDED);
        assert(second != NULL);
        assert(ts_set_cookie_harden(result, &policy, NOW, second, &again)
               == TS_SET_COOKIE_KEEP);
        free(second);
    }

    assert(pair_len(result) == pair_len(line));
    assert(pair_len(line) == 0
           || memcmp(result.data, line.data, pair_len(line)) == 0);

    assert(!policy.secure || attribute(result, "secure").data != NULL);
    assert(!policy.http_only || attribute(result, "httponly").data != NULL);
    assert(policy.same_site < TS_SAME_SITE_LAX
           || attribute(result, "samesite").data != NULL);

    free(out);

    return 0;
}
