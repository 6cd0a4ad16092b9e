/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Refresh tokens that were used, known to all workers in an area of
 * tradesec_zone. For the store of them only.
 */

#ifndef NGX_HTTP_TRADESEC_ROTATION_ZONE_H
#define NGX_HTTP_TRADESEC_ROTATION_ZONE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_rotation.h"
#include "store/ngx_http_tradesec_zone.h"


typedef struct {
    ngx_http_tradesec_area_t  area;
} ngx_http_tradesec_rotation_zone_t;


/*
 * Asks for the area while configurations are being merged; once in a
 * configuration. NULL when memory is out or when there is no tradesec_zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_rotation_zone_t *ngx_http_tradesec_rotation_zone_create(
    ngx_conf_t *cf, ngx_flag_t *no_zone);

/* As their namesakes of the core, at this moment. */

uint32_t ngx_http_tradesec_rotation_zone_now(void);

ts_rotation_e ngx_http_tradesec_rotation_zone_use(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    uint64_t family, time_t grace, time_t lifetime, uint64_t *access);
ngx_flag_t ngx_http_tradesec_rotation_zone_settle(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next, uint64_t access, time_t lifetime);

void ngx_http_tradesec_rotation_zone_adopt(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    uint64_t family);
uint64_t ngx_http_tradesec_rotation_zone_finish(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    time_t lifetime);
ngx_flag_t ngx_http_tradesec_rotation_zone_get(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    ts_rotation_entry_t *entry);
void ngx_http_tradesec_rotation_zone_untold(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag);
ngx_uint_t ngx_http_tradesec_rotation_zone_tell(
    const ngx_http_tradesec_rotation_zone_t *zone, size_t *cursor,
    ts_rotation_entry_t *entries, ngx_uint_t n);


#endif /* NGX_HTTP_TRADESEC_ROTATION_ZONE_H */
