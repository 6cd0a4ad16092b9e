/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The websocket guard: the only upgrade that reaches a backend is a valid
 * WebSocket handshake, without an offer of extensions.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_jwt.h"
#include "guard/ngx_http_tradesec_websocket.h"
#include "guard/ngx_http_tradesec_websocket_conf.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_upgrade.h"


static const void *ngx_http_tradesec_websocket_get_policy(ngx_conf_t *cf);
static ngx_flag_t ngx_http_tradesec_websocket_passes(ngx_http_request_t *r);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_websocket_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_http_tradesec_upgrade_t *ngx_http_tradesec_websocket_read(
    ngx_http_request_t *r, const ngx_http_tradesec_websocket_conf_t *wcf);
static ts_reason_e ngx_http_tradesec_websocket_reason(
    ts_ws_handshake_e verdict);
static ngx_int_t ngx_http_tradesec_websocket_offer_version(
    ngx_http_request_t *r);
static void *ngx_http_tradesec_websocket_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_websocket_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_websocket_count(ngx_conf_t *cf,
    const ngx_http_tradesec_websocket_conf_t *conf);
static ngx_flag_t ngx_http_tradesec_websocket_asks(
    const ngx_http_tradesec_websocket_side_t *side);
static char *ngx_http_tradesec_websocket_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_websocket_client(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_tradesec_websocket_limit(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_websocket_guard = {
    NGX_HTTP_TRADESEC_GUARD_WEBSOCKET,
    ngx_http_tradesec_websocket_get_policy,
    ngx_http_tradesec_websocket_check,
    ngx_http_tradesec_websocket_passes,
    NULL
};


static ngx_http_tradesec_websocket_policy_t
    ngx_http_tradesec_websocket_default_policy = { .enable = 1 };


static ngx_command_t  ngx_http_tradesec_websocket_commands[] = {

    { ngx_string("tradesec_websocket"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_websocket,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_websocket_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_tradesec_websocket_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_websockets"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_tradesec_websockets,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_websocket_client"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_websocket_client,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_websocket_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_tradesec_websocket_create_main_conf, /* create main conf */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tradesec_websocket_create_conf, /* create location conf */
    ngx_http_tradesec_websocket_merge_conf /* merge location configuration */
};


ngx_module_t  ngx_http_tradesec_websocket_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_websocket_module_ctx, /* module context */
    ngx_http_tradesec_websocket_commands,  /* module directives */
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


/*
 * The same everywhere: nginx never upgrades a subrequest, so none can enter a
 * location with a policy that its main request did not pass.
 */

static const void *
ngx_http_tradesec_websocket_get_policy(ngx_conf_t *cf)
{
    return &ngx_http_tradesec_websocket_guard;
}


static ngx_flag_t
ngx_http_tradesec_websocket_passes(ngx_http_request_t *r)
{
    return r->headers_in.upgrade == NULL;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_websocket_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_flag_t                                 dry_run;
    ts_ws_handshake_e                          verdict;
    ngx_http_tradesec_upgrade_t               *upgrade;
    const ngx_http_tradesec_websocket_conf_t  *wcf;

    ctx->state[NGX_HTTP_TRADESEC_GUARD_WEBSOCKET] = NULL;

    if (r->headers_in.upgrade == NULL) {
        return ngx_http_tradesec_pass();
    }

    wcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_websocket_module);
    dry_run = ngx_http_tradesec_is_dry_run(r,
                                           NGX_HTTP_TRADESEC_GUARD_WEBSOCKET);

    if (!wcf->policy->enable) {

        if (!dry_run) {
            ngx_http_tradesec_ignore_upgrade(r);
        }

        return ngx_http_tradesec_pass();
    }

    upgrade = ngx_http_tradesec_websocket_read(r, wcf);
    if (upgrade == NULL) {
        return ngx_http_tradesec_fault();
    }

    verdict = ts_ws_handshake_request(&upgrade->handshake,
                                      ts_slice(r->method_name.data,
                                               r->method_name.len),
                                      r->http_version);

    if (verdict == TS_WS_HANDSHAKE_OK) {
        ctx->state[NGX_HTTP_TRADESEC_GUARD_WEBSOCKET] = upgrade;

        if (!dry_run) {
            ngx_http_tradesec_hide_request_fields(r,
                                                  "sec-websocket-extensions");
        }

        return ngx_http_tradesec_pass();
    }

    if (verdict == TS_WS_HANDSHAKE_VERSION
        && !dry_run
        && ngx_http_tradesec_websocket_offer_version(r) != NGX_OK)
    {
        return ngx_http_tradesec_fault();
    }

    ctx->detail = ts_ws_handshake_text(verdict);

    return ngx_http_tradesec_deny(ngx_http_tradesec_websocket_reason(verdict));
}


static ngx_http_tradesec_upgrade_t *
ngx_http_tradesec_websocket_read(ngx_http_request_t *r,
    const ngx_http_tradesec_websocket_conf_t *wcf)
{
    ngx_list_part_t                                *part;
    ngx_table_elt_t                                *h;
    ngx_http_tradesec_upgrade_t                    *upgrade;
    const ngx_http_tradesec_websocket_main_conf_t  *wmcf;

    upgrade = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_upgrade_t));
    if (upgrade == NULL) {
        return NULL;
    }

    upgrade->policy = wcf->policy;
    upgrade->client = wcf->client;

    wmcf = ngx_http_get_module_main_conf(r,
                                         ngx_http_tradesec_websocket_module);

    if (wcf->limits != NULL) {
        upgrade->sockets = wmcf->sockets;
#ifndef TS_OMIT_WEBSOCKET_LIMIT
        upgrade->limits = *wcf->limits;
#endif

    } else if (wmcf->listed) {
        upgrade->sockets = wmcf->sockets;
    }

    ngx_http_tradesec_each_field(r, part, h) {
        ts_ws_handshake_header(&upgrade->handshake,
                               ts_slice(h->key.data, h->key.len),
                               ts_slice(h->value.data, h->value.len));
    }

    return upgrade;
}


static ts_reason_e
ngx_http_tradesec_websocket_reason(ts_ws_handshake_e verdict)
{
    switch (verdict) {

    case TS_WS_HANDSHAKE_UPGRADE:
        return TS_REASON_UPGRADE_NOT_ALLOWED;

    case TS_WS_HANDSHAKE_VERSION:
        return TS_REASON_WEBSOCKET_VERSION;

    default:
        return TS_REASON_WEBSOCKET_HANDSHAKE;
    }
}


/* RFC 6455 section 4.4, RFC 9110 section 15.5.22 */

static ngx_int_t
ngx_http_tradesec_websocket_offer_version(ngx_http_request_t *r)
{
    static const ngx_str_t  version = ngx_string("13");
    static const ngx_str_t  upgrade = ngx_string("websocket");

    if (ngx_http_tradesec_set_response_field(r, "Sec-WebSocket-Version",
                                             &version) == NULL
        || ngx_http_tradesec_set_response_field(r, "Upgrade", &upgrade)
           == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void *
ngx_http_tradesec_websocket_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_websocket_main_conf_t));
}


static void *
ngx_http_tradesec_websocket_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_websocket_conf_t  *wcf;

    wcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_websocket_conf_t));
    if (wcf == NULL) {
        return NULL;
    }

    wcf->policy = NGX_CONF_UNSET_PTR;
    wcf->client = NGX_CONF_UNSET_PTR;
    wcf->limits = NGX_CONF_UNSET_PTR;

    return wcf;
}


/* Whether the rules of a direction, written in this block, need a token. */

static ngx_flag_t
ngx_http_tradesec_websocket_asks(
    const ngx_http_tradesec_websocket_side_t *side)
{
    return side != NULL && side != NGX_CONF_UNSET_PTR
           && ((side->messages.rules != NULL && side->messages.rules->owners)
               || side->n_requires);
}


static char *
ngx_http_tradesec_websocket_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_websocket_conf_t  *prev = parent;
    ngx_http_tradesec_websocket_conf_t  *conf = child;

    /*
     * Where a location without a token inherits the rules, every handshake is
     * refused: nobody owns anything.
     */

    if ((ngx_http_tradesec_websocket_asks(conf->client)
         || (conf->policy != NGX_CONF_UNSET_PTR
             && ngx_http_tradesec_websocket_asks(&conf->policy->server)))
        && ngx_http_tradesec_conf_is_on(cf)
        && ngx_http_tradesec_jwt_conf_policy(cf) == NULL)
    {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "tradesec_websocket compares owners with a token, and "
                   "there is no tradesec_jwt");
    }

    ngx_conf_merge_ptr_value(conf->policy, prev->policy,
                             &ngx_http_tradesec_websocket_default_policy);
    ngx_conf_merge_ptr_value(conf->client, prev->client, NULL);
    ngx_conf_merge_ptr_value(conf->limits, prev->limits, NULL);

    return ngx_http_tradesec_websocket_count(cf, conf);
}


/* Makes the table when some location counts sockets or lists them. */

static char *
ngx_http_tradesec_websocket_count(ngx_conf_t *cf,
    const ngx_http_tradesec_websocket_conf_t *conf)
{
    ngx_flag_t                                no_zone;
    ngx_http_tradesec_websocket_main_conf_t  *wmcf;

    if (conf->allow != NULL) {
        /* the address is a credential: no token is asked for beside it */
        ngx_http_tradesec_conf_set_credential(cf);

    } else if (conf->limits == NULL || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf,
                                          ngx_http_tradesec_websocket_module);

    if (wmcf->sockets != NULL) {
        return NGX_CONF_OK;
    }

    wmcf->sockets = ngx_http_tradesec_sockets_create(cf, wmcf->listed,
                                                     &no_zone);

    if (wmcf->sockets == NULL && no_zone) {
        return ngx_http_tradesec_conf_merge_error(cf, conf->allow
                   ? "tradesec_websockets lists what is in shared memory, and "
                     "there is no tradesec_zone"
                   : "tradesec_websocket_limit counts in shared memory, and "
                     "there is no tradesec_zone");
    }

    return wmcf->sockets ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_websocket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_websocket_conf_t  *wcf = conf;

    if (wcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wcf->policy = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_tradesec_websocket_policy_t));
    if (wcf->policy == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_websocket_parse(cf, wcf->policy);
}


static char *
ngx_http_tradesec_websocket_client(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_websocket_conf_t  *wcf = conf;

    ngx_str_t  *value;

    if (wcf->client != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wcf->client = NULL;
        return NGX_CONF_OK;
    }

    wcf->client = ngx_pcalloc(cf->pool,
                              sizeof(ngx_http_tradesec_websocket_side_t));
    if (wcf->client == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_websocket_client_parse(cf, wcf->client);
}


static char *
ngx_http_tradesec_websocket_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_websocket_conf_t  *wcf = conf;

    ngx_str_t  *value;

    if (wcf->limits != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wcf->limits = NULL;
        return NGX_CONF_OK;
    }

    wcf->limits = ngx_pcalloc(cf->pool, sizeof(ts_socket_limits_t));
    if (wcf->limits == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_websocket_limit_parse(cf, wcf->limits);
}
