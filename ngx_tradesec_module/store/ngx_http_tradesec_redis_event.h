/*
 * Copyright (C) the ngx_tradesec authors
 *
 * hiredis on nginx's events.
 */

#ifndef NGX_HTTP_TRADESEC_REDIS_EVENT_H
#define NGX_HTTP_TRADESEC_REDIS_EVENT_H

#include <ngx_config.h>
#include <ngx_core.h>

#include <hiredis/async.h>


/* NULL without memory; with err set when it cannot even begin. */

redisAsyncContext *ngx_http_tradesec_redis_dial(const ngx_addr_t *addr);

/* Gives the socket a connection of nginx's, until hiredis closes it. */

ngx_int_t ngx_http_tradesec_redis_attach(redisAsyncContext *ac,
    ngx_log_t *log);


#endif /* NGX_HTTP_TRADESEC_REDIS_EVENT_H */
