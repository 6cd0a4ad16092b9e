/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_rotation_zone.h"


/* Of the zone; 1 MB of area remembers 21,800 tokens. */

#define NGX_HTTP_TRADESEC_ROTATION_SHARE  1


static ngx_int_t ngx_http_tradesec_rotation_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);
static ts_rotation_times_t ngx_http_tradesec_rotation_times(time_t grace,
    time_t lifetime);


ngx_http_tradesec_rotation_zone_t *
ngx_http_tradesec_rotation_zone_create(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_http_tradesec_rotation_zone_t  *zone;

    *no_zone = 0;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_rotation_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->area.name = "refresh";
    zone->area.version = TS_ROTATION_VERSION;
    zone->area.share = NGX_HTTP_TRADESEC_ROTATION_SHARE;
    zone->area.min = TS_ROTATION_ENTRY * TS_ROTATION_WAYS;
    zone->area.init = ngx_http_tradesec_rotation_init;
    zone->area.data = zone;

    switch (ngx_http_tradesec_zone_add(cf, &zone->area)) {

    case NGX_OK:
        return zone;

    case NGX_DECLINED:
        *no_zone = 1;
        /* fall through */

    default:
        return NULL;
    }
}


static ngx_int_t
ngx_http_tradesec_rotation_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    ts_rotation_t  from, to;

    if (old != NULL) {
        ts_rotation_open(&from, old, old_size);
        ts_rotation_open(&to, area->memory, area->size);
        ts_rotation_copy(&to, &from,
                         ngx_http_tradesec_rotation_times(0, 0).now);
    }

    return NGX_OK;
}


/* The clock starts at 1: nothing in the table is free of time. */

uint32_t
ngx_http_tradesec_rotation_zone_now(void)
{
    return (uint32_t) (ngx_current_msec / 1000 + 1);
}


static ts_rotation_times_t
ngx_http_tradesec_rotation_times(time_t grace, time_t lifetime)
{
    return (ts_rotation_times_t) {
        ngx_http_tradesec_rotation_zone_now(), (uint32_t) grace,
        (uint32_t) lifetime
    };
}


static ts_rotation_t
ngx_http_tradesec_rotation_lock(const ngx_http_tradesec_rotation_zone_t *zone)
{
    ts_rotation_t  t;

    ts_rotation_open(&t, zone->area.memory, zone->area.size);
    ngx_http_tradesec_area_lock(&zone->area);

    return t;
}


ts_rotation_e
ngx_http_tradesec_rotation_zone_use(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    uint64_t family, time_t grace, time_t lifetime, uint64_t *access)
{
    ts_rotation_e  rc;
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    rc = ts_rotation_use(&t, tag, family,
                         ngx_http_tradesec_rotation_times(grace, lifetime),
                         access);
    ngx_http_tradesec_area_unlock(&zone->area);

    return rc;
}


ngx_flag_t
ngx_http_tradesec_rotation_zone_settle(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    const ts_rotation_tag_t *next, uint64_t access, time_t lifetime)
{
    ngx_flag_t     ended;
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    ended = ts_rotation_settle(&t, tag, next, access,
                               ngx_http_tradesec_rotation_times(0, lifetime));
    ngx_http_tradesec_area_unlock(&zone->area);

    return ended;
}


void
ngx_http_tradesec_rotation_zone_adopt(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    uint64_t family)
{
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    ts_rotation_adopt(&t, tag, family, ngx_http_tradesec_rotation_zone_now());
    ngx_http_tradesec_area_unlock(&zone->area);
}


uint64_t
ngx_http_tradesec_rotation_zone_finish(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    time_t lifetime)
{
    uint64_t       access;
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    access = ts_rotation_finish(&t, tag,
                                ngx_http_tradesec_rotation_times(0, lifetime));
    ngx_http_tradesec_area_unlock(&zone->area);

    return access;
}


ngx_flag_t
ngx_http_tradesec_rotation_zone_get(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag,
    ts_rotation_entry_t *entry)
{
    ngx_flag_t     found;
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    found = ts_rotation_get(&t, tag, ngx_http_tradesec_rotation_zone_now(),
                            entry);
    ngx_http_tradesec_area_unlock(&zone->area);

    return found;
}


void
ngx_http_tradesec_rotation_zone_untold(
    const ngx_http_tradesec_rotation_zone_t *zone, ts_rotation_tag_t tag)
{
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    ts_rotation_untold(&t, tag, ngx_http_tradesec_rotation_zone_now());
    ngx_http_tradesec_area_unlock(&zone->area);
}


ngx_uint_t
ngx_http_tradesec_rotation_zone_tell(
    const ngx_http_tradesec_rotation_zone_t *zone, size_t *cursor,
    ts_rotation_entry_t *entries, ngx_uint_t n)
{
    size_t         found;
    ts_rotation_t  t;

    t = ngx_http_tradesec_rotation_lock(zone);
    found = ts_rotation_tell(&t, cursor,
                             ngx_http_tradesec_rotation_zone_now(), entries,
                             n);
    ngx_http_tradesec_area_unlock(&zone->area);

    return found;
}
