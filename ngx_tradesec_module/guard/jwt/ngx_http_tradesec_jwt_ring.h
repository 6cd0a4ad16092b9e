/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The keys of a provider that a worker has in use. The configuration says
 * where they come from and is const; the ring is the worker's own and changes
 * with the file or the source.
 *
 * A worker that has read new keys makes their text known to all
 * (store/ngx_http_tradesec_keys_store.h); the others take it when they judge
 * their next token. Without a zone each worker reads for itself.
 */

#ifndef NGX_HTTP_TRADESEC_JWT_RING_H
#define NGX_HTTP_TRADESEC_JWT_RING_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sodium.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_keys.h"
#include "guard/jwt/ngx_http_tradesec_jwt_provider.h"
#include "store/ngx_http_tradesec_keys_store.h"


/* What verifies a token, and what names it in the cache of verified ones. */

typedef struct {
    const ts_jwks_t                       *jwks;
    ngx_http_tradesec_token_salt_t         salt;
} ngx_http_tradesec_jwt_keys_t;


struct ngx_http_tradesec_jwt_ring_s {
    ngx_http_tradesec_jwt_keys_t           keys;
    ngx_http_tradesec_jwt_keys_t           none;        /* for a source that
                                                           is silent for too
                                                           long */
    uint32_t                               generation;  /* of the slot */
    u_char                                 digest[crypto_generichash_BYTES];

    /* NULL without tradesec_zone */
    ngx_http_tradesec_keys_slot_t         *slot;
    const ngx_http_tradesec_keys_store_t  *store;

    const ngx_http_tradesec_jwt_provider_t
                                          *provider;
    ts_jwks_t                             *own;         /* NULL: those of the
                                                           configuration */
    ngx_file_info_t                        seen;        /* the file, as read */
    ngx_file_info_t                        writing;     /* as seen to change */
    ngx_msec_t                             looked;
    ngx_err_t                              complained;  /* it is not there */
    int64_t                                outdated;    /* when the keys came
                                                           that were said to be
                                                           too old */
};


/*
 * While a provider is configured: its ring, which begins with the keys that
 * the configuration has read from the text; NULL: with none.
 */

ngx_http_tradesec_jwt_ring_t *ngx_http_tradesec_jwt_ring_create(
    ngx_conf_t *cf, const ngx_http_tradesec_jwt_provider_t *provider,
    const ngx_http_tradesec_jwt_text_t *text);

/* Once the salt of the provider is known. */

void ngx_http_tradesec_jwt_ring_seal(ngx_http_tradesec_jwt_ring_t *ring);

/* In a worker that starts. */

void ngx_http_tradesec_jwt_ring_start(ngx_http_tradesec_jwt_ring_t *ring,
    const ngx_http_tradesec_keys_store_t *store, ngx_log_t *log);

/*
 * Looks whether the file has changed, and reads it. 1: the keys are others
 * now.
 */

ngx_flag_t ngx_http_tradesec_jwt_ring_look(ngx_http_tradesec_jwt_ring_t *ring,
    ngx_log_t *log);

/* The same on behalf of a request, not at every one. */

ngx_flag_t ngx_http_tradesec_jwt_ring_look_again(
    ngx_http_tradesec_jwt_ring_t *ring, ngx_log_t *log);

/*
 * For all providers of a configuration: room in the zone, while configurations
 * are being merged; none when it is not needed, or when there is no zone. And
 * in a worker that starts: their rings, and the timer that looks at files.
 */

ngx_int_t ngx_http_tradesec_jwt_watch_conf(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_main_conf_t *jmcf);
ngx_int_t ngx_http_tradesec_jwt_watch_start(ngx_cycle_t *cycle);

/* Uses what the source has answered; NULL, or what is wrong with it. */

const char *ngx_http_tradesec_jwt_ring_fetched(
    ngx_http_tradesec_jwt_ring_t *ring, ts_slice_t text, ngx_log_t *log);

/* Takes what another worker has made known. */

void ngx_http_tradesec_jwt_ring_take(ngx_http_tradesec_jwt_ring_t *ring);


/* The keys to judge a token with, now; they do not outlive the judgement. */

static ngx_inline const ngx_http_tradesec_jwt_keys_t *
ngx_http_tradesec_jwt_keys(const ngx_http_tradesec_jwt_provider_t *provider)
{
    ngx_http_tradesec_jwt_ring_t  *ring;

    ring = provider->ring;

    if (ring->slot != NULL && ring->slot->generation != ring->generation) {
        ngx_http_tradesec_jwt_ring_take(ring);
    }

    return provider->uri.len == 0
           || (ring->slot != NULL
               && ts_key_source_age(&ring->slot->source, &provider->limits,
                                    (int64_t) ngx_current_msec)
                  != TS_KEYS_NONE)
           ? &ring->keys : &ring->none;
}


#endif /* NGX_HTTP_TRADESEC_JWT_RING_H */
