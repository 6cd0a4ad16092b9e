/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Reading the request body before the request is passed on.
 */

#ifndef NGX_HTTP_TRADESEC_BODY_H
#define NGX_HTTP_TRADESEC_BODY_H

#include "request/ngx_http_tradesec_context.h"


/*
 * For guards in the access phase; the backend gets the body all the same.
 * Returns
 *
 *   NGX_OK     it is here: *body is all of it, from memory or from the file
 *              that nginx put it in
 *   NGX_AGAIN  the guard returns "wait": it is asked again when it is here
 *   NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
 *              it is longer than max
 *   another status above NGX_HTTP_SPECIAL_RESPONSE: it could not be read
 *   NGX_ERROR  our own failure
 */

ngx_int_t ngx_http_tradesec_read_body(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, size_t max, ngx_str_t *body);

/*
 * The body that nginx has read. NGX_OK, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE or
 * NGX_ERROR.
 */

ngx_int_t ngx_http_tradesec_collect_body(ngx_http_request_t *r, size_t max,
    ngx_str_t *body);

/*
 * Takes the body away, read or not, and what the header says of it: for what
 * answers a request that it must not see. NGX_OK or NGX_ERROR.
 */

ngx_int_t ngx_http_tradesec_drop_body(ngx_http_request_t *r);


/* What the header says of the body. */

typedef struct {
    ngx_str_t   content_type;
    ngx_uint_t  content_types;      /* how often it is there */
    ngx_flag_t  encoded;            /* Content-Encoding, but not identity */
} ngx_http_tradesec_body_fields_t;

void ngx_http_tradesec_body_fields(ngx_http_request_t *r,
    ngx_http_tradesec_body_fields_t *fields);


#endif /* NGX_HTTP_TRADESEC_BODY_H */
