/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_sockets_table.h"


static ts_sockets_e ts_sockets_check(const ts_sockets_t *sockets,
    const ts_socket_t *socket, const ts_socket_limits_t *limits);
static void ts_sockets_take(ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_detail_t *detail, uint32_t *slot);
static void ts_sockets_give_back(ts_sockets_t *sockets, uint32_t slot);
static void ts_sockets_enlist(ts_sockets_t *sockets, uint32_t worker,
    ts_sockets_alive_pt alive);
static uint32_t ts_sockets_bury(ts_sockets_t *sockets,
    ts_sockets_alive_pt alive);


/* A row for each worker, where that takes no more than an eighth of it all. */

#define TS_SOCKETS_ROWS_MIN  2
#define TS_SOCKETS_ROWS_MAX  64


int
ts_sockets_init(void *memory, size_t size, int listed)
{
    size_t         n, each, rows;
    ts_sockets_t  *sockets = memory;

    each = TS_SOCKETS_EACH + (listed ? sizeof(ts_socket_detail_t) : 0);
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

    sockets->size = n < INT32_MAX ? (uint32_t) n : INT32_MAX;
    sockets->rows = (uint32_t) rows;

    if (listed) {
        sockets->details = sizeof(ts_sockets_t) + n * TS_SOCKETS_EACH;
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
    ts_sockets_e  rc;

    ts_sockets_enter(sockets);

    rc = ts_sockets_check(sockets, socket, limits);

    if (rc != TS_SOCKETS_OK && ts_sockets_bury(sockets, alive) > 0) {
        rc = ts_sockets_check(sockets, socket, limits);
    }

    if (rc == TS_SOCKETS_OK) {
        ts_sockets_enlist(sockets, socket->worker, alive);
        ts_sockets_take(sockets, socket, detail, slot);
    }

    ts_sockets_leave(sockets);

    return rc;
}


static ts_sockets_e
ts_sockets_check(const ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_limits_t *limits)
{
    uint32_t  i;

    if (limits->user) {
        i = ts_sockets_find(sockets, ts_sockets_key(socket->user, 1));

        if (i && sockets->counters[i - 1].sockets >= limits->user) {
            return TS_SOCKETS_USER_LIMIT;
        }
    }

    if (limits->address) {
        i = ts_sockets_find(sockets, ts_sockets_key(socket->address, 1));

        if (i && sockets->counters[i - 1].sockets >= limits->address) {
            return TS_SOCKETS_ADDRESS_LIMIT;
        }
    }

    return (sockets->free == 0 && sockets->used == sockets->size)
           ? TS_SOCKETS_FULL : TS_SOCKETS_OK;
}


static void
ts_sockets_take(ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_detail_t *detail, uint32_t *slot)
{
    ts_socket_slot_t    *s;
    ts_socket_detail_t  *d;

    if (sockets->free) {
        *slot = sockets->free - 1;
        s = &ts_sockets_slots(sockets)[*slot];
        sockets->free = s->user;

    } else {
        *slot = sockets->used++;
        s = &ts_sockets_slots(sockets)[*slot];
    }

    s->user = ts_sockets_acquire(sockets,
                             ts_sockets_key(socket->user, socket->counted));
    s->address = ts_sockets_acquire(sockets,
                             ts_sockets_key(socket->address, socket->counted));

    d = ts_sockets_detail(sockets, *slot);

    if (d != NULL) {
        *d = *detail;
    }

    sockets->open++;

    __atomic_store_n(&s->worker, socket->worker, __ATOMIC_RELEASE);
}


static void
ts_sockets_give_back(ts_sockets_t *sockets, uint32_t slot)
{
    ts_socket_slot_t  *s;

    s = &ts_sockets_slots(sockets)[slot];

    __atomic_store_n(&s->worker, 0, __ATOMIC_SEQ_CST);

    ts_sockets_release(sockets, s->user);
    ts_sockets_release(sockets, s->address);

    s->user = sockets->free;
    sockets->free = slot + 1;
    sockets->open--;
}


static void
ts_sockets_enlist(ts_sockets_t *sockets, uint32_t worker,
    ts_sockets_alive_pt alive)
{
    uint32_t  i;

    for (i = 0; i < sockets->workers_n; i++) {
        if (sockets->workers[i] == worker) {
            return;
        }
    }

    if (sockets->workers_n == TS_SOCKETS_WORKERS) {
        (void) ts_sockets_bury(sockets, alive);
    }

    if (sockets->workers_n == TS_SOCKETS_WORKERS) {
        sockets->crowd = 1;
        return;
    }

    sockets->workers[sockets->workers_n] = worker;
    sockets->workers_n++;
}


/* Walks only when some worker has died, or there are very many. */

static uint32_t
ts_sockets_bury(ts_sockets_t *sockets, ts_sockets_alive_pt alive)
{
    int                lives[TS_SOCKETS_WORKERS] = { 0 };
    uint32_t           i, n, dead, freed;
    ts_socket_slot_t  *s;

    dead = sockets->crowd;

    for (n = 0; n < sockets->workers_n; n++) {
        lives[n] = alive(sockets->workers[n]);
        dead += !lives[n];
    }

    if (dead == 0) {
        return 0;
    }

    freed = 0;
    sockets->crowd = 0;

    for (i = 0; i < sockets->used; i++) {
        s = &ts_sockets_slots(sockets)[i];

        if (s->worker == 0) {
            continue;
        }

        for (n = 0; n < sockets->workers_n; n++) {
            if (sockets->workers[n] == s->worker) {
                break;
            }
        }

        if (n < sockets->workers_n ? lives[n] : alive(s->worker)) {
            sockets->crowd |= (n == sockets->workers_n);
            continue;
        }

        ts_sockets_give_back(sockets, i);
        freed++;
    }

    for (i = 0, n = 0; i < sockets->workers_n; i++) {
        sockets->workers[n] = sockets->workers[i];
        n += (lives[i] != 0);
    }

    sockets->workers_n = n;

    return freed;
}


uint32_t
ts_sockets_sweep(ts_sockets_t *sockets, ts_sockets_alive_pt alive)
{
    uint32_t  freed;

    ts_sockets_enter(sockets);
    freed = ts_sockets_bury(sockets, alive);
    ts_sockets_leave(sockets);

    return freed;
}


ts_sockets_e
ts_sockets_name(ts_sockets_t *sockets, uint32_t slot, uint64_t user,
    const ts_socket_limits_t *limits, ts_sockets_alive_pt alive)
{
    uint64_t              key;
    ts_sockets_e          rc;
    ts_socket_slot_t     *s;
    ts_socket_counter_t  *c;

    ts_sockets_enter(sockets);

    s = &ts_sockets_slots(sockets)[slot];
    key = ts_sockets_key(user, sockets->counters[s->user - 1].key & 1);

    /* there is always a counter: the one that is given back */

    ts_sockets_release(sockets, s->user);
    s->user = ts_sockets_acquire(sockets, key);
    c = &sockets->counters[s->user - 1];

    rc = TS_SOCKETS_OK;

    if (limits->user && c->sockets > limits->user) {
        (void) ts_sockets_bury(sockets, alive);

        if (c->sockets > limits->user) {
            rc = TS_SOCKETS_USER_LIMIT;
        }
    }

    ts_sockets_leave(sockets);

    return rc;
}


void
ts_sockets_close(ts_sockets_t *sockets, uint32_t slot, uint32_t worker)
{
    ts_sockets_enter(sockets);

    if (slot < sockets->used
        && ts_sockets_slots(sockets)[slot].worker == worker)
    {
        ts_sockets_give_back(sockets, slot);
    }

    ts_sockets_leave(sockets);
}


ts_traffic_t *
ts_sockets_join(ts_sockets_t *sockets, uint32_t worker,
    ts_sockets_alive_pt alive)
{
    uint32_t  i;

    ts_sockets_enter(sockets);

    for (i = 0; i < sockets->used; i++) {
        if (ts_sockets_slots(sockets)[i].worker == worker) {
            ts_sockets_give_back(sockets, i);
        }
    }

    ts_sockets_leave(sockets);

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
    ts_socket_slot_t          *s;
    ts_socket_detail_t        *to;
    const ts_socket_detail_t  *d;

    found = 0;

    for (i = *cursor; i < sockets->used && most > 0 && found < n; i++) {
        s = &ts_sockets_slots(sockets)[i];
        d = ts_sockets_detail(sockets, i);
        most--;

        if (s->worker == 0
            || d == NULL
            || (filter->user
                && (filter->user ^ sockets->counters[s->user - 1].key) > 1)
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
    return sockets->open;
}
