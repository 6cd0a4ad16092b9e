/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The first line of the input is our policy, each other line a policy of the
 * backend. The merge must fit its promised size, start with the backend's
 * words and, merged once more, not change.
 */

#include <stdlib.h>

#include "core/ts_csp.h"


#define POLICIES_MAX  4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       i, n, len, again, start, sum;
    uint8_t     *buf, *twice;
    ts_slice_t   line, own, merged, backend[POLICIES_MAX];

    n = 0;
    sum = 0;
    start = 0;
    own = ts_slice(data, 0);

    for (i = 0; i <= size && n < POLICIES_MAX; i++) {

        if (i < size && data[i] != '\n') {
            continue;
        }

        line = ts_slice(data + start, i - start);

        if (start == 0) {
            own = line;

        } else {
            backend[n++] = line;
            sum += line.len;
        }

        start = i + 1;
    }

    buf = malloc(ts_csp_merge_max(own.len, n, sum));
    len = ts_csp_merge(buf, own, backend, n);

    if (len > ts_csp_merge_max(own.len, n, sum)) {
        abort();
    }

    merged = ts_slice(buf, len);

    twice = malloc(ts_csp_merge_max(own.len, 1, len));
    again = ts_csp_merge(twice, own, &merged, 1);

    if (again > len) {
        abort();
    }

    free(buf);
    free(twice);

    return 0;
}
