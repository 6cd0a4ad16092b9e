/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The keys that providers have read last, as text, in an area of tradesec_zone:
 * what one worker has read or fetched all of them have, those that start later
 * and those of the next configuration too. A slot for each provider; its
 * generation tells when to look.
 */

#ifndef NGX_HTTP_TRADESEC_KEYS_STORE_H
#define NGX_HTTP_TRADESEC_KEYS_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_key_source.h"
#include "store/ngx_http_tradesec_zone.h"


#define NGX_HTTP_TRADESEC_KEYS_ID      16

/* The longest text, and the largest slot, which has room for it. */

#define NGX_HTTP_TRADESEC_KEYS_TEXT    (63 * 1024)
#define NGX_HTTP_TRADESEC_KEYS_SLOT    (64 * 1024)


/* One provider: its name as a hash, and the size of its slot. */

typedef struct {
    u_char                     id[NGX_HTTP_TRADESEC_KEYS_ID];
    uint32_t                   size;
} ngx_http_tradesec_keys_plan_t;


/* In shared memory. */

typedef struct {
    u_char                     id[NGX_HTTP_TRADESEC_KEYS_ID];
    uint32_t                   size;        /* of all of it */
    uint32_t                   len;         /* 0: there is none */
    uint32_t                   writing;     /* its writer died if it is seen */
    volatile uint32_t          generation;  /* 0: there never was a text */
    ts_key_source_t            source;
    u_char                     text[];
} ngx_http_tradesec_keys_slot_t;


typedef struct {
    ngx_http_tradesec_area_t         area;
    ngx_uint_t                       n;
    ngx_http_tradesec_keys_plan_t   *plans;
} ngx_http_tradesec_keys_store_t;


/*
 * Asks for the area while configurations are being merged; once in a
 * configuration. The plans must live as long as it. NULL when memory is out or
 * when there is no tradesec_zone: then *no_zone is set.
 */

ngx_http_tradesec_keys_store_t *ngx_http_tradesec_keys_store_create(
    ngx_conf_t *cf, ngx_http_tradesec_keys_plan_t *plans, ngx_uint_t n,
    ngx_flag_t *no_zone);

/* The slot of a provider, once the zone exists. */

ngx_http_tradesec_keys_slot_t *ngx_http_tradesec_keys_slot(
    const ngx_http_tradesec_keys_store_t *store, const u_char *id);

/*
 * Makes the text known to all; *generation gets the slot's. NGX_DONE: they knew
 * it. NGX_DECLINED: it is too long, and they have to read for themselves.
 */

ngx_int_t ngx_http_tradesec_keys_publish(
    const ngx_http_tradesec_keys_store_t *store,
    ngx_http_tradesec_keys_slot_t *slot, ts_slice_t text,
    uint32_t *generation);

/*
 * Copies the text to buf, which has room for NGX_HTTP_TRADESEC_KEYS_TEXT.
 * Returns its length, 0 for none.
 */

size_t ngx_http_tradesec_keys_take(
    const ngx_http_tradesec_keys_store_t *store,
    ngx_http_tradesec_keys_slot_t *slot, u_char *buf, uint32_t *generation);


#endif /* NGX_HTTP_TRADESEC_KEYS_STORE_H */
