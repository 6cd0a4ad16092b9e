/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The session guard: where a login succeeds, the user gets a session. It hears
 * how the attempt ends that the login guard has just let pass.
 *
 * Apps answer "you are logged in" to whoever is, whatever name and password he
 * sends; then anybody could have a session of any name. So the backend gets an
 * attempt without the app's cookie, and knows nobody.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "core/ts_base64url.h"
#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/session/ngx_http_tradesec_session.h"
#include "response/ngx_http_tradesec_outcome.h"


#define NGX_HTTP_TRADESEC_SESSION_RANDOM  16


/* A login that is under way. */

typedef struct {
    ngx_http_tradesec_listener_t               listener;
    const ngx_http_tradesec_session_policy_t  *policy;
    const ngx_http_tradesec_expectation_t     *expectation;
    ngx_str_t                                  user;    /* as sent */

    /* what the session is bound to when the answer sets no app cookie */
    u_char                                     app[TS_SESSION_HASH];
    ngx_flag_t                                 has_app;

    /*
     * the session that this factor completes, or that steps up; NULL: it is the
     * first one
     */
    const ngx_http_tradesec_jwt_state_t       *begun;
} ngx_http_tradesec_session_login_t;


static ngx_http_tradesec_verdict_t ngx_http_tradesec_session_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_session_forget(
    ngx_http_request_t *r, ngx_http_tradesec_session_login_t *login);
static void ngx_http_tradesec_session_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_listener_t *listener, ts_outcome_e outcome);
static const char *ngx_http_tradesec_session_begin(ngx_http_request_t *r,
    const ngx_http_tradesec_session_login_t *login);
static void ngx_http_tradesec_session_last(
    const ngx_http_tradesec_session_policy_t *policy, ts_session_t *token);
static ngx_flag_t ngx_http_tradesec_session_answer_user(ngx_http_request_t *r,
    const ngx_http_tradesec_session_login_t *login, ts_slice_t *user);
static ngx_flag_t ngx_http_tradesec_session_answer_field(ngx_http_request_t *r,
    const ngx_str_t *field, ts_slice_t *user);
static ngx_int_t ngx_http_tradesec_session_is_pending(ngx_http_request_t *r,
    const ngx_http_tradesec_session_login_t *login, int *pending);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_session_guard = {
    NGX_HTTP_TRADESEC_GUARD_SESSION,
    ngx_http_tradesec_session_conf_policy,
    ngx_http_tradesec_session_check,
    NULL,
    NULL
};


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_session_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_http_tradesec_session_login_t    *login;
    const ngx_http_tradesec_jwt_state_t  *state;

    login = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_session_login_t));
    if (login == NULL) {
        return ngx_http_tradesec_fault();
    }

    login->listener.handler = ngx_http_tradesec_session_outcome;
    login->policy = ngx_http_tradesec_session_get_policy(r);

    /* a page of the login, and no attempt */

    if (ngx_http_tradesec_listen_outcome(ctx, &login->listener) != NGX_OK) {
        return ngx_http_tradesec_pass();
    }

    login->expectation = ctx->expectation;

    if (login->policy->user_json || login->policy->criteria.nbodies) {
        ngx_http_tradesec_expect_body(r, ctx);
    }

    state = ngx_http_tradesec_session_state(ctx);

    if (state != NULL
        && state->provider == (login->policy->step_up
                               ? login->policy->session->full
                               : login->policy->session->partial))
    {
        login->begun = state;
    }

    if (login->begun == NULL && !login->policy->step_up
        && login->policy->user_field.len == 0
        && !login->policy->user_json
        && ngx_http_tradesec_login_sent(r, ctx, &login->user) == NGX_ERROR)
    {
        return ngx_http_tradesec_fault();
    }

    return ngx_http_tradesec_session_forget(r, login);
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_session_forget(ngx_http_request_t *r,
    ngx_http_tradesec_session_login_t *login)
{
    ts_cookie_t  cookie;

    switch (ngx_http_tradesec_session_request(r, login->policy->session,
                                              &cookie, login->app))
    {

    case TS_COOKIE_NONE:
        return ngx_http_tradesec_pass();

    case TS_COOKIE_FOUND:
        break;

    default:
        return ngx_http_tradesec_deny(TS_REASON_COOKIE_DUPLICATE);
    }

    /* the next factor is asked of who is known by the app's cookie */

    if (login->begun != NULL || login->policy->keep) {
        login->has_app = 1;
        return ngx_http_tradesec_pass();
    }

    return ngx_http_tradesec_jwt_hide_cookie(r, &cookie) == NGX_OK
           ? ngx_http_tradesec_pass() : ngx_http_tradesec_fault();
}


/*
 * Called while the response's header can still be added to, or when there will
 * be none any more; then what is added is lost with the answer.
 */

static void
ngx_http_tradesec_session_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_listener_t *listener, ts_outcome_e outcome)
{
    const char                         *failed;
    ngx_http_tradesec_ctx_t            *ctx;
    ngx_http_tradesec_session_login_t  *login;

    login = (ngx_http_tradesec_session_login_t *) listener;

    if (outcome != TS_OUTCOME_SUCCESS) {
        return;
    }

    failed = ngx_http_tradesec_session_begin(r, login);

    if (failed != NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tradesec: no session \"%V\" after a successful login: "
                      "%s", &login->policy->session->name, failed);
        return;
    }

    /* the filter has nothing to add any more */

    ctx = ngx_http_tradesec_get_ctx(r);

    if (ctx != NULL) {
        ctx->state[NGX_HTTP_TRADESEC_STATE_SESSION] = login;
    }
}


/* NULL, or why there is no session. */

static const char *
ngx_http_tradesec_session_begin(ngx_http_request_t *r,
    const ngx_http_tradesec_session_login_t *login)
{
    u_char                              app[TS_SESSION_HASH];
    u_char                              id[TS_SESSION_ID];
    u_char                              random[
                                            NGX_HTTP_TRADESEC_SESSION_RANDOM];
    ts_session_t                        token;
    const ngx_http_tradesec_session_t  *session;

    session = login->policy->session;

    switch (ngx_http_tradesec_session_answer(r, session, app)) {

    case NGX_HTTP_TRADESEC_APP_COOKIE_SET:
        break;

    case NGX_HTTP_TRADESEC_APP_COOKIE_KEPT:
        if (login->has_app) {
            ngx_memcpy(app, login->app, sizeof(app));
            break;
        }

        /* fall through */

    default:
        return "there is no app cookie to bind it to";
    }

    ngx_memzero(&token, sizeof(ts_session_t));

    token.issued = ngx_time();
    token.user = ts_slice(login->user.data, login->user.len);

    if (login->begun != NULL) {
        ngx_http_tradesec_session_recall(login->begun, &token);
        token.old.len = 0;

        if (!login->policy->step_up || login->policy->factor) {
            token.amr = TS_SLICE("mfa");
        }

    } else if (login->policy->step_up) {
        return "nobody is logged in who could step up";

    } else {

        if (!ngx_http_tradesec_session_answer_user(r, login, &token.user)) {
            return "the answer does not say once who the user is";
        }

        if (RAND_bytes(random, sizeof(random)) != 1) {
            return "no random numbers";
        }

        ts_base64url_encode(ts_slice(random, sizeof(random)), id);
        token.id = ts_slice(id, sizeof(id));
    }

    if (!ts_session_user(token.user)) {
        return "the user's name is missing or cannot be passed on";
    }

    if (ngx_http_tradesec_session_is_pending(r, login, &token.pending)
        != NGX_OK)
    {
        return "the answer does not show whether another factor follows";
    }

    ngx_http_tradesec_session_last(login->policy, &token);
    token.app = ts_slice(app, sizeof(app));

    return ngx_http_tradesec_session_set(r, session, &token) == NGX_OK
           ? NULL : "it could not be written";
}


/* How long: a session that steps up lasts no longer than before. */

static void
ngx_http_tradesec_session_last(
    const ngx_http_tradesec_session_policy_t *policy, ts_session_t *token)
{
    time_t                              now;
    const ngx_http_tradesec_session_t  *session;

    now = ngx_time();
    session = policy->session;

    token->authenticated = now;

    if (!policy->step_up || token->pending) {
        token->end = now + (token->pending ? session->pending
                                           : session->lifetime);
    }

    token->expires = token->end;

    if (!token->pending && session->idle && token->end > now + session->idle) {
        token->expires = now + session->idle;
    }
}


/* As sent, unless the policy says that the answer has it; then, once. */

static ngx_flag_t
ngx_http_tradesec_session_answer_user(ngx_http_request_t *r,
    const ngx_http_tradesec_session_login_t *login, ts_slice_t *user)
{
    const ngx_http_tradesec_session_policy_t  *policy;

    policy = login->policy;

    if (policy->user_json) {
        return ngx_http_tradesec_answer_text(r, login->expectation,
                                             &policy->user_pointer, user)
               == NGX_OK;
    }

    return policy->user_field.len == 0
           || ngx_http_tradesec_session_answer_field(r, &policy->user_field,
                                                     user);
}


/* The one field of that name in what the backend itself has answered. */

static ngx_flag_t
ngx_http_tradesec_session_answer_field(ngx_http_request_t *r,
    const ngx_str_t *field, ts_slice_t *user)
{
    ngx_uint_t        n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *end;

    n = 0;

    for (part = &r->upstream->headers_in.headers.part; part; part = part->next)
    {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {

            if (h->key.len == field->len
                && ngx_strncasecmp(h->key.data, field->data, field->len) == 0)
            {
                *user = ts_slice(h->value.data, h->value.len);
                n++;
            }
        }
    }

    return n == 1;
}


/*
 * A factor that completes a session may itself be followed by another one.
 * NGX_DECLINED: the body that says so cannot be read.
 */

static ngx_int_t
ngx_http_tradesec_session_is_pending(ngx_http_request_t *r,
    const ngx_http_tradesec_session_login_t *login, int *pending)
{
    ts_outcome_t          outcome;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h, *end;
    ngx_http_upstream_t  *u;

    *pending = login->policy->pending != 0;

    if (!login->policy->pending
        || !ts_outcome_has_success(&login->policy->criteria))
    {
        return NGX_OK;
    }

    ngx_memzero(&outcome, sizeof(ts_outcome_t));
    outcome.criteria = &login->policy->criteria;

    u = r->upstream;

    if (u == NULL) {
        /* without an answer there is no success, and nobody asks */
        return NGX_DECLINED;
    }

    for (part = &u->headers_in.headers.part; part; part = part->next) {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {
            ts_outcome_line(&outcome, (ts_outcome_line_t) {
                ts_slice(h->key.data, h->key.len),
                ts_slice(h->value.data, h->value.len)
            });
        }
    }

    if (outcome.criteria->nbodies
        && ngx_http_tradesec_answer_json(r, login->expectation, &outcome)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    *pending = ts_outcome(&outcome,
                          (uint32_t) u->headers_in.status_n)
               == TS_OUTCOME_SUCCESS;

    return NGX_OK;
}
