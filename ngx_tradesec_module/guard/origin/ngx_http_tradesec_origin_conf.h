/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The configuration of the origin guard; for ngx_http_tradesec_origin*.c only.
 */

#ifndef NGX_HTTP_TRADESEC_ORIGIN_CONF_H
#define NGX_HTTP_TRADESEC_ORIGIN_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_origin_policy.h"


#define NGX_HTTP_TRADESEC_ORIGINS_MAX  32


typedef struct {
    ts_origin_t    allowed[NGX_HTTP_TRADESEC_ORIGINS_MAX];
    ngx_uint_t     n;
    ngx_flag_t     self;        /* allow scheme and Host of the request too */
    ngx_flag_t     off;
} ngx_http_tradesec_origin_policy_t;


typedef struct {
    ngx_http_tradesec_origin_policy_t  *policy;
    ngx_array_t                        *names;  /* of ngx_str_t: the server's
                                                   explicit names, for self */
    const void                         *safe;   /* names the safe methods */
} ngx_http_tradesec_origin_conf_t;


void *ngx_http_tradesec_origin_create_conf(ngx_conf_t *cf);
char *ngx_http_tradesec_origin_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);

/* The directive tradesec_origin. */

char *ngx_http_tradesec_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_TRADESEC_ORIGIN_CONF_H */
