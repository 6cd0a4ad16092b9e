/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The public guard: what anybody may do without a token. It stands where
 * nothing else asks who the caller is, so that a location which somebody has
 * forgotten is closed.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/require/ngx_http_tradesec_require.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"


static const void *ngx_http_tradesec_public_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_public_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_public_passes(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_public_is_led(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_public_subrequest(ngx_http_request_t *r,
    const void *policy, const void *passed);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_public_guard = {
    NGX_HTTP_TRADESEC_GUARD_PUBLIC,
    ngx_http_tradesec_public_get_policy,
    ngx_http_tradesec_public_check,
    ngx_http_tradesec_public_passes,
    ngx_http_tradesec_public_subrequest
};


ngx_conf_enum_t  ngx_http_tradesec_public_words[] = {
    { ngx_string("safe"), NGX_HTTP_TRADESEC_PUBLIC_SAFE },
    { ngx_string("on"), NGX_HTTP_TRADESEC_PUBLIC_ON },
    { ngx_string("off"), NGX_HTTP_TRADESEC_PUBLIC_OFF },
    { ngx_null_string, 0 }
};


/* The address of a policy, which is nothing but one of these words. */

static const ngx_http_tradesec_public_e
    ngx_http_tradesec_public_policies[NGX_HTTP_TRADESEC_PUBLIC_N] = {
    NGX_HTTP_TRADESEC_PUBLIC_AUTO,
    NGX_HTTP_TRADESEC_PUBLIC_SAFE,
    NGX_HTTP_TRADESEC_PUBLIC_ON,
    NGX_HTTP_TRADESEC_PUBLIC_OFF
};


/* None where a credential is asked for. */

static const void *
ngx_http_tradesec_public_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_require_conf_t  *qlcf;

    qlcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_tradesec_require_module);

    if (qlcf->public == NGX_HTTP_TRADESEC_PUBLIC_ON
        || ngx_http_tradesec_conf_has_credential(cf))
    {
        return NULL;
    }

    return &ngx_http_tradesec_public_policies[qlcf->public];
}


const char *
ngx_http_tradesec_public_allows(ngx_conf_t *cf, const void *policy)
{
    const ngx_http_tradesec_public_e            *allowed = policy;
    const ngx_http_tradesec_require_srv_conf_t  *qscf;

    qscf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_tradesec_require_module);

    if (*allowed == NGX_HTTP_TRADESEC_PUBLIC_OFF) {
        return "nothing";
    }

    return *allowed == NGX_HTTP_TRADESEC_PUBLIC_SAFE || qscf->verified
           ? "safe" : "all";
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_public_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    return ngx_http_tradesec_public_passes(r)
           ? ngx_http_tradesec_pass()
           : ngx_http_tradesec_deny(TS_REASON_NOT_PUBLIC);
}


/* A WebSocket begins with a GET, and then anything may come. */

static ngx_flag_t
ngx_http_tradesec_public_passes(ngx_http_request_t *r)
{
    const ngx_http_tradesec_require_srv_conf_t  *qscf;
    const ngx_http_tradesec_require_conf_t  *qlcf;

    qlcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_require_module);

    if (qlcf->inner && ngx_http_tradesec_public_is_led(r)) {
        return 1;
    }

    if (qlcf->public == NGX_HTTP_TRADESEC_PUBLIC_OFF) {
        return 0;
    }

    if (qlcf->public == NGX_HTTP_TRADESEC_PUBLIC_AUTO) {
        qscf = ngx_http_get_module_srv_conf(r,
                                            ngx_http_tradesec_require_module);

        if (!qscf->verified) {
            return 1;
        }
    }

    return r->headers_in.upgrade == NULL && ngx_http_tradesec_is_safe(r);
}


/*
 * What nginx leads to an internal or named location was judged before, but for
 * what goes wrong, or is rewritten, in front of all guards: a body that is too
 * large, a rate. That gets no further than to a file.
 */

static ngx_flag_t
ngx_http_tradesec_public_is_led(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    return r->content_handler == NULL
           || (ctx != NULL && (ctx->shared || ctx->led));
}


static ngx_flag_t
ngx_http_tradesec_public_subrequest(ngx_http_request_t *r, const void *policy,
    const void *passed)
{
    return passed == policy || ngx_http_tradesec_public_passes(r);
}
