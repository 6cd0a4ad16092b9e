/*
 * Copyright (C) the ngx_tradesec authors
 */

#include "core/ts_sockets_table.h"


static void ts_sockets_rebuild(ts_sockets_t *sockets);


/* What is written in between is there when the mark is gone, or the mark is. */

void
ts_sockets_enter(ts_sockets_t *sockets)
{
    if (sockets->busy) {
        ts_sockets_rebuild(sockets);
    }

    __atomic_store_n(&sockets->busy, 1, __ATOMIC_SEQ_CST);
}


void
ts_sockets_leave(ts_sockets_t *sockets)
{
    __atomic_store_n(&sockets->busy, 0, __ATOMIC_SEQ_CST);
}


/* The slots that have a worker are all that is known. */

static void
ts_sockets_rebuild(ts_sockets_t *sockets)
{
    uint32_t              i, *bucket;
    ts_socket_slot_t     *s;
    ts_socket_counter_t  *c;

    memset(ts_sockets_slots(sockets) + sockets->size, 0,
           sockets->size * sizeof(uint32_t));

    for (i = 0; i < sockets->counters_used; i++) {
        sockets->counters[i].sockets = 0;
    }

    sockets->free = 0;
    sockets->open = 0;
    sockets->counters_free = 0;

    for (i = sockets->used; i > 0; i--) {
        s = &ts_sockets_slots(sockets)[i - 1];

        if (s->worker == 0) {
            s->user = sockets->free;
            sockets->free = i;
            continue;
        }

        sockets->open++;
        sockets->counters[s->user - 1].sockets++;
        sockets->counters[s->address - 1].sockets++;
    }

    for (i = sockets->counters_used; i > 0; i--) {
        c = &sockets->counters[i - 1];

        bucket = c->sockets ? ts_sockets_bucket(sockets, c->key)
                            : &sockets->counters_free;
        c->next = *bucket;
        *bucket = i;
    }
}


uint32_t
ts_sockets_find(const ts_sockets_t *sockets, uint64_t key)
{
    uint32_t  i;

    i = *ts_sockets_bucket(sockets, key);

    while (i && sockets->counters[i - 1].key != key) {
        i = sockets->counters[i - 1].next;
    }

    return i;
}


/* One socket more. There are as many as all slots together can ask for. */

uint32_t
ts_sockets_acquire(ts_sockets_t *sockets, uint64_t key)
{
    uint32_t              i, *bucket;
    ts_socket_counter_t  *c;

    i = ts_sockets_find(sockets, key);

    if (i == 0) {

        if (sockets->counters_free) {
            i = sockets->counters_free;
            sockets->counters_free = sockets->counters[i - 1].next;

        } else {
            i = ++sockets->counters_used;
        }

        bucket = ts_sockets_bucket(sockets, key);

        c = &sockets->counters[i - 1];
        c->key = key;
        c->sockets = 0;
        c->next = *bucket;
        *bucket = i;
    }

    sockets->counters[i - 1].sockets++;

    return i;
}


void
ts_sockets_release(ts_sockets_t *sockets, uint32_t counter)
{
    uint32_t             *link;
    ts_socket_counter_t  *c;

    c = &sockets->counters[counter - 1];

    if (--c->sockets > 0) {
        return;
    }

    link = ts_sockets_bucket(sockets, c->key);

    while (*link != counter) {
        link = &sockets->counters[*link - 1].next;
    }

    *link = c->next;

    c->next = sockets->counters_free;
    sockets->counters_free = counter;
}
