/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_login.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_conf.h"


static ngx_int_t ngx_http_tradesec_login_account(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t value);
static ngx_int_t ngx_http_tradesec_login_email(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t value);


ngx_http_tradesec_login_policy_t  ngx_http_tradesec_login_off = { .off = 1 };


uint64_t
ngx_http_tradesec_login_counter_tag(const ngx_str_t *counter)
{
    u_char    hash[crypto_generichash_BYTES];
    uint64_t  tag;

    (void) crypto_generichash(hash, sizeof(hash), counter->data, counter->len,
                              NULL, 0);
    ngx_memcpy(&tag, hash, sizeof(tag));

    return tag;
}


char *
ngx_http_tradesec_login(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    ngx_int_t                          rc;
    ngx_str_t                         *value, v;
    ngx_uint_t                         i;
    ngx_http_tradesec_login_policy_t  *policy;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "account=", 8 },
        { (const uint8_t *) "success=", 8 },
        { (const uint8_t *) "failure=", 8 },
        { (const uint8_t *) "neutral=", 8 },
        { (const uint8_t *) "counter=", 8 },
        { (const uint8_t *) "email=", 6 }
    };

    if (llcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        llcf->policy = &ngx_http_tradesec_login_off;
        return NGX_CONF_OK;
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_login_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    llcf->policy = policy;
    ngx_str_set(&policy->counter, "login");

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_tradesec_login_prefix(&value[i], "account=", &v)) {
            rc = ngx_http_tradesec_login_account(cf, policy, &value[i], v);

        } else if (ngx_http_tradesec_login_prefix(&value[i], "success=", &v)) {
            rc = ngx_http_tradesec_login_criterion(cf, policy,
                                       TS_OUTCOME_SUCCESS, &value[i], v);

        } else if (ngx_http_tradesec_login_prefix(&value[i], "failure=", &v)) {
            rc = ngx_http_tradesec_login_criterion(cf, policy,
                                       TS_OUTCOME_FAILURE, &value[i], v);

        } else if (ngx_http_tradesec_login_prefix(&value[i], "neutral=", &v)) {
            rc = ngx_http_tradesec_login_criterion(cf, policy,
                                       TS_OUTCOME_NEUTRAL, &value[i], v);

        } else if (ngx_http_tradesec_login_prefix(&value[i], "counter=", &v)
                   && v.len > 0 && v.len <= TS_FIELD_NAME)
        {
            policy->counter = v;
            rc = NGX_OK;

        } else if (ngx_http_tradesec_login_prefix(&value[i], "email=", &v)) {
            rc = ngx_http_tradesec_login_email(cf, policy, &value[i], v);

        } else {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], words,
                                          sizeof(words) / sizeof(words[0]));
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    policy->counter_tag = ngx_http_tradesec_login_counter_tag(
                                                            &policy->counter);

    if (!policy->body && !policy->basic && !policy->none && !policy->user) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_login\" must say where the account is, "
                           "as \"account=json:/username\", "
                           "\"account=form:username\", "
                           "\"account=multipart:username\", "
                           "\"account=basic\", \"account=user\" or "
                           "\"account=none\"");
        return NGX_CONF_ERROR;
    }

    if ((policy->none || policy->user)
        && policy->none + policy->user + policy->body + policy->basic != 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"account=%s\" cannot be mixed with other "
                           "sources in \"tradesec_login\"",
                           policy->none ? "none" : "user");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_login_account(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t value)
{
    ngx_int_t  rc;

    if (value.len == 5 && ngx_strncmp(value.data, "basic", 5) == 0) {
        policy->basic = 1;
        return NGX_OK;
    }

    if (value.len == 4 && ngx_strncmp(value.data, "none", 4) == 0) {
        policy->none = 1;
        return NGX_OK;
    }

    if (value.len == 4 && ngx_strncmp(value.data, "user", 4) == 0) {
        policy->user = 1;
        return NGX_OK;
    }

    policy->body = 1;

    rc = ngx_http_tradesec_body_source(cf, &policy->account, parameter, value);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"tradesec_login\", "
                       "write \"account=json:/pointer\", "
                       "\"account=form:field\", \"account=multipart:field\", "
                       "\"account=basic\", \"account=user\" or "
                       "\"account=none\"", parameter);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_tradesec_login_email(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t value)
{
    if (policy->email != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in "
                           "\"tradesec_login\"", parameter);
        return NGX_ERROR;
    }

    if (ngx_strcmp(value.data, "plus") == 0) {
        policy->email = TS_ACCOUNT_EMAIL_PLUS;

    } else if (ngx_strcmp(value.data, "dots") == 0) {
        policy->email = TS_ACCOUNT_EMAIL_DOTS;

    } else if (ngx_strcmp(value.data, "plus,dots") == 0) {
        policy->email = TS_ACCOUNT_EMAIL_PLUS|TS_ACCOUNT_EMAIL_DOTS;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"tradesec_login\", write \"email=plus\", "
                           "\"email=dots\" or \"email=plus,dots\"",
                           parameter);
        return NGX_ERROR;
    }

    return NGX_OK;
}
