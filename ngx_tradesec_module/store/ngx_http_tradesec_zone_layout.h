/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How the one zone lies in memory: a head that says which areas there are, and
 * the areas behind it. For ngx_http_tradesec_zone*.c only.
 */

#ifndef NGX_HTTP_TRADESEC_ZONE_LAYOUT_H
#define NGX_HTTP_TRADESEC_ZONE_LAYOUT_H

#include "store/ngx_http_tradesec_state.h"
#include "store/ngx_http_tradesec_zone.h"


#define NGX_HTTP_TRADESEC_AREA_NAME      16
#define NGX_HTTP_TRADESEC_ZONE_VERSION   2


/* In shared memory. What it says of the areas is never changed again. */

typedef struct {
    u_char                     name[NGX_HTTP_TRADESEC_AREA_NAME];
    u_char                     key[NGX_HTTP_TRADESEC_ZONE_KEY_LEN];
    uint32_t                   version;
    uint32_t                   share;
    uint32_t                   tag;
    void                      *memory;
    size_t                     size;
} ngx_http_tradesec_zone_area_t;

typedef struct {
    uint32_t                       version;
    uint32_t                       n;
    size_t                         size;    /* as configured */
    ngx_pid_t                      keeper;  /* writes the state file */
    ngx_http_tradesec_zone_area_t  areas[NGX_HTTP_TRADESEC_AREAS];
} ngx_http_tradesec_zone_head_t;


typedef struct {
    ngx_shm_zone_t            *shm_zone;
    ngx_shm_zone_t            *old;         /* of the previous cycle */
    size_t                     size;
    ngx_uint_t                 n;
    ngx_http_tradesec_area_t  *areas[NGX_HTTP_TRADESEC_AREAS];
    ngx_http_tradesec_state_t  state;
} ngx_http_tradesec_zone_conf_t;


/* Gives each area of the configuration its pages; the head is empty yet. */

ngx_int_t ngx_http_tradesec_zone_divide(ngx_http_tradesec_zone_conf_t *zcf,
    ngx_slab_pool_t *shpool, ngx_http_tradesec_zone_head_t *head);

/* Fills them: from the old zone where there is one, then the state file. */

ngx_int_t ngx_http_tradesec_zone_fill(ngx_http_tradesec_zone_conf_t *zcf,
    ngx_log_t *log);

/* Tells the areas of a configuration where they lie. */

void ngx_http_tradesec_zone_attach(ngx_http_tradesec_zone_conf_t *zcf,
    ngx_slab_pool_t *shpool, ngx_http_tradesec_zone_head_t *head);

/* The record of an area, NULL when the zone has none. */

ngx_http_tradesec_zone_area_t *ngx_http_tradesec_zone_find(
    ngx_http_tradesec_zone_head_t *head, const ngx_http_tradesec_area_t *area);


#endif /* NGX_HTTP_TRADESEC_ZONE_LAYOUT_H */
