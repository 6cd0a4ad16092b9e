/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_request.h"


#define NGX_HTTP_TRADESEC_REQUEST_ID  16


/* In one piece: the context, and its place in the pool's cleanup list. */

typedef struct {
    ngx_pool_cleanup_t        cleanup;
    ngx_http_tradesec_ctx_t   ctx;
} ngx_http_tradesec_own_ctx_t;


static ngx_inline void ngx_http_tradesec_keep_ctx(ngx_http_request_t *r,
    ngx_pool_cleanup_t *cln, const ngx_http_tradesec_ctx_t *ctx);
static void ngx_http_tradesec_ctx_cleanup(void *data);
static void ngx_http_tradesec_random_id(ngx_http_request_t *r, ngx_str_t *id);


const ngx_http_tradesec_ctx_t *
ngx_http_tradesec_redirected_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_tradesec_ctx_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_tradesec_request_module);
            return cln->data;
        }
    }

    return NULL;
}


ngx_http_tradesec_ctx_t *
ngx_http_tradesec_own_ctx(ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *shared)
{
    ngx_http_tradesec_own_ctx_t  *own;

    own = ngx_pcalloc(r->main->pool, sizeof(ngx_http_tradesec_own_ctx_t));
    if (own == NULL) {
        return NULL;
    }

    ngx_http_tradesec_keep_ctx(r, &own->cleanup, &own->ctx);

    if (shared != NULL) {
        own->ctx = *shared;
        own->ctx.shared = 0;
    }

    return &own->ctx;
}


ngx_int_t
ngx_http_tradesec_share_ctx(ngx_http_request_t *r,
    const ngx_http_tradesec_ctx_t *shared)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_palloc(r->main->pool, sizeof(ngx_pool_cleanup_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tradesec_keep_ctx(r, cln, shared);

    return NGX_OK;
}


/* The one kept last is the first in the cleanup list, and so the valid one. */

static ngx_inline void
ngx_http_tradesec_keep_ctx(ngx_http_request_t *r, ngx_pool_cleanup_t *cln,
    const ngx_http_tradesec_ctx_t *ctx)
{
    r = r->main;

    cln->data = (void *) ctx;
    cln->handler = ngx_http_tradesec_ctx_cleanup;
    cln->next = r->pool->cleanup;
    r->pool->cleanup = cln;

    ngx_http_set_ctx(r, cln->data, ngx_http_tradesec_request_module);
}


static void
ngx_http_tradesec_ctx_cleanup(void *data)
{
    /* only marks the context's place in the cleanup list */
}


/*
 * nginx's own $request_id where the configuration uses it, so that the log has
 * the same. Nowhere used, it would be another one at each call, and each would
 * ask OpenSSL for random bytes: then an id of the same form from a stock.
 */

ngx_str_t
ngx_http_tradesec_request_id(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_int_t                   index;
    ngx_http_variable_value_t  *vv;

    if (ctx->request_id.len) {
        return ctx->request_id;
    }

    index = ngx_http_tradesec_request_id_index(r);

    if (index == NGX_ERROR) {
        ngx_http_tradesec_random_id(r, &ctx->request_id);
        return ctx->request_id;
    }

    vv = ngx_http_get_flushed_variable(r->main, (ngx_uint_t) index);

    if (vv != NULL && !vv->not_found) {
        ctx->request_id.data = vv->data;
        ctx->request_id.len = vv->len;
    }

    return ctx->request_id;
}


/* 16 random bytes in hexadecimal; empty when there are none or no memory. */

static void
ngx_http_tradesec_random_id(ngx_http_request_t *r, ngx_str_t *id)
{
    u_char  *p;

    static u_char  stock[NGX_HTTP_TRADESEC_REQUEST_ID * 64];
    static size_t  left;

    if (left == 0) {

        if (RAND_bytes(stock, sizeof(stock)) != 1) {
            return;
        }

        left = sizeof(stock);
    }

    p = ngx_pnalloc(r->pool, 2 * NGX_HTTP_TRADESEC_REQUEST_ID);
    if (p == NULL) {
        return;
    }

    left -= NGX_HTTP_TRADESEC_REQUEST_ID;

    id->data = p;
    id->len = ngx_hex_dump(p, stock + left, NGX_HTTP_TRADESEC_REQUEST_ID) - p;
}
