/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Open sockets that may have to end: because something was revoked, for which a
 * worker looks ten times a second while it has any, or because their time is
 * up. That can be thousands at once, so each turn of the event loop ends some
 * of them, and has time for everybody else.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


#define NGX_HTTP_TRADESEC_WS_LOOK  100      /* ms */

/* Sockets of one turn: together they take it some milliseconds. */

#define NGX_HTTP_TRADESEC_WS_TURN  64


static void ngx_http_tradesec_ws_join(ngx_http_tradesec_ws_t *ws,
    ngx_queue_t *queue);
static void ngx_http_tradesec_ws_look_handler(ngx_event_t *ev);
static void ngx_http_tradesec_ws_look(ngx_http_tradesec_ws_t *ws);
static ngx_flag_t ngx_http_tradesec_ws_has_news(void);
static ngx_flag_t ngx_http_tradesec_ws_is_revoked(
    const ngx_http_tradesec_ws_t *ws);


/* Those to look at, and those that have been looked at since the last news. */

static ngx_queue_t              ngx_http_tradesec_ws_due;
static ngx_queue_t              ngx_http_tradesec_ws_seen;

/* What says that there are news, and whether all are being looked at for it. */

static const ts_revocations_t  *ngx_http_tradesec_ws_list;
static uint64_t                 ngx_http_tradesec_ws_generation;
static ngx_flag_t               ngx_http_tradesec_ws_walking;

static ngx_event_t              ngx_http_tradesec_ws_look_event;
static ngx_connection_t         ngx_http_tradesec_ws_look_connection;


static const ngx_http_tradesec_ws_codes_t  ngx_http_tradesec_ws_revoked = {
    TS_WS_CLOSE_UNAUTHORIZED, TS_WS_CLOSE_GOING_AWAY, "token revoked"
};


void
ngx_http_tradesec_ws_watch(ngx_http_tradesec_ws_t *ws)
{
    ngx_event_t  *ev;

    if (ws->terms.revocations == NULL) {
        return;
    }

    ngx_http_tradesec_ws_list = ws->terms.revocations;

    /* something may have been revoked since the handshake was judged */

    ngx_http_tradesec_ws_join(ws, &ngx_http_tradesec_ws_due);

    ev = &ngx_http_tradesec_ws_look_event;

    if (!ev->timer_set && !ev->posted) {
        ngx_add_timer(ev, NGX_HTTP_TRADESEC_WS_LOOK);
    }
}


void
ngx_http_tradesec_ws_overdue(ngx_http_tradesec_ws_t *ws)
{
    ws->overdue = 1;

    ngx_http_tradesec_ws_join(ws, &ngx_http_tradesec_ws_due);
    ngx_post_event(&ngx_http_tradesec_ws_look_event, &ngx_posted_events);
}


static void
ngx_http_tradesec_ws_join(ngx_http_tradesec_ws_t *ws, ngx_queue_t *queue)
{
    ngx_event_t  *ev;

    ev = &ngx_http_tradesec_ws_look_event;

    if (ev->handler == NULL) {
        ngx_queue_init(&ngx_http_tradesec_ws_due);
        ngx_queue_init(&ngx_http_tradesec_ws_seen);

        /* for nginx's debug log */
        ngx_http_tradesec_ws_look_connection.fd = (ngx_socket_t) -1;

        ev->handler = ngx_http_tradesec_ws_look_handler;
        ev->data = &ngx_http_tradesec_ws_look_connection;
        ev->log = ngx_cycle->log;
        ev->cancelable = 1;
    }

    ngx_http_tradesec_ws_unwatch(ws);
    ngx_queue_insert_tail(queue, &ws->watched);
}


void
ngx_http_tradesec_ws_unwatch(ngx_http_tradesec_ws_t *ws)
{
    if (ws->watched.next != NULL) {
        ngx_queue_remove(&ws->watched);
        ws->watched.next = NULL;
    }
}


static void
ngx_http_tradesec_ws_look_handler(ngx_event_t *ev)
{
    ngx_uint_t               n;
    ngx_queue_t             *due, *seen;
    ngx_http_tradesec_ws_t  *ws;

    due = &ngx_http_tradesec_ws_due;
    seen = &ngx_http_tradesec_ws_seen;

    /* not before the last news have come to everyone: some may come always */

    if (!ngx_http_tradesec_ws_walking && ngx_http_tradesec_ws_has_news()) {
        ngx_http_tradesec_ws_walking = 1;

        if (!ngx_queue_empty(seen)) {
            ngx_queue_add(due, seen);
            ngx_queue_init(seen);
        }
    }

    for (n = 0; n < NGX_HTTP_TRADESEC_WS_TURN && !ngx_queue_empty(due); n++) {
        ws = ngx_queue_data(ngx_queue_head(due), ngx_http_tradesec_ws_t,
                            watched);

        /* it may not be there any more afterwards */

        ngx_http_tradesec_ws_join(ws, seen);
        ngx_http_tradesec_ws_look(ws);
    }

    if (!ngx_queue_empty(due)) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    ngx_http_tradesec_ws_walking = 0;

    if (!ngx_queue_empty(seen) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_TRADESEC_WS_LOOK);
    }
}


static void
ngx_http_tradesec_ws_look(ngx_http_tradesec_ws_t *ws)
{
    if (!ngx_http_tradesec_ws_is_open(ws)) {
        return;
    }

    if (!ws->closing && !ws->ignored && ngx_http_tradesec_ws_is_revoked(ws)) {
        (void) ngx_http_tradesec_ws_close(ws, TS_REASON_WEBSOCKET_REVOKED,
                                          &ngx_http_tradesec_ws_revoked, NULL);

    } else if (ws->overdue) {
        ws->overdue = 0;
        ngx_http_tradesec_ws_expire(ws);
    }
}


static ngx_flag_t
ngx_http_tradesec_ws_has_news(void)
{
    uint64_t                 generation;
    const ts_revocations_t  *list;

    list = ngx_http_tradesec_ws_list;

    if (list == NULL) {
        return 0;
    }

    generation = ts_revocations_generation(list);

    if (generation == ngx_http_tradesec_ws_generation) {
        return 0;
    }

    ngx_http_tradesec_ws_generation = generation;

    return 1;
}


static ngx_flag_t
ngx_http_tradesec_ws_is_revoked(const ngx_http_tradesec_ws_t *ws)
{
    const ts_revocations_t  *list;

    list = ws->terms.revocations;

    return list != NULL
           && ts_revocations_find(list, ws->terms.subject)
              != TS_REVOKED_NOTHING;
}
