/*
 * Copyright (C) the ngx_tradesec authors
 *
 * The timer that looks at files of keys.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "guard/jwt/ngx_http_tradesec_jwt.h"
#include "guard/jwt/ngx_http_tradesec_jwt_ring.h"
#include "request/ngx_http_tradesec_conf.h"


/* A file of public keys takes less; a larger one each worker reads itself. */

#define NGX_HTTP_TRADESEC_JWT_FILE_SLOT  (16 * 1024)


static ngx_int_t ngx_http_tradesec_jwt_watch_error(ngx_conf_t *cf,
    const ngx_str_t *name);
static void ngx_http_tradesec_jwt_watch(ngx_event_t *ev);


ngx_int_t
ngx_http_tradesec_jwt_watch_conf(ngx_conf_t *cf,
    ngx_http_tradesec_jwt_main_conf_t *jmcf)
{
    ngx_flag_t                                no_zone;
    ngx_uint_t                                i, n;
    ngx_http_tradesec_keys_plan_t            *plans;
    ngx_http_tradesec_jwt_provider_t *const  *provider;

    provider = jmcf->providers.elts;

    plans = ngx_pcalloc(cf->pool, jmcf->providers.nelts
                                  * sizeof(ngx_http_tradesec_keys_plan_t));
    if (plans == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < jmcf->providers.nelts; i++) {

        if (provider[i]->path.len == 0 && provider[i]->uri.len == 0) {
            continue;
        }

        ngx_memcpy(plans[n].id, provider[i]->id, NGX_HTTP_TRADESEC_KEYS_ID);
        plans[n].size = provider[i]->uri.len ? NGX_HTTP_TRADESEC_KEYS_SLOT
                                             : NGX_HTTP_TRADESEC_JWT_FILE_SLOT;
        n++;
    }

    if (n == 0) {
        return NGX_OK;
    }

    jmcf->keys = ngx_http_tradesec_keys_store_create(cf, plans, n, &no_zone);

    if (!no_zone) {
        return jmcf->keys ? NGX_OK : NGX_ERROR;
    }

    for (i = 0; i < jmcf->providers.nelts; i++) {
        if (provider[i]->uri.len) {
            return ngx_http_tradesec_jwt_watch_error(cf, &provider[i]->name);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tradesec_jwt_watch_error(ngx_conf_t *cf, const ngx_str_t *name)
{
    u_char  *message;

    static const char  format[] = "\"jwks_uri\" of provider \"%V\" needs "
                                  "\"tradesec_zone\", where its keys are "
                                  "kept%Z";

    message = ngx_pnalloc(cf->temp_pool, sizeof(format) + name->len);

    if (message != NULL) {
        ngx_sprintf(message, format, name);
        (void) ngx_http_tradesec_conf_merge_error(cf, (char *) message);
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_http_tradesec_jwt_watch_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                                i, files;
    ngx_http_tradesec_jwt_main_conf_t        *jmcf;
    ngx_http_tradesec_jwt_provider_t *const  *provider;

    static ngx_event_t       timer;
    static ngx_connection_t  none;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_tradesec_jwt_module);

    if (jmcf == NULL || !jmcf->active
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    files = 0;
    provider = jmcf->providers.elts;

    for (i = 0; i < jmcf->providers.nelts; i++) {

        if (provider[i]->path.len || provider[i]->uri.len) {
            ngx_http_tradesec_jwt_ring_start(provider[i]->ring, jmcf->keys,
                                             cycle->log);
            files += provider[i]->path.len != 0;
        }
    }

    if (files == 0) {
        return NGX_OK;
    }

    none.fd = -1;
    none.data = &jmcf->providers;

    timer.handler = ngx_http_tradesec_jwt_watch;
    timer.data = &none;
    timer.log = cycle->log;
    timer.cancelable = 1;

    ngx_add_timer(&timer, 1000 - ngx_cached_time->msec);

    return NGX_OK;
}


/*
 * All workers look at the same moments, so that they are of one mind even
 * without a zone.
 */

static void
ngx_http_tradesec_jwt_watch(ngx_event_t *ev)
{
    ngx_uint_t                                i;
    ngx_array_t                              *providers;
    ngx_http_tradesec_jwt_provider_t *const  *provider;

    providers = ((ngx_connection_t *) ev->data)->data;
    provider = providers->elts;

    for (i = 0; i < providers->nelts; i++) {
        if (provider[i]->path.len) {
            (void) ngx_http_tradesec_jwt_ring_look(provider[i]->ring, ev->log);
        }
    }

    ngx_add_timer(ev, 1000 - ngx_cached_time->msec);
}
