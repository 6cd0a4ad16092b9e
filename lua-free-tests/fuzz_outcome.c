/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The input is lines "name:value". No answer without a Set-Cookie of that
 * name is a success, and one more deletion at the end never makes one.
 */

#include <assert.h>
#include <strings.h>

#include "core/ts_outcome.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              named;
    ts_outcome_t     outcome;
    const uint8_t   *p, *end, *stop, *colon;

    static const ts_outcome_criteria_t  criteria = {
        .fields = { { .name = { (const uint8_t *) "sid", 3 }, .cookie = 1 } },
        .nfields = 1
    };

    memset(&outcome, 0, sizeof(outcome));
    outcome.criteria = &criteria;
    named = 0;
    stop = data + size;

    for (p = data; p < stop; p = end + 1) {

        for (end = p; end < stop && *end != '\n'; end++) { /* void */ }
        for (colon = p; colon < end && *colon != ':'; colon++) { /* void */ }

        if (colon == end) {
            continue;
        }

        named |= colon - p == 10
                 && strncasecmp((const char *) p, "set-cookie", 10) == 0;

        ts_outcome_line(&outcome, (ts_outcome_line_t) {
            ts_slice(p, (size_t) (colon - p)),
            ts_slice(colon + 1, (size_t) (end - colon - 1))
        });
    }

    if (ts_outcome(&outcome, 200) == TS_OUTCOME_SUCCESS) {
        assert(named);
    }

    ts_outcome_line(&outcome, (ts_outcome_line_t) {
        TS_SLICE("set-cookie"), TS_SLICE("sid=x; Path=/; Max-Age=0")
    });

    assert(ts_outcome(&outcome, 200) == TS_OUTCOME_FAILURE);

    return 0;
}
