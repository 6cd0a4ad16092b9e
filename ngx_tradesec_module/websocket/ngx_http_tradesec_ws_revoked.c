/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Open sockets obey revocations: while a worker has any, it looks every half
 * second whether something was revoked, and only then at each of them.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


#define NGX_HTTP_TRADESEC_WS_LOOK  500      /* ms */


static void ngx_http_tradesec_ws_look_handler(ngx_event_t *ev);
static void ngx_http_tradesec_ws_look(ngx_http_tradesec_ws_t *ws);


static ngx_queue_t       ngx_http_tradesec_ws_watched;
static ngx_event_t       ngx_http_tradesec_ws_look_event;
static ngx_connection_t  ngx_http_tradesec_ws_look_connection;


static const ngx_http_tradesec_ws_codes_t  ngx_http_tradesec_ws_revoked = {
    TS_WS_CLOSE_UNAUTHORIZED, TS_WS_CLOSE_GOING_AWAY, "token revoked"
};


void
ngx_http_tradesec_ws_watch(ngx_http_tradesec_ws_t *ws)
{
    ngx_event_t  *ev;

    if (ws->terms.revocations == NULL || ws->watched.next != NULL) {
        return;
    }

    ev = &ngx_http_tradesec_ws_look_event;

    if (ev->handler == NULL) {
        ngx_queue_init(&ngx_http_tradesec_ws_watched);

        /* for nginx's debug log */
        ngx_http_tradesec_ws_look_connection.fd = (ngx_socket_t) -1;

        ev->handler = ngx_http_tradesec_ws_look_handler;
        ev->data = &ngx_http_tradesec_ws_look_connection;
        ev->log = ngx_cycle->log;
        ev->cancelable = 1;
    }

    ngx_queue_insert_tail(&ngx_http_tradesec_ws_watched, &ws->watched);

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_TRADESEC_WS_LOOK);
    }
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
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&ngx_http_tradesec_ws_watched);
         q != ngx_queue_sentinel(&ngx_http_tradesec_ws_watched);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_http_tradesec_ws_look(ngx_queue_data(q, ngx_http_tradesec_ws_t,
                                                 watched));
    }

    if (!ngx_queue_empty(&ngx_http_tradesec_ws_watched)) {
        ngx_add_timer(ev, NGX_HTTP_TRADESEC_WS_LOOK);
    }
}


static void
ngx_http_tradesec_ws_look(ngx_http_tradesec_ws_t *ws)
{
    uint64_t  generation;

    generation = ts_revocations_generation(ws->terms.revocations);

    if (generation == ws->generation) {
        return;
    }

    ws->generation = generation;

    if (ws->closing
        || !ngx_http_tradesec_ws_is_open(ws)
        || ts_revocations_find(ws->terms.revocations, ws->terms.subject)
           == TS_REVOKED_NOTHING)
    {
        return;
    }

    (void) ngx_http_tradesec_ws_close(ws, TS_REASON_WEBSOCKET_REVOKED,
                                      &ngx_http_tradesec_ws_revoked, NULL);
}
