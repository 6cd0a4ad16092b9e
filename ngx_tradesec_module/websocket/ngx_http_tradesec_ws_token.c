/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Tokens in the client's messages: the first one says who he is, where the
 * handshake did not, and later ones let the socket live on.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_message_token.h"
#include "websocket/ngx_http_tradesec_ws.h"


/* Text of a message up to this size is put together on the stack. */

#define NGX_HTTP_TRADESEC_WS_TOKEN_TEXT  4096

/* Values and names of a message with a token. */

#define NGX_HTTP_TRADESEC_WS_TOKEN_TAPE  512

/* Before the first token, and with a token that is not his. */

#define NGX_HTTP_TRADESEC_WS_EARLY_MAX   8
#define NGX_HTTP_TRADESEC_WS_BAD_MAX     8


static ngx_flag_t ngx_http_tradesec_ws_present(ngx_http_tradesec_ws_t *ws,
    ts_message_token_e found, ts_slice_t token);
static void ngx_http_tradesec_ws_known(ngx_http_tradesec_ws_t *ws);
static ngx_flag_t ngx_http_tradesec_ws_reject(ngx_http_tradesec_ws_t *ws,
    ts_reason_e reason);
static void ngx_http_tradesec_ws_redact(u_char *frames, size_t len,
    size_t from, size_t n);


static const ngx_http_tradesec_ws_codes_t  ngx_http_tradesec_ws_no_token = {
    TS_WS_CLOSE_UNAUTHORIZED, TS_WS_CLOSE_GOING_AWAY, "no token"
};


ngx_flag_t
ngx_http_tradesec_ws_look_for_token(ngx_http_tradesec_ws_t *ws,
    u_char *frames, size_t len)
{
    size_t                               text_len;
    u_char                              *text;
    ngx_flag_t                           passes;
    ts_slice_t                           token;
    ts_message_token_e                   found;
    u_char                               buf[NGX_HTTP_TRADESEC_WS_TOKEN_TEXT];
    const ngx_http_tradesec_ws_token_t  *policy;

    static ts_json_token_t  tape[NGX_HTTP_TRADESEC_WS_TOKEN_TAPE];

    policy = ws->terms.token;
    text = buf;
    text_len = len;
    token = ts_slice(NULL, 0);
    found = TS_MESSAGE_NO_TOKEN;

    if ((frames[0] & TS_WS_OPCODE) == TS_WS_TEXT) {

        text = ngx_http_tradesec_ws_text(ws, frames, &text_len, buf,
                                         sizeof(buf));
        if (text == NULL) {
            text = buf;
            found = TS_MESSAGE_DOUBT;

        } else {
            found = ts_message_token(&policy->pointer,
                                     ts_slice(text, text_len), tape,
                                     NGX_HTTP_TRADESEC_WS_TOKEN_TAPE, &token);
        }
    }

    if (found == TS_MESSAGE_NO_TOKEN && !ws->pending) {
        passes = 1;

    } else {
        passes = ngx_http_tradesec_ws_present(ws, found, token);

        if (passes && !ws->ignored && found == TS_MESSAGE_TOKEN) {
            passes = (policy->message != NGX_HTTP_TRADESEC_WS_DROP);

            if (policy->message == NGX_HTTP_TRADESEC_WS_REDACT) {
                ngx_http_tradesec_ws_redact(frames, len, token.data - text,
                                            token.len);
            }
        }
    }

    if (text != buf) {
        ngx_explicit_memzero(text, text_len);
        ngx_free(text);
    }

    return passes;
}


/* Whether the message may pass on. */

static ngx_flag_t
ngx_http_tradesec_ws_present(ngx_http_tradesec_ws_t *ws,
    ts_message_token_e found, ts_slice_t token)
{
    ngx_int_t    rc;
    ts_reason_e  reason;

    if (found == TS_MESSAGE_NO_TOKEN) {
        /* the first message is the one that has to bring it */
        return ngx_http_tradesec_ws_close(ws,
                                          TS_REASON_WEBSOCKET_TOKEN_MISSING,
                                          &ngx_http_tradesec_ws_no_token, NULL)
               == NGX_DECLINED;
    }

    if (found == TS_MESSAGE_DOUBT) {
        ws->detail = "the message can be read in two ways";
        return ngx_http_tradesec_ws_reject(ws, TS_REASON_WEBSOCKET_TOKEN);
    }

    reason = TS_REASON_INTERNAL_ERROR;

    rc = ws->terms.hooks->present(ws->request, token, &ws->terms, &reason,
                           &ws->detail);

    if (rc == NGX_OK) {
        ngx_http_tradesec_ws_known(ws);
        return 1;
    }

    return ngx_http_tradesec_ws_reject(ws, reason);
}


/* The terms are those of the token that has just come. */

static void
ngx_http_tradesec_ws_known(ngx_http_tradesec_ws_t *ws)
{
    ngx_http_tradesec_ws_watch(ws);

    if (ws->pending) {
        ws->pending = 0;
        ngx_http_tradesec_ws_limit_client(ws);
        ngx_http_tradesec_ws_wake(&ws->from_server);
    }

    ngx_http_tradesec_ws_start_timer(ws);
}


void
ngx_http_tradesec_ws_limit_client(ngx_http_tradesec_ws_t *ws)
{
    const ngx_http_tradesec_ws_policy_t  *policy;

    policy = ws->terms.rules->client;

    ws->from_client.parser.limit =
        (ws->pending && !ws->terms.open) ? ws->terms.token->size
        : policy ? policy->message_size
        : NGX_HTTP_TRADESEC_WS_LARGEST;
}


static ngx_flag_t
ngx_http_tradesec_ws_reject(ngx_http_tradesec_ws_t *ws, ts_reason_e reason)
{
    ngx_uint_t                    action, bad;
    ngx_http_tradesec_ws_codes_t  codes;

    if (reason == TS_REASON_WEBSOCKET_TOKEN
        || reason == TS_REASON_WEBSOCKET_TOKEN_OTHER)
    {
        bad = ws->dropped[NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN]
              + ws->dropped[NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN_OTHER];

        action = (ws->pending || bad >= NGX_HTTP_TRADESEC_WS_BAD_MAX)
                 ? (ngx_uint_t) NGX_HTTP_TRADESEC_WS_CLOSE
                 : ws->terms.token->bad;

        return ngx_http_tradesec_ws_act(ws,
                   reason == TS_REASON_WEBSOCKET_TOKEN
                   ? NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN
                   : NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN_OTHER, action);
    }

    if (reason != TS_REASON_INTERNAL_ERROR && ws->pending) {
        /* it was a good one */
        ws->pending = 0;
        ngx_http_tradesec_ws_wake(&ws->from_server);
    }

    codes.client = TS_WS_CLOSE_POLICY;
    codes.server = TS_WS_CLOSE_GOING_AWAY;
    codes.text = "not allowed";

    if (reason == TS_REASON_WEBSOCKET_REVOKED) {
        codes.client = TS_WS_CLOSE_UNAUTHORIZED;
        codes.text = "token revoked";

    } else if (reason == TS_REASON_INTERNAL_ERROR) {
        reason = TS_REASON_WEBSOCKET_MEMORY;
        codes.client = TS_WS_CLOSE_TRY_AGAIN;
        codes.text = "out of memory";
    }

    return ngx_http_tradesec_ws_close(ws, reason, &codes, NULL)
           == NGX_DECLINED;
}


/* Overwrites n bytes of the message's text, wherever its frames begin. */

static void
ngx_http_tradesec_ws_redact(u_char *frames, size_t len, size_t from, size_t n)
{
    size_t           i, seen;
    u_char          *payload;
    ts_slice_t       in;
    ts_ws_parser_t   parser;

    ts_ws_parser_init(&parser, TS_WS_FROM_CLIENT);

    in = ts_slice(frames, len);
    seen = 0;

    while (ts_ws_parse(&parser, &in) == TS_WS_FRAME) {
        payload = frames + (in.data - frames) - parser.length;

        for (i = 0; i < parser.length; i++, seen++) {
            if (seen >= from && seen < from + n) {
                payload[i] = '*' ^ parser.mask[i % 4];
            }
        }
    }
}


void
ngx_http_tradesec_ws_early_control(ngx_http_tradesec_ws_t *ws)
{
    if (++ws->early > NGX_HTTP_TRADESEC_WS_EARLY_MAX && !ws->closing) {
        (void) ngx_http_tradesec_ws_close(ws,
                                          TS_REASON_WEBSOCKET_TOKEN_MISSING,
                                          &ngx_http_tradesec_ws_no_token,
                                          NULL);
    }
}


/*
 * The client has changed his mind. What the backend has said so far is not for
 * him: its answer to his close frame would stand behind it, so he gets ours.
 */

void
ngx_http_tradesec_ws_early_close(ngx_http_tradesec_ws_t *ws)
{
    ngx_http_tradesec_ws_codes_t  codes;

    codes.client = ws->from_client.parser.close_code;
    codes.server = TS_WS_CLOSE_GOING_AWAY;
    codes.text = "";

    if (codes.client == TS_WS_CLOSE_NO_STATUS) {
        codes.client = TS_WS_CLOSE_NORMAL;
    }

    ws->detail = "closed by the client";

    (void) ngx_http_tradesec_ws_close(ws, TS_REASON_WEBSOCKET_TOKEN_MISSING,
                                      &codes, NULL);
}
