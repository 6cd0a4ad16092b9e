/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The jwt guard.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_session.h"
#include "guard/assertion/ngx_http_tradesec_assertion.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_fetch.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"
#include "guard/revocation/ngx_http_tradesec_revoke.h"
#include "request/ngx_http_tradesec_page.h"


static ngx_http_tradesec_verdict_t ngx_http_tradesec_jwt_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_int_t ngx_http_tradesec_jwt_fetch(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy);
static ngx_int_t ngx_http_tradesec_jwt_pass(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state);
static ngx_int_t ngx_http_tradesec_jwt_refuse(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy, ts_reason_e reason);
static ts_reason_e ngx_http_tradesec_jwt_ask(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state);
static ngx_flag_t ngx_http_tradesec_jwt_look_again(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_jwt_guard = {
    NGX_HTTP_TRADESEC_GUARD_JWT,
    ngx_http_tradesec_jwt_conf_policy,
    ngx_http_tradesec_jwt_check,
    NULL,
    NULL
};


/* RFC 6750, section 3: what failed is nobody's business. */

static const ngx_str_t  ngx_http_tradesec_jwt_no_token =
    ngx_string("Bearer realm=\"restricted\"");
static const ngx_str_t  ngx_http_tradesec_jwt_bad_token =
    ngx_string("Bearer realm=\"restricted\", error=\"invalid_token\"");
static const ngx_str_t  ngx_http_tradesec_jwt_bad_request =
    ngx_string("Bearer realm=\"restricted\", error=\"invalid_request\"");


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_jwt_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_int_t                              rc;
    ts_reason_e                            reason;
    const ngx_http_tradesec_jwt_state_t   *state;
    const ngx_http_tradesec_jwt_policy_t  *policy;

    policy = ngx_http_tradesec_jwt_get_policy(r);
    state = ngx_http_tradesec_jwt_judge(r, policy);

    if (state == NULL || state->reason == TS_REASON_INTERNAL_ERROR) {
        return ngx_http_tradesec_fault();
    }

    reason = state->reason;

    if (reason == TS_REASON_NONE) {

        if (state->provider->uri.len) {
            ngx_http_tradesec_jwt_fetch_due(r, state->provider);
        }

        rc = ngx_http_tradesec_jwt_pass(r, ctx, policy, state);

        if (rc != NGX_DECLINED) {
            return rc == NGX_OK ? ngx_http_tradesec_pass()
                                : ngx_http_tradesec_fault();
        }

        ngx_http_tradesec_identity_clear(r, ctx);
        reason = TS_REASON_JWT_IDENTITY;
    }

    if (reason == TS_REASON_JWT_MISSING
        && ngx_http_tradesec_jwt_defer(ctx, policy))
    {
        return ngx_http_tradesec_pass();
    }

    if (reason == TS_REASON_JWT_KEYS || reason == TS_REASON_JWT_UNKNOWN_KEY) {

        switch (ngx_http_tradesec_jwt_fetch(r, policy)) {
        case NGX_AGAIN:
            return ngx_http_tradesec_wait();
        case NGX_ERROR:
            return ngx_http_tradesec_fault();
        default:
            break;
        }
    }

    return ngx_http_tradesec_jwt_refuse(r, ctx, policy, reason) == NGX_OK
           ? ngx_http_tradesec_deny(reason) : ngx_http_tradesec_fault();
}


/* Once in a location: what was fetched then is what there is. */

static ngx_int_t
ngx_http_tradesec_jwt_fetch(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_int_t                       rc;
    ngx_http_tradesec_jwt_state_t  *state;

    state = ngx_http_tradesec_jwt_get_state(r);

    if (state->fetched == policy) {
        return NGX_DECLINED;
    }

    rc = ngx_http_tradesec_jwt_fetch_wait(r, policy);

    if (rc == NGX_AGAIN) {
        state->fetched = policy;
        state->policy = NULL;
    }

    return rc;
}


static ngx_int_t
ngx_http_tradesec_jwt_pass(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state)
{
    ngx_int_t                                rc;
    ngx_uint_t                               i;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = state->provider;
    ctx->deferred = 0;

    ngx_http_tradesec_jwt_identify(ctx, state);

    for (i = 1 + provider->n_own; i < provider->n_values; i++) {

        if (state->values[i].len == 0) {
            continue;
        }

        if (ngx_http_tradesec_identity_add(r, ctx,
                                           &provider->values[i].header,
                                           &state->values[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_tradesec_assertion_add(r, ctx, state);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_tradesec_jwt_hide_credentials(r, policy, state) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_revoke_expect(r, ctx, policy, state);
}


void
ngx_http_tradesec_jwt_identify(ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_state_t *state)
{
    const ngx_str_t                         *end;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = state->provider;

    ctx->identity.user = state->values[0];
    ctx->identity.expires = state->expires;
    ctx->identity.subject = &state->subject;
    ctx->identity.ambient = state->ambient;
    ctx->identity.claim = ngx_http_tradesec_jwt_claim_values;
    ctx->identity.claims = state->claims;

    if (provider->session != NULL) {

        /* a socket that is open is not idle */

        end = &state->values[provider->end];
        ctx->identity.expires = ts_session_seconds(ts_slice(end->data,
                                                            end->len));
    }
}


static ngx_int_t
ngx_http_tradesec_jwt_refuse(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy, ts_reason_e reason)
{
    switch (reason) {

    case TS_REASON_JWT_AMBIGUOUS:
        ctx->challenge = ngx_http_tradesec_jwt_bad_request;
        return NGX_OK;

    case TS_REASON_REVOCATIONS_STALE:
    case TS_REASON_JWT_KEYS:
        ctx->retry_after = 1;
        return NGX_OK;

    case TS_REASON_JWT_MISSING:
        ctx->challenge = ngx_http_tradesec_jwt_no_token;
        break;

    default:
        ctx->challenge = ngx_http_tradesec_jwt_bad_token;
    }

    return ngx_http_tradesec_page_redirect(r, &policy->login_page,
                                           &ctx->redirect);
}


ngx_http_tradesec_jwt_state_t *
ngx_http_tradesec_jwt_get_state(ngx_http_request_t *r)
{
    ngx_http_tradesec_ctx_t        *ctx;
    ngx_http_tradesec_jwt_state_t  *state;

    ctx = ngx_http_tradesec_get_ctx(r);
    if (ctx == NULL) {
        return NULL;
    }

    state = ctx->state[NGX_HTTP_TRADESEC_STATE_JWT];

    if (state == NULL) {
        state = ngx_pcalloc(r->main->pool,
                            sizeof(ngx_http_tradesec_jwt_state_t));
        if (state == NULL) {
            return NULL;
        }

        state->pool = r->main->pool;
        ctx->state[NGX_HTTP_TRADESEC_STATE_JWT] = state;
    }

    return state;
}


const ngx_http_tradesec_jwt_state_t *
ngx_http_tradesec_jwt_judge(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_http_tradesec_jwt_state_t  *state;

    r = r->main;

    state = ngx_http_tradesec_jwt_get_state(r);
    if (state == NULL) {
        return NULL;
    }

    if (state->policy == policy) {

        if (state->reason == TS_REASON_NONE) {
            state->reason = ts_jwt_times(state->expires, state->not_before,
                                         ngx_time());
        }

        if (state->reason == TS_REASON_NONE) {
            state->reason = ngx_http_tradesec_jwt_revoked(r, state);
        }

        return state;
    }

    state->policy = policy;
    state->reason = ngx_http_tradesec_jwt_find_credential(r, policy, state);

    if (state->reason == TS_REASON_NONE) {
        state->reason = ngx_http_tradesec_jwt_try(r, policy, state);
    }

    return state;
}


/* A key that is new, in a file that is: its tokens do not wait. */

ts_reason_e
ngx_http_tradesec_jwt_try(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state)
{
    ts_reason_e  reason;

    reason = ngx_http_tradesec_jwt_ask(r, policy, state);

    if ((reason == TS_REASON_JWT_UNKNOWN_KEY
         || reason == TS_REASON_JWT_SIGNATURE)
        && ngx_http_tradesec_jwt_look_again(r, policy))
    {
        reason = ngx_http_tradesec_jwt_ask(r, policy, state);
    }

    return reason;
}


/* Asks the providers in order. */

static ts_reason_e
ngx_http_tradesec_jwt_ask(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state)
{
    ngx_uint_t                               i;
    ts_reason_e                              reason, best;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    best = TS_REASON_JWT_ISSUER;

    for (i = 0; i < policy->n; i++) {

        provider = policy->providers[i];
        reason = ngx_http_tradesec_jwt_verify(r, provider, state);

        if (reason == TS_REASON_NONE && state->provider->accept != NULL) {
            return state->provider->accept(r, state->provider->session,
                                           state->values);
        }

        /* what one provider knows to be revoked no other one may accept */

        if (reason == TS_REASON_NONE || reason == TS_REASON_JWT_REVOKED
            || reason == TS_REASON_REVOCATIONS_STALE
            || reason == TS_REASON_INTERNAL_ERROR)
        {
            return reason;
        }

        /* the most telling one: of the provider that knew the token */

        if (i == 0
            || best == TS_REASON_JWT_ISSUER
            || best == TS_REASON_JWT_ALGORITHM
            || best == TS_REASON_JWT_UNKNOWN_KEY)
        {
            best = reason;
        }

        /* who could have known it has no keys: nobody can tell */

        if (reason == TS_REASON_JWT_UNKNOWN_KEY
            && ngx_http_tradesec_jwt_keys(provider)->jwks->n == 0)
        {
            best = TS_REASON_JWT_KEYS;
        }
    }

    return best;
}


static ngx_flag_t
ngx_http_tradesec_jwt_look_again(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_flag_t  changed;
    ngx_uint_t  i;

    changed = 0;

    for (i = 0; i < policy->n; i++) {
        changed |= ngx_http_tradesec_jwt_ring_look_again(
                                              policy->providers[i]->ring,
                                              r->connection->log);
    }

    return changed;
}


ts_reason_e
ngx_http_tradesec_jwt_revoked(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state)
{
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);

    if (store == NULL) {
        return TS_REASON_NONE;
    }

    if (ts_revocations_find(store->list(store), &state->subject)
        != TS_REVOKED_NOTHING)
    {
        return TS_REASON_JWT_REVOKED;
    }

    return state->provider->refuse_stale && store->is_stale(store)
           ? TS_REASON_REVOCATIONS_STALE : TS_REASON_NONE;
}
