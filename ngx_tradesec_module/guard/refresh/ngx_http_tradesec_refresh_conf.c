/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_refresh.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/refresh/ngx_http_tradesec_refresh.h"
#include "request/ngx_http_tradesec_conf.h"
#include "response/ngx_http_tradesec_outcome.h"


static void *ngx_http_tradesec_refresh_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_refresh_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_refresh_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_refresh(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_refresh_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *value);
static char *ngx_http_tradesec_refresh_provider(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *name);


static ngx_command_t  ngx_http_tradesec_refresh_commands[] = {

    { ngx_string("tradesec_refresh"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_refresh,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_refresh_module_ctx = {
    NULL,                                        /* preconfiguration */
    NULL,                                        /* postconfiguration */

    ngx_http_tradesec_refresh_create_main_conf,  /* create main configuration */
    NULL,                                        /* init main configuration */

    NULL,                                        /* create server config */
    NULL,                                        /* merge server config */

    ngx_http_tradesec_refresh_create_conf,       /* create location config */
    ngx_http_tradesec_refresh_merge_conf         /* merge location config */
};


ngx_module_t  ngx_http_tradesec_refresh_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_refresh_module_ctx,       /* module context */
    ngx_http_tradesec_refresh_commands,          /* module directives */
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


const void *
ngx_http_tradesec_refresh_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_refresh_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_refresh_module);

    return rcf->policy;
}


static void *
ngx_http_tradesec_refresh_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_refresh_main_conf_t));
}


static void *
ngx_http_tradesec_refresh_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_refresh_conf_t  *rcf;

    rcf = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_refresh_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    rcf->policy = NGX_CONF_UNSET_PTR;

    return rcf;
}


static char *
ngx_http_tradesec_refresh_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_refresh_conf_t  *prev = parent;
    ngx_http_tradesec_refresh_conf_t  *conf = child;

    ngx_flag_t                              no_zone;
    ngx_http_tradesec_refresh_main_conf_t  *rmcf;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy, NULL);

    if (conf->policy == NULL || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    ngx_http_tradesec_conf_set_credential(cf);
    ngx_http_tradesec_conf_expect_outcomes(cf, 0);

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_refresh_module);

    if (conf->policy->provider != NULL
        && ngx_http_tradesec_revocations_create(cf, &no_zone) == NULL
        && !no_zone)
    {
        return NGX_CONF_ERROR;
    }

    if (rmcf->zone != NULL) {
        return NGX_CONF_OK;
    }

    rmcf->zone = ngx_http_tradesec_rotation_zone_create(cf, &no_zone);

    if (no_zone) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_refresh\" needs \"tradesec_zone\"");
    }

    return rmcf->zone != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_refresh(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_refresh_conf_t  *rcf = conf;

    ngx_str_t                           *value;
    ngx_uint_t                           i;
    ngx_http_tradesec_refresh_policy_t  *policy;

    if (rcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        rcf->policy = NULL;
        return NGX_CONF_OK;
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_refresh_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_tradesec_refresh_parameter(cf, policy, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (policy->cookie.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_refresh\" must have \"cookie=\"");
        return NGX_CONF_ERROR;
    }

    if ((policy->provider == NULL) != (policy->access.len == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_refresh\" must have both "
                           "\"provider=\" and \"access_cookie=\", or none");
        return NGX_CONF_ERROR;
    }

    policy->grace = policy->grace ? policy->grace : 5;
    policy->lifetime = policy->lifetime ? policy->lifetime : 30 * 24 * 3600;
    policy->salt = ngx_crc32_long(policy->cookie.data, policy->cookie.len);

    policy->criteria.nfields = 1;
    policy->criteria.fields[0].cookie = 1;
    policy->criteria.fields[0].name = ts_slice(policy->cookie.data,
                                               policy->cookie.len);
    rcf->policy = policy;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_refresh_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *value)
{
    time_t      *seconds;
    ngx_str_t    text, *name;
    ngx_uint_t   i;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "cookie=", 7 },
        { (const uint8_t *) "access_cookie=", 14 },
        { (const uint8_t *) "provider=", 9 },
        { (const uint8_t *) "grace=", 6 },
        { (const uint8_t *) "lifetime=", 9 },
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (value->len <= words[i].len
            || ngx_strncmp(value->data, words[i].data, words[i].len) != 0)
        {
            continue;
        }

        text.data = value->data + words[i].len;
        text.len = value->len - words[i].len;

        if (i < 2) {
            name = i == 0 ? &policy->cookie : &policy->access;

            if (name->len
                || !ts_cookie_is_name(ts_slice(text.data, text.len)))
            {
                break;
            }

            *name = text;

            return NGX_CONF_OK;
        }

        if (i == 2) {
            return ngx_http_tradesec_refresh_provider(cf, policy, &text);
        }

        seconds = (i == 3) ? &policy->grace : &policy->lifetime;

        if (*seconds) {
            break;
        }

        *seconds = ngx_parse_time(&text, 1);

        if (*seconds == (time_t) NGX_ERROR || *seconds == 0
            || *seconds > 366 * 24 * 3600)
        {
            break;
        }

        return NGX_CONF_OK;
    }

    return ngx_http_tradesec_conf_unknown(cf, value, words,
                                          sizeof(words) / sizeof(words[0]));
}


static char *
ngx_http_tradesec_refresh_provider(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *name)
{
    if (policy->provider != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"provider=\" is duplicate");
        return NGX_CONF_ERROR;
    }

    policy->provider = ngx_http_tradesec_jwt_find_provider(cf, name);

    if (policy->provider == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown provider \"%V\" in \"tradesec_refresh\"",
                           name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_tradesec_jwt_is_bounded(policy->provider)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_refresh\" can end tokens of provider "
                           "\"%V\" only when it has \"max_lifetime\" or "
                           "\"lifetime\"", name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
