/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Whose attempts to log in are not counted: tradesec_login_allow.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login_conf.h"


static ngx_int_t ngx_http_tradesec_login_allow_value(ngx_conf_t *cf,
    ngx_http_tradesec_login_allow_t *allow, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_login_allow_cidr(ngx_conf_t *cf,
    ngx_http_tradesec_login_allow_t *allow, ngx_str_t *value);


char *
ngx_http_tradesec_login_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    ngx_int_t                         rc;
    ngx_str_t                        *value;
    ngx_uint_t                        i;
    ngx_http_tradesec_login_allow_t  *allow;

    if (llcf->allow != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        llcf->allow = NULL;
        return NGX_CONF_OK;
    }

    allow = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_login_allow_t));

    if (allow == NULL
        || ngx_array_init(&allow->cidrs, cf->pool, 4, sizeof(ngx_cidr_t))
           != NGX_OK
        || ngx_array_init(&allow->values, cf->pool, 1,
                          sizeof(ngx_http_complex_value_t)) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        rc = ngx_http_script_variables_count(&value[i])
             ? ngx_http_tradesec_login_allow_value(cf, allow, &value[i])
             : ngx_http_tradesec_login_allow_cidr(cf, allow, &value[i]);

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    llcf->allow = allow;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_login_allow_value(ngx_conf_t *cf,
    ngx_http_tradesec_login_allow_t *allow, ngx_str_t *value)
{
    ngx_str_t                          v;
    ngx_uint_t                         i;
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    static const char *const  clients[] = {
        "$http_", "$arg_", "$cookie_", "$args", "$query_string",
        "$sent_http_", "$upstream_"
    };

    for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        if (ngx_http_tradesec_login_prefix(value, clients[i], &v)) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" in \"tradesec_login_allow\" is what "
                               "the client sends: whoever sends it is not "
                               "counted", value);
            break;
        }
    }

    cv = ngx_array_push(&allow->values);
    if (cv == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    return ngx_http_compile_complex_value(&ccv);
}


static ngx_int_t
ngx_http_tradesec_login_allow_cidr(ngx_conf_t *cf,
    ngx_http_tradesec_login_allow_t *allow, ngx_str_t *value)
{
    ngx_int_t    rc;
    ngx_cidr_t  *cidr;

    cidr = ngx_array_push(&allow->cidrs);
    if (cidr == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ptocidr(value, cidr);

    if (rc == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"tradesec_login_allow\", write addresses, "
                           "networks as 10.0.0.0/8, variables, or \"off\"",
                           value);
        return NGX_ERROR;
    }

    if (rc == NGX_DONE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "low address bits of \"%V\" in "
                           "\"tradesec_login_allow\" are meaningless", value);
    }

    if (value->len > 2
        && ngx_strcmp(value->data + value->len - 2, "/0") == 0)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"tradesec_login_allow\" is everybody: "
                           "nothing is counted", value);
    }

    return NGX_OK;
}


ngx_flag_t
ngx_http_tradesec_login_is_allowed(ngx_http_request_t *r,
    const ngx_http_tradesec_login_allow_t *allow)
{
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    if (allow->cidrs.nelts
        && ngx_cidr_match(r->connection->sockaddr,
                          (ngx_array_t *) &allow->cidrs) == NGX_OK)
    {
        return 1;
    }

    cv = allow->values.elts;

    for (i = 0; i < allow->values.nelts; i++) {

        if (ngx_http_complex_value(r, &cv[i], &value) == NGX_OK
            && value.len != 0
            && !(value.len == 1 && value.data[0] == '0'))
        {
            return 1;
        }
    }

    return 0;
}
