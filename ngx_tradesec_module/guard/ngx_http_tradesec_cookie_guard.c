/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The cookies guard: a cookie that decides who the caller is comes once. A
 * neighbour's subdomain can set a second one of the same name, and backends
 * disagree on which of them counts.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "guard/ngx_http_tradesec_cookie_guard.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_context.h"


#define NGX_HTTP_TRADESEC_COOKIE_NAMES  16


typedef struct {
    ngx_uint_t                                n;
    ngx_str_t                                 names[
                                               NGX_HTTP_TRADESEC_COOKIE_NAMES];
} ngx_http_tradesec_cookie_names_t;


typedef struct {
    ngx_http_tradesec_cookie_names_t         *unique;   /* NULL: off */
} ngx_http_tradesec_cookie_guard_conf_t;


static const void *ngx_http_tradesec_cookie_guard_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_cookie_guard_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_cookie_guard_passes(
    ngx_http_request_t *r);
static ts_cookie_result_e ngx_http_tradesec_cookie_find(ngx_http_request_t *r,
    ts_slice_t name);
static void *ngx_http_tradesec_cookie_guard_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_cookie_guard_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_cookie_unique_name(ngx_conf_t *cf, void *data,
    ngx_str_t *value);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_cookies_guard = {
    NGX_HTTP_TRADESEC_GUARD_COOKIES,
    ngx_http_tradesec_cookie_guard_policy,
    ngx_http_tradesec_cookie_guard_check,
    ngx_http_tradesec_cookie_guard_passes,
    NULL
};


static const ngx_http_tradesec_conf_policy_t
    ngx_http_tradesec_cookie_unique_reader = {
    sizeof(ngx_http_tradesec_cookie_names_t),
    ngx_http_tradesec_cookie_unique_name,
    NULL
};


static ngx_command_t  ngx_http_tradesec_cookie_guard_commands[] = {

    { ngx_string("tradesec_cookie_unique"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_conf_set_policy_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_cookie_guard_conf_t, unique),
      (void *) &ngx_http_tradesec_cookie_unique_reader },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_cookie_guard_module_ctx = {
    NULL,                                        /* preconfiguration */
    NULL,                                        /* postconfiguration */

    NULL,                                        /* create main configuration */
    NULL,                                        /* init main configuration */

    NULL,                                        /* create server config */
    NULL,                                        /* merge server config */

    ngx_http_tradesec_cookie_guard_create_conf,  /* create location config */
    ngx_http_tradesec_cookie_guard_merge_conf    /* merge location config */
};


ngx_module_t  ngx_http_tradesec_cookie_guard_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_cookie_guard_module_ctx,  /* module context */
    ngx_http_tradesec_cookie_guard_commands,     /* module directives */
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


static const void *
ngx_http_tradesec_cookie_guard_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_cookie_guard_conf_t  *gcf;

    gcf = ngx_http_conf_get_module_loc_conf(cf,
                                       ngx_http_tradesec_cookie_guard_module);

    return gcf->unique;
}


static ngx_flag_t
ngx_http_tradesec_cookie_guard_passes(ngx_http_request_t *r)
{
    return !ngx_http_tradesec_has_cookie(r);
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_cookie_guard_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_uint_t                                    i;
    const ngx_str_t                              *name;
    const ngx_http_tradesec_cookie_guard_conf_t  *gcf;

    if (!ngx_http_tradesec_has_cookie(r)) {
        return ngx_http_tradesec_pass();
    }

    gcf = ngx_http_get_module_loc_conf(r,
                                       ngx_http_tradesec_cookie_guard_module);

    for (i = 0; i < gcf->unique->n; i++) {
        name = &gcf->unique->names[i];

        switch (ngx_http_tradesec_cookie_find(r, ts_slice(name->data,
                                                          name->len)))
        {

        case TS_COOKIE_NONE:
        case TS_COOKIE_FOUND:
            break;

        case TS_COOKIE_DUPLICATE:
            ctx->detail = "twice";
            return ngx_http_tradesec_deny(TS_REASON_COOKIE_DUPLICATE);

        case TS_COOKIE_AMBIGUOUS:
            ctx->detail = "another spelling";
            return ngx_http_tradesec_deny(TS_REASON_COOKIE_DUPLICATE);
        }
    }

    return ngx_http_tradesec_pass();
}


static ts_cookie_result_e
ngx_http_tradesec_cookie_find(ngx_http_request_t *r, ts_slice_t name)
{
    ngx_uint_t        i;
    ts_cookie_t       cookie;
    ngx_table_elt_t  *h;

    ngx_memzero(&cookie, sizeof(ts_cookie_t));

    ngx_http_tradesec_each_cookie_line(r, i, h) {
        (void) ts_cookie_scan(&cookie, ts_slice(h->value.data, h->value.len),
                              name);
    }

    return cookie.result == TS_COOKIE_FOUND
           && ts_cookie_value_hides(cookie.value, name)
           ? TS_COOKIE_AMBIGUOUS : cookie.result;
}


static void *
ngx_http_tradesec_cookie_guard_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_cookie_guard_conf_t  *gcf;

    gcf = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_cookie_guard_conf_t));
    if (gcf == NULL) {
        return NULL;
    }

    gcf->unique = NGX_CONF_UNSET_PTR;

    return gcf;
}


static char *
ngx_http_tradesec_cookie_guard_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_cookie_guard_conf_t  *prev = parent;
    ngx_http_tradesec_cookie_guard_conf_t  *conf = child;

    ngx_conf_merge_ptr_value(conf->unique, prev->unique, NULL);

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_cookie_unique_name(ngx_conf_t *cf, void *data,
    ngx_str_t *value)
{
    ngx_http_tradesec_cookie_names_t  *unique = data;

    if (unique->n == NGX_HTTP_TRADESEC_COOKIE_NAMES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d names in \"tradesec_cookie_unique\"",
                           NGX_HTTP_TRADESEC_COOKIE_NAMES);
        return NGX_CONF_ERROR;
    }

    if (!ts_cookie_is_name(ts_slice(value->data, value->len))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid cookie name \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    unique->names[unique->n++] = *value;

    return NGX_CONF_OK;
}
