/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What a location keeps. A guard in dry run keeps nothing.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/posture/ngx_http_tradesec_posture_promises.h"
#include "guard/require/ngx_http_tradesec_public.h"
#include "guard/require/ngx_http_tradesec_require.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_header_policy.h"


const char *const  ngx_http_tradesec_promises[NGX_HTTP_TRADESEC_PROMISE_N] = {
#define X(id)  #id,
    NGX_HTTP_TRADESEC_PROMISE_MAP(X)
#undef X
};


static ngx_flag_t ngx_http_tradesec_posture_guards(
    const ngx_http_tradesec_place_t *place, ngx_uint_t guard);
static ngx_flag_t ngx_http_tradesec_posture_tls(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place);
static ngx_flag_t ngx_http_tradesec_posture_rules(
    const ngx_http_tradesec_place_t *place, ngx_uint_t promise);
static ngx_flag_t ngx_http_tradesec_posture_revokes(
    const ngx_http_tradesec_place_t *place, ngx_flag_t user);
static ngx_flag_t ngx_http_tradesec_posture_socket(
    const ngx_http_tradesec_place_t *place, ngx_uint_t promise);


ngx_flag_t
ngx_http_tradesec_posture_keeps(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place, ngx_uint_t promise)
{
    static const ngx_str_t  hsts = ngx_string("Strict-Transport-Security");
    static const ngx_str_t  frame = ngx_string("X-Frame-Options");

    if (!place->on) {
        return 0;
    }

    switch (promise) {

    case NGX_HTTP_TRADESEC_PROMISE_T1:
        return ngx_http_tradesec_posture_tls(cf, place);

    case NGX_HTTP_TRADESEC_PROMISE_T2:
        return ngx_http_tradesec_posture_tls(cf, place)
               && ngx_http_tradesec_conf_sets_header(cf, &hsts);

    case NGX_HTTP_TRADESEC_PROMISE_T3:
        return ngx_http_tradesec_conf_sets_header(cf, &frame);

    case NGX_HTTP_TRADESEC_PROMISE_L1:
    case NGX_HTTP_TRADESEC_PROMISE_L2:
    case NGX_HTTP_TRADESEC_PROMISE_L3:
        return ngx_http_tradesec_posture_guards(place,
                                            NGX_HTTP_TRADESEC_GUARD_LOGIN);

    case NGX_HTTP_TRADESEC_PROMISE_S1:
        return !ngx_http_tradesec_posture_says(
                   ngx_http_tradesec_foreign_find(place,
                                NGX_HTTP_TRADESEC_FOREIGN_COOKIES, NULL),
                   1, "off");

    case NGX_HTTP_TRADESEC_PROMISE_S2:
        return ngx_http_tradesec_posture_guards(place,
                                                NGX_HTTP_TRADESEC_GUARD_JWT);

    case NGX_HTTP_TRADESEC_PROMISE_S3:
        return ngx_http_tradesec_posture_guards(place,
                                            NGX_HTTP_TRADESEC_GUARD_REFRESH);

    case NGX_HTTP_TRADESEC_PROMISE_S4:
        return ngx_http_tradesec_posture_revokes(place, 1);

    case NGX_HTTP_TRADESEC_PROMISE_S6:
        return ngx_http_tradesec_posture_revokes(place, 0);

    case NGX_HTTP_TRADESEC_PROMISE_S7:
        return ngx_http_tradesec_posture_guards(place,
                                            NGX_HTTP_TRADESEC_GUARD_FREEZE);

    case NGX_HTTP_TRADESEC_PROMISE_A1:
        return ngx_strcmp(ngx_http_tradesec_posture_without_token(cf, place),
                          "nothing") == 0;

    case NGX_HTTP_TRADESEC_PROMISE_A9:
        return ngx_strcmp(ngx_http_tradesec_posture_without_token(cf, place),
                          "all") != 0;

    case NGX_HTTP_TRADESEC_PROMISE_A2:
    case NGX_HTTP_TRADESEC_PROMISE_A4:
    case NGX_HTTP_TRADESEC_PROMISE_A6:
        return ngx_http_tradesec_posture_rules(place, promise);

    case NGX_HTTP_TRADESEC_PROMISE_X1:
        return ngx_http_tradesec_posture_guards(place,
                                            NGX_HTTP_TRADESEC_GUARD_ORIGIN);

    default:
        return ngx_http_tradesec_posture_socket(place, promise);
    }
}


static ngx_flag_t
ngx_http_tradesec_posture_guards(const ngx_http_tradesec_place_t *place,
    ngx_uint_t guard)
{
    return place->guards != NULL && place->guards[guard] != NULL
           && !ngx_http_tradesec_posture_dry_run(place, guard);
}


ngx_flag_t
ngx_http_tradesec_posture_dry_run(const ngx_http_tradesec_place_t *place,
    ngx_uint_t guard)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *foreign;

    foreign = ngx_http_tradesec_foreign_find(place,
                                   NGX_HTTP_TRADESEC_FOREIGN_DRY_RUN, NULL);

    for (i = 1; foreign != NULL && i < foreign->n; i++) {
        if (ngx_http_tradesec_posture_says(foreign, i, "on")
            || ngx_http_tradesec_posture_says(foreign, i,
                     (const char *) ngx_http_tradesec_guard_name(guard)->data))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_flag_t
ngx_http_tradesec_posture_tls(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place)
{
    ngx_http_tradesec_listens_t  listens;

    while (!ngx_http_tradesec_place_is_server(place)) {
        place = place->parent;
    }

    listens = ngx_http_tradesec_posture_listens(cf);

    return listens.tls && !listens.plain
           && !(place->found & (uint64_t) 1 << TS_FINDING_OLD_TLS);
}


const char *
ngx_http_tradesec_posture_without_token(ngx_conf_t *cf,
    const ngx_http_tradesec_place_t *place)
{
    if (!place->on) {
        return "all";
    }

    if (ngx_http_tradesec_posture_guards(place, NGX_HTTP_TRADESEC_GUARD_JWT)
        || ngx_http_tradesec_posture_guards(place,
                                            NGX_HTTP_TRADESEC_GUARD_REFRESH)
        || (ngx_http_tradesec_conf_has_credential(cf)
            && !ngx_http_tradesec_conf_is_login(cf)
            && !ngx_http_tradesec_conf_is_verified(cf)))
    {
        return "nothing";
    }

    if (ngx_http_tradesec_posture_guards(place, NGX_HTTP_TRADESEC_GUARD_LOGIN))
    {
        return "login";
    }

    if (!ngx_http_tradesec_posture_guards(place,
                                          NGX_HTTP_TRADESEC_GUARD_PUBLIC))
    {
        return "all";
    }

    return ngx_http_tradesec_public_allows(cf,
                             place->guards[NGX_HTTP_TRADESEC_GUARD_PUBLIC]);
}


static ngx_flag_t
ngx_http_tradesec_posture_rules(const ngx_http_tradesec_place_t *place,
    ngx_uint_t promise)
{
    ngx_uint_t                                  i, k;
    const ngx_http_tradesec_rule_t             *rule;
    const ngx_http_tradesec_require_policy_t   *policy;

    if (!ngx_http_tradesec_posture_guards(place,
                                          NGX_HTTP_TRADESEC_GUARD_REQUIRE))
    {
        return 0;
    }

    policy = place->guards[NGX_HTTP_TRADESEC_GUARD_REQUIRE];

    if (promise == NGX_HTTP_TRADESEC_PROMISE_A6) {
        return policy->bound;
    }

    for (i = 0; i < policy->n; i++) {
        rule = policy->rules[i];

        for (k = 0; k < rule->n; k++) {
            if (rule->conditions[k].step_up
                == (promise == NGX_HTTP_TRADESEC_PROMISE_A4))
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_flag_t
ngx_http_tradesec_posture_revokes(const ngx_http_tradesec_place_t *place,
    ngx_flag_t user)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *foreign;

    i = 0;
    foreign = ngx_http_tradesec_foreign_next(place,
                                 NGX_HTTP_TRADESEC_FOREIGN_REVOKE, NULL, &i);

    return foreign != NULL
           && !ngx_http_tradesec_posture_says(foreign, 1, "off")
           && (!user || ngx_http_tradesec_posture_says(foreign, 1, "user"));
}


static ngx_flag_t
ngx_http_tradesec_posture_socket(const ngx_http_tradesec_place_t *place,
    ngx_uint_t promise)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *foreign;

    i = 0;
    foreign = ngx_http_tradesec_foreign_next(place,
                              NGX_HTTP_TRADESEC_FOREIGN_WEBSOCKET, NULL, &i);

    if (foreign == NULL || ngx_http_tradesec_posture_says(foreign, 1, "off")
        || !ngx_http_tradesec_posture_guards(place,
                                          NGX_HTTP_TRADESEC_GUARD_WEBSOCKET))
    {
        return 0;
    }

    if (promise == NGX_HTTP_TRADESEC_PROMISE_W2) {
        return ngx_http_tradesec_posture_guards(place,
                                            NGX_HTTP_TRADESEC_GUARD_ORIGIN);
    }

    if (!ngx_http_tradesec_posture_guards(place, NGX_HTTP_TRADESEC_GUARD_JWT))
    {
        return 0;
    }

    for (i = 1; promise == NGX_HTTP_TRADESEC_PROMISE_W3 && i < foreign->n; i++)
    {
        if (ngx_strncmp(foreign->args[i].data, "owner=", 6) == 0) {
            return 1;
        }
    }

    return promise != NGX_HTTP_TRADESEC_PROMISE_W3;
}
