/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a guard is: one check of a request, a row in the gate's table.
 */

#ifndef NGX_HTTP_TRADESEC_GUARD_H
#define NGX_HTTP_TRADESEC_GUARD_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_reason.h"


/*
 * The names of the guards, in the order they are asked: anonymous and cheap
 * first, cryptography next, what reads a body or asks a store last. A name is
 * the word in the log, in $tradesec_guard and in tradesec_dry_run.
 */

#define NGX_HTTP_TRADESEC_GUARD_MAP(X)                                       \
    X(FREEZE, "freeze")                                                      \
    X(METHODS, "methods")                                                    \
    X(SPELLING, "spelling")                                                  \
    X(COOKIES, "cookies")                                                    \
    X(PUBLIC, "public")                                                      \
    X(WEBSOCKET, "websocket")                                                \
    X(ORIGIN, "origin")                                                      \
    X(JWT, "jwt")                                                            \
    X(REQUIRE, "require")                                                    \
    X(REFRESH, "refresh")                                                    \
    X(LOGIN, "login")                                                        \
    X(SESSION, "session")

typedef enum {
#define X(id, name)  NGX_HTTP_TRADESEC_GUARD_##id,
    NGX_HTTP_TRADESEC_GUARD_MAP(X)
#undef X
    NGX_HTTP_TRADESEC_GUARD_N
} ngx_http_tradesec_guard_e;


typedef struct ngx_http_tradesec_ctx_s  ngx_http_tradesec_ctx_t;


typedef enum {
    NGX_HTTP_TRADESEC_PASS,     /* ask the next guard */
    NGX_HTTP_TRADESEC_DENY,     /* refuse, by the reason */
    NGX_HTTP_TRADESEC_ANSWER,   /* reply with status; the guard has set
                                   headers_out */
    NGX_HTTP_TRADESEC_WAIT,     /* re-enter at this guard; the guard has
                                   arranged for the phases to run again */
    NGX_HTTP_TRADESEC_FAULT     /* could not tell: our own failure */
} ngx_http_tradesec_verdict_e;

typedef struct {
    ngx_http_tradesec_verdict_e   kind;
    ts_reason_e                   reason;   /* DENY */
    ngx_uint_t                    status;   /* ANSWER */
} ngx_http_tradesec_verdict_t;


typedef struct {
    ngx_http_tradesec_guard_e     id;

    /*
     * At configuration time, for the location whose configuration is being
     * merged: the address that names the guard's policy there, or NULL when
     * the guard has nothing to check. An inherited policy has the same
     * address, which is how a subrequest is known to ask for no more than
     * its main request passed.
     */

    const void                 *(*policy)(ngx_conf_t *cf);

    ngx_http_tradesec_verdict_t (*check)(ngx_http_request_t *r,
                                         ngx_http_tradesec_ctx_t *ctx);

    /*
     * Whether check() would pass and write nothing into the context: then the
     * request needs none of its own. A no decides nothing, check() is asked.
     * NULL: always no.
     */

    ngx_flag_t                  (*passes)(ngx_http_request_t *r);

    /*
     * Whether a subrequest may enter a location with the policy; passed is
     * that of this guard which its main request has passed. NULL: when it is
     * the same.
     */

    ngx_flag_t                  (*subrequest)(ngx_http_request_t *r,
                                              const void *policy,
                                              const void *passed);
} ngx_http_tradesec_guard_t;


static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_pass(void)
{
    return (ngx_http_tradesec_verdict_t) {
        NGX_HTTP_TRADESEC_PASS, TS_REASON_NONE, 0
    };
}


static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_deny(ts_reason_e reason)
{
    return (ngx_http_tradesec_verdict_t) {
        NGX_HTTP_TRADESEC_DENY, reason, 0
    };
}


static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_answer(ngx_uint_t status)
{
    return (ngx_http_tradesec_verdict_t) {
        NGX_HTTP_TRADESEC_ANSWER, TS_REASON_NONE, status
    };
}


static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_wait(void)
{
    return (ngx_http_tradesec_verdict_t) {
        NGX_HTTP_TRADESEC_WAIT, TS_REASON_NONE, 0
    };
}


static ngx_inline ngx_http_tradesec_verdict_t
ngx_http_tradesec_fault(void)
{
    return (ngx_http_tradesec_verdict_t) {
        NGX_HTTP_TRADESEC_FAULT, TS_REASON_INTERNAL_ERROR, 0
    };
}


#endif /* NGX_HTTP_TRADESEC_GUARD_H */
