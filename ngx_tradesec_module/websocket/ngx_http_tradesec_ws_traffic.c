/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What operators read of open sockets. A message is counted in the socket's own
 * memory; what is shared learns of it once for each read.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


static void ngx_http_tradesec_ws_tell(ngx_http_tradesec_ws_t *ws,
    ts_traffic_e counter, ngx_uint_t now);


void
ngx_http_tradesec_ws_tell_open(const ngx_http_tradesec_ws_t *ws)
{
    ts_traffic_t  *worker;

    worker = ws->terms.traffic.worker;

    if (worker != NULL) {
        ts_traffic_add(worker, &worker->count[TS_TRAFFIC_OPENED], 1);
    }
}


void
ngx_http_tradesec_ws_tell_traffic(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, size_t n)
{
    ts_traffic_e  bytes;

    if (ws->told == NULL) {
        return;
    }

    bytes = (stream == &ws->from_client) ? TS_TRAFFIC_BYTES_RECEIVED
                                         : TS_TRAFFIC_BYTES_SENT;

    ngx_http_tradesec_ws_tell(ws, bytes, ws->told[bytes] + n);
    ngx_http_tradesec_ws_tell(ws, TS_TRAFFIC_RECEIVED, ws->received);
    ngx_http_tradesec_ws_tell(ws, TS_TRAFFIC_SENT, ws->sent);
    ngx_http_tradesec_ws_tell(ws, TS_TRAFFIC_DROPPED, ws->drops);
}


static void
ngx_http_tradesec_ws_tell(ngx_http_tradesec_ws_t *ws, ts_traffic_e counter,
    ngx_uint_t now)
{
    ts_traffic_t        *worker;
    ts_socket_detail_t  *socket;

    if (ws->told[counter] == now) {
        return;
    }

    worker = ws->terms.traffic.worker;
    socket = ws->terms.traffic.socket;

    ts_traffic_add(worker, &worker->count[counter], now - ws->told[counter]);

    if (socket != NULL) {
        __atomic_store_n(&socket->traffic[counter], now, __ATOMIC_RELAXED);
    }

    ws->told[counter] = now;
}


void
ngx_http_tradesec_ws_tell_drop(const ngx_http_tradesec_ws_t *ws,
    ts_reason_e reason)
{
    ts_traffic_t  *worker;

    worker = ws->terms.traffic.worker;

    if (worker != NULL) {
        ts_traffic_add(worker,
                       &worker->dropped[reason - TS_REASON_SOCKET_FIRST], 1);
    }
}


void
ngx_http_tradesec_ws_tell_close(const ngx_http_tradesec_ws_t *ws,
    ts_reason_e reason)
{
    ts_traffic_t  *worker;

    worker = ws->terms.traffic.worker;

    if (worker != NULL) {
        ts_traffic_add(worker,
                       &worker->closed[reason - TS_REASON_SOCKET_FIRST], 1);
    }
}
