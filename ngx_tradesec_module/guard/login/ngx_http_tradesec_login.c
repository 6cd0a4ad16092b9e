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

#include "core/ts_basic.h"
#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"


#define NGX_HTTP_TRADESEC_LOGIN_BASIC  768      /* decoded credentials */


static const void *ngx_http_tradesec_login_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_login_subrequest(ngx_http_request_t *r,
    const void *policy, const void *passed);
static ngx_flag_t ngx_http_tradesec_login_is_attempt(ngx_http_request_t *r);
static ts_slice_t ngx_http_tradesec_login_user(
    const ngx_http_tradesec_login_policy_t *policy,
    const ngx_http_tradesec_ctx_t *ctx, u_char *out);
static ts_reason_e ngx_http_tradesec_login_basic(ngx_http_request_t *r,
    u_char *out, ts_slice_t *account);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_login_body(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_login_conf_t *llcf, u_char *out,
    ts_slice_t *account);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_login_guard = {
    NGX_HTTP_TRADESEC_GUARD_LOGIN,
    ngx_http_tradesec_login_get_policy,
    ngx_http_tradesec_login_check,
    NULL,
    ngx_http_tradesec_login_subrequest
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


static const ngx_http_tradesec_body_reasons_t
    ngx_http_tradesec_login_body_reasons =
{
    TS_REASON_LOGIN_BODY_ENCODED,
    TS_REASON_LOGIN_BODY_TYPE,
    TS_REASON_LOGIN_BODY_TOO_LARGE,
    TS_REASON_LOGIN_MALFORMED
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

    if (ctx->state[NGX_HTTP_TRADESEC_STATE_LOGIN] != NULL
        && ngx_http_tradesec_login_resumed(r, ctx, &verdict))
    {
        return verdict;
    }

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

    if (llcf->policy->none || llcf->policy->user) {
        return ngx_http_tradesec_login_reserve(r, ctx, llcf,
                    ngx_http_tradesec_login_user(llcf->policy, ctx, out));
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


/* One that tries nothing may enter, such as of a page with the form. */

static ngx_flag_t
ngx_http_tradesec_login_subrequest(ngx_http_request_t *r, const void *policy,
    const void *passed)
{
    const ngx_str_t                         *value;
    const ngx_http_tradesec_login_policy_t  *p = policy;

    if (passed == policy) {
        return 1;
    }

    if (p->basic && r->headers_in.authorization != NULL) {
        value = &r->headers_in.authorization->value;

        if (value->len >= 5
            && ngx_strncasecmp(value->data, (u_char *) "basic", 5) == 0)
        {
            return 0;
        }
    }

    return !ngx_http_tradesec_login_is_attempt(r);
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


/*
 * Nobody's where none is asked for; no real account has an empty name. So it
 * is without a token, which is let pass in a dry run. A name that cannot be
 * normalised is one that nobody can spell in two ways: a token has it.
 */

static ts_slice_t
ngx_http_tradesec_login_user(const ngx_http_tradesec_login_policy_t *policy,
    const ngx_http_tradesec_ctx_t *ctx, u_char *out)
{
    size_t            len;
    ts_slice_t        account;
    const ngx_str_t  *user = &ctx->identity.user;

    if (policy->none || user->len == 0) {
        return ts_slice((const uint8_t *) "", 0);
    }

    if (ts_account_normalise(ts_slice(user->data, user->len), out, &account)
        == TS_ACCOUNT_OK)
    {
        return account;
    }

    len = ngx_min(user->len, TS_FOLD_OUT);
    ngx_memcpy(out, user->data, len);

    return ts_slice(out, len);
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
    verdict = ngx_http_tradesec_body_source_read(r, ctx, llcf->body_size,
                                        &ngx_http_tradesec_login_body_reasons,
                                        &request);

    if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
        return verdict;
    }

    result = ts_login_account(&llcf->policy->account.sources, &request, out,
                              account);

    if (result != TS_LOGIN_OK) {
        return ngx_http_tradesec_deny(ngx_http_tradesec_login_reasons[result]);
    }

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

    if (llcf->policy->user) {
        *account = ctx->identity.user;
        return account->len ? NGX_OK : NGX_DECLINED;
    }

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
            || ngx_http_tradesec_body_source_read(r, ctx, llcf->body_size,
                                        &ngx_http_tradesec_login_body_reasons,
                                        &request).kind
               != NGX_HTTP_TRADESEC_PASS
            || ts_login_value(&llcf->policy->account.sources, &request, buf,
                              TS_FOLD_IN, &sent)
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
