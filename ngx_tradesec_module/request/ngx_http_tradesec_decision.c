/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_refusal.h"
#include "request/ngx_http_tradesec_body.h"
#include "request/ngx_http_tradesec_decision.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"


/*
 * Under attack the log is a target. Each worker writes so many lines a second
 * for each reason; what it kept back is counted on the next line it writes.
 */

#define NGX_HTTP_TRADESEC_LOG_LINES  50

/* What is appended to a line: the detail and the number of lines kept back. */
#define NGX_HTTP_TRADESEC_LOG_MORE   256


typedef struct {
    time_t      second;
    ngx_uint_t  lines;
    ngx_uint_t  suppressed;
} ngx_http_tradesec_log_limit_t;


static void ngx_http_tradesec_log(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_guard_e guard,
    ts_reason_e reason, const char *what);
static ngx_int_t ngx_http_tradesec_refuse(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_uint_t status);
static ngx_int_t ngx_http_tradesec_refusal_headers(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_has_error_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_tradesec_send_refusal(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_uint_t status);
static ngx_int_t ngx_http_tradesec_send_answer(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_http_tradesec_forget_answer(ngx_http_tradesec_ctx_t *ctx);


static ngx_http_tradesec_log_limit_t  ngx_http_tradesec_log_limits[TS_REASON_N];


ngx_int_t
ngx_http_tradesec_decide(ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_guard_e guard, ngx_http_tradesec_verdict_t verdict)
{
    ngx_int_t  rc;

    switch (verdict.kind) {

    case NGX_HTTP_TRADESEC_WAIT:
        return NGX_AGAIN;

    case NGX_HTTP_TRADESEC_ANSWER:

        if (ngx_http_tradesec_is_dry_run(r, guard)) {
            return NGX_DECLINED;
        }

        rc = ngx_http_tradesec_send_answer(r, verdict.status);
        break;

    case NGX_HTTP_TRADESEC_DENY:
    case NGX_HTTP_TRADESEC_FAULT:
    default:

        rc = ngx_http_tradesec_mark(r, ctx, guard, verdict.reason);

        if (rc == NGX_DECLINED) {
            ngx_http_tradesec_forget_answer(ctx);
            return NGX_DECLINED;
        }

        rc = ngx_http_tradesec_refuse(r, ctx,
                                      ctx->answer ? ctx->answer->status
                                      : ts_reasons[verdict.reason].status);
        break;
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_int_t
ngx_http_tradesec_open_page(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const void *const *page)
{
    ctx->error_page = 0;

    ngx_http_tradesec_ignore_upgrade(r);
    ngx_http_tradesec_identity_clear(r, ctx);

    if (ctx->policies[NGX_HTTP_TRADESEC_GUARD_LOGIN]
        || page[NGX_HTTP_TRADESEC_GUARD_LOGIN])
    {
        /* nor may nginx itself judge a guess (auth_basic) */

        ngx_http_tradesec_hide_request_fields(r, "authorization");
        r->headers_in.authorization = NULL;

    } else if (r->headers_in.authorization != NULL
               && (ctx->policies[NGX_HTTP_TRADESEC_GUARD_JWT]
                   || page[NGX_HTTP_TRADESEC_GUARD_JWT]))
    {
        ngx_http_tradesec_withhold_request_field(r->headers_in.authorization);
    }

    return ngx_http_tradesec_drop_body(r);
}


void
ngx_http_tradesec_refuse_page(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    static time_t  said;

    if (said != ngx_time()) {
        said = ngx_time();

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tradesec: the error_page of a refusal is not shown: it "
                      "would pass the refused request on as it came, rewrite "
                      "its URI there");
    }

    /* that of the page, "=200" */
    r->err_status = 0;

    ngx_http_finalize_request(r, ngx_http_tradesec_send_refusal(r, ctx,
                                     ctx->answer ? ctx->answer->status
                                     : ts_reasons[ctx->reason].status));
}


ngx_int_t
ngx_http_tradesec_mark(ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_guard_e guard, ts_reason_e reason)
{
    ngx_flag_t   dry_run;
    const char  *what;

    dry_run = ngx_http_tradesec_is_dry_run(r, guard);

    /* the first refusal stands; only a real one replaces a dry run's mark */

    if (ctx->reason == TS_REASON_NONE
        || (!dry_run
            && ctx->status == NGX_HTTP_TRADESEC_STATUS_REJECTED_DRY_RUN))
    {
        ctx->reason = reason;
        ctx->guard = guard;
        ctx->rule = ctx->broken;
        ctx->status = dry_run ? NGX_HTTP_TRADESEC_STATUS_REJECTED_DRY_RUN
                              : NGX_HTTP_TRADESEC_STATUS_REJECTED;
    }

    /* what stands for a status above those of HTTP is a close code */

    what = (ts_reasons[reason].status < 1000 && !r->header_sent)
           ? "request refused" : "websocket closed";

    ngx_http_tradesec_log(r, ctx, guard, reason, what);
    ctx->broken = NULL;

    return dry_run ? NGX_DECLINED : NGX_OK;
}


void
ngx_http_tradesec_note(ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_guard_e guard, ts_reason_e reason, ngx_flag_t passed)
{
    ngx_http_tradesec_log(r, ctx, guard, reason,
                          passed ? "websocket message passed"
                                 : "websocket message dropped");
}


static void
ngx_http_tradesec_log(ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_guard_e guard, ts_reason_e reason, const char *what)
{
    u_char                         *p;
    u_char                          more[NGX_HTTP_TRADESEC_LOG_MORE];
    ngx_str_t                       id;
    ngx_http_tradesec_log_limit_t  *limit;

    limit = &ngx_http_tradesec_log_limits[reason];

    if (limit->second != ngx_time()) {
        limit->second = ngx_time();
        limit->lines = 0;
    }

    if (limit->lines == NGX_HTTP_TRADESEC_LOG_LINES) {
        limit->suppressed++;
        ctx->detail = NULL;
        return;
    }

    limit->lines++;

    p = more;

    if (ctx->detail != NULL) {
        p = ngx_snprintf(p, more + sizeof(more) - p, ", %s", ctx->detail);
        ctx->detail = NULL;
    }

    if (ctx->broken != NULL) {
        p = ngx_snprintf(p, more + sizeof(more) - p, ", rule: \"%V\"",
                         ctx->broken);
    }

    if (limit->suppressed) {
        p = ngx_snprintf(p, more + sizeof(more) - p,
                         ", %ui such lines suppressed", limit->suppressed);
        limit->suppressed = 0;
    }

    id = ngx_http_tradesec_request_id(r, ctx);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "tradesec: %s%s by guard \"%V\", reason: \"%s\", "
                  "request id: \"%V\"%*s",
                  what,
                  ngx_http_tradesec_is_dry_run(r, guard) ? " (dry run)" : "",
                  ngx_http_tradesec_guard_name(guard),
                  ts_reasons[reason].word, &id, (size_t) (p - more), more);
}


/* Returns what to finalize the request with. */

static ngx_int_t
ngx_http_tradesec_refuse(ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_uint_t status)
{
    if (ngx_http_tradesec_refusal_headers(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->redirect.len) {
        return ngx_http_tradesec_send_refusal(r, ctx, NGX_HTTP_SEE_OTHER);
    }

    if (ngx_http_tradesec_has_error_page(r, status)) {
        ctx->error_page = r->uri_changes - 1;
        ctx->refused_uri = r->uri;
        return status;
    }

    return ngx_http_tradesec_send_refusal(r, ctx, status);
}


static ngx_int_t
ngx_http_tradesec_refusal_headers(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_str_t         retry;
    ngx_table_elt_t  *h;

    static const ngx_str_t  no_store = ngx_string("no-store");

    if (ngx_http_tradesec_set_response_field(r, "Cache-Control", &no_store)
        == NULL)
    {
        return NGX_ERROR;
    }

    if (ctx->redirect.len) {

        /*
         * Not in headers_out.location: nginx would put the scheme and the
         * port in front that it sees itself, behind a load balancer others.
         */

        return ngx_http_tradesec_set_response_field(r, "Location",
                                                    &ctx->redirect) != NULL
               ? NGX_OK : NGX_ERROR;
    }

    if (ctx->challenge.len) {
        h = ngx_http_tradesec_set_response_field(r, "WWW-Authenticate",
                                                 &ctx->challenge);
        if (h == NULL) {
            return NGX_ERROR;
        }

        r->headers_out.www_authenticate = h;
    }

    if (ctx->allow.len
        && ngx_http_tradesec_set_response_field(r, "Allow", &ctx->allow)
           == NULL)
    {
        return NGX_ERROR;
    }

    if (ctx->retry_after > 0) {
        retry.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
        if (retry.data == NULL) {
            return NGX_ERROR;
        }

        retry.len = ngx_sprintf(retry.data, "%T", ctx->retry_after)
                    - retry.data;

        if (ngx_http_tradesec_set_response_field(r, "Retry-After", &retry)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Whether nginx would answer the status with the operator's error_page. */

static ngx_flag_t
ngx_http_tradesec_has_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL || r->error_page || r->uri_changes <= 1) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_tradesec_send_refusal(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_uint_t status)
{
    int           html;
    ngx_int_t     rc;
    ngx_str_t     id, accept;
    ngx_buf_t    *b;
    ngx_chain_t   out;
    ts_refusal_t  refusal;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    b = ngx_create_temp_buf(r->pool, TS_REFUSAL_MAX);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    id = ngx_http_tradesec_request_id(r, ctx);
    accept = ngx_http_tradesec_request_field(r, "accept");
    html = ts_refusal_wants_html(ts_slice(accept.data, accept.len));

    refusal.status = status;
    refusal.request_id = ts_slice(id.data, id.len);
    refusal.title = ts_slice(NULL, 0);
    refusal.code = ts_slice(NULL, 0);

    if (ctx->answer != NULL) {
        refusal.title = ts_slice(ctx->answer->title.data,
                                 ctx->answer->title.len);
        refusal.code = ts_slice(ctx->answer->code.data,
                                ctx->answer->code.len);
    }

    b->last += ts_refusal_body((char *) b->pos, &refusal, html);
    b->last_buf = 1;
    b->last_in_chain = 1;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    ngx_http_tradesec_set_status(r, status);

    if (html) {
        ngx_str_set(&r->headers_out.content_type, "text/html; charset=utf-8");

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* The guard has set headers_out; the reply has no body. */

static ngx_int_t
ngx_http_tradesec_send_answer(ngx_http_request_t *r, ngx_uint_t status)
{
    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    ngx_http_tradesec_set_status(r, status);

    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static void
ngx_http_tradesec_forget_answer(ngx_http_tradesec_ctx_t *ctx)
{
    ngx_str_null(&ctx->challenge);
    ngx_str_null(&ctx->allow);
    ngx_str_null(&ctx->redirect);
    ctx->retry_after = 0;
    ctx->answer = NULL;
}
