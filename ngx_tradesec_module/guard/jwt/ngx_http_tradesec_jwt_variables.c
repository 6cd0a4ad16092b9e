/*
 * Copyright (C) the ngx_tradesec authors
 *
 * $tradesec_user, $tradesec_claim_NAME, $tradesec_token: about the token; and
 * $tradesec_keys_age. Whoever asks first
 * makes the token be verified, so that a limit keyed on the user counts
 * although limits run before the gate. A request that was refused has none.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"


#define NGX_HTTP_TRADESEC_JWT_CLAIM_PREFIX  "tradesec_claim_"


static ngx_int_t ngx_http_tradesec_jwt_variable_user(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_jwt_variable_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_jwt_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tradesec_jwt_variable_keys_age(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_tradesec_jwt_variables[] = {

    { ngx_string("tradesec_user"), NULL,
      ngx_http_tradesec_jwt_variable_user, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_token"), NULL,
      ngx_http_tradesec_jwt_variable_token, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tradesec_keys_age"), NULL,
      ngx_http_tradesec_jwt_variable_keys_age, 0, NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string(NGX_HTTP_TRADESEC_JWT_CLAIM_PREFIX), NULL,
      ngx_http_tradesec_jwt_variable_claim, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_tradesec_jwt_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_tradesec_jwt_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/*
 * NGX_OK with the state of a verified token, NGX_DECLINED when there is none,
 * NGX_ERROR when it could not be told.
 */

static ngx_int_t
ngx_http_tradesec_jwt_verified(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t **state)
{
    const ngx_http_tradesec_ctx_t         *ctx;
    const ngx_http_tradesec_jwt_policy_t  *policy;

    policy = ngx_http_tradesec_jwt_get_policy(r);

    if (policy == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_tradesec_find_ctx(r);

    /* who has passed stays who he was, also when his token ends */

    if (ctx != NULL && ctx->identity.expires) {
        *state = ctx->state[NGX_HTTP_TRADESEC_STATE_JWT];

        if (*state != NULL && (*state)->policy == policy) {
            return NGX_OK;
        }
    }

    if (ctx != NULL && ctx->status == NGX_HTTP_TRADESEC_STATUS_REJECTED) {
        return NGX_DECLINED;
    }

    *state = ngx_http_tradesec_jwt_judge(r, policy);

    if (*state == NULL || (*state)->reason == TS_REASON_INTERNAL_ERROR) {
        return NGX_ERROR;
    }

    return (*state)->reason == TS_REASON_NONE ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_tradesec_jwt_variable_set(ngx_http_variable_value_t *v,
    const ngx_str_t *value)
{
    if (value == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = value->data;
    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_jwt_variable_user(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                             rc;
    const ngx_http_tradesec_jwt_state_t  *state;

    rc = ngx_http_tradesec_jwt_verified(r, &state);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_jwt_variable_set(v, rc == NGX_OK
                                                 ? &state->values[0] : NULL);
}


static ngx_int_t
ngx_http_tradesec_jwt_variable_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                             rc;
    const ngx_http_tradesec_jwt_state_t  *state;

    rc = ngx_http_tradesec_jwt_verified(r, &state);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_jwt_variable_set(v, rc == NGX_OK ? &state->token
                                                              : NULL);
}


static ngx_int_t
ngx_http_tradesec_jwt_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t  *variable = (const ngx_str_t *) data;

    ngx_int_t                             rc;
    ngx_str_t                             name, value;
    const ngx_http_tradesec_jwt_state_t  *state;

    name.data = variable->data
                + sizeof(NGX_HTTP_TRADESEC_JWT_CLAIM_PREFIX) - 1;
    name.len = variable->len
               - (sizeof(NGX_HTTP_TRADESEC_JWT_CLAIM_PREFIX) - 1);

    rc = ngx_http_tradesec_jwt_verified(r, &state);

    if (rc == NGX_OK) {
        rc = ngx_http_tradesec_jwt_get_claim(r, state, &name, &value);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_jwt_variable_set(v, rc == NGX_OK ? &value
                                                              : NULL);
}


/*
 * The oldest keys that the location's providers have fetched, in seconds; or
 * that one of them has none.
 */

static ngx_int_t
ngx_http_tradesec_jwt_variable_keys_age(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int64_t                                  fetched, oldest;
    ngx_str_t                                text;
    ngx_uint_t                               i;
    const ngx_http_tradesec_jwt_policy_t    *policy;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    policy = ngx_http_tradesec_jwt_get_policy(r);
    oldest = -1;

    for (i = 0; policy != NULL && i < policy->n; i++) {
        provider = policy->providers[i];

        if (provider->uri.len == 0 || provider->ring->slot == NULL) {
            continue;
        }

        fetched = provider->ring->slot->source.fetched;

        if (fetched == 0) {
            ngx_str_set(&text, "none");
            return ngx_http_tradesec_jwt_variable_set(v, &text);
        }

        oldest = ngx_max(oldest, (int64_t) ngx_current_msec - fetched);
    }

    if (oldest == -1) {
        return ngx_http_tradesec_jwt_variable_set(v, NULL);
    }

    text.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%L", oldest / 1000) - text.data;

    return ngx_http_tradesec_jwt_variable_set(v, &text);
}
