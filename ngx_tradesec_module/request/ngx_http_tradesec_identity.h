/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Who the caller is, once a credential was verified: filled by the guard that
 * verifies, read by variables, the backend and the WebSocket.
 *
 * The backend learns it from identity headers. Their names belong to the
 * gateway: a header of such a name that a client sent is hidden in every
 * location of the server, protected or not, in all spellings that some
 * backend takes for the same (case, "_" and "." for "-").
 */

#ifndef NGX_HTTP_TRADESEC_IDENTITY_H
#define NGX_HTTP_TRADESEC_IDENTITY_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_claims.h"
#include "core/ts_revocations.h"


/* The most identity headers of one server. */

#define NGX_HTTP_TRADESEC_IDENTITY_HEADERS  16


/*
 * Adds the values of a claim of the verified credential, as texts (ts_slice_t)
 * in the pool of the request: one, or those of an array. None is added when
 * the claim is missing or has one that is no text. NGX_ERROR: no memory.
 */

typedef ngx_int_t (*ngx_http_tradesec_identity_claim_pt)(
    ngx_http_request_t *r, const ts_json_pointer_t *claim,
    ngx_array_t *values);


typedef struct {
    ngx_str_t         user;       /* exactly as the claim says; empty: nobody */
    time_t            expires;    /* exp plus leeway, wall clock; 0: nobody */
    const ts_revocation_subject_t
                     *subject;    /* what the token can be revoked by */
    ts_slice_t        claims;     /* packed, those that rules read; data is
                                     NULL: nobody */

    ngx_http_tradesec_identity_claim_pt
                      claim;      /* NULL: nobody */

    unsigned          ambient:1;  /* sent by the browser by itself (a cookie) */
} ngx_http_tradesec_identity_t;


/* The header lines that the gateway itself added towards the backend. */

typedef struct {
    ngx_table_elt_t **lines;
    ngx_uint_t        size;       /* room for lines; it doubles */
    ngx_uint_t        n;          /* lines there are */
    ngx_uint_t        used;       /* of them, shown now */
} ngx_http_tradesec_identity_lines_t;


/* The name of an identity header, ready to be added to a request. */

typedef struct {
    ngx_str_t         name;
    u_char           *lowcase;
    ngx_uint_t        hash;
} ngx_http_tradesec_identity_name_t;

ngx_int_t ngx_http_tradesec_identity_name(ngx_conf_t *cf,
    ngx_http_tradesec_identity_name_t *prepared, const ngx_str_t *name);

/*
 * While a location is merged: callers of its server have identities. What
 * nginx refuses before it has read the whole header comes to its error page
 * without any field, since nobody has looked at them.
 */

void ngx_http_tradesec_identity_activate(ngx_conf_t *cf);

/* Whether callers of any server have; once all locations are merged. */

ngx_flag_t ngx_http_tradesec_identity_is_active(ngx_conf_t *cf);

/*
 * While a location is merged: makes the name an identity header of its
 * server. Returns NGX_CONF_ERROR after saying why.
 */

char *ngx_http_tradesec_identity_header(ngx_conf_t *cf, const ngx_str_t *name);


/*
 * The claims that rules read. Who verifies a token packs them, each under its
 * place in the list (core/ts_claims.h), into the identity.
 */

typedef struct {
    ngx_uint_t        n;
    ts_json_pointer_t pointers[TS_CLAIMS];
} ngx_http_tradesec_claims_t;

/*
 * In a directive: makes the claim one of them, and returns its place. What the
 * pointer points to must live as long as the configuration. NGX_ERROR after
 * saying why.
 */

ngx_int_t ngx_http_tradesec_conf_claim(ngx_conf_t *cf,
    const ts_json_pointer_t *pointer);

/* All of them: once the configuration is read, and for a request. */

const ngx_http_tradesec_claims_t *ngx_http_tradesec_conf_claims(
    ngx_conf_t *cf);
const ngx_http_tradesec_claims_t *ngx_http_tradesec_get_claims(
    ngx_http_request_t *r);

/*
 * A claim is named by a JSON pointer ("/identity/u") or, for one at the top,
 * by its bare name. 0 when the text is neither.
 */

ngx_flag_t ngx_http_tradesec_conf_claim_pointer(ngx_conf_t *cf,
    ts_json_pointer_t *pointer, const ngx_str_t *text);


#endif /* NGX_HTTP_TRADESEC_IDENTITY_H */
