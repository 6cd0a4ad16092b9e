/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"


static void ngx_http_tradesec_ctx_cleanup(void *data);


/*
 * An internal redirect zeroes r->ctx. The pool's cleanup list survives it, so
 * the context hangs there too, as the realip module does it.
 */

ngx_http_tradesec_ctx_t *
ngx_http_tradesec_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_tradesec_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tradesec_request_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_tradesec_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_tradesec_request_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_tradesec_ctx_t *
ngx_http_tradesec_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_tradesec_ctx_t  *ctx;

    ctx = ngx_http_tradesec_find_ctx(r);

    if (ctx != NULL) {
        return ctx;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_tradesec_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_tradesec_ctx_t));

    cln->handler = ngx_http_tradesec_ctx_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_tradesec_request_module);

    return ctx;
}


static void
ngx_http_tradesec_ctx_cleanup(void *data)
{
    /* only marks the context's place in the cleanup list */
}


/*
 * By name, not by index: an index would take memory of every request. Without
 * one, nginx makes a new id at each call, so the first is kept.
 */

ngx_str_t
ngx_http_tradesec_request_id(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_http_variable_value_t  *vv;

    static ngx_str_t  name = ngx_string("request_id");

    if (ctx->request_id.len) {
        return ctx->request_id;
    }

    vv = ngx_http_get_variable(r->main, &name,
                               ngx_hash_key(name.data, name.len));

    if (vv != NULL && !vv->not_found) {
        ctx->request_id.data = vv->data;
        ctx->request_id.len = vv->len;
    }

    return ctx->request_id;
}
