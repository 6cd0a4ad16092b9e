/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Each text that decodes is the one encoding of its bytes.
 */

#include <assert.h>

#include "core/ts_base64url.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t                bytes[768], text[1024];
    ts_slice_t             s;
    ts_base64url_result_e  rc;

    if (size > sizeof(text)) {
        return 0;
    }

    rc = ts_base64url_decode(ts_slice(data, size), bytes, sizeof(bytes), &s);

    assert(ts_base64url_check(ts_slice(data, size)) == rc);

    if (rc != TS_BASE64URL_OK) {
        return 0;
    }

    assert(s.len == ts_base64url_decoded(size));
    assert(ts_base64url_encoded(s.len) == size);

    ts_base64url_encode(s, text);
    assert(size == 0 || memcmp(text, data, size) == 0);

    return 0;
}
