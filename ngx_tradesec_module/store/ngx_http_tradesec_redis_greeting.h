/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a new connection to Redis says first: who we are, which database, the
 * scripts, and a value written, because a server that takes none is no store.
 * It also looks whether Redis is set up to forget.
 */

#ifndef NGX_HTTP_TRADESEC_REDIS_GREETING_H
#define NGX_HTTP_TRADESEC_REDIS_GREETING_H

#include "store/ngx_http_tradesec_redis.h"

#include <hiredis/async.h>


#define NGX_HTTP_TRADESEC_REDIS_WHY  160


/*
 * Called once for a greeting, from a callback of hiredis: why is NULL when the
 * connection can be used. Not called when the connection breaks.
 */

typedef void (*ngx_http_tradesec_redis_greeted_pt)(const char *why);


/* Sends it all in one go. NGX_ERROR: the connection is of no use. */

ngx_int_t ngx_http_tradesec_redis_greet(redisAsyncContext *ac,
    const ngx_http_tradesec_redis_conf_t *conf,
    const ngx_http_tradesec_redis_clients_t *clients, ngx_log_t *log,
    ngx_http_tradesec_redis_greeted_pt greeted);


#endif /* NGX_HTTP_TRADESEC_REDIS_GREETING_H */
