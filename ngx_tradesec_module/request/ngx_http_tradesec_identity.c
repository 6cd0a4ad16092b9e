/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_header.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_request_conf.h"


static ngx_int_t ngx_http_tradesec_identity_grow(ngx_http_request_t *r,
    ngx_http_tradesec_identity_lines_t *lines);
static ngx_int_t ngx_http_tradesec_identity_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_identity_unread_handler(
    ngx_http_request_t *r);


void
ngx_http_tradesec_identity_activate(ngx_conf_t *cf)
{
    ngx_http_tradesec_identity_srv_conf_t   *iscf;
    ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_request_module);
    iscf = ngx_http_conf_get_module_srv_conf(cf,
                                           ngx_http_tradesec_request_module);

    rmcf->identities = 1;
    iscf->active = 1;
}


ngx_flag_t
ngx_http_tradesec_identity_is_active(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_request_module);

    return rmcf->identities;
}


ngx_int_t
ngx_http_tradesec_identity_name(ngx_conf_t *cf,
    ngx_http_tradesec_identity_name_t *prepared, const ngx_str_t *name)
{
    prepared->name = *name;
    prepared->lowcase = ngx_pnalloc(cf->pool, name->len);

    if (prepared->lowcase == NULL) {
        return NGX_ERROR;
    }

    prepared->hash = ngx_hash_strlow(prepared->lowcase, name->data, name->len);

    return NGX_OK;
}


char *
ngx_http_tradesec_identity_header(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t                              i;
    ts_slice_t                              known;
    ngx_http_tradesec_identity_srv_conf_t  *iscf;

    iscf = ngx_http_conf_get_module_srv_conf(cf,
                                           ngx_http_tradesec_request_module);

    for (i = 0; i < iscf->n; i++) {
        known = ts_slice(iscf->names[i].data, iscf->names[i].len);

        if (ts_header_same_name(known, ts_slice(name->data, name->len))) {
            return NGX_CONF_OK;
        }
    }

    if (iscf->n == NGX_HTTP_TRADESEC_IDENTITY_HEADERS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d identity headers in a server",
                           NGX_HTTP_TRADESEC_IDENTITY_HEADERS);
        return NGX_CONF_ERROR;
    }

    iscf->names[iscf->n++] = *name;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_identity_grow(ngx_http_request_t *r,
    ngx_http_tradesec_identity_lines_t *lines)
{
    ngx_uint_t         size;
    ngx_table_elt_t  **more;

    if (lines->size == NGX_HTTP_TRADESEC_IDENTITY_HEADERS) {
        return NGX_ERROR;
    }

    size = lines->size ? 2 * lines->size
                       : NGX_HTTP_TRADESEC_IDENTITY_HEADERS / 4;

    more = ngx_palloc(r->pool, size * sizeof(ngx_table_elt_t *));
    if (more == NULL) {
        return NGX_ERROR;
    }

    if (lines->n) {
        ngx_memcpy(more, lines->lines, lines->n * sizeof(ngx_table_elt_t *));
    }

    lines->lines = more;
    lines->size = size;

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_identity_add(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_identity_name_t *name, const ngx_str_t *value)
{
    ngx_table_elt_t                     *h;
    ngx_http_tradesec_identity_lines_t  *lines;

    if (!ts_header_value_valid(ts_slice(value->data, value->len))) {
        return NGX_DECLINED;
    }

    lines = &ctx->identity_lines;

    if (lines->used < lines->n) {
        h = lines->lines[lines->used];

    } else {

        if (lines->n == lines->size
            && ngx_http_tradesec_identity_grow(r, lines) != NGX_OK)
        {
            return NGX_ERROR;
        }

        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_http_tradesec_header_unlink(h);
        lines->lines[lines->n++] = h;
    }

    h->key = name->name;
    h->lowcase_key = name->lowcase;
    h->hash = name->hash;
    h->value = *value;

    lines->used++;

    return NGX_OK;
}


void
ngx_http_tradesec_identity_clear(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ngx_http_tradesec_identity_lines_t  *lines;

    ngx_memzero(&ctx->identity, sizeof(ngx_http_tradesec_identity_t));

    lines = &ctx->identity_lines;

    while (lines->used) {
        lines->used--;
        ngx_http_tradesec_hide_request_field(lines->lines[lines->used]);
    }
}


ngx_int_t
ngx_http_tradesec_conf_claim(ngx_conf_t *cf, const ts_json_pointer_t *pointer)
{
    ngx_uint_t                               i, j;
    ngx_http_tradesec_claims_t              *claims;
    ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_request_module);
    claims = &rmcf->claims;

    for (i = 0; i < claims->n; i++) {

        for (j = 0; j < pointer->n && pointer->n == claims->pointers[i].n;
             j++)
        {
            if (!ts_slice_eq(pointer->names[j],
                             claims->pointers[i].names[j]))
            {
                break;
            }
        }

        if (j == pointer->n) {
            return i;
        }
    }

    if (claims->n == TS_CLAIMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "rules name more than %d different claims",
                           TS_CLAIMS);
        return NGX_ERROR;
    }

    claims->pointers[claims->n] = *pointer;

    return claims->n++;
}


const ngx_http_tradesec_claims_t *
ngx_http_tradesec_conf_claims(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_request_module);

    return &rmcf->claims;
}


const ngx_http_tradesec_claims_t *
ngx_http_tradesec_get_claims(ngx_http_request_t *r)
{
    const ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_request_module);

    return &rmcf->claims;
}


ngx_flag_t
ngx_http_tradesec_conf_claim_pointer(ngx_conf_t *cf,
    ts_json_pointer_t *pointer, const ngx_str_t *text)
{
    if (text->len == 0) {
        return 0;
    }

    if (text->data[0] != '/') {
        pointer->n = 1;
        pointer->names[0] = ts_slice(text->data, text->len);
        return 1;
    }

    return ngx_http_tradesec_conf_pointer(cf, ts_slice(text->data, text->len),
                                          pointer);
}


/*
 * POST_READ, before anything looks at the headers; an internal redirect does
 * not come here again, so what we add later stays.
 */

static ngx_int_t
ngx_http_tradesec_identity_handler(ngx_http_request_t *r)
{
    ngx_uint_t                                    i;
    ts_slice_t                                    name;
    ngx_list_part_t                              *part;
    ngx_table_elt_t                              *h;
    ngx_http_tradesec_ctx_t                      *ctx;
    const ngx_http_tradesec_identity_srv_conf_t  *iscf;

    iscf = ngx_http_get_module_srv_conf(r, ngx_http_tradesec_request_module);

    if (!iscf->active) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_tradesec_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->header_read = 1;

    if (iscf->n == 0) {
        return NGX_DECLINED;
    }

    ngx_http_tradesec_each_field(r, part, h) {

        for (i = 0; i < iscf->n; i++) {
            name = ts_slice(iscf->names[i].data, iscf->names[i].len);

            if (name.len == h->key.len
                && ts_header_same_name(name, ts_slice(h->key.data, h->key.len)))
            {
                ngx_http_tradesec_hide_request_field(h);
                break;
            }
        }
    }

    return NGX_DECLINED;
}


/*
 * SERVER_REWRITE and REWRITE, the first phases of an internal redirect. When
 * nginx refuses a request while it still reads the header, there is no
 * POST_READ, and the error page is all that is left of the request: nothing
 * of what was read may tell a backend who the caller is.
 */

static ngx_int_t
ngx_http_tradesec_identity_unread_handler(ngx_http_request_t *r)
{
    ngx_list_part_t                              *part;
    ngx_table_elt_t                              *h;
    ngx_http_tradesec_ctx_t                      *ctx;
    const ngx_http_tradesec_identity_srv_conf_t  *iscf;

    if (!r->internal) {
        return NGX_DECLINED;
    }

    iscf = ngx_http_get_module_srv_conf(r, ngx_http_tradesec_request_module);

    if (!iscf->active) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_tradesec_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->header_read) {
        return NGX_DECLINED;
    }

    ctx->header_read = 1;

    ngx_http_tradesec_each_field(r, part, h) {
        ngx_http_tradesec_hide_request_field(h);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_tradesec_identity_init(ngx_conf_t *cf)
{
    ngx_uint_t                               i;
    ngx_http_handler_pt                     *h;
    ngx_http_core_main_conf_t               *cmcf;
    ngx_http_tradesec_request_main_conf_t  *rmcf;

    static const struct {
        ngx_http_phases                      phase;
        ngx_http_handler_pt                  handler;
    } handlers[] = {
        { NGX_HTTP_POST_READ_PHASE,
          ngx_http_tradesec_identity_handler },
        { NGX_HTTP_SERVER_REWRITE_PHASE,
          ngx_http_tradesec_identity_unread_handler },
        { NGX_HTTP_REWRITE_PHASE,
          ngx_http_tradesec_identity_unread_handler },
    };

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_tradesec_request_module);

    if (!rmcf->identities) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        h = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = handlers[i].handler;
    }

    return NGX_OK;
}
