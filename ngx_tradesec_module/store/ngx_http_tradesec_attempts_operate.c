/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What operators ask Redis: one command after the other, each a bounded part
 * of all keys. What is cleared in Redis is cleared in the zone of this gateway
 * too; where Redis cannot tell, the zone answers.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_attempts_script.h"
#include "store/ngx_http_tradesec_attempts_redis.h"


#define NGX_HTTP_TRADESEC_INQUIRY_STEPS  16     /* of a list, in one answer */


/* Lives as long as its command, maybe longer than who has asked. */

typedef struct {
    ngx_http_tradesec_redis_command_t          redis;
    const ngx_http_tradesec_attempts_redis_t  *home;
    ngx_http_tradesec_inquiry_t               *inquiry;     /* or NULL */
    ts_attempts_script_question_t              question;
    ngx_uint_t                                 steps;
    ngx_uint_t                                 cleared;     /* in the zone */
    unsigned                                   whole:1;
} ngx_http_tradesec_question_t;


static ngx_int_t ngx_http_tradesec_question_send(
    ngx_http_tradesec_question_t *q);
static ngx_int_t ngx_http_tradesec_question_answered(
    ngx_http_tradesec_redis_command_t *redis, const redisReply *reply);
static void ngx_http_tradesec_question_timeout(
    ngx_http_tradesec_redis_command_t *redis);
static void ngx_http_tradesec_question_fall_back(
    ngx_http_tradesec_question_t *q);
static ngx_int_t ngx_http_tradesec_question_take(
    ngx_http_tradesec_question_t *q, const redisReply *reply);
static ngx_int_t ngx_http_tradesec_question_take_locks(
    ngx_http_tradesec_inquiry_t *inquiry, const redisReply *reply);
static ngx_int_t ngx_http_tradesec_question_take_views(
    ngx_http_tradesec_inquiry_t *inquiry, const redisReply *reply);
static ngx_int_t ngx_http_tradesec_question_next(
    ngx_http_tradesec_question_t *q);
static ngx_flag_t ngx_http_tradesec_question_number(const redisReply *reply,
    uint32_t *number);


ngx_int_t
ngx_http_tradesec_attempts_redis_operate(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry)
{
    const ngx_http_tradesec_attempts_redis_t  *home = store->data;

    ngx_flag_t                     clear;
    ngx_http_tradesec_question_t  *q;

    clear = inquiry->what == NGX_HTTP_TRADESEC_INQUIRY_CLEAR;

    if (clear || !ngx_http_tradesec_redis_is_open()) {
        (void) home->zone->operate(home->zone, inquiry);
    }

    if (!ngx_http_tradesec_redis_is_open()) {
        return inquiry->rc;
    }

    q = ngx_alloc(sizeof(ngx_http_tradesec_question_t), ngx_cycle->log);

    if (q == NULL
        || ngx_array_init(&inquiry->locks, inquiry->pool, 64,
                          sizeof(ts_attempts_lock_t))
           != NGX_OK)
    {
        if (q != NULL) {
            ngx_free(q);
        }

        inquiry->rc = NGX_ERROR;
        return NGX_ERROR;
    }

    ngx_memzero(q, sizeof(ngx_http_tradesec_question_t));

    q->redis.handler = ngx_http_tradesec_question_answered;
    q->redis.timeout = ngx_http_tradesec_question_timeout;
    q->home = home;
    q->inquiry = inquiry;

    q->question.cursor = inquiry->cursor;
    q->question.part = inquiry->part;
    q->question.window = inquiry->window;
    q->question.n = (uint32_t) inquiry->n;
    q->question.keys = inquiry->keys;

    switch (inquiry->what) {

    case NGX_HTTP_TRADESEC_INQUIRY_LIST:
        q->question.task = TS_ATTEMPTS_SCRIPT_LIST;
        break;

    case NGX_HTTP_TRADESEC_INQUIRY_LOOK:
        q->question.task = TS_ATTEMPTS_SCRIPT_LOOK;
        break;

    default: /* NGX_HTTP_TRADESEC_INQUIRY_CLEAR */
        q->question.task = TS_ATTEMPTS_SCRIPT_CLEAR;
        break;
    }

    if (ngx_http_tradesec_question_send(q) != NGX_OK) {
        ngx_free(q);
        return clear ? inquiry->rc : home->zone->operate(home->zone, inquiry);
    }

    q->cleared = clear ? inquiry->cleared : 0;
    inquiry->cleared = 0;
    inquiry->pending = q;
    inquiry->rc = NGX_AGAIN;

    return NGX_AGAIN;
}


void
ngx_http_tradesec_attempts_redis_dismiss(
    ngx_http_tradesec_attempts_store_t *store,
    ngx_http_tradesec_inquiry_t *inquiry)
{
    ngx_http_tradesec_question_t  *q = inquiry->pending;

    q->inquiry = NULL;
    inquiry->pending = NULL;
}


static ngx_int_t
ngx_http_tradesec_question_send(ngx_http_tradesec_question_t *q)
{
    ts_slice_t            command, text;
    ts_attempts_script_t  s;

    ngx_http_tradesec_attempts_script(q->home,
                                      NGX_HTTP_TRADESEC_ATTEMPTS_OPERATE,
                                      q->whole, &command, &text);

    ts_attempts_script_to_operate(&s, command, text, &q->question, 0);

    return ngx_http_tradesec_redis_send_text(&q->redis, s.text, s.len);
}


static ngx_int_t
ngx_http_tradesec_question_answered(ngx_http_tradesec_redis_command_t *redis,
    const redisReply *reply)
{
    ngx_int_t                      rc;
    ngx_http_tradesec_inquiry_t   *inquiry;
    ngx_http_tradesec_question_t  *q;

    q = (ngx_http_tradesec_question_t *) redis;

    if (q->inquiry == NULL) {
        ngx_free(q);
        return NGX_OK;
    }

    rc = NGX_DECLINED;

    if (reply != NULL && ngx_http_tradesec_redis_is_noscript(reply)) {

        if (!q->whole) {
            q->whole = 1;
            rc = NGX_AGAIN;
        }

    } else if (reply != NULL) {
        rc = ngx_http_tradesec_question_take(q, reply);
    }

    if (rc == NGX_AGAIN && ngx_http_tradesec_question_send(q) == NGX_OK) {
        return NGX_OK;
    }

    inquiry = q->inquiry;

    if (rc == NGX_OK) {
        inquiry->home = NGX_HTTP_TRADESEC_HOME_REDIS;
        inquiry->pending = NULL;
        inquiry->rc = NGX_OK;
        inquiry->handler(inquiry);

    } else {
        ngx_http_tradesec_question_fall_back(q);
    }

    ngx_free(q);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_tradesec_question_timeout(ngx_http_tradesec_redis_command_t *redis)
{
    ngx_http_tradesec_question_t  *q;

    q = (ngx_http_tradesec_question_t *) redis;

    if (q->inquiry != NULL) {
        ngx_http_tradesec_question_fall_back(q);
    }
}


static void
ngx_http_tradesec_question_fall_back(ngx_http_tradesec_question_t *q)
{
    ngx_http_tradesec_inquiry_t  *inquiry;

    inquiry = q->inquiry;
    q->inquiry = NULL;

    inquiry->pending = NULL;
    inquiry->cursor = 0;

    if (inquiry->what == NGX_HTTP_TRADESEC_INQUIRY_CLEAR) {
        inquiry->home = NGX_HTTP_TRADESEC_HOME_LOCAL;
        inquiry->cleared = q->cleared;
        inquiry->rc = NGX_OK;

    } else {
        (void) q->home->zone->operate(q->home->zone, inquiry);
    }

    inquiry->handler(inquiry);
}


/* NGX_AGAIN: there is a further step. */

static ngx_int_t
ngx_http_tradesec_question_take(ngx_http_tradesec_question_t *q,
    const redisReply *reply)
{
    uint32_t                      n;
    ngx_http_tradesec_inquiry_t  *inquiry;

    inquiry = q->inquiry;

    if (reply->type == REDIS_REPLY_STRING) {

        /* of the rights that are missing, for the operator to mend */

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "tradesec: redis \"%V\" does not let us look for "
                      "locks: give this user the right to \"scan\"",
                      &q->home->redis->name);
        return NGX_DECLINED;
    }

    switch (q->question.task) {

    case TS_ATTEMPTS_SCRIPT_LOOK:
        return ngx_http_tradesec_question_take_views(inquiry, reply);

    case TS_ATTEMPTS_SCRIPT_CLEAR:

        if (!ngx_http_tradesec_question_number(reply, &n)) {
            return NGX_ERROR;
        }

        inquiry->cleared += n;

        if (inquiry->part.mask == 0) {
            return NGX_OK;
        }

        q->question.task = TS_ATTEMPTS_SCRIPT_SWEEP;
        q->question.cursor = 0;

        return NGX_AGAIN;

    default: /* TS_ATTEMPTS_SCRIPT_LIST, TS_ATTEMPTS_SCRIPT_SWEEP */
        break;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->element[0]->type != REDIS_REPLY_STRING
        || !ts_attempts_script_cursor(
               ts_slice((uint8_t *) reply->element[0]->str,
                        (size_t) reply->element[0]->len),
               &q->question.cursor))
    {
        return NGX_ERROR;
    }

    if (q->question.task == TS_ATTEMPTS_SCRIPT_SWEEP) {

        if (reply->elements != 2
            || !ngx_http_tradesec_question_number(reply->element[1], &n))
        {
            return NGX_ERROR;
        }

        inquiry->cleared += n;

    } else if (ngx_http_tradesec_question_take_locks(inquiry, reply)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_question_next(q);
}


static ngx_int_t
ngx_http_tradesec_question_take_locks(ngx_http_tradesec_inquiry_t *inquiry,
    const redisReply *reply)
{
    size_t               i;
    redisReply         **e;
    ts_attempts_lock_t  *lock;

    if (reply->elements % 3 != 1) {
        return NGX_ERROR;
    }

    for (i = 1; i < reply->elements; i += 3) {
        e = &reply->element[i];

        lock = ngx_array_push(&inquiry->locks);

        if (lock == NULL
            || e[0]->type != REDIS_REPLY_STRING
            || !ts_attempts_script_name(ts_slice((uint8_t *) e[0]->str,
                                                 (size_t) e[0]->len),
                                        &lock->key)
            || !ngx_http_tradesec_question_number(e[1], &lock->until)
            || !ngx_http_tradesec_question_number(e[2], &lock->level))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_question_take_views(ngx_http_tradesec_inquiry_t *inquiry,
    const redisReply *reply)
{
    redisReply         **e;
    ngx_uint_t           i;
    ts_attempts_view_t  *view;

    if (reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 5 * inquiry->n)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < inquiry->n; i++) {
        e = &reply->element[5 * i];
        view = &inquiry->views[i];

        if (!ngx_http_tradesec_question_number(e[0], &view->locked)
            || !ngx_http_tradesec_question_number(e[1], &view->level)
            || !ngx_http_tradesec_question_number(e[2], &view->failed)
            || !ngx_http_tradesec_question_number(e[3], &view->neutral)
            || !ngx_http_tradesec_question_number(e[4], &view->in_flight))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* A sweep goes on to the end, a list until there is a page of it. */

static ngx_int_t
ngx_http_tradesec_question_next(ngx_http_tradesec_question_t *q)
{
    q->inquiry->cursor = q->question.cursor;

    if (q->question.cursor == 0) {
        return NGX_OK;
    }

    if (q->question.task == TS_ATTEMPTS_SCRIPT_SWEEP) {
        return NGX_AGAIN;
    }

    return ++q->steps == NGX_HTTP_TRADESEC_INQUIRY_STEPS
           || q->inquiry->locks.nelts >= q->inquiry->enough
           ? NGX_OK : NGX_AGAIN;
}


static ngx_flag_t
ngx_http_tradesec_question_number(const redisReply *reply, uint32_t *number)
{
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0
        || reply->integer > (long long) UINT32_MAX)
    {
        return 0;
    }

    *number = (uint32_t) reply->integer;

    return 1;
}
