/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where attempts to log in are counted: one interface, with the semantics of
 * core/ts_attempts.h, for every home. A home decides each reservation as one
 * step over all its keys, and a settlement never comes before it.
 */

#ifndef NGX_HTTP_TRADESEC_ATTEMPTS_STORE_H
#define NGX_HTTP_TRADESEC_ATTEMPTS_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_attempts.h"


typedef struct ngx_http_tradesec_attempts_store_s
    ngx_http_tradesec_attempts_store_t;


struct ngx_http_tradesec_attempts_store_s {

    /* keys of attempts are hashes under this key; NULL before the start */

    const u_char           *(*key)(ngx_http_tradesec_attempts_store_t *store);

    /* NGX_OK: *verdict is set. NGX_ERROR: the home could not tell. */

    ngx_int_t               (*reserve)(
                                ngx_http_tradesec_attempts_store_t *store,
                                const ts_attempt_t *attempt,
                                ts_attempts_verdict_t *verdict);

    /*
     * Needs nothing of the request, which may be gone. Returns how many keys
     * the outcome has locked, and for how many seconds the longest.
     */

    ngx_uint_t              (*settle)(
                                ngx_http_tradesec_attempts_store_t *store,
                                const ts_attempt_t *attempt,
                                ts_attempts_outcome_e outcome,
                                time_t *seconds);

    /*
     * For operators; NULL where a home has no such thing. The first reads some
     * locks from *cursor on, which is 0 at the start and behind the last, with
     * seconds left in the place of until, or TS_ATTEMPTS_FOREVER. The last two
     * return how many locks they have cleared; clear_pairs takes the key of an
     * account or an address.
     */

    ngx_uint_t              (*list)(
                                ngx_http_tradesec_attempts_store_t *store,
                                uint32_t *cursor, ts_attempts_lock_t *locks,
                                ngx_uint_t n);

    void                    (*look)(
                                ngx_http_tradesec_attempts_store_t *store,
                                const ts_attempts_key_t *key, uint32_t window,
                                ts_attempts_view_t *view);

    ngx_uint_t              (*clear)(
                                ngx_http_tradesec_attempts_store_t *store,
                                const ts_attempts_key_t *key);

    ngx_uint_t              (*clear_pairs)(
                                ngx_http_tradesec_attempts_store_t *store,
                                const ts_attempts_key_t *part);

    void                     *data;
};


/*
 * The home in tradesec_zone. Asked for while configurations are being merged,
 * once in a configuration. NULL when memory is out or when there is no zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_attempts_store_t *ngx_http_tradesec_attempts_zone(
    ngx_conf_t *cf, ngx_flag_t *no_zone);


#endif /* NGX_HTTP_TRADESEC_ATTEMPTS_STORE_H */
