/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "response/ngx_http_tradesec_outcome_body.h"
#include "response/ngx_http_tradesec_response.h"


static void ngx_http_tradesec_tell_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);
static ngx_flag_t ngx_http_tradesec_is_answered(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e);
static ngx_inline ts_outcome_e ngx_http_tradesec_judge_answer(
    ngx_http_request_t *r, const ngx_http_tradesec_expectation_t *e);
static ts_outcome_e ngx_http_tradesec_judge_whole(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e);
static void ngx_http_tradesec_judge_lines(ngx_http_upstream_t *u,
    ts_outcome_t *outcome);
static ngx_int_t ngx_http_tradesec_outcome_filter(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


void
ngx_http_tradesec_expect_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    if (!ctx->expectation->whole) {
        ctx->expectation->whole = 1;
        ngx_http_tradesec_ask_for_whole(r);
    }
}


void
ngx_http_tradesec_withdraw_expectation(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_http_tradesec_expectation_t  *e;

    e = ctx->expectation;

    if (e != NULL && e->handler != NULL && r->upstream == e->before) {
        ngx_http_tradesec_tell_outcome(r, e, TS_OUTCOME_NONE);
    }
}


ngx_int_t
ngx_http_tradesec_listen_outcome(ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_listener_t *listener)
{
    ngx_http_tradesec_expectation_t  *e;

    e = ctx->expectation;

    if (e == NULL || e->handler == NULL) {
        return NGX_DECLINED;
    }

    listener->next = e->listeners;
    e->listeners = listener;

    return NGX_OK;
}


void
ngx_http_tradesec_outcome_redirected(ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *ctx)
{
    ngx_http_tradesec_expectation_t  *e;

    e = ctx->expectation;

    /* a redirect before the backend was asked (try_files) changes nothing */

    if (e != NULL && r->upstream != e->before) {
        ngx_http_tradesec_settle_outcome(r, e);
    }
}


void
ngx_http_tradesec_conf_expect_outcomes(ngx_conf_t *cf, ngx_flag_t body)
{
    ngx_http_tradesec_response_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_response_module);
    rmcf->outcomes = 1;
    rmcf->bodies |= body ? 1 : 0;
}


void
ngx_http_tradesec_settle_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e)
{
    if (e->handler != NULL) {
        ngx_http_tradesec_tell_outcome(r, e,
                                       ngx_http_tradesec_judge_answer(r, e));
    }
}


static void
ngx_http_tradesec_tell_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome)
{
    ngx_http_tradesec_outcome_pt   handler;
    ngx_http_tradesec_listener_t  *listener;

    handler = e->handler;
    e->handler = NULL;
    handler(r, e, outcome);

    for (listener = e->listeners; listener; listener = listener->next) {
        listener->handler(r, listener, outcome);
    }
}


/*
 * Whether the upstream itself has: what nginx makes of it on the way to the
 * client (intercepted errors, filters) does not count. The time of the header
 * is set when a try's header has been read completely; each further try starts
 * with a new state. An answer of the cache, fresh or stale, is that of another
 * attempt.
 */

static ngx_flag_t
ngx_http_tradesec_is_answered(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return u != NULL && u != e->before && u->state != NULL
           && u->state->header_time != (ngx_msec_t) -1
           && !r->cached;
}


static ngx_inline ts_outcome_e
ngx_http_tradesec_judge_answer(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e)
{
    if (!ngx_http_tradesec_is_answered(r, e)) {
        return TS_OUTCOME_FAILURE;
    }

    return ts_outcome_is_by_status(e->criteria)
           ? ts_outcome_by_status(e->criteria,
                             (uint32_t) r->upstream->headers_in.status_n)
           : ngx_http_tradesec_judge_whole(r, e);
}


static ts_noinline ts_outcome_e
ngx_http_tradesec_judge_whole(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e)
{
    ts_outcome_t  outcome;

    outcome.criteria = e->criteria;
    outcome.met = 0;
    outcome.shown = e->held ? e->held->shown : 0;
    outcome.seen = e->held ? e->held->seen : 0;

    if (e->criteria->nfields) {
        ngx_http_tradesec_judge_lines(r->upstream, &outcome);
    }

    return ts_outcome(&outcome, (uint32_t) r->upstream->headers_in.status_n);
}


static void
ngx_http_tradesec_judge_lines(ngx_http_upstream_t *u, ts_outcome_t *outcome)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &u->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ts_outcome_line(outcome, (ts_outcome_line_t) {
                ts_slice(h[i].key.data, h[i].key.len),
                ts_slice(h[i].value.data, h[i].value.len)
            });
        }
    }
}


void
ngx_http_tradesec_outcome_cleanup(void *data)
{
    ngx_http_request_t *r = data;

    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    ngx_http_tradesec_settle_outcome(r, ctx->expectation);
}


static ngx_int_t
ngx_http_tradesec_outcome_filter(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t    *ctx;
    ngx_http_tradesec_expectation_t  *e;

    ctx = r == r->main ? ngx_http_tradesec_find_ctx(r) : NULL;
    e = ctx != NULL ? ctx->expectation : NULL;

    if (e != NULL && e->handler != NULL) {

        if (e->held != NULL) {

            /* an error page instead of the answer */

            e->held->released = 1;

        } else if (e->whole
                   && ngx_http_tradesec_is_answered(r, e)
                   && ngx_http_tradesec_hold_answer(r, e) == NGX_OK)
        {
            return NGX_OK;
        }

        ngx_http_tradesec_settle_outcome(r, e);
    }

    return ngx_http_next_header_filter(r);
}


void
ngx_http_tradesec_outcome_init(ngx_conf_t *cf)
{
    const ngx_http_tradesec_response_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_response_module);

    if (rmcf->outcomes) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_tradesec_outcome_filter;
    }

    if (rmcf->bodies) {
        ngx_http_tradesec_outcome_body_init(ngx_http_next_header_filter);
    }
}
