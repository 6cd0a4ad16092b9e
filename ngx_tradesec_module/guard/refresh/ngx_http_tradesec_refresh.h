/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The refresh guard (refresh.c) and its directive (refresh_conf.c).
 */

#ifndef NGX_HTTP_TRADESEC_REFRESH_H
#define NGX_HTTP_TRADESEC_REFRESH_H

#include "core/ts_outcome.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "request/ngx_http_tradesec_guard.h"
#include "store/ngx_http_tradesec_rotation_zone.h"


typedef struct {
    ngx_str_t                                  cookie;
    uint64_t                                   salt;    /* of its name */
    const ngx_http_tradesec_jwt_provider_t    *provider;    /* NULL: none */
    ngx_str_t                                  access;  /* its tokens' cookie */
    time_t                                     grace;
    time_t                                     lifetime;
    ts_outcome_criteria_t                      criteria;
} ngx_http_tradesec_refresh_policy_t;


typedef struct {
    ngx_http_tradesec_rotation_zone_t         *zone;    /* NULL: none yet */
} ngx_http_tradesec_refresh_main_conf_t;


typedef struct {
    ngx_http_tradesec_refresh_policy_t        *policy;  /* NULL: off */
} ngx_http_tradesec_refresh_conf_t;


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_refresh_guard;
extern ngx_module_t                     ngx_http_tradesec_refresh_module;


/* The policy of the location that is being merged; NULL: none. */

const void *ngx_http_tradesec_refresh_policy(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_REFRESH_H */
