/*
 * Copyright (C) the ngx_tradesec authors
 *
 * A login location is found by its path as nginx understands it. A tolerant
 * backend serves the same login under "/LOGIN", "/login/" or "/login;x=1",
 * which nginx maps to other locations: there these spellings are refused.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_spelling.h"
#include "guard/ngx_http_tradesec_spelling.h"
#include "request/ngx_http_tradesec_request.h"


#define NGX_HTTP_TRADESEC_SPELLING_STACK  512   /* longest path without a
                                                   buffer of the pool */


typedef struct {
    ngx_str_t     name;         /* of the location */
    ts_slice_t    folded;
    ngx_flag_t    exact;
    ngx_flag_t    any_method;
} ngx_http_tradesec_spelling_path_t;


typedef struct {
    ngx_array_t   paths;        /* elts NULL: none; all of the server's */
    ngx_flag_t    any_method;   /* of one of them */
} ngx_http_tradesec_spelling_srv_conf_t;


typedef struct {
    ngx_flag_t    on;
    ngx_flag_t    login;        /* a login location itself */
} ngx_http_tradesec_spelling_conf_t;


static const void *ngx_http_tradesec_spelling_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_spelling_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ngx_flag_t ngx_http_tradesec_spelling_passes(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_spelling_is_unsafe(ngx_http_request_t *r);
static ngx_flag_t ngx_http_tradesec_spelling_matches(
    const ngx_http_tradesec_spelling_srv_conf_t *sscf, ngx_http_request_t *r,
    ts_slice_t folded, ngx_flag_t unsafe);
static ngx_flag_t ngx_http_tradesec_spelling_begins(ts_slice_t path,
    ts_slice_t prefix);
static void *ngx_http_tradesec_spelling_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_spelling_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_spelling_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_spelling_guard = {
    NGX_HTTP_TRADESEC_GUARD_SPELLING,
    ngx_http_tradesec_spelling_policy,
    ngx_http_tradesec_spelling_check,
    ngx_http_tradesec_spelling_passes,
    NULL
};


static ngx_command_t  ngx_http_tradesec_spelling_commands[] = {

    { ngx_string("tradesec_login_spellings"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_spelling_conf_t, on),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_spelling_module_ctx = {
    NULL,                                        /* preconfiguration */
    NULL,                                        /* postconfiguration */

    NULL,                                        /* create main conf */
    NULL,                                        /* init main conf */

    ngx_http_tradesec_spelling_create_srv_conf,  /* create server conf */
    NULL,                                        /* merge server conf */

    ngx_http_tradesec_spelling_create_conf,      /* create location conf */
    ngx_http_tradesec_spelling_merge_conf        /* merge location conf */
};


ngx_module_t  ngx_http_tradesec_spelling_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_spelling_module_ctx,      /* module context */
    ngx_http_tradesec_spelling_commands,         /* module directives */
    NGX_HTTP_MODULE,                             /* module type */
    NULL,                                        /* init master */
    NULL,                                        /* init module */
    NULL,                                        /* init process */
    NULL,                                        /* init thread */
    NULL,                                        /* exit thread */
    NULL,                                        /* exit process */
    NULL,                                        /* exit master */
    NGX_MODULE_V1_PADDING
};


/* Asked when all locations of the login module have been merged. */

static const void *
ngx_http_tradesec_spelling_policy(ngx_conf_t *cf)
{
    ngx_http_tradesec_spelling_conf_t      *slcf;
    ngx_http_tradesec_spelling_srv_conf_t  *sscf;

    slcf = ngx_http_conf_get_module_loc_conf(cf,
                                           ngx_http_tradesec_spelling_module);
    sscf = ngx_http_conf_get_module_srv_conf(cf,
                                           ngx_http_tradesec_spelling_module);

    return slcf->on && !slcf->login && sscf->paths.nelts ? sscf : NULL;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_spelling_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    u_char                                       *p;
    u_char                                        buf[
                          NGX_HTTP_TRADESEC_SPELLING_STACK + TS_SPELLING_ROOM];
    ngx_flag_t                                    unsafe;
    ts_slice_t                                    folded;
    const ngx_http_tradesec_spelling_srv_conf_t  *sscf;

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_tradesec_spelling_module);

    if (ngx_http_tradesec_spelling_passes(r)) {
        return ngx_http_tradesec_pass();
    }

    unsafe = ngx_http_tradesec_spelling_is_unsafe(r);

    p = buf;

    if (r->uri.len > NGX_HTTP_TRADESEC_SPELLING_STACK) {
        p = ngx_pnalloc(r->pool, r->uri.len + TS_SPELLING_ROOM);
        if (p == NULL) {
            return ngx_http_tradesec_fault();
        }
    }

    ts_spelling_fold(ts_slice(r->uri.data, r->uri.len), p, &folded);

    if (ngx_http_tradesec_spelling_matches(sscf, r, folded, unsafe)
        || ngx_http_tradesec_spelling_matches(sscf, r, ts_spelling_stem(folded),
                                              unsafe))
    {
        return ngx_http_tradesec_deny(TS_REASON_LOGIN_SPELLING);
    }

    return ngx_http_tradesec_pass();
}


/* Whether it is no attempt, whatever its path. */

static ngx_flag_t
ngx_http_tradesec_spelling_passes(ngx_http_request_t *r)
{
    const ngx_http_tradesec_spelling_srv_conf_t  *sscf;

    if (ngx_http_tradesec_spelling_is_unsafe(r)) {
        return 0;
    }

    sscf = ngx_http_get_module_srv_conf(r, ngx_http_tradesec_spelling_module);

    return !sscf->any_method || r->headers_in.authorization == NULL;
}


/* As for the login guard, these three cannot log in, unless they may. */

static ngx_flag_t
ngx_http_tradesec_spelling_is_unsafe(ngx_http_request_t *r)
{
    return !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
           || !ngx_http_tradesec_is_safe(r);
}


/*
 * The path itself is no other spelling: who comes here with it was led here
 * by the configuration.
 */

static ngx_flag_t
ngx_http_tradesec_spelling_matches(
    const ngx_http_tradesec_spelling_srv_conf_t *sscf, ngx_http_request_t *r,
    ts_slice_t folded, ngx_flag_t unsafe)
{
    ngx_uint_t                          i;
    ts_slice_t                          uri, name;
    ngx_http_tradesec_spelling_path_t  *path;

    uri = ts_slice(r->uri.data, r->uri.len);
    path = sscf->paths.elts;

    for (i = 0; i < sscf->paths.nelts; i++) {
        name = ts_slice(path[i].name.data, path[i].name.len);

        if (!unsafe && !path[i].any_method) {
            continue;
        }

        if (path[i].exact) {

            if (ts_slice_eq(path[i].folded, folded)
                && !ts_slice_eq(name, uri))
            {
                return 1;
            }

        } else if (ngx_http_tradesec_spelling_begins(folded, path[i].folded)
                   && !ngx_http_tradesec_spelling_begins(uri, name)
                   && (name.data[name.len - 1] != '/'
                       || folded.len == path[i].folded.len
                       || folded.data[path[i].folded.len] == '/'))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_flag_t
ngx_http_tradesec_spelling_begins(ts_slice_t path, ts_slice_t prefix)
{
    return path.len >= prefix.len
           && ngx_memcmp(path.data, prefix.data, prefix.len) == 0;
}


ngx_int_t
ngx_http_tradesec_conf_guard_spellings(ngx_conf_t *cf, ngx_flag_t any_method)
{
    u_char                                 *p;
    ts_slice_t                              folded;
    ngx_http_core_loc_conf_t               *clcf;
    ngx_http_tradesec_spelling_conf_t      *slcf;
    ngx_http_tradesec_spelling_path_t      *path;
    ngx_http_tradesec_spelling_srv_conf_t  *sscf;

    slcf = ngx_http_conf_get_module_loc_conf(cf,
                                           ngx_http_tradesec_spelling_module);
    sscf = ngx_http_conf_get_module_srv_conf(cf,
                                           ngx_http_tradesec_spelling_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    slcf->login = 1;

    if (!slcf->on || clcf->name.len == 0 || clcf->noname || clcf->named
        || clcf->internal)
    {
        return NGX_OK;
    }

#if (NGX_PCRE)

    /* which spellings a regular expression takes is in it */

    if (clcf->regex != NULL) {
        return NGX_OK;
    }

#endif

    p = ngx_pnalloc(cf->pool, clcf->name.len + TS_SPELLING_ROOM);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ts_spelling_fold(ts_slice(clcf->name.data, clcf->name.len), p, &folded);

    if (!clcf->exact_match && folded.len == 1) {
        return NGX_OK;
    }

    if (sscf->paths.elts == NULL
        && ngx_array_init(&sscf->paths, cf->pool, 2,
                          sizeof(ngx_http_tradesec_spelling_path_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    path = ngx_array_push(&sscf->paths);
    if (path == NULL) {
        return NGX_ERROR;
    }

    path->name = clcf->name;
    path->folded = folded;
    path->exact = clcf->exact_match;
    path->any_method = any_method;

    sscf->any_method |= any_method;

    return NGX_OK;
}


static void *
ngx_http_tradesec_spelling_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_spelling_srv_conf_t));
}


static void *
ngx_http_tradesec_spelling_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_spelling_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_spelling_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->login = 0;
     */

    conf->on = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_tradesec_spelling_merge_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_tradesec_spelling_conf_t *prev = parent;
    ngx_http_tradesec_spelling_conf_t *conf = child;

    ngx_conf_merge_value(conf->on, prev->on, 1);

    return NGX_CONF_OK;
}
