/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where attempts to log in are counted: one interface, with the semantics of
 * core/ts_attempts.h, for every home. A home decides each reservation as one
 * step over all its keys, and a settlement never comes before it.
 */

#ifndef NGX_HTTP_TRADESEC_ATTEMPTS_STORE_H
#define NGX_HTTP_TRADESEC_ATTEMPTS_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_attempts.h"


typedef struct ngx_http_tradesec_attempts_store_s
    ngx_http_tradesec_attempts_store_t;

typedef struct ngx_http_tradesec_reservation_s
    ngx_http_tradesec_reservation_t;

typedef struct ngx_http_tradesec_inquiry_s  ngx_http_tradesec_inquiry_t;


/* What holds for an attempt while the home that gateways share is away. */

typedef enum {
    NGX_HTTP_TRADESEC_FALLBACK_LOCAL,   /* this gateway's own counts */
    NGX_HTTP_TRADESEC_FALLBACK_CLOSED,  /* it is refused */
    NGX_HTTP_TRADESEC_FALLBACK_OPEN     /* it is admitted, and counted */
} ngx_http_tradesec_fallback_e;


/* Where a verdict comes from, for $tradesec_store. */

typedef enum {
    NGX_HTTP_TRADESEC_HOME_NONE,
    NGX_HTTP_TRADESEC_HOME_LOCAL,
    NGX_HTTP_TRADESEC_HOME_REDIS,
    NGX_HTTP_TRADESEC_HOME_CLOSED,
    NGX_HTTP_TRADESEC_HOME_OPEN
} ngx_http_tradesec_home_e;


/* An attempt and what became of it; lives as long as the request. */

struct ngx_http_tradesec_reservation_s {

    /* by the guard */

    ts_attempt_t                    attempt;
    const ngx_str_t                *counter;    /* for the log, kept as long
                                                   as the configuration */
    uint32_t                        account;    /* for the log, a hash */
    ngx_http_tradesec_fallback_e    fallback;
    void                          (*handler)(
                                        ngx_http_tradesec_reservation_t *res);
    void                           *data;

    /* by the home */

    ngx_int_t                       rc;
    ngx_http_tradesec_home_e        home;
    ts_attempts_verdict_t           verdict;
    void                           *pending;    /* the home's own */
};


/* What an operator asks, and the answer. */

typedef enum {
    NGX_HTTP_TRADESEC_INQUIRY_LIST,     /* some locks, from cursor on */
    NGX_HTTP_TRADESEC_INQUIRY_LOOK,     /* at these counters */
    NGX_HTTP_TRADESEC_INQUIRY_CLEAR     /* these, and the locks of the part */
} ngx_http_tradesec_inquiry_e;


struct ngx_http_tradesec_inquiry_s {

    /* by who asks */

    ngx_http_tradesec_inquiry_e     what;
    ts_attempts_key_t               keys[TS_ATTEMPTS_KEYS];
    ngx_uint_t                      n;
    ts_attempts_part_t              part;       /* no mask: none */
    uint32_t                        window;
    ngx_uint_t                      enough;     /* locks in one answer */
    ngx_pool_t                     *pool;
    void                          (*handler)(
                                        ngx_http_tradesec_inquiry_t *inquiry);
    void                           *data;

    /* by the home; its cursor is 0 again when all locks were seen */

    uint64_t                        cursor;
    ngx_int_t                       rc;
    ngx_http_tradesec_home_e        home;       /* local or redis */
    ngx_array_t                     locks;      /* of ts_attempts_lock_t, with
                                                   seconds left in the place of
                                                   until, or FOREVER */
    ts_attempts_view_t              views[TS_ATTEMPTS_KEYS];
    ngx_uint_t                      cleared;    /* locks */
    void                           *pending;
};


struct ngx_http_tradesec_attempts_store_s {

    /* keys of attempts are hashes under *key, which is NULL before the start */

    const u_char *const      *key;

    /*
     * What is returned stands in res->rc too. NGX_OK: the verdict is set.
     * NGX_AGAIN: it will be, then the handler is called, once, which must not
     * run the request but post its event. NGX_DECLINED: no home can tell, and
     * the attempt is not admitted.
     */

    ngx_int_t               (*reserve)(
                                ngx_http_tradesec_attempts_store_t *store,
                                ngx_http_tradesec_reservation_t *res);

    /* The request goes while it waits: the handler is not called any more. */

    void                    (*forget)(
                                ngx_http_tradesec_attempts_store_t *store,
                                ngx_http_tradesec_reservation_t *res);

    /* Needs nothing of the reservation later. Logs what it has locked. */

    void                    (*settle)(
                                ngx_http_tradesec_attempts_store_t *store,
                                ngx_http_tradesec_reservation_t *res,
                                ts_attempts_outcome_e outcome,
                                ngx_log_t *log);

    /*
     * For operators: as reserve and forget. NGX_ERROR: memory is out. Asked
     * while the home that gateways share is away, it answers for this one.
     */

    ngx_int_t               (*operate)(
                                ngx_http_tradesec_attempts_store_t *store,
                                ngx_http_tradesec_inquiry_t *inquiry);

    void                    (*dismiss)(
                                ngx_http_tradesec_attempts_store_t *store,
                                ngx_http_tradesec_inquiry_t *inquiry);

    void                     *data;
};


/*
 * The home in tradesec_zone. Asked for while configurations are being merged,
 * once in a configuration. NULL when memory is out or when there is no zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_attempts_store_t *ngx_http_tradesec_attempts_zone(
    ngx_conf_t *cf, ngx_flag_t *no_zone);


/*
 * The home in Redis beside it, where tradesec_redis is; else the zone itself.
 * NULL when memory is out.
 */

ngx_http_tradesec_attempts_store_t *ngx_http_tradesec_attempts_redis(
    ngx_conf_t *cf, ngx_http_tradesec_attempts_store_t *zone);


/*
 * For another home that counts in the zone as well: charges an attempt
 * whatever the limits; judges and charges it; settles it, and returns for how
 * many seconds that has locked a key, 0 when it has locked none.
 */

void ngx_http_tradesec_attempts_zone_mirror(
    ngx_http_tradesec_attempts_store_t *zone, const ts_attempt_t *attempt);
ts_attempts_verdict_t ngx_http_tradesec_attempts_zone_reserve(
    ngx_http_tradesec_attempts_store_t *zone, const ts_attempt_t *attempt);
uint32_t ngx_http_tradesec_attempts_zone_settle(
    ngx_http_tradesec_attempts_store_t *zone, const ts_attempt_t *attempt,
    ts_attempts_outcome_e outcome);

void ngx_http_tradesec_attempts_log_lock(ngx_log_t *log,
    const ngx_str_t *counter, uint32_t account, uint32_t seconds);


#endif /* NGX_HTTP_TRADESEC_ATTEMPTS_STORE_H */
