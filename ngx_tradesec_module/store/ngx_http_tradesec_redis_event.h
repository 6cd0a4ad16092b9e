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

/*
 * Before hiredis reads. NGX_ERROR: there is what it must not read, and the
 * connection is gone.
 */

ngx_int_t ngx_http_tradesec_redis_may_read(redisAsyncContext *ac);

/*
 * Whether behind the answer that a callback hears there is another one, which
 * nobody has asked for: hiredis would abort the process.
 */

static ngx_inline ngx_flag_t
ngx_http_tradesec_redis_is_unasked(const redisAsyncContext *ac)
{
    return ac->replies.head == NULL
           && ac->c.reader->pos < ac->c.reader->len;
}


#endif /* NGX_HTTP_TRADESEC_REDIS_EVENT_H */
