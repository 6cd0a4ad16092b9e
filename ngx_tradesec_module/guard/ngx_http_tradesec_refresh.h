/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The refresh guard.
 */

#ifndef NGX_HTTP_TRADESEC_REFRESH_H
#define NGX_HTTP_TRADESEC_REFRESH_H

#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_refresh_guard;


#endif /* NGX_HTTP_TRADESEC_REFRESH_H */
