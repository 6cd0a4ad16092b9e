/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "store/ngx_http_tradesec_zone_layout.h"


/* pages of the zone that are not divided: the head, and the slab's own */

#define NGX_HTTP_TRADESEC_ZONE_RESERVE   4


ngx_int_t
ngx_http_tradesec_zone_divide(ngx_http_tradesec_zone_conf_t *zcf,
    ngx_slab_pool_t *shpool, ngx_http_tradesec_zone_head_t *head)
{
    ngx_uint_t                      i, pages, shares, fixed;
    ngx_http_tradesec_area_t       *area;
    ngx_http_tradesec_zone_area_t  *record;

    shares = 0;
    fixed = NGX_HTTP_TRADESEC_ZONE_RESERVE;

    for (i = 0; i < zcf->n; i++) {
        shares += zcf->areas[i]->share;

        if (zcf->areas[i]->share == 0) {
            fixed += ngx_align(zcf->areas[i]->min, ngx_pagesize)
                     / ngx_pagesize;
        }
    }

    pages = shpool->pfree > fixed ? shpool->pfree - fixed : 0;

    for (i = 0; i < zcf->n; i++) {
        area = zcf->areas[i];
        record = &head->areas[i];

        record->size = area->share
                       ? pages * area->share / shares * ngx_pagesize
                       : pages ? ngx_align(area->min, ngx_pagesize) : 0;

        if (record->size < ngx_max(area->min, ngx_pagesize)) {
            ngx_log_error(NGX_LOG_EMERG, zcf->shm_zone->shm.log, 0,
                          "tradesec_zone \"%V\" is too small: \"%s\" would "
                          "get %uz bytes and needs %uz",
                          &zcf->shm_zone->shm.name, area->name, record->size,
                          ngx_max(area->min, ngx_pagesize));
            return NGX_ERROR;
        }

        /* fresh pages are zero; clearing them would touch them all */

        record->memory = ngx_slab_alloc(shpool, record->size);
        if (record->memory == NULL) {
            return NGX_ERROR;
        }

        if (RAND_bytes(record->key, NGX_HTTP_TRADESEC_ZONE_KEY_LEN) != 1) {
            ngx_log_error(NGX_LOG_EMERG, zcf->shm_zone->shm.log, 0,
                          "RAND_bytes() failed");
            return NGX_ERROR;
        }

        ngx_cpystrn(record->name, (u_char *) area->name,
                    NGX_HTTP_TRADESEC_AREA_NAME);
        record->version = area->version;
        record->share = area->share;
        record->tag = area->tag;
        head->n++;
    }

    ngx_http_tradesec_zone_attach(zcf, shpool, head);

    return NGX_OK;
}


ngx_int_t
ngx_http_tradesec_zone_fill(ngx_http_tradesec_zone_conf_t *zcf, ngx_log_t *log)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_slab_pool_t                *shpool;
    ngx_http_tradesec_area_t       *area;
    ngx_http_tradesec_zone_area_t  *from;
    ngx_http_tradesec_zone_head_t  *old;

    shpool = zcf->old ? (ngx_slab_pool_t *) zcf->old->shm.addr : NULL;
    old = shpool ? shpool->data : NULL;

    for (i = 0; i < zcf->n; i++) {
        area = zcf->areas[i];
        from = old ? ngx_http_tradesec_zone_find(old, area) : NULL;

        if (from == NULL || from->version != area->version) {
            area->fresh = 1;
            rc = area->init(area, NULL, 0, log);

        } else {
            ngx_memcpy(area->key, from->key, NGX_HTTP_TRADESEC_ZONE_KEY_LEN);

            ngx_shmtx_lock(&shpool->mutex);
            rc = area->init(area, from->memory, from->size, log);
            ngx_shmtx_unlock(&shpool->mutex);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_tradesec_state_load(&zcf->state, log);
}


void
ngx_http_tradesec_zone_attach(ngx_http_tradesec_zone_conf_t *zcf,
    ngx_slab_pool_t *shpool, ngx_http_tradesec_zone_head_t *head)
{
    ngx_uint_t                      i;
    ngx_http_tradesec_zone_area_t  *record;

    zcf->state.areas = zcf->areas;
    zcf->state.n = zcf->n;
    zcf->state.keeper = &head->keeper;

    for (i = 0; i < zcf->n; i++) {
        record = ngx_http_tradesec_zone_find(head, zcf->areas[i]);

        zcf->areas[i]->memory = record->memory;
        zcf->areas[i]->size = record->size;
        zcf->areas[i]->key = record->key;
        zcf->areas[i]->shpool = shpool;
        zcf->areas[i]->keeper = &head->keeper;
    }
}


ngx_http_tradesec_zone_area_t *
ngx_http_tradesec_zone_find(ngx_http_tradesec_zone_head_t *head,
    const ngx_http_tradesec_area_t *area)
{
    ngx_uint_t  i;

    for (i = 0; i < head->n; i++) {
        if (ngx_strcmp(head->areas[i].name, area->name) == 0) {
            return &head->areas[i];
        }
    }

    return NULL;
}
