/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef NGX_HTTP_TRADESEC_FREEZE_H
#define NGX_HTTP_TRADESEC_FREEZE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_freeze_guard;


#endif /* NGX_HTTP_TRADESEC_FREEZE_H */
