/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The freeze guard: while operators have frozen the server, nothing passes
 * that changes state, but for what the configuration lists.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_freeze.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"
#include "store/ngx_http_tradesec_revocations_store.h"


#define NGX_HTTP_TRADESEC_FREEZE_RETRY  60      /* seconds, for the client */


typedef struct {
    ngx_flag_t   active;        /* there are operators */
} ngx_http_tradesec_freeze_main_conf_t;


typedef struct {
    ngx_flag_t   enable;
    ngx_flag_t   operators;     /* not inherited */
} ngx_http_tradesec_freeze_conf_t;


static const void *ngx_http_tradesec_freeze_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_freeze_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_freeze_passes(ngx_http_request_t *r);
static void *ngx_http_tradesec_freeze_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_freeze_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_freeze_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_freeze_guard = {
    NGX_HTTP_TRADESEC_GUARD_FREEZE,
    ngx_http_tradesec_freeze_get_policy,
    ngx_http_tradesec_freeze_check,
    ngx_http_tradesec_freeze_passes,
    NULL
};


static ngx_command_t  ngx_http_tradesec_freeze_commands[] = {

    { ngx_string("tradesec_freeze"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_freeze_conf_t, enable),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_freeze_module_ctx = {
    NULL,                                       /* preconfiguration */
    NULL,                                       /* postconfiguration */

    ngx_http_tradesec_freeze_create_main_conf,  /* create main conf */
    NULL,                                       /* init main conf */

    NULL,                                       /* create server conf */
    NULL,                                       /* merge server conf */

    ngx_http_tradesec_freeze_create_conf,       /* create location conf */
    ngx_http_tradesec_freeze_merge_conf         /* merge location conf */
};


ngx_module_t  ngx_http_tradesec_freeze_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_freeze_module_ctx,       /* module context */
    ngx_http_tradesec_freeze_commands,          /* module directives */
    NGX_HTTP_MODULE,                            /* module type */
    NULL,                                       /* init master */
    NULL,                                       /* init module */
    NULL,                                       /* init process */
    NULL,                                       /* init thread */
    NULL,                                       /* exit thread */
    NULL,                                       /* exit process */
    NULL,                                       /* exit master */
    NGX_MODULE_V1_PADDING
};


void
ngx_http_tradesec_freeze_operators(ngx_conf_t *cf)
{
    ngx_http_tradesec_freeze_conf_t       *fcf;
    ngx_http_tradesec_freeze_main_conf_t  *fmcf;

    fcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_freeze_module);
    fmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_freeze_module);
    fcf->operators = 1;
    fmcf->active = 1;
}


/*
 * The policy of a location is its list of safe methods: a subrequest into one
 * with a shorter list asks for more than its main request passed.
 */

static const void *
ngx_http_tradesec_freeze_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_freeze_conf_t       *fcf;
    const ngx_http_tradesec_freeze_main_conf_t  *fmcf;

    fcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_freeze_module);
    fmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_freeze_module);

    return fmcf->active && fcf->enable && !fcf->operators
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


static void *
ngx_http_tradesec_freeze_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_freeze_main_conf_t));
}


static void *
ngx_http_tradesec_freeze_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_freeze_conf_t  *fcf;

    fcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_freeze_conf_t));
    if (fcf == NULL) {
        return NULL;
    }

    fcf->enable = NGX_CONF_UNSET;

    return fcf;
}


static char *
ngx_http_tradesec_freeze_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_freeze_conf_t  *prev = parent;
    ngx_http_tradesec_freeze_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 1);

    return NGX_CONF_OK;
}
