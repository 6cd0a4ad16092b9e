/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What answers mean: success=, failure= and neutral= of tradesec_login.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "request/ngx_http_tradesec_conf.h"


/*
 * A search is given up after so many steps: an answer shows what the client
 * has sent, and some patterns take for ever on what was made for them.
 */

#define NGX_HTTP_TRADESEC_LOGIN_MATCH  "(*LIMIT_MATCH=100000)"


static ngx_int_t ngx_http_tradesec_login_success(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t value);
static ngx_int_t ngx_http_tradesec_login_statuses(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t value);
static ts_outcome_body_t *ngx_http_tradesec_login_add_body(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means);
static ngx_int_t ngx_http_tradesec_login_pattern(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t pattern);
static ngx_int_t ngx_http_tradesec_login_value(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t value);


ngx_int_t
ngx_http_tradesec_login_criterion(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t value)
{
    ngx_str_t  v;

    if (ngx_http_tradesec_login_prefix(&value, "body:", &v)) {
        return ngx_http_tradesec_login_pattern(cf, policy, means, parameter,
                                               v);
    }

    if (ngx_http_tradesec_login_prefix(&value, "json:", &v)) {
        return ngx_http_tradesec_login_value(cf, policy, means, parameter, v);
    }

    return means == TS_OUTCOME_SUCCESS
           ? ngx_http_tradesec_login_success(cf, policy, parameter, value)
           : ngx_http_tradesec_login_statuses(cf, policy, means, parameter,
                                              value);
}


static ngx_int_t
ngx_http_tradesec_login_success(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t value)
{
    u_char              *eq;
    ngx_str_t            v;
    ts_outcome_field_t  *field;

    if (ngx_http_tradesec_login_prefix(&value, "status:", &v)) {
        return ngx_http_tradesec_login_statuses(cf, policy, TS_OUTCOME_SUCCESS,
                                                parameter, v);
    }

    if (policy->criteria.nfields == TS_OUTCOME_FIELDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d criteria of success in "
                           "\"tradesec_login\"", TS_OUTCOME_FIELDS);
        return NGX_ERROR;
    }

    field = &policy->criteria.fields[policy->criteria.nfields];

    if (ngx_http_tradesec_login_prefix(&value, "cookie:", &v)
        && v.len > 0
        && ngx_strlchr(v.data, v.data + v.len, '=') == NULL)
    {
        field->cookie = 1;
        field->name = ts_slice(v.data, v.len);
        policy->criteria.nfields++;

        return NGX_OK;
    }

    if (ngx_http_tradesec_login_prefix(&value, "header:", &v)) {
        eq = ngx_strlchr(v.data, v.data + v.len, '=');

        if (eq != NULL) {
            field->value = ts_slice(eq + 1, v.data + v.len - eq - 1);
            v.len = eq - v.data;
        }

        if (v.len > 0 && v.len <= TS_OUTCOME_NAME) {
            ngx_strlow(v.data, v.data, v.len);
            field->name = ts_slice(v.data, v.len);
            policy->criteria.nfields++;

            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"tradesec_login\", "
                       "write \"success=cookie:name\", "
                       "\"success=status:200\", "
                       "\"success=header:name=value\", "
                       "\"success=json:/pointer=value\" or "
                       "\"success=body:pattern\"", parameter);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_tradesec_login_statuses(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t value)
{
    if (ts_outcome_statuses(&policy->criteria.statuses, means,
                            ts_slice(value.data, value.len)))
    {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid statuses in \"%V\" in \"tradesec_login\", "
                       "write as \"401,403\", \"4xx\" or \"400-403\"",
                       parameter);

    return NGX_ERROR;
}


static ts_outcome_body_t *
ngx_http_tradesec_login_add_body(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means)
{
    ts_outcome_body_t  *body;

    if (policy->criteria.nbodies == TS_OUTCOME_BODIES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d criteria of the body in "
                           "\"tradesec_login\"", TS_OUTCOME_BODIES);
        return NULL;
    }

    body = &policy->criteria.bodies[policy->criteria.nbodies++];
    body->means = means;

    return body;
}


static ngx_int_t
ngx_http_tradesec_login_pattern(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t pattern)
{
#if (NGX_PCRE)

    u_char                errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t   rc;

    if (pattern.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no pattern in \"%V\" in \"tradesec_login\"",
                           parameter);
        return NGX_ERROR;
    }

    if (ngx_http_tradesec_login_add_body(cf, policy, means) == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    rc.pattern.len = sizeof(NGX_HTTP_TRADESEC_LOGIN_MATCH) - 1 + pattern.len;
    rc.pattern.data = ngx_pnalloc(cf->pool, rc.pattern.len + 1);
    if (rc.pattern.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(rc.pattern.data, NGX_HTTP_TRADESEC_LOGIN_MATCH "%V%Z",
                &pattern);

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid pattern in \"%V\" in "
                           "\"tradesec_login\": %V", parameter, &rc.err);
        return NGX_ERROR;
    }

    policy->patterns[policy->criteria.nbodies - 1] = rc.regex;

    return NGX_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" in \"tradesec_login\" needs an nginx with "
                       "PCRE", parameter);
    return NGX_ERROR;

#endif
}


/* A pointer has no "=" of its own here: what follows the first is the value */

static ngx_int_t
ngx_http_tradesec_login_value(ngx_conf_t *cf,
    ngx_http_tradesec_login_policy_t *policy, ts_outcome_e means,
    ngx_str_t *parameter, ngx_str_t value)
{
    u_char             *eq;
    ts_outcome_body_t  *body;

    body = ngx_http_tradesec_login_add_body(cf, policy, means);
    if (body == NULL) {
        return NGX_ERROR;
    }

    eq = ngx_strlchr(value.data, value.data + value.len, '=');

    if (eq != NULL) {
        body->value = ts_slice(eq + 1, value.data + value.len - eq - 1);
        value.len = eq - value.data;
    }

    body->json = 1;

    if (!ngx_http_tradesec_conf_pointer(cf, ts_slice(value.data, value.len),
                                        &body->pointer))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid JSON pointer in \"%V\" in "
                           "\"tradesec_login\", write as "
                           "\"json:/pointer=value\"", parameter);
        return NGX_ERROR;
    }

    return NGX_OK;
}
