/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_session_login.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "guard/session/ngx_http_tradesec_session.h"
#include "request/ngx_http_tradesec_conf.h"


static char *ngx_http_tradesec_session_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t *policy, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_session_pending(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t *policy, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_session_json(ngx_conf_t *cf,
    ts_outcome_criteria_t *criteria, ngx_str_t *text);
static ngx_int_t ngx_http_tradesec_session_pointer(ngx_conf_t *cf,
    const ngx_str_t *text, ts_json_pointer_t *pointer);
static ngx_flag_t ngx_http_tradesec_session_field(ngx_str_t *text,
    ts_outcome_field_t *field);


char *
ngx_http_tradesec_session_set_policy(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t **set)
{
    ngx_str_t                                *value;
    ngx_uint_t                                i;
    ngx_http_tradesec_session_policy_t       *policy;
    const ngx_http_tradesec_jwt_provider_t   *provider;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        *set = NULL;
        return NGX_CONF_OK;
    }

    provider = ngx_http_tradesec_jwt_find_provider(cf, &value[1]);

    if (provider == NULL || provider->session == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown session \"%V\": there is no "
                           "\"tradesec_session %V\" before this line",
                           &value[1], &value[1]);
        return NGX_CONF_ERROR;
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_session_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    policy->session = provider->session;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_tradesec_session_parameter(cf, policy, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (policy->step_up
        && (policy->pending || policy->user_field.len || policy->user_json))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"step_up=\" of \"tradesec_session_login\" is "
                           "about who is logged in: there is neither "
                           "\"user=\" nor \"pending\" beside it");
        return NGX_CONF_ERROR;
    }

    *set = policy;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_session_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t *policy, ngx_str_t *value)
{
    ngx_str_t           text;
    ts_outcome_field_t  field;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "user=", 5 },
        { (const uint8_t *) "pending=", 8 },
        { (const uint8_t *) "app_cookie=keep", 15 },
        { (const uint8_t *) "step_up=mfa", 11 },
        { (const uint8_t *) "step_up=password", 16 },
        { (const uint8_t *) "pending", 7 },
    };

    if (ngx_strcmp(value->data, "pending") == 0 && !policy->pending) {
        policy->pending = 1;
        return NGX_CONF_OK;
    }

    if (!policy->step_up
        && (ngx_strcmp(value->data, "step_up=mfa") == 0
            || ngx_strcmp(value->data, "step_up=password") == 0))
    {
        policy->step_up = 1;
        policy->factor = value->data[8] == 'm';
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "app_cookie=keep") == 0 && !policy->keep) {
        policy->keep = 1;
        return NGX_CONF_OK;
    }

    ngx_memzero(&field, sizeof(ts_outcome_field_t));

    if (ngx_strncmp(value->data, "user=json:", 10) == 0
        && policy->user_field.len == 0 && !policy->user_json)
    {
        text.data = value->data + 10;
        text.len = value->len - 10;

        if (ngx_http_tradesec_session_pointer(cf, &text,
                                              &policy->user_pointer)
            == NGX_OK)
        {
            policy->user_json = 1;
            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(value->data, "user=header:", 12) == 0
        && policy->user_field.len == 0 && !policy->user_json)
    {
        text.data = value->data + 12;
        text.len = value->len - 12;

        if (ngx_http_tradesec_session_field(&text, &field)
            && field.value.data == NULL)
        {
            policy->user_field = text;
            return NGX_CONF_OK;
        }
    }

    if (ngx_strncmp(value->data, "pending=", 8) == 0
        && policy->pending == ts_outcome_has_success(&policy->criteria)
        && ngx_http_tradesec_session_pending(cf, policy, value) == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    return ngx_http_tradesec_conf_unknown(cf, value, words,
                                          sizeof(words) / sizeof(words[0]));
}


/* pending= with a criterion. */

static ngx_int_t
ngx_http_tradesec_session_pending(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t *policy, ngx_str_t *value)
{
    ngx_str_t           text;
    ts_outcome_field_t  field;

    ngx_memzero(&field, sizeof(ts_outcome_field_t));

    policy->pending = 1;

    text.data = value->data + 8;
    text.len = value->len - 8;

    if (ngx_strncmp(text.data, "status:", 7) == 0
        && ts_outcome_statuses(&policy->criteria.success,
                               ts_slice(text.data + 7, text.len - 7)))
    {
        return NGX_OK;
    }

    if (ngx_strncmp(text.data, "json:", 5) == 0
        && policy->criteria.nbodies < TS_OUTCOME_BODIES)
    {
        text.data += 5;
        text.len -= 5;

        if (ngx_http_tradesec_session_json(cf, &policy->criteria, &text)
            == NGX_OK)
        {
            return NGX_OK;
        }
    }

    if (ngx_strncmp(text.data, "header:", 7) == 0
        && policy->criteria.nfields < TS_OUTCOME_FIELDS)
    {
        text.data += 7;
        text.len -= 7;

        if (ngx_http_tradesec_session_field(&text, &field)) {
            policy->criteria.fields[policy->criteria.nfields++] = field;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* POINTER or POINTER=VALUE. */

static ngx_int_t
ngx_http_tradesec_session_json(ngx_conf_t *cf, ts_outcome_criteria_t *criteria,
    ngx_str_t *text)
{
    u_char             *eq;
    ts_outcome_body_t  *body;

    body = &criteria->bodies[criteria->nbodies];

    eq = ngx_strlchr(text->data, text->data + text->len, '=');

    if (eq != NULL) {
        body->value = ts_slice(eq + 1, text->data + text->len - eq - 1);
        text->len = eq - text->data;
    }

    if (ngx_http_tradesec_session_pointer(cf, text, &body->pointer)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    body->means = TS_OUTCOME_SUCCESS;
    body->json = 1;
    criteria->nbodies++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_session_pointer(ngx_conf_t *cf, const ngx_str_t *text,
    ts_json_pointer_t *pointer)
{
    u_char  *buf;

    buf = ngx_pnalloc(cf->pool, text->len + 1);

    return buf != NULL && text->len != 0
           && ts_json_pointer(pointer, ts_slice(text->data, text->len), buf)
              == 0
           ? NGX_OK : NGX_DECLINED;
}


/* NAME or NAME=VALUE; text becomes the name, in lower case. */

static ngx_flag_t
ngx_http_tradesec_session_field(ngx_str_t *text, ts_outcome_field_t *field)
{
    u_char  *eq;

    eq = ngx_strlchr(text->data, text->data + text->len, '=');

    if (eq != NULL) {
        field->value = ts_slice(eq + 1, text->data + text->len - eq - 1);
        text->len = eq - text->data;
    }

    if (text->len > TS_OUTCOME_NAME
        || !ts_cookie_is_name(ts_slice(text->data, text->len)))
    {
        return 0;
    }

    ngx_strlow(text->data, text->data, text->len);
    field->name = ts_slice(text->data, text->len);

    return 1;
}
