/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The refresh guard: a refresh token is used once, and followed by the next
 * one. Who comes with a used one is its owner or a thief, who has the next
 * one; nobody can tell, so both are out.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "core/ts_cookie.h"
#include "core/ts_param.h"
#include "core/ts_set_cookie.h"
#include "guard/ngx_http_tradesec_refresh.h"
#include "request/ngx_http_tradesec_compat.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"
#include "store/ngx_http_tradesec_rotation_zone.h"


typedef struct {
    ngx_str_t                                  cookie;
    uint64_t                                   salt;    /* of its name */
    time_t                                     grace;
    time_t                                     lifetime;
    ts_outcome_criteria_t                      criteria;
} ngx_http_tradesec_refresh_policy_t;


typedef struct {
    ngx_http_tradesec_rotation_zone_t         *zone;    /* NULL: none yet */
} ngx_http_tradesec_refresh_main_conf_t;


typedef struct {
    ngx_http_tradesec_refresh_policy_t        *policy;  /* NULL: off */
} ngx_http_tradesec_refresh_conf_t;


/* A refresh that is under way. */

typedef struct {
    ngx_http_tradesec_expectation_t            expectation;
    const ngx_http_tradesec_rotation_zone_t   *zone;
    const ngx_http_tradesec_refresh_policy_t  *policy;
    ts_rotation_tag_t                          tag;
} ngx_http_tradesec_refresh_t;


static const void *ngx_http_tradesec_refresh_policy(ngx_conf_t *cf);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_check(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx);
static ts_cookie_result_e ngx_http_tradesec_refresh_token(
    ngx_http_request_t *r, ts_slice_t name, ts_slice_t *token);
static ngx_http_tradesec_verdict_t ngx_http_tradesec_refresh_use(
    ngx_http_request_t *r, ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy, ts_slice_t token);
static void ngx_http_tradesec_refresh_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome);
static ngx_flag_t ngx_http_tradesec_refresh_next(ngx_http_request_t *r,
    const ngx_http_tradesec_refresh_policy_t *policy, ts_slice_t *token);
static void *ngx_http_tradesec_refresh_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_refresh_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_refresh_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_refresh(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_refresh_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *value);


const ngx_http_tradesec_guard_t  ngx_http_tradesec_refresh_guard = {
    NGX_HTTP_TRADESEC_GUARD_REFRESH,
    ngx_http_tradesec_refresh_policy,
    ngx_http_tradesec_refresh_check,
    NULL,
    NULL
};


static ngx_command_t  ngx_http_tradesec_refresh_commands[] = {

    { ngx_string("tradesec_refresh"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_refresh,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_refresh_module_ctx = {
    NULL,                                        /* preconfiguration */
    NULL,                                        /* postconfiguration */

    ngx_http_tradesec_refresh_create_main_conf,  /* create main configuration */
    NULL,                                        /* init main configuration */

    NULL,                                        /* create server config */
    NULL,                                        /* merge server config */

    ngx_http_tradesec_refresh_create_conf,       /* create location config */
    ngx_http_tradesec_refresh_merge_conf         /* merge location config */
};


ngx_module_t  ngx_http_tradesec_refresh_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_refresh_module_ctx,       /* module context */
    ngx_http_tradesec_refresh_commands,          /* module directives */
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


static const void *
ngx_http_tradesec_refresh_policy(ngx_conf_t *cf)
{
    const ngx_http_tradesec_refresh_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_refresh_module);

    return rcf->policy;
}


/* Without a token it is no refresh: the backend may say so. */

static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_check(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx)
{
    ts_slice_t                               token;
    const ngx_http_tradesec_refresh_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_refresh_module);

    switch (ngx_http_tradesec_refresh_token(r,
                                        ts_slice(rcf->policy->cookie.data,
                                                 rcf->policy->cookie.len),
                                        &token))
    {

    case TS_COOKIE_NONE:
        return ngx_http_tradesec_pass();

    case TS_COOKIE_FOUND:
        return ngx_http_tradesec_refresh_use(r, ctx, rcf->policy, token);

    default:
        return ngx_http_tradesec_deny(TS_REASON_COOKIE_DUPLICATE);
    }
}


static ts_cookie_result_e
ngx_http_tradesec_refresh_token(ngx_http_request_t *r, ts_slice_t name,
    ts_slice_t *token)
{
    ngx_uint_t        i;
    ts_cookie_t       cookie;
    ngx_table_elt_t  *h;

    ngx_memzero(&cookie, sizeof(ts_cookie_t));

    ngx_http_tradesec_each_cookie_line(r, i, h) {
        (void) ts_cookie_scan(&cookie, ts_slice(h->value.data, h->value.len),
                              name);
    }

    if (cookie.result == TS_COOKIE_FOUND
        && ts_cookie_value_hides(cookie.value, name))
    {
        return TS_COOKIE_AMBIGUOUS;
    }

    *token = ts_param_trim(cookie.value);

    return cookie.result == TS_COOKIE_FOUND && token->len == 0
           ? TS_COOKIE_NONE : cookie.result;
}


static ngx_http_tradesec_verdict_t
ngx_http_tradesec_refresh_use(ngx_http_request_t *r,
    ngx_http_tradesec_ctx_t *ctx,
    const ngx_http_tradesec_refresh_policy_t *policy, ts_slice_t token)
{
    uint64_t                                      family;
    ngx_http_tradesec_refresh_t                  *refresh;
    const ngx_http_tradesec_refresh_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_refresh_module);

    refresh = ngx_pcalloc(r->pool, sizeof(ngx_http_tradesec_refresh_t));

    if (refresh == NULL
        || RAND_bytes((u_char *) &family, sizeof(family)) != 1)
    {
        return ngx_http_tradesec_fault();
    }

    refresh->zone = rmcf->zone;
    refresh->policy = policy;
    refresh->tag = ngx_http_tradesec_rotation_tag(rmcf->zone, policy->salt,
                                                  token);
    refresh->expectation.criteria = &policy->criteria;
    refresh->expectation.handler = ngx_http_tradesec_refresh_outcome;

    /* one use, although two locations on its way see it */

    if (ctx->expectation != NULL) {
        ngx_http_tradesec_withdraw_expectation(r, ctx);
    }

    switch (ngx_http_tradesec_rotation_use(rmcf->zone, refresh->tag, family,
                                           policy->grace, policy->lifetime))
    {

    case TS_ROTATION_FIRST:
        return ngx_http_tradesec_expect_outcome(r, ctx, &refresh->expectation)
               == NGX_OK
               ? ngx_http_tradesec_pass() : ngx_http_tradesec_fault();

    case TS_ROTATION_RACE:
        ctx->retry_after = 1;
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_RACE);

    case TS_ROTATION_REUSED:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_REUSED);

    case TS_ROTATION_ENDED:
    default:
        return ngx_http_tradesec_deny(TS_REASON_REFRESH_ENDED);
    }
}


/*
 * The backend has taken the token when it sets the next one. Else it may be
 * used once more: by whom the answer has not reached.
 */

static void
ngx_http_tradesec_refresh_outcome(ngx_http_request_t *r,
    ngx_http_tradesec_expectation_t *e, ts_outcome_e outcome)
{
    ts_slice_t                    token;
    ngx_flag_t                    taken;
    ts_rotation_tag_t             next;
    ngx_http_tradesec_refresh_t  *refresh;

    refresh = (ngx_http_tradesec_refresh_t *) e;

    taken = outcome == TS_OUTCOME_SUCCESS
            && ngx_http_tradesec_refresh_next(r, refresh->policy, &token);

    if (taken) {
        next = ngx_http_tradesec_rotation_tag(refresh->zone,
                                              refresh->policy->salt, token);
    }

    ngx_http_tradesec_rotation_settle(refresh->zone, refresh->tag,
                                      taken ? &next : NULL,
                                      refresh->policy->lifetime);
}


/* What the backend itself has set, at last. */

static ngx_flag_t
ngx_http_tradesec_refresh_next(ngx_http_request_t *r,
    const ngx_http_tradesec_refresh_policy_t *policy, ts_slice_t *token)
{
    ts_slice_t        line, name;
    ngx_flag_t        found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *end;

    found = 0;
    name = ts_slice(policy->cookie.data, policy->cookie.len);

    for (part = &r->upstream->headers_in.headers.part; part; part = part->next)
    {
        h = part->elts;
        end = h + part->nelts;

        for ( /* void */ ; h < end; h++) {
            line = ts_slice(h->value.data, h->value.len);

            if (h->key.len == sizeof("Set-Cookie") - 1
                && ngx_strncasecmp(h->key.data, (u_char *) "Set-Cookie",
                                   h->key.len)
                   == 0
                && ts_slice_eq(ts_set_cookie_name(line), name))
            {
                found = ts_set_cookie_value(line, ngx_time(), token);
            }
        }
    }

    return found;
}


static void *
ngx_http_tradesec_refresh_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_refresh_main_conf_t));
}


static void *
ngx_http_tradesec_refresh_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_refresh_conf_t  *rcf;

    rcf = ngx_palloc(cf->pool, sizeof(ngx_http_tradesec_refresh_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    rcf->policy = NGX_CONF_UNSET_PTR;

    return rcf;
}


static char *
ngx_http_tradesec_refresh_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_refresh_conf_t  *prev = parent;
    ngx_http_tradesec_refresh_conf_t  *conf = child;

    ngx_flag_t                              no_zone;
    ngx_http_tradesec_refresh_main_conf_t  *rmcf;

    ngx_conf_merge_ptr_value(conf->policy, prev->policy, NULL);

    if (conf->policy == NULL || !ngx_http_tradesec_conf_is_on(cf)) {
        return NGX_CONF_OK;
    }

    ngx_http_tradesec_conf_set_credential(cf);
    ngx_http_tradesec_conf_expect_outcomes(cf, 0);

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_refresh_module);

    if (rmcf->zone != NULL) {
        return NGX_CONF_OK;
    }

    rmcf->zone = ngx_http_tradesec_rotation_zone_create(cf, &no_zone);

    if (no_zone) {
        return ngx_http_tradesec_conf_merge_error(cf,
                   "\"tradesec_refresh\" needs \"tradesec_zone\"");
    }

    return rmcf->zone != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_tradesec_refresh(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_refresh_conf_t  *rcf = conf;

    ngx_str_t                           *value;
    ngx_uint_t                           i;
    ngx_http_tradesec_refresh_policy_t  *policy;

    if (rcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        rcf->policy = NULL;
        return NGX_CONF_OK;
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_refresh_policy_t));
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_tradesec_refresh_parameter(cf, policy, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (policy->cookie.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tradesec_refresh\" must have \"cookie=\"");
        return NGX_CONF_ERROR;
    }

    policy->grace = policy->grace ? policy->grace : 5;
    policy->lifetime = policy->lifetime ? policy->lifetime : 30 * 24 * 3600;
    policy->salt = ngx_crc32_long(policy->cookie.data, policy->cookie.len);

    policy->criteria.nfields = 1;
    policy->criteria.fields[0].cookie = 1;
    policy->criteria.fields[0].name = ts_slice(policy->cookie.data,
                                               policy->cookie.len);
    rcf->policy = policy;

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_refresh_parameter(ngx_conf_t *cf,
    ngx_http_tradesec_refresh_policy_t *policy, ngx_str_t *value)
{
    time_t      *seconds;
    ngx_str_t    text;
    ngx_uint_t   i;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "cookie=", 7 },
        { (const uint8_t *) "grace=", 6 },
        { (const uint8_t *) "lifetime=", 9 },
    };

    for (i = 0; i < 3; i++) {

        if (value->len <= words[i].len
            || ngx_strncmp(value->data, words[i].data, words[i].len) != 0)
        {
            continue;
        }

        text.data = value->data + words[i].len;
        text.len = value->len - words[i].len;

        if (i == 0) {

            if (policy->cookie.len
                || !ts_cookie_is_name(ts_slice(text.data, text.len)))
            {
                break;
            }

            policy->cookie = text;

            return NGX_CONF_OK;
        }

        seconds = (i == 1) ? &policy->grace : &policy->lifetime;

        if (*seconds) {
            break;
        }

        *seconds = ngx_parse_time(&text, 1);

        if (*seconds == (time_t) NGX_ERROR || *seconds == 0
            || *seconds > 366 * 24 * 3600)
        {
            break;
        }

        return NGX_CONF_OK;
    }

    return ngx_http_tradesec_conf_unknown(cf, value, words,
                                          sizeof(words) / sizeof(words[0]));
}
