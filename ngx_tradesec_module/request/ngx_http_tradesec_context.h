/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What is known of one request, over all its internal redirects.
 */

#ifndef NGX_HTTP_TRADESEC_CONTEXT_H
#define NGX_HTTP_TRADESEC_CONTEXT_H

#include "request/ngx_http_tradesec_guard.h"
#include "request/ngx_http_tradesec_identity.h"
#include "request/ngx_http_tradesec_request.h"


typedef enum {
    NGX_HTTP_TRADESEC_STATUS_OFF,
    NGX_HTTP_TRADESEC_STATUS_PASSED,
    NGX_HTTP_TRADESEC_STATUS_REJECTED,
    NGX_HTTP_TRADESEC_STATUS_REJECTED_DRY_RUN
} ngx_http_tradesec_status_e;


typedef enum {
    NGX_HTTP_TRADESEC_BODY_UNREAD,
    NGX_HTTP_TRADESEC_BODY_READING,     /* the gate waits for it */
    NGX_HTTP_TRADESEC_BODY_READ
} ngx_http_tradesec_body_e;


/* The guards that keep something of a request, from one call to another. */

typedef enum {
    NGX_HTTP_TRADESEC_STATE_WEBSOCKET,
    NGX_HTTP_TRADESEC_STATE_JWT,
    NGX_HTTP_TRADESEC_STATE_REFRESH,
    NGX_HTTP_TRADESEC_STATE_LOGIN,
    NGX_HTTP_TRADESEC_STATE_SESSION,
    NGX_HTTP_TRADESEC_STATE_N
} ngx_http_tradesec_state_e;


/* A refusal in the operator's words; title and code may be empty. */

typedef struct {
    ngx_uint_t                     status;
    ngx_str_t                      title;
    ngx_str_t                      code;
} ngx_http_tradesec_answer_t;


typedef struct ngx_http_tradesec_expectation_s
    ngx_http_tradesec_expectation_t;


struct ngx_http_tradesec_ctx_s {
    /* what $tradesec_status, $tradesec_reason and $tradesec_guard show */
    ngx_http_tradesec_status_e     status;
    ts_reason_e                    reason;
    ngx_http_tradesec_guard_e      guard;
    const ngx_str_t               *rule;         /* its name, or NULL */
    ngx_str_t                      request_id;   /* once it was asked for */

    /* for the log: what was found, more exactly than the reason; or NULL */
    const char                    *detail;
    const ngx_str_t               *broken;       /* the rule, or NULL */

    /* the guard of the location's list that is asked (again) next */
    ngx_uint_t                     next;

    /* what a denying guard adds to the refusal; each may be left empty */
    ngx_str_t                      challenge;    /* WWW-Authenticate */
    ngx_str_t                      allow;        /* Allow, for 405 */
    ngx_str_t                      redirect;     /* Location: the refusal
                                                    becomes a 303 */
    time_t                         retry_after;  /* seconds */
    const ngx_http_tradesec_answer_t
                                  *answer;       /* instead of the reason's */

    /* policies of the location of the current judgement, by guard, and as
       bits the guards that have let it pass */
    const void *const             *policies;
    uint32_t                       passed;

    /* a guard's own, from the request pool, kept over redirects */
    void                          *state[NGX_HTTP_TRADESEC_STATE_N];

    ngx_http_tradesec_identity_t         identity;
    ngx_http_tradesec_identity_lines_t   identity_lines;

    /*
     * After a refusal, what r->uri_changes is on its own error page, which
     * may pass, once; 0 otherwise. Every redirect and rewrite counts
     * uri_changes down, so nothing behind that page has the same value. Beside
     * it what was asked for.
     */
    ngx_uint_t                     error_page;
    ngx_str_t                      refused_uri;

    /*
     * While a guard waits, what r->uri_changes was then; 0 otherwise. When
     * nginx gives the request up meanwhile, its error page is no resumption.
     */
    ngx_uint_t                     waiting;

    ngx_http_tradesec_body_e       body;

    /* of the backend's answer; see response/ngx_http_tradesec_outcome.h */
    ngx_http_tradesec_expectation_t
                                  *expectation;

    unsigned                       header_read:1;  /* and looked through */
    unsigned                       judged:1;       /* before, elsewhere */
    unsigned                       led:1;          /* here by nginx, after it
                                                      passed elsewhere */
    unsigned                       deferred:1;     /* a token is to come in a
                                                      WebSocket message; until
                                                      then he is nobody */
    unsigned                       shared:1;       /* by all requests that
                                                      passed a location */
};


/*
 * An internal redirect zeroes r->ctx. The pool's cleanup list survives it, so
 * the context hangs there too, as the realip module does it.
 */

const ngx_http_tradesec_ctx_t *ngx_http_tradesec_redirected_ctx(
    ngx_http_request_t *r);


/*
 * All look at the main request. The first returns NULL when no guard has seen
 * the request. The second is for who has something to write: it creates the
 * request's own context, from the shared one where there is one, and returns
 * NULL only when memory is out. The third gives a request that has no context
 * of its own a shared one, which is const and costs no copy.
 */

static ngx_inline const ngx_http_tradesec_ctx_t *
ngx_http_tradesec_find_ctx(ngx_http_request_t *r)
{
    ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_tradesec_request_module);

    return ctx != NULL || !(r->main->internal || r->main->filter_finalize)
           ? ctx : ngx_http_tradesec_redirected_ctx(r);
}


ngx_http_tradesec_ctx_t *ngx_http_tradesec_own_ctx(ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *shared);

static ngx_inline ngx_http_tradesec_ctx_t *
ngx_http_tradesec_get_ctx(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    return ctx != NULL && !ctx->shared ? (ngx_http_tradesec_ctx_t *) ctx
           : ngx_http_tradesec_own_ctx(r, ctx);
}


ngx_int_t ngx_http_tradesec_share_ctx(ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *shared);

/*
 * The id that a refused user can quote, nginx's $request_id; the same for the
 * whole request. An empty string when it cannot be made.
 */

ngx_str_t ngx_http_tradesec_request_id(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx);

/*
 * Forgets who the caller is: before every judgement, and on the page of a
 * refusal, so that no identity of one location leaks into another.
 */

void ngx_http_tradesec_identity_clear(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx);

/*
 * Tells the backend: adds a request header line, of a name made known with
 * ngx_http_tradesec_identity_header(). Name and value must live as long as
 * the request. NGX_DECLINED when the value cannot stand in a header (it has a
 * control character), NGX_ERROR when memory is out.
 */

ngx_int_t ngx_http_tradesec_identity_add(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_identity_name_t *name, const ngx_str_t *value);


#endif /* NGX_HTTP_TRADESEC_CONTEXT_H */
