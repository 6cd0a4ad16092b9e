/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Sessions of the gateway's own, for apps whose cookie it cannot read. Its
 * parts are the directives (session_conf.c, session_block.c and
 * session_login.c), the guard that waits for a login to succeed (session.c),
 * the cookies of request and response (session_cookie.c), and the filter that
 * keeps a session bound to the app's cookie (session_filter.c). The token
 * itself is core/ts_session.h; who asks for it is tradesec_jwt, to which a
 * session is a provider.
 */

#ifndef NGX_HTTP_TRADESEC_SESSION_H
#define NGX_HTTP_TRADESEC_SESSION_H

#include "core/ts_outcome.h"
#include "core/ts_session.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "request/ngx_http_tradesec_conf.h"


/* The values of its tokens, behind the user: NGX_HTTP_TRADESEC_JWT_OWN. */

typedef enum {
    NGX_HTTP_TRADESEC_SESSION_USER = 0,
    NGX_HTTP_TRADESEC_SESSION_APP,
    NGX_HTTP_TRADESEC_SESSION_OLD,
    NGX_HTTP_TRADESEC_SESSION_OLD_UNTIL,
    NGX_HTTP_TRADESEC_SESSION_END,
    NGX_HTTP_TRADESEC_SESSION_ID,
    NGX_HTTP_TRADESEC_SESSION_AMR,
    NGX_HTTP_TRADESEC_SESSION_ISSUED,
    NGX_HTTP_TRADESEC_SESSION_AUTHENTICATED,
    NGX_HTTP_TRADESEC_SESSION_VALUES
} ngx_http_tradesec_session_value_e;


/* A block tradesec_session. */

typedef struct {
    ngx_str_t                          name;
    ngx_str_t                          cookie;
    ngx_str_t                          app_cookie;
    ngx_str_t                          same_site;

    time_t                             lifetime;
    time_t                             idle;        /* 0: no matter */
    time_t                             pending;     /* for the next factor */
    time_t                             grace;       /* for the app's cookie
                                                       before this one */

    u_char                             key[TS_SESSION_KEY];
    ngx_http_tradesec_jwt_provider_t  *full;
    ngx_http_tradesec_jwt_provider_t  *partial;     /* a factor is missing */
} ngx_http_tradesec_session_t;


/* A line tradesec_session_login. */

typedef struct {
    const ngx_http_tradesec_session_t *session;
    ngx_str_t                          user_field;  /* of the answer, in lower
                                                       case */
    ngx_flag_t                         user_json;   /* or in its body; without
                                                       either: as sent */
    ts_json_pointer_t                  user_pointer;
    ngx_flag_t                         keep;        /* the backend gets the
                                                       app's old cookie */
    ngx_flag_t                         step_up;     /* of who is logged in */
    ngx_flag_t                         factor;      /* by another factor */
    ngx_flag_t                         pending;     /* another factor follows */
    ts_outcome_criteria_t              criteria;    /* then; without any:
                                                       always */
} ngx_http_tradesec_session_policy_t;


extern const ngx_http_tradesec_guard_t  ngx_http_tradesec_session_guard;
extern ngx_module_t                     ngx_http_tradesec_session_module;


/* The block tradesec_session; sessions are ngx_http_tradesec_session_t *. */

char *ngx_http_tradesec_session(ngx_conf_t *cf, ngx_array_t *sessions);

/* How tradesec_session_login is read. */

extern const ngx_http_tradesec_conf_policy_t
    ngx_http_tradesec_session_login_reader;

/* The policy of the location that is being merged; NULL: none. */

const void *ngx_http_tradesec_session_conf_policy(ngx_conf_t *cf);

const ngx_http_tradesec_session_policy_t *ngx_http_tradesec_session_get_policy(
    ngx_http_request_t *r);

/* Whether there is any session in the configuration. */

ngx_flag_t ngx_http_tradesec_session_is_active(ngx_conf_t *cf);

/* Where it does, the gate has the filter of sessions installed. */

void ngx_http_tradesec_session_filter_init(ngx_conf_t *cf);


/* Of a response: what it does with the app's cookie. */

typedef enum {
    NGX_HTTP_TRADESEC_APP_COOKIE_KEPT,
    NGX_HTTP_TRADESEC_APP_COOKIE_SET,
    NGX_HTTP_TRADESEC_APP_COOKIE_DELETED
} ngx_http_tradesec_app_cookie_e;

ngx_http_tradesec_app_cookie_e ngx_http_tradesec_session_answer(
    ngx_http_request_t *r, const ngx_http_tradesec_session_t *session,
    u_char hash[TS_SESSION_HASH]);

/* The app's cookie of the request, and the hash of its value. */

ts_cookie_result_e ngx_http_tradesec_session_request(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, ts_cookie_t *cookie,
    u_char hash[TS_SESSION_HASH]);

/* Adds the Set-Cookie line of a token, in front of the app's own. */

ngx_int_t ngx_http_tradesec_session_set(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session, ts_session_t *token);

/* Adds the one that deletes it. */

ngx_int_t ngx_http_tradesec_session_delete(ngx_http_request_t *r,
    const ngx_http_tradesec_session_t *session);

/* The session of the request's verified token as its values tell it. */

void ngx_http_tradesec_session_recall(
    const ngx_http_tradesec_jwt_state_t *state, ts_session_t *token);

/*
 * The verified token of the request, if it is a session's; NULL: none, or the
 * request was not let pass with it.
 */

const ngx_http_tradesec_jwt_state_t *ngx_http_tradesec_session_state(
    const ngx_http_tradesec_ctx_t *ctx);


#endif /* NGX_HTTP_TRADESEC_SESSION_H */
