/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How an inspected WebSocket is closed by the gateway (RFC 6455 section 7).
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "websocket/ngx_http_tradesec_ws.h"


static void ngx_http_tradesec_ws_close_server(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *offender);
static ngx_int_t ngx_http_tradesec_ws_add_frame(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream);
static ngx_flag_t ngx_http_tradesec_ws_is_awaited(
    const ngx_http_tradesec_ws_stream_t *stream);
static ngx_flag_t ngx_http_tradesec_ws_mask(u_char mask[4]);
static size_t ngx_http_tradesec_ws_close_frame(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, u_char *frame);


ngx_int_t
ngx_http_tradesec_ws_close(ngx_http_tradesec_ws_t *ws, ts_reason_e reason,
    const ngx_http_tradesec_ws_codes_t *codes,
    const ngx_http_tradesec_ws_stream_t *offender)
{
    ngx_int_t   rc;
    ngx_flag_t  border, pending;

    static const ngx_http_tradesec_ws_codes_t  no_token = {
        TS_WS_CLOSE_UNAUTHORIZED, TS_WS_CLOSE_GOING_AWAY, "no token"
    };

    if (ws->timer.timer_set) {
        ngx_del_timer(&ws->timer);
    }

    ws->overdue = 0;

    rc = ws->terms.hooks->judge(ws->request, reason,
                                ws->detail ? ws->detail : codes->text);

    ws->detail = NULL;
    pending = ws->pending;
    ws->pending = 0;

    if (rc != NGX_OK && pending && !ws->terms.open) {

        /* the dry run is of the rule, not of the token that has not come */

        reason = TS_REASON_WEBSOCKET_TOKEN_MISSING;
        codes = &no_token;
        rc = ws->terms.hooks->judge(ws->request, reason, codes->text);
    }

    if (rc != NGX_OK) {
        ws->ignored = 1;

        if (ws->from_server.hold != NULL || pending) {
            ngx_http_tradesec_ws_wake(&ws->from_server);
        }

        if (ws->from_client.hold != NULL) {
            ngx_http_tradesec_ws_wake(&ws->from_client);
        }

        return NGX_DECLINED;
    }

    ngx_http_tradesec_ws_tell_close(ws, reason);

    ws->closing = 1;
    ws->codes = *codes;

    ngx_http_tradesec_ws_close_server(ws, offender);

    ws->from_client.awaited = (offender != &ws->from_client);

    border = ws->from_server.whole
             || ((offender == &ws->from_server)
                 ? !ws->from_server.torn
                 : ts_ws_at_border(&ws->from_server.parser));

    if (border) {
        ngx_http_tradesec_ws_close_client(ws);

    } else if (offender == &ws->from_server) {
        /* the client cannot be told, inside a frame that will never end */
        ws->from_server.stopped = 1;
        ws->from_client.awaited = 0;
    }

    ngx_http_tradesec_ws_start_timer(ws);
    ngx_http_tradesec_ws_check_over(ws);

    return NGX_OK;
}


/*
 * What the client has sent of an unfinished frame is not completed: no message
 * reaches the backend after the end, not even one that began before.
 */

static void
ngx_http_tradesec_ws_close_server(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *offender)
{
    ngx_flag_t                      border;
    ngx_http_tradesec_ws_stream_t  *stream;

    stream = &ws->from_client;
    stream->stopped = 1;

    ngx_http_tradesec_ws_hold_drop(stream);

    if (stream->parser.closed) {
        ws->from_server.awaited = 1;
        return;
    }

    border = stream->whole
             || ((offender == stream) ? !stream->torn
                                      : ts_ws_at_border(&stream->parser));

    if (border && ngx_http_tradesec_ws_add_frame(ws, stream) == NGX_OK) {
        ws->from_server.awaited = (offender != &ws->from_server);
    }
}


void
ngx_http_tradesec_ws_close_client(ngx_http_tradesec_ws_t *ws)
{
    ngx_http_tradesec_ws_stream_t  *stream;

    stream = &ws->from_server;
    stream->stopped = 1;

    ngx_http_tradesec_ws_hold_drop(stream);

    if (!stream->parser.closed
        && ngx_http_tradesec_ws_add_frame(ws, stream) != NGX_OK)
    {
        ws->from_client.awaited = 0;
    }

    ngx_http_tradesec_ws_check_over(ws);
}


static ngx_int_t
ngx_http_tradesec_ws_add_frame(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream)
{
    size_t                         len;
    ngx_http_tradesec_ws_bytes_t  *ours;

    ours = ngx_palloc(ws->request->pool,
                      sizeof(ngx_http_tradesec_ws_bytes_t) + TS_WS_CLOSE_MAX);
    if (ours == NULL) {
        return NGX_ERROR;
    }

    ours->pos = (u_char *) (ours + 1);
    len = ngx_http_tradesec_ws_close_frame(ws, stream, ours->pos);

    if (len == 0) {
        return NGX_ERROR;
    }

    ours->last = ours->pos + len;
    stream->ours = ours;

    ngx_http_tradesec_ws_wake(stream);

    return NGX_OK;
}


/* Towards the backend we are a client, and mask. Returns 0 on failure. */

static size_t
ngx_http_tradesec_ws_close_frame(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, u_char *frame)
{
    u_char      mask[4];
    ts_slice_t  text;

    text = ts_slice(ws->codes.text, ngx_strlen(ws->codes.text));

    if (stream == &ws->from_server) {
        return ts_ws_close_frame(frame, ws->codes.client, text, NULL);
    }

    if (!ngx_http_tradesec_ws_mask(mask)) {
        return 0;
    }

    return ts_ws_close_frame(frame, ws->codes.server, text, mask);
}


/* From a supply of this process: thousands of sockets may end together. */

static ngx_flag_t
ngx_http_tradesec_ws_mask(u_char mask[4])
{
    static size_t     left;
    static u_char     supply[1024];
    static ngx_pid_t  pid;

    if (left == 0 || pid != ngx_pid) {
        left = 0;
        pid = ngx_pid;

        if (RAND_bytes(supply, sizeof(supply)) != 1) {
            return 0;
        }

        left = sizeof(supply);
    }

    left -= 4;
    ngx_memcpy(mask, supply + left, 4);

    return 1;
}


static ngx_flag_t
ngx_http_tradesec_ws_is_awaited(const ngx_http_tradesec_ws_stream_t *stream)
{
    return stream->awaited && !stream->ended && !stream->parser.closed;
}


void
ngx_http_tradesec_ws_check_over(ngx_http_tradesec_ws_t *ws)
{
    if (!ws->closing
        || ws->over != NULL
        || !ws->from_server.stopped
        || ngx_http_tradesec_ws_is_awaited(&ws->from_client)
        || ngx_http_tradesec_ws_is_awaited(&ws->from_server))
    {
        return;
    }

    /*
     * nginx ends both connections when it is told that one stream has ended
     * and has sent all of it. Where the client has answered, it has our close
     * frame, and the backend's may still be on its way; else it is the other
     * way round, and what the client is still sending must not reset the
     * connection before it has read our frame.
     */

    if (ws->from_client.ended || ws->from_client.parser.closed) {
        ws->over = &ws->from_client;

    } else {
        ws->over = &ws->from_server;
        ws->request->lingering_close = 1;
    }

    ngx_http_tradesec_ws_wake(ws->over);
}


void
ngx_http_tradesec_ws_abort(ngx_http_tradesec_ws_t *ws)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ws->request;
    c = r->connection;

    /* the upstream's cleanup takes one, and the request has to outlive it */
    r->main->count++;

    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_tradesec_ws_farewell(ngx_http_tradesec_ws_t *ws)
{
    size_t                          len;
    u_char                          frame[TS_WS_CLOSE_MAX];
    ngx_uint_t                      i;
    ngx_connection_t               *peer;
    const ngx_buf_t                *unsent;
    ngx_http_tradesec_ws_stream_t  *stream;

    ws->codes.client = TS_WS_CLOSE_SERVICE_RESTART;
    ws->codes.server = TS_WS_CLOSE_GOING_AWAY;
    ws->codes.text = "the gateway restarts";

    for (i = 0; i < 2; i++) {

        if (i == 0) {
            stream = &ws->from_server;
            peer = ws->from_client.source;
            unsent = &ws->request->upstream->buffer;

        } else {
            stream = &ws->from_client;
            peer = ws->from_server.source;
            unsent = &ws->request->upstream->from_client;
        }

        if (stream->stopped
            || stream->ended
            || unsent->pos != unsent->last
            || ngx_http_tradesec_ws_has_out(stream)
            || !(stream->whole || ts_ws_at_border(&stream->parser)))
        {
            continue;
        }

        len = ngx_http_tradesec_ws_close_frame(ws, stream, frame);

        if (len) {
            /* there is no second try, and nobody to tell */
            (void) peer->send(peer, frame, len);
        }
    }
}
