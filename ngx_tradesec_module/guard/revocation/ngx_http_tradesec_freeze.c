/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The freeze guard: while operators have frozen the server, nothing passes
 * that changes state, but for what the configuration lists.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/revocation/ngx_http_tradesec_freeze.h"
#include "guard/revocation/ngx_http_tradesec_revoke_conf.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"
#include "store/ngx_http_tradesec_revocations_store.h"


#define NGX_HTTP_TRADESEC_FREEZE_RETRY  60      /* seconds, for the client */


static const void *ngx_http_tradesec_freeze_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_freeze_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_freeze_passes(ngx_http_request_t *r);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_freeze_guard = {
    NGX_HTTP_TRADESEC_GUARD_FREEZE,
    ngx_http_tradesec_freeze_get_policy,
    ngx_http_tradesec_freeze_check,
    ngx_http_tradesec_freeze_passes,
    NULL
};


/*
 * The policy of a location is its list of safe methods: a subrequest into one
 * with a shorter list asks for more than its main request passed. Without
 * operators nobody can freeze, and their own location never is.
 */

static const void *
ngx_http_tradesec_freeze_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_revoke_conf_t       *rcf;
    const ngx_http_tradesec_revoke_main_conf_t  *rmcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_revoke_module);
    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_revoke_module);

    return rmcf->operators && rcf->freeze && rcf->allow == NULL
           ? ngx_http_tradesec_conf_safe_methods(cf) : NULL;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_freeze_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    if (ngx_http_tradesec_freeze_passes(r)) {
        return ngx_http_tradesec_pass();
    }

    ctx->retry_after = NGX_HTTP_TRADESEC_FREEZE_RETRY;

    return ngx_http_tradesec_deny(TS_REASON_FROZEN);
}


static ngx_flag_t
ngx_http_tradesec_freeze_passes(ngx_http_request_t *r)
{
    ngx_http_tradesec_revocations_store_t  *store;

    store = ngx_http_tradesec_revocations_get(r);

    return !ts_revocations_frozen(store->list(store))
           || ngx_http_tradesec_is_safe(r);
}


const ts_revocations_t *
ngx_http_tradesec_freeze_list(ngx_http_request_t *r)
{
    ngx_http_tradesec_revocations_store_t       *store;
    const ngx_http_tradesec_revoke_conf_t       *rcf;
    const ngx_http_tradesec_revoke_main_conf_t  *rmcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_revoke_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_revoke_module);
    store = ngx_http_tradesec_revocations_get(r);

    return rmcf->operators && rcf->freeze && store != NULL
           ? store->list(store) : NULL;
}
