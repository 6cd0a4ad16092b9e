/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef NGX_HTTP_TRADESEC_WEBSOCKET_H
#define NGX_HTTP_TRADESEC_WEBSOCKET_H

#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_websocket_guard;


#endif /* NGX_HTTP_TRADESEC_WEBSOCKET_H */
