/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives of sessions.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "guard/assertion/ngx_http_tradesec_assertion.h"
#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/session/ngx_http_tradesec_session.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"


typedef struct {
    ngx_array_t                           sessions;     /* of pointers */
    ngx_array_t                           assertions;   /* of pointers */
} ngx_http_tradesec_session_main_conf_t;


typedef struct {
    ngx_http_tradesec_session_policy_t   *policy;       /* NULL: none */
    ngx_http_tradesec_assertion_t        *assertion;    /* NULL: none */
    ngx_http_tradesec_assertion_t        *published;    /* here; not
                                                           inherited */
} ngx_http_tradesec_session_loc_conf_t;


static char *ngx_http_tradesec_session_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_tradesec_identity(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_identity_token(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_tradesec_identity_jwks(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_tradesec_identity_jwks_handler(
    ngx_http_request_t *r);
static void *ngx_http_tradesec_session_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_session_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_session_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);


static ngx_command_t  ngx_http_tradesec_session_commands[] = {

    { ngx_string("tradesec_session"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_tradesec_session_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_session_login"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_conf_set_policy_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_session_loc_conf_t, policy),
      (void *) &ngx_http_tradesec_session_login_reader },

    { ngx_string("tradesec_identity"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_tradesec_identity,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_identity_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tradesec_identity_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_identity_jwks"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tradesec_identity_jwks,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_session_module_ctx = {
    NULL,                                        /* preconfiguration */
    NULL,                                        /* postconfiguration */

    ngx_http_tradesec_session_create_main_conf,  /* create main configuration */
    NULL,                                        /* init main configuration */

    NULL,                                        /* create server config */
    NULL,                                        /* merge server config */

    ngx_http_tradesec_session_create_loc_conf,   /* create location config */
    ngx_http_tradesec_session_merge_loc_conf     /* merge location config */
};


ngx_module_t  ngx_http_tradesec_session_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_session_module_ctx,       /* module context */
    ngx_http_tradesec_session_commands,          /* module directives */
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
ngx_http_tradesec_session_conf_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_session_loc_conf_t  *slcf;

    slcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_tradesec_session_module);

    return slcf->policy;
}


const ngx_http_tradesec_session_policy_t *
ngx_http_tradesec_session_get_policy(ngx_http_request_t *r)
{
    const ngx_http_tradesec_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_session_module);

    return slcf->policy;
}


ngx_flag_t
ngx_http_tradesec_session_is_active(ngx_conf_t *cf)
{
    const ngx_http_tradesec_session_main_conf_t  *smcf;

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_session_module);

    return smcf->sessions.nelts != 0;
}


const ngx_http_tradesec_assertion_t *
ngx_http_tradesec_assertion_get(ngx_http_request_t *r)
{
    const ngx_http_tradesec_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r->main,
                                        ngx_http_tradesec_session_module);

    return slcf->assertion;
}


static char *
ngx_http_tradesec_identity(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_session_main_conf_t *smcf = conf;

    return ngx_http_tradesec_assertion(cf, &smcf->assertions);
}


static char *
ngx_http_tradesec_identity_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_session_loc_conf_t *slcf = conf;

    ngx_str_t                              *value;
    ngx_http_tradesec_session_main_conf_t  *smcf;

    if (slcf->assertion != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        slcf->assertion = NULL;
        return NGX_CONF_OK;
    }

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_session_module);

    slcf->assertion = ngx_http_tradesec_assertion_find(cf, &smcf->assertions);

    return slcf->assertion ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_identity_jwks(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_session_loc_conf_t *slcf = conf;

    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_tradesec_session_main_conf_t  *smcf;

    if (slcf->published != NULL) {
        return "is duplicate";
    }

    smcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_session_module);

    slcf->published = ngx_http_tradesec_assertion_find(cf, &smcf->assertions);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tradesec_identity_jwks_handler;

    return slcf->published ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_tradesec_identity_jwks_handler(ngx_http_request_t *r)
{
    const ngx_http_tradesec_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_session_module);

    return ngx_http_tradesec_assertion_publish(r, slcf->published);
}


static char *
ngx_http_tradesec_session_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_session_main_conf_t *smcf = conf;

    return ngx_http_tradesec_session(cf, &smcf->sessions);
}


static void *
ngx_http_tradesec_session_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_session_main_conf_t  *smcf;

    smcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_session_main_conf_t));
    if (smcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&smcf->sessions, cf->pool, 1,
                       sizeof(ngx_http_tradesec_session_t *))
        != NGX_OK
        || ngx_array_init(&smcf->assertions, cf->pool, 1,
                          sizeof(ngx_http_tradesec_assertion_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return smcf;
}


static void *
ngx_http_tradesec_session_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_session_loc_conf_t  *slcf;

    slcf = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_session_loc_conf_t));
    if (slcf == NULL) {
        return NULL;
    }

    slcf->policy = NGX_CONF_UNSET_PTR;
    slcf->assertion = NGX_CONF_UNSET_PTR;
    slcf->published = NULL;

    return slcf;
}


static char *
ngx_http_tradesec_session_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_session_loc_conf_t  *prev = parent;
    ngx_http_tradesec_session_loc_conf_t  *conf = child;

    ngx_flag_t  own;

    own = conf->assertion != NGX_CONF_UNSET_PTR;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy, NULL);
    ngx_conf_merge_ptr_value(conf->assertion, prev->assertion, NULL);

    if (ngx_http_tradesec_conf_is_block(cf) && prev->published != NULL) {
        conf->published = prev->published;
        ngx_http_tradesec_conf_serve(cf,
                                     ngx_http_tradesec_identity_jwks_handler);
    }

    if (conf->assertion != NULL && ngx_http_tradesec_conf_is_on(cf)) {

        if (ngx_http_tradesec_jwt_conf_policy(cf) != NULL) {
            if (ngx_http_tradesec_identity_header(cf,
                                                &conf->assertion->header.name)
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

        } else if (own && !ngx_http_tradesec_place_is_server(
                                          ngx_http_tradesec_conf_place(cf)))
        {
            return ngx_http_tradesec_conf_merge_error(cf,
                       "\"tradesec_identity_token\" says who the caller is, "
                       "and there is no \"tradesec_jwt\" that verifies it");
        }
    }

    if (conf->policy != NULL
        && ngx_http_tradesec_conf_is_on(cf)
        && ngx_http_tradesec_login_guard.policy(cf) == NULL)
    {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_session_login\" needs \"tradesec_login\", "
                   "which says what a successful login is");
    }

    if (conf->policy != NULL && conf->policy->step_up
        && ngx_http_tradesec_conf_is_on(cf)
        && ngx_http_tradesec_jwt_conf_policy(cf) == NULL)
    {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"step_up=\" of \"tradesec_session_login\" needs "
                   "\"tradesec_jwt\" with that session in the same location");
    }

    if (conf->policy != NULL
        && (conf->policy->user_json || conf->policy->criteria.nbodies))
    {
        ngx_http_tradesec_conf_expect_outcomes(cf, 1);
    }

    return NGX_CONF_OK;
}
