/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_revoke: what the backend's answer ends.
 */

#ifndef NGX_HTTP_TRADESEC_REVOKE_H
#define NGX_HTTP_TRADESEC_REVOKE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"


/* The token of the state has passed; from now on the answer counts. */

ngx_int_t ngx_http_tradesec_revoke_expect(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state);


#endif /* NGX_HTTP_TRADESEC_REVOKE_H */
