/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which promises of a platform's security page a location keeps; the ids are
 * those of docs/posture.md.
 */

#ifndef NGX_HTTP_TRADESEC_POSTURE_PROMISES_H
#define NGX_HTTP_TRADESEC_POSTURE_PROMISES_H

#include "guard/posture/ngx_http_tradesec_posture.h"


#define NGX_HTTP_TRADESEC_PROMISE_MAP(X)                                     \
    X(T1) X(T2) X(T3) X(L1) X(L2) X(L3) X(S1) X(S2) X(S3) X(S4) X(S6) X(S7)  \
    X(A1) X(A2) X(A4) X(A6) X(A9) X(X1) X(W1) X(W2) X(W3) X(W4)

typedef enum {
#define X(id)  NGX_HTTP_TRADESEC_PROMISE_##id,
    NGX_HTTP_TRADESEC_PROMISE_MAP(X)
#undef X
    NGX_HTTP_TRADESEC_PROMISE_N
} ngx_http_tradesec_promise_e;


/* Their ids, indexed by it. */

extern const char *const
    ngx_http_tradesec_promises[NGX_HTTP_TRADESEC_PROMISE_N];

ngx_flag_t ngx_http_tradesec_posture_keeps(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place, ngx_uint_t promise);

/*
 * What reaches a backend without a token: "nothing", "safe" methods, "login"
 * attempts as the login guard lets them, or "all".
 */

const char *ngx_http_tradesec_posture_without_token(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place);

ngx_flag_t ngx_http_tradesec_posture_dry_run(
    const ngx_http_tradesec_place_t *place, ngx_uint_t guard);


#endif /* NGX_HTTP_TRADESEC_POSTURE_PROMISES_H */
