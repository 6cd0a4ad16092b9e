/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt_keys.h"


#define NGX_HTTP_TRADESEC_JWT_FILE_MAX   (1024 * 1024)

/* 64 keys of a dozen members, with certificates beside them */

#define NGX_HTTP_TRADESEC_JWT_VALUES_MAX  4096


static const char *ngx_http_tradesec_jwt_load_fd(ngx_fd_t fd,
    ngx_http_tradesec_jwt_text_t *text, ngx_err_t *err);
static ts_jwks_result_e ngx_http_tradesec_jwt_parse_form(ts_jwks_t *jwks,
    ngx_http_tradesec_jwt_keys_e form, ts_slice_t text, uint32_t algs);
static void ngx_http_tradesec_jwt_keys_cleanup(void *data);


ts_jwks_t *
ngx_http_tradesec_jwt_read_keys(ngx_conf_t *cf, ngx_str_t *file,
    ngx_http_tradesec_jwt_keys_e form, uint32_t algs,
    ngx_http_tradesec_jwt_text_t *text)
{
    uint32_t             failed;
    ngx_err_t            err;
    ts_jwks_t           *jwks;
    const char          *what;
    ts_jwks_result_e     rc;
    ngx_pool_cleanup_t  *cln;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NULL;
    }

    what = ngx_http_tradesec_jwt_load(file, text, &err);

    if (what != NULL) {

        if (err) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "%s \"%V\" failed",
                               what, file);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", file, what);
        }

        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    jwks = NULL;

    if (cln != NULL) {
        jwks = ngx_http_tradesec_jwt_parse_keys(form,
                                                ts_slice(text->data,
                                                         text->len),
                                                algs, &rc, &failed);
        if (jwks != NULL) {
            cln->handler = ngx_http_tradesec_jwt_keys_cleanup;
            cln->data = jwks;
            return jwks;
        }

        if (failed) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key %uD of \"%V\": %s",
                               failed, file, ts_jwks_result_text(rc));

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "cannot use \"%V\": %s",
                               file, ts_jwks_result_text(rc));
        }
    }

    ngx_http_tradesec_jwt_unload(text);

    return NULL;
}


static void
ngx_http_tradesec_jwt_keys_cleanup(void *data)
{
    ngx_http_tradesec_jwt_free_keys(data);
}


const char *
ngx_http_tradesec_jwt_load(const ngx_str_t *path,
    ngx_http_tradesec_jwt_text_t *text, ngx_err_t *err)
{
    ngx_fd_t     fd;
    const char  *what;

    text->data = NULL;
    text->len = 0;

    /* a pipe must not hold up who opens it */

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return "open()";
    }

    what = ngx_http_tradesec_jwt_load_fd(fd, text, err);

    (void) ngx_close_file(fd);

    if (what != NULL) {
        ngx_http_tradesec_jwt_unload(text);
    }

    return what;
}


static const char *
ngx_http_tradesec_jwt_load_fd(ngx_fd_t fd, ngx_http_tradesec_jwt_text_t *text,
    ngx_err_t *err)
{
    size_t   size;
    ssize_t  n;

    *err = 0;

    if (ngx_fd_info(fd, &text->info) == NGX_FILE_ERROR) {
        *err = ngx_errno;
        return "fstat()";
    }

    if (!ngx_is_file(&text->info)) {
        return "is not a regular file";
    }

    if (ngx_file_size(&text->info) > NGX_HTTP_TRADESEC_JWT_FILE_MAX) {
        return "is larger than 1 MB";
    }

    size = (size_t) ngx_file_size(&text->info);

    text->data = ngx_alloc(size + 1, ngx_cycle->log);
    if (text->data == NULL) {
        *err = ngx_errno;
        return "malloc()";
    }

    /* one byte more than there should be: nobody writes to it */

    n = ngx_read_fd(fd, text->data, size + 1);

    if (n == -1) {
        *err = ngx_errno;
        return "read()";
    }

    text->len = (size_t) n;

    return text->len == size ? NULL : "changes while it is read";
}


void
ngx_http_tradesec_jwt_unload(ngx_http_tradesec_jwt_text_t *text)
{
    if (text->data != NULL) {
        ngx_explicit_memzero(text->data, text->len);
        ngx_free(text->data);
        text->data = NULL;
    }
}


ts_jwks_t *
ngx_http_tradesec_jwt_parse_keys(ngx_http_tradesec_jwt_keys_e form,
    ts_slice_t text, uint32_t algs, ts_jwks_result_e *rc, uint32_t *failed)
{
    ts_jwks_t  *jwks;

    *rc = TS_JWKS_CRYPTO;
    *failed = 0;

    jwks = ngx_calloc(sizeof(ts_jwks_t), ngx_cycle->log);
    if (jwks == NULL) {
        return NULL;
    }

    *rc = ngx_http_tradesec_jwt_parse_form(jwks, form, text, algs);

    if (*rc == TS_JWKS_OK) {
        return jwks;
    }

    *failed = jwks->failed;
    ngx_http_tradesec_jwt_free_keys(jwks);

    return NULL;
}


static ts_jwks_result_e
ngx_http_tradesec_jwt_parse_form(ts_jwks_t *jwks,
    ngx_http_tradesec_jwt_keys_e form, ts_slice_t text, uint32_t algs)
{
    ts_json_t         tape;
    ts_jwks_result_e  rc;

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
        tape.tokens = ngx_alloc(tape.size * sizeof(ts_json_token_t),
                                ngx_cycle->log);
        if (tape.tokens == NULL) {
            return TS_JWKS_CRYPTO;
        }

        rc = ts_jwks_read(jwks, text, algs, &tape);

        ngx_free(tape.tokens);

        return rc;
    }
}


void
ngx_http_tradesec_jwt_free_keys(ts_jwks_t *jwks)
{
    ts_jwks_free(jwks);
    ngx_free(jwks);
}
