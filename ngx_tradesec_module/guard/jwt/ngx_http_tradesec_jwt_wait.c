/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Requests that wait for keys: for those that this worker fetches, or another
 * one, whose end is seen in the zone.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt_flight.h"


/* How often a worker looks whether another one's fetch has ended. */

#define NGX_HTTP_TRADESEC_JWT_WAIT_LOOK  20

/* Of a worker: with an unknown key anybody can come. */

#define NGX_HTTP_TRADESEC_JWT_WAITERS    512


typedef struct {
    ngx_queue_t                            queue;
    ngx_http_request_t                    *request;     /* NULL: it waits no
                                                           more */
    const ngx_http_tradesec_jwt_policy_t  *policy;
    ngx_msec_t                             deadline;
} ngx_http_tradesec_jwt_waiter_t;


static ngx_flag_t ngx_http_tradesec_jwt_wait_over(
    const ngx_http_tradesec_jwt_policy_t *policy);
static ngx_flag_t ngx_http_tradesec_jwt_wait_begin(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy, ngx_msec_t *wait,
    ngx_flag_t *carries);
static void ngx_http_tradesec_jwt_wait_add(
    ngx_http_tradesec_jwt_waiter_t *waiter);
static void ngx_http_tradesec_jwt_wait_look(ngx_event_t *ev);
static void ngx_http_tradesec_jwt_wait_end(
    ngx_http_tradesec_jwt_waiter_t *waiter);
static void ngx_http_tradesec_jwt_wait_cleanup(void *data);


static struct {
    ngx_queue_t  queue;         /* prev is NULL: nobody ever waited */
    ngx_uint_t   n;
    ngx_event_t  timer;
} ngx_http_tradesec_jwt_waiting;


ngx_int_t
ngx_http_tradesec_jwt_fetch_wait(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_flag_t                       carries;
    ngx_msec_t                       wait;
    ngx_uint_t                       i;
    ngx_http_cleanup_t              *cln;
    ngx_http_tradesec_jwt_waiter_t  *waiter;

    for (i = 0; i < policy->n && policy->providers[i]->uri.len == 0; i++) {
        /* void */
    }

    if (i == policy->n
        || ngx_http_tradesec_jwt_waiting.n == NGX_HTTP_TRADESEC_JWT_WAITERS)
    {
        return NGX_DECLINED;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_tradesec_jwt_waiter_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (!ngx_http_tradesec_jwt_wait_begin(r, policy, &wait, &carries)) {
        return NGX_DECLINED;
    }

    waiter = cln->data;
    waiter->request = r;
    waiter->policy = policy;
    waiter->deadline = ngx_current_msec + wait;

    cln->handler = ngx_http_tradesec_jwt_wait_cleanup;

    ngx_http_tradesec_jwt_wait_add(waiter);

    /* whose client leaves must not take with him what others wait for */

    r->read_event_handler = carries ? ngx_http_block_reading
                                    : ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (!carries && ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_http_tradesec_jwt_wait_cleanup(waiter);
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


/*
 * Whether a fetch is under way that may bring keys: for how long at the most,
 * and whether it is this request that carries one.
 */

static ngx_flag_t
ngx_http_tradesec_jwt_wait_begin(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy, ngx_msec_t *wait,
    ngx_flag_t *carries)
{
    ngx_flag_t                               busy;
    ngx_uint_t                               i;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    busy = 0;
    *carries = 0;
    *wait = 0;

    for (i = 0; i < policy->n; i++) {
        provider = policy->providers[i];

        if (provider->uri.len == 0) {
            continue;
        }

        switch (ngx_http_tradesec_jwt_flight_begin(r, provider)) {

        case TS_KEY_SOURCE_BEGUN:
            *carries = 1;
            /* fall through */

        case TS_KEY_SOURCE_BUSY:
            busy = 1;
            *wait = ngx_max(*wait, (ngx_msec_t) provider->limits.timeout);
            break;

        default: /* TS_KEY_SOURCE_LATER */
            break;
        }
    }

    return busy;
}


static void
ngx_http_tradesec_jwt_wait_add(ngx_http_tradesec_jwt_waiter_t *waiter)
{
    ngx_event_t  *timer;

    timer = &ngx_http_tradesec_jwt_waiting.timer;

    if (ngx_http_tradesec_jwt_waiting.queue.prev == NULL) {
        ngx_queue_init(&ngx_http_tradesec_jwt_waiting.queue);
        timer->handler = ngx_http_tradesec_jwt_wait_look;
        timer->data = &ngx_http_tradesec_jwt_waiting;
        timer->log = ngx_cycle->log;
    }

    ngx_queue_insert_tail(&ngx_http_tradesec_jwt_waiting.queue,
                          &waiter->queue);
    ngx_http_tradesec_jwt_waiting.n++;

    if (!timer->timer_set) {
        ngx_add_timer(timer, NGX_HTTP_TRADESEC_JWT_WAIT_LOOK);
    }
}


void
ngx_http_tradesec_jwt_fetch_due(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider)
{
    const ts_key_source_t  *source;

    source = &provider->ring->slot->source;

    /* read without the lock: who begins is decided with it */

    if (ts_key_source_age(source, &provider->limits,
                          (int64_t) ngx_current_msec)
        == TS_KEYS_DUE
        && (int64_t) ngx_current_msec >= source->next)
    {
        (void) ngx_http_tradesec_jwt_flight_begin(r, provider);
    }
}


void
ngx_http_tradesec_jwt_flight_landed(void)
{
    ngx_flag_t                             over;
    ngx_queue_t                           *q, *next;
    ngx_http_tradesec_jwt_waiter_t        *waiter;
    const ngx_http_tradesec_jwt_policy_t  *policy;

    over = 0;
    policy = NULL;

    if (ngx_http_tradesec_jwt_waiting.n == 0) {
        return;
    }

    for (q = ngx_queue_head(&ngx_http_tradesec_jwt_waiting.queue);
         q != ngx_queue_sentinel(&ngx_http_tradesec_jwt_waiting.queue);
         q = next)
    {
        next = ngx_queue_next(q);
        waiter = ngx_queue_data(q, ngx_http_tradesec_jwt_waiter_t, queue);

        if (policy != waiter->policy) {
            policy = waiter->policy;
            over = ngx_http_tradesec_jwt_wait_over(policy);
        }

        if (over
            || (ngx_msec_int_t) (waiter->deadline - ngx_current_msec) <= 0)
        {
            ngx_http_tradesec_jwt_wait_end(waiter);
        }
    }
}


static ngx_flag_t
ngx_http_tradesec_jwt_wait_over(const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_uint_t                               i;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    for (i = 0; i < policy->n; i++) {
        provider = policy->providers[i];

        if (provider->uri.len
            && ts_key_source_busy(&provider->ring->slot->source,
                                  (int64_t) ngx_current_msec,
                                  ngx_http_tradesec_jwt_flight_alive))
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_tradesec_jwt_wait_look(ngx_event_t *ev)
{
    ngx_http_tradesec_jwt_flight_landed();

    if (ngx_http_tradesec_jwt_waiting.n != 0) {
        ngx_add_timer(ev, NGX_HTTP_TRADESEC_JWT_WAIT_LOOK);
    }
}


/* The request goes on with its next event. */

static void
ngx_http_tradesec_jwt_wait_end(ngx_http_tradesec_jwt_waiter_t *waiter)
{
    ngx_http_request_t  *r;

    r = waiter->request;

    ngx_http_tradesec_jwt_wait_cleanup(waiter);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_post_event(r->connection->write, &ngx_posted_events);
}


static void
ngx_http_tradesec_jwt_wait_cleanup(void *data)
{
    ngx_http_tradesec_jwt_waiter_t *waiter = data;

    if (waiter->request != NULL) {
        waiter->request = NULL;
        ngx_queue_remove(&waiter->queue);
        ngx_http_tradesec_jwt_waiting.n--;
    }
}
