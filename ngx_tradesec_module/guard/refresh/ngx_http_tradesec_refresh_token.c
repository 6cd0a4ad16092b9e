/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where refresh tokens are: in requests and in what the backend answers.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "core/ts_set_cookie.h"
#include "guard/refresh/ngx_http_tradesec_refresh.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_request.h"


#define NGX_HTTP_TRADESEC_REFRESH_BODY  65536


static ts_reason_e ngx_http_tradesec_refresh_cookie(ngx_http_request_t *r,
    const ngx_str_t *cookie, u_char *buf, ts_slice_t *name);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_body(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy, u_char *buf,
    ts_slice_t *name);
static ngx_flag_t ngx_http_tradesec_refresh_has_no_member(
    const ts_login_request_t *request);
static ngx_flag_t ngx_http_tradesec_refresh_set(ngx_http_request_t *r,
    const ngx_str_t *cookie, ts_slice_t *value);


static const ngx_http_tradesec_body_reasons_t
    ngx_http_tradesec_refresh_body_reasons =
{
    TS_REASON_REFRESH_BODY_ENCODED,
    TS_REASON_REFRESH_BODY_TYPE,
    TS_REASON_REFRESH_BODY_TOO_LARGE,
    TS_REASON_REFRESH_MALFORMED
};


/* Two that are the same are one, of which the backend may take either. */

ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_token(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy,
    u_char buf[TS_REFRESH_TOKEN], ts_slice_t *name)
{
    u_char                       other[TS_REFRESH_TOKEN];
    ts_slice_t                   in_body;
    ts_reason_e                  reason;
    ngx_http_tradesec_verdict_t  verdict;

    *name = ts_slice(buf, 0);

    if (policy->cookie.len) {
        reason = ngx_http_tradesec_refresh_cookie(r, &policy->cookie, buf,
                                                  name);

        if (reason != TS_REASON_NONE) {
            return ngx_http_tradesec_deny(reason);
        }
    }

    if (!policy->body) {
        return ngx_http_tradesec_pass();
    }

    in_body = ts_slice(other, 0);

    verdict = ngx_http_tradesec_refresh_body(r, ctx, policy, other, &in_body);

    if (verdict.kind != NGX_HTTP_TRADESEC_PASS || in_body.len == 0) {
        return verdict;
    }

    if (name->len && !ts_slice_eq(*name, in_body)) {
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_AMBIGUOUS);
    }

    ngx_memcpy(buf, in_body.data, in_body.len);
    *name = ts_slice(buf, in_body.len);

    return ngx_http_tradesec_pass();
}


static ts_reason_e
ngx_http_tradesec_refresh_cookie(ngx_http_request_t *r,
    const ngx_str_t *cookie, u_char *buf, ts_slice_t *name)
{
    ngx_uint_t        i;
    ts_slice_t        text;
    ts_cookie_t       found;
    ngx_table_elt_t  *h;

    text = ts_slice(cookie->data, cookie->len);

    ngx_memzero(&found, sizeof(ts_cookie_t));

    ngx_http_tradesec_each_cookie_line(r, i, h) {
        (void) ts_cookie_scan(&found, ts_slice(h->value.data, h->value.len),
                              text);
    }

    if (found.result == TS_COOKIE_NONE) {
        return TS_REASON_NONE;
    }

    if (found.result != TS_COOKIE_FOUND
        || ts_cookie_value_hides(found.value, text))
    {
        return TS_REASON_COOKIE_DUPLICATE;
    }

    return ts_refresh_name(found.value, 1, buf, name) == TS_REFRESH_INVALID
           ? TS_REASON_REFRESH_INVALID : TS_REASON_NONE;
}


/*
 * One location may serve other grants, which have no refresh token; then
 * nothing may pass for one.
 */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy, u_char *buf,
    ts_slice_t *name)
{
    u_char                       text[TS_REFRESH_TOKEN];
    ts_slice_t                   token;
    ts_json_token_t              tokens[TS_LOGIN_JSON_TOKENS];
    ts_login_result_e            result;
    ts_login_request_t           request;
    ngx_http_tradesec_verdict_t  verdict;

    result = TS_LOGIN_MISSING;

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        request.tokens = tokens;
        verdict = ngx_http_tradesec_body_source_read(r, ctx,
                                      NGX_HTTP_TRADESEC_REFRESH_BODY,
                                      &ngx_http_tradesec_refresh_body_reasons,
                                      &request);

        if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {
            return verdict;
        }

        result = ts_login_value(&policy->source.sources, &request, text,
                                sizeof(text), &token);

        if (result == TS_LOGIN_MISSING
            && ngx_http_tradesec_refresh_has_no_member(&request))
        {
            result = TS_LOGIN_MALFORMED;
        }
    }

    switch (result) {

    case TS_LOGIN_OK:
        return ts_refresh_name(token, 0, buf, name) == TS_REFRESH_INVALID
               ? ngx_http_tradesec_deny(TS_REASON_REFRESH_INVALID)
               : ngx_http_tradesec_pass();

    case TS_LOGIN_MISSING:
        return ts_login_in_query(&policy->source.sources,
                                 ts_slice(r->args.data, r->args.len))
               ? ngx_http_tradesec_deny(TS_REASON_REFRESH_AMBIGUOUS)
               : ngx_http_tradesec_pass();

    case TS_LOGIN_TYPE:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_BODY_TYPE);

    case TS_LOGIN_AMBIGUOUS:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_AMBIGUOUS);

    case TS_LOGIN_ACCOUNT:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_INVALID);

    default:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_MALFORMED);
    }
}


/* JSON that is no object: some readers look into an array of one. */

static ngx_flag_t
ngx_http_tradesec_refresh_has_no_member(const ts_login_request_t *request)
{
    size_t  i;

    for (i = 0; i < request->body.len; i++) {
        switch (request->body.data[i]) {

        case ' ':
        case '\t':
        case '\r':
        case '\n':
            continue;

        case '[':
        case '"':
            return 1;

        default:
            return 0;
        }
    }

    return 0;
}


ngx_flag_t
ngx_http_tradesec_refresh_answer(ngx_http_request_t *r,
    const ngx_http_tradesec_expectation_t *e,
    const ngx_http_tradesec_refresh_place_t *place, ts_slice_t *value)
{
    return place->json
           ? ngx_http_tradesec_answer_text(r, e, &place->pointer, value)
             == NGX_OK
           : ngx_http_tradesec_refresh_set(r, &place->cookie, value);
}


static ngx_flag_t
ngx_http_tradesec_refresh_set(ngx_http_request_t *r, const ngx_str_t *cookie,
    ts_slice_t *value)
{
    ts_slice_t        line, name;
    ngx_flag_t        found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *end;

    found = 0;
    name = ts_slice(cookie->data, cookie->len);

    for (part = &r->upstream->headers_in.headers.part; part; part = part->next)
    {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {
            line = ts_slice(h->value.data, h->value.len);

            if (h->key.len == sizeof("Set-Cookie") - 1
                && ngx_strncasecmp(h->key.data, (u_char *) "Set-Cookie",
                                   h->key.len)
                   == 0
                && ts_slice_eq(ts_set_cookie_name(line), name))
            {
                found = ts_set_cookie_value(line, ngx_time(), value);
            }
        }
    }

    return found;
}
