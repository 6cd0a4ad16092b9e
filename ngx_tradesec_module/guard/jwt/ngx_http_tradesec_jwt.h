/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The jwt guard: who may come in with which token. Its parts are the guard
 * (jwt.c), the directive (jwt_policy.c), the credentials of a request and
 * their rule (jwt_credential.c), those that are taken out of the request
 * before anything logs it (jwt_taken.c), the judgement of one token
 * (jwt_token.c), tokens that come in the messages of a WebSocket
 * (jwt_message.c), and the variables (jwt_variables.c).
 */

#ifndef NGX_HTTP_TRADESEC_JWT_H
#define NGX_HTTP_TRADESEC_JWT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_cookie.h"
#include "guard/jwt/ngx_http_tradesec_jwt_provider.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_guard.h"
#include "store/ngx_http_tradesec_revocations_store.h"


#define NGX_HTTP_TRADESEC_JWT_PROVIDERS  8      /* of a location */
#define NGX_HTTP_TRADESEC_JWT_NAMES      8      /* of a server, each kind */


/* tradesec_jwt of a location. */

typedef struct ngx_http_tradesec_jwt_policy_s  ngx_http_tradesec_jwt_policy_t;

struct ngx_http_tradesec_jwt_policy_s {
    ngx_uint_t    n;
    const ngx_http_tradesec_jwt_provider_t
                 *providers[NGX_HTTP_TRADESEC_JWT_PROVIDERS];

    /* where the token may come from */
    ngx_str_t     cookie;           /* empty: not from one */
    ngx_str_t     query;            /* empty: not from there */
    ngx_flag_t    bearer;
    ngx_flag_t    subprotocol;
    ts_json_pointer_t
                  message;          /* in a WebSocket's first message; n is 0:
                                       not there */

    ngx_str_t     login_page;       /* empty: 401 for browsers, too */

    /* its line, and whether any location is on that has it: for nginx -t */
    ngx_str_t     file;
    ngx_uint_t    line;
    ngx_http_tradesec_place_t
                 *place;
    ngx_flag_t    active;
    ngx_http_tradesec_jwt_policy_t
                 *next;
};


typedef struct {
    ngx_uint_t    n;
    ngx_str_t     names[NGX_HTTP_TRADESEC_JWT_NAMES];
} ngx_http_tradesec_jwt_names_t;


/* What any location of the server takes tokens from. */

typedef struct {
    ngx_http_tradesec_jwt_names_t  cookies;
    ngx_http_tradesec_jwt_names_t  queries;
    ngx_flag_t                     subprotocol;
} ngx_http_tradesec_jwt_sources_t;


typedef struct {
    ngx_str_t     token;            /* data is NULL: none */
    ngx_flag_t    ambiguous;
} ngx_http_tradesec_jwt_taken_t;


/* What was taken out of a request; queries as in the server's sources. */

typedef struct {
    ngx_http_tradesec_jwt_taken_t  queries[NGX_HTTP_TRADESEC_JWT_NAMES];
    ngx_http_tradesec_jwt_taken_t  subprotocol;
} ngx_http_tradesec_jwt_found_t;


/* Of one request, over its redirects; of a WebSocket as long as it is open. */

typedef struct {
    ngx_http_tradesec_jwt_found_t           *found;     /* NULL: nothing */

    /* the judgement, and under which policy; NULL: none yet */
    const ngx_http_tradesec_jwt_policy_t    *policy;
    ts_reason_e                              reason;

    /* for which it has waited for keys; NULL: it has not */
    const ngx_http_tradesec_jwt_policy_t    *fetched;

    /* when reason is TS_REASON_NONE */
    const ngx_http_tradesec_jwt_provider_t  *provider;
    ngx_pool_t                              *pool;      /* of what follows */
    ngx_str_t                                token;
    ngx_flag_t                               ambient;   /* from a cookie */
    time_t                                   expires;
    time_t                                   not_before;
    ts_revocation_subject_t                  subject;
    ts_token_tag_t                           tag;       /* zero: no zone */

    /* as in the provider; empty: the token has no such claim */
    ngx_str_t                               *values;
    ts_slice_t                               claims;    /* packed, for rules */
} ngx_http_tradesec_jwt_state_t;


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_jwt_guard;
typedef struct {
    ngx_array_t                       providers; /* of pointers */
    ngx_http_tradesec_jwt_policy_t   *policies; /* all that there are */
    ngx_http_tradesec_token_cache_t  *cache;
    ngx_http_tradesec_keys_store_t   *keys;     /* NULL: no zone */
    ngx_flag_t                        active;   /* some location asks */
    ngx_flag_t                        takes;    /* some server takes tokens
                                                   out of requests */
    ngx_flag_t                        filter;   /* some of them are
                                                   subprotocols */
} ngx_http_tradesec_jwt_main_conf_t;


extern ngx_module_t                     ngx_http_tradesec_jwt_module;


/* The policy of the location that is being merged; NULL: off. */

const void *ngx_http_tradesec_jwt_conf_policy(ngx_conf_t *cf);

/* Whether a provider minds that Redis is silent, and there is none. */

ngx_flag_t ngx_http_tradesec_jwt_lacks_redis(ngx_conf_t *cf,
    const ngx_http_tradesec_jwt_policy_t *policy);

/* The policy of the main request's current location; NULL: no token asked. */

const ngx_http_tradesec_jwt_policy_t *ngx_http_tradesec_jwt_get_policy(
    ngx_http_request_t *r);

const ngx_http_tradesec_jwt_sources_t *ngx_http_tradesec_jwt_get_sources(
    ngx_http_request_t *r);

/* NULL without tradesec_zone. */

const ngx_http_tradesec_token_cache_t *ngx_http_tradesec_jwt_get_cache(
    ngx_http_request_t *r);

/* The state of the main request, made when there is none; NULL: no memory. */

ngx_http_tradesec_jwt_state_t *ngx_http_tradesec_jwt_get_state(
    ngx_http_request_t *r);

/*
 * Judges the credentials of the main request under the policy, at most once,
 * however often guard and variables ask. The state holds the result; NULL when
 * memory is out.
 */

const ngx_http_tradesec_jwt_state_t *ngx_http_tradesec_jwt_judge(
    ngx_http_request_t *r, const ngx_http_tradesec_jwt_policy_t *policy);


/*
 * Judges state->token by the providers of the policy; on success fills the
 * state.
 */

ts_reason_e ngx_http_tradesec_jwt_try(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state);

/* The caller is whom the verified token of the state names. */

void ngx_http_tradesec_jwt_identify(ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_state_t *state);

/* The parameter "message=" of tradesec_jwt. */

char *ngx_http_tradesec_jwt_message(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_policy_t *policy, ngx_str_t *parameter,
    ngx_str_t pointer);

/*
 * The handshake of a WebSocket without a token, where one may come in a message
 * (jwt_message.c): 1 when it is waited for.
 */

ngx_flag_t ngx_http_tradesec_jwt_defer(ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_jwt_policy_t *policy);

/* And the token that came: ngx_http_tradesec_upgrade_present_pt. */

ts_reason_e ngx_http_tradesec_jwt_present(ngx_http_request_t *r,
    ts_slice_t token, ngx_pool_t **pool, ngx_pool_t **old);


/*
 * Finds the one credential that counts: sets token and ambient of the state.
 * TS_REASON_NONE, JWT_MISSING or JWT_AMBIGUOUS.
 */

ts_reason_e ngx_http_tradesec_jwt_find_credential(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    ngx_http_tradesec_jwt_state_t *state);

/*
 * Once the token has passed: takes what else the backend could read as a
 * credential away from it.
 */

ngx_int_t ngx_http_tradesec_jwt_hide_credentials(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_policy_t *policy,
    const ngx_http_tradesec_jwt_state_t *state);


/* Writes the Cookie line anew without the pair of a cookie that was found. */

ngx_int_t ngx_http_tradesec_jwt_hide_cookie(ngx_http_request_t *r,
    const ts_cookie_t *cookie);


/* Judges state->token by one provider; on success fills the state. */

ts_reason_e ngx_http_tradesec_jwt_verify(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider,
    ngx_http_tradesec_jwt_state_t *state);

/*
 * What a token can be revoked by, and until when it is good, if it is a good
 * one of the provider and of that user; 0 when it is not.
 */

ngx_flag_t ngx_http_tradesec_jwt_look(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_provider_t *provider, ts_slice_t token,
    const ngx_str_t *user, uint64_t *name, time_t *expires);

/*
 * TS_REASON_NONE, or JWT_REVOKED: whether the verified token of the state was
 * revoked meanwhile; REVOCATIONS_STALE: nobody knows, and its provider minds.
 */

ts_reason_e ngx_http_tradesec_jwt_revoked(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state);

/*
 * A claim at the top of the verified token, by its name. NGX_DECLINED when
 * it is not there or cannot be written as text, NGX_ERROR: no memory.
 */

ngx_int_t ngx_http_tradesec_jwt_get_claim(ngx_http_request_t *r,
    const ngx_http_tradesec_jwt_state_t *state, const ngx_str_t *name,
    ngx_str_t *value);


/* Puts in place what watches over the answers of sources of keys. */

ngx_int_t ngx_http_tradesec_jwt_init_fetch(ngx_conf_t *cf);


/* For the identity: ngx_http_tradesec_identity_claim_pt. */

ngx_int_t ngx_http_tradesec_jwt_claim_values(ngx_http_request_t *r,
    const ts_json_pointer_t *claim, ngx_array_t *values);


/* POST_READ: takes query arguments and subprotocols out of the request. */

ngx_int_t ngx_http_tradesec_jwt_take_handler(ngx_http_request_t *r);

/* The gate has the filter installed that answers the subprotocol "bearer". */

void ngx_http_tradesec_jwt_filter_init(ngx_conf_t *cf);


ngx_int_t ngx_http_tradesec_jwt_add_variables(ngx_conf_t *cf);


#endif /* NGX_HTTP_TRADESEC_JWT_H */
