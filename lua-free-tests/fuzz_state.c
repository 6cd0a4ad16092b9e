/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A line that is read has one spelling: written again it is the same.
 */

#include <assert.h>

#include "core/ts_state.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             buf[TS_STATE_LINE_MAX], name[TS_STATE_NAME + 1];
    size_t           n;
    uint8_t          key[TS_STATE_KEY];
    ts_slice_t       line, area;
    ts_state_lock_t  lock;
    ts_revocation_t  revocation;

    line = ts_slice(data, size);

    if (ts_state_read_lock(line, &lock)) {
        n = ts_state_write_lock(buf, &lock);
        assert(n == size + 1 && memcmp(buf, data, size) == 0);
        assert(ts_state_lock_left(&lock, 0) <= lock.left);
    }

    if (ts_state_read_revocation(line, &revocation)) {
        n = ts_state_write_revocation(buf, &revocation);
        assert(n == size + 1 && memcmp(buf, data, size) == 0);
        assert(ts_revocation_kind(revocation.key) < TS_REVOKED_NOTHING);
    }

    if (ts_state_read_key(line, &area, key)
        && memchr(area.data, '\0', area.len) == NULL)
    {
        memcpy(name, area.data, area.len);
        name[area.len] = '\0';
        n = ts_state_write_key(buf, name, key);
        assert(n == size + 1 && memcmp(buf, data, size) == 0);
    }

    return 0;
}
