/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The counters of open sockets, and how they are put in order; for
 * ts_sockets.c.
 */

#ifndef TS_SOCKETS_TABLE_H
#define TS_SOCKETS_TABLE_H

#include "core/ts_sockets.h"


static inline ts_socket_slot_t *
ts_sockets_slots(const ts_sockets_t *sockets)
{
    return (ts_socket_slot_t *)
           (sockets->counters + 2 * (size_t) sockets->size);
}


static inline uint32_t *
ts_sockets_bucket(const ts_sockets_t *sockets, uint64_t key)
{
    return (uint32_t *) (ts_sockets_slots(sockets) + sockets->size)
           + (key >> 1) % sockets->size;
}


/* Those who are only listed have counters of their own. */

static inline uint64_t
ts_sockets_key(uint64_t hash, uint32_t counted)
{
    return (hash & ~(uint64_t) 1) | (counted != 0);
}


/* Around whatever changes the table: the first puts it in order if need be. */

void ts_sockets_enter(ts_sockets_t *sockets);
void ts_sockets_leave(ts_sockets_t *sockets);

/* The counter of a key, as a link; 0: there is none. */

uint32_t ts_sockets_find(const ts_sockets_t *sockets, uint64_t key);

/* One socket more, and one less. */

uint32_t ts_sockets_acquire(ts_sockets_t *sockets, uint64_t key);
void ts_sockets_release(ts_sockets_t *sockets, uint32_t counter);


#endif /* TS_SOCKETS_TABLE_H */
