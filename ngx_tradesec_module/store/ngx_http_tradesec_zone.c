/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_store.h"


static ngx_int_t ngx_http_tradesec_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_shm_zone_t *ngx_http_tradesec_zone_old(ngx_conf_t *cf,
    ngx_shm_zone_t *shm_zone);


ngx_int_t
ngx_http_tradesec_zone_add(ngx_conf_t *cf, ngx_http_tradesec_area_t *area)
{
    ngx_http_tradesec_zone_conf_t   *zcf;
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);
    zcf = &scf->zone;

    if (zcf->shm_zone == NULL) {
        return NGX_DECLINED;
    }

    if (zcf->n == NGX_HTTP_TRADESEC_AREAS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many areas in tradesec_zone");
        return NGX_ERROR;
    }

    area->state_path = &zcf->state.path;
    zcf->areas[zcf->n++] = area;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                          len;
    ngx_slab_pool_t                *shpool;
    ngx_http_tradesec_zone_conf_t  *zcf;
    ngx_http_tradesec_zone_head_t  *head;

    zcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data != NULL) {
        ngx_http_tradesec_zone_attach(zcf, shpool, shpool->data);
        return NGX_OK;
    }

    head = ngx_slab_calloc(shpool, sizeof(ngx_http_tradesec_zone_head_t));
    if (head == NULL) {
        return NGX_ERROR;
    }

    len = sizeof(" in tradesec_zone \"\"") + shm_zone->shm.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in tradesec_zone \"%V\"%Z",
                &shm_zone->shm.name);

    shpool->data = head;
    head->version = NGX_HTTP_TRADESEC_ZONE_VERSION;
    head->size = zcf->size;

    if (ngx_http_tradesec_zone_divide(zcf, shpool, head) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_zone_fill(zcf, shm_zone->shm.log);
}


static ngx_shm_zone_t *
ngx_http_tradesec_zone_old(ngx_conf_t *cf, ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zones;
    ngx_list_part_t  *part;

    if (cf->cycle->old_cycle == NULL) {
        return NULL;
    }

    part = &cf->cycle->old_cycle->shared_memory.part;

    for ( /* void */ ; part; part = part->next) {
        zones = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (zones[i].tag == shm_zone->tag
                && zones[i].shm.addr != NULL
                && ngx_memn2cmp(zones[i].shm.name.data,
                                shm_zone->shm.name.data,
                                zones[i].shm.name.len, shm_zone->shm.name.len)
                   == 0)
            {
                return &zones[i];
            }
        }
    }

    return NULL;
}


/*
 * Decides whether a reload keeps the zone. nginx keeps it when name, tag and
 * size are the same; ours must be divided in the same way too. So a zone that
 * has to be made anew gets a size that differs by a page, and one that can be
 * kept gets the size it has.
 */

void
ngx_http_tradesec_zone_configured(ngx_conf_t *cf,
    ngx_http_tradesec_zone_conf_t *zcf)
{
    ngx_uint_t                      i, same;
    ngx_http_tradesec_zone_area_t  *record;
    ngx_http_tradesec_zone_head_t  *head;

    zcf->old = ngx_http_tradesec_zone_old(cf, zcf->shm_zone);

    if (zcf->old == NULL) {
        return;
    }

    head = ((ngx_slab_pool_t *) zcf->old->shm.addr)->data;

    same = head->version == NGX_HTTP_TRADESEC_ZONE_VERSION
           && head->size == zcf->size
           && head->n == zcf->n;

    for (i = 0; same && i < zcf->n; i++) {
        record = ngx_http_tradesec_zone_find(head, zcf->areas[i]);

        same = record != NULL
               && record->version == zcf->areas[i]->version
               && record->share == zcf->areas[i]->share
               && record->tag == zcf->areas[i]->tag;
    }

    if (same) {
        zcf->shm_zone->shm.size = zcf->old->shm.size;

    } else if (zcf->old->shm.size == zcf->shm_zone->shm.size) {
        zcf->shm_zone->shm.size += ngx_pagesize;
    }

    if (same || head->version != NGX_HTTP_TRADESEC_ZONE_VERSION) {
        zcf->old = NULL;
    }
}


/*
 * Only now it is certain that the copy will be used: the workers of the old
 * zone, which is about to be unmapped, must not write over what ours write.
 */

void
ngx_http_tradesec_zone_started(ngx_http_tradesec_zone_conf_t *zcf)
{
    ngx_http_tradesec_zone_head_t  *old;

    if (zcf->old != NULL) {
        old = ((ngx_slab_pool_t *) zcf->old->shm.addr)->data;
        old->keeper = NGX_INVALID_PID;
        zcf->old = NULL;
    }
}


/* One process of the newest cycle keeps the state file: the first worker. */

void
ngx_http_tradesec_zone_open(ngx_http_tradesec_zone_conf_t *zcf, ngx_log_t *log)
{
    if (zcf->state.path.len && ngx_worker == 0) {
        ngx_http_tradesec_state_start(&zcf->state, log);
    }
}


void
ngx_http_tradesec_zone_close(ngx_http_tradesec_zone_conf_t *zcf)
{
    if (zcf->state.path.len) {
        ngx_http_tradesec_state_stop(&zcf->state);
    }
}


char *
ngx_http_tradesec_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_store_conf_t  *scf = conf;

    u_char                         *p;
    ssize_t                         size;
    ngx_str_t                      *value, name, s;
    ngx_http_tradesec_zone_conf_t  *zcf;

    zcf = &scf->zone;

    if (zcf->shm_zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3
        && ngx_http_tradesec_state_conf(cf, &value[2], &zcf->state) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"tradesec_zone\", "
                           "write \"zone=name:size\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data + 5;
    p = (u_char *) ngx_strchr(name.data, ':');

    if (p == NULL || p == name.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\" in \"tradesec_zone\", "
                           "write \"zone=name:size\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    name.len = p - name.data;
    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\" in \"tradesec_zone\"", &s);
        return NGX_CONF_ERROR;
    }

    size = ngx_align(size, ngx_pagesize);

    if (size < (ssize_t) (32 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "tradesec_zone \"%V\" is too small, write at "
                           "least \"zone=%V:%uzk\"",
                           &name, &name, 32 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    zcf->shm_zone = ngx_shared_memory_add(cf, &name, size,
                                          &ngx_http_tradesec_store_module);
    if (zcf->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zcf->size = size;
    zcf->shm_zone->init = ngx_http_tradesec_zone_init;
    zcf->shm_zone->data = zcf;

    return NGX_CONF_OK;
}
