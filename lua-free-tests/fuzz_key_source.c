/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Any order of events: there is one flight at a time, no two begin within what
 * they may, and keys never become younger by a failure.
 */

#include <assert.h>

#include "core/ts_key_source.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t  dead;


static int
alive(uint32_t owner)
{
    return owner != dead;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                        i;
    int64_t                       now, began, fetched;
    uint32_t                      owner, flight, current;
    ts_key_source_t               s = { 0 };
    ts_key_source_e               rc;
    ts_key_source_end_e           end;
    const ts_key_source_limits_t  limits = { 60000, 300000, 10000, 5000 };

    now = 1;
    began = 0;
    current = 0;
    dead = 0;

    for (i = 0; i + 1 < size; i += 2) {
        now += data[i] * 100;
        owner = 1 + (data[i + 1] >> 4 & 3);
        fetched = s.fetched;

        switch (data[i + 1] & 3) {

        case 0:
        case 1:
            flight = 0;
            rc = ts_key_source_begin(&s, &limits, now, owner, alive, &flight);

            if (rc == TS_KEY_SOURCE_BEGUN) {
                assert(began == 0 || now - began >= TS_KEY_SOURCE_AGAIN);
                assert(flight != 0 && flight != current);
                assert(owner == dead || ts_key_source_busy(&s, now, alive));
                began = now;
                current = flight;
            }

            assert(s.fetched == fetched);
            break;

        case 2:
            end = data[i + 1] >> 2 & 3;

            if (end > TS_KEY_SOURCE_CUT) {
                break;
            }

            flight = (data[i + 1] & 0x80) ? current : current - 1;

            if (ts_key_source_end(&s, flight, end, now)) {
                assert(flight == current);
                assert(!ts_key_source_busy(&s, now, alive));
            }

            assert(s.fetched == (end == TS_KEY_SOURCE_GOOD ? now : fetched));
            break;

        default:
            dead = (data[i + 1] & 0x80) ? owner : 0;
        }

        if (ts_key_source_age(&s, &limits, now) != TS_KEYS_NONE) {
            assert(s.fetched != 0 && now - s.fetched <= limits.stale);
        }
    }

    return 0;
}
