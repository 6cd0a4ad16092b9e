/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The login guard: counts attempts to log in by account, by address and by
 * the pair of both, before they reach the backend.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/ts_basic.h"
#include "guard/ngx_http_tradesec_login.h"
#include "guard/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_body.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"


#define NGX_HTTP_TRADESEC_LOGIN_BASIC  768      /* decoded credentials */


/* What is known of an attempt until its outcome is. */

typedef struct {
    ngx_http_tradesec_expectation_t      expectation;
    ngx_http_tradesec_attempts_store_t  *store;
    const ngx_str_t                     *counter;
    ngx_http_tradesec_login_browser_t    browser;
    ts_attempt_t                         attempt;
} ngx_http_tradesec_login_attempt_t;


static const void *ngx_http_tradesec_login_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_login_is_attempt(ngx_http_request_t *r);
static ts_reason_e ngx_http_tradesec_login_basic(ngx_http_request_t *r,
    u_char *out, ts_slice_t *account);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_body(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_login_conf_t *llcf, u_char *out,
    ts_slice_t *account);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_read(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_login_conf_t *llcf, ts_login_request_t *request);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_reserve(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_login_conf_t *llcf, ts_slice_t account);
static uint64_t ngx_http_tradesec_login_id(void);
static void ngx_http_tradesec_login_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_login_guard = {
    NGX_HTTP_TRADESEC_GUARD_LOGIN,
    ngx_http_tradesec_login_get_policy,
    ngx_http_tradesec_login_check,
    NULL,
    NULL
};


/* Indexed by ts_login_result_e. */

static const ts_reason_e  ngx_http_tradesec_login_reasons[] = {
    TS_REASON_NONE,
    TS_REASON_LOGIN_BODY_TYPE,
    TS_REASON_LOGIN_MALFORMED,
    TS_REASON_LOGIN_ACCOUNT_MISSING,
    TS_REASON_LOGIN_ACCOUNT_AMBIGUOUS,
    TS_REASON_LOGIN_ACCOUNT_INVALID
};


/* Indexed by ngx_http_tradesec_login_counter_e. */

static const ts_reason_e  ngx_http_tradesec_login_limit_reasons[] = {
    TS_REASON_LOGIN_PAIR_LIMIT,
    TS_REASON_LOGIN_ACCOUNT_LIMIT,
    TS_REASON_LOGIN_ADDRESS_LIMIT,
    TS_REASON_LOGIN_ADDRESS_LIMIT,
    TS_REASON_LOGIN_ADDRESS_LIMIT
};


static const void *
ngx_http_tradesec_login_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_login_conf_t  *llcf;

    llcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_tradesec_login_module);

    return llcf->policy->off ? NULL : llcf->policy;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    u_char                                 out[TS_FOLD_OUT];
    ts_slice_t                             account;
    ts_reason_e                            reason;
    ngx_http_tradesec_verdict_t            verdict;
    const ngx_http_tradesec_login_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_login_module);

    if (llcf->allow != NULL
        && ngx_http_tradesec_login_is_allowed(r, llcf->allow))
    {
        return ngx_http_tradesec_pass();
    }

    account = ts_slice(NULL, 0);

    if (llcf->policy->basic && r->headers_in.authorization != NULL) {
        reason = ngx_http_tradesec_login_basic(r, out, &account);

        if (reason != TS_REASON_NONE) {
            return ngx_http_tradesec_deny(reason);
        }
    }

    if (account.data != NULL) {

        if (ngx_http_tradesec_is_early_data(r)) {
            return ngx_http_tradesec_deny(TS_REASON_TOO_EARLY);
        }

        /* of two credentials the backend may take either */

        if (llcf->policy->body
            && ngx_http_tradesec_login_is_attempt(r))
        {
            return ngx_http_tradesec_deny(TS_REASON_LOGIN_ACCOUNT_AMBIGUOUS);
        }

        return ngx_http_tradesec_login_reserve(r, ctx, llcf, account);
    }

    if (!ngx_http_tradesec_login_is_attempt(r)) {
        return ngx_http_tradesec_pass();
    }

    if (llcf->policy->none) {

        /* no real account has an empty name */

        return ngx_http_tradesec_login_reserve(r, ctx, llcf,
                                         ts_slice((const uint8_t *) "", 0));
    }

    if (!llcf->policy->body) {
        return ngx_http_tradesec_pass();
    }

    verdict = ngx_http_tradesec_login_body(r, ctx, llcf, out, &account);

    if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
        return verdict;
    }

    return ngx_http_tradesec_login_reserve(r, ctx, llcf, account);
}


/*
 * These three cannot log in, unless the location says that even they are not
 * safe (tradesec_safe_methods); that directive cannot exempt any other.
 */

static ngx_flag_t
ngx_http_tradesec_login_is_attempt(ngx_http_request_t *r)
{
    return !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
           || !ngx_http_tradesec_is_safe(r);
}


/* The account stays NULL when the credentials are of another scheme. */

static ts_reason_e
ngx_http_tradesec_login_basic(ngx_http_request_t *r, u_char *out,
    ts_slice_t *account)
{
    ngx_str_t         *value;
    u_char             buf[NGX_HTTP_TRADESEC_LOGIN_BASIC];
    ts_slice_t         user;
    ts_reason_e        reason;
    ts_basic_result_e  rc;

    /* nginx refuses a second Authorization field */

    value = &r->headers_in.authorization->value;

    rc = ts_basic_user(ts_slice(value->data, value->len), buf, sizeof(buf),
                       &user);

    if (rc == TS_BASIC_OTHER) {
        return TS_REASON_NONE;
    }

    reason = rc != TS_BASIC_OK ? TS_REASON_LOGIN_MALFORMED
             : ts_account_normalise(user, out, account) != TS_ACCOUNT_OK
             ? TS_REASON_LOGIN_ACCOUNT_INVALID : TS_REASON_NONE;

    /* the password is in it */

    OPENSSL_cleanse(buf, sizeof(buf));

    return reason;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_login_conf_t *llcf,
    u_char *out, ts_slice_t *account)
{
    ts_json_token_t              tokens[TS_LOGIN_JSON_TOKENS];
    ts_login_result_e            result;
    ts_login_request_t           request;
    ngx_http_tradesec_verdict_t  verdict;

    request.tokens = tokens;
    verdict = ngx_http_tradesec_login_read(r, ctx, llcf, &request);

    if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
        return verdict;
    }

    result = ts_login_account(&llcf->policy->sources, &request, out, account);

    if (result != TS_LOGIN_OK) {
        return ngx_http_tradesec_deny(ngx_http_tradesec_login_reasons[result]);
    }

    return ngx_http_tradesec_pass();
}


/* Fills in the request, all but its tokens. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_read(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_login_conf_t *llcf,
    ts_login_request_t *request)
{
    ngx_int_t                         rc;
    ngx_str_t                         body;
    ngx_http_tradesec_body_fields_t   fields;

    ngx_http_tradesec_body_fields(r, &fields);

    if (fields.encoded) {
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_BODY_ENCODED);
    }

    if (fields.content_types != 1) {
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_BODY_TYPE);
    }

    rc = ngx_http_tradesec_read_body(r, ctx, llcf->body_size, &body);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        return ngx_http_tradesec_wait();

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_BODY_TOO_LARGE);

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_MALFORMED);

    default:
        return ngx_http_tradesec_fault();
    }

    request->content_type = ts_slice(fields.content_type.data,
                                     fields.content_type.len);
    request->query = ts_slice(r->args.data, r->args.len);
    request->body = ts_slice(body.data, body.len);

    return ngx_http_tradesec_pass();
}


ngx_int_t
ngx_http_tradesec_login_sent(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_str_t *account)
{
    u_char                                 buf[NGX_HTTP_TRADESEC_LOGIN_BASIC];
    ngx_str_t                             *value;
    ts_slice_t                             sent;
    ts_json_token_t                        tokens[TS_LOGIN_JSON_TOKENS];
    ts_login_request_t                     request;
    const ngx_http_tradesec_login_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_login_module);

    sent = ts_slice(NULL, 0);

    if (llcf->policy->basic && r->headers_in.authorization != NULL) {
        value = &r->headers_in.authorization->value;

        if (ts_basic_user(ts_slice(value->data, value->len), buf, sizeof(buf),
                          &sent)
            != TS_BASIC_OK)
        {
            sent = ts_slice(NULL, 0);
        }
    }

    request.tokens = tokens;

    if (sent.data == NULL
        && (!llcf->policy->body
            || !ngx_http_tradesec_login_is_attempt(r)
            || ngx_http_tradesec_login_read(r, ctx, llcf, &request).kind
               != NGX_HTTP_TRADESEC_PASS
            || ts_login_value(&llcf->policy->sources, &request, buf, &sent)
               != TS_LOGIN_OK))
    {
        return NGX_DECLINED;
    }

    account->len = sent.len;
    account->data = ngx_pnalloc(r->pool, sent.len);

    if (account->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(account->data, sent.data, sent.len);

    /* a password may be in it */

    OPENSSL_cleanse(buf, sizeof(buf));

    return NGX_OK;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_login_reserve(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_login_conf_t *llcf,
    ts_slice_t account)
{
    ts_attempts_verdict_t               v;
    ngx_http_tradesec_login_attempt_t  *a;

    a = ngx_palloc(r->pool, sizeof(ngx_http_tradesec_login_attempt_t));
    if (a == NULL) {
        return ngx_http_tradesec_fault();
    }

    if (llcf->policy->email) {

        /* in the buffer that it was normalised to */

        account.len = ts_account_email((uint8_t *) (uintptr_t) account.data,
                                       account.len, llcf->policy->email);
    }

    a->expectation.criteria = &llcf->policy->criteria;
    a->expectation.patterns = llcf->policy->patterns;
    a->expectation.handler = ngx_http_tradesec_login_outcome;
    a->store = llcf->store;
    a->counter = &llcf->policy->counter;
    a->attempt.id = ngx_http_tradesec_login_id();

    if (ngx_http_tradesec_login_browser(r, llcf, account, &a->browser)
        != NGX_OK)
    {
        return ngx_http_tradesec_fault();
    }

    ngx_http_tradesec_login_keys(r, llcf, account,
                                 a->browser.known ? &a->browser.device : NULL,
                                 &a->attempt);

    /* one attempt, although two locations on its way count it */

    if (ctx->expectation != NULL) {
        ngx_http_tradesec_withdraw_expectation(r, ctx);
    }

    if (llcf->store->reserve(llcf->store, &a->attempt, &v) != NGX_OK) {
        return ngx_http_tradesec_fault();
    }

    /* there is no telling when an operator clears a lock without end */

    ctx->retry_after = v.retry_after <= NGX_HTTP_TRADESEC_LOGIN_LOCK_MAX
                       ? v.retry_after : 0;

    switch (v.verdict) {

    case TS_ATTEMPTS_ADMITTED:
        return ngx_http_tradesec_expect_outcome(r, ctx, &a->expectation)
               == NGX_OK
               ? ngx_http_tradesec_pass() : ngx_http_tradesec_fault();

    case TS_ATTEMPTS_BUSY:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_BUSY);

    case TS_ATTEMPTS_LIMITED:
        return ngx_http_tradesec_deny(
                            ngx_http_tradesec_login_limit_reasons[v.counter]);

    case TS_ATTEMPTS_OTHERS:
        return ngx_http_tradesec_deny(
                   v.counter == NGX_HTTP_TRADESEC_LOGIN_ACCOUNT
                   ? TS_REASON_LOGIN_ACCOUNT_ADDRESSES
                   : TS_REASON_LOGIN_ADDRESS_ACCOUNTS);

    case TS_ATTEMPTS_LOCKED:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_LOCKED);

    case TS_ATTEMPTS_FULL:
    default:
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_ZONE_FULL);
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
    time_t                              seconds;
    uint32_t                            account;
    ngx_uint_t                          n;
    ngx_http_tradesec_login_attempt_t  *a;

    /* indexed by ts_outcome_e */

    static const ts_attempts_outcome_e  outcomes[] = {
        TS_ATTEMPTS_FAILED,
        TS_ATTEMPTS_NEUTRAL,
        TS_ATTEMPTS_SUCCEEDED,
        TS_ATTEMPTS_WITHDRAWN
    };

    a = (ngx_http_tradesec_login_attempt_t *) e;

    n = a->store->settle(a->store, &a->attempt, outcomes[outcome], &seconds);

    if (outcome == TS_OUTCOME_SUCCESS) {
        ngx_http_tradesec_login_remember(r, &a->browser);
    }

    if (n != 0) {
        account = a->attempt.counters[NGX_HTTP_TRADESEC_LOGIN_PAIR].other;

        if (seconds > NGX_HTTP_TRADESEC_LOGIN_LOCK_MAX) {
            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "tradesec: login locked for good, "
                          "counter: \"%V\", account: %08xD",
                          a->counter, account);
            return;
        }

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "tradesec: login locked for %T seconds, "
                      "counter: \"%V\", account: %08xD",
                      seconds, a->counter, account);
    }
}
