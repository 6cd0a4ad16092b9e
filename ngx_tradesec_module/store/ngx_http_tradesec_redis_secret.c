/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "store/ngx_http_tradesec_redis_secret.h"


#define NGX_HTTP_TRADESEC_REDIS_FILE_MAX  4096
#define NGX_HTTP_TRADESEC_REDIS_KEY_MIN   16    /* bytes of key_file */


static ngx_int_t ngx_http_tradesec_redis_file(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *file, u_char *buf,
    size_t size, ssize_t *len);


/* What is on the first line of the file. */

char *
ngx_http_tradesec_redis_password(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t file)
{
    u_char   buf[NGX_HTTP_TRADESEC_REDIS_FILE_MAX];
    size_t   len;
    ssize_t  n;

    if (redis->password.len) {
        return "has two passwords";
    }

    if (ngx_http_tradesec_redis_file(cf, redis, &file, buf, sizeof(buf), &n)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (len = 0; len < (size_t) n && buf[len] != CR && buf[len] != LF; len++)
    {
        /* void */
    }

    if (len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no password on its first line", &file);
        return NGX_CONF_ERROR;
    }

    redis->password.data = ngx_pnalloc(cf->pool, len);
    if (redis->password.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(redis->password.data, buf, len);
    redis->password.len = len;

    OPENSSL_cleanse(buf, sizeof(buf));

    return NGX_CONF_OK;
}


char *
ngx_http_tradesec_redis_key(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t file)
{
    u_char    buf[NGX_HTTP_TRADESEC_REDIS_FILE_MAX];
    u_char    digest[EVP_MAX_MD_SIZE];
    ssize_t   n;

    if (ngx_http_tradesec_redis_file(cf, redis, &file, buf, sizeof(buf), &n)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (n < NGX_HTTP_TRADESEC_REDIS_KEY_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has less than 16 bytes: make it with "
                           "\"openssl rand -out FILE 32\"", &file);
        return NGX_CONF_ERROR;
    }

    if (EVP_Digest(buf, (size_t) n, digest, NULL, EVP_sha256(), NULL) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "EVP_Digest() failed");
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(redis->key, digest, NGX_HTTP_TRADESEC_REDIS_KEY);

    OPENSSL_cleanse(buf, sizeof(buf));
    OPENSSL_cleanse(digest, sizeof(digest));

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_tradesec_redis_private(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *file)
{
    u_char   byte;
    ssize_t  n;

    return ngx_http_tradesec_redis_file(cf, redis, file, &byte, 1, &n);
}


static ngx_int_t
ngx_http_tradesec_redis_file(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *file, u_char *buf,
    size_t size, ssize_t *len)
{
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    *len = ngx_read_fd(fd, buf, size);

    if (*len == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", file);

    } else if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
               && (fi.st_mode & S_IROTH))
    {
        redis->readable = *file;
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    return *len == -1 ? NGX_ERROR : NGX_OK;
}
