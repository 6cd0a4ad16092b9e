/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What an identified user was answered stays out of caches, unless whoever
 * made the answer has said what caches may do with it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_header.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"


typedef struct {
    ngx_flag_t    active;
} ngx_http_tradesec_cache_control_main_conf_t;


typedef struct {
    ngx_str_t     value;            /* empty: nothing is added */
} ngx_http_tradesec_cache_control_conf_t;


static ngx_int_t ngx_http_tradesec_cache_control_filter(
    ngx_http_request_t *r);
static void *ngx_http_tradesec_cache_control_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_cache_control_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_cache_control_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_cache_control(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_tradesec_cache_control_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_tradesec_cache_control_commands[] = {

    { ngx_string("tradesec_cache_control"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tradesec_cache_control,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_cache_control_module_ctx = {
    NULL,                                         /* preconfiguration */
    ngx_http_tradesec_cache_control_init,         /* postconfiguration */

    ngx_http_tradesec_cache_control_create_main_conf, /* create main conf */
    NULL,                                         /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    ngx_http_tradesec_cache_control_create_conf,  /* create location conf */
    ngx_http_tradesec_cache_control_merge_conf    /* merge location conf */
};


ngx_module_t  ngx_http_tradesec_cache_control_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_cache_control_module_ctx,  /* module context */
    ngx_http_tradesec_cache_control_commands,     /* module directives */
    NGX_HTTP_MODULE,                              /* module type */
    NULL,                                         /* init master */
    NULL,                                         /* init module */
    NULL,                                         /* init process */
    NULL,                                         /* init thread */
    NULL,                                         /* exit thread */
    NULL,                                         /* exit process */
    NULL,                                         /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_tradesec_cache_control_filter(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t                 *ctx;
    const ngx_http_tradesec_cache_control_conf_t  *ccf;

    if (r != r->main
        || ngx_http_tradesec_has_cache_control(r)
        || r->headers_out.expires != NULL
        || r->headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_tradesec_find_ctx(r);

    if (ctx == NULL || ctx->identity.expires == 0) {
        return ngx_http_next_header_filter(r);
    }

    ccf = ngx_http_get_module_loc_conf(r,
                                      ngx_http_tradesec_cache_control_module);

    if (ccf->value.len
        && ngx_http_tradesec_is_on(r)
        && ngx_http_tradesec_set_response_field(r, "Cache-Control",
                                                &ccf->value)
           == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static void *
ngx_http_tradesec_cache_control_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_cache_control_main_conf_t));
}


static void *
ngx_http_tradesec_cache_control_create_conf(ngx_conf_t *cf)
{
    /*
     * set by ngx_pcalloc():
     *
     *     value = { 0, NULL };
     */

    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_cache_control_conf_t));
}


static char *
ngx_http_tradesec_cache_control_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_cache_control_conf_t  *prev = parent;
    ngx_http_tradesec_cache_control_conf_t  *conf = child;

    ngx_http_tradesec_cache_control_main_conf_t  *cmcf;

    ngx_conf_merge_str_value(conf->value, prev->value, "no-store");

    if (conf->value.len && ngx_http_tradesec_conf_is_on(cf)) {
        cmcf = ngx_http_conf_get_module_main_conf(cf,
                                      ngx_http_tradesec_cache_control_module);
        cmcf->active = 1;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_cache_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_cache_control_conf_t  *ccf = conf;

    ngx_str_t  *value;

    if (ccf->value.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0
        || !ts_header_value_valid(ts_slice(value[1].data, value[1].len)))
    {
        return "has an empty value, or one with a control character";
    }

    ccf->value = value[1];

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ccf->value.len = 0;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_cache_control_init(ngx_conf_t *cf)
{
    const ngx_http_tradesec_cache_control_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                      ngx_http_tradesec_cache_control_module);

    if (cmcf->active && ngx_http_tradesec_identity_is_active(cf)) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_tradesec_cache_control_filter;
    }

    return NGX_OK;
}
