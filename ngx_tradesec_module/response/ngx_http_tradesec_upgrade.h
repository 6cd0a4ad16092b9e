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
#include "request/ngx_http_tradesec_context.h"
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
    ngx_uint_t                          frozen;  /* action, for messages of the
                                                    client */
    ngx_http_tradesec_websocket_side_t  server;
} ngx_http_tradesec_websocket_policy_t;


/*
 * Verifies a token that a message has brought, and makes the client's identity
 * that of the token: TS_REASON_NONE, or why not. All that belongs to it is in
 * *pool, and the caller destroys *old, if there is one, when he has no use for
 * the identity any more that was before. A *pool of NULL: nothing has changed.
 */

typedef ts_reason_e (*ngx_http_tradesec_upgrade_present_pt)(
    ngx_http_request_t *r, ts_slice_t token, ngx_pool_t **pool,
    ngx_pool_t **old);


/* What the sockets of a location are held to; made with the configuration. */

typedef struct {
    ngx_http_tradesec_ws_rules_t   rules;

    const ngx_http_tradesec_websocket_side_t
                                  *server;
    const ngx_http_tradesec_websocket_side_t
                                  *client;     /* NULL: off */

    const ngx_http_tradesec_ws_token_t
                                  *token;      /* NULL: none in messages */
    ts_socket_limits_t             limits;
    ngx_http_tradesec_upgrade_present_pt
                                   present;
} ngx_http_tradesec_upgrade_conf_t;


/*
 * The state of the websocket guard: a handshake that passed, and what the
 * socket that it opens is held to.
 */

typedef struct {
    ts_slice_t                     key;        /* what the answer has to fit */
    ts_slice_t                     protocols;
    ngx_flag_t                     extensions; /* he offered some */

    const ngx_http_tradesec_upgrade_conf_t
                                  *conf;
    const ngx_http_tradesec_ws_token_t
                                  *token;      /* the location's, or of one
                                                  that he was led from */
    const ngx_http_tradesec_sockets_t
                                  *sockets;    /* NULL: they are not counted */
    const ts_revocations_t        *freeze;     /* NULL: never frozen */
} ngx_http_tradesec_upgrade_t;


/* What is known without the client; the rest is zeroed. */

void ngx_http_tradesec_upgrade_terms(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade,
    ngx_http_tradesec_ws_terms_t *terms);

/*
 * What the client's identity adds, in the pool. NGX_DECLINED when nothing tells
 * who he is, in the words of the messages.
 */

ngx_int_t ngx_http_tradesec_upgrade_identify(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, ngx_pool_t *pool,
    ngx_http_tradesec_ws_terms_t *terms);

/* For the socket, when one has come: ngx_http_tradesec_ws_present_pt. */

ngx_int_t ngx_http_tradesec_upgrade_present(ngx_http_request_t *r,
    ts_slice_t token, ngx_http_tradesec_ws_terms_t *terms,
    ts_reason_e *reason, const char **detail);

/* Counts the socket among the open ones, or says why it may not open. */

ts_reason_e ngx_http_tradesec_upgrade_count(ngx_http_request_t *r,
    const ngx_http_tradesec_upgrade_t *upgrade,
    const ngx_http_tradesec_identity_t *identity,
    ngx_http_tradesec_traffic_t *traffic);


/* The gate has the filter installed when some location is protected. */

void ngx_http_tradesec_upgrade_init(void);


#endif /* NGX_HTTP_TRADESEC_UPGRADE_H */
