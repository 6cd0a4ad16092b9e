/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The inspected WebSocket. nginx goes on pumping bytes between client and
 * backend; we stand in the recv of both connections, where every byte that
 * will be sent comes in, and so control both directions:
 *
 *     client --> from_client --> backend
 *     client <-- from_server <-- backend
 *
 * Bytes are parsed in the buffer that nginx gave to recv and stay there: what
 * may pass is never copied. A frame of ours waits in the stream until nginx
 * calls recv and gets it before anything else.
 */

#ifndef NGX_HTTP_TRADESEC_WS_H
#define NGX_HTTP_TRADESEC_WS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_reason.h"
#include "core/ts_ws_frame.h"


/* From our close frame to the hard end of a peer that does not react. */
#define NGX_HTTP_TRADESEC_WS_CLOSE_TIMEOUT  1000


/*
 * Asked, and told the operator, before a socket is closed for a reason.
 * NGX_OK: close it. NGX_DECLINED (dry run): leave it alone for good.
 */

typedef ngx_int_t (*ngx_http_tradesec_ws_judge_pt)(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail);


/* How long a socket may live; 0 is no limit. */

typedef struct {
    time_t                          expires;  /* wall clock */
    ngx_msec_t                      max_age;  /* since the handshake */
    ngx_msec_t                      idle;     /* since the client's last
                                                 message */
    ngx_http_tradesec_ws_judge_pt   judge;
} ngx_http_tradesec_ws_terms_t;


/* What each side reads in our close frame. */

typedef struct {
    uint16_t                        client;
    uint16_t                        server;
    const char                     *text;
} ngx_http_tradesec_ws_codes_t;


/* One direction. */

typedef struct {
    ngx_connection_t               *source;
    ngx_recv_pt                     recv;     /* the source's own */

    u_char                         *early;    /* was read with the handshake */
    u_char                         *early_last;

    u_char                         *ours;     /* our close frame */
    u_char                         *ours_last;

    ts_ws_parser_t                  parser;

    unsigned                        stopped:1;  /* nothing from the source
                                                   passes any more */
    unsigned                        torn:1;     /* stopped inside a frame:
                                                   nothing can follow it */
    unsigned                        ended:1;    /* the source hung up */
    unsigned                        awaited:1;  /* the source has to answer
                                                   our close frame */
} ngx_http_tradesec_ws_stream_t;


typedef struct {
    ngx_http_request_t             *request;

    ngx_http_tradesec_ws_stream_t   from_client;
    ngx_http_tradesec_ws_stream_t   from_server;

    ngx_event_t                     timer;
    ngx_msec_t                      started;
    ngx_msec_t                      active;     /* the client's last message */
    ngx_http_tradesec_ws_terms_t    terms;

    ngx_http_tradesec_ws_codes_t    codes;      /* of our close frames */

    /* the stream that nginx is told has ended, when all is said */
    ngx_http_tradesec_ws_stream_t  *over;

    unsigned                        closing:1;
    unsigned                        ignored:1;  /* dry run: it would have been
                                                   closed, and goes on alone */
} ngx_http_tradesec_ws_t;


extern ngx_module_t  ngx_http_tradesec_ws_module;


/*
 * Starts to inspect: called in the header filter, for a 101 that was found in
 * order, before nginx starts to pump.
 */

ngx_int_t ngx_http_tradesec_ws_inspect(ngx_http_request_t *r,
    const ngx_http_tradesec_ws_terms_t *terms);

/* Gives both connections their own recv back. */

void ngx_http_tradesec_ws_leave(ngx_http_tradesec_ws_t *ws);

/* False once nginx has let go of the backend's connection. */

ngx_flag_t ngx_http_tradesec_ws_is_open(const ngx_http_tradesec_ws_t *ws);


/* Streams. */

ssize_t ngx_http_tradesec_ws_recv(ngx_connection_t *c, u_char *buf,
    size_t size);

/*
 * Parses n bytes that came from the source and returns how many of them, from
 * the front, pass.
 */

size_t ngx_http_tradesec_ws_pass(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t n);

/* Makes nginx call recv of the stream's source. */

void ngx_http_tradesec_ws_wake(ngx_http_tradesec_ws_stream_t *stream);


/*
 * The end. A close frame goes to both sides, each at a border between frames;
 * then nothing passes any more, and the connections end when both sides have
 * answered or the time is up. The offender, if there is one, is not waited
 * for: its bytes make no sense. NGX_DECLINED: only a dry run.
 */

ngx_int_t ngx_http_tradesec_ws_close(ngx_http_tradesec_ws_t *ws,
    ts_reason_e reason, const ngx_http_tradesec_ws_codes_t *codes,
    const ngx_http_tradesec_ws_stream_t *offender);

/* The backend's frame, in which our close frame had to wait, is complete. */

void ngx_http_tradesec_ws_close_client(ngx_http_tradesec_ws_t *ws);

/* To be called when a side has answered or hung up. */

void ngx_http_tradesec_ws_check_over(ngx_http_tradesec_ws_t *ws);

/* Ends a socket now, whatever its state; frees it. */

void ngx_http_tradesec_ws_abort(ngx_http_tradesec_ws_t *ws);

/*
 * Tells both sides, as far as one write goes, that the worker leaves: nginx is
 * about to close the connections (worker_shutdown_timeout).
 */

void ngx_http_tradesec_ws_farewell(ngx_http_tradesec_ws_t *ws);


/* Arms the timer for the next deadline, if there is one. */

void ngx_http_tradesec_ws_start_timer(ngx_http_tradesec_ws_t *ws);


#endif /* NGX_HTTP_TRADESEC_WS_H */
