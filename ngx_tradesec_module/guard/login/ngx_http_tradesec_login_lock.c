/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives tradesec_login_lock and tradesec_login_delay.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login_conf.h"


#define NGX_HTTP_TRADESEC_LOGIN_DELAY_MIN  100      /* ms */
#define NGX_HTTP_TRADESEC_LOGIN_DELAY_MAX  30000


char *
ngx_http_tradesec_login_lock(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    time_t      *slot;
    ngx_str_t   *value, v;
    ngx_flag_t  *flag;
    ngx_uint_t   i;

    if (llcf->lock_min != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        llcf->lock_min = 0;
        return NGX_CONF_OK;
    }

    llcf->lock_permanent = 0;
    llcf->lock_extend = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        v = value[i];

        flag = ngx_strcmp(v.data, "permanent") == 0 ? &llcf->lock_permanent
               : ngx_strcmp(v.data, "extend") == 0 ? &llcf->lock_extend
               : NULL;

        if (flag != NULL && i > 1) {

            if (*flag) {
                return "is duplicate";
            }

            *flag = 1;
            continue;
        }

        slot = i == 1 ? &llcf->lock_min
               : ngx_http_tradesec_login_prefix(&value[i], "decay=", &v)
               ? &llcf->lock_decay : &llcf->lock_max;

        if (*slot != NGX_CONF_UNSET) {
            return "is duplicate";
        }

        *slot = ngx_parse_time(&v, 1);

        if (*slot <= 0 || *slot > NGX_HTTP_TRADESEC_LOGIN_LOCK_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid time \"%V\" in "
                               "\"tradesec_login_lock\", write as "
                               "\"tradesec_login_lock 1m 24h decay=24h "
                               "extend permanent\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (llcf->lock_max == NGX_CONF_UNSET) {
        llcf->lock_max = llcf->lock_min;
    }

    if (llcf->lock_max < llcf->lock_min) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the longest lock \"%V\" in "
                           "\"tradesec_login_lock\" is shorter than the "
                           "first", &value[2]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* FIRST [LONGEST] [after=N] */

char *
ngx_http_tradesec_login_delay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    ngx_int_t         n;
    ngx_str_t        *value, v;
    ngx_uint_t        i;
    ts_delay_rule_t  *delay;

    delay = &llcf->delay;

    if (delay->first != NGX_HTTP_TRADESEC_LOGIN_DELAY_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        delay->first = 0;
        return NGX_CONF_OK;
    }

    delay->longest = 0;
    delay->after = 1;

    for (i = 1; i < cf->args->nelts; i++) {

        if (i > 1 && ngx_http_tradesec_login_prefix(&value[i], "after=", &v)) {
            n = ngx_atoi(v.data, v.len);

            if (n < 0 || n > TS_DELAY_AFTER) {
                goto invalid;
            }

            delay->after = (uint32_t) n;
            continue;
        }

        n = ngx_parse_time(&value[i], 0);

        if (n < NGX_HTTP_TRADESEC_LOGIN_DELAY_MIN
            || n > NGX_HTTP_TRADESEC_LOGIN_DELAY_MAX || i > 2
            || (i == 2 && (uint32_t) n < delay->first))
        {
            goto invalid;
        }

        if (i == 1) {
            delay->first = (uint32_t) n;
        }

        delay->longest = (uint32_t) n;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"tradesec_login_delay\", "
                       "write as \"tradesec_login_delay 1s 8s after=2\", with "
                       "times of 100ms to 30s", &value[i]);

    return NGX_CONF_ERROR;
}
