/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where the inspection of a WebSocket begins and ends.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


static ngx_int_t ngx_http_tradesec_ws_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_tradesec_ws_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_tradesec_ws_direct(ngx_http_tradesec_ws_stream_t *stream,
    const ngx_http_tradesec_ws_policy_t *policy);
static ngx_int_t ngx_http_tradesec_ws_leftovers(ngx_http_tradesec_ws_t *ws);
static void ngx_http_tradesec_ws_cleanup(void *data);


/* Numbers of messages, of a socket. */

#define NGX_HTTP_TRADESEC_WS_RECEIVED  0
#define NGX_HTTP_TRADESEC_WS_SENT      1
#define NGX_HTTP_TRADESEC_WS_DROPPED   2


static ngx_http_variable_t  ngx_http_tradesec_ws_variables[] = {

    { ngx_string("tradesec_websocket_received"), NULL,
      ngx_http_tradesec_ws_variable, NGX_HTTP_TRADESEC_WS_RECEIVED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_websocket_sent"), NULL,
      ngx_http_tradesec_ws_variable, NGX_HTTP_TRADESEC_WS_SENT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_websocket_dropped"), NULL,
      ngx_http_tradesec_ws_variable, NGX_HTTP_TRADESEC_WS_DROPPED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_http_module_t  ngx_http_tradesec_ws_module_ctx = {
    ngx_http_tradesec_ws_add_variables,    /* preconfiguration */
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


static ngx_int_t
ngx_http_tradesec_ws_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_tradesec_ws_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* Not found where no socket was opened. */

static ngx_int_t
ngx_http_tradesec_ws_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_uint_t                     n;
    const ngx_http_tradesec_ws_t  *ws;

    ws = ngx_http_get_module_ctx(r->main, ngx_http_tradesec_ws_module);

    if (ws == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_TRADESEC_WS_RECEIVED:
        n = ws->received;
        break;

    case NGX_HTTP_TRADESEC_WS_SENT:
        n = ws->sent;
        break;

    default:
        n = ws->drops;
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    v->len = ngx_sprintf(v->data, "%ui", n) - v->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


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

    if (terms->traffic.worker != NULL) {
        ws->told = ngx_pcalloc(r->pool,
                               TS_TRAFFIC_SOCKET_N * sizeof(ngx_uint_t));
        if (ws->told == NULL) {
            return NGX_ERROR;
        }
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ws->request = r;
    ws->terms = *terms;
    ws->started = ngx_current_msec;
    ws->active = ngx_current_msec;
    ws->counted = ngx_current_msec;

    ws->from_client.source = r->connection;
    ws->from_server.source = r->upstream->peer.connection;

    ts_ws_parser_init(&ws->from_client.parser, TS_WS_FROM_CLIENT);
    ts_ws_parser_init(&ws->from_server.parser, TS_WS_FROM_SERVER);

#ifndef TS_OMIT_WEBSOCKET_CLIENT
    ngx_http_tradesec_ws_direct(&ws->from_client, terms->rules->client);
#endif
#ifndef TS_OMIT_WEBSOCKET_OWNER
    ngx_http_tradesec_ws_direct(&ws->from_server, terms->rules->server);
#endif

    if (terms->token != NULL) {
        ws->from_client.whole = 1;
        ws->pending = terms->pending;
        ngx_http_tradesec_ws_limit_client(ws);
    }

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

    ngx_http_tradesec_ws_tell_open(ws);
    ngx_http_tradesec_ws_start_timer(ws);
    ngx_http_tradesec_ws_watch(ws);

    return ngx_http_tradesec_ws_leftovers(ws);
}


static void
ngx_http_tradesec_ws_direct(ngx_http_tradesec_ws_stream_t *stream,
    const ngx_http_tradesec_ws_policy_t *policy)
{
    if (policy != NULL) {
        stream->parser.limit = policy->message_size;
        stream->whole = (policy->rules != NULL);
    }
}


/* Bytes that were read together with the handshake would pass without recv. */

static ngx_int_t
ngx_http_tradesec_ws_leftovers(ngx_http_tradesec_ws_t *ws)
{
    size_t                         n;
    ngx_buf_t                     *b;
    ngx_http_tradesec_ws_bytes_t  *early;

    /* behind the 101: nginx sends what is between pos and last */

    b = &ws->request->upstream->buffer;
    n = b->last - b->pos;

    if (n && ws->pending && !ws->terms.open) {

        early = ngx_palloc(ws->request->pool,
                           sizeof(ngx_http_tradesec_ws_bytes_t) + n);
        if (early == NULL) {
            return NGX_ERROR;
        }

        early->pos = (u_char *) (early + 1);
        early->last = ngx_cpymem(early->pos, b->pos, n);

        ws->from_server.early = early;
        b->last = b->pos;

    } else if (n) {
        n = ws->from_server.whole
            ? ngx_http_tradesec_ws_hold_sift(ws, &ws->from_server, b->pos, n)
            : ngx_http_tradesec_ws_pass(ws, &ws->from_server, b->pos, n);

        b->last = b->pos + n;

        ngx_http_tradesec_ws_tell_traffic(ws, &ws->from_server, n);
    }

    /*
     * Behind the request: left to nginx, the whole buffer would be used for
     * what follows, over the request's own header lines.
     */

    b = ws->request->header_in;

    if (b->pos != b->last) {
        early = ngx_palloc(ws->request->pool,
                           sizeof(ngx_http_tradesec_ws_bytes_t));
        if (early == NULL) {
            return NGX_ERROR;
        }

        early->pos = b->pos;
        early->last = b->last;

        ws->from_client.early = early;
        b->pos = b->last;

        ngx_http_tradesec_ws_wake(&ws->from_client);
    }

    return NGX_OK;
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

    ngx_http_tradesec_ws_unwatch(ws);
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

    ngx_http_tradesec_ws_hold_free(&ws->from_client);
    ngx_http_tradesec_ws_hold_free(&ws->from_server);
    ngx_http_tradesec_ws_tell_dropped(ws);
}
