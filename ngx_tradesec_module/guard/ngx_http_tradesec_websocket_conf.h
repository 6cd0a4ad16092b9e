/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives tradesec_websocket and tradesec_websocket_client.
 */

#ifndef NGX_HTTP_TRADESEC_WEBSOCKET_CONF_H
#define NGX_HTTP_TRADESEC_WEBSOCKET_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "response/ngx_http_tradesec_upgrade.h"


/* Reads the arguments of the current directive into a zeroed policy. */

char *ngx_http_tradesec_websocket_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_policy_t *policy);


/* The same for tradesec_websocket_client. */

char *ngx_http_tradesec_websocket_client_parse(ngx_conf_t *cf,
    ngx_http_tradesec_websocket_side_t *side);

/* And for tradesec_websocket_limit. */

char *ngx_http_tradesec_websocket_limit_parse(ngx_conf_t *cf,
    ts_socket_limits_t *limits);


#endif /* NGX_HTTP_TRADESEC_WEBSOCKET_CONF_H */
