/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The credentials of a request, and the rule: the one that was verified is the
 * only one that the backend can read.
 *
 *   several at the places where the location takes tokens   all the same, or
 *                                                           refused
 *   a bearer token elsewhere than there                     the same, or
 *                                                           refused
 *   another Authorization scheme                            hidden
 *   a token cookie of another location of the server        the same, or
 *                                                           hidden
 *   a token argument of another location of the server      hidden
 *   any of them twice, or in a doubtful spelling            refused
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_bearer.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_field.h"


static ts_reason_e ngx_http_tradesec_jwt_cookie_credential(
    ngx_http_request_t *r, const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state);
static ts_reason_e ngx_http_tradesec_jwt_add_credential(
    ngx_http_tradesec_jwt_state_t *state, const ts_slice_t *token);
static ts_reason_e ngx_http_tradesec_jwt_taken_credential(
    ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_jwt_taken_t *taken);
static ts_reason_e ngx_http_tradesec_jwt_query_credential(
    ngx_http_request_t *r, const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state);
static ts_cookie_result_e ngx_http_tradesec_jwt_find_cookie(
    ngx_http_request_t *r, const ngx_str_t *name, ts_cookie_t *cookie);


static ngx_flag_t
ngx_http_tradesec_jwt_same_name(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/*
 * Whether Authorization carries a bearer token; nginx has refused requests
 * with two of these lines.
 */

static ngx_flag_t
ngx_http_tradesec_jwt_bearer(ngx_http_request_t *r, ts_slice_t *token)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    return h != NULL
           && ts_bearer_authorization(ts_slice(h->value.data, h->value.len),
                                      token);
}


ts_reason_e
ngx_http_tradesec_jwt_find_credential(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state)
{
    ts_slice_t   token;
    ts_reason_e  reason;

    ngx_str_null(&state->token);
    state->ambient = 0;

    reason = ngx_http_tradesec_jwt_cookie_credential(r, policy, state);

    if (reason == TS_REASON_NONE) {
        reason = ngx_http_tradesec_jwt_query_credential(r, policy, state);
    }

    if (reason == TS_REASON_NONE
        && state->found != NULL
        && (policy->subprotocol || state->found->subprotocol.ambiguous))
    {
        reason = ngx_http_tradesec_jwt_taken_credential(state,
                                                 &state->found->subprotocol);
    }

    if (reason != TS_REASON_NONE) {
        return reason;
    }

    if ((policy->bearer || state->token.data != NULL)
        && ngx_http_tradesec_jwt_bearer(r, &token))
    {
        reason = ngx_http_tradesec_jwt_add_credential(state, &token);
    }

    if (reason == TS_REASON_NONE && state->token.data == NULL) {
        return TS_REASON_JWT_MISSING;
    }

    return reason;
}


/* All token cookies of the server must be clear; one of them counts here. */

static ts_reason_e
ngx_http_tradesec_jwt_cookie_credential(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state)
{
    ngx_uint_t                              i;
    ts_cookie_t                             cookie;
    const ngx_str_t                        *name;
    const ngx_http_tradesec_jwt_sources_t  *sources;

    sources = ngx_http_tradesec_jwt_get_sources(r);

    for (i = 0; i < sources->cookies.n; i++) {
        name = &sources->cookies.names[i];

        switch (ngx_http_tradesec_jwt_find_cookie(r, name, &cookie)) {

        case TS_COOKIE_NONE:
            break;

        case TS_COOKIE_FOUND:

            if (ngx_http_tradesec_jwt_same_name(name, &policy->cookie)) {
                (void) ngx_http_tradesec_jwt_add_credential(state,
                                                            &cookie.value);
                state->ambient = 1;
            }

            break;

        default:
            return TS_REASON_JWT_AMBIGUOUS;
        }
    }

    return TS_REASON_NONE;
}


/* The same token may come at several places, another one must not. */

static ts_reason_e
ngx_http_tradesec_jwt_add_credential(ngx_http_tradesec_jwt_state_t *state,
    const ts_slice_t *token)
{
    if (state->token.data == NULL) {
        state->token.data = (u_char *) token->data;
        state->token.len = token->len;
        return TS_REASON_NONE;
    }

    return ts_slice_eq(ts_slice(state->token.data, state->token.len), *token)
           ? TS_REASON_NONE : TS_REASON_JWT_AMBIGUOUS;
}


static ts_reason_e
ngx_http_tradesec_jwt_taken_credential(ngx_http_tradesec_jwt_state_t *state,
    const ngx_http_tradesec_jwt_taken_t *taken)
{
    ts_slice_t  token;

    if (taken->ambiguous) {
        return TS_REASON_JWT_AMBIGUOUS;
    }

    if (taken->token.data == NULL) {
        return TS_REASON_NONE;
    }

    token = ts_slice(taken->token.data, taken->token.len);

    return ngx_http_tradesec_jwt_add_credential(state, &token);
}


/*
 * All token arguments of the server must be clear: a doubtful spelling is
 * still among the arguments. One of them counts here.
 */

static ts_reason_e
ngx_http_tradesec_jwt_query_credential(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state)
{
    ngx_uint_t                              i;
    ts_reason_e                             reason;
    const ngx_http_tradesec_jwt_sources_t  *sources;

    if (state->found == NULL) {
        return TS_REASON_NONE;
    }

    sources = ngx_http_tradesec_jwt_get_sources(r);

    for (i = 0; i < sources->queries.n; i++) {

        if (state->found->queries[i].ambiguous) {
            return TS_REASON_JWT_AMBIGUOUS;
        }

        if (ngx_http_tradesec_jwt_same_name(&sources->queries.names[i],
                                            &policy->query))
        {
            reason = ngx_http_tradesec_jwt_taken_credential(state,
                                                  &state->found->queries[i]);
            if (reason != TS_REASON_NONE) {
                return reason;
            }
        }
    }

    return TS_REASON_NONE;
}


static ts_cookie_result_e
ngx_http_tradesec_jwt_find_cookie(ngx_http_request_t *r,
    const ngx_str_t *name, ts_cookie_t *cookie)
{
    ngx_uint_t        i;
    ts_slice_t        guarded;
    ngx_table_elt_t  *h;

    ngx_memzero(cookie, sizeof(ts_cookie_t));

    guarded = ts_slice(name->data, name->len);

    ngx_http_tradesec_each_cookie_line(r, i, h) {
        (void) ts_cookie_scan(cookie, ts_slice(h->value.data, h->value.len),
                              guarded);
    }

    return cookie->result;
}


ngx_int_t
ngx_http_tradesec_jwt_hide_credentials(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state)
{
    ngx_uint_t                              i;
    ts_slice_t                              token, verified;
    ts_cookie_t                             cookie;
    const ngx_str_t                        *name;
    const ngx_http_tradesec_jwt_sources_t  *sources;

    /* nginx itself may still want to read it, as for auth_basic */

    if (r->headers_in.authorization
        && !ngx_http_tradesec_jwt_bearer(r, &token))
    {
        ngx_http_tradesec_withhold_request_field(r->headers_in.authorization);
    }

    sources = ngx_http_tradesec_jwt_get_sources(r);
    verified = ts_slice(state->token.data, state->token.len);

    for (i = 0; i < sources->cookies.n; i++) {
        name = &sources->cookies.names[i];

        if (!ngx_http_tradesec_jwt_same_name(name, &policy->cookie)
            && ngx_http_tradesec_jwt_find_cookie(r, name, &cookie)
               == TS_COOKIE_FOUND
            && !ts_slice_eq(cookie.value, verified)
            && ngx_http_tradesec_jwt_hide_cookie(r, &cookie) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_jwt_hide_cookie(ngx_http_request_t *r,
    const ts_cookie_t *cookie)
{
    u_char           *p, *start, *stop, *end;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    ngx_http_tradesec_each_cookie_line(r, i, h) {

        start = h->value.data;
        end = start + h->value.len;

        if (cookie->pair.data < start || cookie->pair.data >= end) {
            continue;
        }

        p = ngx_pnalloc(r->pool, h->value.len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        /* from behind the last ";" before it to behind the next one */

        stop = (u_char *) cookie->pair.data;

        while (stop > start && stop[-1] != ';') {
            stop--;
        }

        h->value.data = p;
        p = ngx_cpymem(p, start, stop - start);

        stop = (u_char *) cookie->pair.data + cookie->pair.len;

        if (stop < end) {
            stop++;
        }

        p = ngx_cpymem(p, stop, end - stop);
        *p = '\0';

        h->value.len = p - h->value.data;

        if (h->value.len == 0) {
            ngx_http_tradesec_hide_request_field(h);
        }

        return NGX_OK;
    }

    return NGX_OK;
}
