/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The recv of an inspected connection.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


static ssize_t ngx_http_tradesec_ws_next(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size);
static ssize_t ngx_http_tradesec_ws_take(ngx_http_tradesec_ws_bytes_t **bytes,
    u_char *buf, size_t size);
static ssize_t ngx_http_tradesec_ws_ended(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, ssize_t n);
static ssize_t ngx_http_tradesec_ws_eof(ngx_http_tradesec_ws_stream_t *stream);
static ssize_t ngx_http_tradesec_ws_dropped(
    ngx_http_tradesec_ws_stream_t *stream);


ssize_t
ngx_http_tradesec_ws_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    ssize_t                         n;
    ngx_http_request_t             *r;
    ngx_http_tradesec_ws_t         *ws;
    ngx_http_tradesec_ws_stream_t  *stream;

    r = c->data;
    ws = ngx_http_get_module_ctx(r, ngx_http_tradesec_ws_module);

    if (!ngx_http_tradesec_ws_is_open(ws)) {
        /* nginx lingers on the client's connection alone */
        ngx_http_tradesec_ws_leave(ws);
        return c->recv(c, buf, size);
    }

    stream = (c == ws->from_client.source) ? &ws->from_client
                                           : &ws->from_server;

    n = ngx_http_tradesec_ws_next(ws, stream, buf, size);

    ngx_http_tradesec_ws_tell_traffic(ws, stream, n > 0 ? n : 0);

    return n;
}


/* What of the source's bytes passes next, or as recv. */

static ssize_t
ngx_http_tradesec_ws_next(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size)
{
    ssize_t     n;
    ngx_flag_t  whole;

    if (ws->ignored) {
        ngx_http_tradesec_ws_hold_release(stream);
    }

    n = ngx_http_tradesec_ws_hold_take(stream, buf, size);

    if (n > 0) {
        return n;
    }

    if (ws->ignored) {
        return ngx_http_tradesec_ws_read(stream, buf, size);
    }

    if (stream->ours != NULL) {
        stream->source->read->ready = 1;
        return ngx_http_tradesec_ws_take(&stream->ours, buf, size);
    }

    if (ws->over == stream) {
        return ngx_http_tradesec_ws_eof(stream);
    }

    if (ws->pending && stream == &ws->from_server && !ws->terms.open) {
        /* read when it is known who the client is, or that he is nobody */
        return NGX_AGAIN;
    }

    if (ws->terms.freeze != NULL && stream == &ws->from_client) {
        size = ngx_http_tradesec_ws_freeze(ws, stream, size);
    }

    whole = stream->whole && !stream->stopped;

    n = whole ? ngx_http_tradesec_ws_hold_recv(ws, stream, buf, size)
              : ngx_http_tradesec_ws_read(stream, buf, size);

    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (n <= 0 && n != NGX_DECLINED) {
        return ngx_http_tradesec_ws_ended(ws, stream, n);
    }

    if (!whole) {
        n = ngx_http_tradesec_ws_pass(ws, stream, buf, n);
    }

    if (n > 0) {
        return n;
    }

    if (stream->ours != NULL) {
        return ngx_http_tradesec_ws_take(&stream->ours, buf, size);
    }

    if (ws->over == stream) {
        return ngx_http_tradesec_ws_eof(stream);
    }

    return ngx_http_tradesec_ws_dropped(stream);
}


static ssize_t
ngx_http_tradesec_ws_take(ngx_http_tradesec_ws_bytes_t **bytes, u_char *buf,
    size_t size)
{
    ngx_http_tradesec_ws_bytes_t  *b = *bytes;

    size = ngx_min(size, (size_t) (b->last - b->pos));

    ngx_memcpy(buf, b->pos, size);
    b->pos += size;

    if (b->pos == b->last) {
        *bytes = NULL;
    }

    return size;
}


ssize_t
ngx_http_tradesec_ws_read(ngx_http_tradesec_ws_stream_t *stream, u_char *buf,
    size_t size)
{
    if (stream->early != NULL) {
        /* what is in the socket comes next: one call too many is harmless */
        stream->source->read->ready = 1;
        return ngx_http_tradesec_ws_take(&stream->early, buf, size);
    }

    return stream->recv(stream->source, buf, size);
}


/*
 * The source hung up. nginx would now end both connections; while we close,
 * the client first gets the time to answer.
 */

static ssize_t
ngx_http_tradesec_ws_ended(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, ssize_t n)
{
    ngx_event_t  *rev;

    stream->ended = 1;

    if (!ws->closing || stream == &ws->from_client) {
        return n;
    }

    ngx_http_tradesec_ws_check_over(ws);

    if (ws->over == stream) {
        return ngx_http_tradesec_ws_eof(stream);
    }

    rev = stream->source->read;
    rev->ready = 0;
    rev->eof = 0;
    rev->error = 0;

    return NGX_AGAIN;
}


static ssize_t
ngx_http_tradesec_ws_eof(ngx_http_tradesec_ws_stream_t *stream)
{
    stream->source->read->ready = 0;
    stream->source->read->eof = 1;

    return 0;
}


/*
 * Nothing of what was read passes. Not read on in a loop: a flood would keep
 * the worker from everything else.
 */

static ssize_t
ngx_http_tradesec_ws_dropped(ngx_http_tradesec_ws_stream_t *stream)
{
    ngx_event_t  *rev;

    rev = stream->source->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
    }

    return NGX_AGAIN;
}


void
ngx_http_tradesec_ws_wake(ngx_http_tradesec_ws_stream_t *stream)
{
    ngx_event_t  *rev;

    rev = stream->source->read;
    rev->ready = 1;

    ngx_post_event(rev, &ngx_posted_events);
}


size_t
ngx_http_tradesec_ws_pass(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t n)
{
    size_t           passed;
    ngx_flag_t       torn;
    ts_slice_t       in;
    ts_ws_result_e   rc;

    in = ts_slice(buf, n);
    passed = 0;
    torn = !ts_ws_at_border(&stream->parser);

    for ( ;; ) {
        rc = ts_ws_parse(&stream->parser, &in);

        if (rc != TS_WS_FRAME) {
            break;
        }

        if (!stream->stopped) {
            passed = in.data - buf;
            torn = 0;
        }

        ngx_http_tradesec_ws_frame(ws, stream);
    }

    if (stream->stopped) {
        return passed;
    }

    if (rc == TS_WS_AGAIN) {
        return n;
    }

    stream->torn = torn;

    return (ngx_http_tradesec_ws_violation(ws, stream) == NGX_OK) ? passed : n;
}


/* A frame is complete. */

void
ngx_http_tradesec_ws_frame(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream)
{
    if (stream->parser.closed) {
        /* RFC 6455 section 5.5.1: nothing follows a close frame */
        stream->stopped = 1;

        if (ws->pending && stream == &ws->from_client) {
            ngx_http_tradesec_ws_early_close(ws);
            return;
        }

        ngx_http_tradesec_ws_check_over(ws);
        return;
    }

    if (stream == &ws->from_client) {

        if (ts_ws_is_control(stream->parser.opcode)) {
            ngx_http_tradesec_ws_count_control(ws);

            if (ws->pending) {
                ngx_http_tradesec_ws_early_control(ws);
            }

        } else {
            ws->active = ngx_current_msec;
            ws->received += stream->parser.fin;
        }

        return;
    }

    if (!stream->whole && !ts_ws_is_control(stream->parser.opcode)) {
        ws->sent += stream->parser.fin;
    }

    if (ws->closing && !stream->stopped) {
        ngx_http_tradesec_ws_close_client(ws);
    }
}


/* The side that broke the rule is told which; the other one only the end. */

ngx_int_t
ngx_http_tradesec_ws_violation(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream)
{
    ts_reason_e                   reason;
    ngx_http_tradesec_ws_codes_t  codes;

    if (ws->closing) {
        stream->stopped = 1;
        return NGX_OK;
    }

    codes.text = ts_ws_violation_text(stream->parser.violation);

    if (stream->parser.violation == TS_WS_VIOLATION_MESSAGE_TOO_BIG) {
        reason = TS_REASON_WEBSOCKET_MESSAGE_SIZE;
        codes.client = TS_WS_CLOSE_TOO_BIG;
        codes.server = TS_WS_CLOSE_TOO_BIG;

    } else if (stream == &ws->from_client) {
        reason = TS_REASON_WEBSOCKET_CLIENT_FRAME;
        codes.client = ts_ws_violation_code(stream->parser.violation);
        codes.server = TS_WS_CLOSE_GOING_AWAY;

    } else {
        reason = TS_REASON_WEBSOCKET_SERVER_FRAME;
        codes.client = TS_WS_CLOSE_INTERNAL_ERROR;
        codes.server = ts_ws_violation_code(stream->parser.violation);
    }

    return ngx_http_tradesec_ws_close(ws, reason, &codes, stream);
}
