/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A line of the stream of revocations. No bytes that are not signed are taken
 * for one; signed, they are read as they were written, byte for byte, and no
 * change of one byte is.
 */

#include <assert.h>
#include <stdlib.h>

#include "core/ts_revocations_wire.h"
#include "core/ts_state.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ts_revocations_keys_t
keys_of(uint8_t n)
{
    uint8_t  shared[TS_REVOCATIONS_WIRE_KEY];

    memset(shared, n, sizeof(shared));

    return ts_revocations_keys(shared);
}


/* Bytes that nobody has signed: at best, words of the right form. */

static void
unsigned_line(ts_slice_t text, const ts_revocations_keys_t *keys)
{
    uint8_t          *copy;
    ts_revocation_t   r;

    copy = malloc(text.len ? text.len : 1);
    assert(copy != NULL);

    if (text.len) {
        memcpy(copy, text.data, text.len);
    }

    assert(!ts_revocations_read_line(ts_slice(copy, text.len), &r, keys));

    free(copy);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   line[TS_REVOCATIONS_WIRE_LINE];
    char                   again[TS_REVOCATIONS_WIRE_LINE];
    size_t                 n;
    ts_revocation_t        r, back;
    ts_revocations_keys_t  keys, others;

    keys = keys_of(1);
    others = keys_of(2);

    unsigned_line(ts_slice(data, size), &keys);

    if (size < sizeof(r.key) + sizeof(r.time) + sizeof(r.expires) + 2) {
        return 0;
    }

    memcpy(&r.key, data, sizeof(r.key));
    memcpy(&r.time, data + 8, sizeof(r.time));
    memcpy(&r.expires, data + 12, sizeof(r.expires));

    n = ts_revocations_write_line(line, &r, &keys);
    assert(n > 0 && n <= sizeof(line));

    if (!ts_revocations_read_line(ts_slice(line, n), &back, &keys)) {

        /* only what is no revocation in the state file either */

        assert(!ts_state_read_revocation(ts_slice(line, n - 17), &back));
        return 0;
    }

    assert(back.key == r.key && back.time == r.time
           && back.expires == r.expires);
    assert(ts_revocations_write_line(again, &back, &keys) == n);
    assert(memcmp(line, again, n) == 0);

    assert(!ts_revocations_read_line(ts_slice(line, n), &back, &others));

    /* one byte is another, or the last ones are missing */

    if (data[17]) {
        line[data[16] % n] = (char) (line[data[16] % n] ^ data[17]);
        unsigned_line(ts_slice(line, n), &keys);

    } else {
        unsigned_line(ts_slice(line, data[16] % n), &keys);
    }

    return 0;
}
