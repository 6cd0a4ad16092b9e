/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where the inspection of a WebSocket begins and ends.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


static void ngx_http_tradesec_ws_leftovers(ngx_http_tradesec_ws_t *ws);
static void ngx_http_tradesec_ws_cleanup(void *data);


static ngx_http_module_t  ngx_http_tradesec_ws_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


/* Has no directives: it owns the place in r->ctx that recv looks at. */

ngx_module_t  ngx_http_tradesec_ws_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_ws_module_ctx,      /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_int_t
ngx_http_tradesec_ws_inspect(ngx_http_request_t *r,
    const ngx_http_tradesec_ws_terms_t *terms)
{
    ngx_http_cleanup_t      *cln;
    ngx_http_tradesec_ws_t  *ws;

    ws = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_ws_t));
    if (ws == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ws->request = r;
    ws->terms = *terms;
    ws->started = ngx_current_msec;
    ws->active = ngx_current_msec;

    ws->from_client.source = r->connection;
    ws->from_server.source = r->upstream->peer.connection;

    ts_ws_parser_init(&ws->from_client.parser, TS_WS_FROM_CLIENT);
    ts_ws_parser_init(&ws->from_server.parser, TS_WS_FROM_SERVER);

    ws->from_client.recv = ws->from_client.source->recv;
    ws->from_server.recv = ws->from_server.source->recv;

    ws->from_client.source->recv = ngx_http_tradesec_ws_recv;
    ws->from_server.source->recv = ngx_http_tradesec_ws_recv;

    ngx_http_set_ctx(r, ws, ngx_http_tradesec_ws_module);

    /*
     * nginx applies it to the 101, before the rest of which it would send
     * frames, and to the end, for which all bytes of the socket then count.
     */

    r->limit_rate = 0;
    r->limit_rate_set = 1;

    cln->handler = ngx_http_tradesec_ws_cleanup;
    cln->data = ws;

    ngx_http_tradesec_ws_start_timer(ws);

    ngx_http_tradesec_ws_leftovers(ws);

    return NGX_OK;
}


/* Bytes that were read together with the handshake would pass without recv. */

static void
ngx_http_tradesec_ws_leftovers(ngx_http_tradesec_ws_t *ws)
{
    size_t      n;
    ngx_buf_t  *b;

    /* behind the 101: nginx sends what is between pos and last */

    b = &ws->request->upstream->buffer;
    n = b->last - b->pos;

    if (n) {
        n = ngx_http_tradesec_ws_pass(ws, &ws->from_server, b->pos, n);
        b->last = b->pos + n;
    }

    /*
     * Behind the request: left to nginx, the whole buffer would be used for
     * what follows, over the request's own header lines.
     */

    b = ws->request->header_in;

    if (b->pos != b->last) {
        ws->from_client.early = b->pos;
        ws->from_client.early_last = b->last;
        b->pos = b->last;

        ngx_http_tradesec_ws_wake(&ws->from_client);
    }
}


ngx_flag_t
ngx_http_tradesec_ws_is_open(const ngx_http_tradesec_ws_t *ws)
{
    const ngx_http_upstream_t  *u = ws->request->upstream;

    return u != NULL && u->peer.connection == ws->from_server.source;
}


void
ngx_http_tradesec_ws_leave(ngx_http_tradesec_ws_t *ws)
{
    if (ws->from_client.source->recv == ngx_http_tradesec_ws_recv) {
        ws->from_client.source->recv = ws->from_client.recv;
    }

    if (ngx_http_tradesec_ws_is_open(ws)) {
        ws->from_server.source->recv = ws->from_server.recv;
    }

    if (ws->timer.timer_set) {
        ngx_del_timer(&ws->timer);
    }
}


static void
ngx_http_tradesec_ws_cleanup(void *data)
{
    ngx_http_tradesec_ws_t  *ws = data;

    if (ws->request->connection->close
        && !ws->ignored
        && ngx_http_tradesec_ws_is_open(ws))
    {
        ngx_http_tradesec_ws_farewell(ws);
    }

    ngx_http_tradesec_ws_leave(ws);
}
