/*
 * Copyright (C) the ngx_tradesec authors
 *
 * One attempt to log in: charged before it is passed on, maybe after waiting
 * for the home that gateways share, and settled when its outcome is known.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "core/ts_account.h"
#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"


/* What is known of an attempt until its outcome is. */

typedef struct {
    ngx_http_tradesec_expectation_t        expectation;
    ngx_http_tradesec_reservation_t        reservation;
    ngx_http_tradesec_login_browser_t     *browser;     /* NULL: not asked */
    const ngx_http_tradesec_login_conf_t  *llcf;

    /* while it waits, what r->uri_changes was: see the context; or 0 */

    ngx_uint_t                             waiting;

    /* runs while the attempt, which is charged, is delayed; NULL: was not */

    ngx_event_t                           *timer;
} ngx_http_tradesec_login_attempt_t;


static ngx_inline ngx_http_tradesec_verdict_t
    ngx_http_tradesec_login_verdict(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_login_attempt_t *a);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_refuse(
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_login_attempt_t *a);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_suspend(
    ngx_http_request_t *r, ngx_http_tradesec_login_attempt_t *a);
static ngx_inline ngx_http_tradesec_verdict_t ngx_http_tradesec_login_admit(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_login_attempt_t *a);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_hold(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    ngx_http_tradesec_login_attempt_t *a, ngx_msec_t delay);
static void ngx_http_tradesec_login_held(ngx_event_t *ev);
static void ngx_http_tradesec_login_withdraw(
    ngx_http_tradesec_login_attempt_t *a);
static void ngx_http_tradesec_login_resume(
    ngx_http_tradesec_reservation_t *res);
static void ngx_http_tradesec_login_forget(void *data);
static uint64_t ngx_http_tradesec_login_id(void);
static void ngx_http_tradesec_login_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);
static ngx_int_t ngx_http_tradesec_login_variable_store(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);


/* So many requests of a worker are delayed at a time. */

#define NGX_HTTP_TRADESEC_LOGIN_DELAYED  1000

static ngx_uint_t  ngx_http_tradesec_login_delayed;


/* Indexed by ngx_http_tradesec_login_counter_e. */

static const ts_reason_e  ngx_http_tradesec_login_limit_reasons[] = {
    TS_REASON_LOGIN_PAIR_LIMIT,
    TS_REASON_LOGIN_ACCOUNT_LIMIT,
    TS_REASON_LOGIN_ADDRESS_LIMIT,
    TS_REASON_LOGIN_ADDRESS_LIMIT,
    TS_REASON_LOGIN_ADDRESS_LIMIT
};


/* Indexed by ngx_http_tradesec_home_e. */

static const ngx_str_t  ngx_http_tradesec_login_homes[] = {
    ngx_null_string,
    ngx_string("local"),
    ngx_string("redis"),
    ngx_string("closed"),
    ngx_string("open")
};


ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_reserve(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_login_conf_t *llcf,
    ts_slice_t account)
{
    ngx_http_tradesec_reservation_t    *res;
    ngx_http_tradesec_login_attempt_t  *a;

    /* one that still waits belongs to a location that was left */

    if (ctx->state[NGX_HTTP_TRADESEC_STATE_LOGIN] != NULL) {
        ngx_http_tradesec_login_forget(
                              ctx->state[NGX_HTTP_TRADESEC_STATE_LOGIN]);
    }

    a = ngx_palloc(r->pool, sizeof(ngx_http_tradesec_login_attempt_t));
    if (a == NULL) {
        return ngx_http_tradesec_fault();
    }

    a->reservation.rc = NGX_OK;
    a->reservation.home = NGX_HTTP_TRADESEC_HOME_NONE;
    a->waiting = 0;
    a->timer = NULL;
    a->browser = NULL;

    ctx->state[NGX_HTTP_TRADESEC_STATE_LOGIN] = a;

    if (llcf->policy->email) {

        /* in the buffer that it was normalised to */

        account.len = ts_account_email((uint8_t *) (uintptr_t) account.data,
                                       account.len, llcf->policy->email);
    }

    a->expectation.criteria = &llcf->policy->criteria;
    a->expectation.patterns = llcf->policy->patterns;
    a->expectation.handler = ngx_http_tradesec_login_outcome;
    a->llcf = llcf;

    res = &a->reservation;

    res->attempt.id = ngx_http_tradesec_login_id();

    if (llcf->device->accept) {
        a->browser = ngx_http_tradesec_login_browser(r, llcf, account);

        if (a->browser == NULL) {
            return ngx_http_tradesec_fault();
        }
    }

    ngx_http_tradesec_login_keys(r, llcf, account,
                                 a->browser && a->browser->known
                                 ? &a->browser->device : NULL,
                                 &res->attempt);

    res->counter = &llcf->policy->counter;
    res->account = res->attempt.counters[NGX_HTTP_TRADESEC_LOGIN_PAIR].other;
    res->fallback = llcf->fallback;
    res->handler = ngx_http_tradesec_login_resume;
    res->data = r;
    res->pending = NULL;

    /* one attempt, although two locations on its way count it */

    if (ctx->expectation != NULL) {
        ngx_http_tradesec_withdraw_expectation(r, ctx);
    }

    if (llcf->store->reserve(llcf->store, res) == NGX_AGAIN) {
        return ngx_http_tradesec_login_suspend(r, a);
    }

    return ngx_http_tradesec_login_verdict(r, ctx, a);
}


ngx_flag_t
ngx_http_tradesec_login_resumed(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_verdict_t *verdict)
{
    ngx_http_tradesec_login_attempt_t  *a;

    a = ctx->state[NGX_HTTP_TRADESEC_STATE_LOGIN];

    if (a->waiting == 0 || a->waiting != r->uri_changes
        || a->llcf != ngx_http_get_module_loc_conf(r,
                                             ngx_http_tradesec_login_module))
    {
        return 0;
    }

    if (a->reservation.rc == NGX_AGAIN
        || (a->timer != NULL && a->timer->timer_set))
    {
        *verdict = ngx_http_tradesec_wait();
        return 1;
    }

    a->waiting = 0;
    *verdict = ngx_http_tradesec_login_verdict(r, ctx, a);

    return 1;
}


static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_verdict(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_login_attempt_t *a)
{
    const ts_attempts_verdict_t  *v;

    v = &a->reservation.verdict;

    if (a->reservation.rc == NGX_OK && v->verdict == TS_ATTEMPTS_ADMITTED) {
        ctx->retry_after = 0;
        return ngx_http_tradesec_login_admit(r, ctx, a);
    }

    return ngx_http_tradesec_login_refuse(ctx, a);
}


static ts_noinline ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_refuse(ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_login_attempt_t *a)
{
    const ts_attempts_verdict_t  *v;

    if (a->reservation.rc == NGX_DECLINED) {
        ctx->retry_after = 1;
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_STORE_UNAVAILABLE);
    }

    v = &a->reservation.verdict;

    /* there is no telling when an operator clears a lock without end */

    ctx->retry_after = v->retry_after <= NGX_HTTP_TRADESEC_LOGIN_LOCK_MAX
                       ? v->retry_after : 0;

    switch (v->verdict) {

    case TS_ATTEMPTS_BUSY:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_BUSY);

    case TS_ATTEMPTS_LIMITED:
        return ngx_http_tradesec_deny(
                           ngx_http_tradesec_login_limit_reasons[v->counter]);

    case TS_ATTEMPTS_OTHERS:
        return ngx_http_tradesec_deny(
                   v->counter == NGX_HTTP_TRADESEC_LOGIN_ACCOUNT
                   ? TS_REASON_LOGIN_ACCOUNT_ADDRESSES
                   : TS_REASON_LOGIN_ADDRESS_ACCOUNTS);

    case TS_ATTEMPTS_LOCKED:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_LOCKED);

    case TS_ATTEMPTS_FULL:
    default:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_ZONE_FULL);
    }
}


/* At once, or after a delay. */

static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_admit(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_login_attempt_t *a)
{
    ngx_msec_t  delay;

    if (a->llcf->delay.first != 0
        && a->timer == NULL
        && !ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_LOGIN))
    {
        delay = ts_delay(&a->llcf->delay, a->reservation.verdict.failed,
                         a->reservation.verdict.in_flight);
        if (delay != 0) {
            return ngx_http_tradesec_login_hold(r, ctx, a, delay);
        }
    }

    ngx_http_tradesec_expect_outcome(r, ctx, &a->expectation);

    return ngx_http_tradesec_pass();
}


/* Charged, and in flight for all who come meanwhile. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_hold(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_http_tradesec_login_attempt_t *a,
    ngx_msec_t delay)
{
    ngx_http_tradesec_verdict_t  verdict;

    if (delay > TS_DELAY_MAX
        || ngx_http_tradesec_login_delayed == NGX_HTTP_TRADESEC_LOGIN_DELAYED)
    {
        ngx_http_tradesec_login_withdraw(a);

        ctx->retry_after = (time_t) (ngx_min(delay, TS_DELAY_MAX) + 999)
                           / 1000;
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_BUSY);
    }

    a->timer = ngx_pcalloc(r->pool, sizeof(ngx_event_t));
    if (a->timer == NULL) {
        ngx_http_tradesec_login_withdraw(a);
        return ngx_http_tradesec_fault();
    }

    a->timer->handler = ngx_http_tradesec_login_held;
    a->timer->data = r;
    a->timer->log = r->connection->log;

    verdict = ngx_http_tradesec_login_suspend(r, a);

    if (verdict.kind != NGX_HTTP_TRADESEC_WAIT) {
        ngx_http_tradesec_login_withdraw(a);
        return verdict;
    }

    ngx_http_tradesec_login_delayed++;
    ngx_add_timer(a->timer, delay);

    return verdict;
}


static void
ngx_http_tradesec_login_held(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r = ev->data;

    ngx_http_tradesec_login_delayed--;

    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_post_event(c->write, &ngx_posted_events);
}


/* The backend has not been asked, and will not be. */

static void
ngx_http_tradesec_login_withdraw(ngx_http_tradesec_login_attempt_t *a)
{
    ngx_http_request_t  *r = a->reservation.data;

    a->llcf->store->settle(a->llcf->store, &a->reservation,
                           TS_ATTEMPTS_WITHDRAWN, r->connection->log);
}


/*
 * The request stands still, and only sees its client leave. Its end must not
 * be one that the home does not hear of.
 */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_suspend(ngx_http_request_t *r,
    ngx_http_tradesec_login_attempt_t *a)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL
        || ngx_handle_read_event(r->connection->read, 0) != NGX_OK)
    {
        ngx_http_tradesec_login_forget(a);
        return ngx_http_tradesec_fault();
    }

    cln->handler = ngx_http_tradesec_login_forget;
    cln->data = a;

    a->waiting = r->uri_changes;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return ngx_http_tradesec_wait();
}


/* Called from within the home: the request goes on with its next event. */

static void
ngx_http_tradesec_login_resume(ngx_http_tradesec_reservation_t *res)
{
    ngx_http_request_t  *r = res->data;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_post_event(r->connection->write, &ngx_posted_events);
}


static void
ngx_http_tradesec_login_forget(void *data)
{
    ngx_http_tradesec_login_attempt_t  *a = data;

    if (a == NULL) {
        return;
    }

    if (a->reservation.rc == NGX_AGAIN) {
        a->llcf->store->forget(a->llcf->store, &a->reservation);
        a->reservation.rc = NGX_DECLINED;
    }

    if (a->timer != NULL && a->timer->timer_set) {
        ngx_del_timer(a->timer);
        ngx_http_tradesec_login_delayed--;
        ngx_http_tradesec_login_withdraw(a);
    }
}


/* Unique among all workers: each counts from a random start of 64 bits. */

static uint64_t
ngx_http_tradesec_login_id(void)
{
    static uint64_t    id;
    static ngx_pid_t   pid;

    if (pid != ngx_pid) {
        pid = ngx_pid;

        if (RAND_bytes((u_char *) &id, sizeof(id)) != 1) {
            id = ((uint64_t) ngx_pid << 32) ^ (uint64_t) ngx_current_msec;
        }
    }

    return ++id;
}


static void
ngx_http_tradesec_login_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome)
{
    ngx_http_tradesec_login_attempt_t  *a;

    /* indexed by ts_outcome_e */

    static const ts_attempts_outcome_e  outcomes[] = {
        TS_ATTEMPTS_FAILED,
        TS_ATTEMPTS_NEUTRAL,
        TS_ATTEMPTS_SUCCEEDED,
        TS_ATTEMPTS_WITHDRAWN
    };

    a = (ngx_http_tradesec_login_attempt_t *) e;

    a->llcf->store->settle(a->llcf->store, &a->reservation, outcomes[outcome],
                           r->connection->log);

    if (outcome == TS_OUTCOME_SUCCESS && a->browser != NULL) {
        ngx_http_tradesec_login_remember(r, a->browser);
    }
}


ngx_int_t
ngx_http_tradesec_login_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;
    static ngx_str_t      name = ngx_string("tradesec_store");

    var = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_tradesec_login_variable_store;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_login_variable_store(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t                          *word;
    ngx_http_tradesec_home_e                  home;
    const ngx_http_tradesec_ctx_t            *ctx;
    const ngx_http_tradesec_login_attempt_t  *a;

    ctx = ngx_http_tradesec_find_ctx(r);
    a = ctx ? ctx->state[NGX_HTTP_TRADESEC_STATE_LOGIN] : NULL;
    home = a ? a->reservation.home : NGX_HTTP_TRADESEC_HOME_NONE;

    word = &ngx_http_tradesec_login_homes[home];

    v->data = word->data;
    v->len = word->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
