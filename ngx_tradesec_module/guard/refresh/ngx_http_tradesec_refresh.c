/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The refresh guard: a refresh token is used once, and followed by the next
 * one. Who comes with a used one is its owner or a thief, who has the next
 * one; nobody can tell, so both are out.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/refresh/ngx_http_tradesec_refresh.h"
#include "request/ngx_http_tradesec_request.h"


/* A refresh that is under way. */

typedef struct {
    ngx_http_tradesec_expectation_t            expectation;
    ngx_http_tradesec_rotation_use_t           use;
    ngx_http_tradesec_rotation_store_t        *store;
    const ngx_http_tradesec_refresh_policy_t  *policy;

    /* while it waits, what r->uri_changes was: see the context; or 0 */

    ngx_uint_t                                 waiting;
} ngx_http_tradesec_refresh_t;


static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_use(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy, ts_slice_t name);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_suspend(
    ngx_http_request_t *r, ngx_http_tradesec_refresh_t *refresh);
static void ngx_http_tradesec_refresh_resume(
    ngx_http_tradesec_rotation_use_t *use);
static void ngx_http_tradesec_refresh_forget(void *data);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_verdict(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_refresh_t *refresh);
static void ngx_http_tradesec_refresh_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);
static ngx_flag_t ngx_http_tradesec_refresh_next(ngx_http_request_t *r,
    const ngx_http_tradesec_refresh_t *refresh, ts_rotation_tag_t *tag);
static uint64_t ngx_http_tradesec_refresh_access(ngx_http_request_t *r,
    const ngx_http_tradesec_refresh_t *refresh);
static void ngx_http_tradesec_refresh_end(ngx_http_request_t *r,
    uint64_t access);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_refresh_guard = {
    NGX_HTTP_TRADESEC_GUARD_REFRESH,
    ngx_http_tradesec_refresh_policy,
    ngx_http_tradesec_refresh_check,
    NULL,
    NULL
};


/* Without a token it is no refresh: the backend may say so. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    u_char                                   buf[TS_REFRESH_TOKEN];
    ts_slice_t                               name;
    ngx_http_tradesec_refresh_t             *refresh;
    ngx_http_tradesec_verdict_t              verdict;
    const ngx_http_tradesec_refresh_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_refresh_module);
    refresh = ctx->state[NGX_HTTP_TRADESEC_STATE_REFRESH];

    if (refresh != NULL && refresh->waiting
        && refresh->waiting == r->uri_changes
        && refresh->policy == rcf->policy)
    {
        return refresh->use.rc == NGX_AGAIN
               ? ngx_http_tradesec_wait()
               : ngx_http_tradesec_refresh_verdict(r, ctx, refresh);
    }

    verdict = ngx_http_tradesec_refresh_token(r, ctx, rcf->policy, buf, &name);

    if (verdict.kind != NGX_HTTP_TRADESEC_PASS || name.len == 0) {
        return verdict;
    }

    return ngx_http_tradesec_refresh_use(r, ctx, rcf->policy, name);
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_use(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy, ts_slice_t name)
{
    ngx_http_tradesec_refresh_t                  *refresh;
    const ngx_http_tradesec_refresh_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_refresh_module);

    /* one that still waits belongs to a location that was left */

    ngx_http_tradesec_refresh_forget(
                              ctx->state[NGX_HTTP_TRADESEC_STATE_REFRESH]);

    refresh = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_refresh_t));
    if (refresh == NULL) {
        return ngx_http_tradesec_fault();
    }

    ctx->state[NGX_HTTP_TRADESEC_STATE_REFRESH] = refresh;

    refresh->store = rmcf->store;
    refresh->policy = policy;
    refresh->expectation.criteria = &policy->criteria;
    refresh->expectation.handler = ngx_http_tradesec_refresh_outcome;

    refresh->use.tag = ngx_http_tradesec_rotation_tag(rmcf->store,
                                                      policy->salt, name);
    refresh->use.grace = policy->grace;
    refresh->use.lifetime = policy->lifetime;
    refresh->use.closed = policy->closed;
    refresh->use.handler = ngx_http_tradesec_refresh_resume;
    refresh->use.data = r;

    /* one use, although two locations on its way see it; no login of another */

    if (ctx->expectation != NULL
        && ctx->expectation->handler == ngx_http_tradesec_refresh_outcome)
    {
        ngx_http_tradesec_withdraw_expectation(r, ctx);
    }

    return ngx_http_tradesec_rotation_use(rmcf->store, &refresh->use)
           == NGX_AGAIN
           ? ngx_http_tradesec_refresh_suspend(r, refresh)
           : ngx_http_tradesec_refresh_verdict(r, ctx, refresh);
}


/* The request stands still, and only sees its client leave. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_suspend(ngx_http_request_t *r,
    ngx_http_tradesec_refresh_t *refresh)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL
        || ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
    {
        ngx_http_tradesec_refresh_forget(refresh);
        return ngx_http_tradesec_fault();
    }

    cln->handler = ngx_http_tradesec_refresh_forget;
    cln->data = refresh;

    refresh->waiting = r->uri_changes;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return ngx_http_tradesec_wait();
}


/* Called from within the store: the request goes on with its next event. */

static void
ngx_http_tradesec_refresh_resume(ngx_http_tradesec_rotation_use_t *use)
{
    ngx_http_request_t  *r = use->data;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_post_event(r->connection->write, &ngx_posted_events);
}


static void
ngx_http_tradesec_refresh_forget(void *data)
{
    ngx_http_tradesec_refresh_t  *refresh = data;

    if (refresh != NULL && refresh->use.rc == NGX_AGAIN) {
        ngx_http_tradesec_rotation_forget(refresh->store, &refresh->use);
    }
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_verdict(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_refresh_t *refresh)
{
    refresh->waiting = 0;

    if (refresh->use.rc == NGX_DECLINED) {
        ctx->retry_after = 1;
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_STORE_UNAVAILABLE);
    }

    if (refresh->use.rc != NGX_OK) {
        return ngx_http_tradesec_fault();
    }

    switch (refresh->use.verdict) {

    case TS_ROTATION_FIRST:
        ngx_http_tradesec_expect_outcome(r, ctx, &refresh->expectation);

        if (refresh->policy->access.json) {
            ngx_http_tradesec_expect_body(r, ctx);
        }

        return ngx_http_tradesec_pass();

    case TS_ROTATION_RACE:
        ctx->retry_after = 1;
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_RACE);

    case TS_ROTATION_REUSED:
        ngx_http_tradesec_refresh_end(r, refresh->use.access);
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_REUSED);

    case TS_ROTATION_ENDED:
    default:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_ENDED);
    }
}


/*
 * The backend has taken the token when it hands out the next one. Else it may
 * be used once more: by whom the answer has not reached.
 */

static void
ngx_http_tradesec_refresh_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome)
{
    uint64_t                      access;
    ngx_flag_t                    taken, ended;
    ts_rotation_tag_t             next;
    ngx_http_tradesec_refresh_t  *refresh;

    refresh = (ngx_http_tradesec_refresh_t *) e;

    taken = outcome == TS_OUTCOME_SUCCESS
            && ngx_http_tradesec_refresh_next(r, refresh, &next);

    access = taken ? ngx_http_tradesec_refresh_access(r, refresh) : 0;

    ended = ngx_http_tradesec_rotation_settle(refresh->store, refresh->use.tag,
                                              taken ? &next : NULL, access,
                                              refresh->policy->lifetime);

    /* what this answer hands out is younger than the end of its family */

    if (ended) {
        ngx_http_tradesec_refresh_end(r, access);
    }
}


static ngx_flag_t
ngx_http_tradesec_refresh_next(ngx_http_request_t *r,
    const ngx_http_tradesec_refresh_t *refresh, ts_rotation_tag_t *tag)
{
    u_char                                     buf[TS_REFRESH_TOKEN];
    ts_slice_t                                 token, name;
    const ngx_http_tradesec_refresh_place_t   *place;

    place = &refresh->policy->next;

    if (!ngx_http_tradesec_refresh_answer(r, &refresh->expectation, place,
                                          &token)
        || ts_refresh_name(token, !place->json, buf, &name) != TS_REFRESH_OK)
    {
        return 0;
    }

    *tag = ngx_http_tradesec_rotation_tag(refresh->store,
                                          refresh->policy->salt, name);

    return 1;
}


/*
 * What the access token of the answer can be revoked by, with all others of its
 * session; of its user, where it names none. 0: there is no good one, or a dry
 * run, in which nothing ends.
 */

static uint64_t
ngx_http_tradesec_refresh_access(ngx_http_request_t *r,
    const ngx_http_tradesec_refresh_t *refresh)
{
    ts_slice_t                                 token;
    ts_reason_e                                reason;
    ngx_http_tradesec_jwt_state_t             *state;
    const ngx_http_tradesec_refresh_policy_t  *policy;

    policy = refresh->policy;

    if (policy->provider == NULL
        || ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_REFRESH)
        || !ngx_http_tradesec_refresh_answer(r, &refresh->expectation,
                                             &policy->access, &token))
    {
        return 0;
    }

    state = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_jwt_state_t));
    if (state == NULL) {
        return 0;
    }

    state->pool = r->pool;
    state->token.data = (u_char *) token.data;
    state->token.len = token.len;

    reason = ngx_http_tradesec_jwt_verify(r, policy->provider, state);

    if (reason != TS_REASON_NONE && reason != TS_REASON_JWT_REVOKED
        && reason != TS_REASON_REVOCATIONS_STALE)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "tradesec: the answer to a refresh holds no token of "
                      "\"%V\", and none will end with its family",
                      &policy->provider->name);
        return 0;
    }

    return state->subject.session ? state->subject.session
                                  : state->subject.user;
}


static void
ngx_http_tradesec_refresh_end(ngx_http_request_t *r, uint64_t access)
{
    if (!ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_REFRESH)) {
        ngx_http_tradesec_refresh_revoke(
            ngx_http_get_module_main_conf(r, ngx_http_tradesec_refresh_module),
            access);
    }
}


void
ngx_http_tradesec_refresh_revoke(
    const ngx_http_tradesec_refresh_main_conf_t *rmcf, uint64_t access)
{
    time_t                                           longest;
    ngx_uint_t                                       i;
    ts_revocation_t                                  revocation;
    const ngx_http_tradesec_jwt_provider_t *const   *providers;

    if (access == 0 || rmcf->revocations == NULL) {
        return;
    }

    providers = rmcf->providers->elts;
    longest = 0;

    for (i = 0; i < rmcf->providers->nelts; i++) {
        longest = ngx_max(longest, providers[i]->longest);
    }

    revocation.key = access;
    revocation.time = ts_revocation_kind(access) == TS_REVOKED_SESSION
                      ? 0 : ts_revocation_time(ngx_time());
    revocation.expires = ts_revocation_time(ngx_time() + longest);

    (void) rmcf->revocations->revoke(rmcf->revocations, &revocation, NULL,
                                     ngx_cycle->log);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "tradesec: %s revoked, since a refresh token was used again",
                  revocation.time ? "user" : "session");
}
