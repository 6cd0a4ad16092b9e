/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_word.h"
#include "request/ngx_http_tradesec_conf.h"
#include "request/ngx_http_tradesec_foreign.h"
#include "request/ngx_http_tradesec_method.h"
#include "request/ngx_http_tradesec_request_conf.h"


#define NGX_HTTP_TRADESEC_GUARDS_ALL  ((1 << NGX_HTTP_TRADESEC_GUARD_N) - 1)


typedef struct {
    ngx_flag_t                    enable;
    ngx_flag_t                    login;        /* not inherited */
    ngx_flag_t                    verified;     /* not inherited */
    ngx_flag_t                    credential;   /* not inherited */
    ngx_uint_t                    dry_run;      /* a bit for each guard */
    ngx_http_tradesec_methods_t  *safe_methods;
    ngx_http_complex_value_t     *trusted_scheme;
    ngx_http_tradesec_place_t    *place;
} ngx_http_tradesec_request_conf_t;


static ngx_int_t ngx_http_tradesec_request_preconfiguration(ngx_conf_t *cf);
static void *ngx_http_tradesec_request_create_main_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_tradesec_request_init_module(ngx_cycle_t *cycle);
static void *ngx_http_tradesec_request_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_tradesec_request_create_conf(ngx_conf_t *cf);
static char *ngx_http_tradesec_request_merge_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_tradesec_dry_run(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tradesec_safe_methods(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static const ngx_str_t  ngx_http_tradesec_guard_names[] = {
#define X(id, name)  ngx_string(name),
    NGX_HTTP_TRADESEC_GUARD_MAP(X)
#undef X
};


/* RFC 9110 section 9.2.1, without TRACE, which nginx refuses */

static const ngx_str_t  ngx_http_tradesec_safe_names[] = {
    ngx_string("GET"),
    ngx_string("HEAD"),
    ngx_string("OPTIONS")
};

static ngx_http_tradesec_methods_t  ngx_http_tradesec_default_safe_methods = {
    NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS,
    ngx_http_tradesec_safe_names, 3
};


static ngx_command_t  ngx_http_tradesec_request_commands[] = {

    { ngx_string("tradesec"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_request_conf_t, enable),
      NULL },

    { ngx_string("tradesec_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_dry_run,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_safe_methods"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_safe_methods,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_trusted_scheme"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tradesec_request_conf_t, trusted_scheme),
      NULL },

    { ngx_string("tradesec_accept"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_tradesec_accept,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_findings"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_tradesec_findings,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_request_module_ctx = {
    ngx_http_tradesec_request_preconfiguration, /* preconfiguration */
    ngx_http_tradesec_identity_init,            /* postconfiguration */

    ngx_http_tradesec_request_create_main_conf, /* create main conf */
    NULL,                                       /* init main conf */

    ngx_http_tradesec_request_create_srv_conf,  /* create server conf */
    NULL,                                       /* merge server conf */

    ngx_http_tradesec_request_create_conf,      /* create location conf */
    ngx_http_tradesec_request_merge_conf        /* merge location conf */
};


ngx_module_t  ngx_http_tradesec_request_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_request_module_ctx,      /* module context */
    ngx_http_tradesec_request_commands,         /* module directives */
    NGX_HTTP_MODULE,                            /* module type */
    NULL,                                       /* init master */
    ngx_http_tradesec_request_init_module,      /* init module */
    NULL,                                       /* init process */
    NULL,                                       /* init thread */
    NULL,                                       /* exit thread */
    NULL,                                       /* exit process */
    NULL,                                       /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_flag_t
ngx_http_tradesec_is_on(ngx_http_request_t *r)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_request_module);

    return rcf->enable;
}


ngx_flag_t
ngx_http_tradesec_conf_is_on(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    return rcf->enable;
}


void
ngx_http_tradesec_conf_set_login(ngx_conf_t *cf)
{
    ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    rcf->login = 1;
}


void
ngx_http_tradesec_conf_set_verified(ngx_conf_t *cf)
{
    ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    rcf->verified = 1;
}


ngx_flag_t
ngx_http_tradesec_conf_is_verified(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    return rcf->verified;
}


void
ngx_http_tradesec_conf_set_credential(ngx_conf_t *cf)
{
    ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    rcf->credential = 1;
}


ngx_flag_t
ngx_http_tradesec_conf_has_credential(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    return rcf->verified || rcf->login || rcf->credential;
}


ngx_flag_t
ngx_http_tradesec_conf_is_login(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    return rcf->login;
}


ngx_flag_t
ngx_http_tradesec_is_login(ngx_http_request_t *r)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_request_module);

    return rcf->login;
}


ngx_flag_t
ngx_http_tradesec_is_dry_run(ngx_http_request_t *r,
    ngx_http_tradesec_guard_e guard)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_request_module);

    return (rcf->dry_run >> guard) & 1;
}


ngx_flag_t
ngx_http_tradesec_is_safe(ngx_http_request_t *r)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_request_module);

    return ngx_http_tradesec_method_in(r, rcf->safe_methods);
}


const void *
ngx_http_tradesec_conf_safe_methods(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    return rcf->safe_methods;
}


ngx_flag_t
ngx_http_tradesec_is_https(ngx_http_request_t *r)
{
    ngx_str_t                                scheme;
    const ngx_http_tradesec_request_conf_t  *rcf;

#if (NGX_HTTP_SSL)

    if (r->connection->ssl) {
        return 1;
    }

#endif

    rcf = ngx_http_get_module_loc_conf(r, ngx_http_tradesec_request_module);

    if (rcf->trusted_scheme == NULL
        || ngx_http_complex_value(r, rcf->trusted_scheme, &scheme) != NGX_OK)
    {
        return 0;
    }

    return scheme.len == 5
           && ngx_strncasecmp(scheme.data, (u_char *) "https", 5) == 0;
}


#if (NGX_HTTP_SSL)

ngx_flag_t
ngx_http_tradesec_read_early_data(ngx_http_request_t *r)
{
    ngx_str_t  early;

    return ngx_ssl_get_early_data(r->connection, r->pool, &early) == NGX_OK
           && early.len;
}

#endif


ngx_int_t
ngx_http_tradesec_request_id_index(ngx_http_request_t *r)
{
    const ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_http_tradesec_request_module);

    return rmcf->request_id;
}


const ngx_str_t *
ngx_http_tradesec_guard_name(ngx_http_tradesec_guard_e id)
{
    return &ngx_http_tradesec_guard_names[id];
}


ngx_http_tradesec_findings_t *
ngx_http_tradesec_conf_findings(ngx_conf_t *cf)
{
    ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_tradesec_request_module);

    return &rmcf->findings;
}


ngx_http_tradesec_place_t *
ngx_http_tradesec_conf_place(ngx_conf_t *cf)
{
    const ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_http_conf_get_module_loc_conf(cf,
                                            ngx_http_tradesec_request_module);

    return rcf->place;
}


static ngx_int_t
ngx_http_tradesec_request_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_tradesec_foreign_watch(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tradesec_add_variables(cf);
}


static void *
ngx_http_tradesec_request_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_request_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_request_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    rmcf->request_id = NGX_ERROR;

    if (ngx_http_tradesec_findings_init(cf, &rmcf->findings) != NGX_OK) {
        return NULL;
    }

    return rmcf;
}


/* Which variables have an index is known only when all has been read. */

static ngx_int_t
ngx_http_tradesec_request_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                              key;
    ngx_http_variable_t                    *v;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_tradesec_request_main_conf_t  *rmcf;

    static ngx_str_t  name = ngx_string("request_id");

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    rmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                            ngx_http_tradesec_request_module);

    /* without http there is nothing */

    if (cmcf == NULL || rmcf == NULL) {
        return NGX_OK;
    }

    key = ngx_hash_key(name.data, name.len);
    v = ngx_hash_find(&cmcf->variables_hash, key, name.data, name.len);

    if (v != NULL && (v->flags & NGX_HTTP_VAR_INDEXED)) {
        rmcf->request_id = (ngx_int_t) v->index;
    }

    return NGX_OK;
}


static void *
ngx_http_tradesec_request_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_tradesec_identity_srv_conf_t));
}


static void *
ngx_http_tradesec_request_create_conf(ngx_conf_t *cf)
{
    ngx_http_tradesec_request_conf_t  *rcf;

    rcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_request_conf_t));
    if (rcf == NULL) {
        return NULL;
    }

    rcf->enable = NGX_CONF_UNSET;
    rcf->dry_run = NGX_CONF_UNSET_UINT;
    rcf->safe_methods = NGX_CONF_UNSET_PTR;
    rcf->trusted_scheme = NGX_CONF_UNSET_PTR;
    rcf->place = ngx_http_tradesec_place_create(cf);

    return rcf->place == NULL ? NULL : rcf;
}


static char *
ngx_http_tradesec_request_merge_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tradesec_request_conf_t  *prev = parent;
    ngx_http_tradesec_request_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_uint_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_ptr_value(conf->safe_methods, prev->safe_methods,
                             &ngx_http_tradesec_default_safe_methods);
    ngx_conf_merge_ptr_value(conf->trusted_scheme, prev->trusted_scheme, NULL);

    ngx_http_tradesec_place_merge(cf, conf->place, prev->place, conf->enable);

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_dry_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_request_conf_t  *rcf = conf;

    ngx_str_t         *value;
    ngx_uint_t         i, g;

    static const ts_slice_t  words[] = {
#define X(id, name)  { (const uint8_t *) name, sizeof(name) - 1 },
        NGX_HTTP_TRADESEC_GUARD_MAP(X)
#undef X
        { (const uint8_t *) "on", 2 },
        { (const uint8_t *) "off", 3 },
    };

    if (rcf->dry_run != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    rcf->dry_run = 0;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "on") == 0) {
        rcf->dry_run = NGX_HTTP_TRADESEC_GUARDS_ALL;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        g = ts_word_find(ts_slice(value[i].data, value[i].len), words,
                         NGX_HTTP_TRADESEC_GUARD_N);

        if (g == NGX_HTTP_TRADESEC_GUARD_N) {
            return ngx_http_tradesec_conf_unknown(cf, &value[i], words,
                                        sizeof(words) / sizeof(words[0]));
        }

        rcf->dry_run |= (ngx_uint_t) 1 << g;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tradesec_safe_methods(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tradesec_request_conf_t  *rcf = conf;

    if (rcf->safe_methods != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    rcf->safe_methods = ngx_palloc(cf->pool,
                                   sizeof(ngx_http_tradesec_methods_t));
    if (rcf->safe_methods == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_tradesec_conf_methods(cf, rcf->safe_methods, 1);
}
