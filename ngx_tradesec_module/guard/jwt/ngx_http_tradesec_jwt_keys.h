/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Keys as they are read from a file or an answer.
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


/* A file, and which one it was. */

typedef struct {
    u_char           *data;
    size_t            len;
    ngx_file_info_t   info;
} ngx_http_tradesec_jwt_text_t;


/*
 * Reads a small regular file. NULL, or what went wrong: the call that failed,
 * with *err, or, when that is 0, what is wrong with the file. The text is on
 * the heap; the second wipes it.
 */

const char *ngx_http_tradesec_jwt_load(const ngx_str_t *path,
    ngx_http_tradesec_jwt_text_t *text, ngx_err_t *err);
void ngx_http_tradesec_jwt_unload(ngx_http_tradesec_jwt_text_t *text);

/*
 * The keys in a text, on the heap. NULL, and then *rc says why, and *failed
 * which key it is, or 0.
 */

ts_jwks_t *ngx_http_tradesec_jwt_parse_keys(ngx_http_tradesec_jwt_keys_e form,
    ts_slice_t text, uint32_t algs, ts_jwks_result_e *rc, uint32_t *failed);
void ngx_http_tradesec_jwt_free_keys(ts_jwks_t *jwks);

/*
 * Both while the configuration is read; the keys live as long as it. The
 * caller unloads the text. NULL after saying what is wrong.
 */

ts_jwks_t *ngx_http_tradesec_jwt_read_keys(ngx_conf_t *cf, ngx_str_t *file,
    ngx_http_tradesec_jwt_keys_e form, uint32_t algs,
    ngx_http_tradesec_jwt_text_t *text);


#endif /* NGX_HTTP_TRADESEC_JWT_KEYS_H */
