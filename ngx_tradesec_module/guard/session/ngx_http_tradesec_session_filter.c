/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The filter of sessions: when an answer to a user changes the app's cookie,
 * his session is bound to the new one; when it deletes it, his session ends;
 * and when he has been idle for a part of the time, it begins anew.
 *
 * It stands behind the filter of outcomes, which may hold an answer back.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/session/ngx_http_tradesec_session.h"


static ngx_int_t ngx_http_tradesec_session_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_session_keep(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state);
static void ngx_http_tradesec_session_revoke(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state, int64_t end);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_tradesec_session_filter(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t        *ctx;
    const ngx_http_tradesec_jwt_state_t  *state;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_tradesec_find_ctx(r);
    state = ngx_http_tradesec_session_state(ctx);

    /* what the cache sets is of another user's answer; a login has set its */

    if (state == NULL || r->cached
        || ctx->state[NGX_HTTP_TRADESEC_STATE_SESSION] != NULL)
    {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_tradesec_session_keep(r, state) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_tradesec_session_keep(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state)
{
    u_char                              app[TS_SESSION_HASH];
    time_t                              now, idle;
    ngx_flag_t                          changed;
    ts_session_t                        token;
    ngx_http_tradesec_app_cookie_e      answer;
    const ngx_http_tradesec_session_t  *session;

    session = state->provider->session;
    answer = ngx_http_tradesec_session_answer(r, session, app);

    ngx_http_tradesec_session_recall(state, &token);

    if (answer == NGX_HTTP_TRADESEC_APP_COOKIE_DELETED) {
        ngx_http_tradesec_session_revoke(r, state, token.end);
        return ngx_http_tradesec_session_delete(r, session);
    }

    changed = answer == NGX_HTTP_TRADESEC_APP_COOKIE_SET
              && !ts_slice_eq(token.app, ts_slice(app, sizeof(app)));

    now = ngx_time();
    token.pending = state->provider == session->partial;
    idle = token.pending ? 0 : session->idle;

    if (token.end <= now
        || (!changed && (idle == 0 || token.expires == token.end
                         || token.expires - now > idle - idle / 4)))
    {
        return NGX_OK;
    }

    if (changed) {
        token.old = token.app;
        token.old_until = now + session->grace;
        token.app = ts_slice(app, sizeof(app));
    }

    token.expires = token.end;

    if (idle && token.end > now + idle) {
        token.expires = now + idle;
    }

    return ngx_http_tradesec_session_set(r, session, &token);
}


/* Copies of the two cookies, and open sockets, end with the session. */

static void
ngx_http_tradesec_session_revoke(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state, int64_t end)
{
    ts_revocation_t                         revocation;
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);

    if (store == NULL || state->subject.session == 0) {
        return;
    }

    revocation.key = state->subject.session;
    revocation.time = 0;
    revocation.expires = ts_revocation_time(end);

    (void) store->revoke(store, &revocation, NULL, r->connection->log);
}


void
ngx_http_tradesec_session_filter_init(ngx_conf_t *cf)
{
    if (ngx_http_tradesec_session_is_active(cf)) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_tradesec_session_filter;
    }
}
