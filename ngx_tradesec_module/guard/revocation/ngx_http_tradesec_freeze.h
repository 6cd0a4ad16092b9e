/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef NGX_HTTP_TRADESEC_FREEZE_H
#define NGX_HTTP_TRADESEC_FREEZE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_revocations.h"
#include "request/ngx_http_tradesec_guard.h"


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_freeze_guard;


/* What says whether the location is frozen; NULL: it never is. */

const ts_revocations_t *ngx_http_tradesec_freeze_list(ngx_http_request_t *r);


#endif /* NGX_HTTP_TRADESEC_FREEZE_H */
