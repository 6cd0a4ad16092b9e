/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Revokes what the backend's answer ends: on a logout the token or its
 * session, on a change of the password all that the user had been issued.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/revocation/ngx_http_tradesec_revoke.h"
#include "guard/revocation/ngx_http_tradesec_revoke_conf.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"


/* What is known of a request until its answer is. */

typedef struct {
    ngx_http_tradesec_expectation_t           expectation;
    const ngx_http_tradesec_revoke_policy_t  *policy;
    const ngx_http_tradesec_jwt_provider_t   *provider;
    ngx_str_t                                 cookie;
    ngx_str_t                                 user;
    ngx_str_t                                 name;     /* of another one */
    ts_revocation_subject_t                   subject;
    time_t                                    expires;
} ngx_http_tradesec_revoke_request_t;


static ngx_int_t ngx_http_tradesec_revoke_prepare(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_revoke_conf_t *rcf);
static void ngx_http_tradesec_revoke_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);
static void ngx_http_tradesec_revoke_token(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr);
static void ngx_http_tradesec_revoke_session(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr);
static void ngx_http_tradesec_revoke_user(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr);
static void ngx_http_tradesec_revoke_named(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr);
static void ngx_http_tradesec_revoke_exempt(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr, uint32_t now);
static ngx_int_t ngx_http_tradesec_revoke_clear(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_policy_t *policy);


ngx_int_t
ngx_http_tradesec_revoke_expect(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state)
{
    const ngx_http_tradesec_revoke_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_revoke_module);

    return rcf->policy->what == TS_REVOKED_NOTHING ? NGX_OK
           : ngx_http_tradesec_revoke_prepare(r, ctx, policy, state, rcf);
}


static ts_noinline ngx_int_t
ngx_http_tradesec_revoke_prepare(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_revoke_conf_t *rcf)
{
    ngx_http_tradesec_revoke_request_t  *rr;

    /* showing the form changes no password */

    if (rcf->policy->what == TS_REVOKED_USER && ngx_http_tradesec_is_safe(r)) {
        return NGX_OK;
    }

    rr = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_revoke_request_t));
    if (rr == NULL) {
        return NGX_ERROR;
    }

    rr->expectation.criteria = &rcf->policy->criteria;
    rr->expectation.handler = ngx_http_tradesec_revoke_outcome;
    rr->policy = rcf->policy;
    rr->provider = state->provider;
    rr->cookie = policy->cookie;
    rr->user = state->values[0];
    rr->subject = state->subject;
    rr->expires = state->expires;

    if (rcf->policy->name != NULL
        && ngx_http_complex_value(r, rcf->policy->name, &rr->name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tradesec_expect_outcome(r, ctx, &rr->expectation);

    return NGX_OK;
}


static void
ngx_http_tradesec_revoke_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome)
{
    ngx_http_tradesec_revoke_request_t *rr =
        (ngx_http_tradesec_revoke_request_t *) e;

    const char  *what;

    if (outcome != TS_OUTCOME_SUCCESS) {
        return;
    }

    switch (rr->policy->what) {

    case TS_REVOKED_USER:

        if (rr->policy->name != NULL) {
            ngx_http_tradesec_revoke_named(r, rr);
            return;
        }

        ngx_http_tradesec_revoke_user(r, rr);
        what = "user";
        break;

    case TS_REVOKED_SESSION:
        ngx_http_tradesec_revoke_session(r, rr);
        what = "session";
        break;

    default:
        ngx_http_tradesec_revoke_token(r, rr);
        what = "token";
    }

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "tradesec: %s revoked by the answer of the backend", what);

    if (!r->header_sent
        && ngx_http_tradesec_revoke_clear(r, rr->policy) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tradesec: no memory to clear cookies");
    }
}


static void
ngx_http_tradesec_revoke_add(ngx_http_request_t *r, uint64_t key,
    int64_t time, int64_t expires, const ts_revocation_t *wider)
{
    ts_revocation_t                         revocation;
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);

    revocation.key = key;
    revocation.time = ts_revocation_time(time);
    revocation.expires = ts_revocation_time(expires);

    (void) store->revoke(store, &revocation, wider, r->connection->log);
}


/* How long a revocation of all that was issued until now has to last. */

static int64_t
ngx_http_tradesec_revoke_until(const ngx_http_tradesec_revoke_request_t *rr)
{
    return rr->provider->longest ? (int64_t) ngx_time()
                                   + rr->provider->longest : INT64_MAX;
}


static void
ngx_http_tradesec_revoke_token(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr)
{
    ts_revocation_t  wider;

    /* up to this token, which is older than the user's later ones */

    wider.key = rr->subject.user;
    wider.time = ts_revocation_time(rr->subject.issued);
    wider.expires = ts_revocation_time(rr->expires);

    ngx_http_tradesec_revoke_add(r, rr->subject.token, rr->subject.issued,
                                 rr->expires, &wider);
}


static void
ngx_http_tradesec_revoke_session(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr)
{
    ts_revocation_t  wider;

    if (rr->subject.session == 0) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "tradesec: the token names no session, only the token "
                      "itself is revoked");

        ngx_http_tradesec_revoke_token(r, rr);
        return;
    }

    wider.key = rr->subject.user;
    wider.time = ts_revocation_time(ngx_time());
    wider.expires = ts_revocation_time(ngx_http_tradesec_revoke_until(rr));

    ngx_http_tradesec_revoke_add(r, rr->subject.session, 0,
                                 ngx_http_tradesec_revoke_until(rr), &wider);
}


static void
ngx_http_tradesec_revoke_user(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr)
{
    uint32_t  now;

    now = ts_revocation_time(ngx_time());

    ngx_http_tradesec_revoke_exempt(r, rr, now);

    ngx_http_tradesec_revoke_add(r, rr->subject.user, now,
                                 ngx_http_tradesec_revoke_until(rr), NULL);

    ngx_http_tradesec_login_forget_browsers(r, ts_slice(rr->user.data,
                                                        rr->user.len));

    /* the one that came with the request may be of a clock ahead of ours */

    ngx_http_tradesec_revoke_add(r, rr->subject.token, rr->subject.issued,
                                 rr->expires, NULL);
}


/* Somebody else, whom the backend has locked, say. */

static void
ngx_http_tradesec_revoke_named(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr)
{
    ngx_uint_t  all, done, level;

    if (rr->name.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tradesec: nobody is revoked by the answer of the "
                      "backend: \"name=\" is empty");
        return;
    }

    done = ngx_http_tradesec_revocations_user(r, ts_slice(rr->name.data,
                                                          rr->name.len),
                                              &all);

    level = done == all ? NGX_LOG_NOTICE : NGX_LOG_ERR;

    ngx_log_error(level, r->connection->log, 0,
                  "tradesec: another user revoked by the answer of the "
                  "backend, for %ui of %ui providers", done, all);
}


/*
 * A token that this very answer hands out in the cookie was issued at this
 * moment, too, but is not one of the old ones.
 */

static void
ngx_http_tradesec_revoke_exempt(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_request_t *rr, uint32_t now)
{
    size_t                len;
    time_t                expires;
    uint64_t              name;
    u_char               *end;
    ngx_uint_t            i;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;

    if (rr->cookie.len == 0 || r->upstream == NULL) {
        return;
    }

    len = rr->cookie.len;

    for (part = &r->upstream->headers_in.headers.part; part; part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != sizeof("Set-Cookie") - 1
                || ngx_strncasecmp(h[i].key.data, (u_char *) "Set-Cookie",
                                   sizeof("Set-Cookie") - 1)
                   != 0
                || h[i].value.len <= len
                || ngx_strncmp(h[i].value.data, rr->cookie.data, len) != 0
                || h[i].value.data[len] != '=')
            {
                continue;
            }

            end = ngx_strlchr(h[i].value.data,
                              h[i].value.data + h[i].value.len, ';');
            if (end == NULL) {
                end = h[i].value.data + h[i].value.len;
            }

            if (ngx_http_tradesec_jwt_look(r, rr->provider,
                                     ts_slice(h[i].value.data + len + 1,
                                              end - h[i].value.data - len - 1),
                                     &rr->user, &name, &expires)
                && name != rr->subject.token)
            {
                ngx_http_tradesec_revoke_add(r, ts_revocation_exempt(name),
                                             now, expires, NULL);
            }
        }
    }
}


static ngx_int_t
ngx_http_tradesec_revoke_clear(ngx_http_request_t *r,
    const ngx_http_tradesec_revoke_policy_t *policy)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_flag_t        secure;
    const ngx_str_t  *name;
    ngx_table_elt_t  *h;

    static const ngx_str_t  site_data =
        ngx_string("\"cache\", \"cookies\", \"storage\"");

#define NGX_HTTP_TRADESEC_REVOKE_ATTRIBUTES                                  \
    "=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly"

    for (i = 0; i < policy->n_clear; i++) {
        name = &policy->clear[i];

        /* browsers take these names with it only, even to delete them */

        secure = ngx_http_tradesec_is_https(r)
                 || ngx_strncmp(name->data, "__Host-", 7) == 0
                 || ngx_strncmp(name->data, "__Secure-", 9) == 0;

        p = ngx_pnalloc(r->pool, name->len
                        + sizeof(NGX_HTTP_TRADESEC_REVOKE_ATTRIBUTES
                                 "; Secure"));
        h = ngx_list_push(&r->headers_out.headers);

        if (p == NULL || h == NULL) {
            return NGX_ERROR;
        }

        h->hash = 1;
        ngx_str_set(&h->key, "Set-Cookie");
        ngx_http_tradesec_header_unlink(h);

        h->value.data = p;
        p = ngx_sprintf(p, "%V" NGX_HTTP_TRADESEC_REVOKE_ATTRIBUTES "%s",
                        name, secure ? "; Secure" : "");
        h->value.len = p - h->value.data;
    }

    if (policy->clear_site_data
        && ngx_http_tradesec_set_response_field(r, "Clear-Site-Data",
                                                &site_data)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
