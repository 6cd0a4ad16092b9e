/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The state of the follower, for its two files: what it asks
 * (revocations_follow.c), and what it hears (revocations_heard.c).
 */

#ifndef NGX_HTTP_TRADESEC_REVOCATIONS_FOLLOW_H
#define NGX_HTTP_TRADESEC_REVOCATIONS_FOLLOW_H

#include "store/ngx_http_tradesec_revocations_redis.h"


#define NGX_HTTP_TRADESEC_FOLLOW_PIECE    256       /* entries of a reply */
#define NGX_HTTP_TRADESEC_FOLLOW_ID       48

#define NGX_HTTP_TRADESEC_FOLLOW_MARK     (sizeof("beat 0123456789abcdef") - 1)


typedef enum {
    NGX_HTTP_TRADESEC_FOLLOW_APART = 0,
    NGX_HTTP_TRADESEC_FOLLOW_MARKS,     /* puts a mark in the stream */
    NGX_HTTP_TRADESEC_FOLLOW_LOADS,     /* reads the set */
    NGX_HTTP_TRADESEC_FOLLOW_TELLS,     /* says what is missing there */
    NGX_HTTP_TRADESEC_FOLLOW_HEARS
} ngx_http_tradesec_follow_e;


typedef struct {
    ngx_http_tradesec_revocations_redis_t  *home;
    ngx_event_t                             timer;
    ngx_connection_t                        dummy;      /* for the debug log */
    ngx_http_tradesec_redis_command_t       step;       /* of the phase */
    ngx_http_tradesec_redis_command_t       look;       /* at the stream */
    ngx_http_tradesec_follow_e              phase;
    ngx_uint_t                              connection;
    ngx_uint_t                              epoch;      /* grows when all
                                                           begins anew */
    ngx_uint_t                              step_epoch;
    ngx_uint_t                              look_epoch;

    /* the entry of the stream that was read last */
    u_char                                  id[NGX_HTTP_TRADESEC_FOLLOW_ID];
    size_t                                  id_len;
    uint64_t                                text;       /* its hash */
    ngx_msec_t                              quiet;      /* since then */

    u_char                                  scan[NGX_INT64_LEN];
    size_t                                  scan_len;

    ts_revocation_t                         batch[
                                        NGX_HTTP_TRADESEC_REVOCATIONS_BATCH];
    uint32_t                                n;
    uint32_t                                cursor;     /* behind them */
    ngx_flag_t                              end;        /* they are the last */
    ngx_uint_t                              told;
    ngx_atomic_uint_t                       sent;       /* of unsent */
    ngx_atomic_uint_t                       sending;

    ts_revocation_t                         heard[
                                        NGX_HTTP_TRADESEC_REVOCATIONS_BATCH];
    uint32_t                                n_heard;
    ngx_uint_t                              foreign;    /* not yet logged */
    time_t                                  logged;
    ngx_msec_t                              started;
    unsigned                                loaded:1;
    unsigned                                stepping:1; /* step is under way */
    unsigned                                looking:1;
    unsigned                                stale:1;    /* was logged */
} ngx_http_tradesec_follow_t;


/* Begins anew, with what there is in Redis; why is for the log, or NULL. */

void ngx_http_tradesec_follow_anew(ngx_http_tradesec_follow_t *f,
    const char *why);

/* Asks what is new in the stream. */

void ngx_http_tradesec_follow_look(ngx_http_tradesec_follow_t *f);
ngx_int_t ngx_http_tradesec_follow_looked(
    ngx_http_tradesec_redis_command_t *cmd, const redisReply *reply);

/* Takes a piece of the set. NGX_ERROR: it is none. */

ngx_int_t ngx_http_tradesec_follow_hear_set(ngx_http_tradesec_follow_t *f,
    const redisReply *reply);


/* The follower of this worker. */

extern ngx_http_tradesec_follow_t  ngx_http_tradesec_follow_worker;


#endif /* NGX_HTTP_TRADESEC_REVOCATIONS_FOLLOW_H */
