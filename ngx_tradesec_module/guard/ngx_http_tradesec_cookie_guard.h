/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The cookies guard.
 */

#ifndef NGX_HTTP_TRADESEC_COOKIE_GUARD_H
#define NGX_HTTP_TRADESEC_COOKIE_GUARD_H

#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_cookies_guard;


#endif /* NGX_HTTP_TRADESEC_COOKIE_GUARD_H */
