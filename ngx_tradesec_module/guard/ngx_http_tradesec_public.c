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

#include "guard/ngx_http_tradesec_public.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"


typedef enum {
    NGX_HTTP_TRADESEC_PUBLIC_AUTO,      /* safe, where the server has tokens */
    NGX_HTTP_TRADESEC_PUBLIC_SAFE,
    NGX_HTTP_TRADESEC_PUBLIC_ON,
    NGX_HTTP_TRADESEC_PUBLIC_OFF,
    NGX_HTTP_TRADESEC_PUBLIC_N
} ngx_http_tradesec_public_e;


typedef struct {
    ngx_flag_t    verified;     /* some location verifies tokens */
} ngx_http_tradesec_public_srv_conf_t;


typedef struct {
    ngx_uint_t    allowed;
} ngx_http_tradesec_public_loc_conf_t;


static const void *ngx_http_tradesec_public_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_public_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_public_passes(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_public_subrequest(ngx_http_request_t *r,
    const void *policy, const void *passed);
static void *ngx_http_tradesec_public_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_public_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_public_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_public_guard = {
    NGX_HTTP_TRADESEC_GUARD_PUBLIC,
    ngx_http_tradesec_public_get_policy,
    ngx_http_tradesec_public_check,
    ngx_http_tradesec_public_passes,
    ngx_http_tradesec_public_subrequest
};


static ngx_conf_enum_t  ngx_http_tradesec_public_words[] = {
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


static ngx_command_t  ngx_http_tradesec_public_commands[] = {

    { ngx_string("tradesec_public"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_public_loc_conf_t, allowed),
      &ngx_http_tradesec_public_words },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_public_module_ctx = {
    NULL,                                      /* preconfiguration */
    NULL,                                      /* postconfiguration */

    NULL,                                      /* create main configuration */
    NULL,                                      /* init main configuration */

    ngx_http_tradesec_public_create_srv_conf,  /* create server config */
    NULL,                                      /* merge server config */

    ngx_http_tradesec_public_create_loc_conf,  /* create location config */
    ngx_http_tradesec_public_merge_loc_conf    /* merge location config */
};


ngx_module_t  ngx_http_tradesec_public_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_public_module_ctx,      /* module context */
    ngx_http_tradesec_public_commands,         /* module directives */
    NGX_HTTP_MODULE,                           /* module type */
    NULL,                                      /* init master */
    NULL,                                      /* init module */
    NULL,                                      /* init process */
    NULL,                                      /* init thread */
    NULL,                                      /* exit thread */
    NULL,                                      /* exit process */
    NULL,                                      /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * None where a credential is asked for, and none in a location that
 * only nginx itself can lead to: what led there was judged.
 */

static const void *
ngx_http_tradesec_public_get_policy(ngx_conf_t *cf)
{
    const ngx_http_core_loc_conf_t             *clcf;
    const ngx_http_tradesec_public_loc_conf_t  *plcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    plcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_tradesec_public_module);

    if (plcf->allowed == NGX_HTTP_TRADESEC_PUBLIC_ON
        || clcf->internal || clcf->named
        || ngx_http_tradesec_conf_has_credential(cf))
    {
        return NULL;
    }

    return &ngx_http_tradesec_public_policies[plcf->allowed];
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
    const ngx_http_tradesec_public_srv_conf_t  *pscf;
    const ngx_http_tradesec_public_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_public_module);

    if (plcf->allowed == NGX_HTTP_TRADESEC_PUBLIC_OFF) {
        return 0;
    }

    if (plcf->allowed == NGX_HTTP_TRADESEC_PUBLIC_AUTO) {
        pscf = ngx_http_get_module_srv_conf(r,
                                            ngx_http_tradesec_public_module);

        if (!pscf->verified) {
            return 1;
        }
    }

    return r->headers_in.upgrade == NULL && ngx_http_tradesec_is_safe(r);
}


static ngx_flag_t
ngx_http_tradesec_public_subrequest(ngx_http_request_t *r, const void *policy,
    const void *passed)
{
    return passed == policy || ngx_http_tradesec_public_passes(r);
}


static void *
ngx_http_tradesec_public_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_public_srv_conf_t));
}


static void *
ngx_http_tradesec_public_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_public_loc_conf_t  *plcf;

    plcf = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_public_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    plcf->allowed = NGX_CONF_UNSET_UINT;

    return plcf;
}


static char *
ngx_http_tradesec_public_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_public_loc_conf_t  *prev = parent;
    ngx_http_tradesec_public_loc_conf_t  *conf = child;

    ngx_http_tradesec_public_srv_conf_t  *pscf;

    ngx_conf_merge_uint_value(conf->allowed, prev->allowed,
                              NGX_HTTP_TRADESEC_PUBLIC_AUTO);

    if (ngx_http_tradesec_conf_is_verified(cf)) {
        pscf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_tradesec_public_module);
        pscf->verified = 1;
    }

    return NGX_CONF_OK;
}
