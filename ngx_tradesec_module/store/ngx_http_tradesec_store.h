/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The nginx module of this floor. Each of nginx's modules takes a place in
 * every request, so the rooms of a floor share one. For store/ only.
 */

#ifndef NGX_HTTP_TRADESEC_STORE_H
#define NGX_HTTP_TRADESEC_STORE_H

#include "store/ngx_http_tradesec_rotation_store.h"
#include "store/ngx_http_tradesec_zone_layout.h"


typedef struct ngx_http_tradesec_revocations_zone_s
    ngx_http_tradesec_revocations_zone_t;


typedef struct {
    ngx_http_tradesec_zone_conf_t            zone;
    ngx_http_tradesec_redis_main_conf_t      redis;
    ngx_http_tradesec_revocations_zone_t    *revocations;  /* NULL: not used */
    ngx_http_tradesec_rotation_store_t      *rotation;     /* NULL: not used */
} ngx_http_tradesec_store_conf_t;


extern ngx_module_t  ngx_http_tradesec_store_module;


/* The directives of the rooms. */

char *ngx_http_tradesec_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_tradesec_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Their parts in the life of a configuration. */

void ngx_http_tradesec_zone_configured(ngx_conf_t *cf,
    ngx_http_tradesec_zone_conf_t *zcf);
void ngx_http_tradesec_zone_started(ngx_http_tradesec_zone_conf_t *zcf);
void ngx_http_tradesec_revocations_started(
    ngx_http_tradesec_revocations_zone_t *zone, ngx_log_t *log);

/* In a process that serves requests. */

void ngx_http_tradesec_zone_open(ngx_http_tradesec_zone_conf_t *zcf,
    ngx_log_t *log);
void ngx_http_tradesec_zone_close(ngx_http_tradesec_zone_conf_t *zcf);

void ngx_http_tradesec_redis_open(ngx_http_tradesec_redis_main_conf_t *rmcf,
    ngx_log_t *log);

void ngx_http_tradesec_revocations_open(
    ngx_http_tradesec_revocations_zone_t *zone, ngx_log_t *log);
void ngx_http_tradesec_revocations_close(
    ngx_http_tradesec_revocations_zone_t *zone);


#endif /* NGX_HTTP_TRADESEC_STORE_H */
