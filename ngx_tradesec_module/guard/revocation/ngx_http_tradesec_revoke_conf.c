/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directive tradesec_revoke, and the nginx module of revocation.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "core/ts_word.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/posture/ngx_http_tradesec_posture.h"
#include "guard/refresh/ngx_http_tradesec_refresh.h"
#include "guard/revocation/ngx_http_tradesec_revoke_conf.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"


static void *ngx_http_tradesec_revoke_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_revoke_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_revoke_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_tradesec_revoke(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_revoke_merge(ngx_conf_t *cf,
    ngx_http_tradesec_revoke_conf_t *conf);
static ngx_int_t ngx_http_tradesec_revoke_name(ngx_conf_t *cf,
    ngx_http_tradesec_revoke_policy_t *policy, ngx_str_t *value);
static ngx_int_t ngx_http_tradesec_revoke_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_revoke_policy_t *policy, ngx_str_t *value);


static ngx_http_tradesec_revoke_policy_t  ngx_http_tradesec_revoke_off = {
    .what = TS_REVOKED_NOTHING
};


static ngx_command_t  ngx_http_tradesec_revoke_commands[] = {

    { ngx_string("tradesec_revoke"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_revoke,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_revocations"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_tradesec_revocations,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_posture"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_tradesec_posture_location_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_freeze"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_revoke_conf_t, freeze),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_revoke_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_tradesec_revoke_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tradesec_revoke_create_conf,  /* create location configuration */
    ngx_http_tradesec_revoke_merge_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_tradesec_revoke_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_revoke_module_ctx,  /* module context */
    ngx_http_tradesec_revoke_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_tradesec_revoke_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_revoke_main_conf_t));
}


static void *
ngx_http_tradesec_revoke_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_revoke_conf_t  *rcf;

    rcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_revoke_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rcf->allow = NULL;
     *     rcf->posture = NULL;
     */

    rcf->policy = NGX_CONF_UNSET_PTR;
    rcf->freeze = NGX_CONF_UNSET;

    return rcf;
}


static char *
ngx_http_tradesec_revoke_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_revoke_conf_t  *prev = parent;
    ngx_http_tradesec_revoke_conf_t  *conf = child;

    ngx_conf_merge_value(conf->freeze, prev->freeze, 1);

    if (ngx_http_tradesec_conf_is_block(cf)) {
        ngx_conf_merge_ptr_value(conf->policy, prev->policy,
                                 &ngx_http_tradesec_revoke_off);
        conf->allow = prev->allow;
        conf->posture = prev->posture;
    }

    /* the address is a credential: no token is asked for beside it */

    if (conf->posture != NULL) {
        ngx_http_tradesec_conf_set_credential(cf);
        ngx_http_tradesec_conf_serve(cf, ngx_http_tradesec_posture_handler);
    }

    if (conf->allow != NULL
        && ngx_http_tradesec_revocations_merge(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_revoke_merge(cf, conf);
}


static char *
ngx_http_tradesec_revoke_merge(ngx_conf_t *cf,
    ngx_http_tradesec_revoke_conf_t *conf)
{
    ngx_uint_t                             i;
    ngx_flag_t                             no_zone;
    const ngx_http_tradesec_jwt_policy_t  *jwt;

    ngx_conf_init_ptr_value(conf->policy, &ngx_http_tradesec_revoke_off);

    if (conf->policy->what == TS_REVOKED_NOTHING
        || !ngx_http_tradesec_conf_is_on(cf))
    {
        return NGX_CONF_OK;
    }

    jwt = ngx_http_tradesec_jwt_conf_policy(cf);

    if (jwt == NULL) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_revoke\" revokes nothing without "
                   "\"tradesec_jwt\"");
    }

    if (ngx_http_tradesec_refresh_policy(cf) != NULL) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_revoke\" and \"tradesec_refresh\" exclude each "
                   "other: both wait for the meaning of one answer");
    }

    if (ngx_http_tradesec_conf_is_login(cf)) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_revoke\" and \"tradesec_login\" exclude each "
                   "other: both wait for the meaning of one answer");
    }

    for (i = 0; conf->policy->what != TS_REVOKED_TOKEN && i < jwt->n; i++) {
        if (!ngx_http_tradesec_jwt_is_bounded(jwt->providers[i])) {
            return ngx_http_tradesec_conf_merge_error(cf,
                       "\"tradesec_revoke user\" and \"tradesec_revoke "
                       "session\" need a provider with \"max_lifetime\" or "
                       "\"lifetime\": it tells how long a revocation has to "
                       "last, and when tokens without \"iat\" were issued");
        }
    }

    if (ngx_http_tradesec_revocations_create(cf, &no_zone) == NULL) {
        return no_zone ? ngx_http_tradesec_conf_merge_error(cf,
                             "\"tradesec_revoke\" needs \"tradesec_zone\"")
                       : NGX_CONF_ERROR;
    }

    ngx_http_tradesec_conf_expect_outcomes(cf, 0);

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_revoke(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_revoke_conf_t *rcf = conf;

    ngx_str_t                          *value;
    ngx_uint_t                          i;
    ngx_http_tradesec_revoke_policy_t  *policy;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "token", 5 },
        { (const uint8_t *) "session", 7 },
        { (const uint8_t *) "user", 4 },
        { (const uint8_t *) "off", 3 },
    };

    if (rcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    i = ts_word_find(ts_slice(value[1].data, value[1].len), words,
                     sizeof(words) / sizeof(words[0]));

    if (i == sizeof(words) / sizeof(words[0])) {
        return ngx_http_tradesec_conf_unknown(cf, &value[1], words, i);
    }

    if (i == 3) {
        rcf->policy = &ngx_http_tradesec_revoke_off;
        return cf->args->nelts == 2 ? NGX_CONF_OK
                                    : "invalid number of arguments in";
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_revoke_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    rcf->policy = policy;
    policy->what = (ts_revoked_e) i;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_tradesec_revoke_parameter(cf, policy, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (policy->success) {
        return NGX_CONF_OK;
    }

    if (policy->what == TS_REVOKED_USER) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_revoke user\" must say which answer "
                           "means success, as \"success=204\": many apps "
                           "answer 200 to a wrong password, too");
        return NGX_CONF_ERROR;
    }

    (void) ts_outcome_statuses(&policy->criteria.statuses, TS_OUTCOME_SUCCESS,
                               TS_SLICE("2xx,3xx"));

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_revoke_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_revoke_policy_t *policy, ngx_str_t *value)
{
    ts_slice_t  arg;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "success=", 8 },
        { (const uint8_t *) "clear=", 6 },
        { (const uint8_t *) "clear_site_data", 15 },
        { (const uint8_t *) "name=", 5 },
    };

    if (ngx_strncmp(value->data, "success=", 8) == 0) {
        arg = ts_slice(value->data + 8, value->len - 8);

        if (!ts_outcome_statuses(&policy->criteria.statuses,
                                 TS_OUTCOME_SUCCESS, arg))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid statuses in \"%V\", write as "
                               "\"success=204\" or \"success=2xx,302\"",
                               value);
            return NGX_ERROR;
        }

        policy->success = 1;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "clear=", 6) == 0) {
        arg = ts_slice(value->data + 6, value->len - 6);

        if (!ts_cookie_is_name(arg)
            || policy->n_clear == NGX_HTTP_TRADESEC_REVOKE_CLEAR)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid cookie name in \"%V\", or more than "
                               "%d of them", value,
                               NGX_HTTP_TRADESEC_REVOKE_CLEAR);
            return NGX_ERROR;
        }

        policy->clear[policy->n_clear].data = value->data + 6;
        policy->clear[policy->n_clear++].len = arg.len;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "name=", 5) == 0 && value->len > 5
        && policy->what == TS_REVOKED_USER && policy->name == NULL)
    {
        return ngx_http_tradesec_revoke_name(cf, policy, value);
    }

    if (ngx_strcmp(value->data, "clear_site_data") == 0) {
        policy->clear_site_data = 1;
        return NGX_OK;
    }

    (void) ngx_http_tradesec_conf_unknown(cf, value, words,
                                          sizeof(words) / sizeof(words[0]));

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_tradesec_revoke_name(ngx_conf_t *cf,
    ngx_http_tradesec_revoke_policy_t *policy, ngx_str_t *value)
{
    ngx_str_t                          text;
    ngx_http_compile_complex_value_t   ccv;

    text.data = value->data + 5;
    text.len = value->len - 5;

    policy->name = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (policy->name == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &text;
    ccv.complex_value = policy->name;

    return ngx_http_compile_complex_value(&ccv);
}
