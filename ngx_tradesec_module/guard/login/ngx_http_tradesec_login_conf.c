/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The directives of the login guard.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/login/ngx_http_tradesec_login_conf.h"
#include "guard/ngx_http_tradesec_spelling.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_findings.h"
#include "request/ngx_http_tradesec_request.h"
#include "response/ngx_http_tradesec_outcome.h"


#define NGX_HTTP_TRADESEC_LOGIN_WINDOW_MAX  86400


static char *ngx_http_tradesec_login_limit(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static void *ngx_http_tradesec_login_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_login_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_login_merge_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_tradesec_login_guard_location(ngx_conf_t *cf,
    ngx_http_tradesec_login_conf_t *conf);
static void ngx_http_tradesec_login_rules(
    ngx_http_tradesec_login_conf_t *conf);
static char *ngx_http_tradesec_login_find_store(ngx_conf_t *cf,
    ngx_http_tradesec_login_conf_t *conf);
static void ngx_http_tradesec_login_lint(ngx_conf_t *cf,
    const ngx_http_tradesec_login_conf_t *conf);


static ngx_conf_enum_t  ngx_http_tradesec_login_fallbacks[] = {
    { ngx_string("local"), NGX_HTTP_TRADESEC_FALLBACK_LOCAL },
    { ngx_string("closed"), NGX_HTTP_TRADESEC_FALLBACK_CLOSED },
    { ngx_string("open"), NGX_HTTP_TRADESEC_FALLBACK_OPEN },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_tradesec_login_commands[] = {

    { ngx_string("tradesec_login"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_login,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_login_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_lock"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_login_lock,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_delay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_tradesec_login_delay,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_allow"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_login_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_device"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_tradesec_login_device,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_locks"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tradesec_login_locks,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_redis_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_tradesec_login_redis_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_login_fallback"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_login_conf_t, fallback),
      &ngx_http_tradesec_login_fallbacks },

    { ngx_string("tradesec_login_body_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_login_conf_t, body_size),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_login_module_ctx = {
    ngx_http_tradesec_login_add_variables,     /* preconfiguration */
    NULL,                                      /* postconfiguration */

    ngx_http_tradesec_login_create_main_conf,  /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server config */
    NULL,                                      /* merge server config */

    ngx_http_tradesec_login_create_conf,       /* create location config */
    ngx_http_tradesec_login_merge_conf         /* merge location config */
};


ngx_module_t  ngx_http_tradesec_login_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_login_module_ctx,       /* module context */
    ngx_http_tradesec_login_commands,          /* module directives */
    NGX_HTTP_MODULE,                           /* module type */
    NULL,                                      /* init master */
    NULL,                                      /* init module */
    NULL,                                      /* init process */
    NULL,                                      /* init thread */
    NULL,                                      /* exit thread */
    NULL,                                      /* exit process */
    NULL,                                      /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_http_tradesec_login_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_login_conf_t *llcf = conf;

    time_t       window;
    ngx_int_t    n;
    ngx_str_t   *value, v;
    ngx_uint_t   i, k, min, max, *slot;

    static const ts_slice_t  words[] = {
        { (const uint8_t *) "pair=", 5 },
        { (const uint8_t *) "account=", 8 },
        { (const uint8_t *) "address=", 8 },
        { (const uint8_t *) "prefix56=", 9 },
        { (const uint8_t *) "prefix48=", 9 },
        { (const uint8_t *) "accounts=", 9 },
        { (const uint8_t *) "addresses=", 10 },
        { (const uint8_t *) "window=", 7 }
    };

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_tradesec_login_prefix(&value[i], "window=", &v)) {
            window = ngx_parse_time(&v, 1);

            if (window <= 0 || window > NGX_HTTP_TRADESEC_LOGIN_WINDOW_MAX) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid time \"%V\" in "
                                   "\"tradesec_login_limit\", "
                                   "write 1s to 24h", &value[i]);
                return NGX_CONF_ERROR;
            }

            if (llcf->window != NGX_CONF_UNSET) {
                return "is duplicate";
            }

            llcf->window = window;
            continue;
        }

        for (k = 0; k < 7; k++) {
            if (ngx_http_tradesec_login_prefix(&value[i],
                                               (const char *) words[k].data,
                                               &v))
            {
                break;
            }
        }

        if (k == 7) {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], words,
                                          sizeof(words) / sizeof(words[0]));
        }

        slot = k < NGX_HTTP_TRADESEC_LOGIN_COUNTERS ? &llcf->limits[k]
               : k == NGX_HTTP_TRADESEC_LOGIN_COUNTERS ? &llcf->accounts
               : &llcf->addresses;
        min = k < NGX_HTTP_TRADESEC_LOGIN_COUNTERS;
        max = min ? TS_ATTEMPTS_LIMIT_MAX : TS_ATTEMPTS_OTHERS_MAX;

        n = ngx_atoi(v.data, v.len);

        if (n == NGX_ERROR || n < (ngx_int_t) min || n > (ngx_int_t) max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number \"%V\" in "
                               "\"tradesec_login_limit\", write %ui to %ui",
                               &value[i], min, max);
            return NGX_CONF_ERROR;
        }

        if (*slot != NGX_CONF_UNSET_UINT) {
            return "is duplicate";
        }

        *slot = (ngx_uint_t) n;
    }

    return NGX_CONF_OK;
}


/* "off", or the first lock, the longest one, decay= and flags */

static void *
ngx_http_tradesec_login_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_login_main_conf_t));
}


static void *
ngx_http_tradesec_login_create_conf(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_tradesec_login_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_login_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->policy = NGX_CONF_UNSET_PTR;
    conf->allow = NGX_CONF_UNSET_PTR;
    conf->device = NGX_CONF_UNSET_PTR;
    conf->delay.first = NGX_HTTP_TRADESEC_LOGIN_DELAY_UNSET;
    conf->fallback = NGX_CONF_UNSET_UINT;
    conf->body_size = NGX_CONF_UNSET_SIZE;
    conf->window = NGX_CONF_UNSET;
    conf->accounts = NGX_CONF_UNSET_UINT;
    conf->addresses = NGX_CONF_UNSET_UINT;
    conf->lock_min = NGX_CONF_UNSET;
    conf->lock_max = NGX_CONF_UNSET;
    conf->lock_decay = NGX_CONF_UNSET;
    conf->lock_permanent = NGX_CONF_UNSET;
    conf->lock_extend = NGX_CONF_UNSET;

    for (i = 0; i < NGX_HTTP_TRADESEC_LOGIN_COUNTERS; i++) {
        conf->limits[i] = NGX_CONF_UNSET_UINT;
    }

    return conf;
}


static char *
ngx_http_tradesec_login_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_login_conf_t *prev = parent;
    ngx_http_tradesec_login_conf_t *conf = child;

    ngx_uint_t  i;

    static const ngx_uint_t  limits[NGX_HTTP_TRADESEC_LOGIN_COUNTERS] = {
        5, 20, 50, 100, 200
    };

    if (ngx_http_tradesec_conf_is_block(cf)) {
        conf->redis_allow = prev->redis_allow;
        conf->operate = prev->operate;
    }

    if (ngx_http_tradesec_login_redis_merge(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_ptr_value(conf->policy, prev->policy,
                             &ngx_http_tradesec_login_off);
    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);
    ngx_conf_merge_ptr_value(conf->device, prev->device,
                             ngx_http_tradesec_login_no_device());
    ngx_conf_merge_uint_value(conf->fallback, prev->fallback,
                              NGX_HTTP_TRADESEC_FALLBACK_LOCAL);
    ngx_conf_merge_size_value(conf->body_size, prev->body_size, 65536);
    ngx_conf_merge_value(conf->window, prev->window, 900);
    ngx_conf_merge_uint_value(conf->accounts, prev->accounts, 10);
    ngx_conf_merge_uint_value(conf->addresses, prev->addresses, 0);

    for (i = 0; i < NGX_HTTP_TRADESEC_LOGIN_COUNTERS; i++) {
        ngx_conf_merge_uint_value(conf->limits[i], prev->limits[i], limits[i]);
    }

    if (conf->lock_min == NGX_CONF_UNSET) {
        /* a directive of this level has set all of them */
        conf->lock_max = prev->lock_max;
        conf->lock_decay = prev->lock_decay;
        conf->lock_permanent = prev->lock_permanent;
        conf->lock_extend = prev->lock_extend;
    }

    ngx_conf_merge_value(conf->lock_min, prev->lock_min, 60);
    ngx_conf_merge_value(conf->lock_max, NGX_CONF_UNSET, 86400);
    ngx_conf_merge_value(conf->lock_decay, NGX_CONF_UNSET, 86400);
    ngx_conf_merge_value(conf->lock_permanent, NGX_CONF_UNSET, 0);
    ngx_conf_merge_value(conf->lock_extend, NGX_CONF_UNSET, 0);

    if (conf->delay.first == NGX_HTTP_TRADESEC_LOGIN_DELAY_UNSET) {
        conf->delay = prev->delay;
    }

    if (conf->delay.first == NGX_HTTP_TRADESEC_LOGIN_DELAY_UNSET) {
        conf->delay.first = 0;
    }

    if (conf->operate) {
        ngx_http_tradesec_conf_serve(cf, ngx_http_tradesec_login_operate);

        if (ngx_http_tradesec_login_find_store(cf, conf) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->policy->off) {
        return NGX_CONF_OK;
    }

    if (!ngx_http_tradesec_conf_is_on(cf)) {

        if (conf->policy != prev->policy) {
            ngx_http_tradesec_finding(cf, TS_FINDING_LOGIN_OFF);
        }

        return NGX_CONF_OK;
    }

    return ngx_http_tradesec_login_guard_location(cf, conf);
}


static char *
ngx_http_tradesec_login_guard_location(ngx_conf_t *cf,
    ngx_http_tradesec_login_conf_t *conf)
{
    if (conf->policy->user && !ngx_http_tradesec_conf_is_verified(cf)) {
        return ngx_http_tradesec_conf_merge_error(cf,
                             "\"account=user\" of \"tradesec_login\" is the "
                             "user of a token: write \"tradesec_jwt\", or "
                             "where the account is, as "
                             "\"account=json:/username\"");
    }

    ngx_http_tradesec_login_rules(conf);
    ngx_http_tradesec_login_device_merge(cf, conf);

    if (ngx_http_tradesec_conf_guard_spellings(cf, conf->policy->basic)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_tradesec_login_find_store(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_tradesec_conf_set_login(cf);
    ngx_http_tradesec_conf_expect_outcomes(cf,
                                   conf->policy->criteria.nbodies != 0);

    ngx_http_tradesec_login_lint(cf, conf);

    return NGX_CONF_OK;
}


static void
ngx_http_tradesec_login_rules(ngx_http_tradesec_login_conf_t *conf)
{
    ngx_uint_t           i;
    ts_attempts_rule_t  *rule;

    for (i = 0; i < NGX_HTTP_TRADESEC_LOGIN_COUNTERS; i++) {
        rule = &conf->rules[i];

        rule->window = (uint32_t) conf->window;
        rule->limit = (uint32_t) conf->limits[i];
        rule->neutral = rule->limit;
        rule->forgive = i == NGX_HTTP_TRADESEC_LOGIN_PAIR
                        || i == NGX_HTTP_TRADESEC_LOGIN_ACCOUNT;
    }

    rule = &conf->rules[NGX_HTTP_TRADESEC_LOGIN_PAIR];

    rule->lock_min = (uint32_t) conf->lock_min;
    rule->lock_max = (uint32_t) conf->lock_max;
    rule->permanent = (uint32_t) conf->lock_permanent;
    rule->extend = (uint32_t) conf->lock_extend;
    rule->decay = (uint32_t) conf->lock_decay;

    conf->rules[NGX_HTTP_TRADESEC_LOGIN_ADDRESS].others
                                                = (uint32_t) conf->accounts;
    conf->rules[NGX_HTTP_TRADESEC_LOGIN_ACCOUNT].others
                                                = (uint32_t) conf->addresses;
}


static char *
ngx_http_tradesec_login_find_store(ngx_conf_t *cf,
    ngx_http_tradesec_login_conf_t *conf)
{
    ngx_flag_t                            no_zone;
    ngx_http_tradesec_login_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_tradesec_login_module);

    if (lmcf->store == NULL) {
        lmcf->store = ngx_http_tradesec_attempts_zone(cf, &no_zone);

        if (lmcf->store == NULL) {
            return no_zone ? ngx_http_tradesec_conf_merge_error(cf,
                             "\"tradesec_login\" counts in shared memory: "
                             "write \"tradesec_zone zone=tradesec:16m;\" "
                             "in http")
                           : NGX_CONF_ERROR;
        }

        lmcf->store = ngx_http_tradesec_attempts_redis(cf, lmcf->store);

        if (lmcf->store == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    conf->store = lmcf->store;

    return NGX_CONF_OK;
}


/*
 * What makes a login location weaker than it looks. Settings that change the
 * answer on its way to the client (intercepted errors, X-Accel-Redirect) are
 * none: the outcome is read from the backend's own answer.
 */

static void
ngx_http_tradesec_login_lint(ngx_conf_t *cf,
    const ngx_http_tradesec_login_conf_t *conf)
{
    ngx_uint_t                       i, k;
    ngx_http_conf_ctx_t             *ctx;
    const ngx_http_upstream_conf_t  *ucf;

    /* modules whose location configuration begins with the upstream's */

    static const char *const  proxies[] = {
        "ngx_http_proxy_module", "ngx_http_fastcgi_module",
        "ngx_http_uwsgi_module", "ngx_http_scgi_module",
        "ngx_http_grpc_module"
    };

    if (!ts_outcome_has_success(&conf->policy->criteria)) {
        ngx_http_tradesec_finding(cf, TS_FINDING_LOGIN_WITHOUT_SUCCESS);
    }

    if (conf->policy->none) {
        ngx_http_tradesec_finding(cf, TS_FINDING_LOGIN_WITHOUT_ACCOUNT);
    }

    ctx = cf->ctx;

    for (i = 0; cf->cycle->modules[i]; i++) {

        for (k = 0; k < sizeof(proxies) / sizeof(proxies[0]); k++) {

            if (ngx_strcmp(cf->cycle->modules[i]->name, proxies[k]) != 0) {
                continue;
            }

            ucf = ctx->loc_conf[cf->cycle->modules[i]->ctx_index];

            if (ucf->upstream != NULL && !ucf->ignore_client_abort) {
                ngx_http_tradesec_finding(cf, TS_FINDING_LOGIN_CLIENT_ABORT);
            }
        }
    }
}
