/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The only 101 that reaches a client is the answer to a handshake that passed
 * the websocket guard; from then on the socket is inspected.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_decision.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_upgrade.h"
#include "websocket/ngx_http_tradesec_ws.h"


static ngx_int_t ngx_http_tradesec_upgrade_header_filter(
    ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_upgrade_is_owed(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_upgrade_inspect(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_upgrade_plain(ngx_http_request_t *r);
static ts_ws_handshake_e ngx_http_tradesec_upgrade_check(
    ngx_http_request_t *r, const ngx_http_tradesec_upgrade_t *upgrade);
static ngx_int_t ngx_http_tradesec_upgrade_refuse(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade, ts_ws_handshake_e verdict);
static ngx_int_t ngx_http_tradesec_upgrade_end(ngx_http_request_t *r,
    ts_reason_e reason);
static void ngx_http_tradesec_upgrade_note(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail, ngx_flag_t passed);
static ngx_int_t ngx_http_tradesec_upgrade_judge(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static const ngx_http_tradesec_ws_hooks_t  ngx_http_tradesec_upgrade_hooks = {
    ngx_http_tradesec_upgrade_judge,
    ngx_http_tradesec_upgrade_note,
    ngx_http_tradesec_upgrade_present
};


/*
 * A socket opens when nginx says so, whatever status the client reads: on the
 * page of another error that is the status of the error.
 */

static ngx_int_t
ngx_http_tradesec_upgrade_header_filter(ngx_http_request_t *r)
{
    if (r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS
        && (r->upstream == NULL || !r->upstream->upgrade))
    {
        return (r->headers_in.upgrade == NULL || r != r->main)
               ? ngx_http_next_header_filter(r)
               : ngx_http_tradesec_upgrade_plain(r);
    }

    /* nginx itself refuses to upgrade a subrequest */

    if (r != r->main
        || (!ngx_http_tradesec_is_on(r)
            && !ngx_http_tradesec_upgrade_is_owed(r)))
    {
        return ngx_http_next_header_filter(r);
    }

    return ngx_http_tradesec_upgrade_inspect(r);
}


/* Whether a token is still to come, promised in a location that is on. */

static ngx_flag_t
ngx_http_tradesec_upgrade_is_owed(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    return ctx != NULL && ctx->deferred;
}


static ts_noinline ngx_int_t
ngx_http_tradesec_upgrade_inspect(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ts_reason_e                         reason;
    ts_ws_handshake_e                   verdict;
    ngx_http_tradesec_ctx_t            *ctx;
    ngx_http_tradesec_ws_terms_t        terms;
    const ngx_http_tradesec_upgrade_t  *upgrade;

    ctx = ngx_http_tradesec_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    upgrade = ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET];

    verdict = ngx_http_tradesec_upgrade_check(r, upgrade);

    if (verdict != TS_WS_HANDSHAKE_OK) {
        return ngx_http_tradesec_upgrade_refuse(r, upgrade, verdict);
    }

    ngx_http_tradesec_upgrade_terms(r, upgrade, &terms);

    terms.hooks = &ngx_http_tradesec_upgrade_hooks;

    rc = ngx_http_tradesec_upgrade_identify(r, ctx, r->pool, &terms);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED
        && !ctx->deferred
        && ngx_http_tradesec_upgrade_judge(r, TS_REASON_WEBSOCKET_OWNER_CLAIM,
                                           NULL)
           == NGX_OK)
    {
        return ngx_http_tradesec_upgrade_end(r,
                                             TS_REASON_WEBSOCKET_OWNER_CLAIM);
    }

    if (upgrade->sockets != NULL) {
        reason = ngx_http_tradesec_upgrade_count(r, upgrade, &ctx->identity,
                                                 &terms.traffic);

        if (reason != TS_REASON_NONE
            && ngx_http_tradesec_upgrade_judge(r, reason, NULL) == NGX_OK)
        {
            return ngx_http_tradesec_upgrade_end(r, reason);
        }
    }

    if (ngx_http_tradesec_ws_inspect(r, &terms) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/*
 * Who has promised to show a token in a socket gets nothing but the socket:
 * the backend may have ignored Upgrade, and its answer is for users.
 */

static ts_noinline ngx_int_t
ngx_http_tradesec_upgrade_plain(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t  *ctx;

    static const ngx_str_t  challenge =
        ngx_string("Bearer realm=\"restricted\"");

    if (!ngx_http_tradesec_upgrade_is_owed(r)) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_tradesec_find_ctx(r);

    if (ctx->status == NGX_HTTP_TRADESEC_STATUS_REJECTED) {

        /* the refusal below */

        if (r->headers_out.status == NGX_HTTP_UNAUTHORIZED
            && ngx_http_tradesec_set_response_field(r, "WWW-Authenticate",
                                                    &challenge)
               == NULL)
        {
            return NGX_ERROR;
        }

        return ngx_http_next_header_filter(r);
    }

    /* nginx's own errors tell nothing */

    if (r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        && (r->upstream == NULL || r->upstream->headers_in.status_n == 0))
    {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_tradesec_upgrade_judge(r, TS_REASON_JWT_MISSING,
                                        "no WebSocket to bring it in")
        == NGX_DECLINED)
    {
        return ngx_http_next_header_filter(r);
    }

    return ngx_http_tradesec_upgrade_end(r, TS_REASON_JWT_MISSING);
}


/* upgrade is NULL when nobody asked for a socket, or may not have one */

static ts_ws_handshake_e
ngx_http_tradesec_upgrade_check(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade)
{
    ngx_list_part_t    *part;
    ngx_table_elt_t    *h, *end;
    ts_ws_handshake_t   answer;

    if (upgrade == NULL || r->upstream == NULL || !r->upstream->upgrade
        || r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS)
    {
        return TS_WS_HANDSHAKE_UPGRADE;
    }

    ngx_memzero(&answer, sizeof(ts_ws_handshake_t));

    for (part = &r->upstream->headers_in.headers.part; part; part = part->next)
    {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {
            ts_ws_handshake_header(&answer, ts_slice(h->key.data, h->key.len),
                                   ts_slice(h->value.data, h->value.len));
        }
    }

    return ts_ws_handshake_response(&answer, upgrade->key,
                                    upgrade->protocols);
}


static ngx_int_t
ngx_http_tradesec_upgrade_refuse(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade, ts_ws_handshake_e verdict)
{
    if (ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_WEBSOCKET)
        && ngx_http_tradesec_upgrade_is_owed(r)
        && ngx_http_tradesec_upgrade_judge(r, TS_REASON_JWT_MISSING,
                                           "no WebSocket to bring it in")
           == NGX_OK)
    {
        return ngx_http_tradesec_upgrade_end(r, TS_REASON_JWT_MISSING);
    }

    /* in a dry run the client's offer went through: this is no finding */

    if (verdict == TS_WS_HANDSHAKE_EXTENSION
        && upgrade->extensions
        && ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_WEBSOCKET))
    {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_tradesec_upgrade_judge(r, TS_REASON_WEBSOCKET_ANSWER,
                                        ts_ws_handshake_text(verdict))
        == NGX_DECLINED)
    {
        return ngx_http_next_header_filter(r);
    }

    return ngx_http_tradesec_upgrade_end(r, TS_REASON_WEBSOCKET_ANSWER);
}


/*
 * The answer ends here, also where it could not be sent at once: of NGX_AGAIN
 * nginx would think that the 101 was, and open the tunnel.
 */

static ngx_int_t
ngx_http_tradesec_upgrade_end(ngx_http_request_t *r, ts_reason_e reason)
{
    if (r->upstream != NULL) {
        r->upstream->upgrade = 0;
    }

    (void) ngx_http_filter_finalize_request(r, NULL,
                                            ts_reasons[reason].status);

    return NGX_ERROR;
}


/* Whose dry run it is. */

static ngx_http_tradesec_guard_e
ngx_http_tradesec_upgrade_guard(ts_reason_e reason)
{
    switch (reason) {

    case TS_REASON_JWT_MISSING:
    case TS_REASON_WEBSOCKET_TOKEN_MISSING:
    case TS_REASON_WEBSOCKET_TOKEN:
    case TS_REASON_WEBSOCKET_TOKEN_OTHER:
        return NGX_HTTP_TRADESEC_GUARD_JWT;

    case TS_REASON_WEBSOCKET_FROZEN:
        return NGX_HTTP_TRADESEC_GUARD_FREEZE;

    default:
        return NGX_HTTP_TRADESEC_GUARD_WEBSOCKET;
    }
}


static void
ngx_http_tradesec_upgrade_note(ngx_http_request_t *r, ts_reason_e reason,
    const char *detail, ngx_flag_t passed)
{
    ngx_http_tradesec_ctx_t  *ctx;

    /* the one of the filter */
    ctx = ngx_http_tradesec_get_ctx(r);
    ctx->detail = detail;

    ngx_http_tradesec_note(r, ctx, ngx_http_tradesec_upgrade_guard(reason),
                           reason, passed);
}


/* Marks and logs what happens behind the gate; NGX_DECLINED in a dry run. */

static ngx_int_t
ngx_http_tradesec_upgrade_judge(ngx_http_request_t *r, ts_reason_e reason,
    const char *detail)
{
    ngx_http_tradesec_ctx_t  *ctx;

    /* the one of the filter */
    ctx = ngx_http_tradesec_get_ctx(r);
    ctx->detail = detail;

    return ngx_http_tradesec_mark(r, ctx,
                                  ngx_http_tradesec_upgrade_guard(reason),
                                  reason);
}


void
ngx_http_tradesec_upgrade_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tradesec_upgrade_header_filter;
}
