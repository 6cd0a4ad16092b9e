/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Which origins a location lists.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/origin/ngx_http_tradesec_origin_conf.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"


static ngx_http_tradesec_origin_policy_t *
    ngx_http_tradesec_origin_copy_policy(ngx_conf_t *cf,
    const ngx_http_tradesec_origin_policy_t *policy);
static ngx_array_t *ngx_http_tradesec_explicit_names(ngx_conf_t *cf);


static ngx_http_tradesec_origin_policy_t  ngx_http_tradesec_origin_default = {
    .self = 1
};


void *
ngx_http_tradesec_origin_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_origin_conf_t  *ocf;

    ocf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_origin_conf_t));
    if (ocf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     ocf->names = NULL;
     *     ocf->safe = NULL;
     */

    ocf->policy = NGX_CONF_UNSET_PTR;

    return ocf;
}


char *
ngx_http_tradesec_origin_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_origin_conf_t  *prev = parent;
    ngx_http_tradesec_origin_conf_t  *conf = child;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy,
                             &ngx_http_tradesec_origin_default);

    conf->safe = ngx_http_tradesec_conf_safe_methods(cf);

    if (conf->policy == prev->policy && conf->safe != prev->safe) {
        conf->policy = ngx_http_tradesec_origin_copy_policy(cf, prev->policy);

        if (conf->policy == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (!conf->policy->self || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    conf->names = ngx_http_tradesec_explicit_names(cf);

    if (conf->names == NULL) {
        return NGX_CONF_ERROR;
    }

    if (conf->names->nelts == 0) {
        return ngx_http_tradesec_conf_merge_error(cf,
            "\"tradesec on\" does not know its own origin, as no server_name "
            "is a plain name: write it as "
            "\"tradesec_origin https://www.example.com;\"");
    }

    return NGX_CONF_OK;
}


/*
 * The same origins for other methods are another policy: who passed as a safe
 * request has not passed where the method is unsafe.
 */

static ngx_http_tradesec_origin_policy_t *
ngx_http_tradesec_origin_copy_policy(ngx_conf_t *cf,
    const ngx_http_tradesec_origin_policy_t *policy)
{
    ngx_http_tradesec_origin_policy_t  *copy;

    copy = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_origin_policy_t));

    if (copy != NULL) {
        *copy = *policy;
    }

    return copy;
}


static ngx_array_t *
ngx_http_tradesec_explicit_names(ngx_conf_t *cf)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i;
    ngx_array_t               *names;
    ngx_http_server_name_t    *sn;
    ngx_http_core_srv_conf_t  *cscf;

    names = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    if (names == NULL) {
        return NULL;
    }

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)

        if (sn[i].regex) {
            continue;
        }

#endif

        if (sn[i].name.len == 0
            || ngx_strchr(".*_", sn[i].name.data[0]) != NULL
            || sn[i].name.data[sn[i].name.len - 1] == '*')
        {
            continue;
        }

        name = ngx_array_push(names);
        if (name == NULL) {
            return NULL;
        }

        *name = sn[i].name;
    }

    return names;
}


char *
ngx_http_tradesec_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_origin_conf_t  *ocf = conf;

    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_http_tradesec_origin_policy_t  *policy;

    if (ocf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_origin_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    ocf->policy = policy;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        policy->off = 1;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "self") == 0) {
            policy->self = 1;
            continue;
        }

        if (policy->n == NGX_HTTP_TRADESEC_ORIGINS_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "more than %d origins in \"tradesec_origin\"",
                               NGX_HTTP_TRADESEC_ORIGINS_MAX);
            return NGX_CONF_ERROR;
        }

        if (!ts_origin_parse(ts_slice(value[i].data, value[i].len),
                             &policy->allowed[policy->n]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\" in \"tradesec_origin\", "
                               "write scheme, host and port only, as "
                               "\"https://www.example.com\", or \"self\", or "
                               "a lone \"off\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        policy->n++;
    }

    return NGX_CONF_OK;
}
