/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The refresh guard (refresh.c), where it finds tokens (refresh_token.c), and
 * its directive (refresh_conf.c).
 */

#ifndef NGX_HTTP_TRADESEC_REFRESH_H
#define NGX_HTTP_TRADESEC_REFRESH_H

#include "core/ts_outcome.h"
#include "core/ts_refresh.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/ngx_http_tradesec_body_source.h"
#include "request/ngx_http_tradesec_guard.h"
#include "response/ngx_http_tradesec_outcome.h"
#include "store/ngx_http_tradesec_revocations_store.h"
#include "store/ngx_http_tradesec_rotation_store.h"


/* Where an answer hands out a token: a cookie, or a member of its JSON. */

typedef struct {
    ngx_str_t                                  cookie;
    ngx_flag_t                                 json;
    ts_json_pointer_t                          pointer;
} ngx_http_tradesec_refresh_place_t;


typedef struct {
    ngx_str_t                                  cookie;  /* of the request;
                                                           empty: none */
    ngx_http_tradesec_body_source_t            source;
    ngx_flag_t                                 body;    /* it has sources */

    ngx_str_t                                  name;    /* of its tokens */
    uint64_t                                   salt;    /* of that */
    ngx_http_tradesec_refresh_place_t          next;
    ngx_http_tradesec_refresh_place_t          access;
    const ngx_http_tradesec_jwt_provider_t    *provider;    /* NULL: none */
    time_t                                     grace;
    time_t                                     lifetime;
    ngx_flag_t                                 closed;  /* without Redis */
    ts_outcome_criteria_t                      criteria;
} ngx_http_tradesec_refresh_policy_t;


typedef struct {
    ngx_http_tradesec_rotation_store_t        *store;   /* NULL: none yet */

    /* where access tokens are revoked, and whose they are */

    ngx_http_tradesec_revocations_store_t     *revocations;
    ngx_array_t                               *providers;
} ngx_http_tradesec_refresh_main_conf_t;


typedef struct {
    ngx_http_tradesec_refresh_policy_t        *policy;  /* NULL: off */
} ngx_http_tradesec_refresh_conf_t;


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_refresh_guard;
extern ngx_module_t                     ngx_http_tradesec_refresh_module;


/*
 * The name of the request's token (core/ts_refresh.h), in buf; with a length of
 * 0 there is none. Passes, waits for the body, or refuses.
 */

ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_token(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy,
    u_char buf[TS_REFRESH_TOKEN], ts_slice_t *name);

/* What the backend itself has handed out there, at last. */

ngx_flag_t ngx_http_tradesec_refresh_answer(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e,
    const ngx_http_tradesec_refresh_place_t *place, ts_slice_t *value);


/* All that has access of a family, which has ended, is revoked. */

void ngx_http_tradesec_refresh_revoke(
    const ngx_http_tradesec_refresh_main_conf_t *rmcf, uint64_t access);


/* The policy of the location that is being merged; NULL: none. */

const void *ngx_http_tradesec_refresh_policy(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_REFRESH_H */
