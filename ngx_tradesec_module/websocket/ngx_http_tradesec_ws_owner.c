/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which messages of the backend reach the client: those that are his own.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


/* The rows of ws->dropped; there are NGX_HTTP_TRADESEC_WS_DROPS of them. */

typedef enum {
    NGX_HTTP_TRADESEC_WS_FOREIGN,
    NGX_HTTP_TRADESEC_WS_OWNERLESS,
    NGX_HTTP_TRADESEC_WS_MALFORMED,
    NGX_HTTP_TRADESEC_WS_BINARY
} ngx_http_tradesec_ws_drop_e;


static ts_owner_e ngx_http_tradesec_ws_judge(const ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t len);
static size_t ngx_http_tradesec_ws_payload(const u_char *frames, size_t len,
    u_char *text);
static ngx_flag_t ngx_http_tradesec_ws_act(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop, ngx_uint_t action);


/* Neither side is told whose message it was. */

static const struct {
    ts_reason_e                   reason;
    ngx_http_tradesec_ws_codes_t  codes;
} ngx_http_tradesec_ws_drops[NGX_HTTP_TRADESEC_WS_DROPS] = {
    { TS_REASON_WEBSOCKET_FOREIGN_MESSAGE,
      { TS_WS_CLOSE_POLICY, TS_WS_CLOSE_GOING_AWAY, "not allowed" } },
    { TS_REASON_WEBSOCKET_OWNERLESS_MESSAGE,
      { TS_WS_CLOSE_POLICY, TS_WS_CLOSE_GOING_AWAY, "not allowed" } },
    { TS_REASON_WEBSOCKET_MALFORMED_MESSAGE,
      { TS_WS_CLOSE_POLICY, TS_WS_CLOSE_GOING_AWAY, "not allowed" } },
    { TS_REASON_WEBSOCKET_BINARY_MESSAGE,
      { TS_WS_CLOSE_UNSUPPORTED, TS_WS_CLOSE_UNSUPPORTED, "not allowed" } },
};


ngx_flag_t
ngx_http_tradesec_ws_may_pass(ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t len)
{
    const ngx_http_tradesec_ws_policy_t  *policy;

    policy = ws->terms.policy;

    if ((frames[0] & TS_WS_OPCODE) == TS_WS_BINARY) {
        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_BINARY,
                                        policy->binary);
    }

    switch (ngx_http_tradesec_ws_judge(ws, frames, len)) {

    case TS_OWNER_OWN:
    case TS_OWNER_PUBLIC:
        ws->sent++;
        return 1;

    case TS_OWNER_NONE:
        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_OWNERLESS,
                                        policy->missing);

    case TS_OWNER_MISSING:

        /* where a rule applies, "pass" is not meant */

        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_OWNERLESS,
                             policy->missing == NGX_HTTP_TRADESEC_WS_PASS
                             ? (ngx_uint_t) NGX_HTTP_TRADESEC_WS_DROP
                             : policy->missing);

    case TS_OWNER_FOREIGN:
        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_FOREIGN,
                                        policy->foreign);

    case TS_OWNER_MALFORMED:
    default:
        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_MALFORMED,
                                        policy->foreign);
    }
}


static ts_owner_e
ngx_http_tradesec_ws_judge(const ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t len)
{
    size_t                         header;
    u_char                        *text;
    ts_owner_e                     verdict;
    const ts_owner_rules_t        *rules;

    rules = ws->terms.policy->rules;
    header = ts_ws_header_len(frames);

    if (frames[0] & TS_WS_FIN) {
        return ts_owner_judge(rules, &ws->terms.owners,
                              ts_slice(frames + header, len - header));
    }

    /* fragments: judged as what the client will put together */

    text = ngx_alloc(len, ws->request->connection->log);
    if (text == NULL) {
        return TS_OWNER_MALFORMED;
    }

    len = ngx_http_tradesec_ws_payload(frames, len, text);
    verdict = ts_owner_judge(rules, &ws->terms.owners, ts_slice(text, len));

    ngx_free(text);

    return verdict;
}


/* The frames are whole, in order, and the backend's: without a mask. */

static size_t
ngx_http_tradesec_ws_payload(const u_char *frames, size_t len, u_char *text)
{
    u_char           *p;
    ts_slice_t        in;
    ts_ws_parser_t    parser;

    ts_ws_parser_init(&parser, TS_WS_FROM_SERVER);

    p = text;
    in = ts_slice(frames, len);

    while (ts_ws_parse(&parser, &in) == TS_WS_FRAME) {
        if (parser.payload.len) {
            p = ngx_cpymem(p, parser.payload.data, parser.payload.len);
        }
    }

    return p - text;
}


/* Whether it passes. */

static ngx_flag_t
ngx_http_tradesec_ws_act(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop, ngx_uint_t action)
{
    ts_reason_e  reason;
    ngx_flag_t   passes;

    if (action == NGX_HTTP_TRADESEC_WS_PASS) {
        ws->sent++;
        return 1;
    }

    reason = ngx_http_tradesec_ws_drops[drop].reason;

    if (action == NGX_HTTP_TRADESEC_WS_CLOSE) {
        ws->dropped[drop]++;
        return ngx_http_tradesec_ws_close(ws, reason,
                                      &ngx_http_tradesec_ws_drops[drop].codes,
                                      NULL)
               == NGX_DECLINED;
    }

    passes = (action == NGX_HTTP_TRADESEC_WS_LOG);

    /* the first of its kind is told, and at the end how many there were */

    if (ws->dropped[drop]++ == 0) {
        ws->terms.note(ws->request, reason, NULL, passes);
    }

    passes |= ws->terms.dry_run;
    ws->sent += passes;

    return passes;
}


void
ngx_http_tradesec_ws_tell_dropped(const ngx_http_tradesec_ws_t *ws)
{
    ngx_uint_t  i;
    ngx_flag_t  passed;
    u_char      detail[NGX_INT_T_LEN + sizeof(" such messages in this socket")];

    for (i = 0; i < NGX_HTTP_TRADESEC_WS_DROPS; i++) {

        if (ws->dropped[i] < 2) {
            continue;
        }

        (void) ngx_sprintf(detail, "%ui such messages in this socket%Z",
                           ws->dropped[i]);

        passed = (i == NGX_HTTP_TRADESEC_WS_FOREIGN
                  || i == NGX_HTTP_TRADESEC_WS_MALFORMED)
                 && ws->terms.policy->foreign == NGX_HTTP_TRADESEC_WS_LOG;

        ws->terms.note(ws->request, ngx_http_tradesec_ws_drops[i].reason,
                       (const char *) detail, passed);
    }
}
