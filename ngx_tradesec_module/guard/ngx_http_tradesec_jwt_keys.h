/*
 * Copyright (C) the ngx_tradesec authors
 */

#ifndef NGX_HTTP_TRADESEC_JWT_KEYS_H
#define NGX_HTTP_TRADESEC_JWT_KEYS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_jwk.h"


typedef enum {
    NGX_HTTP_TRADESEC_JWT_KEYS_JWKS,
    NGX_HTTP_TRADESEC_JWT_KEYS_PEM,
    NGX_HTTP_TRADESEC_JWT_KEYS_SECRET
} ngx_http_tradesec_jwt_keys_e;


/*
 * Reads the file while the configuration is read; the keys live as long as
 * the configuration. *content gets the bytes of the file, from the temporary
 * pool. NULL after saying what is wrong.
 */

ts_jwks_t *ngx_http_tradesec_jwt_read_keys(ngx_conf_t *cf, ngx_str_t *file,
    ngx_http_tradesec_jwt_keys_e form, uint32_t algs, ngx_str_t *content);


#endif /* NGX_HTTP_TRADESEC_JWT_KEYS_H */
