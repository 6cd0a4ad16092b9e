/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Keys from a location (jwks_uri): fetched by a subrequest of whichever request
 * needs them, one at a time for all workers.
 */

#ifndef NGX_HTTP_TRADESEC_JWT_FETCH_H
#define NGX_HTTP_TRADESEC_JWT_FETCH_H

#include "guard/jwt/ngx_http_tradesec_jwt.h"


/*
 * For a request that was refused because a key is missing. NGX_AGAIN: somebody
 * fetches; the phases run again, once, when there is news, and everything has
 * to be judged anew. NGX_DECLINED: nobody can fetch now. NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_tradesec_jwt_fetch_wait(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy);

/*
 * For a request that has passed: fetches beside it when the provider's keys
 * are due. Never fails.
 */

void ngx_http_tradesec_jwt_fetch_due(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider);


#endif /* NGX_HTTP_TRADESEC_JWT_FETCH_H */
