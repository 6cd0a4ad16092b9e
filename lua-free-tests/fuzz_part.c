/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The input is a letter (q, f, j, or m for a multipart form), a query, a line
 * end, and a body. What is found once is not found any more as soon as the
 * other place, or the same one, names it again.
 */

#include <assert.h>
#include <stdlib.h>

#include "core/ts_part.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ts_json_token_t  tokens[TS_PART_JSON_TOKENS];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t             buf[TS_PART_VALUE], names[16], *query;
    ts_part_t           part;
    ts_slice_t          value;
    const uint8_t      *end;
    ts_part_request_t   request;

    end = size ? memchr(data, '\n', size) : NULL;

    if (end == NULL || end == data) {
        return 0;
    }

    request.query = ts_slice(data + 1, (size_t) (end - data) - 1);
    request.body = ts_slice(end + 1, size - (size_t) (end - data) - 1);
    request.tokens = tokens;

    switch (data[0]) {

    case 'q':
    case 'f':
        request.content_type = TS_SLICE("application/x-www-form-urlencoded");
        break;

    case 'm':
        request.content_type = TS_SLICE("multipart/form-data; boundary=b");
        break;

    case 'j':
        request.content_type = TS_SLICE("application/json");
        break;

    default:
        return 0;
    }

    assert(data[0] == 'j'
           ? ts_part_init(&part, TS_PART_JSON, TS_SLICE("/a/b"), names)
           : ts_part_init(&part, data[0] == 'q' ? TS_PART_QUERY : TS_PART_FORM,
                          TS_SLICE("a"), names));

    if (ts_part_read(&part, &request, buf, &value) != TS_PART_OK) {
        return 0;
    }

    assert(value.len <= TS_PART_VALUE);

    query = malloc(request.query.len + 5);
    assert(query != NULL);
    memcpy(query, request.query.data, request.query.len);
    memcpy(query + request.query.len, "&a=b", 4);
    request.query = ts_slice(query, request.query.len + 4);

    assert(ts_part_read(&part, &request, buf, &value) != TS_PART_OK);

    free(query);

    return 0;
}
