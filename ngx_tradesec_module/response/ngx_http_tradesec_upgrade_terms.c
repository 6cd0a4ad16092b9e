/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a socket is held to: the location's rules, and what the client's token
 * makes of them.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_upgrade.h"
#include "store/ngx_http_tradesec_revocations_store.h"
#include "websocket/ngx_http_tradesec_ws.h"


static ngx_int_t ngx_http_tradesec_upgrade_present(ngx_http_request_t *r,
    ts_slice_t token, ngx_http_tradesec_ws_terms_t *terms,
    ts_reason_e *reason, const char **detail);
static ngx_int_t ngx_http_tradesec_upgrade_side(ngx_http_request_t *r,
    ngx_pool_t *pool, const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity,
    ngx_http_tradesec_ws_side_t *side);
static ngx_int_t ngx_http_tradesec_upgrade_owners(ngx_http_request_t *r,
    ngx_pool_t *pool, const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners);
static ngx_int_t ngx_http_tradesec_upgrade_requires(ngx_http_request_t *r,
    ngx_pool_t *pool, const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners);
static ts_reason_e ngx_http_tradesec_upgrade_verdict(ts_sockets_e verdict,
    ngx_http_tradesec_traffic_t *traffic);


void
ngx_http_tradesec_upgrade_terms(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade,
    ngx_http_tradesec_ws_terms_t *terms)
{
    const ngx_http_tradesec_ctx_t  *ctx;

    ngx_memzero(terms, sizeof(ngx_http_tradesec_ws_terms_t));

    terms->max_age = (ngx_msec_t) upgrade->policy->max_age * 1000;
    terms->idle = (ngx_msec_t) upgrade->policy->idle * 1000;
    terms->dry_run = ngx_http_tradesec_is_dry_run(r,
                                           NGX_HTTP_TRADESEC_GUARD_WEBSOCKET);

    terms->rates = upgrade->rates;
    terms->freeze = upgrade->freeze;
    terms->frozen = ngx_http_tradesec_is_dry_run(r,
                                               NGX_HTTP_TRADESEC_GUARD_FREEZE)
                    ? (ngx_uint_t) NGX_HTTP_TRADESEC_WS_LOG
                    : upgrade->policy->frozen;

    if (upgrade->token != NULL) {
        ctx = ngx_http_tradesec_find_ctx(r);

        terms->token = upgrade->token;
        terms->present = ngx_http_tradesec_upgrade_present;
        terms->pending = ctx->deferred;
        terms->open = ngx_http_tradesec_is_dry_run(r,
                                                 NGX_HTTP_TRADESEC_GUARD_JWT);
    }
}


ngx_int_t
ngx_http_tradesec_upgrade_identify(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_pool_t *pool,
    ngx_http_tradesec_ws_terms_t *terms)
{
    ngx_int_t                               rc;
    const ngx_http_tradesec_upgrade_t      *upgrade;
    ngx_http_tradesec_revocations_store_t  *store;

    upgrade = ctx->state[NGX_HTTP_TRADESEC_GUARD_WEBSOCKET];

    terms->expires = ctx->identity.expires;
    terms->revocations = NULL;

    store = ngx_http_tradesec_revocations_get(r);

    if (store != NULL && ctx->identity.subject != NULL) {
        terms->revocations = store->list(store);
        terms->subject = *ctx->identity.subject;
    }

    rc = ngx_http_tradesec_upgrade_side(r, pool, &upgrade->policy->server,
                                        &ctx->identity, &terms->server);

    if (rc != NGX_ERROR && upgrade->client != NULL) {

        if (ngx_http_tradesec_upgrade_side(r, pool, upgrade->client,
                                           &ctx->identity, &terms->client)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        if (terms->rates != NULL) {
            terms->name = ngx_http_tradesec_rates_name(terms->rates, r,
                                       &ctx->identity.user,
                                       terms->client.policy->user_rate,
                                       terms->client.policy->user_burst);
        }

        if (terms->client.policy->rules->owners
            && terms->client.owners.n == 0)
        {
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


/* See ngx_http_tradesec_ws_present_pt. */

static ngx_int_t
ngx_http_tradesec_upgrade_present(ngx_http_request_t *r, ts_slice_t token,
    ngx_http_tradesec_ws_terms_t *terms, ts_reason_e *reason,
    const char **detail)
{
    ngx_int_t                           rc;
    ngx_pool_t                         *pool, *old;
    ts_reason_e                         why;
    ngx_flag_t                          first;
    ts_sockets_e                        verdict;
    ngx_http_tradesec_ctx_t            *ctx;
    const ngx_http_tradesec_upgrade_t  *upgrade;

    /* the one of the filter */
    ctx = ngx_http_tradesec_get_ctx(r);
    upgrade = ctx->state[NGX_HTTP_TRADESEC_GUARD_WEBSOCKET];
    first = (ctx->identity.expires == 0);

    why = upgrade->present(r, token, &pool, &old);

    switch (why) {

    case TS_REASON_NONE:
        break;

    case TS_REASON_INTERNAL_ERROR:
        return NGX_ERROR;

    case TS_REASON_WEBSOCKET_REVOKED:
    case TS_REASON_WEBSOCKET_TOKEN_OTHER:
        *reason = why;
        return NGX_DECLINED;

    default:
        *reason = TS_REASON_WEBSOCKET_TOKEN;
        *detail = ts_reasons[why].word;
        return NGX_DECLINED;
    }

    if (pool == NULL) {
        /* one that changes nothing */
        return NGX_OK;
    }

    rc = ngx_http_tradesec_upgrade_identify(r, ctx, pool, terms);

    if (old != NULL) {
        ngx_destroy_pool(old);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        *reason = TS_REASON_WEBSOCKET_OWNER_CLAIM;
        return NGX_DECLINED;
    }

    if (!first || upgrade->sockets == NULL) {
        return NGX_OK;
    }

    ngx_http_tradesec_sockets_name(upgrade->sockets, r, &terms->traffic,
                                   &ctx->identity.user, &upgrade->limits,
                                   &verdict);

    if (verdict == TS_SOCKETS_OK) {
        return NGX_OK;
    }

    *reason = TS_REASON_WEBSOCKET_USER_LIMIT;

    return NGX_DECLINED;
}


/*
 * What the rules of a direction mean for this client. NGX_DECLINED when
 * nothing tells who he is, in the words of the messages.
 */

static ngx_int_t
ngx_http_tradesec_upgrade_side(ngx_http_request_t *r, ngx_pool_t *pool,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity,
    ngx_http_tradesec_ws_side_t *side)
{
    const ts_owner_rules_t  *rules;

    ngx_memzero(side, sizeof(ngx_http_tradesec_ws_side_t));

    side->policy = &conf->messages;
    rules = conf->messages.rules;

    if (rules == NULL) {
        return NGX_OK;
    }

    if (ngx_http_tradesec_upgrade_requires(r, pool, conf, identity,
                                           &side->owners)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rules->owners == 0) {
        return NGX_OK;
    }

    if (ngx_http_tradesec_upgrade_owners(r, pool, conf, identity,
                                         &side->owners)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return side->owners.n ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_tradesec_upgrade_owners(ngx_http_request_t *r, ngx_pool_t *pool,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners)
{
    ngx_uint_t    i;
    ngx_array_t   values;
    ts_slice_t   *user;

    if (identity->claim == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(&values, pool, 1, sizeof(ts_slice_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    if (conf->n_claims == 0) {
        user = ngx_array_push(&values);
        *user = ts_slice(identity->user.data, identity->user.len);
    }

    for (i = 0; i < conf->n_claims; i++) {
        if (identity->claim(r, &conf->claims[i], &values) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    owners->values = values.elts;
    owners->n = (uint32_t) values.nelts;

    ts_owner_set_sort(owners);

    return NGX_OK;
}


/* Which messages need a claim that this client does not have. */

static ngx_int_t
ngx_http_tradesec_upgrade_requires(ngx_http_request_t *r, ngx_pool_t *pool,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners)
{
    ngx_uint_t                                    i, n;
    ts_slice_t                                   *value;
    ngx_flag_t                                    has;
    ngx_array_t                                   values;
    const ngx_http_tradesec_websocket_require_t  *require;

    for (i = 0; i < conf->n_requires; i++) {
        require = &conf->requires[i];
        has = 0;

        if (ngx_array_init(&values, pool, 1, sizeof(ts_slice_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (identity->claim != NULL
            && identity->claim(r, &require->claim, &values) != NGX_OK)
        {
            return NGX_ERROR;
        }

        value = values.elts;

        for (n = 0; n < values.nelts; n++) {
            has |= ts_slice_eq(value[n], ts_slice(require->value.data,
                                                  require->value.len));
        }

        if (!has) {
            owners->denied |= require->when;
        }
    }

    return NGX_OK;
}


/* Counts the socket among the open ones, or says why it may not open. */

ts_reason_e
ngx_http_tradesec_upgrade_count(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade,
    const ngx_http_tradesec_identity_t *identity,
    ngx_http_tradesec_traffic_t *traffic)
{
    ts_sockets_e  verdict;

    if (ngx_http_tradesec_sockets_open(upgrade->sockets, r, &identity->user,
                                       &upgrade->limits, traffic, &verdict)
        != NGX_OK)
    {
        return TS_REASON_INTERNAL_ERROR;
    }

    if (verdict == TS_SOCKETS_FULL
        && upgrade->limits.user == 0 && upgrade->limits.address == 0)
    {
        /* one that is not listed is still counted, and may open */
        return TS_REASON_NONE;
    }

    return ngx_http_tradesec_upgrade_verdict(verdict, traffic);
}


/* The reason why a socket may not be open, which is then counted. */

static ts_reason_e
ngx_http_tradesec_upgrade_verdict(ts_sockets_e verdict,
    ngx_http_tradesec_traffic_t *traffic)
{
    ts_reason_e  reason;

    switch (verdict) {

    case TS_SOCKETS_OK:
        return TS_REASON_NONE;

    case TS_SOCKETS_USER_LIMIT:
        reason = TS_REASON_WEBSOCKET_USER_LIMIT;
        break;

    case TS_SOCKETS_ADDRESS_LIMIT:
        reason = TS_REASON_WEBSOCKET_ADDRESS_LIMIT;
        break;

    default:
        reason = TS_REASON_WEBSOCKET_ZONE_FULL;
    }

    if (traffic->worker != NULL) {
        ts_traffic_add(traffic->worker,
            &traffic->worker->closed[reason - TS_REASON_SOCKET_FIRST], 1);
    }

    return reason;
}
