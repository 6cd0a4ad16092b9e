/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The app's cookie and the session's, in request and response.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_param.h"
#include "core/ts_set_cookie.h"
#include "guard/session/ngx_http_tradesec_session.h"
#include "request/ngx_http_tradesec_compat.h"


/* "; Path=/; Max-Age=N; Secure; HttpOnly; SameSite=Strict" */

#define NGX_HTTP_TRADESEC_SESSION_ATTRIBUTES  128


static ngx_flag_t ngx_http_tradesec_session_is_app_line(
    const ngx_table_elt_t *h, const ngx_http_tradesec_session_t *session);
static ngx_int_t ngx_http_tradesec_session_add_line(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, const ngx_str_t *value);


ts_cookie_result_e
ngx_http_tradesec_session_request(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, ts_cookie_t *cookie,
    u_char hash[TS_SESSION_HASH])
{
    ngx_uint_t        i;
    ts_slice_t        name;
    ngx_table_elt_t  *h;

    name = ts_slice(session->app_cookie.data, session->app_cookie.len);

    ngx_memzero(cookie, sizeof(ts_cookie_t));

    ngx_http_tradesec_each_cookie_line(r, i, h) {
        (void) ts_cookie_scan(cookie, ts_slice(h->value.data, h->value.len),
                              name);
    }

    if (cookie->result != TS_COOKIE_FOUND) {
        return cookie->result;
    }

    if (ts_cookie_value_hides(cookie->value, name)) {
        return TS_COOKIE_AMBIGUOUS;
    }

    ts_session_hash(session->key, ts_param_trim(cookie->value), hash);

    return TS_COOKIE_FOUND;
}


/* The last line about it counts, as it does for browsers. */

ngx_http_tradesec_app_cookie_e
ngx_http_tradesec_session_answer(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, u_char hash[TS_SESSION_HASH])
{
    ts_slice_t                       line, value;
    ngx_list_part_t                 *part;
    ngx_table_elt_t                 *h, *end;
    ngx_http_tradesec_app_cookie_e   rc;

    rc = NGX_HTTP_TRADESEC_APP_COOKIE_KEPT;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {

            if (!ngx_http_tradesec_session_is_app_line(h, session)) {
                continue;
            }

            line = ts_slice(h->value.data, h->value.len);

            if (!ts_set_cookie_value(line, ngx_time(), &value)) {
                rc = NGX_HTTP_TRADESEC_APP_COOKIE_DELETED;
                continue;
            }

            ts_session_hash(session->key, value, hash);
            rc = NGX_HTTP_TRADESEC_APP_COOKIE_SET;
        }
    }

    return rc;
}


static ngx_flag_t
ngx_http_tradesec_session_is_app_line(const ngx_table_elt_t *h,
    const ngx_http_tradesec_session_t *session)
{
    ts_slice_t  name;

    if (h->hash == 0
        || h->key.len != sizeof("Set-Cookie") - 1
        || ngx_strncasecmp(h->key.data, (u_char *) "Set-Cookie", h->key.len)
           != 0)
    {
        return 0;
    }

    name = ts_set_cookie_name(ts_slice(h->value.data, h->value.len));

    return ts_slice_eq(name, ts_slice(session->app_cookie.data,
                                      session->app_cookie.len));
}


ngx_int_t
ngx_http_tradesec_session_set(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, ts_session_t *token)
{
    u_char        text[TS_SESSION_TOKEN];
    size_t        len;
    ngx_str_t     value;
    EVP_MAC_CTX  *hmac;

    token->issuer = ts_slice(session->name.data, session->name.len);

    hmac = session->full->jwks->keys[0].verifier[TS_JWS_ALG_HS256].hmac;

    len = ts_session_write(token, hmac, text);
    if (len == 0) {
        return NGX_ERROR;
    }

    value.data = ngx_pnalloc(r->pool, session->cookie.len + 1 + len
                                     + NGX_HTTP_TRADESEC_SESSION_ATTRIBUTES);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data,
                            "%V=%*s; Path=/; Max-Age=%T; Secure; HttpOnly; "
                            "SameSite=%V",
                            &session->cookie, len, text,
                            (time_t) token->expires - ngx_time(),
                            &session->same_site)
                - value.data;

    return ngx_http_tradesec_session_add_line(r, session, &value);
}


ngx_int_t
ngx_http_tradesec_session_delete(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, session->cookie.len
                                     + NGX_HTTP_TRADESEC_SESSION_ATTRIBUTES);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data,
                            "%V=; Path=/; Max-Age=0; Secure; HttpOnly; "
                            "SameSite=%V",
                            &session->cookie, &session->same_site)
                - value.data;

    return ngx_http_tradesec_session_add_line(r, session, &value);
}


/*
 * Who has read only the first of the two lines still has the app's cookie
 * before this one, which the new token knows; the other way round it would be
 * a stranger's.
 */

static ngx_int_t
ngx_http_tradesec_session_add_line(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, const ngx_str_t *value)
{
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *end, *line, other;

    line = ngx_list_push(&r->headers_out.headers);
    if (line == NULL) {
        return NGX_ERROR;
    }

    line->hash = 1;
    ngx_str_set(&line->key, "Set-Cookie");
    line->value = *value;
    line->lowcase_key = NULL;
    ngx_http_tradesec_header_unlink(line);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {

            if (ngx_http_tradesec_session_is_app_line(h, session)) {
                other = *h;
                *h = *line;
                *line = other;

                return NGX_OK;
            }
        }
    }

    return NGX_OK;
}


void
ngx_http_tradesec_session_recall(const ngx_http_tradesec_jwt_state_t *state,
    ts_session_t *token)
{
    ngx_uint_t  i;
    ts_slice_t  values[NGX_HTTP_TRADESEC_SESSION_VALUES];

    for (i = 0; i < NGX_HTTP_TRADESEC_SESSION_VALUES; i++) {
        values[i] = ts_slice(state->values[i].data, state->values[i].len);
    }

    ngx_memzero(token, sizeof(ts_session_t));

    token->user = values[NGX_HTTP_TRADESEC_SESSION_USER];
    token->id = values[NGX_HTTP_TRADESEC_SESSION_ID];
    token->amr = values[NGX_HTTP_TRADESEC_SESSION_AMR];
    token->app = values[NGX_HTTP_TRADESEC_SESSION_APP];
    token->old = values[NGX_HTTP_TRADESEC_SESSION_OLD];
    token->old_until = ts_session_seconds(
                                 values[NGX_HTTP_TRADESEC_SESSION_OLD_UNTIL]);
    token->end = ts_session_seconds(values[NGX_HTTP_TRADESEC_SESSION_END]);
    token->issued = ts_session_seconds(
                                    values[NGX_HTTP_TRADESEC_SESSION_ISSUED]);
    token->authenticated = ts_session_seconds(
                             values[NGX_HTTP_TRADESEC_SESSION_AUTHENTICATED]);
    token->expires = state->expires;
}


const ngx_http_tradesec_jwt_state_t *
ngx_http_tradesec_session_state(const ngx_http_tradesec_ctx_t *ctx)
{
    const ngx_http_tradesec_jwt_state_t  *state;

    if (ctx == NULL || ctx->identity.expires == 0) {
        return NULL;
    }

    state = ctx->state[NGX_HTTP_TRADESEC_STATE_JWT];

    return state != NULL && state->provider != NULL
           && state->provider->session != NULL
           ? state : NULL;
}
