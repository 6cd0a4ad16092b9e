/*
 * Copyright (C) the ngx_tradesec authors
 *
 * When an inspected WebSocket has to end: with its token, at its maximum age,
 * and when its user has left it alone.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


/*
 * Tokens end by the wall clock, timers run by the monotonic one. Looking again
 * this often (in milliseconds) bounds what a clock step can do.
 */

#define NGX_HTTP_TRADESEC_WS_TIMER_MAX  60000


typedef struct {
    ts_reason_e                   reason;
    ngx_http_tradesec_ws_codes_t  codes;
} ngx_http_tradesec_ws_deadline_t;


static void ngx_http_tradesec_ws_timer_handler(ngx_event_t *ev);
static const ngx_http_tradesec_ws_deadline_t *ngx_http_tradesec_ws_deadline(
    const ngx_http_tradesec_ws_t *ws, ngx_msec_t *left);
static ngx_msec_t ngx_http_tradesec_ws_until(time_t when);
static ngx_msec_t ngx_http_tradesec_ws_left(ngx_msec_t since,
    ngx_msec_t limit);


static const ngx_http_tradesec_ws_deadline_t  ngx_http_tradesec_ws_unknown = {
    TS_REASON_WEBSOCKET_TOKEN_MISSING,
    { TS_WS_CLOSE_UNAUTHORIZED, TS_WS_CLOSE_GOING_AWAY, "no token" }
};

static const ngx_http_tradesec_ws_deadline_t  ngx_http_tradesec_ws_expired = {
    TS_REASON_WEBSOCKET_EXPIRED,
    { TS_WS_CLOSE_UNAUTHORIZED, TS_WS_CLOSE_GOING_AWAY, "token expired" }
};

static const ngx_http_tradesec_ws_deadline_t  ngx_http_tradesec_ws_old = {
    TS_REASON_WEBSOCKET_MAX_AGE,
    { TS_WS_CLOSE_GOING_AWAY, TS_WS_CLOSE_GOING_AWAY, "maximum age reached" }
};

static const ngx_http_tradesec_ws_deadline_t  ngx_http_tradesec_ws_idle = {
    TS_REASON_WEBSOCKET_IDLE,
    { TS_WS_CLOSE_GOING_AWAY, TS_WS_CLOSE_GOING_AWAY, "idle" }
};


void
ngx_http_tradesec_ws_start_timer(ngx_http_tradesec_ws_t *ws)
{
    ngx_msec_t                           left;
    const ngx_http_tradesec_ws_rules_t  *rules = ws->terms.rules;

    if (ws->closing) {
        left = NGX_HTTP_TRADESEC_WS_CLOSE_TIMEOUT;

    } else if (ws->terms.expires || rules->max_age || rules->idle
               || ws->pending)
    {
        (void) ngx_http_tradesec_ws_deadline(ws, &left);

    } else {
        return;
    }

    ws->timer.handler = ngx_http_tradesec_ws_timer_handler;
    ws->timer.data = ws;
    ws->timer.log = ws->request->connection->log;

    if (ws->timer.timer_set) {
        ngx_del_timer(&ws->timer);
    }

    ngx_add_timer(&ws->timer, left);
}


static void
ngx_http_tradesec_ws_timer_handler(ngx_event_t *ev)
{
    ngx_msec_t               left;
    ngx_http_tradesec_ws_t  *ws;

    ws = ev->data;

    if (!ngx_http_tradesec_ws_is_open(ws)) {
        return;
    }

    left = 0;

    if (!ws->closing) {
        (void) ngx_http_tradesec_ws_deadline(ws, &left);
    }

    if (left) {
        ngx_add_timer(&ws->timer, left);
        return;
    }

    ngx_http_tradesec_ws_overdue(ws);
}


void
ngx_http_tradesec_ws_expire(ngx_http_tradesec_ws_t *ws)
{
    ngx_msec_t                              left;
    const ngx_http_tradesec_ws_deadline_t  *deadline;

    if (ws->ignored) {
        return;
    }

    if (ws->closing) {
        ngx_http_tradesec_ws_abort(ws);
        return;
    }

    deadline = ngx_http_tradesec_ws_deadline(ws, &left);

    if (left) {
        /* a token has come meanwhile */
        ngx_add_timer(&ws->timer, left);
        return;
    }

    (void) ngx_http_tradesec_ws_close(ws, deadline->reason, &deadline->codes,
                                      NULL);
}


/* The first deadline, and how long it is until then; 0: it has passed. */

static const ngx_http_tradesec_ws_deadline_t *
ngx_http_tradesec_ws_deadline(const ngx_http_tradesec_ws_t *ws,
    ngx_msec_t *left)
{
    ngx_msec_t                              t;
    const ngx_http_tradesec_ws_rules_t     *rules;
    const ngx_http_tradesec_ws_deadline_t  *deadline;

    rules = ws->terms.rules;
    deadline = NULL;
    *left = NGX_HTTP_TRADESEC_WS_TIMER_MAX;

    if (ws->pending) {
        t = ngx_http_tradesec_ws_left(ws->started, ws->terms.token->timeout);

        if (t < *left) {
            *left = t;
            deadline = &ngx_http_tradesec_ws_unknown;
        }
    }

    if (ws->terms.expires) {
        t = ngx_http_tradesec_ws_until(ws->terms.expires);

        if (t < *left) {
            *left = t;
            deadline = &ngx_http_tradesec_ws_expired;
        }
    }

    if (rules->max_age) {
        t = ngx_http_tradesec_ws_left(ws->started, rules->max_age);

        if (t < *left) {
            *left = t;
            deadline = &ngx_http_tradesec_ws_old;
        }
    }

    if (rules->idle) {
        t = ngx_http_tradesec_ws_left(ws->active, rules->idle);

        if (t < *left) {
            *left = t;
            deadline = &ngx_http_tradesec_ws_idle;
        }
    }

    return deadline;
}


/* Milliseconds until the second begins; bounded, as `when` comes from afar. */

static ngx_msec_t
ngx_http_tradesec_ws_until(time_t when)
{
    ngx_time_t  *now;

    now = ngx_timeofday();

    if (when <= now->sec) {
        return 0;
    }

    if (when - now->sec > NGX_HTTP_TRADESEC_WS_TIMER_MAX / 1000) {
        return NGX_HTTP_TRADESEC_WS_TIMER_MAX;
    }

    return (ngx_msec_t) (when - now->sec) * 1000 - now->msec;
}


static ngx_msec_t
ngx_http_tradesec_ws_left(ngx_msec_t since, ngx_msec_t limit)
{
    ngx_msec_t  passed;

    passed = ngx_current_msec - since;

    return (passed < limit) ? limit - passed : 0;
}
