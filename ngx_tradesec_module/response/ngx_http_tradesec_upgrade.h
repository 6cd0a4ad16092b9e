/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The backend's 101.
 */

#ifndef NGX_HTTP_TRADESEC_UPGRADE_H
#define NGX_HTTP_TRADESEC_UPGRADE_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "core/ts_ws_handshake.h"
#include "store/ngx_http_tradesec_sockets.h"
#include "websocket/ngx_http_tradesec_ws.h"


/* The most claims that may name the client, and that messages may need. */

#define NGX_HTTP_TRADESEC_UPGRADE_CLAIMS    4
#define NGX_HTTP_TRADESEC_UPGRADE_REQUIRES  8


/* A value of a claim without which messages of these terms are foreign. */

typedef struct {
    uint32_t                       when;
    ts_json_pointer_t              claim;
    ngx_str_t                      value;
} ngx_http_tradesec_websocket_require_t;


/* The messages of one direction. */

typedef struct {
    ngx_http_tradesec_ws_policy_t  messages;

    /* whose values are the owners that are the client; none: the user */
    ngx_uint_t                     n_claims;
    ts_json_pointer_t              claims[NGX_HTTP_TRADESEC_UPGRADE_CLAIMS];

    ngx_uint_t                     n_requires;
    ngx_http_tradesec_websocket_require_t
                               requires[NGX_HTTP_TRADESEC_UPGRADE_REQUIRES];
} ngx_http_tradesec_websocket_side_t;


/* tradesec_websocket of a location; times in seconds, 0 is no limit. */

typedef struct {
    ngx_flag_t                          enable;
    time_t                              max_age;
    time_t                              idle;
    ngx_http_tradesec_websocket_side_t  server;
} ngx_http_tradesec_websocket_policy_t;


/*
 * The state of the websocket guard: a handshake that passed, and what the
 * socket that it opens is held to.
 */

typedef struct {
    ts_ws_handshake_t              handshake;
    const ngx_http_tradesec_websocket_policy_t
                                  *policy;
    const ngx_http_tradesec_websocket_side_t
                                  *client;     /* NULL: off */

    const ngx_http_tradesec_sockets_t
                                  *sockets;    /* NULL: they are not counted */
    ts_socket_limits_t             limits;
} ngx_http_tradesec_upgrade_t;


/* The gate has the filter installed when some location is protected. */

void ngx_http_tradesec_upgrade_init(void);


#endif /* NGX_HTTP_TRADESEC_UPGRADE_H */
