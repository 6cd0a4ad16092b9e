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


/*
 * The state of the websocket guard: a handshake that passed, and how long the
 * socket that it opens may live (seconds, 0 is no limit).
 */

typedef struct {
    ts_ws_handshake_t    handshake;
    time_t               max_age;
    time_t               idle;
} ngx_http_tradesec_upgrade_t;


#endif /* NGX_HTTP_TRADESEC_UPGRADE_H */
