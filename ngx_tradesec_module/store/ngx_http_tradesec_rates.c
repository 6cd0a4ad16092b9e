/*
 * Copyright (C) the ngx_tradesec authors
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_siphash.h"
#include "store/ngx_http_tradesec_rates.h"


/* A user is 32 bytes, so 1 MB of area counts 32,768 of them. */

#define NGX_HTTP_TRADESEC_RATES_SHARE    1
#define NGX_HTTP_TRADESEC_RATES_MIN      4096

/* What tells users and connections apart. */

#define NGX_HTTP_TRADESEC_RATES_USER     1
#define NGX_HTTP_TRADESEC_RATES_NOBODY   2


typedef struct {
    uint64_t  rate;
    uint64_t  burst;
    uint64_t  who[2];
} ngx_http_tradesec_rates_key_t;


static ngx_int_t ngx_http_tradesec_rates_init(ngx_http_tradesec_area_t *area,
    void *old, size_t old_size, ngx_log_t *log);


ngx_http_tradesec_rates_t *
ngx_http_tradesec_rates_create(ngx_conf_t *cf, ngx_flag_t *no_zone)
{
    ngx_http_tradesec_rates_t  *rates;

    *no_zone = 0;

    rates = ngx_pcalloc(cf->pool, sizeof(ngx_http_tradesec_rates_t));
    if (rates == NULL) {
        return NULL;
    }

    rates->area.name = "rates";
    rates->area.version = TS_RATES_VERSION;
    rates->area.share = NGX_HTTP_TRADESEC_RATES_SHARE;
    rates->area.min = NGX_HTTP_TRADESEC_RATES_MIN;
    rates->area.init = ngx_http_tradesec_rates_init;
    rates->area.data = rates;

    switch (ngx_http_tradesec_zone_add(cf, &rates->area)) {

    case NGX_OK:
        return rates;

    case NGX_DECLINED:
        *no_zone = 1;
        /* fall through */

    default:
        return NULL;
    }
}


/* What was counted before is of a moment ago: it is not copied. */

static ngx_int_t
ngx_http_tradesec_rates_init(ngx_http_tradesec_area_t *area, void *old,
    size_t old_size, ngx_log_t *log)
{
    return ts_rates_init(area->memory, area->size) ? NGX_OK : NGX_ERROR;
}


uint64_t
ngx_http_tradesec_rates_name(const ngx_http_tradesec_rates_t *rates,
    const ngx_http_request_t *r, const ngx_str_t *user, ngx_uint_t rate,
    ngx_uint_t burst)
{
    uint64_t                       hash[2];
    ngx_http_tradesec_rates_key_t  key;

    ngx_memzero(&key, sizeof(ngx_http_tradesec_rates_key_t));

    key.rate = rate;
    key.burst = burst;

    if (user->len) {
        ts_siphash(rates->area.key, NGX_HTTP_TRADESEC_RATES_USER,
                   ts_slice(user->data, user->len), key.who);

    } else {
        key.who[0] = r->connection->number;
        key.who[1] = (uint64_t) ngx_pid;
    }

    ts_siphash(rates->area.key, user->len ? NGX_HTTP_TRADESEC_RATES_USER
                                          : NGX_HTTP_TRADESEC_RATES_NOBODY,
               ts_slice(&key, sizeof(key)), hash);

    return hash[0];
}


ngx_flag_t
ngx_http_tradesec_rates_take(const ngx_http_tradesec_rates_t *rates,
    uint64_t name, ngx_uint_t rate, ngx_uint_t burst)
{
    int  taken;

    ngx_http_tradesec_area_lock(&rates->area);

    taken = ts_rates_take(rates->area.memory, name, ngx_current_msec,
                          (uint32_t) rate, (uint32_t) burst);

    ngx_http_tradesec_area_unlock(&rates->area);

    return taken;
}
