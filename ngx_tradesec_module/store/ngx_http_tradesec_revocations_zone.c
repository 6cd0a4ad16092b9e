/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Revocations in an area of tradesec_zone.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "store/ngx_http_tradesec_revocations_journal.h"
#include "store/ngx_http_tradesec_revocations_store.h"
#include "store/ngx_http_tradesec_store.h"


#define NGX_HTTP_TRADESEC_REVOCATIONS_SHARE  1      /* of the zone */


struct ngx_http_tradesec_revocations_zone_s {
    ngx_http_tradesec_revocations_store_t    store;
    ngx_http_tradesec_area_t                 area;
    ngx_http_tradesec_revocations_journal_t  journal;
};


static const u_char *ngx_http_tradesec_revocations_key(
    ngx_http_tradesec_revocations_store_t *store);
static const ts_revocations_t *ngx_http_tradesec_revocations_list(
    ngx_http_tradesec_revocations_store_t *store);
static ngx_int_t ngx_http_tradesec_revocations_revoke(
    ngx_http_tradesec_revocations_store_t *store, const ts_revocation_t *r,
    const ts_revocation_t *wider, ngx_log_t *log);
static void ngx_http_tradesec_revocations_freeze(
    ngx_http_tradesec_revocations_store_t *store, ngx_flag_t on,
    ngx_log_t *log);
static ngx_int_t ngx_http_tradesec_revocations_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);


ngx_http_tradesec_revocations_store_t *
ngx_http_tradesec_revocations_create(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_int_t                              rc;
    ngx_http_tradesec_store_conf_t        *scf;
    ngx_http_tradesec_revocations_zone_t  *zone;

    *no_zone = 0;

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);
    if (scf->revocations != NULL) {
        return &scf->revocations->store;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_revocations_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->area.name = "revocations";
    zone->area.version = TS_REVOCATIONS_VERSION;
    zone->area.share = NGX_HTTP_TRADESEC_REVOCATIONS_SHARE;
    zone->area.min = TS_REVOCATIONS_SIZE_MIN;
    zone->area.init = ngx_http_tradesec_revocations_init;
    zone->area.data = zone;

    rc = ngx_http_tradesec_zone_add(cf, &zone->area);

    if (rc != NGX_OK) {
        *no_zone = rc == NGX_DECLINED;
        return NULL;
    }

    if (ngx_http_tradesec_revocations_journal_conf(cf, &zone->journal,
                                                   &zone->area)
        != NGX_OK)
    {
        return NULL;
    }

    zone->store.key = ngx_http_tradesec_revocations_key;
    zone->store.list = ngx_http_tradesec_revocations_list;
    zone->store.revoke = ngx_http_tradesec_revocations_revoke;
    zone->store.freeze = ngx_http_tradesec_revocations_freeze;
    zone->store.data = zone;

    scf->revocations = zone;

    return &zone->store;
}


ngx_http_tradesec_revocations_store_t *
ngx_http_tradesec_revocations_get(ngx_http_request_t *r)
{
    const ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_store_module);

    return scf->revocations ? &scf->revocations->store : NULL;
}


uint64_t
ngx_http_tradesec_revocations_name(
    ngx_http_tradesec_revocations_store_t *store, ts_revoked_e kind,
    uint64_t issuer, const u_char *text, size_t len)
{
    u_char        hash[crypto_shorthash_siphashx24_BYTES];
    uint64_t      word;
    const u_char *key;

    struct {
        uint64_t  kind;
        uint64_t  issuer;
        u_char    text[crypto_shorthash_siphashx24_BYTES];
    } name;

    key = store->key(store);

    name.kind = (uint64_t) kind;
    name.issuer = issuer;

    (void) crypto_shorthash_siphashx24(name.text, text, len, key);
    (void) crypto_shorthash_siphashx24(hash, (u_char *) &name, sizeof(name),
                                       key);

    ngx_memcpy(&word, hash, sizeof(word));

    return ts_revocation_key(kind, word);
}


static const u_char *
ngx_http_tradesec_revocations_key(ngx_http_tradesec_revocations_store_t *store)
{
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    return zone->area.key;
}


static const ts_revocations_t *
ngx_http_tradesec_revocations_list(
    ngx_http_tradesec_revocations_store_t *store)
{
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    return zone->area.memory;
}


/* First in the list, then in the journal: who writes that anew reads both. */

static ngx_int_t
ngx_http_tradesec_revocations_revoke(
    ngx_http_tradesec_revocations_store_t *store, const ts_revocation_t *r,
    const ts_revocation_t *wider, ngx_log_t *log)
{
    int                                    rc;
    uint32_t                               now;
    ts_revocation_t                        cutoff;
    ts_revocations_stats_t                 stats;
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    ngx_http_tradesec_area_lock(&zone->area);

    now = ts_revocations_now(zone->area.memory, ngx_time(),
                             (int64_t) (ngx_current_msec / 1000));
    rc = ts_revocations_add(zone->area.memory, r, wider, now);
    stats = ts_revocations_stats(zone->area.memory);

    ngx_http_tradesec_area_unlock(&zone->area);

    ngx_http_tradesec_revocations_journal_add(&zone->journal, r, log);

    if (rc) {
        return NGX_OK;
    }

    cutoff.key = ts_revocation_key(TS_REVOKED_CUTOFF, 0);
    cutoff.time = stats.cutoff;
    cutoff.expires = stats.cutoff_expires;

    ngx_http_tradesec_revocations_journal_add(&zone->journal, &cutoff, log);

    ngx_log_error(NGX_LOG_ALERT, log, 0,
                  "tradesec: no room for another revocation in "
                  "\"tradesec_zone\": every token that was issued until now "
                  "is revoked, make the zone larger");

    return NGX_DECLINED;
}


static void
ngx_http_tradesec_revocations_freeze(
    ngx_http_tradesec_revocations_store_t *store, ngx_flag_t on,
    ngx_log_t *log)
{
    ts_revocation_t                        r;
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    ngx_http_tradesec_area_lock(&zone->area);
    r = ts_revocations_freeze(zone->area.memory, on,
                              ts_revocation_time(ngx_time()));
    ngx_http_tradesec_area_unlock(&zone->area);

    ngx_http_tradesec_revocations_journal_add(&zone->journal, &r, log);
}


static ngx_int_t
ngx_http_tradesec_revocations_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    uint32_t                               i, n, now, cursor;
    ngx_flag_t                             cut;
    ts_revocation_t                        list[64];
    ngx_http_tradesec_revocations_zone_t  *zone = area->data;

    (void) ts_revocations_init(area->memory, area->size);

    if (old == NULL) {
        return ngx_http_tradesec_revocations_journal_load(&zone->journal, log);
    }

    now = ts_revocations_now(area->memory, ngx_time(),
                             (int64_t) (ngx_current_msec / 1000));
    cursor = 0;
    cut = 0;

    do {
        n = ts_revocations_list(old, &cursor, list,
                                sizeof(list) / sizeof(list[0]), now);

        for (i = 0; i < n; i++) {
            cut |= !ts_revocations_restore(area->memory, &list[i], now);
        }

    } while (cursor);

    if (cut) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "tradesec_zone is smaller than before and has no room "
                      "for all revocations: every token that was issued until "
                      "now is revoked");
    }

    return NGX_OK;
}


void
ngx_http_tradesec_revocations_open(ngx_http_tradesec_revocations_zone_t *zone,
    ngx_log_t *log)
{
    if (zone->journal.path.len) {
        ngx_http_tradesec_revocations_journal_start(&zone->journal, log);
    }
}


void
ngx_http_tradesec_revocations_close(ngx_http_tradesec_revocations_zone_t *zone)
{
    if (zone->journal.path.len) {
        ngx_http_tradesec_revocations_journal_stop(&zone->journal);
    }
}
