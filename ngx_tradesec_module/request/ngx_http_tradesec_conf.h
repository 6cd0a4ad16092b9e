/*
 * Copyright (C) the ngx_tradesec authors
 *
 * What all directive setters share: the sentences for mistakes.
 */

#ifndef NGX_HTTP_TRADESEC_CONF_H
#define NGX_HTTP_TRADESEC_CONF_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "core/ts_types.h"


/*
 * Logs that the current directive cannot take the parameter and, when one of
 * the n words is near, which one was probably meant. Returns NGX_CONF_ERROR.
 */

char *ngx_http_tradesec_conf_unknown(ngx_conf_t *cf, ngx_str_t *parameter,
    const ts_slice_t *words, size_t n);


#endif /* NGX_HTTP_TRADESEC_CONF_H */
