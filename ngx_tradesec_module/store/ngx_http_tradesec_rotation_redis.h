/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What Redis is asked and told of refresh tokens. For the store of them only.
 */

#ifndef NGX_HTTP_TRADESEC_ROTATION_REDIS_H
#define NGX_HTTP_TRADESEC_ROTATION_REDIS_H

#include "store/ngx_http_tradesec_rotation_store.h"


#define NGX_HTTP_TRADESEC_ROTATION_BATCH  16

typedef enum {
    NGX_HTTP_TRADESEC_ROTATION_USE,
    NGX_HTTP_TRADESEC_ROTATION_FREE,
    NGX_HTTP_TRADESEC_ROTATION_TELL
} ngx_http_tradesec_rotation_task_e;


/* One command; gone with its reply. */

typedef struct {
    ngx_http_tradesec_redis_command_t     redis;
    ngx_http_tradesec_rotation_store_t   *store;
    ngx_http_tradesec_rotation_task_e     task;
    ngx_http_tradesec_rotation_use_t     *use;      /* waits; or NULL */
    uint64_t                              family;
    time_t                                grace;
    time_t                                lifetime;
    unsigned                              whole:1;  /* with its script */
    unsigned                              release:1;    /* of no use: to be
                                                           freed again */
    unsigned                              walks:1;
    size_t                                cursor;
    ngx_uint_t                            n;
    ts_rotation_entry_t                   entries[
                                           NGX_HTTP_TRADESEC_ROTATION_BATCH];
} ngx_http_tradesec_rotation_command_t;


extern ngx_http_tradesec_redis_client_t  ngx_http_tradesec_rotation_client;


/* For one token, until more are put in; NULL: no memory. */

ngx_http_tradesec_rotation_command_t *ngx_http_tradesec_rotation_command(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_task_e task, ts_rotation_tag_t tag);

/* NGX_ERROR: it was not sent, and is still the caller's. */

ngx_int_t ngx_http_tradesec_rotation_send(
    ngx_http_tradesec_rotation_command_t *cmd);

/* Called by the connection. */

ngx_int_t ngx_http_tradesec_rotation_heard(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply);
void ngx_http_tradesec_rotation_timeout(
    ngx_http_tradesec_redis_command_t *redis);


ngx_int_t ngx_http_tradesec_rotation_redis_conf(ngx_conf_t *cf,
    ngx_http_tradesec_rotation_store_t *store);

/* NGX_OK: it waits. family is for a token that Redis has never seen. */

ngx_int_t ngx_http_tradesec_rotation_redis_use(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use, uint64_t family);
void ngx_http_tradesec_rotation_redis_forget(
    ngx_http_tradesec_rotation_use_t *use);

/* Where this is not heard, Redis waits for the answer as long as it would. */

void ngx_http_tradesec_rotation_redis_free(
    ngx_http_tradesec_rotation_store_t *store, ts_rotation_tag_t tag,
    time_t lifetime);

/* Of a token, and of the one that follows; or they are marked as untold. */

void ngx_http_tradesec_rotation_redis_tell(
    ngx_http_tradesec_rotation_store_t *store, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next);


/* What becomes of a use without Redis, in *_rotation_store.c. */

void ngx_http_tradesec_rotation_fall_back(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use);


#endif /* NGX_HTTP_TRADESEC_ROTATION_REDIS_H */
