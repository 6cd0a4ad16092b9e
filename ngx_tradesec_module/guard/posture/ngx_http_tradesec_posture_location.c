/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The findings of a location.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/posture/ngx_http_tradesec_posture.h"
#include "request/ngx_http_tradesec_foreign.h"
#include "request/ngx_http_tradesec_request.h"


/* Since 1.29.7 nginx speaks 1.1 to backends by default. */

#define NGX_HTTP_TRADESEC_PROXY_1_1  1029007


static void ngx_http_tradesec_posture_cache(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place,
    const ngx_http_tradesec_foreign_t *pass);
static ngx_flag_t ngx_http_tradesec_posture_key(const ngx_str_t *key,
    const ngx_http_tradesec_jwt_policy_t *policy);
static void ngx_http_tradesec_posture_egress(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place,
    const ngx_http_tradesec_foreign_t *pass);
static void ngx_http_tradesec_posture_off(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);
static void ngx_http_tradesec_posture_return(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);
static void ngx_http_tradesec_posture_origin(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);
static void ngx_http_tradesec_posture_upgrade(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place);


void
ngx_http_tradesec_posture_location(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                          i;
    ngx_http_tradesec_place_t          *server;
    const ngx_http_tradesec_foreign_t  *pass;

    for (server = place;
         !ngx_http_tradesec_place_is_server(server);
         server = server->parent)
    {
        /* void */
    }

    if (!server->on_below) {
        return;
    }

    i = 0;
    pass = ngx_http_tradesec_foreign_next(place,
                                          NGX_HTTP_TRADESEC_FOREIGN_PASS,
                                          NULL, &i);
    if (pass != NULL) {
        ngx_http_tradesec_posture_egress(cf, place, pass);
    }

    ngx_http_tradesec_posture_headers(cf, place);

    if (!place->on) {

        if (pass != NULL) {
            ngx_http_tradesec_posture_off(cf, place);
        }

        return;
    }

    if (pass != NULL) {
        ngx_http_tradesec_posture_cache(cf, place, pass);
    }

    ngx_http_tradesec_posture_return(cf, place);
    ngx_http_tradesec_posture_origin(cf, place);
    ngx_http_tradesec_posture_upgrade(cf, place);
}


static void
ngx_http_tradesec_posture_cache(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place,
    const ngx_http_tradesec_foreign_t *pass)
{
    char                                   cache[32], key[32];
    size_t                                 len;
    const ngx_http_tradesec_foreign_t     *foreign;
    const ngx_http_tradesec_jwt_policy_t  *policy;

    policy = ngx_http_tradesec_jwt_conf_policy(cf);

    if (policy == NULL) {
        return;
    }

    len = pass->args[0].len - (sizeof("pass") - 1);

    if (len + sizeof("cache_key") > sizeof(key)) {
        return;
    }

    (void) ngx_snprintf((u_char *) cache, sizeof(cache), "%*scache%Z", len,
                        pass->args[0].data);
    (void) ngx_snprintf((u_char *) key, sizeof(key), "%*scache_key%Z", len,
                        pass->args[0].data);

    foreign = ngx_http_tradesec_foreign_find(place,
                                             NGX_HTTP_TRADESEC_FOREIGN_CACHE,
                                             cache);

    if (foreign == NULL || ngx_http_tradesec_posture_says(foreign, 1, "off")) {
        return;
    }

    foreign = ngx_http_tradesec_foreign_find(place,
                                         NGX_HTTP_TRADESEC_FOREIGN_CACHE_KEY,
                                         key);

    if (foreign == NULL
        || !ngx_http_tradesec_posture_key(&foreign->args[1], policy))
    {
        ngx_http_tradesec_finding(cf, TS_FINDING_CACHE_WITHOUT_USER);
    }
}


/*
 * The user, and whose user he is where several issuers have users; or the
 * credential itself, wherever it may come from.
 */

static ngx_flag_t
ngx_http_tradesec_posture_key(const ngx_str_t *key,
    const ngx_http_tradesec_jwt_policy_t *policy)
{
    u_char      cookie[256];
    size_t      len;
    ngx_uint_t  i;

    for (i = 1; i < policy->n; i++) {
        if (policy->providers[i]->issuer != policy->providers[0]->issuer) {
            break;
        }
    }

    if (ngx_http_tradesec_foreign_variable(key, "tradesec_user", 13)
        && (i >= policy->n
            || ngx_http_tradesec_foreign_variable(key, "tradesec_claim_iss",
                                                  18)))
    {
        return 1;
    }

    if (policy->query.len || policy->subprotocol
        || (policy->bearer
            && !ngx_http_tradesec_foreign_variable(key, "http_authorization",
                                                   18)))
    {
        return 0;
    }

    if (policy->cookie.len == 0
        || ngx_http_tradesec_foreign_variable(key, "http_cookie", 11))
    {
        return 1;
    }

    len = ngx_snprintf(cookie, sizeof(cookie), "cookie_%V", &policy->cookie)
          - cookie;

    return ngx_http_tradesec_foreign_variable(key, (const char *) cookie, len);
}


/* To this host itself nobody can put himself in between. */

static void
ngx_http_tradesec_posture_egress(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place,
    const ngx_http_tradesec_foreign_t *pass)
{
    char                                verify[32];
    size_t                              len;
    ngx_uint_t                          i;
    ngx_str_t                           url;
    const ngx_http_tradesec_foreign_t  *foreign;

    static const ngx_str_t  schemes[] = {
        ngx_string("https://"), ngx_string("grpcs://"),
        ngx_string("suwsgi://")
    };

    static const ngx_str_t  locals[] = {
        ngx_string("127."), ngx_string("[::1]"), ngx_string("unix:"),
        ngx_string("localhost:"), ngx_string("localhost/")
    };

    url = pass->args[1];

    for (i = 0; i < 3; i++) {
        if (url.len > schemes[i].len
            && ngx_strncasecmp(url.data, schemes[i].data, schemes[i].len) == 0)
        {
            break;
        }
    }

    if (i == 3) {
        return;
    }

    url.data += schemes[i].len;
    url.len -= schemes[i].len;

    for (i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
        if (url.len >= locals[i].len
            && ngx_strncasecmp(url.data, locals[i].data, locals[i].len) == 0)
        {
            return;
        }
    }

    len = pass->args[0].len - (sizeof("pass") - 1);

    if (len + sizeof("ssl_verify") > sizeof(verify)) {
        return;
    }

    (void) ngx_snprintf((u_char *) verify, sizeof(verify), "%*sssl_verify%Z",
                        len, pass->args[0].data);

    foreign = ngx_http_tradesec_foreign_find(place,
                                        NGX_HTTP_TRADESEC_FOREIGN_SSL_VERIFY,
                                        verify);

    if (foreign == NULL || ngx_strcasecmp(foreign->args[1].data,
                                          (u_char *) "on") != 0)
    {
        ngx_http_tradesec_finding_at(cf, TS_FINDING_UPSTREAM_UNVERIFIED, place,
                                     &pass->file, pass->line, NULL);
    }
}


/* Switched off here, and not in the whole server. */

static void
ngx_http_tradesec_posture_off(ngx_conf_t *cf, ngx_http_tradesec_place_t *place)
{
    const ngx_http_tradesec_place_t  *from;

    /* nothing but nginx itself leads there, and what did was judged */

    if (place->inner) {
        return;
    }

    for (from = place->parent; from->parent != NULL; from = from->parent) {
        if (from->on_below) {
            ngx_http_tradesec_finding(cf, TS_FINDING_UNGUARDED_LOCATION);
            return;
        }
    }
}


/*
 * "return" answers in the rewrite phase. A redirect or a refusal gives nothing
 * away; a text does, where a token was asked for.
 */

static void
ngx_http_tradesec_posture_return(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *foreign;

    if (ngx_http_tradesec_jwt_conf_policy(cf) == NULL) {
        return;
    }

    i = 0;

    while ((foreign = ngx_http_tradesec_foreign_next(place,
                                 NGX_HTTP_TRADESEC_FOREIGN_RETURN, NULL, &i))
           != NULL)
    {
        if (foreign->n == 3 && foreign->args[1].data[0] == '2'
            && foreign->args[2].len)
        {
            ngx_http_tradesec_finding_at(cf, TS_FINDING_RETURN_BEFORE_GUARDS,
                                         place, &foreign->file, foreign->line,
                                         NULL);
            return;
        }
    }
}


static void
ngx_http_tradesec_posture_origin(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_foreign_t  *foreign;

    if (!ngx_http_tradesec_posture_says(
             ngx_http_tradesec_foreign_find(place,
                              NGX_HTTP_TRADESEC_FOREIGN_ORIGIN, NULL),
             1, "off"))
    {
        return;
    }

    if (ngx_http_tradesec_conf_is_login(cf)) {
        ngx_http_tradesec_finding(cf, TS_FINDING_LOGIN_WITHOUT_ORIGIN);
    }

    i = 0;
    foreign = ngx_http_tradesec_foreign_next(place,
                              NGX_HTTP_TRADESEC_FOREIGN_WEBSOCKET, NULL, &i);

    if (foreign != NULL && !ngx_http_tradesec_posture_says(foreign, 1, "off"))
    {
        ngx_http_tradesec_finding(cf, TS_FINDING_WEBSOCKET_WITHOUT_ORIGIN);
    }
}


/* A location with a line of its own for WebSockets means to have some. */

static void
ngx_http_tradesec_posture_upgrade(ngx_conf_t *cf,
    ngx_http_tradesec_place_t *place)
{
    ngx_uint_t                          i;
    const ngx_http_tradesec_place_t    *from;
    const ngx_http_tradesec_foreign_t  *foreign, *pass;

    static const ngx_str_t  upgrade = ngx_string("Upgrade");
    static const ngx_str_t  connection = ngx_string("Connection");

    i = 0;
    foreign = ngx_http_tradesec_foreign_next(place,
                              NGX_HTTP_TRADESEC_FOREIGN_WEBSOCKET, NULL, &i);
    i = 0;
    pass = ngx_http_tradesec_foreign_next(place,
                              NGX_HTTP_TRADESEC_FOREIGN_PASS, "proxy_pass",
                              &i);

    if (foreign == NULL || pass == NULL
        || ngx_http_tradesec_posture_says(foreign, 1, "off"))
    {
        return;
    }

    foreign = ngx_http_tradesec_foreign_find(place,
                              NGX_HTTP_TRADESEC_FOREIGN_HTTP_VERSION, NULL);

    /* nginx inherits all lines, or none */

    for (from = place; from != NULL; from = from->parent) {
        i = 0;

        if (ngx_http_tradesec_foreign_next(from,
                              NGX_HTTP_TRADESEC_FOREIGN_SET_HEADER, NULL, &i)
            != NULL)
        {
            break;
        }
    }

    if (!(foreign != NULL ? ngx_http_tradesec_posture_says(foreign, 1, "1.1")
                          : nginx_version >= NGX_HTTP_TRADESEC_PROXY_1_1)
        || from == NULL
        || ngx_http_tradesec_posture_header(from,
                      NGX_HTTP_TRADESEC_FOREIGN_SET_HEADER, &upgrade) == NULL
        || ngx_http_tradesec_posture_header(from,
                      NGX_HTTP_TRADESEC_FOREIGN_SET_HEADER, &connection)
           == NULL)
    {
        ngx_http_tradesec_finding(cf, TS_FINDING_WEBSOCKET_UPGRADE);
    }
}
