/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_refresh.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "guard/refresh/ngx_http_tradesec_refresh.h"
#include "request/ngx_http_tradesec_conf.h"


static void *ngx_http_tradesec_refresh_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_refresh_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_refresh_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_refresh_parameter(ngx_conf_t *cf, void *data,
    ngx_str_t *value);
static void ngx_http_tradesec_refresh_ended(
    ngx_http_tradesec_rotation_store_t *store, uint64_t access);
static char *ngx_http_tradesec_refresh_source(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t *value);
static char *ngx_http_tradesec_refresh_place(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_place_t *place, ngx_str_t *parameter,
    ngx_str_t *value);
static ngx_flag_t ngx_http_tradesec_refresh_set_name(ngx_str_t *name,
    const ngx_str_t *text);
static char *ngx_http_tradesec_refresh_complete(ngx_conf_t *cf, void *data);
static void ngx_http_tradesec_refresh_default_name(
    ngx_http_tradesec_refresh_policy_t *policy);
static void ngx_http_tradesec_refresh_expect(
    ngx_http_tradesec_refresh_policy_t *policy);
static char *ngx_http_tradesec_refresh_provider(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *name);


static const ngx_http_tradesec_conf_policy_t
    ngx_http_tradesec_refresh_reader = {
    sizeof(ngx_http_tradesec_refresh_policy_t),
    ngx_http_tradesec_refresh_parameter,
    ngx_http_tradesec_refresh_complete
};


static ngx_command_t  ngx_http_tradesec_refresh_commands[] = {

    { ngx_string("tradesec_refresh"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_conf_set_policy_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_refresh_conf_t, policy),
      (void *) &ngx_http_tradesec_refresh_reader },

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

    ngx_flag_t                                no_zone;
    ngx_http_tradesec_refresh_main_conf_t    *rmcf;
    const ngx_http_tradesec_jwt_provider_t  **provider;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy, NULL);

    if (conf->policy == NULL || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    ngx_http_tradesec_conf_set_credential(cf);
    ngx_http_tradesec_conf_expect_outcomes(cf, conf->policy->next.json
                                               || conf->policy->access.json);

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_refresh_module);

    if (conf->policy->provider != NULL) {
        rmcf->revocations = ngx_http_tradesec_revocations_create(cf, &no_zone);

        if (rmcf->providers == NULL) {
            rmcf->providers = ngx_array_create(cf->pool, 1, sizeof(void *));
        }

        provider = rmcf->providers ? ngx_array_push(rmcf->providers) : NULL;

        if (provider == NULL || (rmcf->revocations == NULL && !no_zone)) {
            return NGX_CONF_ERROR;
        }

        *provider = conf->policy->provider;
    }

    if (rmcf->store == NULL) {
        rmcf->store = ngx_http_tradesec_rotation_store_create(cf, &no_zone);

        if (rmcf->store == NULL) {
            return no_zone ? ngx_http_tradesec_conf_merge_error(cf,
                             "\"tradesec_refresh\" needs \"tradesec_zone\"")
                           : NGX_CONF_ERROR;
        }

        rmcf->store->ended = ngx_http_tradesec_refresh_ended;
        rmcf->store->data = rmcf;
    }

    rmcf->store->grace = ngx_max(rmcf->store->grace, conf->policy->grace);

    return NGX_CONF_OK;
}


/* Another gateway has seen that a token was used again. */

static void
ngx_http_tradesec_refresh_ended(ngx_http_tradesec_rotation_store_t *store,
    uint64_t access)
{
    ngx_http_tradesec_refresh_revoke(store->data, access);
}


static char *
ngx_http_tradesec_refresh_parameter(ngx_conf_t *cf, void *data,
    ngx_str_t *value)
{
    ngx_http_tradesec_refresh_policy_t  *policy = data;

    size_t      i;
    time_t     *seconds;
    ngx_str_t   text;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "token=", 6 },
        { (const uint8_t *) "next=", 5 },
        { (const uint8_t *) "access=", 7 },
        { (const uint8_t *) "name=", 5 },
        { (const uint8_t *) "provider=", 9 },
        { (const uint8_t *) "grace=", 6 },
        { (const uint8_t *) "lifetime=", 9 },
        { (const uint8_t *) "fallback=", 9 },
    };

    i = ngx_http_tradesec_conf_open(value, words,
                                    sizeof(words) / sizeof(words[0]), &text);

    switch (i) {

    case 0:
        return ngx_http_tradesec_refresh_source(cf, policy, value, &text);

    case 1:
        return ngx_http_tradesec_refresh_place(cf, &policy->next, value,
                                               &text);

    case 2:
        return ngx_http_tradesec_refresh_place(cf, &policy->access, value,
                                               &text);

    case 3:
        if (policy->name.len == 0) {
            policy->name = text;
            return NGX_CONF_OK;
        }

        break;

    case 4:
        return ngx_http_tradesec_refresh_provider(cf, policy, &text);

    case 7:
        if (ngx_strcmp(text.data, "closed") == 0
            || ngx_strcmp(text.data, "local") == 0)
        {
            policy->closed = text.data[0] == 'c';
            return NGX_CONF_OK;
        }

        break;

    case 5:
    case 6:
        seconds = (i == 5) ? &policy->grace : &policy->lifetime;

        if (*seconds) {
            break;
        }

        *seconds = ngx_parse_time(&text, 1);

        if (*seconds > 0 && *seconds <= 366 * 24 * 3600) {
            return NGX_CONF_OK;
        }

        break;
    }

    return ngx_http_tradesec_conf_unknown(cf, value, words,
                                          sizeof(words) / sizeof(words[0]));
}


/* token=: a cookie, or a field of the body. */

static char *
ngx_http_tradesec_refresh_source(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t *value)
{
    ngx_str_t  name;

    if (ngx_strncmp(value->data, "cookie:", 7) == 0) {
        name.data = value->data + 7;
        name.len = value->len - 7;

        if (ngx_http_tradesec_refresh_set_name(&policy->cookie, &name)) {
            return NGX_CONF_OK;
        }

    } else if (value->len) {
        policy->body = 1;

        switch (ngx_http_tradesec_body_source(cf, &policy->source, parameter,
                                              *value))
        {

        case NGX_OK:
            return NGX_CONF_OK;

        case NGX_ERROR:
            return NGX_CONF_ERROR;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"tradesec_refresh\", "
                       "write \"token=json:/pointer\", \"token=form:field\", "
                       "\"token=multipart:field\" or \"token=cookie:name\"",
                       parameter);

    return NGX_CONF_ERROR;
}


/* next= and access=: a cookie, or a member of the answer's JSON. */

static char *
ngx_http_tradesec_refresh_place(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_place_t *place, ngx_str_t *parameter,
    ngx_str_t *value)
{
    ngx_str_t  text;

    if (!place->json && place->cookie.len == 0) {

        if (ngx_strncmp(value->data, "cookie:", 7) == 0) {
            text.data = value->data + 7;
            text.len = value->len - 7;

            if (ngx_http_tradesec_refresh_set_name(&place->cookie, &text)) {
                return NGX_CONF_OK;
            }

        } else if (ngx_strncmp(value->data, "json:/", 6) == 0
                   && ngx_http_tradesec_conf_pointer(cf,
                                ts_slice(value->data + 5, value->len - 5),
                                &place->pointer))
        {
            place->json = 1;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"tradesec_refresh\", "
                       "write it once, with \"json:/pointer\" or "
                       "\"cookie:name\"", parameter);

    return NGX_CONF_ERROR;
}


static ngx_flag_t
ngx_http_tradesec_refresh_set_name(ngx_str_t *name, const ngx_str_t *text)
{
    if (name->len || !ts_cookie_is_name(ts_slice(text->data, text->len))) {
        return 0;
    }

    *name = *text;

    return 1;
}


/* The defaults: what is in a cookie comes back in it, and so with JSON. */

static char *
ngx_http_tradesec_refresh_complete(ngx_conf_t *cf, void *data)
{
    ngx_http_tradesec_refresh_policy_t  *policy = data;

    ngx_http_tradesec_refresh_place_t  *next;

    next = &policy->next;

    if (policy->cookie.len == 0 && !policy->body) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_refresh\" must have \"token=\", as in "
                           "\"token=cookie:refresh_token\" or "
                           "\"token=json:/refresh_token\"");
        return NGX_CONF_ERROR;
    }

    if ((policy->provider == NULL)
        != (policy->access.cookie.len == 0 && !policy->access.json))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_refresh\" must have both "
                           "\"provider=\" and \"access=\", or none");
        return NGX_CONF_ERROR;
    }

    if (!next->json && next->cookie.len == 0) {

        if (policy->cookie.len) {
            next->cookie = policy->cookie;

        } else if (policy->source.sources.json) {
            next->json = 1;
            next->pointer = policy->source.json;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tradesec_refresh\" must say where the answer "
                               "has the next token, as in "
                               "\"next=json:/refresh_token\"");
            return NGX_CONF_ERROR;
        }
    }

    policy->grace = policy->grace ? policy->grace : 5;
    policy->lifetime = policy->lifetime ? policy->lifetime : 30 * 24 * 3600;

    ngx_http_tradesec_refresh_default_name(policy);
    ngx_http_tradesec_refresh_expect(policy);

    return NGX_CONF_OK;
}


/* Tokens are called as the field that brings them. */

static void
ngx_http_tradesec_refresh_default_name(
    ngx_http_tradesec_refresh_policy_t *policy)
{
    ts_slice_t                 name;
    const ts_login_sources_t  *sources;

    sources = &policy->source.sources;

    name = policy->cookie.len
           ? ts_slice(policy->cookie.data, policy->cookie.len)
           : sources->json ? sources->json_names[sources->json->n - 1].name
           : sources->form ? sources->form->name : sources->multipart->name;

    if (policy->name.len == 0) {
        policy->name.data = (u_char *) name.data;
        policy->name.len = name.len;
    }

    policy->salt = ngx_crc32_long(policy->name.data, policy->name.len);
}


/* An answer with a next token is a success. */

static void
ngx_http_tradesec_refresh_expect(ngx_http_tradesec_refresh_policy_t *policy)
{
    const ngx_http_tradesec_refresh_place_t  *next;

    next = &policy->next;

    if (next->json) {
        policy->criteria.nbodies = 1;
        policy->criteria.bodies[0].means = TS_OUTCOME_SUCCESS;
        policy->criteria.bodies[0].json = 1;
        policy->criteria.bodies[0].pointer = next->pointer;

    } else {
        policy->criteria.nfields = 1;
        policy->criteria.fields[0].cookie = 1;
        policy->criteria.fields[0].name = ts_slice(next->cookie.data,
                                                   next->cookie.len);
    }
}


static char *
ngx_http_tradesec_refresh_provider(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *name)
{
    if (policy->provider != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"provider=\" is duplicate");
        return NGX_CONF_ERROR;
    }

    policy->provider = ngx_http_tradesec_jwt_known_provider(cf, name);

    if (policy->provider == NULL) {
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
