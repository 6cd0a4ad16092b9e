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
    ngx_flag_t                listed;       /* for operators, too */
} ngx_http_tradesec_sockets_t;


/* The counters of an open socket; NULL: sockets are not listed. */

typedef struct {
    ts_socket_detail_t       *socket;       /* NULL: there was no room */
    ts_traffic_t             *worker;
    uint32_t                  slot;         /* when it has one */
    ngx_flag_t                taken;
} ngx_http_tradesec_traffic_t;


/*
 * Asks for the area while configurations are being merged; once in a
 * configuration. NULL when memory is out or when there is no tradesec_zone:
 * then *no_zone is set.
 */

ngx_http_tradesec_sockets_t *ngx_http_tradesec_sockets_create(ngx_conf_t *cf,
    ngx_flag_t listed, ngx_flag_t *no_zone);

/*
 * Counts the request's socket, until the request ends; without limits it is
 * only listed. NGX_ERROR when memory is out; else *verdict says whether it may
 * be opened. An empty user is not counted as one.
 */

ngx_int_t ngx_http_tradesec_sockets_open(
    const ngx_http_tradesec_sockets_t *sockets, ngx_http_request_t *r,
    const ngx_str_t *user, const ts_socket_limits_t *limits,
    ngx_http_tradesec_traffic_t *traffic, ts_sockets_e *verdict);


/* An open socket's user is known now: *verdict says whether he may have it. */

void ngx_http_tradesec_sockets_name(const ngx_http_tradesec_sockets_t *sockets,
    const ngx_http_request_t *r, const ngx_http_tradesec_traffic_t *traffic,
    const ngx_str_t *user, const ts_socket_limits_t *limits,
    ts_sockets_e *verdict);


/* Which sockets are listed; an empty name is all. */

typedef struct {
    ngx_str_t                 user;
    ngx_str_t                 location;
} ngx_http_tradesec_sockets_filter_t;

/* Copies up to n sockets; cursor as in core/ts_sockets.h. */

ngx_uint_t ngx_http_tradesec_sockets_list(
    const ngx_http_tradesec_sockets_t *sockets,
    const ngx_http_tradesec_sockets_filter_t *filter, uint32_t *cursor,
    ts_sockets_row_t *rows, ngx_uint_t n);

/*
 * What went through all sockets since the zone was made, how many are open,
 * and how many more fit. Forgets first what dead workers held.
 */

void ngx_http_tradesec_sockets_sum(const ngx_http_tradesec_sockets_t *sockets,
    ts_traffic_t *sum, uint32_t *open, uint32_t *room);


#endif /* NGX_HTTP_TRADESEC_SOCKETS_H */
