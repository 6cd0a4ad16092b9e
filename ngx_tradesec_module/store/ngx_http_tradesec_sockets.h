/*
 * Copyright (C) the ngx_tradesec authors
 *
 * Open sockets of all workers, in an area of tradesec_zone.
 */

#ifndef NGX_HTTP_TRADESEC_SOCKETS_H
#define NGX_HTTP_TRADESEC_SOCKETS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/ts_sockets.h"
#include "store/ngx_http_tradesec_zone.h"


typedef struct {
    ngx_http_tradesec_area_t  area;
} ngx_http_tradesec_sockets_t;


/*
 * Asks for the area while configurations are being merged; once in a
 * configuration. NULL when memory is out or when there is no tradesec_zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_sockets_t *ngx_http_tradesec_sockets_create(ngx_conf_t *cf,
    ngx_flag_t *no_zone);

/*
 * Counts the request's socket, until the request ends. NGX_ERROR when memory
 * is out; else *verdict says whether it may be opened. An empty user is not
 * counted as one.
 */

ngx_int_t ngx_http_tradesec_sockets_open(
    const ngx_http_tradesec_sockets_t *sockets, ngx_http_request_t *r,
    const ngx_str_t *user, const ts_socket_limits_t *limits,
    ts_sockets_e *verdict);


#endif /* NGX_HTTP_TRADESEC_SOCKETS_H */
