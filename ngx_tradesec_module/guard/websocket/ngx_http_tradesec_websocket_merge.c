/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a location inherits of the websocket guard, and what does not fit
 * together.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/websocket/ngx_http_tradesec_websocket_conf.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"


static char *ngx_http_tradesec_websocket_messages(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_conf_t *conf);
static void ngx_http_tradesec_websocket_upgrade(
    ngx_http_tradesec_websocket_conf_t *conf);
static char *ngx_http_tradesec_websocket_rates(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_conf_t *conf);
static char *ngx_http_tradesec_websocket_count(ngx_conf_t *cf,
    const ngx_http_tradesec_websocket_conf_t *conf);


static ngx_http_tradesec_websocket_policy_t
    ngx_http_tradesec_websocket_default_policy = { .enable = 1 };


/* A message that brings a token is for the backend, too: it may ask for one. */

const ngx_http_tradesec_websocket_token_t
    ngx_http_tradesec_websocket_default_token = {
        .timeout = 10,
        .size = 16 * 1024,
        .message = NGX_HTTP_TRADESEC_WS_PASS,
        .other = NGX_HTTP_TRADESEC_WS_CLOSE
    };


/* Whether the rules of a direction, written in this block, need a token. */

static ngx_flag_t
ngx_http_tradesec_websocket_asks(
    const ngx_http_tradesec_websocket_side_t *side)
{
    return side != NULL && side != NGX_CONF_UNSET_PTR
           && ((side->messages.rules != NULL && side->messages.rules->owners)
               || side->n_requires);
}


char *
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
    ngx_conf_merge_ptr_value(conf->token, prev->token,
                       (void *) &ngx_http_tradesec_websocket_default_token);

    if (ngx_http_tradesec_conf_is_block(cf)) {
        conf->allow = prev->allow;
    }

    ngx_http_tradesec_websocket_upgrade(conf);

    if (ngx_http_tradesec_websocket_messages(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_tradesec_websocket_rates(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_websocket_count(cf, conf);
}


/* What the location's sockets have in common; tokens and rates follow. */

static void
ngx_http_tradesec_websocket_upgrade(ngx_http_tradesec_websocket_conf_t *conf)
{
    ngx_http_tradesec_ws_rules_t      *rules;
    ngx_http_tradesec_upgrade_conf_t  *upgrade;

    upgrade = &conf->upgrade;
    rules = &upgrade->rules;

    rules->max_age = (ngx_msec_t) conf->policy->max_age * 1000;
    rules->idle = (ngx_msec_t) conf->policy->idle * 1000;
    rules->frozen = conf->policy->frozen;
    rules->server = &conf->policy->server.messages;
    rules->client = conf->client ? &conf->client->messages : NULL;

    upgrade->server = &conf->policy->server;
    upgrade->client = conf->client;
    upgrade->present = ngx_http_tradesec_jwt_present;

#ifndef TS_OMIT_WEBSOCKET_LIMIT
    if (conf->limits != NULL) {
        upgrade->limits = *conf->limits;
    }
#endif
}


/* Makes the table when some location limits users. */

static char *
ngx_http_tradesec_websocket_rates(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_conf_t *conf)
{
    ngx_flag_t                                no_zone;
    ngx_http_tradesec_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf,
                                          ngx_http_tradesec_websocket_module);

    if (conf->client == NULL
        || conf->client->messages.user_rate == 0
        || !ngx_http_tradesec_conf_is_on(cf))
    {
        return NGX_CONF_OK;
    }

    no_zone = 0;

    if (wmcf->rates == NULL) {
        wmcf->rates = ngx_http_tradesec_rates_create(cf, &no_zone);
    }

    conf->upgrade.rules.rates = wmcf->rates;

    if (wmcf->rates == NULL && no_zone) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"user_rate=\" of tradesec_websocket_client counts in "
                   "shared memory, and there is no tradesec_zone");
    }

    return wmcf->rates ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* Whether messages carry tokens is said by the location's tradesec_jwt. */

static char *
ngx_http_tradesec_websocket_messages(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_conf_t *conf)
{
    ngx_http_tradesec_ws_token_t          *token;
    const ngx_http_tradesec_jwt_policy_t  *jwt;

    jwt = ngx_http_tradesec_conf_is_on(cf)
          ? ngx_http_tradesec_jwt_conf_policy(cf) : NULL;

    if (jwt == NULL || jwt->message.n == 0) {
        return NGX_CONF_OK;
    }

    if (!conf->policy->enable) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "tradesec_jwt takes a token from a WebSocket's message "
                   "(\"message=\"), and tradesec_websocket is off");
    }

    token = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_ws_token_t));
    if (token == NULL) {
        return NGX_CONF_ERROR;
    }

    token->pointer = jwt->message;
    token->timeout = (ngx_msec_t) conf->token->timeout * 1000;
    token->size = conf->token->size;
    token->message = conf->token->message;
    token->bad = conf->token->other;

    conf->upgrade.token = token;

    return NGX_CONF_OK;
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
        ngx_http_tradesec_conf_serve(cf, ngx_http_tradesec_websockets_handler);

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
