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

#include "core/ts_owner.h"
#include "core/ts_reason.h"
#include "core/ts_revocations.h"
#include "core/ts_ws_frame.h"
#include "store/ngx_http_tradesec_rates.h"
#include "store/ngx_http_tradesec_sockets.h"


/* From our close frame to the hard end of a peer that does not react. */
#define NGX_HTTP_TRADESEC_WS_CLOSE_TIMEOUT  1000


/*
 * Asked, and told the operator, before a socket is closed for a reason.
 * NGX_OK: close it. NGX_DECLINED (dry run): leave it alone for good.
 */

typedef ngx_int_t (*ngx_http_tradesec_ws_judge_pt)(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail);


/* Tells the operator of a message that is not the client's. */

typedef void (*ngx_http_tradesec_ws_note_pt)(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail, ngx_flag_t passed);


/* What becomes of a message that is not the client's. */

typedef enum {
    NGX_HTTP_TRADESEC_WS_DROP = 0,
    NGX_HTTP_TRADESEC_WS_PASS,
    NGX_HTTP_TRADESEC_WS_LOG,       /* passes, and is told */
    NGX_HTTP_TRADESEC_WS_CLOSE      /* and the socket with it */
} ngx_http_tradesec_ws_action_e;


/* Messages that pass while the server is frozen: those that fit one of them. */

#define NGX_HTTP_TRADESEC_WS_UNFROZEN  8

typedef struct {
    ngx_uint_t                      n;
    ts_json_pointer_t               pointers[NGX_HTTP_TRADESEC_WS_UNFROZEN];
    ts_slice_t                      patterns[NGX_HTTP_TRADESEC_WS_UNFROZEN];
} ngx_http_tradesec_ws_frozen_t;


/* Of one direction; a const part of a location's configuration. */

typedef struct {
    ts_owner_rules_t               *rules;    /* NULL: messages pass unread */
    ngx_uint_t                      foreign;  /* actions */
    ngx_uint_t                      missing;
    ngx_uint_t                      binary;
    uint8_t                         types;    /* JSON types of owners */
    size_t                          message_size;  /* 0: any */
    ngx_uint_t                      rate;     /* of frames, in 1/1000 a second;
                                                 0: any */
    ngx_uint_t                      burst;    /* in 1/1000 */
    ngx_uint_t                      user_rate;   /* of all his sockets */
    ngx_uint_t                      user_burst;
    const ngx_http_tradesec_ws_frozen_t
                                   *unfrozen; /* NULL: none */
} ngx_http_tradesec_ws_policy_t;


/*
 * Where the client's messages carry tokens. Until the first of them has brought
 * one, where none came with the handshake, nothing passes to the client.
 */

typedef struct {
    ts_json_pointer_t               pointer;
    ngx_msec_t                      timeout;  /* of the first message */
    size_t                          size;     /* and the most it may have */
    ngx_uint_t                      message;  /* what the backend reads of one
                                                 with a token: PASS, DROP (it
                                                 does not), or REDACT */
    ngx_uint_t                      bad;      /* action: for a later message
                                                 with another token */
} ngx_http_tradesec_ws_token_t;

#define NGX_HTTP_TRADESEC_WS_REDACT  4


/* What is the same for all sockets of a location. Of the times 0: no limit. */

typedef struct {
    ngx_msec_t                      max_age;  /* since the handshake */
    ngx_msec_t                      idle;     /* since the client's last
                                                 message */

    const ngx_http_tradesec_ws_policy_t
                                   *client;   /* his messages, and those to
                                                 him; NULL: all of them pass */
    const ngx_http_tradesec_ws_policy_t
                                   *server;

    const ngx_http_tradesec_rates_t
                                   *rates;    /* NULL: users have no limit */
    ngx_uint_t                      frozen;   /* action, for his messages */
} ngx_http_tradesec_ws_rules_t;


typedef struct ngx_http_tradesec_ws_terms_s  ngx_http_tradesec_ws_terms_t;

/*
 * A message of the client has brought a token, verified by nobody. NGX_OK: it
 * is his, and the terms are those of that token. NGX_DECLINED, with the reason
 * and perhaps words for the log: it is not. NGX_ERROR: it could not be told.
 */

typedef ngx_int_t (*ngx_http_tradesec_ws_present_pt)(ngx_http_request_t *r,
    ts_slice_t token, ngx_http_tradesec_ws_terms_t *terms,
    ts_reason_e *reason, const char **detail);


/* Who judges and tells. */

typedef struct {
    ngx_http_tradesec_ws_judge_pt   judge;
    ngx_http_tradesec_ws_note_pt    note;
    ngx_http_tradesec_ws_present_pt present;
} ngx_http_tradesec_ws_hooks_t;


/* What a socket was opened under. */

struct ngx_http_tradesec_ws_terms_s {
    const ngx_http_tradesec_ws_rules_t
                                   *rules;
    const ngx_http_tradesec_ws_hooks_t
                                   *hooks;
    const ngx_http_tradesec_ws_token_t
                                   *token;    /* NULL: none in messages */

    time_t                          expires;  /* wall clock; 0: never */

    ts_owner_set_t                  client;   /* who he is in his messages */
    ts_owner_set_t                  server;   /* and in those to him */

    const ts_revocations_t         *revocations;  /* NULL: none */
    const ts_revocation_subject_t  *subject;  /* the token, for them */
    const ts_revocations_t         *freeze;   /* NULL: never frozen */

    ngx_http_tradesec_traffic_t     traffic;
    uint64_t                        name;     /* of the user, for the rates */

    unsigned                        pending:1;    /* no token so far */
    unsigned                        open:1;       /* and none is waited for:
                                                     dry run */
    unsigned                        dry_run:1;
    unsigned                        dry_freeze:1;
};


/* Why a message was dropped; see ngx_http_tradesec_ws_owner.c. */

typedef enum {
    NGX_HTTP_TRADESEC_WS_FOREIGN,
    NGX_HTTP_TRADESEC_WS_OWNERLESS,
    NGX_HTTP_TRADESEC_WS_MALFORMED,
    NGX_HTTP_TRADESEC_WS_BINARY,
    NGX_HTTP_TRADESEC_WS_CLIENT_OWNER,        /* and from here on of clients */
    NGX_HTTP_TRADESEC_WS_CLIENT_MALFORMED,
    NGX_HTTP_TRADESEC_WS_CLIENT_RATE,
    NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN,
    NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN_OTHER,
    NGX_HTTP_TRADESEC_WS_CLIENT_USER_RATE,
    NGX_HTTP_TRADESEC_WS_CLIENT_FROZEN,
    NGX_HTTP_TRADESEC_WS_DROPS
} ngx_http_tradesec_ws_drop_e;


/* What each side reads in our close frame. */

typedef struct {
    uint16_t                        client;
    uint16_t                        server;
    const char                     *text;
} ngx_http_tradesec_ws_codes_t;


/*
 * Frames that wait until their message is whole. They begin with the message
 * and end where the source's bytes end; what is judged and may pass stands
 * between out and out_last until nginx has taken it. Memory comes from the
 * heap and goes back as soon as nothing waits.
 */

typedef struct {
    size_t                          size;     /* of start */
    size_t                          len;
    size_t                          frame;    /* where the last one begins */
    size_t                          out;
    size_t                          out_last;
    u_char                          start[];
} ngx_http_tradesec_ws_hold_t;


/* Bytes that go in front of what the source says next. */

typedef struct {
    u_char                         *pos;
    u_char                         *last;
} ngx_http_tradesec_ws_bytes_t;


/* One direction. */

typedef struct {
    ngx_connection_t               *source;
    ngx_recv_pt                     recv;     /* the source's own */

    ngx_http_tradesec_ws_bytes_t   *early;    /* read with the handshake */
    ngx_http_tradesec_ws_bytes_t   *ours;     /* our close frame */
    ngx_http_tradesec_ws_hold_t    *hold;     /* each may be NULL: nothing */

    ts_ws_parser_t                  parser;

    unsigned                        whole:1;    /* only whole messages pass */
    unsigned                        stopped:1;  /* nothing from the source
                                                   passes any more */
    unsigned                        torn:1;     /* stopped inside a frame:
                                                   nothing can follow it */
    unsigned                        ended:1;    /* the source hung up */
    unsigned                        iced:1;     /* whole only as long as the
                                                   server is frozen */
    unsigned                        awaited:1;  /* the source has to answer
                                                   our close frame */
} ngx_http_tradesec_ws_stream_t;


/*
 * One for each open socket, so that it should be small: what is the same for
 * many stands in the rules, and what few need is allocated when they do.
 */

typedef struct {
    ngx_http_request_t             *request;

    ngx_http_tradesec_ws_stream_t   from_client;
    ngx_http_tradesec_ws_stream_t   from_server;

    ngx_event_t                     timer;
    ngx_msec_t                      started;
    ngx_msec_t                      active;     /* the client's last message */
    ngx_http_tradesec_ws_terms_t    terms;

    ngx_queue_t                     watched;    /* next is NULL: it is not */

    ngx_http_tradesec_ws_codes_t    codes;      /* of our close frames */

    /* messages: from the client, passed to it, and not passed */
    ngx_uint_t                      received;
    ngx_uint_t                      sent;
    ngx_uint_t                      drops;

    /* of them, by reason; and what operators have been told, if they ask */
    uint32_t                        dropped[NGX_HTTP_TRADESEC_WS_DROPS];
    ngx_uint_t                     *told;

    /* the client's rate: how much of his burst is used up, and since when */
    ngx_uint_t                      excess;
    ngx_msec_t                      counted;

    const char                     *detail;     /* of the next close or drop,
                                                   for the log */

    /* the stream that nginx is told has ended, when all is said */
    ngx_http_tradesec_ws_stream_t  *over;

    unsigned                        closing:1;
    unsigned                        pending:1;  /* no token has come so far */
    unsigned                        early:4;    /* control frames meanwhile */
    unsigned                        overdue:1;  /* its timer has gone off */
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

/* One frame is complete, of a stream that passes or has been stopped. */

void ngx_http_tradesec_ws_frame(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream);

/* Closes for the rule that the stream's parser found broken. */

ngx_int_t ngx_http_tradesec_ws_violation(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream);

/* The source's bytes, as they come. */

ssize_t ngx_http_tradesec_ws_read(ngx_http_tradesec_ws_stream_t *stream,
    u_char *buf, size_t size);

/* Makes nginx call recv of the stream's source. */

void ngx_http_tradesec_ws_wake(ngx_http_tradesec_ws_stream_t *stream);


/*
 * Whole messages: of a stream where each is judged before any of it passes.
 */

/*
 * Reads from the source and gives the frames that may pass: their bytes, or
 * NGX_DECLINED when nothing of what was read passes, else as recv.
 */

ssize_t ngx_http_tradesec_ws_hold_recv(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t size);

/*
 * The same for bytes that stand in a buffer: n of them, behind those that are
 * held and have been copied to the front. Returns how many, from the front,
 * pass.
 */

size_t ngx_http_tradesec_ws_hold_sift(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, u_char *buf, size_t n);

/* Judged frames that wait for nginx: whether there are any; 0: none. */

static ngx_inline ngx_flag_t
ngx_http_tradesec_ws_has_out(const ngx_http_tradesec_ws_stream_t *stream)
{
    return stream->hold != NULL
           && stream->hold->out != stream->hold->out_last;
}

size_t ngx_http_tradesec_ws_hold_take(ngx_http_tradesec_ws_stream_t *stream,
    u_char *buf, size_t size);

/* Lets all that is held pass. */

void ngx_http_tradesec_ws_hold_release(ngx_http_tradesec_ws_stream_t *stream);

/* Drops what is not judged yet, or all of it. */

void ngx_http_tradesec_ws_hold_drop(ngx_http_tradesec_ws_stream_t *stream);
void ngx_http_tradesec_ws_hold_free(ngx_http_tradesec_ws_stream_t *stream);


/*
 * Whether a message may pass: the bytes of its frames, one behind the other.
 * May close the socket.
 */

ngx_flag_t ngx_http_tradesec_ws_may_pass(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, u_char *frames, size_t len);

/* The text of a message, on the heap if it does not fit; NULL: no memory. */

u_char *ngx_http_tradesec_ws_text(const ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t *len, u_char *buf, size_t size);

/* Does what the action says with a message; whether it passes. */

ngx_flag_t ngx_http_tradesec_ws_act(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop, ngx_uint_t action);


/*
 * Tokens in messages. The first: whether the client's message may pass on, to
 * the other rules; may change it and close the socket. Then: how large messages
 * may be; no token has come so far, and a control frame or a close frame does.
 */

/* Where nothing else limits messages that wait to be looked through. */

#define NGX_HTTP_TRADESEC_WS_LARGEST  (1024 * 1024)

ngx_flag_t ngx_http_tradesec_ws_look_for_token(ngx_http_tradesec_ws_t *ws,
    u_char *frames, size_t len);
void ngx_http_tradesec_ws_limit_client(ngx_http_tradesec_ws_t *ws);
void ngx_http_tradesec_ws_early_control(ngx_http_tradesec_ws_t *ws);
void ngx_http_tradesec_ws_early_close(ngx_http_tradesec_ws_t *ws);

/* Counts a control frame of the client; closes when there are too many. */

void ngx_http_tradesec_ws_count_control(ngx_http_tradesec_ws_t *ws);

/* Tells at the end of a socket how many such messages there were. */

void ngx_http_tradesec_ws_tell_dropped(const ngx_http_tradesec_ws_t *ws);


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


/*
 * While the server is frozen the client's messages are held back, also where
 * they are not looked at otherwise. The first: how many bytes of him may be
 * read, of size, so that no message passes that begins now. The second: whether
 * a message may pass, frozen or not.
 */

size_t ngx_http_tradesec_ws_freeze(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_stream_t *stream, size_t size);
ngx_flag_t ngx_http_tradesec_ws_may_thaw(const ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t len);


/*
 * Tells operators, where they want to know: the socket is open; n bytes of the
 * stream have passed, and perhaps messages with them; one was dropped; the
 * socket was closed.
 */

void ngx_http_tradesec_ws_tell_open(const ngx_http_tradesec_ws_t *ws);
void ngx_http_tradesec_ws_tell_traffic(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, size_t n);
void ngx_http_tradesec_ws_tell_drop(const ngx_http_tradesec_ws_t *ws,
    ts_reason_e reason);
void ngx_http_tradesec_ws_tell_close(const ngx_http_tradesec_ws_t *ws,
    ts_reason_e reason);


/* From now on, and no longer: closes the socket when its token is revoked. */

void ngx_http_tradesec_ws_watch(ngx_http_tradesec_ws_t *ws);
void ngx_http_tradesec_ws_unwatch(ngx_http_tradesec_ws_t *ws);


/* Arms the timer for the next deadline, if there is one; also anew. */

void ngx_http_tradesec_ws_start_timer(ngx_http_tradesec_ws_t *ws);

/* It has gone off: in this turn of the event loop, or the next, it ends. */

void ngx_http_tradesec_ws_overdue(ngx_http_tradesec_ws_t *ws);
void ngx_http_tradesec_ws_expire(ngx_http_tradesec_ws_t *ws);


#endif /* NGX_HTTP_TRADESEC_WS_H */
