/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The files with secrets that tradesec_redis names, read while nginx is
 * configured.
 */

#ifndef NGX_HTTP_TRADESEC_REDIS_SECRET_H
#define NGX_HTTP_TRADESEC_REDIS_SECRET_H

#include "store/ngx_http_tradesec_redis.h"


/* Each returns what a directive does, after it has said what is wrong. */

char *ngx_http_tradesec_redis_password(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t file);

/* Names of keys are hashes under one that is derived from the file. */

char *ngx_http_tradesec_redis_key(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t file);

/* Only looks whether the file, whose name becomes a full one, is private. */

ngx_int_t ngx_http_tradesec_redis_private(ngx_conf_t *cf,
    ngx_http_tradesec_redis_conf_t *redis, ngx_str_t *file);


#endif /* NGX_HTTP_TRADESEC_REDIS_SECRET_H */
