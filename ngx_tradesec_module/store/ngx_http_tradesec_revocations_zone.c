/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Revocations in an area of tradesec_zone.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "store/ngx_http_tradesec_revocations_redis.h"
#include "store/ngx_http_tradesec_revocations_store.h"
#include "store/ngx_http_tradesec_store.h"


#define NGX_HTTP_TRADESEC_REVOCATIONS_SHARE  1      /* of the zone */


struct ngx_http_tradesec_revocations_zone_s {
    ngx_http_tradesec_revocations_store_t    store;
    ngx_http_tradesec_area_t                 area;
    ngx_http_tradesec_revocations_journal_t  journal;
    ngx_http_tradesec_revocations_redis_t    redis;
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
static ngx_flag_t ngx_http_tradesec_revocations_is_stale(
    ngx_http_tradesec_revocations_store_t *store);
static void ngx_http_tradesec_revocations_record(
    ngx_http_tradesec_revocations_zone_t *zone, const ts_revocation_t *old,
    const ts_revocation_t *r, ngx_log_t *log);
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

    zone->redis.area = &zone->area;
    zone->redis.journal = &zone->journal;

    if (ngx_http_tradesec_revocations_journal_conf(cf, &zone->journal,
                                                   &zone->area)
        != NGX_OK
        || ngx_http_tradesec_revocations_redis_conf(cf, &zone->redis)
           != NGX_OK)
    {
        return NULL;
    }

    if (zone->redis.conf != NULL) {
        zone->journal.names = zone->redis.keys.name;
    }

    zone->store.key = ngx_http_tradesec_revocations_key;
    zone->store.list = ngx_http_tradesec_revocations_list;
    zone->store.revoke = ngx_http_tradesec_revocations_revoke;
    zone->store.freeze = ngx_http_tradesec_revocations_freeze;
    zone->store.is_stale = ngx_http_tradesec_revocations_is_stale;
    zone->store.data = zone;

    scf->revocations = zone;

    return &zone->store;
}


const u_char *
ngx_http_tradesec_revocations_shared_key(ngx_conf_t *cf)
{
    const ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);

    return scf->revocations ? scf->revocations->journal.names : NULL;
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


static ngx_flag_t
ngx_http_tradesec_revocations_is_stale(
    ngx_http_tradesec_revocations_store_t *store)
{
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    return ngx_http_tradesec_revocations_redis_is_stale(&zone->redis);
}


/*
 * First in the list, then in the journal: who writes that anew reads both. What
 * goes on from there is the entry that the list has taken.
 */

static ngx_int_t
ngx_http_tradesec_revocations_revoke(
    ngx_http_tradesec_revocations_store_t *store, const ts_revocation_t *r,
    const ts_revocation_t *wider, ngx_log_t *log)
{
    int                                    rc;
    uint32_t                               now;
    ngx_flag_t                             known, known_wider;
    ts_revocations_t                      *t;
    ts_revocation_t                        old, old_wider, taken, cutoff;
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    t = zone->area.memory;
    known_wider = 0;
    ngx_memzero(&old_wider, sizeof(ts_revocation_t));

    ngx_http_tradesec_area_lock(&zone->area);

    known = ts_revocations_get(t, r->key, &old);

    if (wider != NULL) {
        known_wider = ts_revocations_get(t, wider->key, &old_wider);
    }

    now = ts_revocations_now(t, ngx_time(),
                             (int64_t) (ngx_current_msec / 1000));
    rc = ts_revocations_add(t, r, wider, now);

    if (!ts_revocations_get(t, r->key, &taken)) {

        if (wider != NULL && ts_revocations_get(t, wider->key, &taken)) {
            known = known_wider;
            old = old_wider;

        } else {
            taken = *r;
        }
    }

    (void) ts_revocations_get(t, ts_revocation_key(TS_REVOKED_CUTOFF, 0),
                              &cutoff);

    ngx_http_tradesec_area_unlock(&zone->area);

    ngx_http_tradesec_revocations_record(zone, known ? &old : NULL, &taken,
                                         log);

    if (rc) {
        return NGX_OK;
    }

    ngx_http_tradesec_revocations_record(zone, NULL, &cutoff, log);

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
    ngx_flag_t                             known;
    ts_revocation_t                        r, old;
    ngx_http_tradesec_revocations_zone_t  *zone = store->data;

    ngx_http_tradesec_area_lock(&zone->area);
    known = ts_revocations_get(zone->area.memory,
                               ts_revocation_key(TS_REVOKED_FREEZE, 0), &old);
    r = ts_revocations_freeze(zone->area.memory, on,
                              ts_revocation_time(ngx_time()));
    ngx_http_tradesec_area_unlock(&zone->area);

    ngx_http_tradesec_revocations_record(zone, known ? &old : NULL, &r, log);
}


/* An entry, which stands in the list in place of another, or of none. */

static void
ngx_http_tradesec_revocations_record(
    ngx_http_tradesec_revocations_zone_t *zone, const ts_revocation_t *old,
    const ts_revocation_t *r, ngx_log_t *log)
{
    if (old != NULL && old->time == r->time && old->expires == r->expires) {
        old = NULL;
    }

    ngx_http_tradesec_revocations_journal_add(&zone->journal, r, 1, log);
    ngx_http_tradesec_revocations_redis_tell(&zone->redis, old, r);
}


static ngx_int_t
ngx_http_tradesec_revocations_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    uint32_t                               i, n, now, cursor;
    ngx_flag_t                             cut;
    ts_revocation_t                        list[64];
    ngx_http_tradesec_revocations_zone_t  *zone = area->data;

    (void) ts_revocations_init(area->memory, area->size
                                       - NGX_HTTP_TRADESEC_REVOCATIONS_SHARED);

    if (old == NULL) {

        if (zone->journal.names != NULL) {
            ngx_memcpy(area->key, zone->journal.names,
                       NGX_HTTP_TRADESEC_ZONE_KEY_LEN);
        }

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


/*
 * With Redis names are hashes under the key that all gateways have. When a
 * reload brings another one, no entry means anybody any more.
 */

void
ngx_http_tradesec_revocations_started(
    ngx_http_tradesec_revocations_zone_t *zone, ngx_log_t *log)
{
    int                        some;
    ngx_http_tradesec_area_t  *area;

    area = &zone->area;

    if (zone->journal.names == NULL
        || ngx_memcmp(area->key, zone->journal.names,
                      NGX_HTTP_TRADESEC_ZONE_KEY_LEN)
           == 0)
    {
        return;
    }

    ngx_http_tradesec_area_lock(area);

    some = ts_revocations_rename(area->memory,
                                 ngx_http_tradesec_journal_now(
                                                            &zone->journal));
    ngx_memcpy(area->key, zone->journal.names, NGX_HTTP_TRADESEC_ZONE_KEY_LEN);

    ngx_http_tradesec_area_unlock(area);

    if (some) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "tradesec: the \"key_file=\" of \"tradesec_redis\" is "
                      "another one, and what was revoked is not known any "
                      "more: every token that was issued until now is revoked");
    }
}


void
ngx_http_tradesec_revocations_open(ngx_http_tradesec_revocations_zone_t *zone,
    ngx_log_t *log)
{
    if (zone->journal.path.len) {
        ngx_http_tradesec_revocations_journal_start(&zone->journal, log);
    }

    if (zone->redis.conf != NULL) {
        ngx_http_tradesec_revocations_follow_start(&zone->redis, log);
    }
}


void
ngx_http_tradesec_revocations_close(ngx_http_tradesec_revocations_zone_t *zone)
{
    if (zone->journal.path.len) {
        ngx_http_tradesec_revocations_journal_stop(&zone->journal);
    }

    ngx_http_tradesec_revocations_follow_stop();
}
