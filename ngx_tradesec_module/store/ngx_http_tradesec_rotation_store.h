/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Refresh tokens that were used: known to all workers in tradesec_zone and,
 * with tradesec_redis, to all gateways. Both are asked, the zone first, and one
 * that knows of a use is enough. What Redis has not heard of is marked in the
 * zone, and told as soon as it listens.
 */

#ifndef NGX_HTTP_TRADESEC_ROTATION_STORE_H
#define NGX_HTTP_TRADESEC_ROTATION_STORE_H

#include "store/ngx_http_tradesec_redis.h"
#include "store/ngx_http_tradesec_rotation_zone.h"


typedef struct ngx_http_tradesec_rotation_store_s
    ngx_http_tradesec_rotation_store_t;

struct ngx_http_tradesec_rotation_store_s {
    ngx_http_tradesec_rotation_zone_t      *zone;
    const ngx_http_tradesec_redis_conf_t   *redis;  /* NULL: none */
    u_char                                  sha1[NGX_HTTP_TRADESEC_REDIS_SHA1];

    /* by the caller: the longest grace, and who hears that a family has ended
       elsewhere, with what ends with it */

    time_t                                  grace;
    void                                  (*ended)(
                                    ngx_http_tradesec_rotation_store_t *store,
                                                   uint64_t access);
    void                                   *data;
};


/* One use of a token; in the caller's memory while it waits. */

typedef struct ngx_http_tradesec_rotation_use_s
    ngx_http_tradesec_rotation_use_t;

struct ngx_http_tradesec_rotation_use_s {
    ts_rotation_tag_t                       tag;
    time_t                                  grace;
    time_t                                  lifetime;
    ngx_flag_t                              closed; /* refuse without Redis */

    /* not from within the call; may not free what it is of */

    void                                  (*handler)(
                                      ngx_http_tradesec_rotation_use_t *use);
    void                                   *data;

    /* NGX_AGAIN: it waits; NGX_DECLINED: Redis is away, and closed is set */

    ngx_int_t                               rc;
    ts_rotation_e                           verdict;
    uint64_t                                access; /* ends with the family */

    void                                   *pending;    /* private */
};


/* Once in a configuration; as ngx_http_tradesec_rotation_zone_create(). */

ngx_http_tradesec_rotation_store_t *ngx_http_tradesec_rotation_store_create(
    ngx_conf_t *cf, ngx_flag_t *no_zone);

/* The name of a token of that kind: salt tells apart what is not related. */

ts_rotation_tag_t ngx_http_tradesec_rotation_tag(
    const ngx_http_tradesec_rotation_store_t *store, uint64_t salt,
    ts_slice_t token);

/* Returns use->rc. */

ngx_int_t ngx_http_tradesec_rotation_use(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use);

/* Nobody waits any more: the token was not used. */

void ngx_http_tradesec_rotation_forget(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use);

/*
 * As ts_rotation_settle(). That the family has ended at another gateway is
 * heard later.
 */

ngx_flag_t ngx_http_tradesec_rotation_settle(
    ngx_http_tradesec_rotation_store_t *store, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next, uint64_t access, time_t lifetime);


#endif /* NGX_HTTP_TRADESEC_ROTATION_STORE_H */
