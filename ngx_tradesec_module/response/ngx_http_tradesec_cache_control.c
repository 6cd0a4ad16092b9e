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
#include "response/ngx_http_tradesec_response.h"


static ngx_int_t ngx_http_tradesec_cache_control_filter(
    ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_tradesec_cache_control_filter(ngx_http_request_t *r)
{
    const ngx_http_tradesec_ctx_t            *ctx;
    const ngx_http_tradesec_response_conf_t  *rcf;

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

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_response_module);

    if (rcf->cache_control.len
        && ngx_http_tradesec_is_on(r)
        && ngx_http_tradesec_set_response_field(r, "Cache-Control",
                                                &rcf->cache_control)
           == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


void
ngx_http_tradesec_cache_control_install(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tradesec_cache_control_filter;
}


void
ngx_http_tradesec_cache_control_merge(ngx_conf_t *cf, const ngx_str_t *prev,
    ngx_str_t *conf, ngx_http_tradesec_response_main_conf_t *rmcf)
{
    ngx_conf_merge_str_value((*conf), (*prev), "no-store");

    if (conf->len && ngx_http_tradesec_conf_is_on(cf)) {
        rmcf->cache_control = 1;
    }
}


char *
ngx_http_tradesec_cache_control(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_response_conf_t  *rcf = conf;

    ngx_str_t  *value;

    if (rcf->cache_control.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0
        || !ts_header_value_valid(ts_slice(value[1].data, value[1].len)))
    {
        return "has an empty value, or one with a control character";
    }

    rcf->cache_control = value[1];

    if (ngx_strcmp(value[1].data, "off") == 0) {
        rcf->cache_control.len = 0;
    }

    return NGX_CONF_OK;
}
