/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_jwt: which tokens a location asks for, and where they
 * may come from.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "core/ts_name.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_page.h"
#include "request/ngx_http_tradesec_request.h"


typedef struct {
    ngx_http_tradesec_jwt_policy_t   *policy;   /* NULL: off */
} ngx_http_tradesec_jwt_loc_conf_t;


static void *ngx_http_tradesec_jwt_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_jwt_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_jwt_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_jwt_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_jwt_add_sources(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_policy_t *policy);
static char *ngx_http_tradesec_jwt_add_name(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_names_t *names, const ngx_str_t *name);
static char *ngx_http_tradesec_jwt_parameter(ngx_conf_t *cf, void *data,
    ngx_str_t *value);
static char *ngx_http_tradesec_jwt_complete(ngx_conf_t *cf, void *data);
static char *ngx_http_tradesec_jwt_add_provider(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_policy_t *policy, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_jwt_init(ngx_conf_t *cf);


static const ngx_http_tradesec_conf_policy_t  ngx_http_tradesec_jwt_reader = {
    sizeof(ngx_http_tradesec_jwt_policy_t),
    ngx_http_tradesec_jwt_parameter,
    ngx_http_tradesec_jwt_complete
};


static ngx_command_t  ngx_http_tradesec_jwt_commands[] = {

    { ngx_string("tradesec_jwt_provider"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_tradesec_jwt_provider,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_jwt"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_conf_set_policy_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_jwt_loc_conf_t, policy),
      (void *) &ngx_http_tradesec_jwt_reader },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_jwt_module_ctx = {
    ngx_http_tradesec_jwt_add_variables,     /* preconfiguration */
    ngx_http_tradesec_jwt_init,              /* postconfiguration */

    ngx_http_tradesec_jwt_create_main_conf,  /* create main configuration */
    NULL,                                    /* init main configuration */

    ngx_http_tradesec_jwt_create_srv_conf,   /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_tradesec_jwt_create_loc_conf,   /* create location config */
    ngx_http_tradesec_jwt_merge_loc_conf     /* merge location config */
};


ngx_module_t  ngx_http_tradesec_jwt_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_jwt_module_ctx,       /* module context */
    ngx_http_tradesec_jwt_commands,          /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    NULL,                                    /* init module */
    ngx_http_tradesec_jwt_watch_start,       /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    NULL,                                    /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


const void *
ngx_http_tradesec_jwt_conf_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_tradesec_jwt_module);

    return jlcf->policy;
}


const ngx_http_tradesec_jwt_policy_t *
ngx_http_tradesec_jwt_get_policy(ngx_http_request_t *r)
{
    const ngx_http_tradesec_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r->main, ngx_http_tradesec_jwt_module);

    return ngx_http_tradesec_is_on(r->main) ? jlcf->policy : NULL;
}


const ngx_http_tradesec_token_cache_t *
ngx_http_tradesec_jwt_get_cache(ngx_http_request_t *r)
{
    const ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_jwt_module);

    return jmcf->cache;
}


static void *
ngx_http_tradesec_jwt_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_jwt_main_conf_t));

    if (jmcf == NULL
        || ngx_array_init(&jmcf->providers, cf->pool, 2,
                          sizeof(ngx_http_tradesec_jwt_provider_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return jmcf;
}


static void *
ngx_http_tradesec_jwt_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_jwt_sources_t));
}


static void *
ngx_http_tradesec_jwt_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_jwt_loc_conf_t));
    if (jlcf != NULL) {
        jlcf->policy = NGX_CONF_UNSET_PTR;
    }

    return jlcf;
}


static char *
ngx_http_tradesec_jwt_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_jwt_loc_conf_t  *prev = parent;
    ngx_http_tradesec_jwt_loc_conf_t  *conf = child;

    ngx_flag_t                          no_zone;
    ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy, NULL);

    if (conf->policy == NULL || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    conf->policy->active = 1;
    ngx_http_tradesec_conf_set_verified(cf);

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_jwt_module);

    if (!jmcf->active) {
        jmcf->active = 1;
        jmcf->cache = ngx_http_tradesec_token_cache_create(cf, &no_zone);

        if (jmcf->cache == NULL && !no_zone) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_tradesec_revocations_create(cf, &no_zone) == NULL
            && !no_zone)
        {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_tradesec_jwt_watch_conf(cf, jmcf) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_tradesec_jwt_lacks_redis(cf, conf->policy)) {
        return ngx_http_tradesec_conf_merge_error(cf,
                 "\"revocations_stale refuse\" needs \"tradesec_redis\"");
    }

    return ngx_http_tradesec_jwt_add_sources(cf, conf->policy);
}


static char *
ngx_http_tradesec_jwt_add_sources(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    ngx_uint_t                               i, j;
    ngx_http_tradesec_jwt_sources_t         *sources;
    ngx_http_tradesec_jwt_main_conf_t       *jmcf;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_jwt_module);
    sources = ngx_http_conf_get_module_srv_conf(cf,
                                                ngx_http_tradesec_jwt_module);

    if (ngx_http_tradesec_jwt_add_name(cf, &sources->cookies, &policy->cookie)
        != NGX_CONF_OK
        || ngx_http_tradesec_jwt_add_name(cf, &sources->queries,
                                          &policy->query)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_tradesec_identity_activate(cf);

    sources->subprotocol |= policy->subprotocol;

    jmcf->takes |= (sources->queries.n || sources->subprotocol);
    jmcf->filter |= sources->subprotocol;

    for (i = 0; i < policy->n; i++) {
        provider = policy->providers[i];

        for (j = 1 + provider->n_own; j < provider->n_values; j++) {
            if (ngx_http_tradesec_identity_header(cf,
                                             &provider->values[j].header.name)
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_add_name(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_names_t *names, const ngx_str_t *name)
{
    ngx_uint_t  i;

    if (name->len == 0) {
        return NGX_CONF_OK;
    }

    for (i = 0; i < names->n; i++) {
        if (names->names[i].len == name->len
            && ngx_strncmp(names->names[i].data, name->data, name->len) == 0)
        {
            return NGX_CONF_OK;
        }

        if (ts_name_resembles(ts_slice(names->names[i].data,
                                       names->names[i].len),
                              ts_slice(name->data, name->len)))
        {
            return ngx_http_tradesec_conf_merge_error(cf,
                       "\"tradesec_jwt\" takes tokens from two names in the "
                       "server that some backends take for the same");
        }
    }

    if (names->n == NGX_HTTP_TRADESEC_JWT_NAMES) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "more than 8 different cookies or arguments in "
                   "\"tradesec_jwt\"");
    }

    names->names[names->n++] = *name;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_complete(ngx_conf_t *cf, void *data)
{
    ngx_http_tradesec_jwt_policy_t  *policy = data;

    ngx_uint_t                          i;
    ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    if (policy->n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_jwt\" must name a provider");
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < policy->n; i++) {
        if (ngx_http_tradesec_jwt_provider_cookie(cf, policy->providers[i],
                                                  &policy->cookie)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (policy->cookie.len == 0 && policy->query.len == 0
        && !policy->subprotocol && policy->message.n == 0)
    {
        policy->bearer = 1;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_jwt_module);
    policy->file = cf->conf_file->file.name;
    policy->line = cf->conf_file->line;
    policy->place = ngx_http_tradesec_conf_place(cf);
    policy->next = jmcf->policies;
    jmcf->policies = policy;

    return NGX_CONF_OK;
}


/* A parameter that may be given once: the last one does not win. */

static char *
ngx_http_tradesec_jwt_set(ngx_conf_t *cf, ngx_str_t *field, ngx_str_t *value,
    ngx_str_t arg)
{
    if (field->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in \"tradesec_jwt\", "
                           "there is \"%V\" already", value, field);
        return NGX_CONF_ERROR;
    }

    *field = arg;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_jwt_parameter(ngx_conf_t *cf, void *data, ngx_str_t *value)
{
    ngx_http_tradesec_jwt_policy_t  *policy = data;

    size_t       i;
    ngx_str_t    arg;
    ngx_flag_t  *flag;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "cookie=", 7 },
        { (const uint8_t *) "query=", 6 },
        { (const uint8_t *) "login_page=", 11 },
        { (const uint8_t *) "message=", 8 },
        { (const uint8_t *) "subprotocol=bearer", 18 },
        { (const uint8_t *) "bearer", 6 },
    };

    /* the last two have no value */

    i = ngx_http_tradesec_conf_open(value, words, 4, &arg);

    if (i < 2 && ts_cookie_is_name(ts_slice(arg.data, arg.len))) {
        return ngx_http_tradesec_jwt_set(cf, i == 0 ? &policy->cookie
                                                    : &policy->query,
                                         value, arg);
    }

    if (i == 2 && ngx_http_tradesec_conf_is_page(&arg)) {
        return ngx_http_tradesec_jwt_set(cf, &policy->login_page, value, arg);
    }

    if (i == 3) {
        return ngx_http_tradesec_jwt_message(cf, policy, value, arg);
    }

    flag = ngx_strcmp(value->data, "bearer") == 0 ? &policy->bearer
           : ngx_strcmp(value->data, "subprotocol=bearer") == 0
             ? &policy->subprotocol : NULL;

    if (flag != NULL) {
        *flag = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strlchr(value->data, value->data + value->len, '=') == NULL) {
        return ngx_http_tradesec_jwt_add_provider(cf, policy, value);
    }

    return ngx_http_tradesec_conf_unknown(cf, value, words,
                                          sizeof(words) / sizeof(words[0]));
}


static char *
ngx_http_tradesec_jwt_add_provider(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_policy_t *policy, ngx_str_t *value)
{
    ngx_uint_t                               i;
    const ngx_http_tradesec_jwt_provider_t  *provider;

    provider = ngx_http_tradesec_jwt_known_provider(cf, value);

    if (provider == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < policy->n; i++) {
        if (policy->providers[i] == provider) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate provider \"%V\" in \"tradesec_jwt\"",
                               value);
            return NGX_CONF_ERROR;
        }
    }

    if (policy->n == NGX_HTTP_TRADESEC_JWT_PROVIDERS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d providers in \"tradesec_jwt\"",
                           NGX_HTTP_TRADESEC_JWT_PROVIDERS);
        return NGX_CONF_ERROR;
    }

    policy->providers[policy->n++] = provider;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_jwt_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                *h;
    ngx_http_tradesec_jwt_policy_t     *policy;
    ngx_http_core_main_conf_t          *cmcf;
    ngx_http_tradesec_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_jwt_module);

    ngx_http_tradesec_jwt_bound_providers(&jmcf->providers);

    if (ngx_http_tradesec_jwt_seal_providers(cf, &jmcf->providers) != NGX_OK) {
        return NGX_ERROR;
    }

    if (jmcf->active && jmcf->cache == NULL) {
        ngx_http_tradesec_finding(cf, TS_FINDING_JWT_WITHOUT_ZONE);
    }

    for (policy = jmcf->policies; policy; policy = policy->next) {
        if (!policy->active) {
            ngx_http_tradesec_finding_at(cf, TS_FINDING_JWT_UNUSED,
                                         policy->place, &policy->file,
                                         policy->line, NULL);
        }
    }

    if (!jmcf->takes) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tradesec_jwt_take_handler;

    return NGX_OK;
}
