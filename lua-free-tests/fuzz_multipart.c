/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The first bytes are a Content-Type up to a line feed, the rest is the body.
 * A value that we found must be the one that a plain cut at the boundaries
 * finds.
 */

#include <assert.h>

#include "core/ts_media_type.h"
#include "core/ts_multipart.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static size_t
count(ts_slice_t text, ts_slice_t what)
{
    size_t  i, n;

    for (i = 0, n = 0; i + what.len <= text.len; i++) {
        n += memcmp(text.data + i, what.data, what.len) == 0;
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            i;
    uint8_t           delimiter[4 + TS_MEDIA_TYPE_BOUNDARY];
    ts_slice_t        boundary, body, value, before, after, cut;
    ts_field_t        field;
    const uint8_t    *lf;
    ts_media_type_e   kind;

    lf = size ? memchr(data, '\n', size) : NULL;

    if (lf == NULL) {
        return 0;
    }

    kind = ts_media_type(ts_slice(data, (size_t) (lf - data)), &boundary);

    if (kind != TS_MEDIA_TYPE_MULTIPART) {
        return 0;
    }

    assert(boundary.len > 0 && boundary.len <= TS_MEDIA_TYPE_BOUNDARY);
    assert(boundary.data > data && boundary.data + boundary.len <= lf);

    body = ts_slice(lf + 1, size - (size_t) (lf + 1 - data));
    assert(ts_field_init(&field, TS_SLICE("user")));

    if (ts_multipart_field(body, boundary, &field, &value) != TS_FORM_OK) {
        return 0;
    }

    memcpy(delimiter, "\r\n--", 4);
    memcpy(delimiter + 4, boundary.data, boundary.len);
    cut = ts_slice(delimiter, boundary.len + 4);

    before = ts_slice(body.data, (size_t) (value.data - body.data));
    after = ts_slice(value.data + value.len,
                     body.len - before.len - value.len);

    assert(count(value, ts_slice(delimiter + 2, cut.len - 2)) == 0);
    assert(after.len >= cut.len && memcmp(after.data, cut.data, cut.len) == 0);
    assert(before.len > 4 && memcmp(before.data + before.len - 4, "\r\n\r\n",
                                    4) == 0);

    /* the headers of the part, and only they, name the field */

    cut = ts_slice(delimiter + 2, cut.len - 2);

    for (i = before.len; memcmp(before.data + i - cut.len, cut.data, cut.len)
                         != 0; i--)
    {
        assert(i > cut.len);
    }

    assert(count(ts_slice(before.data + i, before.len - i), TS_SLICE("user"))
           >= 1);

    return 0;
}
