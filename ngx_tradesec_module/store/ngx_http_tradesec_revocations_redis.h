/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Revocations in Redis, beside the list in the zone: what is revoked here is
 * told there (revocations_redis.c), and one worker of each zone follows what
 * others tell (revocations_follow.c). A request never asks Redis.
 */

#ifndef NGX_HTTP_TRADESEC_REVOCATIONS_REDIS_H
#define NGX_HTTP_TRADESEC_REVOCATIONS_REDIS_H

#include "core/ts_revocations_wire.h"
#include "store/ngx_http_tradesec_redis.h"
#include "store/ngx_http_tradesec_revocations_journal.h"


#define NGX_HTTP_TRADESEC_REVOCATIONS_BATCH  64


/* In the zone, behind the list; times are of ngx_current_msec. */

typedef struct {
    ngx_atomic_t   follower;        /* process id */
    ngx_atomic_t   alive;           /* when it last heard anything */
    ngx_atomic_t   heard;           /* when it last knew all; 0: never */
    ngx_atomic_t   unsent;          /* grows when something may be missing in
                                       Redis that is in the list */
    ngx_atomic_t   unused[4];
} ngx_http_tradesec_revocations_shared_t;

#define NGX_HTTP_TRADESEC_REVOCATIONS_SHARED                                 \
    sizeof(ngx_http_tradesec_revocations_shared_t)


typedef struct {
    const ngx_http_tradesec_redis_conf_t     *conf;     /* NULL: no Redis */
    ngx_http_tradesec_area_t                 *area;
    ngx_http_tradesec_revocations_journal_t  *journal;
    ts_revocations_keys_t                     keys;
    u_char                                    sha1[
                                               NGX_HTTP_TRADESEC_REDIS_SHA1];
} ngx_http_tradesec_revocations_redis_t;


/* While configurations are merged. */

ngx_int_t ngx_http_tradesec_revocations_redis_conf(ngx_conf_t *cf,
    ngx_http_tradesec_revocations_redis_t *home);

ngx_http_tradesec_revocations_shared_t *ngx_http_tradesec_revocations_shared(
    const ngx_http_tradesec_revocations_redis_t *home);

/* Whether others may have revoked what is not in the list. */

ngx_flag_t ngx_http_tradesec_revocations_redis_is_stale(
    const ngx_http_tradesec_revocations_redis_t *home);

/* Tells of an entry that stands in the list now, in place of old, or NULL. */

void ngx_http_tradesec_revocations_redis_tell(
    ngx_http_tradesec_revocations_redis_t *home, const ts_revocation_t *old,
    const ts_revocation_t *r);

/* Calls the script; see core/ts_revocations_wire.h. */

ngx_int_t ngx_http_tradesec_revocations_redis_call(
    const ngx_http_tradesec_revocations_redis_t *home,
    ngx_http_tradesec_redis_command_t *cmd, const ts_revocation_t *old,
    ts_slice_t beat, const ts_revocation_t *list, ngx_uint_t n);

/* Redis has forgotten the script: the next call brings it along. */

void ngx_http_tradesec_revocations_redis_teach(void);

/* A command's silence is noticed, and nobody waits for it. */

void ngx_http_tradesec_revocations_redis_timeout(
    ngx_http_tradesec_redis_command_t *cmd);


/* In a worker. */

void ngx_http_tradesec_revocations_follow_start(
    ngx_http_tradesec_revocations_redis_t *home, ngx_log_t *log);
void ngx_http_tradesec_revocations_follow_stop(void);

/* Looks at once, when Redis is there again. */

void ngx_http_tradesec_revocations_follow(void);


#endif /* NGX_HTTP_TRADESEC_REVOCATIONS_REDIS_H */
