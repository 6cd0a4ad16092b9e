/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>
#include <sodium.h>

#include "store/ngx_http_tradesec_rotation_redis.h"
#include "store/ngx_http_tradesec_store.h"


ngx_http_tradesec_rotation_store_t *
ngx_http_tradesec_rotation_store_create(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_http_tradesec_store_conf_t      *scf;
    ngx_http_tradesec_rotation_store_t  *store;

    *no_zone = 0;

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_rotation_store_t));
    if (store == NULL) {
        return NULL;
    }

    store->zone = ngx_http_tradesec_rotation_zone_create(cf, no_zone);
    if (store->zone == NULL) {
        return NULL;
    }

    if (ngx_http_tradesec_rotation_redis_conf(cf, store) != NGX_OK) {
        return NULL;
    }

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);
    scf->rotation = store;

    return store;
}


/* The key of Redis is the same on every gateway. */

ts_rotation_tag_t
ngx_http_tradesec_rotation_tag(const ngx_http_tradesec_rotation_store_t *store,
    uint64_t salt, ts_slice_t token)
{
    uint64_t           key[2];
    ts_rotation_tag_t  tag;

    ngx_memcpy(key, store->redis ? store->redis->key
                                 : (const u_char *) store->zone->area.key,
               sizeof(key));

    /* other than what logins are counted by */

    key[0] ^= salt;
    key[1] ^= 0x72656672657368;

    (void) crypto_shorthash_siphashx24((u_char *) &tag, token.data, token.len,
                                       (u_char *) key);

    return tag;
}


ngx_int_t
ngx_http_tradesec_rotation_use(ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use)
{
    uint64_t  family;

    use->pending = NULL;
    use->rc = NGX_OK;

    if (RAND_bytes((u_char *) &family, sizeof(family)) != 1) {
        use->rc = NGX_ERROR;
        return NGX_ERROR;
    }

    use->verdict = ngx_http_tradesec_rotation_zone_use(store->zone, use->tag,
                                                       family, use->grace,
                                                       use->lifetime,
                                                       &use->access);

    if (store->redis == NULL) {
        return NGX_OK;
    }

    if (use->verdict != TS_ROTATION_FIRST) {

        if (use->verdict == TS_ROTATION_REUSED) {
            ngx_http_tradesec_rotation_redis_tell(store, use->tag, NULL);
        }

        return NGX_OK;
    }

    if (ngx_http_tradesec_rotation_redis_use(store, use, family) != NGX_OK) {
        ngx_http_tradesec_rotation_fall_back(store, use);
    }

    return use->rc;
}


void
ngx_http_tradesec_rotation_forget(ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use)
{
    use->rc = NGX_DECLINED;

    if (use->pending != NULL) {
        ngx_http_tradesec_rotation_redis_forget(use);
    }

    (void) ngx_http_tradesec_rotation_zone_settle(store->zone, use->tag, NULL,
                                                  0, use->lifetime);
}


ngx_flag_t
ngx_http_tradesec_rotation_settle(ngx_http_tradesec_rotation_store_t *store,
    ts_rotation_tag_t tag, const ts_rotation_tag_t *next, uint64_t access,
    time_t lifetime)
{
    ngx_flag_t  ended;

    ended = ngx_http_tradesec_rotation_zone_settle(store->zone, tag, next,
                                                   access, lifetime);

    if (store->redis == NULL) {
        return ended;
    }

    if (next == NULL
        || (next->word[0] == tag.word[0] && next->word[1] == tag.word[1]))
    {
        ngx_http_tradesec_rotation_redis_free(store, tag, lifetime);

    } else {
        ngx_http_tradesec_rotation_redis_tell(store, tag, next);
    }

    return ended;
}


void
ngx_http_tradesec_rotation_fall_back(
    ngx_http_tradesec_rotation_store_t *store,
    ngx_http_tradesec_rotation_use_t *use)
{
    if (use->closed) {
        ngx_http_tradesec_rotation_forget(store, use);

    } else {
        use->rc = NGX_OK;
    }
}
