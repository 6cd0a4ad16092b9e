/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_key_source.h"


ts_key_source_age_e
ts_key_source_age(const ts_key_source_t *source,
    const ts_key_source_limits_t *limits, int64_t now)
{
    int64_t  age;

    if (source->fetched == 0) {
        return TS_KEYS_NONE;
    }

    age = now - source->fetched;

    if (age > limits->stale) {
        return TS_KEYS_NONE;
    }

    return age > limits->refresh ? TS_KEYS_DUE : TS_KEYS_FRESH;
}


int
ts_key_source_busy(const ts_key_source_t *source, int64_t now,
    int (*alive)(uint32_t owner))
{
    return source->until != 0 && now < source->until && alive(source->owner);
}


ts_key_source_e
ts_key_source_begin(ts_key_source_t *source,
    const ts_key_source_limits_t *limits, int64_t now, uint32_t owner,
    int (*alive)(uint32_t owner), uint32_t *flight)
{
    int64_t  next, again;

    if (ts_key_source_busy(source, now, alive)) {
        return TS_KEY_SOURCE_BUSY;
    }

    next = source->next;

    if (source->began != 0
        && (source->until != 0
            || ts_key_source_age(source, limits, now) == TS_KEYS_NONE))
    {
        /* a flight that never ended, or a gateway that cannot work */

        again = source->began + TS_KEY_SOURCE_AGAIN;
        next = (again < next) ? again : next;
    }

    if (now < next) {
        return TS_KEY_SOURCE_LATER;
    }

    source->flight++;

    if (source->flight == 0) {
        source->flight = 1;
    }

    source->began = now;
    source->next = now + limits->interval;
    source->until = now + limits->timeout;
    source->owner = owner;

    *flight = source->flight;

    return TS_KEY_SOURCE_BEGUN;
}


int
ts_key_source_end(ts_key_source_t *source, uint32_t flight,
    ts_key_source_end_e end, int64_t now)
{
    int      current;
    int64_t  again;

    current = source->until != 0 && source->flight == flight;

    if (end == TS_KEY_SOURCE_GOOD) {
        source->fetched = now;
        source->failed = 0;
    }

    if (!current) {
        return 0;
    }

    source->until = 0;

    if (end == TS_KEY_SOURCE_BAD && source->failed != UINT32_MAX) {
        source->failed++;
    }

    if (end == TS_KEY_SOURCE_CUT) {
        again = source->began + TS_KEY_SOURCE_AGAIN;
        source->next = (again < source->next) ? again : source->next;
    }

    return 1;
}
