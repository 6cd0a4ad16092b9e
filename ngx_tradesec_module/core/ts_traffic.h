/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What went through the open sockets of several processes: numbers that only
 * grow, in memory that they share. Each process adds to a row of its own, so
 * that adding takes no lock; who reads sums all rows. The row of a process that
 * is gone goes to a new one together with what it has counted. When there are
 * more processes than rows, those that are left over share the last row.
 */

#ifndef TS_TRAFFIC_H
#define TS_TRAFFIC_H

#include "core/ts_reason.h"
#include "core/ts_types.h"


#define TS_TRAFFIC_REASONS  TS_REASON_SOCKET_N


typedef enum {
    TS_TRAFFIC_RECEIVED = 0,        /* messages from clients */
    TS_TRAFFIC_SENT,                /* and passed on to them */
    TS_TRAFFIC_DROPPED,             /* of either side */
    TS_TRAFFIC_BYTES_RECEIVED,      /* passed on, with frames' headers */
    TS_TRAFFIC_BYTES_SENT,
    TS_TRAFFIC_SOCKET_N,            /* so far each socket has its own, too */
    TS_TRAFFIC_OPENED = TS_TRAFFIC_SOCKET_N,
    TS_TRAFFIC_N
} ts_traffic_e;


typedef struct {
    uint64_t        count[TS_TRAFFIC_N];
    uint64_t        dropped[TS_TRAFFIC_REASONS];    /* messages */
    uint64_t        closed[TS_TRAFFIC_REASONS];     /* sockets */
    uint32_t        worker;         /* its process; 0: nobody's */
    uint32_t        shared;         /* by several */
} ts_traffic_t;


/*
 * The row of a process, of n, to be called under a lock, once in each process.
 */

ts_traffic_t *ts_traffic_join(ts_traffic_t *rows, uint32_t n, uint32_t worker,
    int (*alive)(uint32_t worker));

/* The sum of n rows; worker and shared mean nothing in it. */

void ts_traffic_sum(const ts_traffic_t *rows, uint32_t n, ts_traffic_t *sum);


static inline void
ts_traffic_add(ts_traffic_t *row, uint64_t *counter, uint64_t n)
{
    if (row->shared) {
        (void) __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);

    } else {
        __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
    }
}


#endif /* TS_TRAFFIC_H */
