/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Tokens in the messages of a WebSocket. Where the handshake has none, the
 * client is nobody until his first message has brought one; a later one of the
 * same session takes the place of the one before. All that a token leaves
 * behind is in a pool of its own, which goes with it: sockets live long.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "request/ngx_http_tradesec_conf.h"
#include "response/ngx_http_tradesec_upgrade.h"


#define NGX_HTTP_TRADESEC_JWT_MESSAGE_POOL   1024

/* The longest name of a session. */

#define NGX_HTTP_TRADESEC_JWT_SESSION_LEN    1024


static ts_reason_e ngx_http_tradesec_jwt_prolong(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_jwt_state_t *fresh);
static ngx_flag_t ngx_http_tradesec_jwt_same_session(
    const ngx_http_tradesec_jwt_state_t *a,
    const ngx_http_tradesec_jwt_state_t *b);
static ngx_int_t ngx_http_tradesec_jwt_replace(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_jwt_state_t *fresh, ngx_pool_t **old);
static void ngx_http_tradesec_jwt_message_cleanup(void *data);


char *
ngx_http_tradesec_jwt_message(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t pointer)
{
    if (policy->message.n) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"tradesec_jwt\"",
                           parameter);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_conf_pointer(cf,
                                        ts_slice(pointer.data, pointer.len),
                                        &policy->message))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"tradesec_jwt\", a "
                           "JSON pointer such as \"/token\" is expected",
                           parameter);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_flag_t
ngx_http_tradesec_jwt_defer(ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    /* the websocket guard has found a good handshake */

    if (policy->message.n == 0
        || ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET] == NULL)
    {
        return 0;
    }

    ctx->deferred = 1;

    return 1;
}


ts_reason_e
ngx_http_tradesec_jwt_present(ngx_http_request_t *r, ts_slice_t token,
    ngx_pool_t **pool, ngx_pool_t **old)
{
    ts_reason_e                            reason;
    ngx_http_tradesec_ctx_t               *ctx;
    ngx_http_tradesec_jwt_state_t          fresh;
    ngx_http_tradesec_jwt_state_t         *state;
    const ngx_http_tradesec_jwt_policy_t  *policy;

    *pool = NULL;
    *old = NULL;

    /* both are there since the handshake */

    ctx = ngx_http_tradesec_get_ctx(r);
    state = ctx->state[NGX_HTTP_TRADESEC_STATE_JWT];
    policy = state->policy;

    if (ctx->identity.expires
        && token.len == state->token.len
        && CRYPTO_memcmp(token.data, state->token.data, token.len) == 0)
    {
        return TS_REASON_NONE;
    }

    ngx_memzero(&fresh, sizeof(ngx_http_tradesec_jwt_state_t));

    fresh.pool = ngx_create_pool(NGX_HTTP_TRADESEC_JWT_MESSAGE_POOL,
                                 r->connection->log);
    if (fresh.pool == NULL) {
        return TS_REASON_INTERNAL_ERROR;
    }

    fresh.token.data = ngx_pnalloc(fresh.pool, token.len);

    if (fresh.token.data == NULL) {
        ngx_destroy_pool(fresh.pool);
        return TS_REASON_INTERNAL_ERROR;
    }

    ngx_memcpy(fresh.token.data, token.data, token.len);
    fresh.token.len = token.len;

    reason = ngx_http_tradesec_jwt_try(r, policy, &fresh);

    if (reason == TS_REASON_NONE && ctx->identity.expires) {
        reason = ngx_http_tradesec_jwt_prolong(r, state, &fresh);

        if (reason == TS_REASON_NONE && fresh.expires < state->expires) {
            ngx_destroy_pool(fresh.pool);
            return TS_REASON_NONE;
        }
    }

    if (reason == TS_REASON_NONE
        && ngx_http_tradesec_jwt_replace(r, state, &fresh, old) != NGX_OK)
    {
        reason = TS_REASON_INTERNAL_ERROR;
    }

    if (reason != TS_REASON_NONE) {
        ngx_destroy_pool(fresh.pool);
        return reason;
    }

    *pool = fresh.pool;
    ctx->deferred = 0;

    ngx_http_tradesec_jwt_identify(ctx, state);

    return TS_REASON_NONE;
}


/* Whether a good token may take the place of the one that the socket has. */

static ts_reason_e
ngx_http_tradesec_jwt_prolong(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_jwt_state_t *fresh)
{
    /* the socket ends with it, only nobody has looked yet */

    if (ngx_http_tradesec_jwt_revoked(r, state) != TS_REASON_NONE) {
        return TS_REASON_WEBSOCKET_REVOKED;
    }

    return ngx_http_tradesec_jwt_same_session(state, fresh)
           ? TS_REASON_NONE : TS_REASON_WEBSOCKET_TOKEN_OTHER;
}


/*
 * Of the same provider, for the same user, and of the session that the claim
 * session_claim names. Where neither names one, the user is all there is.
 */

static ngx_flag_t
ngx_http_tradesec_jwt_same_session(const ngx_http_tradesec_jwt_state_t *a,
    const ngx_http_tradesec_jwt_state_t *b)
{
    uint8_t                   bufs[2][NGX_HTTP_TRADESEC_JWT_SESSION_LEN];
    ngx_uint_t                i;
    ts_slice_t                sessions[2];
    ts_jwt_claim_e            found[2];
    const ts_json_pointer_t  *claim;

    static ts_jwt_t  jwt;

    if (a->provider != b->provider
        || !ts_slice_eq(ts_slice(a->values[0].data, a->values[0].len),
                        ts_slice(b->values[0].data, b->values[0].len)))
    {
        return 0;
    }

    claim = &a->provider->session_claim;

    for (i = 0; i < 2; i++) {
        const ngx_str_t  *token = i ? &b->token : &a->token;

        if (!ts_jwt_reread(&jwt, ts_slice(token->data, token->len))) {
            return 0;
        }

        found[i] = ts_jwt_claim(&jwt, claim, bufs[i],
                                NGX_HTTP_TRADESEC_JWT_SESSION_LEN,
                                &sessions[i]);
    }

    if (found[0] == TS_JWT_CLAIM_NONE && found[1] == TS_JWT_CLAIM_NONE) {
        return 1;
    }

    return found[0] == TS_JWT_CLAIM_OK && found[1] == TS_JWT_CLAIM_OK
           && ts_slice_eq(sessions[0], sessions[1]);
}


/* What the request has of tokens elsewhere stays. */

static ngx_int_t
ngx_http_tradesec_jwt_replace(ngx_http_request_t *r,
    ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_jwt_state_t *fresh, ngx_pool_t **old)
{
    ngx_pool_cleanup_t  *cln;

    if (state->pool != r->pool) {
        *old = state->pool;

    } else {

        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_tradesec_jwt_message_cleanup;
        cln->data = state;
    }

    state->reason = TS_REASON_NONE;
    state->provider = fresh->provider;
    state->pool = fresh->pool;
    state->token = fresh->token;
    state->ambient = 0;
    state->expires = fresh->expires;
    state->not_before = fresh->not_before;
    state->subject = fresh->subject;
    state->values = fresh->values;
    state->claims = fresh->claims;

    return NGX_OK;
}


/* Behind the access log, which may want the identity. */

static void
ngx_http_tradesec_jwt_message_cleanup(void *data)
{
    ngx_http_tradesec_jwt_state_t  *state = data;

    ngx_destroy_pool(state->pool);
}
