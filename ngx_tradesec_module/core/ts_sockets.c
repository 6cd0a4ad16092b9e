/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_sockets.h"


static ts_sockets_e ts_sockets_find(const ts_sockets_t *sockets,
    const ts_socket_t *socket, const ts_socket_limits_t *limits,
    uint32_t *slot);
static uint32_t ts_sockets_sweep(ts_sockets_t *sockets,
    ts_sockets_alive_pt alive);


int
ts_sockets_init(void *memory, size_t size)
{
    size_t         n;
    ts_sockets_t  *sockets = memory;

    if (size < sizeof(ts_sockets_t) + sizeof(ts_socket_t)) {
        return 0;
    }

    n = (size - sizeof(ts_sockets_t)) / sizeof(ts_socket_t);

    sockets->size = n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
    sockets->used = 0;

    return 1;
}


ts_sockets_e
ts_sockets_open(ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_limits_t *limits, ts_sockets_alive_pt alive,
    uint32_t *slot)
{
    ts_socket_t   *s;
    ts_sockets_e   rc;

    rc = ts_sockets_find(sockets, socket, limits, slot);

    if (rc != TS_SOCKETS_OK && ts_sockets_sweep(sockets, alive) > 0) {
        rc = ts_sockets_find(sockets, socket, limits, slot);
    }

    if (rc != TS_SOCKETS_OK) {
        return rc;
    }

    s = &sockets->slots[*slot];

    if (*slot == sockets->used) {
        s->worker = 0;
        sockets->used++;
    }

    s->user = socket->user;
    s->address = socket->address;

    __atomic_store_n(&s->worker, socket->worker, __ATOMIC_RELEASE);

    return TS_SOCKETS_OK;
}


/* Counts, and finds the first free slot. */

static ts_sockets_e
ts_sockets_find(const ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_limits_t *limits, uint32_t *slot)
{
    uint32_t            i, users, addresses;
    const ts_socket_t  *s;

    users = 0;
    addresses = 0;
    *slot = sockets->used;

    for (i = 0; i < sockets->used; i++) {
        s = &sockets->slots[i];

        if (s->worker == 0) {
            *slot = (*slot == sockets->used) ? i : *slot;
            continue;
        }

        users += (s->user == socket->user);
        addresses += (s->address == socket->address);
    }

    if (limits->user && users >= limits->user) {
        return TS_SOCKETS_USER;
    }

    if (limits->address && addresses >= limits->address) {
        return TS_SOCKETS_ADDRESS;
    }

    return (*slot == sockets->size) ? TS_SOCKETS_FULL : TS_SOCKETS_OK;
}


/* Frees what dead workers held. Neighbours mostly are of the same worker. */

static uint32_t
ts_sockets_sweep(ts_sockets_t *sockets, ts_sockets_alive_pt alive)
{
    int          lives;
    uint32_t     i, freed, worker;
    ts_socket_t *s;

    freed = 0;
    worker = 0;
    lives = 1;

    for (i = 0; i < sockets->used; i++) {
        s = &sockets->slots[i];

        if (s->worker == 0) {
            continue;
        }

        if (s->worker != worker) {
            worker = s->worker;
            lives = alive(worker);
        }

        if (!lives) {
            s->worker = 0;
            freed++;
        }
    }

    return freed;
}


void
ts_sockets_close(ts_sockets_t *sockets, uint32_t slot, uint32_t worker)
{
    if (slot < sockets->used && sockets->slots[slot].worker == worker) {
        __atomic_store_n(&sockets->slots[slot].worker, 0, __ATOMIC_RELEASE);
    }
}


uint32_t
ts_sockets_count(const ts_sockets_t *sockets)
{
    uint32_t  i, n;

    for (i = 0, n = 0; i < sockets->used; i++) {
        n += (sockets->slots[i].worker != 0);
    }

    return n;
}
