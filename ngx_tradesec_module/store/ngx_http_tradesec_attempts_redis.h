/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What Redis is asked and told of attempts; for the files of this home.
 */

#ifndef NGX_HTTP_TRADESEC_ATTEMPTS_REDIS_H
#define NGX_HTTP_TRADESEC_ATTEMPTS_REDIS_H

#include "store/ngx_http_tradesec_attempts_store.h"
#include "store/ngx_http_tradesec_redis.h"


enum {
    NGX_HTTP_TRADESEC_ATTEMPTS_RESERVE,
    NGX_HTTP_TRADESEC_ATTEMPTS_SETTLE,
    NGX_HTTP_TRADESEC_ATTEMPTS_OPERATE,
    NGX_HTTP_TRADESEC_ATTEMPTS_SCRIPTS
};


typedef struct {
    ngx_http_tradesec_attempts_store_t     store;
    ngx_http_tradesec_attempts_store_t    *zone;
    const ngx_http_tradesec_redis_conf_t  *redis;
    const u_char                          *key;
    u_char                                 sha1[
                                       NGX_HTTP_TRADESEC_ATTEMPTS_SCRIPTS][
                                               NGX_HTTP_TRADESEC_REDIS_SHA1];
} ngx_http_tradesec_attempts_redis_t;


/*
 * One command. It lives as long as it takes, maybe longer than the request, of
 * which it holds nothing but a pointer to who waits.
 */

typedef struct {
    ngx_http_tradesec_redis_command_t          redis;
    ngx_queue_t                                queue;
    const ngx_http_tradesec_attempts_redis_t  *home;
    ngx_http_tradesec_reservation_t           *res;     /* waits; or NULL */
    ts_attempt_t                               attempt;
    const ngx_str_t                           *counter;
    uint32_t                                   account;
    uint32_t                                   outcome;
    uint32_t                                   locked;  /* in the zone, for so
                                                           many seconds */
    ngx_msec_t                                 time;
    unsigned                                   settle:1;
    unsigned                                   charge:1;
    unsigned                                   forgotten:1;
    unsigned                                   whole:1; /* with its script */
    unsigned                                   sent:1;
    unsigned                                   unsound:2;   /* answers */
} ngx_http_tradesec_attempts_command_t;


ngx_http_tradesec_attempts_command_t *ngx_http_tradesec_attempts_command(
    const ngx_http_tradesec_attempts_redis_t *home,
    const ngx_http_tradesec_reservation_t *res);

/* EVALSHA with the name of the script, or EVAL with the whole of it. */

void ngx_http_tradesec_attempts_script(
    const ngx_http_tradesec_attempts_redis_t *home, ngx_uint_t script,
    ngx_flag_t whole, ts_slice_t *command, ts_slice_t *text);

/* NGX_ERROR: it was not sent, and its handler is not called. */

ngx_int_t ngx_http_tradesec_attempts_send(
    ngx_http_tradesec_attempts_command_t *cmd);

/*
 * The journal of this worker: what Redis has not heard of, in the order it
 * happened. While there is any, Redis is not asked. Keeping it takes the
 * command over.
 */

ngx_flag_t ngx_http_tradesec_attempts_journal_is_empty(void);
void ngx_http_tradesec_attempts_journal_keep(
    ngx_http_tradesec_attempts_command_t *cmd);

/* Tells Redis, as soon as it listens. */

void ngx_http_tradesec_attempts_journal_tell(void);

/* What operators ask; for the store. */

ngx_int_t ngx_http_tradesec_attempts_redis_operate(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry);
void ngx_http_tradesec_attempts_redis_dismiss(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry);

/* Whether the reply to a settlement is one; logs a lock. */

ngx_int_t ngx_http_tradesec_attempts_is_settled(
    const ngx_http_tradesec_attempts_command_t *cmd, const redisReply *reply);


#endif /* NGX_HTTP_TRADESEC_ATTEMPTS_REDIS_H */
