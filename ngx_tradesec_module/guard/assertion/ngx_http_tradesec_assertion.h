/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A signed token of the gateway's own in each request, which says to the
 * backend who the caller is.
 */

#ifndef NGX_HTTP_TRADESEC_ASSERTION_H
#define NGX_HTTP_TRADESEC_ASSERTION_H

#include "core/ts_assertion.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"


#define NGX_HTTP_TRADESEC_ASSERTION_KEYS  8     /* published beside the one
                                                   that signs */


/* A worker's memory of what it has signed; see assertion.c. */

typedef struct ngx_http_tradesec_signed_s  ngx_http_tradesec_signed_t;


/* A block tradesec_identity. */

typedef struct {
    ngx_str_t                          name;
    ngx_str_t                          issuer;
    ngx_str_t                          audience;
    ngx_http_tradesec_identity_name_t  header;
    time_t                             lifetime;

    /* the first one signs */
    ts_assertion_key_t                 keys[1
                                           + NGX_HTTP_TRADESEC_ASSERTION_KEYS];
    ngx_uint_t                         n_keys;
    ngx_str_t                          jwks;

    ngx_uint_t                         n_claims;
    ts_json_pointer_t                  claims[TS_ASSERTION_CLAIMS];
    ngx_str_t                          names[TS_ASSERTION_CLAIMS];

    ngx_http_tradesec_signed_t       **memory;  /* *memory: NULL until used */
} ngx_http_tradesec_assertion_t;


/*
 * Adds the header to a request whose token has passed, where its location has
 * tradesec_identity_token. NGX_DECLINED: what the token says does not fit.
 */

ngx_int_t ngx_http_tradesec_assertion_add(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_jwt_state_t *state);

/* Makes the memory, empty, for as long as the configuration lives. */

ngx_int_t ngx_http_tradesec_assertion_memory(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion);

/* The assertion of the request's location; NULL: none. Of session_conf.c. */

const ngx_http_tradesec_assertion_t *ngx_http_tradesec_assertion_get(
    ngx_http_request_t *r);


/* The directives; assertions are ngx_http_tradesec_assertion_t *. */

char *ngx_http_tradesec_assertion(ngx_conf_t *cf, ngx_array_t *assertions);

/* The one of the current directive's first argument. NULL after saying why. */

ngx_http_tradesec_assertion_t *ngx_http_tradesec_assertion_find(
    ngx_conf_t *cf, const ngx_array_t *assertions);

/*
 * Reads a key: the one that signs, or one more to publish. An error may be the
 * rest of a sentence.
 */

char *ngx_http_tradesec_assertion_key(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion, ngx_str_t *file,
    ngx_flag_t signs);
void ngx_http_tradesec_assertion_free_keys(void *data);

/* Once all are read: writes the JWK set, and sends it. */

char *ngx_http_tradesec_assertion_jwks(ngx_conf_t *cf,
    ngx_http_tradesec_assertion_t *assertion);

ngx_int_t ngx_http_tradesec_assertion_publish(ngx_http_request_t *r,
    const ngx_http_tradesec_assertion_t *assertion);


#endif /* NGX_HTTP_TRADESEC_ASSERTION_H */
