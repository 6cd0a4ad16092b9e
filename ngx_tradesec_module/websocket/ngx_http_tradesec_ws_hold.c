/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whole messages only. As long as a message lies in the buffer that nginx gave
 * to recv, it is judged there and stays there; what came before the rest of it
 * is put in front of the next bytes. A message that is large for that buffer
 * is gathered on the heap.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


/* The first piece of memory of a socket; it doubles. */

#define NGX_HTTP_TRADESEC_WS_HOLD_MIN  1024

/* From this size on memory is mapped, so that it goes back to the system. */

#define NGX_HTTP_TRADESEC_WS_HOLD_MAP  (64 * 1024)

/* What all sockets of a worker may hold together. */

#define NGX_HTTP_TRADESEC_WS_HELD_MAX  (64 * 1024 * 1024)

/* A flood of which nothing passes must not keep the worker from the rest. */

#define NGX_HTTP_TRADESEC_WS_READS     16


static ssize_t ngx_http_tradesec_ws_hold_resume(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size);
static ssize_t ngx_http_tradesec_ws_hold_gather(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size);
static void ngx_http_tradesec_ws_hold_gathered(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream);
static size_t ngx_http_tradesec_ws_hold_control(u_char *buf, size_t passed,
    size_t message, size_t frame, size_t end);
static ngx_http_tradesec_ws_hold_t *ngx_http_tradesec_ws_hold_alloc(
    size_t size);
static void ngx_http_tradesec_ws_hold_forget(
    ngx_http_tradesec_ws_hold_t *hold);
static ngx_flag_t ngx_http_tradesec_ws_hold_reserve(
    ngx_http_tradesec_ws_t *ws, ngx_http_tradesec_ws_stream_t *stream,
    size_t size);


/* Of all sockets of this worker, in bytes. */

static size_t  ngx_http_tradesec_ws_held;


static ngx_inline size_t
ngx_http_tradesec_ws_hold_len(const ngx_http_tradesec_ws_stream_t *stream)
{
    return stream->hold ? stream->hold->len : 0;
}


ssize_t
ngx_http_tradesec_ws_hold_recv(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size)
{
    ssize_t     n;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TRADESEC_WS_READS; i++) {

        n = (ngx_http_tradesec_ws_hold_len(stream) <= size / 2)
            ? ngx_http_tradesec_ws_hold_resume(ws, stream, buf, size)
            : ngx_http_tradesec_ws_hold_gather(ws, stream, buf, size);

        if (n != NGX_DECLINED || stream->stopped || ws->ignored) {
            return n;
        }
    }

    return NGX_DECLINED;
}


static ssize_t
ngx_http_tradesec_ws_hold_resume(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size)
{
    size_t   held;
    ssize_t  n;

    held = ngx_http_tradesec_ws_hold_len(stream);

    n = ngx_http_tradesec_ws_read(stream, buf + held, size - held);

    if (n <= 0) {
        return n;
    }

    if (held) {
        ngx_memcpy(buf, stream->hold->start, held);
    }

    n = (ssize_t) ngx_http_tradesec_ws_hold_sift(ws, stream, buf, held + n);

    return n ? n : NGX_DECLINED;
}


/*
 * buf begins with what was held, which the parser knows already. What passes
 * closes up to the front; what is not whole at the end is held.
 */

size_t
ngx_http_tradesec_ws_hold_sift(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t n)
{
    size_t                        passed, message, frame, end;
    ts_slice_t                    in;
    ts_ws_result_e                rc;
    ngx_http_tradesec_ws_hold_t  *hold;

    in = ts_slice(buf, n);
    frame = 0;
    message = 0;
    passed = 0;

    hold = stream->hold;

    if (hold != NULL) {
        in = ts_slice(buf + hold->len, n - hold->len);
        frame = hold->frame;

        hold->len = 0;
        hold->frame = 0;
    }

    for ( ;; ) {
        rc = ts_ws_parse(&stream->parser, &in);

        if (rc != TS_WS_FRAME) {
            break;
        }

        end = in.data - buf;

        if (ts_ws_is_control(stream->parser.opcode)) {
            passed = ngx_http_tradesec_ws_hold_control(buf, passed, message,
                                                       frame, end);
            message += end - frame;

        } else if (stream->parser.fin) {

            if (ngx_http_tradesec_ws_may_pass(ws, stream, buf + message,
                                              end - message))
            {
                if (passed != message) {
                    ngx_memmove(buf + passed, buf + message, end - message);
                }

                passed += end - message;
            }

            message = end;
        }

        frame = end;

        ngx_http_tradesec_ws_frame(ws, stream);

        if (ws->ignored) {
            return n;
        }

        if (stream->stopped) {
            /* only the end of the source is still of interest */
            (void) ngx_http_tradesec_ws_pass(ws, stream, (u_char *) in.data,
                                             in.len);
            return passed;
        }
    }

    if (rc == TS_WS_VIOLATION) {
        return (ngx_http_tradesec_ws_violation(ws, stream) == NGX_OK)
               ? passed : n;
    }

    if (message == n) {
        ngx_http_tradesec_ws_hold_free(stream);
        return passed;
    }

    if (ngx_http_tradesec_ws_hold_reserve(ws, stream, n - message)) {
        hold = stream->hold;

        ngx_memcpy(hold->start, buf + message, n - message);
        hold->len = n - message;
        hold->frame = frame - message;
    }

    return ws->ignored ? n : passed;
}


/*
 * A control frame passes at once, in front of the message in which it stands:
 * that moves up by as much.
 */

static size_t
ngx_http_tradesec_ws_hold_control(u_char *buf, size_t passed, size_t message,
    size_t frame, size_t end)
{
    size_t  len;
    u_char  control[TS_WS_HEADER_MAX + TS_WS_CONTROL_MAX];

    len = end - frame;

    ngx_memcpy(control, buf + frame, len);
    ngx_memmove(buf + message + len, buf + message, frame - message);
    ngx_memcpy(buf + passed, control, len);

    return passed + len;
}


/* Reads no further than to the end of a frame. */

static ssize_t
ngx_http_tradesec_ws_hold_gather(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size)
{
    size_t                        len;
    ssize_t                       n;
    uint64_t                      missing;
    ts_slice_t                    in;
    ts_ws_result_e                rc;
    ngx_http_tradesec_ws_hold_t  *hold;

    hold = stream->hold;
    missing = ts_ws_missing(&stream->parser);

    if (hold->len == hold->size
        && !ngx_http_tradesec_ws_hold_reserve(ws, stream, hold->len
                           + (size_t) ngx_min(missing, hold->len)))
    {
        return NGX_DECLINED;
    }

    hold = stream->hold;
    len = (size_t) ngx_min(missing, hold->size - hold->len);

    n = ngx_http_tradesec_ws_read(stream, hold->start + hold->len, len);

    if (n <= 0) {
        return n;
    }

    in = ts_slice(hold->start + hold->len, n);
    hold->len += n;

    rc = ts_ws_parse(&stream->parser, &in);

    if (rc == TS_WS_FRAME) {
        ngx_http_tradesec_ws_hold_gathered(ws, stream);

    } else if (rc == TS_WS_VIOLATION) {
        (void) ngx_http_tradesec_ws_violation(ws, stream);
    }

    len = ngx_http_tradesec_ws_hold_take(stream, buf, size);

    return len ? (ssize_t) len : NGX_DECLINED;
}


/* What is held ends with a whole frame. */

static void
ngx_http_tradesec_ws_hold_gathered(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream)
{
    ngx_http_tradesec_ws_hold_t  *hold;

    hold = stream->hold;

    if (ts_ws_is_control(stream->parser.opcode)) {
        hold->out = hold->frame;
        hold->out_last = hold->len;

    } else if (!stream->parser.fin) {
        hold->frame = hold->len;

    } else if (ngx_http_tradesec_ws_may_pass(ws, stream, hold->start,
                                             hold->len))
    {
        ngx_http_tradesec_ws_hold_release(stream);

    } else {
        ngx_http_tradesec_ws_hold_free(stream);
    }

    ngx_http_tradesec_ws_frame(ws, stream);
}


size_t
ngx_http_tradesec_ws_hold_take(ngx_http_tradesec_ws_stream_t *stream,
    u_char *buf, size_t size)
{
    ngx_http_tradesec_ws_hold_t  *hold;

    if (!ngx_http_tradesec_ws_has_out(stream)) {
        return 0;
    }

    hold = stream->hold;

    size = ngx_min(size, hold->out_last - hold->out);

    ngx_memcpy(buf, hold->start + hold->out, size);
    hold->out += size;

    if (hold->out == hold->out_last) {
        hold->out = 0;
        hold->out_last = 0;
        hold->len = hold->frame;

        if (hold->len == 0) {
            ngx_http_tradesec_ws_hold_free(stream);
        }
    }

    /* what is in the socket comes next: one call too many is harmless */

    stream->source->read->ready = 1;

    return size;
}


void
ngx_http_tradesec_ws_hold_release(ngx_http_tradesec_ws_stream_t *stream)
{
    ngx_http_tradesec_ws_hold_t  *hold;

    hold = stream->hold;

    /* a control frame that has begun goes first */

    if (hold != NULL && hold->out == hold->out_last) {
        hold->out_last = hold->len;
        hold->frame = 0;
    }
}


void
ngx_http_tradesec_ws_hold_drop(ngx_http_tradesec_ws_stream_t *stream)
{
    if (!ngx_http_tradesec_ws_has_out(stream)) {
        ngx_http_tradesec_ws_hold_free(stream);
        return;
    }

    /* of a control frame nothing can be behind it, and what is before goes */

    stream->hold->frame = 0;
}


void
ngx_http_tradesec_ws_hold_free(ngx_http_tradesec_ws_stream_t *stream)
{
    if (stream->hold == NULL) {
        return;
    }

    ngx_http_tradesec_ws_held -= stream->hold->size;
    ngx_http_tradesec_ws_hold_forget(stream->hold);

    stream->hold = NULL;
}


static ngx_http_tradesec_ws_hold_t *
ngx_http_tradesec_ws_hold_alloc(size_t size)
{
    size_t                        all;
    ngx_http_tradesec_ws_hold_t  *hold;

    all = sizeof(ngx_http_tradesec_ws_hold_t) + size;

    if (size < NGX_HTTP_TRADESEC_WS_HOLD_MAP) {
        hold = ngx_alloc(all, ngx_cycle->log);

        if (hold == NULL) {
            return NULL;
        }

    } else {
        hold = mmap(NULL, all, PROT_READ|PROT_WRITE,
                    MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

        if (hold == MAP_FAILED) {
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                          "mmap(%uz) failed", all);
            return NULL;
        }
    }

    ngx_memzero(hold, sizeof(ngx_http_tradesec_ws_hold_t));
    hold->size = size;

    return hold;
}


static void
ngx_http_tradesec_ws_hold_forget(ngx_http_tradesec_ws_hold_t *hold)
{
    if (hold->size < NGX_HTTP_TRADESEC_WS_HOLD_MAP) {
        ngx_free(hold);

    } else if (munmap(hold, sizeof(ngx_http_tradesec_ws_hold_t) + hold->size)
               == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "munmap(%p) failed", hold);
    }
}


/* 0: there is no room, and the socket is being closed for it. */

static ngx_flag_t
ngx_http_tradesec_ws_hold_reserve(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, size_t size)
{
    size_t                        old;
    ngx_http_tradesec_ws_hold_t  *hold;

    static const ngx_http_tradesec_ws_codes_t  codes = {
        TS_WS_CLOSE_TRY_AGAIN, TS_WS_CLOSE_TRY_AGAIN, "out of memory"
    };

    old = stream->hold ? stream->hold->size : 0;

    if (size <= old) {
        return 1;
    }

    size = ngx_max(size, 2 * old);
    size = ngx_max(size, NGX_HTTP_TRADESEC_WS_HOLD_MIN);

    hold = NULL;

    if (ngx_http_tradesec_ws_held - old + size
        <= NGX_HTTP_TRADESEC_WS_HELD_MAX)
    {
        hold = ngx_http_tradesec_ws_hold_alloc(size);
    }

    if (hold == NULL) {
        (void) ngx_http_tradesec_ws_close(ws, TS_REASON_WEBSOCKET_MEMORY,
                                          &codes, NULL);
        return 0;
    }

    ngx_http_tradesec_ws_held += size - old;

    if (stream->hold != NULL) {
        hold->len = stream->hold->len;
        hold->frame = stream->hold->frame;
        hold->out = stream->hold->out;
        hold->out_last = stream->hold->out_last;

        ngx_memcpy(hold->start, stream->hold->start, hold->len);
        ngx_http_tradesec_ws_hold_forget(stream->hold);
    }

    stream->hold = hold;

    return 1;
}
