/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Nothing is a cookie of a browser but what was written as one.
 */

#include <assert.h>

#include "core/ts_device.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       n;
    uint8_t      text[TS_DEVICE_TEXT];
    ts_slice_t   account;
    ts_device_t  device;

    static const uint8_t             key[TS_DEVICE_KEY] = "a key of sixteen";
    static const ts_device_issuer_t  issuer = { key, "realm" };

    /* some of it is the account, and what is left the cookie */

    n = size ? data[0] % (size + 1) : 0;
    account = ts_slice(data, n);

    if (ts_device_read(&issuer, account, ts_slice(data + n, size - n),
                       &device))
    {
        ts_device_write(&issuer, account, &device, text);
        assert(size - n == TS_DEVICE_TEXT);
        assert(memcmp(text, data + n, TS_DEVICE_TEXT) == 0);
    }

    memset(&device, (int) size, sizeof(device));
    ts_device_write(&issuer, account, &device, text);
    assert(ts_device_read(&issuer, account, ts_slice(text, TS_DEVICE_TEXT),
                          &device));

    return 0;
}
