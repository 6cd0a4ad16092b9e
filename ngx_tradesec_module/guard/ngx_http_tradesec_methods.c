/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The methods guard: which methods reach the backend at all, and none of them
 * in disguise.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_method_override.h"
#include "guard/ngx_http_tradesec_methods.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_method.h"
#include "request/ngx_http_tradesec_request.h"


typedef struct {
    ngx_http_tradesec_methods_t   methods;
    ngx_str_t                     allow;     /* the Allow field of a 405 */
} ngx_http_tradesec_methods_policy_t;


typedef struct {
    ngx_http_tradesec_methods_policy_t  *policy;
    ngx_flag_t                           override;
} ngx_http_tradesec_methods_conf_t;


static const void *ngx_http_tradesec_methods_get_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_methods_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_methods_passes(ngx_http_request_t *r);
static ts_reason_e ngx_http_tradesec_methods_judge(ngx_http_request_t *r,
    const ngx_http_tradesec_methods_conf_t *mcf);
static ngx_flag_t ngx_http_tradesec_has_override(ngx_http_request_t *r);
static void *ngx_http_tradesec_methods_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_methods_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_methods(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_methods_guard = {
    NGX_HTTP_TRADESEC_GUARD_METHODS,
    ngx_http_tradesec_methods_get_policy,
    ngx_http_tradesec_methods_check,
    ngx_http_tradesec_methods_passes,
    NULL
};


static const ngx_str_t  ngx_http_tradesec_default_names[] = {
    ngx_string("GET"),
    ngx_string("HEAD"),
    ngx_string("POST"),
    ngx_string("PUT"),
    ngx_string("PATCH"),
    ngx_string("DELETE"),
    ngx_string("OPTIONS")
};

static ngx_http_tradesec_methods_policy_t
    ngx_http_tradesec_default_methods_policy = {
    { NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_PATCH
      |NGX_HTTP_DELETE|NGX_HTTP_OPTIONS,
      ngx_http_tradesec_default_names, 7 },
    ngx_string("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
};


static ngx_command_t  ngx_http_tradesec_methods_commands[] = {

    { ngx_string("tradesec_methods"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_methods,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_method_override"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_methods_conf_t, override),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_methods_module_ctx = {
    NULL,                                   /* preconfiguration */
    NULL,                                   /* postconfiguration */

    NULL,                                   /* create main configuration */
    NULL,                                   /* init main configuration */

    NULL,                                   /* create server configuration */
    NULL,                                   /* merge server configuration */

    ngx_http_tradesec_methods_create_conf,  /* create location configuration */
    ngx_http_tradesec_methods_merge_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_tradesec_methods_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_methods_module_ctx,  /* module context */
    ngx_http_tradesec_methods_commands,     /* module directives */
    NGX_HTTP_MODULE,                        /* module type */
    NULL,                                   /* init master */
    NULL,                                   /* init module */
    NULL,                                   /* init process */
    NULL,                                   /* init thread */
    NULL,                                   /* exit thread */
    NULL,                                   /* exit process */
    NULL,                                   /* exit master */
    NGX_MODULE_V1_PADDING
};


static const void *
ngx_http_tradesec_methods_get_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_methods_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_methods_module);

    return mcf->policy;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_methods_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ts_reason_e                              reason;
    const ngx_http_tradesec_methods_conf_t  *mcf;

    mcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_methods_module);

    reason = ngx_http_tradesec_methods_judge(r, mcf);

    if (reason == TS_REASON_NONE) {
        return ngx_http_tradesec_pass();
    }

    if (reason == TS_REASON_METHOD_NOT_ALLOWED) {
        ctx->allow = mcf->policy->allow;
    }

    return ngx_http_tradesec_deny(reason);
}


static ngx_flag_t
ngx_http_tradesec_methods_passes(ngx_http_request_t *r)
{
    const ngx_http_tradesec_methods_conf_t  *mcf;

    mcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_methods_module);

    return ngx_http_tradesec_methods_judge(r, mcf) == TS_REASON_NONE;
}


static ts_reason_e
ngx_http_tradesec_methods_judge(ngx_http_request_t *r,
    const ngx_http_tradesec_methods_conf_t *mcf)
{
    if (!ngx_http_tradesec_method_in(r, &mcf->policy->methods)) {
        return TS_REASON_METHOD_NOT_ALLOWED;
    }

    if (!mcf->override && ngx_http_tradesec_has_override(r)) {
        return TS_REASON_METHOD_OVERRIDE;
    }

    if (ngx_http_tradesec_is_early_data(r) && !ngx_http_tradesec_is_safe(r)) {
        return TS_REASON_TOO_EARLY;
    }

    return TS_REASON_NONE;
}


static ngx_flag_t
ngx_http_tradesec_has_override(ngx_http_request_t *r)
{
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_http_tradesec_each_field(r, part, h) {
        if (ts_method_override_field(ts_slice(h->key.data, h->key.len))) {
            return 1;
        }
    }

    return r->args.len
           && ts_method_override_query(ts_slice(r->args.data, r->args.len));
}


static void *
ngx_http_tradesec_methods_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_methods_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_methods_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->policy = NGX_CONF_UNSET_PTR;
    mcf->override = NGX_CONF_UNSET;

    return mcf;
}


static char *
ngx_http_tradesec_methods_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_methods_conf_t  *prev = parent;
    ngx_http_tradesec_methods_conf_t  *conf = child;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy,
                             &ngx_http_tradesec_default_methods_policy);
    ngx_conf_merge_value(conf->override, prev->override, 0);

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_methods(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_methods_conf_t  *mcf = conf;

    u_char                              *p;
    size_t                               len;
    ngx_uint_t                           i;
    ngx_http_tradesec_methods_t         *methods;
    ngx_http_tradesec_methods_policy_t  *policy;

    if (mcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    policy = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_methods_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    methods = &policy->methods;

    if (ngx_http_tradesec_conf_methods(cf, methods, 0) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    len = 0;

    for (i = 0; i < methods->n; i++) {
        len += methods->names[i].len + sizeof(", ") - 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    policy->allow.data = p;

    for (i = 0; i < methods->n; i++) {
        p = ngx_sprintf(p, "%s%V", i ? ", " : "", &methods->names[i]);
    }

    policy->allow.len = p - policy->allow.data;
    mcf->policy = policy;

    return NGX_CONF_OK;
}
