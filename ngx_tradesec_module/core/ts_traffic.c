/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_traffic.h"


ts_traffic_t *
ts_traffic_join(ts_traffic_t *rows, uint32_t n, uint32_t worker,
    int (*alive)(uint32_t worker))
{
    uint32_t  i;

    for (i = 0; i + 1 < n; i++) {

        if (rows[i].worker == 0 || rows[i].worker == worker
            || !alive(rows[i].worker))
        {
            rows[i].worker = worker;
            return &rows[i];
        }
    }

    rows[i].shared = 1;

    return &rows[i];
}


/* All of a row but its last two members are counters. */

void
ts_traffic_sum(const ts_traffic_t *rows, uint32_t n, ts_traffic_t *sum)
{
    uint32_t             i, j;
    const ts_traffic_t  *row;

    memset(sum, 0, sizeof(ts_traffic_t));

    for (i = 0; i < n; i++) {
        row = &rows[i];

        for (j = 0; j < TS_TRAFFIC_N; j++) {
            sum->count[j] += __atomic_load_n(&row->count[j],
                                             __ATOMIC_RELAXED);
        }

        for (j = 0; j < TS_TRAFFIC_REASONS; j++) {
            sum->dropped[j] += __atomic_load_n(&row->dropped[j],
                                               __ATOMIC_RELAXED);
            sum->closed[j] += __atomic_load_n(&row->closed[j],
                                              __ATOMIC_RELAXED);
        }
    }
}
