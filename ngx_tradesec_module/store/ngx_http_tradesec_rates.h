/*
 * Copyright (C) the ngx_tradesec authors
 *
 * How fast users are, over all workers, in an area of tradesec_zone.
 */

#ifndef NGX_HTTP_TRADESEC_RATES_H
#define NGX_HTTP_TRADESEC_RATES_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_rates.h"
#include "store/ngx_http_tradesec_zone.h"


typedef struct {
    ngx_http_tradesec_area_t  area;
} ngx_http_tradesec_rates_t;


/*
 * Asks for the area while configurations are being merged; once in a
 * configuration. NULL when memory is out or when there is no tradesec_zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_rates_t *ngx_http_tradesec_rates_create(ngx_conf_t *cf,
    ngx_flag_t *no_zone);

/*
 * The name under which a user is counted, where so many are allowed. Who has
 * no name is a user of his own: his connection.
 */

uint64_t ngx_http_tradesec_rates_name(const ngx_http_tradesec_rates_t *rates,
    const ngx_http_request_t *r, const ngx_str_t *user, ngx_uint_t rate,
    ngx_uint_t burst);

/* One more, at so many of 1/1000 a second: 0 when that is too fast. */

ngx_flag_t ngx_http_tradesec_rates_take(const ngx_http_tradesec_rates_t *rates,
    uint64_t name, ngx_uint_t rate, ngx_uint_t burst);


#endif /* NGX_HTTP_TRADESEC_RATES_H */
