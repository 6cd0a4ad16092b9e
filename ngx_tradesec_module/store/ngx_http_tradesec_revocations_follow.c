/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The follower: one worker of those that share a list hears in Redis what
 * other gateways revoke, and tells there what Redis has lost. With each new
 * connection it puts a mark in the stream, reads the whole set, and says what
 * of the list is missing there; then it reads the stream from the mark on.
 * Each look begins with the entry that it has read last: when that is not
 * there any more (the stream was cut, or is another one), all begins anew.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_revocations_follow.h"


#define NGX_HTTP_TRADESEC_FOLLOW_LOOK     150       /* ms between looks */
#define NGX_HTTP_TRADESEC_FOLLOW_SILENCE  1000      /* then another follows */
#define NGX_HTTP_TRADESEC_FOLLOW_BEAT     30000     /* a mark, if it is quiet */
#define NGX_HTTP_TRADESEC_FOLLOW_WALKS    256       /* through the list */


static void ngx_http_tradesec_follow_handler(ngx_event_t *ev);
static void ngx_http_tradesec_follow_report(ngx_http_tradesec_follow_t *f);
static ngx_flag_t ngx_http_tradesec_follow_is_mine(
    ngx_http_tradesec_follow_t *f);
static void ngx_http_tradesec_follow_step(ngx_http_tradesec_follow_t *f);
static ngx_int_t ngx_http_tradesec_follow_mark(ngx_http_tradesec_follow_t *f);
static ngx_int_t ngx_http_tradesec_follow_load(ngx_http_tradesec_follow_t *f);
static ngx_int_t ngx_http_tradesec_follow_tell(ngx_http_tradesec_follow_t *f);
static ngx_int_t ngx_http_tradesec_follow_stepped(
    ngx_http_tradesec_redis_command_t *cmd, const redisReply *reply);
static ngx_int_t ngx_http_tradesec_follow_marked(ngx_http_tradesec_follow_t *f,
    const redisReply *reply);
static ngx_int_t ngx_http_tradesec_follow_loaded(ngx_http_tradesec_follow_t *f,
    const redisReply *reply);
static ngx_int_t ngx_http_tradesec_follow_told(ngx_http_tradesec_follow_t *f,
    const redisReply *reply);


ngx_http_tradesec_follow_t  ngx_http_tradesec_follow_worker;


void
ngx_http_tradesec_revocations_follow_start(
    ngx_http_tradesec_revocations_redis_t *home, ngx_log_t *log)
{
    ngx_http_tradesec_follow_t  *f = &ngx_http_tradesec_follow_worker;

    f->home = home;
    f->started = ngx_current_msec;

    f->step.handler = ngx_http_tradesec_follow_stepped;
    f->step.timeout = ngx_http_tradesec_revocations_redis_timeout;
    f->step.typed = 1;
    f->look.handler = ngx_http_tradesec_follow_looked;
    f->look.timeout = ngx_http_tradesec_revocations_redis_timeout;
    f->look.typed = 1;

    f->dummy.fd = (ngx_socket_t) -1;
    f->timer.handler = ngx_http_tradesec_follow_handler;
    f->timer.data = &f->dummy;
    f->timer.log = log;
    f->timer.cancelable = 1;

    /* the one in whose place this worker stands may have died half-way */

    (void) ngx_atomic_fetch_add(
                        &ngx_http_tradesec_revocations_shared(home)->unsent,
                        1);

    ngx_add_timer(&f->timer, NGX_HTTP_TRADESEC_FOLLOW_LOOK);
}


void
ngx_http_tradesec_revocations_follow_stop(void)
{
    ngx_http_tradesec_follow_t              *f;
    ngx_http_tradesec_revocations_shared_t  *shared;

    f = &ngx_http_tradesec_follow_worker;

    if (f->home == NULL) {
        return;
    }

    shared = ngx_http_tradesec_revocations_shared(f->home);

    if (ngx_atomic_cmp_set(&shared->follower, ngx_pid, 0)) {
        shared->alive = 0;
    }

    f->home = NULL;
}


static void
ngx_http_tradesec_follow_handler(ngx_event_t *ev)
{
    ngx_http_tradesec_revocations_follow();

    ngx_add_timer(ev, NGX_HTTP_TRADESEC_FOLLOW_LOOK);
}


void
ngx_http_tradesec_revocations_follow(void)
{
    ngx_http_tradesec_follow_t              *f;
    ngx_http_tradesec_revocations_shared_t  *shared;

    f = &ngx_http_tradesec_follow_worker;

    if (f->home == NULL) {
        return;
    }

    ngx_http_tradesec_follow_report(f);

    if (!ngx_http_tradesec_redis_is_open()
        || !ngx_http_tradesec_follow_is_mine(f))
    {
        return;
    }

    shared = ngx_http_tradesec_revocations_shared(f->home);

    if (f->connection != ngx_http_tradesec_redis_connection()) {
        f->connection = ngx_http_tradesec_redis_connection();
        ngx_http_tradesec_follow_anew(f, NULL);

    } else if (f->phase == NGX_HTTP_TRADESEC_FOLLOW_HEARS
               && shared->unsent != f->sent)
    {
        f->phase = NGX_HTTP_TRADESEC_FOLLOW_TELLS;
        f->sending = shared->unsent;
        f->cursor = 0;
        f->end = 0;
        f->n = 0;

    } else if (f->phase == NGX_HTTP_TRADESEC_FOLLOW_HEARS
               && !f->stepping
               && ngx_current_msec - f->quiet > NGX_HTTP_TRADESEC_FOLLOW_BEAT)
    {
        /* keeps the stream alive, and what is read last near its end */

        if (ngx_http_tradesec_follow_mark(f) == NGX_OK) {
            f->stepping = 1;
            f->step_epoch = f->epoch;
        }
    }

    if (!f->stepping) {
        ngx_http_tradesec_follow_step(f);
    }

    if (!f->looking) {
        ngx_http_tradesec_follow_look(f);
    }
}


/* One worker says when the list begins and ends to be too old. */

static void
ngx_http_tradesec_follow_report(ngx_http_tradesec_follow_t *f)
{
    ngx_flag_t  stale;
    ngx_uint_t  level;

    if (ngx_worker != 0
        || ngx_current_msec - f->started < NGX_HTTP_TRADESEC_FOLLOW_SILENCE)
    {
        return;
    }

    stale = ngx_http_tradesec_revocations_redis_is_stale(f->home);

    if (stale == f->stale) {
        return;
    }

    f->stale = stale ? 1 : 0;

    level = stale ? NGX_LOG_ERR : NGX_LOG_WARN;

    ngx_log_error(level, f->timer.log, 0,
                  "tradesec: what other gateways revoke is %s",
                  stale ? "not heard, redis is silent" : "heard again");
}


/* Who has died, or has lost Redis, does not follow. */

static ngx_flag_t
ngx_http_tradesec_follow_is_mine(ngx_http_tradesec_follow_t *f)
{
    ngx_atomic_uint_t                        follower;
    ngx_http_tradesec_revocations_shared_t  *shared;

    shared = ngx_http_tradesec_revocations_shared(f->home);
    follower = shared->follower;

    if (follower == (ngx_atomic_uint_t) ngx_pid) {
        return 1;
    }

    if (shared->alive != 0
        && (ngx_msec_int_t) (ngx_current_msec - shared->alive)
           < NGX_HTTP_TRADESEC_FOLLOW_SILENCE)
    {
        return 0;
    }

    if (!ngx_atomic_cmp_set(&shared->follower, follower, ngx_pid)) {
        return 0;
    }

    shared->alive = ngx_current_msec;
    f->connection = 0;

    return 1;
}


void
ngx_http_tradesec_follow_anew(ngx_http_tradesec_follow_t *f, const char *why)
{
    f->phase = NGX_HTTP_TRADESEC_FOLLOW_MARKS;
    f->epoch++;
    f->loaded = 0;

    if (why != NULL) {
        ngx_log_error(NGX_LOG_WARN, f->timer.log, 0,
                      "tradesec: revocations in redis are read anew: %s", why);
    }
}


/* Does what the phase asks for. */

static void
ngx_http_tradesec_follow_step(ngx_http_tradesec_follow_t *f)
{
    ngx_int_t  rc;

    switch (f->phase) {

    case NGX_HTTP_TRADESEC_FOLLOW_MARKS:
        rc = ngx_http_tradesec_follow_mark(f);
        break;

    case NGX_HTTP_TRADESEC_FOLLOW_LOADS:
        rc = ngx_http_tradesec_follow_load(f);
        break;

    case NGX_HTTP_TRADESEC_FOLLOW_TELLS:
        rc = ngx_http_tradesec_follow_tell(f);
        break;

    default:
        return;
    }

    if (rc == NGX_OK) {
        f->stepping = 1;
        f->step_epoch = f->epoch;
    }
}


static ngx_int_t
ngx_http_tradesec_follow_mark(ngx_http_tradesec_follow_t *f)
{
    u_char      mark[NGX_HTTP_TRADESEC_FOLLOW_MARK];
    ts_slice_t  text;

    (void) ngx_sprintf(mark, "beat %08xD%08xD", (uint32_t) ngx_random(),
                       (uint32_t) ngx_random());

    text = ts_slice(mark, sizeof(mark));

    if (f->phase == NGX_HTTP_TRADESEC_FOLLOW_MARKS) {
        f->text = ts_revocations_hash(text, &f->home->keys);
    }

    f->quiet = ngx_current_msec;

    return ngx_http_tradesec_revocations_redis_call(f->home, &f->step, NULL,
                                                    text, NULL, 0);
}


static ngx_int_t
ngx_http_tradesec_follow_load(ngx_http_tradesec_follow_t *f)
{
    size_t       lens[5];
    const char  *args[5];

    args[0] = "ZSCAN";
    lens[0] = 5;
    args[1] = TS_REVOCATIONS_SET;
    lens[1] = sizeof(TS_REVOCATIONS_SET) - 1;
    args[2] = (const char *) f->scan;
    lens[2] = f->scan_len;
    args[3] = "COUNT";
    lens[3] = 5;
    args[4] = ngx_value(NGX_HTTP_TRADESEC_FOLLOW_PIECE);
    lens[4] = sizeof(ngx_value(NGX_HTTP_TRADESEC_FOLLOW_PIECE)) - 1;

    return ngx_http_tradesec_redis_send(&f->step, 5, args, lens);
}


/* NGX_DECLINED: there is nothing to say just now. */

static ngx_int_t
ngx_http_tradesec_follow_tell(ngx_http_tradesec_follow_t *f)
{
    ngx_uint_t                 walks;
    ngx_http_tradesec_area_t  *area;

    area = f->home->area;

    for (walks = NGX_HTTP_TRADESEC_FOLLOW_WALKS; f->n == 0 && walks; walks--) {

        if (f->end) {
            f->sent = f->sending;
            f->phase = NGX_HTTP_TRADESEC_FOLLOW_HEARS;

            if (f->told) {
                ngx_log_error(NGX_LOG_WARN, f->timer.log, 0,
                              "tradesec: redis was told %ui revocations that "
                              "it had missed", f->told);
                f->told = 0;
            }

            return NGX_DECLINED;
        }

        ngx_http_tradesec_area_lock(area);
        f->n = ts_revocations_list(area->memory, &f->cursor, f->batch,
                                   NGX_HTTP_TRADESEC_REVOCATIONS_BATCH,
                                   ngx_http_tradesec_journal_now(
                                                          f->home->journal));
        ngx_http_tradesec_area_unlock(area);

        f->end = f->cursor == 0;
    }

    if (f->n == 0) {
        return NGX_DECLINED;
    }

    return ngx_http_tradesec_revocations_redis_call(f->home, &f->step, NULL,
                                                    ts_slice(NULL, 0),
                                                    f->batch, f->n);
}


static ngx_int_t
ngx_http_tradesec_follow_stepped(ngx_http_tradesec_redis_command_t *cmd,
    const redisReply *reply)
{
    ngx_int_t                    rc;
    ngx_http_tradesec_follow_t  *f = &ngx_http_tradesec_follow_worker;

    f->stepping = 0;

    if (f->home == NULL || reply == NULL || f->step_epoch != f->epoch) {
        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_ERROR) {

        if (ngx_http_tradesec_redis_is_noscript(reply)) {
            ngx_http_tradesec_revocations_redis_teach();
            return NGX_OK;
        }

        ngx_http_tradesec_follow_anew(f, "they are of a wrong type");
        return NGX_OK;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return NGX_ERROR;
    }

    switch (f->phase) {

    case NGX_HTTP_TRADESEC_FOLLOW_MARKS:
        rc = ngx_http_tradesec_follow_marked(f, reply);
        break;

    case NGX_HTTP_TRADESEC_FOLLOW_LOADS:
        rc = ngx_http_tradesec_follow_loaded(f, reply);
        break;

    case NGX_HTTP_TRADESEC_FOLLOW_TELLS:
        rc = ngx_http_tradesec_follow_told(f, reply);
        break;

    default:
        return NGX_OK;
    }

    if (rc == NGX_OK) {
        ngx_http_tradesec_revocations_shared(f->home)->alive =
                                                              ngx_current_msec;
        ngx_http_tradesec_follow_step(f);
    }

    return rc;
}


static ngx_int_t
ngx_http_tradesec_follow_marked(ngx_http_tradesec_follow_t *f,
    const redisReply *reply)
{
    const redisReply  *id;

    id = reply->element[0];

    if (id->type != REDIS_REPLY_STRING || id->len <= 0
        || id->len > NGX_HTTP_TRADESEC_FOLLOW_ID)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(f->id, id->str, id->len);
    f->id_len = id->len;

    f->scan[0] = '0';
    f->scan_len = 1;
    f->phase = NGX_HTTP_TRADESEC_FOLLOW_LOADS;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_follow_loaded(ngx_http_tradesec_follow_t *f,
    const redisReply *reply)
{
    ngx_http_tradesec_revocations_shared_t  *shared;

    if (ngx_http_tradesec_follow_hear_set(f, reply) != NGX_OK) {
        return NGX_ERROR;
    }

    if (f->scan_len == 1 && f->scan[0] == '0') {
        shared = ngx_http_tradesec_revocations_shared(f->home);

        f->loaded = 1;
        f->phase = NGX_HTTP_TRADESEC_FOLLOW_TELLS;
        f->sending = shared->unsent;
        f->cursor = 0;
        f->end = 0;
        f->n = 0;

        shared->heard = ngx_current_msec;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_follow_told(ngx_http_tradesec_follow_t *f,
    const redisReply *reply)
{
    if (reply->element[1]->type != REDIS_REPLY_INTEGER) {
        return NGX_ERROR;
    }

    f->told += (ngx_uint_t) reply->element[1]->integer;
    f->n = 0;

    return NGX_OK;
}
