/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How long an attempt waits before it is passed on: from the n-th attempt that
 * is charged on, a time that doubles with each, up to a longest.
 */

#ifndef TS_DELAY_H
#define TS_DELAY_H

#include "core/ts_types.h"


#define TS_DELAY_MAX    60000       /* milliseconds; who waits has a client */
#define TS_DELAY_AFTER  1000


typedef struct {
    uint32_t  first;                /* milliseconds, 0: no delays */
    uint32_t  longest;
    uint32_t  after;                /* so many attempts do not wait */
} ts_delay_rule_t;


/*
 * Milliseconds, at most TS_DELAY_MAX + 1, which is too long. Others that are
 * in flight are waited for: their delays are a part of this one, so that many
 * attempts at the same time take as long as one after the other.
 */

uint32_t ts_delay(const ts_delay_rule_t *rule, uint32_t failed,
    uint32_t in_flight);


#endif /* TS_DELAY_H */
