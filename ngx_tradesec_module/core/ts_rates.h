/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How fast somebody is, over several processes: a leaky bucket for each name,
 * in memory that they share, to be used under one lock.
 *
 * The table is never full. A name has eight slots to be in; the one that gives
 * way is empty, or has drained, or is the nearest to it.
 */

#ifndef TS_RATES_H
#define TS_RATES_H

#include "core/ts_types.h"


#define TS_RATES_VERSION  1     /* of the layout in memory */
#define TS_RATES_WAYS     8


typedef struct {
    uint64_t        name;       /* a keyed hash; 0: empty */
    uint64_t        last;       /* milliseconds, monotonic */
    uint64_t        drained;    /* when it will be */
    uint32_t        excess;     /* in 1/1000 */
    uint32_t        reserved;
} ts_rate_t;


typedef struct {
    uint64_t        sets;
    ts_rate_t       slots[];
} ts_rates_t;


/* Makes zeroed memory a table. 0: it is too small. */

int ts_rates_init(void *memory, size_t size);

/*
 * One more of that name, at so many of 1/1000 a second and with so many of
 * 1/1000 at once: 0 when that is too fast, which then does not count.
 */

int ts_rates_take(ts_rates_t *rates, uint64_t name, uint64_t now,
    uint32_t rate, uint32_t burst);


#endif /* TS_RATES_H */
