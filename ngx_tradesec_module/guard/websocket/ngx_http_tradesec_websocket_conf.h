/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives tradesec_websocket and tradesec_websocket_client.
 */

#ifndef NGX_HTTP_TRADESEC_WEBSOCKET_CONF_H
#define NGX_HTTP_TRADESEC_WEBSOCKET_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "request/ngx_http_tradesec_conf.h"
#include "response/ngx_http_tradesec_upgrade.h"
#include "store/ngx_http_tradesec_sockets.h"


/* tradesec_websocket_token. */

typedef struct {
    time_t                                 timeout;
    size_t                                 size;
    ngx_uint_t                             message;
    ngx_uint_t                             other;
} ngx_http_tradesec_websocket_token_t;


typedef struct {
    ngx_http_tradesec_websocket_policy_t  *policy;
    ngx_http_tradesec_websocket_side_t    *client;    /* NULL: off */
    ts_socket_limits_t                    *limits;    /* NULL: none */
    ngx_http_tradesec_websocket_token_t   *token;
    ngx_http_tradesec_upgrade_conf_t       upgrade;   /* what follows from
                                                         all that */
    ngx_array_t                           *allow;     /* who may read the list
                                                         of sockets here; NULL:
                                                         there is none */
} ngx_http_tradesec_websocket_conf_t;


typedef struct {
    ngx_http_tradesec_sockets_t           *sockets;   /* NULL: not counted */
    ngx_flag_t                             listed;
    ngx_http_tradesec_rates_t             *rates;     /* NULL: of nobody */
} ngx_http_tradesec_websocket_main_conf_t;


extern ngx_module_t  ngx_http_tradesec_websocket_module;

extern const ngx_http_tradesec_websocket_token_t
    ngx_http_tradesec_websocket_default_token;


/* Of a location. */

char *ngx_http_tradesec_websocket_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);


/* Reads the arguments of the current directive into a zeroed policy. */

char *ngx_http_tradesec_websocket_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_policy_t *policy);


/* The same for tradesec_websocket_client. */

char *ngx_http_tradesec_websocket_client_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_side_t *side);

/* How tradesec_websocket_limit is read. */

extern const ngx_http_tradesec_conf_policy_t
    ngx_http_tradesec_websocket_limit_reader;

/* For tradesec_websocket_token, into one that is filled with defaults. */

char *ngx_http_tradesec_websocket_token_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_token_t *token);

/* Makes the location one for operators: the directive tradesec_websockets. */

char *ngx_http_tradesec_websockets(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_tradesec_websockets_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_TRADESEC_WEBSOCKET_CONF_H */
