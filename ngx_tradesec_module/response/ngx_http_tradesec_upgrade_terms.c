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


static ngx_int_t ngx_http_tradesec_upgrade_side(ngx_http_request_t *r,
    ngx_pool_t *pool, const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners);
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

    terms->rules = &upgrade->conf->rules;
    terms->freeze = upgrade->freeze;
    terms->dry_run = ngx_http_tradesec_is_dry_run(r,
                                           NGX_HTTP_TRADESEC_GUARD_WEBSOCKET);
    terms->dry_freeze = ngx_http_tradesec_is_dry_run(r,
                                              NGX_HTTP_TRADESEC_GUARD_FREEZE);

    if (upgrade->token != NULL) {
        ctx = ngx_http_tradesec_find_ctx(r);

        terms->token = upgrade->token;
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
    ngx_int_t                                rc;
    const ngx_http_tradesec_upgrade_t       *upgrade;
    const ngx_http_tradesec_ws_policy_t     *policy;
    ngx_http_tradesec_revocations_store_t   *store;
    const ngx_http_tradesec_upgrade_conf_t  *conf;

    upgrade = ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET];
    conf = upgrade->conf;

    terms->expires = ctx->identity.expires;
    terms->revocations = NULL;

    store = ngx_http_tradesec_revocations_get(r);

    if (store != NULL && ctx->identity.subject != NULL) {
        terms->revocations = store->list(store);
        terms->subject = ctx->identity.subject;
    }

    rc = ngx_http_tradesec_upgrade_side(r, pool, conf->server, &ctx->identity,
                                        &terms->server);

    if (rc != NGX_ERROR && conf->client != NULL) {

        if (ngx_http_tradesec_upgrade_side(r, pool, conf->client,
                                           &ctx->identity, &terms->client)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        policy = &conf->client->messages;

        if (conf->rules.rates != NULL) {
            terms->name = ngx_http_tradesec_rates_name(conf->rules.rates, r,
                                                       &ctx->identity.user,
                                                       policy->user_rate,
                                                       policy->user_burst);
        }

        if (policy->rules->owners && terms->client.n == 0) {
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


/* See ngx_http_tradesec_ws_present_pt. */

ngx_int_t
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
    upgrade = ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET];
    first = (ctx->identity.expires == 0);

    why = upgrade->conf->present(r, token, &pool, &old);

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
                                   &ctx->identity.user,
                                   &upgrade->conf->limits, &verdict);

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
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners)
{
    const ts_owner_rules_t  *rules;

    ngx_memzero(owners, sizeof(ts_owner_set_t));

    rules = conf->messages.rules;

    if (rules == NULL) {
        return NGX_OK;
    }

    if (ngx_http_tradesec_upgrade_requires(r, pool, conf, identity, owners)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rules->owners == 0) {
        return NGX_OK;
    }

    if (ngx_http_tradesec_upgrade_owners(r, pool, conf, identity, owners)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return owners->n ? NGX_OK : NGX_DECLINED;
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
    ts_sockets_e               verdict;
    const ts_socket_limits_t  *limits;

    limits = &upgrade->conf->limits;

    if (ngx_http_tradesec_sockets_open(upgrade->sockets, r, &identity->user,
                                       limits, traffic, &verdict)
        != NGX_OK)
    {
        return TS_REASON_INTERNAL_ERROR;
    }

    if (verdict == TS_SOCKETS_FULL
        && limits->user == 0 && limits->address == 0)
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
