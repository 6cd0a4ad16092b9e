/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The only place that refuses: turns a guard's verdict into the dry run's
 * mark, the log line, the variables and the response.
 */

#ifndef NGX_HTTP_TRADESEC_DECISION_H
#define NGX_HTTP_TRADESEC_DECISION_H

#include "request/ngx_http_tradesec_context.h"


/*
 * Carries out any verdict but a pass on the main request. Returns
 *
 *   NGX_DECLINED  ask the next guard: refused in a dry run only
 *   NGX_AGAIN     the guard waits; the phases will run again
 *   NGX_DONE      the request was answered and finalized: it must not be
 *                 touched any more, and "satisfy any" cannot undo it
 */

ngx_int_t ngx_http_tradesec_decide(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_guard_e guard,
    ngx_http_tradesec_verdict_t verdict);

/*
 * On the way to the page of a refusal, of a location with these policies.
 * Nobody judges what is said to the page, so a backend that writes it hears
 * neither who was refused nor the body, nor a password or a token where those
 * are judged, there or where the request was refused. NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_tradesec_open_page(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const void *const *page);

/* Whether that page would be asked for what was refused, not for a page. */

static ngx_inline ngx_flag_t
ngx_http_tradesec_asks_again(const ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *ctx)
{
    return r->uri.len == ctx->refused_uri.len
           && ngx_memcmp(r->uri.data, ctx->refused_uri.data, r->uri.len) == 0;
}


/*
 * Refuses once more, without the operator's error_page, and finalizes the
 * request.
 */

void ngx_http_tradesec_refuse_page(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx);

/*
 * Marks and logs a refusal without answering it, for what is refused outside
 * the gate: a subrequest, a backend's 101, a frame. Returns NGX_DECLINED when
 * the guard is in dry run here, NGX_OK when the caller has to refuse.
 */

ngx_int_t ngx_http_tradesec_mark(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_guard_e guard,
    ts_reason_e reason);


/*
 * Logs of a message of an open WebSocket that it was dropped, or would have
 * been in a dry run; or that it passed, where it is only to be told. The
 * request is not refused.
 */

void ngx_http_tradesec_note(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_guard_e guard,
    ts_reason_e reason, ngx_flag_t passed);


#endif /* NGX_HTTP_TRADESEC_DECISION_H */
