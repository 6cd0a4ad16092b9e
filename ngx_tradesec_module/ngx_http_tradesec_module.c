/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The gate: one access handler that asks the guards of a location in order.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/ngx_http_tradesec_cookie_guard.h"
#include "guard/revocation/ngx_http_tradesec_freeze.h"
#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/login/ngx_http_tradesec_login.h"
#include "guard/ngx_http_tradesec_methods.h"
#include "guard/origin/ngx_http_tradesec_origin.h"
#include "guard/posture/ngx_http_tradesec_posture.h"
#include "guard/refresh/ngx_http_tradesec_refresh.h"
#include "guard/require/ngx_http_tradesec_public.h"
#include "guard/require/ngx_http_tradesec_require.h"
#include "guard/session/ngx_http_tradesec_session.h"
#include "guard/ngx_http_tradesec_spelling.h"
#include "guard/websocket/ngx_http_tradesec_websocket.h"
#include "request/ngx_http_tradesec_context.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_decision.h"
#include "request/ngx_http_tradesec_field.h"
#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"
#include "response/ngx_http_tradesec_upgrade.h"


typedef struct {
    const ngx_http_tradesec_guard_t  *guard;
    const void                       *policy;
} ngx_http_tradesec_gate_guard_t;


typedef struct {
    ngx_flag_t                        on;       /* some location is so */
    ngx_flag_t                        active;   /* some location has guards */
} ngx_http_tradesec_main_conf_t;


typedef struct {
    ngx_flag_t                        inner;    /* only nginx leads there */
    ngx_flag_t                        named;
    ngx_uint_t                        n;
    ngx_http_tradesec_gate_guard_t    guards[NGX_HTTP_TRADESEC_GUARD_N];
    const void                       *policies[NGX_HTTP_TRADESEC_GUARD_N];

    /* bits of the guards before each, and of all behind the last */
    uint32_t                          before[NGX_HTTP_TRADESEC_GUARD_N + 1];

    /* shared by the requests that pass without a context of their own */
    ngx_http_tradesec_ctx_t           passed;
} ngx_http_tradesec_loc_conf_t;


static ngx_int_t ngx_http_tradesec_access_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_tradesec_passes(ngx_http_request_t *r,
    const ngx_http_tradesec_loc_conf_t *tlcf);
static ngx_int_t ngx_http_tradesec_own_error_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_tradesec_judge(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx, const ngx_http_tradesec_loc_conf_t *tlcf);
static ngx_int_t ngx_http_tradesec_subrequest_handler(ngx_http_request_t *r);
static void *ngx_http_tradesec_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_tradesec_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_tradesec_init_module(ngx_cycle_t *cycle);


/*
 * The table of guards, in the order they are asked. A build with a guard left
 * out is the negative control: that guard's tests have to fail.
 */

static const ngx_http_tradesec_guard_t *const  ngx_http_tradesec_guards[] = {
#ifndef TS_OMIT_FREEZE
    &ngx_http_tradesec_freeze_guard,
#endif
#ifndef TS_OMIT_METHODS
    &ngx_http_tradesec_methods_guard,
#endif
#ifndef TS_OMIT_SPELLING
    &ngx_http_tradesec_spelling_guard,
#endif
#ifndef TS_OMIT_COOKIES
    &ngx_http_tradesec_cookies_guard,
#endif
#ifndef TS_OMIT_PUBLIC
    &ngx_http_tradesec_public_guard,
#endif
#ifndef TS_OMIT_WEBSOCKET
    &ngx_http_tradesec_websocket_guard,
#endif
#ifndef TS_OMIT_ORIGIN
    &ngx_http_tradesec_origin_guard,
#endif
#ifndef TS_OMIT_JWT
    &ngx_http_tradesec_jwt_guard,
#endif
#ifndef TS_OMIT_REQUIRE
    &ngx_http_tradesec_require_guard,
#endif
#ifndef TS_OMIT_REFRESH
    &ngx_http_tradesec_refresh_guard,
#endif
#ifndef TS_OMIT_LOGIN
    &ngx_http_tradesec_login_guard,
#endif
#ifndef TS_OMIT_SESSION
    &ngx_http_tradesec_session_guard,
#endif
    NULL
};


static ngx_http_module_t  ngx_http_tradesec_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_tradesec_init,                /* postconfiguration */

    ngx_http_tradesec_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tradesec_create_loc_conf,     /* create location configuration */
    ngx_http_tradesec_merge_loc_conf       /* merge location configuration */
};


static ngx_command_t  ngx_http_tradesec_commands[] = {
      ngx_null_command
};


ngx_module_t  ngx_http_tradesec_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_module_ctx,         /* module context */
    ngx_http_tradesec_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_tradesec_init_module,         /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_tradesec_access_handler(ngx_http_request_t *r)
{
    ngx_uint_t                           n;
    ngx_http_tradesec_ctx_t             *ctx;
    const ngx_http_tradesec_ctx_t       *known;
    const ngx_http_tradesec_loc_conf_t  *tlcf;

    known = ngx_http_tradesec_find_ctx(r);

    if (r->internal && known != NULL) {
        ngx_http_tradesec_outcome_redirected(r, known);

        if (known->error_page && known->error_page == r->uri_changes) {
            return ngx_http_tradesec_own_error_page(r);
        }
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_module);

    if (tlcf->n == 0) {
        return NGX_DECLINED;
    }

    n = known == NULL || known->shared ? ngx_http_tradesec_passes(r, tlcf) : 0;

    if (n == tlcf->n
        && ngx_http_tradesec_share_ctx(r, &tlcf->passed) == NGX_OK)
    {
        return NGX_DECLINED;
    }

    ctx = known != NULL && !known->shared
          ? (ngx_http_tradesec_ctx_t *) known
          : ngx_http_tradesec_own_ctx(r, known);

    if (ctx == NULL) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "tradesec: request refused, reason: \"%s\"",
                      ts_reasons[TS_REASON_INTERNAL_ERROR].word);

        /* not returned: "satisfy any" must not hear of it */
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_DONE;
    }

    if (ctx->waiting && ctx->waiting == r->uri_changes) {
        ctx->waiting = 0;

    } else {
        ctx->led = ctx->judged
                   && ctx->status != NGX_HTTP_TRADESEC_STATUS_REJECTED;

        if (ctx->judged) {
            ctx->waiting = 0;
            ctx->next = 0;
            ctx->passed = 0;
            ngx_http_tradesec_identity_clear(r, ctx);
        }
    }

    ctx->judged = 1;
    ctx->policies = tlcf->policies;

    if (n != 0) {
        ctx->next = n;
        ctx->passed = tlcf->before[n];
    }

    return ngx_http_tradesec_judge(r, ctx, tlcf);
}


/* How many guards, from the first one on, the request passes as it is. */

static ngx_uint_t
ngx_http_tradesec_passes(ngx_http_request_t *r,
    const ngx_http_tradesec_loc_conf_t *tlcf)
{
    ngx_uint_t                        i;
    const ngx_http_tradesec_guard_t  *guard;

    for (i = 0; i < tlcf->n; i++) {
        guard = tlcf->guards[i].guard;

        if (guard->passes == NULL || !guard->passes(r)) {
            break;
        }
    }

    return i;
}


/*
 * The page of our own refusal, and nothing but a page: it opens no socket, and
 * what it redirects to is judged. In a named location the request still has its
 * method and its URI: a backend would carry it out.
 */

static ngx_int_t
ngx_http_tradesec_own_error_page(ngx_http_request_t *r)
{
    ngx_http_tradesec_ctx_t             *ctx;
    const ngx_http_tradesec_loc_conf_t  *tlcf;

    /* the one that was refused: never a shared one */
    ctx = ngx_http_tradesec_get_ctx(r);

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_module);

    if (ngx_http_tradesec_open_page(r, ctx, tlcf->policies) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return NGX_DONE;
    }

    if (tlcf->named && r->content_handler != NULL
        && ngx_http_tradesec_asks_again(r, ctx))
    {
        ngx_http_tradesec_refuse_page(r, ctx);
        return NGX_DONE;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_tradesec_judge(ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_loc_conf_t *tlcf)
{
    ngx_int_t                         rc;
    ngx_http_tradesec_verdict_t       verdict;
    const ngx_http_tradesec_guard_t  *guard;

    while (ctx->next < tlcf->n) {
        guard = tlcf->guards[ctx->next].guard;
        verdict = guard->check(r, ctx);

        if (verdict.kind != NGX_HTTP_TRADESEC_PASS) {

            rc = ngx_http_tradesec_decide(r, ctx, guard->id, verdict);

            if (rc == NGX_DONE) {
                return NGX_DONE;
            }

            if (rc == NGX_AGAIN) {
                ctx->waiting = r->uri_changes;
                return NGX_AGAIN;
            }

        } else {
            ctx->passed |= 1u << guard->id;
        }

        ctx->next++;
    }

    if (ctx->status == NGX_HTTP_TRADESEC_STATUS_OFF) {
        ctx->status = NGX_HTTP_TRADESEC_STATUS_PASSED;
    }

    /* never NGX_OK: under "satisfy any" it would skip the other checks */

    return NGX_DECLINED;
}


/*
 * nginx skips the access phase for subrequests. One that enters a location
 * with a policy its main request did not pass is refused, unless the location
 * is internal: those are the operator's own (auth_request, mirror). An attempt
 * to log in is one there, too, and nobody would count it.
 */

static ngx_int_t
ngx_http_tradesec_subrequest_handler(ngx_http_request_t *r)
{
    ngx_flag_t                             enters;
    ngx_uint_t                             i;
    const void                            *passed;
    ngx_http_tradesec_ctx_t               *ctx;
    const ngx_http_tradesec_loc_conf_t    *tlcf;
    const ngx_http_tradesec_gate_guard_t  *g;

    if (r == r->main) {
        return NGX_DECLINED;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_module);

    if (tlcf->n == 0) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_tradesec_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < tlcf->n; i++) {
        g = &tlcf->guards[i];

        if (tlcf->inner && g->guard->id != NGX_HTTP_TRADESEC_GUARD_LOGIN) {
            continue;
        }

        passed = (ctx->passed & 1u << g->guard->id)
                 ? ctx->policies[g->guard->id] : NULL;
        enters = g->guard->subrequest
                 ? g->guard->subrequest(r, g->policy, passed)
                 : passed == g->policy;

        if (!enters
            && ngx_http_tradesec_mark(r, ctx, g->guard->id,
                                      TS_REASON_SUBREQUEST_POLICY)
               == NGX_OK)
        {
            return NGX_HTTP_FORBIDDEN;
        }
    }

    return NGX_DECLINED;
}


static void *
ngx_http_tradesec_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_main_conf_t));
}


static void *
ngx_http_tradesec_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_loc_conf_t));
}


/*
 * The gate is the last of our modules, so every guard's configuration of this
 * location has been merged by now.
 */

static char *
ngx_http_tradesec_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_loc_conf_t  *prev = parent;
    ngx_http_tradesec_loc_conf_t  *conf = child;

    const void                             *policy;
    ngx_http_tradesec_main_conf_t          *tmcf;
    const ngx_http_core_loc_conf_t         *clcf;
    const ngx_http_tradesec_guard_t *const *g;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->named = clcf->named || (clcf->noname && prev->named);

    if (!ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tradesec_module);
    tmcf->on = 1;

    conf->inner = ngx_http_tradesec_conf_place(cf)->inner;

    conf->passed.status = NGX_HTTP_TRADESEC_STATUS_PASSED;
    conf->passed.judged = 1;
    conf->passed.shared = 1;
    conf->passed.policies = conf->policies;

    ngx_http_tradesec_conf_place(cf)->guards = conf->policies;

    for (g = ngx_http_tradesec_guards; *g; g++) {
        policy = (*g)->policy(cf);

        if (policy != NULL) {
            conf->guards[conf->n].guard = *g;
            conf->guards[conf->n].policy = policy;
            conf->n++;
            conf->policies[(*g)->id] = policy;
            conf->passed.passed |= 1u << (*g)->id;
            conf->before[conf->n] = conf->passed.passed;
            tmcf->active = 1;
        }
    }

    if (conf->policies[NGX_HTTP_TRADESEC_GUARD_REFRESH] != NULL
        && conf->policies[NGX_HTTP_TRADESEC_GUARD_LOGIN] != NULL)
    {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_login\" and \"tradesec_refresh\" both judge "
                   "one answer: give each a location of its own, with "
                   "\"tradesec_login off\" or \"tradesec_refresh off\"");
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tradesec_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_tradesec_main_conf_t  *tmcf;

    if (ngx_http_tradesec_posture(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tradesec_module);

    /* the last filter to be installed is the first one to see a response */

    if (tmcf->on) {
        ngx_http_tradesec_upgrade_init();
        ngx_http_tradesec_session_filter_init(cf);
        ngx_http_tradesec_outcome_init(cf);
        ngx_http_tradesec_jwt_filter_init(cf);
    }

    if (!tmcf->active) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tradesec_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tradesec_subrequest_handler;

    return NGX_OK;
}


/*
 * Moves the gate to the front of the access handlers: a module loaded later
 * would otherwise run first, and with "satisfy any" its NGX_OK would jump past
 * us. All handlers of the block share their checker and next. A failure here
 * would end the master at a reload, so there is none.
 */

static ngx_int_t
ngx_http_tradesec_init_module(ngx_cycle_t *cycle)
{
    ngx_http_handler_pt         handler;
    ngx_http_phase_handler_t   *ph, *first;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    if (cmcf == NULL || cmcf->phase_engine.handlers == NULL) {
        return NGX_OK;
    }

    first = NULL;

    for (ph = cmcf->phase_engine.handlers; ph->checker; ph++) {

        if (ph->checker != ngx_http_core_access_phase) {
            continue;
        }

        first = first ? first : ph;

        if (ph->handler == ngx_http_tradesec_access_handler) {

            for (handler = ph->handler; ph > first; ph--) {
                ph->handler = (ph - 1)->handler;
            }

            first->handler = handler;
            break;
        }
    }

    return NGX_OK;
}
