/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_context.h"


void
ngx_http_tradesec_identity_clear(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_memzero(&ctx->identity, sizeof(ngx_http_tradesec_identity_t));
}
