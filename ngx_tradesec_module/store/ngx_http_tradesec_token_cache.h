/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Verified tokens, remembered by all workers in an area of tradesec_zone.
 * A lookup takes no lock, allocates nothing and parses nothing.
 */

#ifndef NGX_HTTP_TRADESEC_TOKEN_CACHE_H
#define NGX_HTTP_TRADESEC_TOKEN_CACHE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_token_cache.h"
#include "store/ngx_http_tradesec_zone.h"


/* Says which policy verified a token: equal salts mean the same verdict. */

typedef struct {
    uint64_t                  word[2];
} ngx_http_tradesec_token_salt_t;


typedef struct {
    ngx_http_tradesec_area_t  area;
} ngx_http_tradesec_token_cache_t;


/*
 * Asks for the area while configurations are being merged; once in a
 * configuration. NULL when memory is out or when there is no tradesec_zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_token_cache_t *ngx_http_tradesec_token_cache_create(
    ngx_conf_t *cf, ngx_flag_t *no_zone);

/*
 * The salt of a provider: of everything that decides whether a token is
 * valid, and of the generation of its keys.
 */

ngx_http_tradesec_token_salt_t ngx_http_tradesec_token_salt(
    const u_char *policy, size_t len);

/* A salt that also depends on what is given. */

ngx_http_tradesec_token_salt_t ngx_http_tradesec_token_salt_add(
    ngx_http_tradesec_token_salt_t salt, const u_char *more, size_t len);

/* The name of a token under that salt, by SipHash-128 and the zone's key. */

ts_token_tag_t ngx_http_tradesec_token_tag(
    const ngx_http_tradesec_token_cache_t *cache,
    ngx_http_tradesec_token_salt_t salt, const u_char *token, size_t len);

/*
 * Whether a token of that tag was verified; copies what was stored with it.
 * The caller checks the times.
 */

ngx_flag_t ngx_http_tradesec_token_cache_get(
    const ngx_http_tradesec_token_cache_t *cache, ts_token_tag_t tag,
    ts_token_entry_t *entry);

void ngx_http_tradesec_token_cache_put(
    const ngx_http_tradesec_token_cache_t *cache, ts_token_tag_t tag,
    const ts_token_entry_t *entry);


#endif /* NGX_HTTP_TRADESEC_TOKEN_CACHE_H */
