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


static char *ngx_http_tradesec_session_parameter(ngx_conf_t *cf, void *data,
    ngx_str_t *value);
static char *ngx_http_tradesec_session_complete(ngx_conf_t *cf, void *data);
static ngx_int_t ngx_http_tradesec_session_pending(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t *policy, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_session_json(ngx_conf_t *cf,
    ts_outcome_criteria_t *criteria, ngx_str_t *text);
static ngx_flag_t ngx_http_tradesec_session_field(ngx_str_t *text,
    ts_outcome_field_t *field);


const ngx_http_tradesec_conf_policy_t
    ngx_http_tradesec_session_login_reader = {
    sizeof(ngx_http_tradesec_session_policy_t),
    ngx_http_tradesec_session_parameter,
    ngx_http_tradesec_session_complete
};


/* The first parameter names the session. */

static char *
ngx_http_tradesec_session_name(ngx_conf_t *cf,
    ngx_http_tradesec_session_policy_t *policy, ngx_str_t *value)
{
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ngx_http_tradesec_jwt_find_provider(cf, value);

    if (provider == NULL || provider->session == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown session \"%V\": there is no "
                           "\"tradesec_session %V\" before this line",
                           value, value);
        return NGX_CONF_ERROR;
    }

    policy->session = provider->session;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_session_complete(ngx_conf_t *cf, void *data)
{
    ngx_http_tradesec_session_policy_t  *policy = data;

    if (policy->step_up
        && (policy->pending || policy->user_field.len || policy->user_json))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"step_up=\" of \"tradesec_session_login\" is "
                           "about who is logged in: there is neither "
                           "\"user=\" nor \"pending\" beside it");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_session_parameter(ngx_conf_t *cf, void *data,
    ngx_str_t *value)
{
    ngx_http_tradesec_session_policy_t  *policy = data;

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

    if (policy->session == NULL) {
        return ngx_http_tradesec_session_name(cf, policy, value);
    }

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
        && policy->user_field.len == 0 && !policy->user_json
        && ngx_http_tradesec_conf_pointer(cf,
                              ts_slice(value->data + 10, value->len - 10),
                              &policy->user_pointer))
    {
        policy->user_json = 1;
        return NGX_CONF_OK;
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
        && ts_outcome_statuses(&policy->criteria.statuses, TS_OUTCOME_SUCCESS,
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

    if (!ngx_http_tradesec_conf_pointer(cf, ts_slice(text->data, text->len),
                                        &body->pointer))
    {
        return NGX_DECLINED;
    }

    body->means = TS_OUTCOME_SUCCESS;
    body->json = 1;
    criteria->nbodies++;

    return NGX_OK;
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
