/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What is left of a query string has no argument of the name any more, and
 * nothing else was lost.
 */

#include <assert.h>

#include "core/ts_bearer.h"
#include "core/ts_query.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t            out[512], again[512];
    ts_slice_t         rest, value, more;
    ts_query_result_e  rc;

    static const ts_slice_t  name = { (const uint8_t *) "t", 1 };

    if (size == 0 || size > sizeof(out)) {
        return 0;
    }

    rc = ts_query_take(ts_slice(data, size), name, out, &rest, &value);

    assert(rest.len <= size);
    assert(rc != TS_QUERY_NONE || rest.data == data);
    assert(rc != TS_QUERY_FOUND
           || (value.data > data && value.data + value.len <= data + size));

    if (rc == TS_QUERY_FOUND) {
        assert(size - rest.len >= value.len + 1);
        assert(memchr(value.data, '&', value.len) == NULL);
        assert(ts_query_take(rest, name, again, &more, &value)
               == TS_QUERY_NONE);
    }

    (void) ts_bearer_authorization(ts_slice(data, size), &value);

    if (ts_bearer_subprotocol(ts_slice(data, size), out, &rest, &value)
        == TS_BEARER_FOUND)
    {
        assert(rest.len < size && value.len > 0);
        assert(memchr(value.data, ',', value.len) == NULL);
    }

    return 0;
}
