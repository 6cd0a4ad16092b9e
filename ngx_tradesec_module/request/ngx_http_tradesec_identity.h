/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Who the caller is, once a credential was verified. Filled by the guard that
 * verifies (jwt), read by variables, identity headers and the WebSocket.
 */

#ifndef NGX_HTTP_TRADESEC_IDENTITY_H
#define NGX_HTTP_TRADESEC_IDENTITY_H

#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_t    user;          /* exactly as the claim says; empty: nobody */
    time_t       expires;       /* exp plus leeway, wall clock; 0: nobody */

    unsigned     ambient:1;     /* sent by the browser by itself (a cookie) */
} ngx_http_tradesec_identity_t;


#endif /* NGX_HTTP_TRADESEC_IDENTITY_H */
