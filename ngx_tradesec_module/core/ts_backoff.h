/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How long to wait before the next try: twice as long each time, up to a
 * longest, and half of it is chance, so that many who have lost the same server
 * at the same moment do not come back in step.
 */

#ifndef TS_BACKOFF_H
#define TS_BACKOFF_H

#include "core/ts_types.h"


/* From half of *pause to all of it; *pause is then that of the next time. */

static inline uint32_t
ts_backoff(uint32_t *pause, uint32_t longest, uint64_t random)
{
    uint32_t  half, now;

    now = *pause < longest ? *pause : longest;
    half = now / 2;

    *pause = now > longest / 2 ? longest : now * 2;

    return now - half + (uint32_t) (random % ((uint64_t) half + 1));
}


#endif /* TS_BACKOFF_H */
