/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Open sockets of several processes, counted by user and by address, and listed
 * for operators where they want that, in memory that they share; to be used
 * under one lock. Each socket has a slot, and each user and each address a
 * counter in a hash table: to open or to close one takes the same time, however
 * many there are.
 *
 * A slot belongs to the worker that is written into it, last when it is taken
 * and first when it is given back. A worker that dies meanwhile has left the
 * mark, and who comes next counts the slots anew. What a dead worker held is
 * found out when room is needed, by a user at his limit or by anyone when no
 * slot is free, and by who reads the list: as long as all that have sockets
 * live, without a walk.
 */

#ifndef TS_SOCKETS_H
#define TS_SOCKETS_H

#include "core/ts_traffic.h"
#include "core/ts_types.h"


/* Of the layout in memory, which also has a row for each reason. */

#define TS_SOCKETS_VERSION  (3 + (TS_TRAFFIC_N + TS_TRAFFIC_REASONS) * 4)

#define TS_SOCKETS_LISTED   1       /* added to it where sockets are listed */

/* What is longer is cut. */

#define TS_SOCKETS_USER      64
#define TS_SOCKETS_LOCATION  48
#define TS_SOCKETS_ADDRESS   46


/* One that opens. */

typedef struct {
    uint64_t        user;           /* keyed hashes */
    uint64_t        address;
    uint32_t        worker;         /* its process */
    uint32_t        counted;        /* by the limits; else only listed */
} ts_socket_t;


/* Links are numbers, and 0 is none. */

typedef struct {
    uint32_t        user;           /* counters; of a free slot the next one */
    uint32_t        address;
    uint32_t        worker;         /* 0: the slot is free */
} ts_socket_slot_t;


typedef struct {
    uint64_t        key;            /* the hash; odd: of counted sockets */
    uint32_t        sockets;        /* 0: it is free */
    uint32_t        next;           /* of its bucket, or of the free ones */
} ts_socket_counter_t;


/* Memory of a socket, without details. */

#define TS_SOCKETS_EACH                                                      \
    (2 * sizeof(ts_socket_counter_t) + sizeof(ts_socket_slot_t)              \
     + sizeof(uint32_t))


/* What operators read of it. Only its worker changes the traffic. */

typedef struct {
    uint64_t        traffic[TS_TRAFFIC_SOCKET_N];
    uint64_t        location_hash;  /* of all of the location's name */
    uint32_t        since;          /* wall clock */
    uint16_t        user_len;
    uint8_t         location_len;
    uint8_t         address_len;
    uint8_t         user[TS_SOCKETS_USER];
    uint8_t         location[TS_SOCKETS_LOCATION];
    uint8_t         address[TS_SOCKETS_ADDRESS];
} ts_socket_detail_t;


/* Workers that have had sockets; those beyond are asked for one by one. */

#define TS_SOCKETS_WORKERS   64


/*
 * Behind it: twice as many counters as slots, the slots, as many buckets.
 * Offsets are from here on; 0: there are no details and no traffic.
 */

typedef struct {
    uint32_t        size;
    uint32_t        used;           /* slots from here on never were */
    uint32_t        free;
    uint32_t        open;
    uint32_t        counters_used;
    uint32_t        counters_free;
    uint32_t        busy;           /* somebody is at work, or has died of it */
    uint32_t        crowd;          /* some worker is not in the list */
    uint32_t        workers_n;
    uint32_t        rows;           /* of traffic */
    uint64_t        details;
    uint64_t        traffic;
    uint32_t        workers[TS_SOCKETS_WORKERS];
    ts_socket_counter_t
                    counters[];
} ts_sockets_t;


/* The most at the same time; 0: any number. */

typedef struct {
    uint32_t        user;
    uint32_t        address;
} ts_socket_limits_t;


typedef enum {
    TS_SOCKETS_OK = 0,
    TS_SOCKETS_USER_LIMIT,          /* he has as many as he may */
    TS_SOCKETS_ADDRESS_LIMIT,
    TS_SOCKETS_FULL                 /* no slot is free */
} ts_sockets_e;


/* Whether a process lives. */

typedef int (*ts_sockets_alive_pt)(uint32_t worker);


/* Which sockets are listed; 0: of all. */

typedef struct {
    uint64_t        user;
    uint64_t        location;
} ts_sockets_filter_t;


typedef struct {
    uint32_t            worker;
    ts_socket_detail_t  detail;
} ts_sockets_row_t;


/*
 * Makes zeroed memory a table, with details of each socket where they are
 * listed. 0: it is too small for a single socket.
 */

int ts_sockets_init(void *memory, size_t size, int listed);

/* Takes a slot for the socket, and says which, or why not. */

ts_sockets_e ts_sockets_open(ts_sockets_t *sockets, const ts_socket_t *socket,
    const ts_socket_detail_t *detail, const ts_socket_limits_t *limits,
    ts_sockets_alive_pt alive, uint32_t *slot);

/* The socket's user is known now; OK, or USER_LIMIT. */

ts_sockets_e ts_sockets_name(ts_sockets_t *sockets, uint32_t slot,
    uint64_t user, const ts_socket_limits_t *limits,
    ts_sockets_alive_pt alive);

/* Gives back a slot of that worker; does nothing if it is not. */

void ts_sockets_close(ts_sockets_t *sockets, uint32_t slot, uint32_t worker);

/*
 * A new process: forgets what another one of the same number held, and gives
 * the row of its traffic; NULL where sockets are not listed.
 */

ts_traffic_t *ts_sockets_join(ts_sockets_t *sockets, uint32_t worker,
    ts_sockets_alive_pt alive);

/* NULL where sockets are not listed. */

ts_socket_detail_t *ts_sockets_detail(ts_sockets_t *sockets, uint32_t slot);
ts_traffic_t *ts_sockets_traffic(ts_sockets_t *sockets);

/* Frees what dead workers held; returns how many that were. */

uint32_t ts_sockets_sweep(ts_sockets_t *sockets, ts_sockets_alive_pt alive);

/*
 * Copies up to n sockets, from *cursor on, which starts at 0 and is 0 again
 * behind the last, and looks at `most` slots at most. Returns their number.
 */

uint32_t ts_sockets_list(ts_sockets_t *sockets,
    const ts_sockets_filter_t *filter, uint32_t *cursor, uint32_t most,
    ts_sockets_row_t *rows, uint32_t n);

/* How many slots are taken. */

uint32_t ts_sockets_count(const ts_sockets_t *sockets);


#endif /* TS_SOCKETS_H */
