/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The only 101 that reaches a client is the answer to a handshake that passed
 * the websocket guard; from then on the socket is inspected.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_decision.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_upgrade.h"
#include "store/ngx_http_tradesec_revocations_store.h"
#include "websocket/ngx_http_tradesec_ws.h"


static ngx_int_t ngx_http_tradesec_upgrade_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_upgrade_inspect(ngx_http_request_t *r);
static ts_ws_handshake_e ngx_http_tradesec_upgrade_check(
    ngx_http_request_t *r, const ngx_http_tradesec_upgrade_t *upgrade);
static ngx_int_t ngx_http_tradesec_upgrade_refuse(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade, ts_ws_handshake_e verdict);
static ngx_int_t ngx_http_tradesec_upgrade_side(ngx_http_request_t *r,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity,
    ngx_http_tradesec_ws_side_t *side);
static ngx_int_t ngx_http_tradesec_upgrade_owners(ngx_http_request_t *r,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners);
static ngx_int_t ngx_http_tradesec_upgrade_requires(ngx_http_request_t *r,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners);
static ts_reason_e ngx_http_tradesec_upgrade_count(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade,
    const ngx_http_tradesec_identity_t *identity,
    ngx_http_tradesec_traffic_t *traffic);
static ngx_int_t ngx_http_tradesec_upgrade_end(ngx_http_request_t *r,
    ts_reason_e reason);
static void ngx_http_tradesec_upgrade_note(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail, ngx_flag_t passed);
static ngx_int_t ngx_http_tradesec_upgrade_judge(ngx_http_request_t *r,
    ts_reason_e reason, const char *detail);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/*
 * A socket opens when nginx says so, whatever status the client reads: on the
 * page of another error that is the status of the error.
 */

static ngx_int_t
ngx_http_tradesec_upgrade_header_filter(ngx_http_request_t *r)
{
    if (r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS
        && (r->upstream == NULL || !r->upstream->upgrade))
    {
        return ngx_http_next_header_filter(r);
    }

    /* nginx itself refuses to upgrade a subrequest */

    if (r != r->main || !ngx_http_tradesec_is_on(r)) {
        return ngx_http_next_header_filter(r);
    }

    return ngx_http_tradesec_upgrade_inspect(r);
}


static ts_noinline ngx_int_t
ngx_http_tradesec_upgrade_inspect(ngx_http_request_t *r)
{
    ngx_int_t                                    rc;
    ts_reason_e                                  reason;
    ts_ws_handshake_e                            verdict;
    ngx_http_tradesec_ctx_t                     *ctx;
    ngx_http_tradesec_ws_terms_t                 terms;
    ngx_http_tradesec_revocations_store_t       *store;
    const ngx_http_tradesec_upgrade_t           *upgrade;
    const ngx_http_tradesec_websocket_policy_t  *policy;

    ctx = ngx_http_tradesec_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    upgrade = ctx->state[NGX_HTTP_TRADESEC_GUARD_WEBSOCKET];

    verdict = ngx_http_tradesec_upgrade_check(r, upgrade);

    if (verdict != TS_WS_HANDSHAKE_OK) {
        return ngx_http_tradesec_upgrade_refuse(r, upgrade, verdict);
    }

    policy = upgrade->policy;

    terms.expires = ctx->identity.expires;
    terms.max_age = (ngx_msec_t) policy->max_age * 1000;
    terms.idle = (ngx_msec_t) policy->idle * 1000;
    terms.revocations = NULL;

    store = ngx_http_tradesec_revocations_get(r);

    if (store != NULL && ctx->identity.subject != NULL) {
        terms.revocations = store->list(store);
        terms.subject = *ctx->identity.subject;
    }

    terms.judge = ngx_http_tradesec_upgrade_judge;
    terms.note = ngx_http_tradesec_upgrade_note;
    terms.dry_run = ngx_http_tradesec_is_dry_run(r,
                                           NGX_HTTP_TRADESEC_GUARD_WEBSOCKET);

    ngx_memzero(&terms.client, sizeof(ngx_http_tradesec_ws_side_t));
    ngx_memzero(&terms.traffic, sizeof(ngx_http_tradesec_traffic_t));

    rc = ngx_http_tradesec_upgrade_side(r, &policy->server, &ctx->identity,
                                        &terms.server);

    if (rc == NGX_OK && upgrade->client != NULL) {
        rc = ngx_http_tradesec_upgrade_side(r, upgrade->client,
                                            &ctx->identity, &terms.client);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED
        && ngx_http_tradesec_upgrade_judge(r, TS_REASON_WEBSOCKET_OWNER_CLAIM,
                                           NULL)
           == NGX_OK)
    {
        return ngx_http_tradesec_upgrade_end(r,
                                             TS_REASON_WEBSOCKET_OWNER_CLAIM);
    }

    if (upgrade->sockets != NULL) {
        reason = ngx_http_tradesec_upgrade_count(r, upgrade, &ctx->identity,
                                                 &terms.traffic);

        if (reason != TS_REASON_NONE
            && ngx_http_tradesec_upgrade_judge(r, reason, NULL) == NGX_OK)
        {
            if (terms.traffic.worker != NULL
                && reason >= TS_REASON_SOCKET_FIRST)
            {
                ts_traffic_add(terms.traffic.worker,
                               &terms.traffic.worker->closed[
                                          reason - TS_REASON_SOCKET_FIRST], 1);
            }

            return ngx_http_tradesec_upgrade_end(r, reason);
        }
    }

    if (ngx_http_tradesec_ws_inspect(r, &terms) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* upgrade is NULL when nobody asked for a socket, or may not have one */

static ts_ws_handshake_e
ngx_http_tradesec_upgrade_check(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade)
{
    ngx_list_part_t    *part;
    ngx_table_elt_t    *h, *end;
    ts_ws_handshake_t   answer;

    if (upgrade == NULL || r->upstream == NULL || !r->upstream->upgrade
        || r->headers_out.status != NGX_HTTP_SWITCHING_PROTOCOLS)
    {
        return TS_WS_HANDSHAKE_UPGRADE;
    }

    ngx_memzero(&answer, sizeof(ts_ws_handshake_t));

    for (part = &r->upstream->headers_in.headers.part; part; part = part->next)
    {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {
            ts_ws_handshake_header(&answer, ts_slice(h->key.data, h->key.len),
                                   ts_slice(h->value.data, h->value.len));
        }
    }

    return ts_ws_handshake_response(&answer, &upgrade->handshake);
}


static ngx_int_t
ngx_http_tradesec_upgrade_refuse(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade, ts_ws_handshake_e verdict)
{
    /* in a dry run the client's offer went through: this is no finding */

    if (verdict == TS_WS_HANDSHAKE_EXTENSION
        && upgrade->handshake.extensions.data != NULL
        && ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_WEBSOCKET))
    {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_tradesec_upgrade_judge(r, TS_REASON_WEBSOCKET_ANSWER,
                                        ts_ws_handshake_text(verdict))
        == NGX_DECLINED)
    {
        return ngx_http_next_header_filter(r);
    }

    return ngx_http_tradesec_upgrade_end(r, TS_REASON_WEBSOCKET_ANSWER);
}


/*
 * The answer ends here, also where it could not be sent at once: of NGX_AGAIN
 * nginx would think that the 101 was, and open the tunnel.
 */

static ngx_int_t
ngx_http_tradesec_upgrade_end(ngx_http_request_t *r, ts_reason_e reason)
{
    if (r->upstream != NULL) {
        r->upstream->upgrade = 0;
    }

    (void) ngx_http_filter_finalize_request(r, NULL,
                                            ts_reasons[reason].status);

    return NGX_ERROR;
}


/*
 * What the rules of a direction mean for this client. NGX_DECLINED when
 * nothing tells who he is, in the words of the messages.
 */

static ngx_int_t
ngx_http_tradesec_upgrade_side(ngx_http_request_t *r,
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

    if (ngx_http_tradesec_upgrade_requires(r, conf, identity, &side->owners)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (rules->owners == 0) {
        return NGX_OK;
    }

    if (ngx_http_tradesec_upgrade_owners(r, conf, identity, &side->owners)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return side->owners.n ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_tradesec_upgrade_owners(ngx_http_request_t *r,
    const ngx_http_tradesec_websocket_side_t *conf,
    const ngx_http_tradesec_identity_t *identity, ts_owner_set_t *owners)
{
    ngx_uint_t    i;
    ngx_array_t   values;
    ts_slice_t   *user;

    if (identity->claim == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(&values, r->pool, 1, sizeof(ts_slice_t)) != NGX_OK) {
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
ngx_http_tradesec_upgrade_requires(ngx_http_request_t *r,
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

        if (ngx_array_init(&values, r->pool, 1, sizeof(ts_slice_t))
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

static ts_reason_e
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

    switch (verdict) {

    case TS_SOCKETS_OK:
        return TS_REASON_NONE;

    case TS_SOCKETS_USER_LIMIT:
        return TS_REASON_WEBSOCKET_USER_LIMIT;

    case TS_SOCKETS_ADDRESS_LIMIT:
        return TS_REASON_WEBSOCKET_ADDRESS_LIMIT;

    default:

        /* one that is not listed is still counted, and may open */

        return (upgrade->limits.user || upgrade->limits.address)
               ? TS_REASON_WEBSOCKET_ZONE_FULL : TS_REASON_NONE;
    }
}


static void
ngx_http_tradesec_upgrade_note(ngx_http_request_t *r, ts_reason_e reason,
    const char *detail, ngx_flag_t passed)
{
    ngx_http_tradesec_ctx_t  *ctx;

    /* the one of the filter */
    ctx = ngx_http_tradesec_get_ctx(r);
    ctx->detail = detail;

    ngx_http_tradesec_note(r, ctx, NGX_HTTP_TRADESEC_GUARD_WEBSOCKET, reason,
                           passed);
}


/* Marks and logs what happens behind the gate; NGX_DECLINED in a dry run. */

static ngx_int_t
ngx_http_tradesec_upgrade_judge(ngx_http_request_t *r, ts_reason_e reason,
    const char *detail)
{
    ngx_http_tradesec_ctx_t  *ctx;

    /* the one of the filter */
    ctx = ngx_http_tradesec_get_ctx(r);
    ctx->detail = detail;

    return ngx_http_tradesec_mark(r, ctx, NGX_HTTP_TRADESEC_GUARD_WEBSOCKET,
                                  reason);
}


void
ngx_http_tradesec_upgrade_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tradesec_upgrade_header_filter;
}
