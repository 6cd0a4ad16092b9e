/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Where revocations are kept: one interface, with the semantics of
 * core/ts_revocations.h, for every home. Whatever the home, the list that a
 * request is compared with is in this machine's memory, so that asking never
 * waits and takes no lock.
 */

#ifndef NGX_HTTP_TRADESEC_REVOCATIONS_STORE_H
#define NGX_HTTP_TRADESEC_REVOCATIONS_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_revocations.h"


typedef struct ngx_http_tradesec_revocations_store_s
    ngx_http_tradesec_revocations_store_t;


struct ngx_http_tradesec_revocations_store_s {

    /* keys are hashes under this key; NULL before the start */

    const u_char           *(*key)(
                                ngx_http_tradesec_revocations_store_t *store);

    /* the list that this process reads; NULL before the start */

    const ts_revocations_t *(*list)(
                                ngx_http_tradesec_revocations_store_t *store);

    /*
     * NGX_OK: revoked, for every worker at once. NGX_DECLINED: there was no
     * room, so that all that had been issued is. wider may be NULL.
     */

    ngx_int_t               (*revoke)(
                                ngx_http_tradesec_revocations_store_t *store,
                                const ts_revocation_t *r,
                                const ts_revocation_t *wider, ngx_log_t *log);

    void                    (*freeze)(
                                ngx_http_tradesec_revocations_store_t *store,
                                ngx_flag_t on, ngx_log_t *log);

    /* whether other gateways may have revoked what this one has not heard */

    ngx_flag_t              (*is_stale)(
                                ngx_http_tradesec_revocations_store_t *store);

    void                     *data;
};


/*
 * While configurations are being merged: the store, made when it is asked for
 * first. NULL when memory is out or when there is no tradesec_zone: then
 * *no_zone is set.
 */

ngx_http_tradesec_revocations_store_t *ngx_http_tradesec_revocations_create(
    ngx_conf_t *cf, ngx_flag_t *no_zone);

/*
 * Once they are merged: the key, where it is known by then, because it is the
 * same on all gateways; NULL where it is not.
 */

const u_char *ngx_http_tradesec_revocations_shared_key(ngx_conf_t *cf);

/* At run time; NULL when nobody has asked for it. */

ngx_http_tradesec_revocations_store_t *ngx_http_tradesec_revocations_get(
    ngx_http_request_t *r);


/*
 * The name of an entry: SipHash of kind, issuer and text under the store's
 * key, so that neither tokens nor users are in the list in clear.
 */

uint64_t ngx_http_tradesec_revocations_name(
    ngx_http_tradesec_revocations_store_t *store, ts_revoked_e kind,
    uint64_t issuer, const u_char *text, size_t len);


#endif /* NGX_HTTP_TRADESEC_REVOCATIONS_STORE_H */
