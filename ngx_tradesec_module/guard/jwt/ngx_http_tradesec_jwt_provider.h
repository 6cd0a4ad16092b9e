/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Who issues tokens: keys, rules, and which claims are passed on.
 */

#ifndef NGX_HTTP_TRADESEC_JWT_PROVIDER_H
#define NGX_HTTP_TRADESEC_JWT_PROVIDER_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_jwt.h"
#include "core/ts_key_source.h"
#include "guard/jwt/ngx_http_tradesec_jwt_keys.h"
#include "request/ngx_http_tradesec_identity.h"
#include "store/ngx_http_tradesec_keys_store.h"
#include "store/ngx_http_tradesec_token_cache.h"


/* The user, what a session has of its own, the claim of each header. */

#define NGX_HTTP_TRADESEC_JWT_OWN     8
#define NGX_HTTP_TRADESEC_JWT_VALUES                                         \
    (1 + NGX_HTTP_TRADESEC_JWT_OWN + NGX_HTTP_TRADESEC_IDENTITY_HEADERS)


/*
 * Whether a token that is good in itself may come with the rest of the
 * request: TS_REASON_NONE, or the reason why not.
 */

typedef ts_reason_e (*ngx_http_tradesec_jwt_accept_pt)(ngx_http_request_t *r,
    const void *session, const ngx_str_t *values);


typedef struct {
    ngx_http_tradesec_identity_name_t  header;  /* empty: not passed on */
    ts_json_pointer_t                  claim;
} ngx_http_tradesec_jwt_value_t;


typedef struct ngx_http_tradesec_jwt_ring_s  ngx_http_tradesec_jwt_ring_t;


typedef struct {
    ngx_str_t                       name;
    ts_jwt_policy_t                 policy;

    /*
     * Where the keys come from: a file that is watched when path is not empty,
     * or a location, when uri is not. jwks are those of the file when the
     * configuration was read, NULL for a location; those in use are in the
     * ring (ngx_http_tradesec_jwt_ring.h).
     */
    ts_jwks_t                      *jwks;
    ngx_http_tradesec_jwt_keys_e    form;
    ngx_str_t                       path;
    ngx_str_t                       uri;
    ts_key_source_limits_t          limits;
    u_char                          id[NGX_HTTP_TRADESEC_KEYS_ID];
    ngx_http_tradesec_jwt_ring_t   *ring;

    ngx_uint_t                      n_values;   /* the user is value 0 */
    ngx_http_tradesec_jwt_value_t   values[NGX_HTTP_TRADESEC_JWT_VALUES];
    ngx_uint_t                      n_own;      /* of them, behind the user,
                                                   not passed on */

    /* of a tradesec_session only; see ngx_http_tradesec_session.h */
    const void                     *session;
    ngx_http_tradesec_jwt_accept_pt accept;
    ngx_str_t                       cookie;     /* where its tokens come in */
    ngx_uint_t                      end;        /* the value that says when
                                                   it is over at last */

    /*
     * Revocations are of an issuer: providers that name the same one share
     * them, another provider has its own.
     */
    uint64_t                        issuer;
    ts_json_pointer_t               session_claim;

    /* its tokens are refused while other gateways are not heard */
    ngx_flag_t                      refuse_stale;

    /* seconds that one of its tokens lives at most, where that is known
       otherwise; 0: by the policy alone */
    time_t                          bound;

    /* seconds that a token of the issuer lives at most, with leeway; 0: it
       is not configured */
    time_t                          longest;

    /* of all that judges, but the keys: what was verified with another is
       unverified */
    ngx_http_tradesec_token_salt_t  salt;
} ngx_http_tradesec_jwt_provider_t;


/* The provider of that name that stands before the current directive. */

const ngx_http_tradesec_jwt_provider_t *ngx_http_tradesec_jwt_find_provider(
    ngx_conf_t *cf, const ngx_str_t *name);

/* The same for one that has to be there: NULL after its mistake was logged. */

const ngx_http_tradesec_jwt_provider_t *ngx_http_tradesec_jwt_known_provider(
    ngx_conf_t *cf, const ngx_str_t *name);

/* All of them; their longest is known only when all have been read. */

ngx_http_tradesec_jwt_provider_t *const *ngx_http_tradesec_jwt_providers(
    ngx_http_request_t *r, ngx_uint_t *n);

/* Whether tokens of the provider are known to end: lifetime or max_lifetime. */

ngx_flag_t ngx_http_tradesec_jwt_is_bounded(
    const ngx_http_tradesec_jwt_provider_t *provider);

/*
 * The tokens of a session come in its own cookie, which becomes *cookie when
 * that is empty and has to be the same when it is not.
 */

char *ngx_http_tradesec_jwt_provider_cookie(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_provider_t *provider, ngx_str_t *cookie);

/*
 * Once the configuration is read: the claims that rules read are kept beside
 * each token, so they decide what is good for what is remembered.
 */

ngx_int_t ngx_http_tradesec_jwt_seal_providers(ngx_conf_t *cf,
    const ngx_array_t *providers);

/* Then their longest is found. */

void ngx_http_tradesec_jwt_bound_providers(const ngx_array_t *providers);

/* The directive. */

char *ngx_http_tradesec_jwt_provider(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_TRADESEC_JWT_PROVIDER_H */
