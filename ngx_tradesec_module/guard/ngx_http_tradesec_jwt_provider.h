/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Who issues tokens: keys, rules, and which claims are passed on.
 */

#ifndef NGX_HTTP_TRADESEC_JWT_PROVIDER_H
#define NGX_HTTP_TRADESEC_JWT_PROVIDER_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_jwt.h"
#include "request/ngx_http_tradesec_identity.h"
#include "store/ngx_http_tradesec_token_cache.h"


/* The user, and the claim of each identity header. */

#define NGX_HTTP_TRADESEC_JWT_VALUES  (1 + NGX_HTTP_TRADESEC_IDENTITY_HEADERS)


typedef struct {
    ngx_http_tradesec_identity_name_t  header;  /* the user has none */
    ts_json_pointer_t                  claim;
} ngx_http_tradesec_jwt_value_t;


typedef struct {
    ngx_str_t                       name;
    ts_jwt_policy_t                 policy;
    ts_jwks_t                      *jwks;

    ngx_uint_t                      n_values;   /* the user is value 0 */
    ngx_http_tradesec_jwt_value_t   values[NGX_HTTP_TRADESEC_JWT_VALUES];

    /* of everything above: what was verified with another is unverified */
    ngx_http_tradesec_token_salt_t  salt;
} ngx_http_tradesec_jwt_provider_t;


/* The provider of that name that stands before the current directive. */

const ngx_http_tradesec_jwt_provider_t *ngx_http_tradesec_jwt_find_provider(
    ngx_conf_t *cf, const ngx_str_t *name);

/*
 * Once the configuration is read: the claims that rules read are kept beside
 * each token, so they decide what is good for what is remembered.
 */

void ngx_http_tradesec_jwt_seal_providers(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_JWT_PROVIDER_H */
