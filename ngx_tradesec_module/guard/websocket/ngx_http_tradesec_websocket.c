/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The websocket guard: the only upgrade that reaches a backend is a valid
 * WebSocket handshake, without an offer of extensions.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/revocation/ngx_http_tradesec_freeze.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/websocket/ngx_http_tradesec_websocket.h"
#include "guard/websocket/ngx_http_tradesec_websocket_conf.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_upgrade.h"


static const void *ngx_http_tradesec_websocket_get_policy(ngx_conf_t *cf);
static ngx_flag_t ngx_http_tradesec_websocket_passes(ngx_http_request_t *r);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_websocket_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static void ngx_http_tradesec_websocket_read(ngx_http_request_t *r,
    ts_ws_handshake_t *handshake);
static ngx_http_tradesec_upgrade_t *ngx_http_tradesec_websocket_open(
    ngx_http_request_t *r, const ngx_http_tradesec_websocket_conf_t *wcf,
    const ts_ws_handshake_t *handshake);
static ts_reason_e ngx_http_tradesec_websocket_reason(
    ts_ws_handshake_e verdict);
static ngx_int_t ngx_http_tradesec_websocket_offer_version(
    ngx_http_request_t *r);
static void *ngx_http_tradesec_websocket_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_websocket_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_websocket_client(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_tradesec_websocket_token(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_websocket_guard = {
    NGX_HTTP_TRADESEC_GUARD_WEBSOCKET,
    ngx_http_tradesec_websocket_get_policy,
    ngx_http_tradesec_websocket_check,
    ngx_http_tradesec_websocket_passes,
    NULL
};


static ngx_command_t  ngx_http_tradesec_websocket_commands[] = {

    { ngx_string("tradesec_websocket"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_websocket,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_websocket_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_tradesec_conf_set_policy_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_websocket_conf_t, limits),
      (void *) &ngx_http_tradesec_websocket_limit_reader },

    { ngx_string("tradesec_websocket_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_websocket_token,
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
    ts_ws_handshake_t                          handshake;
    ngx_http_tradesec_upgrade_t               *upgrade;
    const ngx_http_tradesec_upgrade_t         *before;
    const ngx_http_tradesec_websocket_conf_t  *wcf;

    before = ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET];
    ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET] = NULL;

    if (r->headers_in.upgrade == NULL) {
        return ngx_http_tradesec_pass();
    }

    wcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_websocket_module);
    dry_run = ngx_http_tradesec_is_dry_run(r,
                                           NGX_HTTP_TRADESEC_GUARD_WEBSOCKET);

    if (!wcf->policy->enable) {

        if (ctx->deferred
            && !ngx_http_tradesec_is_dry_run(r, NGX_HTTP_TRADESEC_GUARD_JWT))
        {
            ctx->detail = "no WebSocket to bring it in";
            return ngx_http_tradesec_deny(TS_REASON_JWT_MISSING);
        }

        if (!dry_run) {
            ngx_http_tradesec_ignore_upgrade(r);
        }

        return ngx_http_tradesec_pass();
    }

    ngx_http_tradesec_websocket_read(r, &handshake);

    verdict = ts_ws_handshake_request(&handshake,
                                      ts_slice(r->method_name.data,
                                               r->method_name.len),
                                      r->http_version);

    if (verdict == TS_WS_HANDSHAKE_OK) {
        upgrade = ngx_http_tradesec_websocket_open(r, wcf, &handshake);
        if (upgrade == NULL) {
            return ngx_http_tradesec_fault();
        }

        ctx->state[NGX_HTTP_TRADESEC_STATE_WEBSOCKET] = upgrade;

        /* who has promised a token elsewhere owes it wherever he was led */

        if (ctx->deferred && before != NULL && upgrade->token == NULL) {
            upgrade->token = before->token;
        }

        /* a token in a message is read in a dry run of this guard, too */

        if (!dry_run
            || (upgrade->token != NULL
                && !ngx_http_tradesec_is_dry_run(r,
                                                NGX_HTTP_TRADESEC_GUARD_JWT)))
        {
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


static void
ngx_http_tradesec_websocket_read(ngx_http_request_t *r,
    ts_ws_handshake_t *handshake)
{
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(handshake, sizeof(ts_ws_handshake_t));

    ngx_http_tradesec_each_field(r, part, h) {
        ts_ws_handshake_header(handshake, ts_slice(h->key.data, h->key.len),
                               ts_slice(h->value.data, h->value.len));
    }
}


static ngx_http_tradesec_upgrade_t *
ngx_http_tradesec_websocket_open(ngx_http_request_t *r,
    const ngx_http_tradesec_websocket_conf_t *wcf,
    const ts_ws_handshake_t *handshake)
{
    ngx_http_tradesec_upgrade_t                    *upgrade;
    const ngx_http_tradesec_websocket_main_conf_t  *wmcf;

    upgrade = ngx_palloc(r->pool, sizeof(ngx_http_tradesec_upgrade_t));
    if (upgrade == NULL) {
        return NULL;
    }

    wmcf = ngx_http_get_module_main_conf(r,
                                         ngx_http_tradesec_websocket_module);

    upgrade->key = handshake->key;
    upgrade->protocols = handshake->protocols;
    upgrade->extensions = (handshake->extensions.data != NULL);
    upgrade->conf = &wcf->upgrade;
    upgrade->token = wcf->upgrade.token;
    upgrade->sockets = (wcf->limits != NULL || wmcf->listed) ? wmcf->sockets
                                                             : NULL;
    upgrade->freeze = ngx_http_tradesec_freeze_list(r);

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
    wcf->token = NGX_CONF_UNSET_PTR;

    return wcf;
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
ngx_http_tradesec_websocket_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_tradesec_websocket_conf_t  *wcf = conf;

    if (wcf->token != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wcf->token = ngx_palloc(cf->pool,
                            sizeof(ngx_http_tradesec_websocket_token_t));
    if (wcf->token == NULL) {
        return NGX_CONF_ERROR;
    }

    *wcf->token = ngx_http_tradesec_websocket_default_token;

    return ngx_http_tradesec_websocket_token_parse(cf, wcf->token);
}
