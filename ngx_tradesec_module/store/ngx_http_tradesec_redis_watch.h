/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How the connections to Redis fare, in all workers together, and who has
 * judged logins meanwhile: an area of tradesec_zone, for operators.
 */

#ifndef NGX_HTTP_TRADESEC_REDIS_WATCH_H
#define NGX_HTTP_TRADESEC_REDIS_WATCH_H

#include "store/ngx_http_tradesec_zone.h"


typedef enum {
    NGX_HTTP_TRADESEC_REDIS_TIMES,      /* that a worker has reported it away */
    NGX_HTTP_TRADESEC_REDIS_MSEC,       /* that it was, in all workers */
    NGX_HTTP_TRADESEC_REDIS_JUDGED,     /* attempts, by Redis */
    NGX_HTTP_TRADESEC_REDIS_LOCAL,      /* and by the fallbacks */
    NGX_HTTP_TRADESEC_REDIS_CLOSED,
    NGX_HTTP_TRADESEC_REDIS_ADMITTED,
    NGX_HTTP_TRADESEC_REDIS_TOLD,       /* events, later */
    NGX_HTTP_TRADESEC_REDIS_LOST,       /* events, never */
    NGX_HTTP_TRADESEC_REDIS_COUNTS
} ngx_http_tradesec_redis_count_e;


typedef struct {
    uint64_t    counts[NGX_HTTP_TRADESEC_REDIS_COUNTS];
    ngx_uint_t  workers;
    ngx_uint_t  away;                   /* of them, now */
} ngx_http_tradesec_redis_sum_t;


/* Asks for the area, once, while configurations are being merged. */

ngx_int_t ngx_http_tradesec_redis_watch_add(ngx_conf_t *cf,
    ngx_http_tradesec_area_t *area);

/* A worker: it begins without a connection, and ends. */

void ngx_http_tradesec_redis_watch_join(const ngx_http_tradesec_area_t *area);
void ngx_http_tradesec_redis_watch_leave(void);

/* Its connection can be used, or cannot; saying so again changes nothing. */

void ngx_http_tradesec_redis_watch(ngx_flag_t open);

void ngx_http_tradesec_redis_count(ngx_http_tradesec_redis_count_e what);

/* For a request of an operator. */

void ngx_http_tradesec_redis_sum(ngx_http_request_t *r,
    ngx_http_tradesec_redis_sum_t *sum);


#endif /* NGX_HTTP_TRADESEC_REDIS_WATCH_H */
