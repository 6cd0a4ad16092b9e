/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_jwt_keys.h"


#define NGX_HTTP_TRADESEC_JWT_FILE_MAX   (1024 * 1024)

/* 64 keys of a dozen members, with certificates beside them */

#define NGX_HTTP_TRADESEC_JWT_VALUES_MAX  4096


static ngx_int_t ngx_http_tradesec_jwt_read_file(ngx_conf_t *cf,
    ngx_str_t *file, ngx_str_t *content);
static ts_jwks_result_e ngx_http_tradesec_jwt_parse_keys(ngx_conf_t *cf,
    ts_jwks_t *jwks, ngx_http_tradesec_jwt_keys_e form, ts_slice_t text,
    uint32_t algs);
static void ngx_http_tradesec_jwt_free_keys(void *data);


ts_jwks_t *
ngx_http_tradesec_jwt_read_keys(ngx_conf_t *cf, ngx_str_t *file,
    ngx_http_tradesec_jwt_keys_e form, uint32_t algs, ngx_str_t *content)
{
    ts_jwks_t           *jwks;
    ts_jwks_result_e     rc;
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_tradesec_jwt_read_file(cf, file, content) != NGX_OK) {
        return NULL;
    }

    jwks = ngx_pcalloc(cf->pool, sizeof(ts_jwks_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (jwks == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_tradesec_jwt_free_keys;
    cln->data = jwks;

    rc = ngx_http_tradesec_jwt_parse_keys(cf, jwks, form,
                                          ts_slice(content->data,
                                                   content->len), algs);
    if (rc == TS_JWKS_OK) {
        return jwks;
    }

    if (jwks->failed) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key %uD of \"%V\": %s",
                           jwks->failed, file, ts_jwks_result_text(rc));

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "cannot use \"%V\": %s",
                           file, ts_jwks_result_text(rc));
    }

    return NULL;
}


static ngx_int_t
ngx_http_tradesec_jwt_read_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *content)
{
    off_t            size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    n = -1;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", file);
        goto done;
    }

    size = ngx_file_size(&fi);

    if (size > NGX_HTTP_TRADESEC_JWT_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is larger than 1 MB", file);
        goto done;
    }

    content->data = ngx_pnalloc(cf->temp_pool, (size_t) size + 1);
    if (content->data == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, content->data, (size_t) size);

    if (n == -1 || n != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", file);
        n = -1;
    }

    content->len = (size_t) size;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    return n == -1 ? NGX_ERROR : NGX_OK;
}


static ts_jwks_result_e
ngx_http_tradesec_jwt_parse_keys(ngx_conf_t *cf, ts_jwks_t *jwks,
    ngx_http_tradesec_jwt_keys_e form, ts_slice_t text, uint32_t algs)
{
    ts_json_t  tape;

    switch (form) {

    case NGX_HTTP_TRADESEC_JWT_KEYS_PEM:
        return ts_jwks_read_pem(jwks, text, algs);

    case NGX_HTTP_TRADESEC_JWT_KEYS_SECRET:
        /* an editor's line end is not part of the secret */

        if (text.len > 0 && text.data[text.len - 1] == '\n') {
            text.len--;

            if (text.len > 0 && text.data[text.len - 1] == '\r') {
                text.len--;
            }
        }

        return ts_jwks_read_secret(jwks, text, algs);

    default:
        tape.size = NGX_HTTP_TRADESEC_JWT_VALUES_MAX;
        tape.max_depth = 8;
        tape.tokens = ngx_palloc(cf->temp_pool,
                                 tape.size * sizeof(ts_json_token_t));
        if (tape.tokens == NULL) {
            return TS_JWKS_CRYPTO;
        }

        return ts_jwks_read(jwks, text, algs, &tape);
    }
}


static void
ngx_http_tradesec_jwt_free_keys(void *data)
{
    ts_jwks_free(data);
}
