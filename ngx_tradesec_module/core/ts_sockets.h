/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Open sockets of several processes, counted by user and by address: a flat
 * table in memory that they share, to be used under one lock.
 *
 * A slot belongs to the worker that is written into it, last when it is taken
 * and first when it is given back: a worker that dies at any moment leaves
 * nothing half done. What it held is found out when room is needed: by a user
 * at his limit, or by anyone when no slot is free.
 */

#ifndef TS_SOCKETS_H
#define TS_SOCKETS_H

#include "core/ts_types.h"


#define TS_SOCKETS_VERSION  1       /* of the layout in memory */


typedef struct {
    uint64_t        user;           /* keyed hashes */
    uint64_t        address;
    uint32_t        worker;         /* its process; 0: the slot is free */
} ts_socket_t;


typedef struct {
    uint32_t        size;
    uint32_t        used;           /* slots from here on never were */
    ts_socket_t     slots[];
} ts_sockets_t;


/* The most at the same time; 0: any number. */

typedef struct {
    uint32_t        user;
    uint32_t        address;
} ts_socket_limits_t;


typedef enum {
    TS_SOCKETS_OK = 0,
    TS_SOCKETS_USER,                /* he has as many as he may */
    TS_SOCKETS_ADDRESS,
    TS_SOCKETS_FULL                 /* no slot is free */
} ts_sockets_e;


/* Whether a process lives. */

typedef int (*ts_sockets_alive_pt)(uint32_t worker);


/* Makes zeroed memory a table. 0: it is too small for a single socket. */

int ts_sockets_init(void *memory, size_t size);

/* Takes a slot for the socket, and says which, or why not. */

ts_sockets_e ts_sockets_open(ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_limits_t *limits, ts_sockets_alive_pt alive,
    uint32_t *slot);

/* Gives back a slot of that worker; does nothing if it is not. */

void ts_sockets_close(ts_sockets_t *sockets, uint32_t slot, uint32_t worker);

/* How many slots are taken. */

uint32_t ts_sockets_count(const ts_sockets_t *sockets);


#endif /* TS_SOCKETS_H */
