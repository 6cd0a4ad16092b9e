/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which messages pass: to the client those that are his own, to the backend
 * those that he may send.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "websocket/ngx_http_tradesec_ws.h"


/* Text of a message up to this size is put together on the stack. */

#define NGX_HTTP_TRADESEC_WS_TEXT  1024


static ngx_flag_t ngx_http_tradesec_ws_may_receive(ngx_http_tradesec_ws_t *ws,
    ts_owner_e verdict);
static ngx_flag_t ngx_http_tradesec_ws_may_send(ngx_http_tradesec_ws_t *ws,
    ts_owner_e verdict);
static ts_owner_e ngx_http_tradesec_ws_judge(const ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, const u_char *frames,
    size_t len);
static ngx_flag_t ngx_http_tradesec_ws_is_too_fast(ngx_http_tradesec_ws_t *ws);
static ngx_flag_t ngx_http_tradesec_ws_user_is_too_fast(
    const ngx_http_tradesec_ws_t *ws);
static ngx_flag_t ngx_http_tradesec_ws_count_drop(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop);
static ngx_flag_t ngx_http_tradesec_ws_is_dry(
    const ngx_http_tradesec_ws_t *ws, ngx_http_tradesec_ws_drop_e drop);


/* Neither side is told what was wrong with whose message. */

#define NGX_HTTP_TRADESEC_WS_CODES(client, server)                           \
    { TS_WS_CLOSE_##client, TS_WS_CLOSE_##server, "not allowed" }

static const struct {
    ts_reason_e                   reason;
    ngx_http_tradesec_ws_codes_t  codes;
} ngx_http_tradesec_ws_drops[NGX_HTTP_TRADESEC_WS_DROPS] = {
    { TS_REASON_WEBSOCKET_FOREIGN_MESSAGE,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_OWNERLESS_MESSAGE,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_MALFORMED_MESSAGE,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_BINARY_MESSAGE,
      NGX_HTTP_TRADESEC_WS_CODES(UNSUPPORTED, UNSUPPORTED) },
    { TS_REASON_WEBSOCKET_CLIENT_OWNER,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_CLIENT_MALFORMED,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_CLIENT_RATE,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_TOKEN,
      NGX_HTTP_TRADESEC_WS_CODES(UNAUTHORIZED, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_TOKEN_OTHER,
      NGX_HTTP_TRADESEC_WS_CODES(UNAUTHORIZED, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_USER_RATE,
      NGX_HTTP_TRADESEC_WS_CODES(POLICY, GOING_AWAY) },
    { TS_REASON_WEBSOCKET_FROZEN,
      NGX_HTTP_TRADESEC_WS_CODES(TRY_AGAIN, GOING_AWAY) },
};


ngx_flag_t
ngx_http_tradesec_ws_may_pass(ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, u_char *frames, size_t len)
{
    ngx_flag_t                            binary;
    const ngx_http_tradesec_ws_policy_t  *policy;

    binary = ((frames[0] & TS_WS_OPCODE) == TS_WS_BINARY);

    if (stream == &ws->from_server) {

        if (binary) {
            return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_BINARY,
                                            ws->terms.rules->server->binary);
        }

        return ngx_http_tradesec_ws_may_receive(ws,
                   ngx_http_tradesec_ws_judge(ws, stream, frames, len));
    }

    policy = ws->terms.rules->client;

    if (ws->terms.token != NULL
        && !ngx_http_tradesec_ws_look_for_token(ws, frames, len))
    {
        return 0;
    }

    if (ws->ignored) {
        return 1;
    }

    if (!ngx_http_tradesec_ws_may_thaw(ws, frames, len)
        && !ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_CLIENT_FROZEN,
                           ws->terms.dry_freeze
                           ? (ngx_uint_t) NGX_HTTP_TRADESEC_WS_LOG
                           : ws->terms.rules->frozen))
    {
        return 0;
    }

    if (policy == NULL) {
        return 1;
    }

    if (ngx_http_tradesec_ws_is_too_fast(ws)) {
        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_CLIENT_RATE,
                                        policy->foreign);
    }

    if (ngx_http_tradesec_ws_user_is_too_fast(ws)) {
        return ngx_http_tradesec_ws_act(ws,
                                        NGX_HTTP_TRADESEC_WS_CLIENT_USER_RATE,
                                        policy->foreign);
    }

    if (binary) {
        return ngx_http_tradesec_ws_act(ws,
                                        NGX_HTTP_TRADESEC_WS_CLIENT_MALFORMED,
                                        policy->binary);
    }

    return ngx_http_tradesec_ws_may_send(ws,
                   ngx_http_tradesec_ws_judge(ws, stream, frames, len));
}


static ngx_flag_t
ngx_http_tradesec_ws_may_receive(ngx_http_tradesec_ws_t *ws,
    ts_owner_e verdict)
{
    const ngx_http_tradesec_ws_policy_t  *policy;

    policy = ws->terms.rules->server;

    switch (verdict) {

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


static ngx_flag_t
ngx_http_tradesec_ws_may_send(ngx_http_tradesec_ws_t *ws, ts_owner_e verdict)
{
    const ngx_http_tradesec_ws_policy_t  *policy;

    policy = ws->terms.rules->client;

    switch (verdict) {

    case TS_OWNER_OWN:
    case TS_OWNER_PUBLIC:
    case TS_OWNER_NONE:
        return 1;

    case TS_OWNER_MISSING:
    case TS_OWNER_FOREIGN:
        return ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_CLIENT_OWNER,
                                        policy->foreign);

    case TS_OWNER_MALFORMED:
    default:
        return ngx_http_tradesec_ws_act(ws,
                                        NGX_HTTP_TRADESEC_WS_CLIENT_MALFORMED,
                                        policy->foreign);
    }
}


static ts_owner_e
ngx_http_tradesec_ws_judge(const ngx_http_tradesec_ws_t *ws,
    const ngx_http_tradesec_ws_stream_t *stream, const u_char *frames,
    size_t len)
{
    size_t                   header;
    u_char                  *text;
    ts_owner_e               verdict;
    u_char                   buf[NGX_HTTP_TRADESEC_WS_TEXT];
    const ts_owner_set_t    *owners;
    const ts_owner_rules_t  *rules;

    if (stream == &ws->from_server) {
        rules = ws->terms.rules->server->rules;
        owners = &ws->terms.server;

        if (frames[0] & TS_WS_FIN) {
            header = ts_ws_header_len(frames);

            return ts_owner_judge(rules, owners,
                                  ts_slice(frames + header, len - header));
        }

    } else {
        rules = ws->terms.rules->client->rules;
        owners = &ws->terms.client;
    }

    if (rules->n_terms == 0 && !rules->strict) {
        /* of this direction there is a rate only */
        return TS_OWNER_NONE;
    }

    /* fragments, or masked: judged as what the receiver makes of them */

    text = ngx_http_tradesec_ws_text(ws, frames, &len, buf, sizeof(buf));
    if (text == NULL) {
        return TS_OWNER_MALFORMED;
    }

    verdict = ts_owner_judge(rules, owners, ts_slice(text, len));

    if (text != buf) {
        ngx_free(text);
    }

    return verdict;
}


u_char *
ngx_http_tradesec_ws_text(const ngx_http_tradesec_ws_t *ws,
    const u_char *frames, size_t *len, u_char *buf, size_t size)
{
    if (*len > size) {
        buf = ngx_alloc(*len, ws->request->connection->log);

        if (buf == NULL) {
            return NULL;
        }
    }

    *len = ts_ws_text(frames, *len, buf);

    return buf;
}


/* A leaky bucket, as limit_req has it: what is above the burst is too fast. */

static ngx_flag_t
ngx_http_tradesec_ws_is_too_fast(ngx_http_tradesec_ws_t *ws)
{
    uint64_t                              drained;
    ngx_msec_t                            passed;
    const ngx_http_tradesec_ws_policy_t  *policy;

    policy = ws->terms.rules->client;

    if (policy == NULL || policy->rate == 0) {
        return 0;
    }

    passed = ngx_current_msec - ws->counted;
    drained = (uint64_t) policy->rate * passed / 1000;

    if (drained) {
        ws->counted = ngx_current_msec;
        ws->excess = (drained < ws->excess)
                     ? ws->excess - (ngx_uint_t) drained : 0;
    }

    if (ws->excess + 1000 > policy->burst) {
        return 1;
    }

    ws->excess += 1000;

    return 0;
}


/* The same for all sockets of the user, in all workers. */

static ngx_flag_t
ngx_http_tradesec_ws_user_is_too_fast(const ngx_http_tradesec_ws_t *ws)
{
    const ngx_http_tradesec_ws_policy_t  *policy;

    policy = ws->terms.rules->client;

    return policy != NULL
           && policy->user_rate
           && !ngx_http_tradesec_rates_take(ws->terms.rules->rates,
                                            ws->terms.name, policy->user_rate,
                                            policy->user_burst);
}


void
ngx_http_tradesec_ws_count_control(ngx_http_tradesec_ws_t *ws)
{
    if (ws->closing) {
        return;
    }

    if (ngx_http_tradesec_ws_is_too_fast(ws)) {
        (void) ngx_http_tradesec_ws_act(ws, NGX_HTTP_TRADESEC_WS_CLIENT_RATE,
                                        NGX_HTTP_TRADESEC_WS_CLOSE);

    } else if (ngx_http_tradesec_ws_user_is_too_fast(ws)) {
        (void) ngx_http_tradesec_ws_act(ws,
                                        NGX_HTTP_TRADESEC_WS_CLIENT_USER_RATE,
                                        NGX_HTTP_TRADESEC_WS_CLOSE);
    }
}


ngx_flag_t
ngx_http_tradesec_ws_act(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop, ngx_uint_t action)
{
    ts_reason_e  reason;
    ngx_flag_t   passes;

    if (action == NGX_HTTP_TRADESEC_WS_PASS) {
        ws->sent += (drop < NGX_HTTP_TRADESEC_WS_CLIENT_OWNER);
        return 1;
    }

    reason = ngx_http_tradesec_ws_drops[drop].reason;

    ws->drops++;
    ngx_http_tradesec_ws_tell_drop(ws, reason);

    if (action == NGX_HTTP_TRADESEC_WS_CLOSE) {
        (void) ngx_http_tradesec_ws_count_drop(ws, drop);
        return ngx_http_tradesec_ws_close(ws, reason,
                                      &ngx_http_tradesec_ws_drops[drop].codes,
                                      NULL)
               == NGX_DECLINED;
    }

    passes = (action == NGX_HTTP_TRADESEC_WS_LOG);

    /* the first of its kind is told, and at the end how many there were */

    if (ngx_http_tradesec_ws_count_drop(ws, drop)) {
        ws->terms.hooks->note(ws->request, reason, ws->detail, passes);
    }

    ws->detail = NULL;

    passes |= ngx_http_tradesec_ws_is_dry(ws, drop);

    if (passes && drop < NGX_HTTP_TRADESEC_WS_CLIENT_OWNER) {
        ws->sent++;
    }

    return passes;
}


/* Whether it is the first of its kind. */

static ngx_flag_t
ngx_http_tradesec_ws_count_drop(ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop)
{
    ws->dropped[drop] += (ws->dropped[drop] < UINT32_MAX);

    return ws->dropped[drop] == 1;
}


/* Whether the guard that drops it is in dry run. */

static ngx_flag_t
ngx_http_tradesec_ws_is_dry(const ngx_http_tradesec_ws_t *ws,
    ngx_http_tradesec_ws_drop_e drop)
{
    switch (drop) {

    case NGX_HTTP_TRADESEC_WS_CLIENT_FROZEN:
        /* its action says so */
        return 0;

    case NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN:
    case NGX_HTTP_TRADESEC_WS_CLIENT_TOKEN_OTHER:
        return ws->terms.open;

    default:
        return ws->terms.dry_run;
    }
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
                           (ngx_uint_t) ws->dropped[i]);

        passed = (i == NGX_HTTP_TRADESEC_WS_FOREIGN
                  || i == NGX_HTTP_TRADESEC_WS_MALFORMED)
                 && ws->terms.rules->server->foreign
                    == NGX_HTTP_TRADESEC_WS_LOG;

        ws->terms.hooks->note(ws->request, ngx_http_tradesec_ws_drops[i].reason,
                       (const char *) detail, passed);
    }
}
