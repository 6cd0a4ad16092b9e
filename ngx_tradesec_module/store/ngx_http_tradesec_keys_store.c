/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_keys_store.h"


#define NGX_HTTP_TRADESEC_KEYS_VERSION  1


static size_t ngx_http_tradesec_keys_room(
    const ngx_http_tradesec_keys_slot_t *slot);
static uint32_t ngx_http_tradesec_keys_tag(
    const ngx_http_tradesec_keys_store_t *store);
static ngx_int_t ngx_http_tradesec_keys_init(ngx_http_tradesec_area_t *area,
    void *old, size_t old_size, ngx_log_t *log);
static void ngx_http_tradesec_keys_write(ngx_http_tradesec_keys_slot_t *slot,
    ts_slice_t text);
static ngx_http_tradesec_keys_slot_t *ngx_http_tradesec_keys_find(
    void *memory, size_t size, const u_char *id);


ngx_http_tradesec_keys_store_t *
ngx_http_tradesec_keys_store_create(ngx_conf_t *cf,
    ngx_http_tradesec_keys_plan_t *plans, ngx_uint_t n, ngx_flag_t *no_zone)
{
    ngx_uint_t                       i;
    ngx_http_tradesec_keys_store_t  *store;

    *no_zone = 0;

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_keys_store_t));
    if (store == NULL) {
        return NULL;
    }

    store->n = n;
    store->plans = plans;

    store->area.name = "keys";
    store->area.version = NGX_HTTP_TRADESEC_KEYS_VERSION;
    store->area.tag = ngx_http_tradesec_keys_tag(store);
    store->area.init = ngx_http_tradesec_keys_init;
    store->area.data = store;

    for (i = 0; i < n; i++) {
        store->area.min += plans[i].size;
    }

    switch (ngx_http_tradesec_zone_add(cf, &store->area)) {

    case NGX_OK:
        return store;

    case NGX_DECLINED:
        *no_zone = 1;
        /* fall through */

    default:
        return NULL;
    }
}


static size_t
ngx_http_tradesec_keys_room(const ngx_http_tradesec_keys_slot_t *slot)
{
    return ngx_min(slot->size - sizeof(ngx_http_tradesec_keys_slot_t),
                   NGX_HTTP_TRADESEC_KEYS_TEXT);
}


static uint32_t
ngx_http_tradesec_keys_tag(const ngx_http_tradesec_keys_store_t *store)
{
    uint32_t    crc;
    ngx_uint_t  i;

    ngx_crc32_init(crc);

    for (i = 0; i < store->n; i++) {
        ngx_crc32_update(&crc, store->plans[i].id, NGX_HTTP_TRADESEC_KEYS_ID);
        ngx_crc32_update(&crc, (u_char *) &store->plans[i].size,
                         sizeof(store->plans[i].size));
    }

    ngx_crc32_final(crc);

    return crc;
}


/* A provider that is still there keeps what it has. */

static ngx_int_t
ngx_http_tradesec_keys_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    const ngx_http_tradesec_keys_store_t  *store = area->data;

    u_char                               *p;
    ngx_uint_t                            i;
    ngx_http_tradesec_keys_slot_t        *slot, *from;
    const ngx_http_tradesec_keys_plan_t  *plan;

    p = area->memory;

    for (i = 0; i < store->n; i++) {
        plan = &store->plans[i];
        slot = (ngx_http_tradesec_keys_slot_t *) p;

        ngx_memcpy(slot->id, plan->id, NGX_HTTP_TRADESEC_KEYS_ID);
        slot->size = plan->size;

        from = old ? ngx_http_tradesec_keys_find(old, old_size, plan->id)
                   : NULL;

        if (from != NULL && !from->writing
            && from->len <= ngx_http_tradesec_keys_room(slot)) {
            slot->len = from->len;
            slot->generation = from->generation;
            slot->source = from->source;
            ngx_memcpy(slot->text, from->text, from->len);
        }

        p += plan->size;
    }

    return NGX_OK;
}


ngx_http_tradesec_keys_slot_t *
ngx_http_tradesec_keys_slot(const ngx_http_tradesec_keys_store_t *store,
    const u_char *id)
{
    return ngx_http_tradesec_keys_find(store->area.memory, store->area.size,
                                       id);
}


/* Behind the last slot there is a size of 0. */

static ngx_http_tradesec_keys_slot_t *
ngx_http_tradesec_keys_find(void *memory, size_t size, const u_char *id)
{
    u_char                         *p, *end;
    ngx_http_tradesec_keys_slot_t  *slot;

    p = memory;
    end = p + size;

    while ((size_t) (end - p) > sizeof(ngx_http_tradesec_keys_slot_t)) {
        slot = (ngx_http_tradesec_keys_slot_t *) p;

        if (slot->size == 0) {
            break;
        }

        if (ngx_memcmp(slot->id, id, NGX_HTTP_TRADESEC_KEYS_ID) == 0) {
            return slot;
        }

        p += slot->size;
    }

    return NULL;
}


ngx_int_t
ngx_http_tradesec_keys_publish(const ngx_http_tradesec_keys_store_t *store,
    ngx_http_tradesec_keys_slot_t *slot, ts_slice_t text,
    uint32_t *generation)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (text.len > ngx_http_tradesec_keys_room(slot)) {
        rc = NGX_DECLINED;
        text.len = 0;
    }

    ngx_http_tradesec_area_lock(&store->area);

    if (slot->writing || slot->len != text.len
        || ngx_memcmp(slot->text, text.data, text.len) != 0)
    {
        ngx_http_tradesec_keys_write(slot, text);

    } else if (rc == NGX_OK) {
        rc = NGX_DONE;
    }

    *generation = slot->generation;

    ngx_http_tradesec_area_unlock(&store->area);

    return rc;
}


/* Under the lock. */

static void
ngx_http_tradesec_keys_write(ngx_http_tradesec_keys_slot_t *slot,
    ts_slice_t text)
{
    slot->writing = 1;
    ngx_memory_barrier();

    if (slot->len > text.len) {
        ngx_explicit_memzero(slot->text + text.len, slot->len - text.len);
    }

    ngx_memcpy(slot->text, text.data, text.len);
    slot->len = (uint32_t) text.len;

    ngx_memory_barrier();
    slot->writing = 0;

    slot->generation = slot->generation + 1 ? slot->generation + 1 : 1;
}


size_t
ngx_http_tradesec_keys_take(const ngx_http_tradesec_keys_store_t *store,
    ngx_http_tradesec_keys_slot_t *slot, u_char *buf, uint32_t *generation)
{
    size_t  len;

    ngx_http_tradesec_area_lock(&store->area);

    if (slot->writing) {

        /* half a text is none: who has keys keeps them */

        slot->len = 0;
        slot->writing = 0;
        slot->source.fetched = 0;
    }

    len = slot->len;
    ngx_memcpy(buf, slot->text, len);

    *generation = slot->generation;

    ngx_http_tradesec_area_unlock(&store->area);

    return len;
}
