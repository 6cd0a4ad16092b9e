/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What the backend's answer to a request meant: failure, success, or nothing.
 */

#ifndef NGX_HTTP_TRADESEC_OUTCOME_H
#define NGX_HTTP_TRADESEC_OUTCOME_H

#include "core/ts_outcome.h"
#include "request/ngx_http_tradesec_context.h"


/*
 * Called exactly once for each expectation, at whichever comes first: the
 * response's headers, a redirect to another location after the backend was
 * asked, the end of the request. Failure is also what no answer means. The
 * request is still there, but may be on its way out: no output.
 */

typedef void (*ngx_http_tradesec_outcome_pt)(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);


#define NGX_HTTP_TRADESEC_OUTCOME_BODY  16384   /* looked at, of an answer */


typedef struct ngx_http_tradesec_held_s  ngx_http_tradesec_held_t;


/*
 * Somebody else who wants to know the same outcome; told behind the one who
 * expects it. Has it as the head of more; must live as long as the request.
 */

typedef struct ngx_http_tradesec_listener_s  ngx_http_tradesec_listener_t;

typedef void (*ngx_http_tradesec_listener_pt)(ngx_http_request_t *r,
    ngx_http_tradesec_listener_t *listener, ts_outcome_e outcome);

struct ngx_http_tradesec_listener_s {
    ngx_http_tradesec_listener_pt  handler;
    ngx_http_tradesec_listener_t  *next;
};


/*
 * The first three by whoever expects, who may have it as the head of more; it
 * and the criteria must live as long as the request.
 */

struct ngx_http_tradesec_expectation_s {
    const ts_outcome_criteria_t   *criteria;
    void *const                   *patterns;   /* for criteria->bodies that
                                                  are no JSON */
    ngx_http_tradesec_outcome_pt   handler;    /* NULL: settled */

    ngx_http_tradesec_listener_t  *listeners;

    ngx_flag_t                     whole;      /* the body is looked at */
    ngx_http_tradesec_held_t      *held;       /* see *_outcome_body.h */

    /* an answer of this upstream, if there is one, is not ours */
    ngx_http_upstream_t           *before;

    ngx_http_cleanup_t             cleanup;    /* the end of the request */
};


/*
 * Asks for the body of the answer that is expected now, whatever decides about
 * the outcome. Where this is done, the configuration expects bodies.
 */

void ngx_http_tradesec_expect_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx);

/*
 * Expects an answer of the upstream that the request is passed to next; an
 * earlier expectation of the request is settled first.
 */

void ngx_http_tradesec_settle_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e);
void ngx_http_tradesec_outcome_cleanup(void *data);

static ngx_inline void
ngx_http_tradesec_expect_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_expectation_t *e)
{
    if (ctx->expectation == NULL) {

        /* as ngx_http_cleanup_add(), whose memory is a part of e */

        e->cleanup.handler = ngx_http_tradesec_outcome_cleanup;
        e->cleanup.data = r;
        e->cleanup.next = r->main->cleanup;
        r->main->cleanup = &e->cleanup;

    } else {
        ngx_http_tradesec_settle_outcome(r, ctx->expectation);
    }

    e->before = r->upstream;
    e->held = NULL;
    e->whole = 0;
    e->listeners = NULL;
    ctx->expectation = e;

    if (e->criteria->nbodies) {
        ngx_http_tradesec_expect_body(r, ctx);
    }
}


/* Listens to what is expected now; NGX_DECLINED when nothing is. */

ngx_int_t ngx_http_tradesec_listen_outcome(ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_listener_t *listener);

/*
 * Told the outcome, one may ask what stands there in the body of the answer, a
 * string or an integer. NGX_DECLINED: nothing that could be read.
 */

ngx_int_t ngx_http_tradesec_answer_text(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e,
    const ts_json_pointer_t *pointer, ts_slice_t *value);

/*
 * Or whether its JSON shows what other criteria ask for. NGX_DECLINED: it could
 * not be looked at.
 */

ngx_int_t ngx_http_tradesec_answer_json(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e, ts_outcome_t *outcome);

/*
 * The request was redirected before the backend was asked, and expects anew:
 * what it expected before has no outcome.
 */

void ngx_http_tradesec_withdraw_expectation(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx);

/* The gate says that the request was redirected within nginx. */

void ngx_http_tradesec_outcome_redirected(ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *ctx);

/*
 * A configuration that expects outcomes says so while it is merged, and
 * whether it has criteria of the body.
 */

void ngx_http_tradesec_conf_expect_outcomes(ngx_conf_t *cf, ngx_flag_t body);

/* Then the gate has the filters installed. */

void ngx_http_tradesec_outcome_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_OUTCOME_H */
