/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The filters that stand right in front of the serialisers, and their
 * directives.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_identity.h"
#include "response/ngx_http_tradesec_response.h"


static ngx_int_t ngx_http_tradesec_response_init(ngx_conf_t *cf);
static void *ngx_http_tradesec_response_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_response_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_response_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);


static ngx_command_t  ngx_http_tradesec_response_commands[] = {

    { ngx_string("tradesec_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_response_conf_t, headers.preset),
      &ngx_http_tradesec_header_presets },

    { ngx_string("tradesec_header"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE23,
      ngx_http_tradesec_header,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_header_remove"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_header_remove,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_cookies"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_response_conf_t, cookies.enable),
      NULL },

    { ngx_string("tradesec_cookie"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_tradesec_cookie,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_cache_control"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tradesec_cache_control,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_response_module_ctx = {
    NULL,                                        /* preconfiguration */
    ngx_http_tradesec_response_init,             /* postconfiguration */

    ngx_http_tradesec_response_create_main_conf, /* create main configuration */
    NULL,                                        /* init main configuration */

    NULL,                                        /* create server config */
    NULL,                                        /* merge server config */

    ngx_http_tradesec_response_create_conf,      /* create location config */
    ngx_http_tradesec_response_merge_conf        /* merge location config */
};


ngx_module_t  ngx_http_tradesec_response_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_response_module_ctx,      /* module context */
    ngx_http_tradesec_response_commands,         /* module directives */
    NGX_HTTP_MODULE,                             /* module type */
    NULL,                                        /* init master */
    NULL,                                        /* init module */
    NULL,                                        /* init process */
    NULL,                                        /* init thread */
    NULL,                                        /* exit thread */
    NULL,                                        /* exit process */
    NULL,                                        /* exit master */
    NGX_MODULE_V1_PADDING
};


/* The last one that is installed is the first one to see a response. */

static ngx_int_t
ngx_http_tradesec_response_init(ngx_conf_t *cf)
{
    const ngx_http_tradesec_response_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_response_module);

    if (rmcf->headers) {
        ngx_http_tradesec_headers_install();
    }

    if (rmcf->cookies) {
        ngx_http_tradesec_cookies_install();
    }

    if (rmcf->cache_control && ngx_http_tradesec_identity_is_active(cf)) {
        ngx_http_tradesec_cache_control_install();
    }

    return NGX_OK;
}


static void *
ngx_http_tradesec_response_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_response_main_conf_t));
}


static void *
ngx_http_tradesec_response_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_response_conf_t  *rcf;

    rcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_response_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rcf->headers.adjusted = NULL;
     *     rcf->headers.policy = NULL;
     *     rcf->cookies.rules = NULL;
     *     rcf->cookies.policy = NULL;
     *     rcf->cache_control = { 0, NULL };
     */

    rcf->headers.preset = NGX_CONF_UNSET_UINT;
    rcf->headers.removed = NGX_CONF_UNSET_PTR;
    rcf->cookies.enable = NGX_CONF_UNSET;

    return rcf;
}


static char *
ngx_http_tradesec_response_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_response_conf_t  *prev = parent;
    ngx_http_tradesec_response_conf_t  *conf = child;

    char                                    *rv;
    ngx_http_tradesec_response_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_response_module);

    ngx_http_tradesec_cache_control_merge(cf, &prev->cache_control,
                                          &conf->cache_control, rmcf);

    rv = ngx_http_tradesec_headers_merge(cf, &prev->headers, &conf->headers,
                                         rmcf);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_tradesec_cookies_merge(cf, &prev->cookies,
                                             &conf->cookies, rmcf);
    }

    return rv;
}
