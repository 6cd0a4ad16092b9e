/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What Redis may answer: a number for a verdict and for an outcome, a cursor,
 * the name of a counter.
 */

#include <assert.h>
#include <stdio.h>

#include "core/ts_attempts_script.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
number(long long answer, uint32_t n)
{
    uint32_t               locked, seconds;
    ts_attempts_verdict_t  v;

    if (ts_attempts_script_verdict(answer, n, &v)) {
        assert(v.verdict <= TS_ATTEMPTS_LOCKED);
        assert(v.counter < n);
        assert((v.verdict == TS_ATTEMPTS_ADMITTED) == (v.retry_after == 0));

        /* nothing of it is lost, so nothing else has the same meaning */

        assert(answer == ((long long) v.retry_after + v.failed
                          + 65536LL * v.in_flight) * 64
                         + v.counter * 8 + v.verdict);
    }

    if (ts_attempts_script_settled(answer, n, &locked, &seconds)) {
        assert(locked <= n);
        assert((locked == 0) == (seconds == 0));
        assert(answer == (long long) seconds * 8 + locked);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char               text[40];
    uint64_t           cursor;
    long long          answer;
    ts_slice_t         rest;
    ts_attempts_key_t  key;

    if (size < 1 + sizeof(answer)) {
        return 0;
    }

    memcpy(&answer, data + 1, sizeof(answer));
    number(answer, 1 + data[0] % TS_ATTEMPTS_KEYS);

    /* those that could be answers are few */

    number(answer & 0x3fffffffff, 1 + data[0] % TS_ATTEMPTS_KEYS);

    rest = ts_slice(data + 1 + sizeof(answer), size - 1 - sizeof(answer));

    if (ts_attempts_script_cursor(rest, &cursor)) {
        (void) snprintf(text, sizeof(text), "%llu",
                        (unsigned long long) cursor);
        assert(rest.len >= strlen(text));
        assert(memcmp(rest.data + rest.len - strlen(text), text,
                      strlen(text)) == 0);
    }

    if (ts_attempts_script_name(rest, &key)) {
        (void) snprintf(text, sizeof(text), "%016llx%016llx",
                        (unsigned long long) key.word[0],
                        (unsigned long long) key.word[1]);
        assert(rest.len == 32 && memcmp(rest.data, text, 32) == 0);
    }

    return 0;
}
