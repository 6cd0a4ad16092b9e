/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_token_cache.h"

#include <sodium.h>


/* Of the zone; a slot is 256 bytes, so 1 MB of area remembers 4096 tokens. */

#define NGX_HTTP_TRADESEC_TOKEN_CACHE_SHARE  1


static ngx_int_t ngx_http_tradesec_token_cache_init(
    ngx_http_tradesec_area_t *area, void *old, size_t old_size,
    ngx_log_t *log);
static ngx_flag_t ngx_http_tradesec_token_cache_open(
    const ngx_http_tradesec_token_cache_t *cache, ts_token_cache_t *table);


ngx_http_tradesec_token_cache_t *
ngx_http_tradesec_token_cache_create(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_http_tradesec_token_cache_t  *cache;

    *no_zone = 0;

    cache = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_token_cache_t));
    if (cache == NULL) {
        return NULL;
    }

    cache->area.name = "tokens";
    cache->area.version = TS_TOKEN_CACHE_VERSION;
    cache->area.share = NGX_HTTP_TRADESEC_TOKEN_CACHE_SHARE;
    cache->area.min = TS_TOKEN_CACHE_SLOT * TS_TOKEN_CACHE_WAYS;
    cache->area.init = ngx_http_tradesec_token_cache_init;
    cache->area.data = cache;

    switch (ngx_http_tradesec_zone_add(cf, &cache->area)) {

    case NGX_OK:
        return cache;

    case NGX_DECLINED:
        *no_zone = 1;
        /* fall through */

    default:
        return NULL;
    }
}


/* Tokens of another division of the zone are verified once more. */

static ngx_int_t
ngx_http_tradesec_token_cache_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    return NGX_OK;
}


ngx_http_tradesec_token_salt_t
ngx_http_tradesec_token_salt(const u_char *policy, size_t len)
{
    ngx_http_tradesec_token_salt_t  salt;

    /* not a secret: it only has to differ where the policy differs */

    (void) crypto_generichash((u_char *) &salt, sizeof(salt), policy, len,
                              NULL, 0);

    return salt;
}


ngx_http_tradesec_token_salt_t
ngx_http_tradesec_token_salt_add(ngx_http_tradesec_token_salt_t salt,
    const u_char *more, size_t len)
{
    ngx_http_tradesec_token_salt_t  sum;

    (void) crypto_generichash((u_char *) &sum, sizeof(sum), more, len,
                              (u_char *) &salt, sizeof(salt));

    return sum;
}


ts_token_tag_t
ngx_http_tradesec_token_tag(const ngx_http_tradesec_token_cache_t *cache,
    ngx_http_tradesec_token_salt_t salt, const u_char *token, size_t len)
{
    uint64_t        key[2];
    ts_token_tag_t  tag;

    ngx_memcpy(key, cache->area.key, sizeof(key));

    key[0] ^= salt.word[0];
    key[1] ^= salt.word[1];

    (void) crypto_shorthash_siphashx24((u_char *) &tag, token, len,
                                       (u_char *) key);

    return tag;
}


ngx_flag_t
ngx_http_tradesec_token_cache_get(const ngx_http_tradesec_token_cache_t *cache,
    ts_token_tag_t tag, ts_token_entry_t *entry)
{
    ts_token_cache_t  table;

    return ngx_http_tradesec_token_cache_open(cache, &table)
           && ts_token_cache_get(&table, tag, entry);
}


void
ngx_http_tradesec_token_cache_put(const ngx_http_tradesec_token_cache_t *cache,
    ts_token_tag_t tag, const ts_token_entry_t *entry)
{
    ts_token_cache_t  table;

    if (ngx_http_tradesec_token_cache_open(cache, &table)) {
        ts_token_cache_put(&table, tag, entry, ngx_time());
    }
}


/* Where the area lies is known only when the zone exists. */

static ngx_flag_t
ngx_http_tradesec_token_cache_open(
    const ngx_http_tradesec_token_cache_t *cache, ts_token_cache_t *table)
{
    return ts_token_cache_init(table, cache->area.memory, cache->area.size);
}
