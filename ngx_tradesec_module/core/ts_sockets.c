/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_sockets.h"


static ts_sockets_e ts_sockets_find(const ts_sockets_t *sockets,
    const ts_socket_t *socket, const ts_socket_limits_t *limits,
    uint32_t *slot);


/* A row for each worker, where that takes no more than an eighth of it all. */

#define TS_SOCKETS_ROWS_MIN  2
#define TS_SOCKETS_ROWS_MAX  64

/* Whose life is known while the table is swept. */

#define TS_SOCKETS_WORKERS   32


int
ts_sockets_init(void *memory, size_t size, int listed)
{
    size_t         n, each, rows;
    ts_sockets_t  *sockets = memory;

    each = sizeof(ts_socket_t) + (listed ? sizeof(ts_socket_detail_t) : 0);
    rows = 0;

    if (listed) {
        rows = size / 8 / sizeof(ts_traffic_t);
        rows = rows < TS_SOCKETS_ROWS_MIN ? TS_SOCKETS_ROWS_MIN
               : rows > TS_SOCKETS_ROWS_MAX ? TS_SOCKETS_ROWS_MAX : rows;
    }

    if (size < sizeof(ts_sockets_t) + rows * sizeof(ts_traffic_t) + each) {
        return 0;
    }

    n = (size - sizeof(ts_sockets_t) - rows * sizeof(ts_traffic_t)) / each;

    sockets->size = n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
    sockets->used = 0;
    sockets->rows = (uint32_t) rows;

    if (listed) {
        sockets->details = sizeof(ts_sockets_t) + n * sizeof(ts_socket_t);
        sockets->traffic = sockets->details + n * sizeof(ts_socket_detail_t);
    }

    return 1;
}


ts_socket_detail_t *
ts_sockets_detail(ts_sockets_t *sockets, uint32_t slot)
{
    return sockets->details
           ? (ts_socket_detail_t *) ((uint8_t *) sockets + sockets->details)
             + slot
           : NULL;
}


ts_traffic_t *
ts_sockets_traffic(ts_sockets_t *sockets)
{
    return sockets->traffic
           ? (ts_traffic_t *) ((uint8_t *) sockets + sockets->traffic) : NULL;
}


ts_sockets_e
ts_sockets_open(ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_detail_t *detail, const ts_socket_limits_t *limits,
    ts_sockets_alive_pt alive, uint32_t *slot)
{
    ts_socket_t         *s;
    ts_sockets_e         rc;
    ts_socket_detail_t  *d;

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
    s->counted = socket->counted;

    d = ts_sockets_detail(sockets, *slot);

    if (d != NULL) {
        *d = *detail;
    }

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

        users += (s->counted && s->user == socket->user);
        addresses += (s->counted && s->address == socket->address);
    }

    if (limits->user && users >= limits->user) {
        return TS_SOCKETS_USER_LIMIT;
    }

    if (limits->address && addresses >= limits->address) {
        return TS_SOCKETS_ADDRESS_LIMIT;
    }

    return (*slot == sockets->size) ? TS_SOCKETS_FULL : TS_SOCKETS_OK;
}


/* Asks once for each worker, if they are not very many. */

uint32_t
ts_sockets_sweep(ts_sockets_t *sockets, ts_sockets_alive_pt alive)
{
    int           lives[TS_SOCKETS_WORKERS];
    uint32_t      i, n, freed, next;
    uint32_t      workers[TS_SOCKETS_WORKERS] = { 0 };
    ts_socket_t  *s;

    freed = 0;
    next = 0;

    for (i = 0; i < sockets->used; i++) {
        s = &sockets->slots[i];

        if (s->worker == 0) {
            continue;
        }

        for (n = 0; n < TS_SOCKETS_WORKERS && workers[n] != s->worker; n++) {
            /* void */
        }

        if (n == TS_SOCKETS_WORKERS) {
            n = next++ % TS_SOCKETS_WORKERS;
            workers[n] = s->worker;
            lives[n] = alive(s->worker);
        }

        if (!lives[n]) {
            s->worker = 0;
            freed++;
        }
    }

    return freed;
}


ts_sockets_e
ts_sockets_name(ts_sockets_t *sockets, uint32_t slot, uint64_t user,
    const ts_socket_limits_t *limits, ts_sockets_alive_pt alive)
{
    uint32_t  i, n;

    sockets->slots[slot].user = user;

    do {
        for (i = 0, n = 0; i < sockets->used; i++) {
            n += (sockets->slots[i].worker != 0 && sockets->slots[i].counted
                  && sockets->slots[i].user == user);
        }

        if (limits->user == 0 || n <= limits->user) {
            return TS_SOCKETS_OK;
        }

    } while (ts_sockets_sweep(sockets, alive) > 0);

    return TS_SOCKETS_USER_LIMIT;
}


void
ts_sockets_close(ts_sockets_t *sockets, uint32_t slot, uint32_t worker)
{
    if (slot < sockets->used && sockets->slots[slot].worker == worker) {
        __atomic_store_n(&sockets->slots[slot].worker, 0, __ATOMIC_RELEASE);
    }
}


ts_traffic_t *
ts_sockets_join(ts_sockets_t *sockets, uint32_t worker,
    ts_sockets_alive_pt alive)
{
    uint32_t  i;

    for (i = 0; i < sockets->used; i++) {
        ts_sockets_close(sockets, i, worker);
    }

    return sockets->traffic
           ? ts_traffic_join(ts_sockets_traffic(sockets), sockets->rows,
                             worker, alive)
           : NULL;
}


uint32_t
ts_sockets_list(ts_sockets_t *sockets, const ts_sockets_filter_t *filter,
    uint32_t *cursor, uint32_t most, ts_sockets_row_t *rows, uint32_t n)
{
    uint32_t                   i, j, found;
    const ts_socket_t         *s;
    ts_socket_detail_t        *to;
    const ts_socket_detail_t  *d;

    found = 0;

    for (i = *cursor; i < sockets->used && most > 0 && found < n; i++) {
        s = &sockets->slots[i];
        d = ts_sockets_detail(sockets, i);
        most--;

        if (s->worker == 0
            || d == NULL
            || (filter->user && filter->user != s->user)
            || (filter->location && filter->location != d->location_hash))
        {
            continue;
        }

        rows[found].worker = s->worker;
        to = &rows[found++].detail;

        *to = *d;

        /* they grow meanwhile */

        for (j = 0; j < TS_TRAFFIC_SOCKET_N; j++) {
            to->traffic[j] = __atomic_load_n(&d->traffic[j],
                                             __ATOMIC_RELAXED);
        }
    }

    *cursor = (i < sockets->used) ? i : 0;

    return found;
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
