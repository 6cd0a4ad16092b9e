/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/ngx_http_tradesec_store.h"


static ngx_int_t ngx_http_tradesec_store_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_tradesec_store_create_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_tradesec_store_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_tradesec_store_init_process(ngx_cycle_t *cycle);
static void ngx_http_tradesec_store_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_tradesec_store_commands[] = {

    { ngx_string("tradesec_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_tradesec_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tradesec_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_tradesec_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tradesec_store_module_ctx = {
    NULL,                                      /* preconfiguration */
    ngx_http_tradesec_store_postconfiguration, /* postconfiguration */

    ngx_http_tradesec_store_create_conf,       /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server config */
    NULL,                                      /* merge server config */

    NULL,                                      /* create location config */
    NULL                                       /* merge location config */
};


ngx_module_t  ngx_http_tradesec_store_module = {
    NGX_MODULE_V1,
    &ngx_http_tradesec_store_module_ctx,       /* module context */
    ngx_http_tradesec_store_commands,          /* module directives */
    NGX_HTTP_MODULE,                           /* module type */
    NULL,                                      /* init master */
    ngx_http_tradesec_store_init_module,       /* init module */
    ngx_http_tradesec_store_init_process,      /* init process */
    NULL,                                      /* init thread */
    NULL,                                      /* exit thread */
    ngx_http_tradesec_store_exit_process,      /* exit process */
    NULL,                                      /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_tradesec_store_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_tradesec_store_module);

    if (scf->zone.shm_zone != NULL) {
        ngx_http_tradesec_zone_configured(cf, &scf->zone);
    }

    return NGX_OK;
}


static void *
ngx_http_tradesec_store_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_store_conf_t));
}


static ngx_int_t
ngx_http_tradesec_store_init_module(ngx_cycle_t *cycle)
{
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_tradesec_store_module);

    if (scf != NULL) {
        ngx_http_tradesec_zone_started(&scf->zone);

        if (scf->revocations != NULL) {
            ngx_http_tradesec_revocations_started(scf->revocations,
                                                  cycle->log);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_store_init_process(ngx_cycle_t *cycle)
{
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_tradesec_store_module);

    if (scf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_http_tradesec_zone_open(&scf->zone, cycle->log);

    if (scf->revocations != NULL) {
        ngx_http_tradesec_revocations_open(scf->revocations, cycle->log);
    }

    ngx_http_tradesec_redis_open(&scf->redis, cycle->log);

    return NGX_OK;
}


static void
ngx_http_tradesec_store_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_tradesec_store_conf_t  *scf;

    scf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_tradesec_store_module);

    if (scf == NULL) {
        return;
    }

    ngx_http_tradesec_zone_close(&scf->zone);

    if (scf->revocations != NULL) {
        ngx_http_tradesec_revocations_close(scf->revocations);
    }

    ngx_http_tradesec_redis_stop();
}
